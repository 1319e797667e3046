/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"

#define DIRS 256u

/* Whether it is no fault of the file, and the next time may be better. */
static int is_busy(apr_status_t rv)
{
    return rv == EMFILE || rv == ENFILE || rv == ENOMEM || rv == EINTR;
}

/* ---- Journals ---- */

/* The number of a segment, "NUMBER.seg"; 0: it is none. */
static apr_uint64_t segment_number(const char *name)
{
    const char *kind;
    apr_uint64_t number = store_segment_name_parse(name, &kind);

    return number && strcmp(kind, "seg") == 0 ? number : 0;
}

static void walk_end(queue_walk_t *walk)
{
    if (walk->p) {
        apr_pool_destroy(walk->p);
    }
    memset(walk, 0, sizeof(*walk));
}

static apr_status_t walk_begin(queue_store_t *store, queue_walk_t *walk)
{
    apr_status_t rv;

    apr_pool_create(&walk->p, store->p);
    apr_pool_create(&walk->names_pool, walk->p);
    rv = store_io_names_get(store->journal, walk->p, &walk->dirs);
    if (rv != APR_SUCCESS) {
        walk_end(walk);
    }
    return rv;
}

/* The names in the next directory. @return APR_EOF: there is none */
static apr_status_t walk_dir(queue_store_t *store, queue_walk_t *walk)
{
    const char *dir;
    apr_status_t rv;
    int fd;

    if (walk->next_dir == walk->dirs->nelts) {
        return APR_EOF;
    }
    apr_pool_clear(walk->names_pool);
    dir = APR_ARRAY_IDX(walk->dirs, walk->next_dir, const char *);
    rv = store_io_dir_open(store->journal, dir, &fd);
    if (rv == APR_SUCCESS) {
        rv = store_io_names_get(fd, walk->names_pool, &walk->names);
        close(fd);
    }
    if (is_busy(rv)) {
        return rv;
    }
    walk->next_dir++;
    walk->next = 0;
    walk->dir = rv == APR_SUCCESS ? dir : NULL;
    return rv == ENOENT || rv == ENOTDIR || rv == ELOOP ? APR_SUCCESS : rv;
}

static void walk_segment_next(queue_walk_t *walk)
{
    walk->next++;
    walk->generation = walk->from = 0;
}

/* The segment at hand. One that is used again since the last call has other
 * records. */
static apr_status_t walk_segment(queue_store_t *store, queue_walk_t *walk,
                                 queue_segment_t **segment)
{
    apr_uint64_t number =
        segment_number(APR_ARRAY_IDX(walk->names, walk->next, const char *));
    apr_status_t rv =
        number ? queue_segment_find(store->segments, walk->dir, number, 0,
                                    segment) : ENOENT;

    if (rv == APR_SUCCESS && (*segment)->generation != walk->generation) {
        walk->generation = (*segment)->generation;
        walk->from = 0;
    }
    return rv;
}

/* The next record of the segment at hand. @return APR_EOF: there is none */
static apr_status_t walk_record(queue_store_t *store, queue_walk_t *walk,
                                queue_segment_t *segment, apr_pool_t *p,
                                queue_store_found_fn *fn, void *baton)
{
    store_segment_t *file;
    unsigned char mark;
    apr_uint64_t place;
    apr_status_t rv = queue_segment_open(store->segments, segment, &file);

    if (rv == APR_SUCCESS) {
        rv = store_segment_queue_find(file, walk->from, &place, &mark);
    }
    if (rv != APR_SUCCESS) {
        return rv == STORE_EDAMAGED ? APR_EOF : rv; /* it has gone */
    }
    apr_pool_clear(p);
    rv = queue_store_record_find(store, segment, place, p, fn, baton);
    if (!is_busy(rv)) {
        walk->from = place + STORE_RECORD_UNIT;
    }
    return rv;
}

/* One record, or the way to the next. @return APR_EOF: there is none */
static apr_status_t walk_step(queue_store_t *store, queue_walk_t *walk,
                              apr_pool_t *p, queue_store_found_fn *fn,
                              void *baton)
{
    queue_segment_t *segment;
    apr_uint64_t from;
    apr_status_t rv;

    /* A process may have made its directory, and nothing in it yet. */
    if (!walk->dir || walk->next == walk->names->nelts) {
        return walk_dir(store, walk);
    }
    rv = walk_segment(store, walk, &segment);
    if (rv == APR_SUCCESS) {
        from = walk->from;
        rv = walk_record(store, walk, segment, p, fn, baton);
        if (walk->from != from) {
            return rv;
        }
    }
    if (!is_busy(rv)) {
        walk_segment_next(walk);
    }
    return rv == APR_EOF || rv == ENOENT ? APR_SUCCESS : rv;
}

/* @return as queue_store_scan_journal() */
static apr_status_t walk_on(queue_store_t *store, queue_walk_t *walk, int max,
                            apr_pool_t *p, queue_store_found_fn *fn,
                            void *baton)
{
    apr_status_t rv = walk->p ? APR_SUCCESS : walk_begin(store, walk);

    if (!walk->p) {
        return rv;
    }
    while (max-- > 0) {
        rv = walk_step(store, walk, p, fn, baton);
        if (rv == APR_EOF) {
            rv = walk->first == APR_SUCCESS ? APR_EOF : walk->first;
            walk_end(walk);
            return rv;
        }
        if (is_busy(rv)) {
            return rv;
        }
        if (walk->first == APR_SUCCESS) {
            walk->first = rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t queue_store_scan_journal(queue_store_t *store, int max,
                                      apr_pool_t *p, queue_store_found_fn *fn,
                                      void *baton)
{
    return store->lock_fd < 0 ? ENOLCK
         : walk_on(store, &store->walk, max, p, fn, baton);
}

/* ---- Files ---- */

void queue_scan_begin(queue_store_t *store)
{
    queue_scan_t *scan = &store->scan;

    apr_pool_create(&scan->p, store->p);
    apr_pool_create(&scan->names_pool, scan->p);
    scan->names = apr_array_make(scan->p, 1, sizeof(const char *));
    scan->made = apr_hash_make(scan->p);
}

void queue_scan_made(queue_store_t *store, const char *id)
{
    queue_scan_t *scan = &store->scan;

    if (scan->p) {
        id = apr_pstrdup(scan->p, id);
        apr_hash_set(scan->made, id, APR_HASH_KEY_STRING, id);
    }
}

apr_size_t queue_store_unread(const queue_store_t *store)
{
    const queue_scan_t *scan = &store->scan;
    apr_size_t left;

    if (!scan->p) {
        return 0;
    }
    left = (apr_size_t)(scan->names->nelts - scan->next);
    return scan->dirs
        ? left + scan->seen / scan->dirs * (DIRS - scan->dirs) : 1;
}

static int is_new(const char *name)
{
    apr_size_t len = strlen(name), tail = sizeof(STORE_FILE_NEW) - 1;

    return len > tail && !strcmp(name + len - tail, STORE_FILE_NEW);
}

/* Whether a thread of ours is making the file, "ID.new". */
static int is_carried(const queue_store_t *store, const char *name)
{
    char id[STORE_QUEUED_ID_MAX + 1];
    apr_size_t len = strlen(name) + 1 - sizeof(STORE_FILE_NEW);

    if (len > STORE_QUEUED_ID_MAX) {
        return 0;
    }
    apr_cpystrn(id, name, len + 1);
    return queue_carry_is(store, id);
}

/* Whether the last recipient was over, and whoever noted that died before the
 * file could go. */
static int is_over(const store_queued_replay_t *replay)
{
    apr_uint32_t i;

    for (i = 0; i < replay->count; i++) {
        if (replay->states[i].what == STORE_QUEUED_WAITING
            || replay->states[i].what == STORE_QUEUED_DEFERRED) {
            return 0;
        }
    }
    return 1;
}

static void give(const store_file_head_t *head,
                 const store_queued_replay_t *replay, apr_pool_t *p,
                 queue_store_found_fn *fn, void *baton)
{
    queue_found_t found = { 0 };

    found.pool = p;
    found.size_octets = (apr_off_t)(store_queued_notes_at(&head->header)
                                    - store_queued_trace_at(&head->header));
    found.envelope = head->envelope;
    found.states = replay->notes ? replay->states : NULL;
    found.recipient_count = replay->count;
    found.is_held = replay->is_held;
    found.warned = replay->notes ? replay->warned : NULL;
    found.priority = replay->priority < QUEUE_PRIORITY_COUNT
                   ? replay->priority : -1;
    fn(baton, &found);
}

/* Reads one; two reads for most.
 * @param why  of STORE_EDAMAGED, for the log */
static apr_status_t file_read(queue_store_t *store, const char *id,
                              apr_pool_t *p, store_file_head_t *head,
                              store_queued_replay_t *replay,
                              const char **why)
{
    char first[STORE_FILE_FIRST_OCTETS];
    apr_uint64_t octets;
    apr_status_t rv;
    int fd;

    *why = "not a file of ours";
    rv = store_file_open(&store->dirs, id, &fd, &octets);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_file_head_read(fd, octets, id, first, p, head);
    *why = head->why;
    if (rv == APR_SUCCESS) {
        rv = store_file_notes_read(fd, octets, head, first, p, replay);
        *why = "cut while it was read";
    }
    close(fd);
    return rv;
}

static apr_status_t file_scan(queue_store_t *store, const char *id,
                              apr_pool_t *p, queue_store_found_fn *fn,
                              void *baton)
{
    store_queued_replay_t replay;
    store_file_head_t head;
    const char *why;
    apr_status_t rv = file_read(store, id, p, &head, &replay, &why);

    if (rv == ENOENT) {
        return APR_SUCCESS;
    }
    if (rv == STORE_EDAMAGED) {
        queue_store_file_aside(store, id, why);
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        if (is_busy(rv)) {
            return rv;
        }
        store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4256)
                  "%s: its file in the queue cannot be read; it is tried "
                  "again when the queue process starts again", id);
        return APR_SUCCESS;
    }
    if (is_over(&replay)) {
        queue_move_settle(store, id, STORE_QUEUE_MARK_OVER);
        store_file_remove(&store->dirs, id); /* or another time */
    }
    else {
        give(&head, &replay, p, fn, baton);
    }
    return APR_SUCCESS;
}

/* Whatever stands in a directory. */
static apr_status_t name_scan(queue_store_t *store, unsigned int dir,
                              const char *name, apr_pool_t *p,
                              queue_store_found_fn *fn, void *baton)
{
    apr_status_t rv;
    int fd;

    if (*name == '.') {
        return APR_SUCCESS;      /* the file system's, such as .nfs... */
    }
    if (store_queued_is_id(name) && store_queued_dir(name) == dir) {
        return apr_hash_get(store->scan.made, name, APR_HASH_KEY_STRING)
            ? APR_SUCCESS : file_scan(store, name, p, fn, baton);
    }
    rv = store_file_dirs_get(&store->dirs, dir, 0, &fd);
    if (rv != APR_SUCCESS) {
        return is_busy(rv) ? rv : APR_SUCCESS;
    }
    if (is_new(name)) {
        if (!is_carried(store, name)) {
            unlinkat(fd, name, 0); /* what a dead process left */
        }
    }
    else {
        store_damaged_move(&store->damaged, fd, "queue", name,
                           "SPOOL/queue: a file that is not ours");
    }
    return APR_SUCCESS;
}

/* The names of the next directory that has any.
 * @return APR_EOF: there is none */
static apr_status_t dir_next(queue_store_t *store)
{
    queue_scan_t *scan = &store->scan;
    apr_status_t rv = APR_SUCCESS;
    char name[3];
    int fd;

    if (scan->dirs == DIRS) {
        return APR_EOF;
    }
    apr_pool_clear(scan->names_pool);
    scan->next = 0;
    scan->names = apr_array_make(scan->names_pool, 1, sizeof(const char *));
    rv = store_file_dirs_get(&store->dirs, scan->dirs, 0, &fd);
    if (rv == APR_SUCCESS) {
        rv = store_io_names_get(fd, scan->names_pool, &scan->names);
    }
    else if (rv == ENOTDIR) {
        store_queued_dir_write(name, scan->dirs);
        store_damaged_move(&store->damaged, store->queue, "queue", name,
                           "SPOOL/queue: not a directory of ours");
    }
    if (is_busy(rv)) {
        scan->next = scan->names->nelts;
        return rv;
    }
    if (rv != APR_SUCCESS && rv != ENOENT && rv != ENOTDIR) {
        store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4257)
                  "SPOOL/queue: directory %02x cannot be read", scan->dirs);
    }
    scan->seen += (apr_size_t)scan->names->nelts;
    scan->dirs++;
    return APR_SUCCESS;
}

static void scan_end(queue_store_t *store)
{
    apr_pool_destroy(store->scan.p);
    memset(&store->scan, 0, sizeof(store->scan));
}

apr_status_t queue_store_scan_files(queue_store_t *store, int max,
                                    apr_pool_t *p, queue_store_found_fn *fn,
                                    void *baton)
{
    queue_scan_t *scan = &store->scan;
    apr_status_t rv = APR_SUCCESS;

    if (store->lock_fd < 0) {
        return ENOLCK;
    }
    if (scan->p && !scan->has_moves) {
        /* First: a file that a power loss cut is no loss while its record is
         * there, and goes. */
        rv = walk_on(store, &scan->moves, max, p, NULL, NULL);
        if (rv == APR_SUCCESS || is_busy(rv)) {
            return rv;
        }
        scan->has_moves = 1;
        rv = APR_SUCCESS;
    }
    while (scan->p && rv == APR_SUCCESS) {
        if (scan->next == scan->names->nelts) {
            rv = dir_next(store);
            continue;
        }
        if (max-- <= 0) {
            return APR_SUCCESS;
        }
        apr_pool_clear(p);
        rv = name_scan(store, scan->dirs - 1,
                       APR_ARRAY_IDX(scan->names, scan->next, const char *),
                       p, fn, baton);
        scan->next += !is_busy(rv);
    }
    if (rv == APR_EOF) {
        scan_end(store);
    }
    return scan->p ? rv : APR_EOF;
}
