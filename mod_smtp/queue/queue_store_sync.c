/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_memory.h"
#include "queue_store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"

/* Files that wait to be written anew; others have their turn later. */
#define WORN_MAX 64

struct queue_store_sync_t {
    int queue;
    int sync_fd;                 /* -1: nothing has moved */
    queue_worn_t *worn;
    queue_carry_t *carries;
    apr_status_t rv;             /* of the sync */
};

/* ---- Moves ---- */

void queue_moves_begin(queue_store_t *store)
{
    APR_RING_INIT(&store->moves, queue_move_t, link);
    store->moves_by_id = apr_hash_make(store->p);
}

static void worn_free(queue_worn_t *worn)
{
    while (worn) {
        queue_worn_t *next = worn->next;

        free(worn);
        worn = next;
    }
}

void queue_moves_end(queue_store_t *store)
{
    while (!APR_RING_EMPTY(&store->moves, queue_move_t, link)) {
        queue_move_t *move = APR_RING_FIRST(&store->moves);

        APR_RING_REMOVE(move, link);
        free(move);
    }
    worn_free(store->worn);
    store->worn = NULL;
}

void queue_move_add(queue_store_t *store, queue_segment_t *segment,
                    apr_uint64_t place, const char *id)
{
    queue_move_t *move = queue_memory_create(1, sizeof(*move));

    move->segment = segment;
    move->place = place;
    apr_cpystrn(move->id, id, sizeof(move->id));
    APR_RING_INSERT_TAIL(&store->moves, move, queue_move_t, link);
    apr_hash_set(store->moves_by_id, move->id, APR_HASH_KEY_STRING, move);
}

void queue_move_add_doubtful(queue_store_t *store, queue_segment_t *segment,
                             apr_uint64_t place, const char *id)
{
    queue_move_add(store, segment, place, id);
    APR_RING_LAST(&store->moves)->is_doubtful = 1;
}

/* The record needs nothing more of us. */
static void move_free(queue_store_t *store, queue_move_t *move)
{
    if (apr_hash_get(store->moves_by_id, move->id, APR_HASH_KEY_STRING)
        == move) {
        apr_hash_set(store->moves_by_id, move->id, APR_HASH_KEY_STRING, NULL);
    }
    move->segment->messages--;
    APR_RING_REMOVE(move, link);
    free(move);
}

static apr_status_t move_mark(queue_store_t *store, const queue_move_t *move,
                              unsigned char mark)
{
    store_segment_t *file;
    apr_status_t rv = queue_segment_open(store->segments, move->segment,
                                         &file);

    return rv == APR_SUCCESS
        ? store_segment_queue_mark(file, move->place, mark) : rv;
}

void queue_move_settle(queue_store_t *store, const char *id,
                       unsigned char mark)
{
    queue_move_t *move = apr_hash_get(store->moves_by_id, id,
                                      APR_HASH_KEY_STRING);
    apr_status_t rv;

    if (!move) {
        return;
    }
    if (mark == STORE_QUEUE_MARK_NONE) {
        queue_segment_found_set(move->segment, move->place, 0);
    }
    else {
        rv = move_mark(store, move, mark);
        if (rv != APR_SUCCESS) {
            store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4253)
                      "%s: its record in the journal could not be marked; "
                      "after a restart it may be sent again", id);
        }
    }
    move_free(store, move);
}

/* ---- After a sync that failed ---- */

apr_array_header_t *queue_store_notes_get(queue_store_t *store,
                                          const char *id, apr_pool_t *p)
{
    char first[STORE_FILE_FIRST_OCTETS];
    store_queued_replay_t replay;
    store_file_head_t head;
    apr_uint64_t octets;
    apr_status_t rv;
    int fd;

    store_queued_replay_begin(&replay, p, 0);
    if (store_file_open(&store->dirs, id, &fd, &octets) == APR_SUCCESS) {
        rv = store_file_head_read(fd, octets, id, first, p, &head);
        if (rv == APR_SUCCESS) {
            store_file_notes_read(fd, octets, &head, first, p, &replay);
        }
        close(fd);
    }
    return store_queued_replay_notes(p, &replay);
}

/* Writes it in the place of the one that is there. */
static apr_status_t anew_write(queue_store_t *store, const queue_move_t *move,
                               store_file_source_t *source, apr_pool_t *p)
{
    const apr_array_header_t *notes = queue_store_notes_get(store, move->id,
                                                            p);

    source->notes = (const store_queued_note_t *)notes->elts;
    source->note_count = notes->nelts;
    return store_file_write(&store->dirs, move->id, source, p);
}

/* The kernel may have dropped what it could not write, and call it clean. So
 * the file is made again from its record, which is durable. */
static void redo(queue_store_t *store, queue_move_t *move)
{
    store_file_source_t source;
    apr_status_t rv;
    apr_pool_t *p;

    if (queue_carry_is(store, move->id)) {
        return;
    }
    apr_pool_create(&p, store->p);
    rv = queue_store_record_source(store, move->segment, move->place,
                                   move->id, p, &source);
    if (rv == APR_SUCCESS && source.content_len >= QUEUE_CARRY_OCTETS) {
        queue_carry_anew(store, move, p, &source);
        return;
    }
    if (rv == APR_SUCCESS) {
        rv = anew_write(store, move, &source, p);
    }
    if (rv == APR_SUCCESS) {
        move->is_doubtful = 0;
    }
    else if (!store->is_redo_failing) {
        store_log(store->log, STORE_LOG_WARNING, rv, QUEUE_LOGNO(4254)
                  "%s: its file could not be written anew; it is tried again, "
                  "as are others", move->id);
    }
    store->is_redo_failing = rv != APR_SUCCESS;
    if (source.fd >= 0) {
        close(source.fd);
    }
    apr_pool_destroy(p);
}

/* All files that are not durable yet: the kernel tells once, and does not say
 * of which. */
static void doubt(queue_store_t *store, apr_status_t rv)
{
    queue_move_t *move;

    if (!store->is_sync_failing) {
        store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4255)
                  "SPOOL/queue could not be written back; messages that moved "
                  "there since the last time are written anew, until it can");
    }
    store->is_sync_failing = 1;
    APR_RING_FOREACH(move, &store->moves, queue_move_t, link) {
        move->is_syncing = 0;
        move->is_doubtful = !move->is_durable;
    }
}

/* ---- Files with many notes ---- */

void queue_worn_add(queue_store_t *store, const char *id)
{
    queue_worn_t *worn;

    for (worn = store->worn; worn; worn = worn->next) {
        if (!strcmp(worn->id, id)) {
            return;
        }
    }
    if (store->worn_count < WORN_MAX) {
        worn = queue_memory_create(1, sizeof(*worn));
        apr_cpystrn(worn->id, id, sizeof(worn->id));
        worn->next = store->worn;
        store->worn = worn;
        store->worn_count++;
    }
}

/* The trace fields, which must be those that were written: they get a new
 * checksum. */
static apr_status_t trace_read(int fd, const store_queued_header_t *header,
                               apr_pool_t *p, const char **trace)
{
    char *octets = apr_palloc(p, header->trace_len + (apr_size_t)1);
    apr_status_t rv = store_io_pread(fd, octets, header->trace_len,
                                     (apr_off_t)
                                         store_queued_trace_at(header));

    *trace = octets;
    if (rv == APR_SUCCESS
        && store_record_crc(0, octets, header->trace_len)
           != header->trace_crc) {
        rv = STORE_EDAMAGED;
    }
    return rv;
}

static apr_status_t worn_source(int fd, const queue_worn_t *worn,
                                apr_pool_t *p, store_file_source_t *source)
{
    char first[STORE_FILE_FIRST_OCTETS];
    store_queued_replay_t replay;
    const apr_array_header_t *notes;
    store_file_head_t head;
    apr_status_t rv = store_file_head_read(fd, worn->octets, worn->id, first,
                                           p, &head);

    if (rv == APR_SUCCESS) {
        rv = store_file_notes_read(fd, worn->octets, &head, first, p,
                                   &replay);
    }
    if (rv == APR_SUCCESS) {
        rv = trace_read(fd, &head.header, p, &source->trace);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    notes = store_queued_replay_notes(p, &replay);
    source->envelope = head.envelope;
    source->trace_len = head.header.trace_len;
    source->fd = fd;
    source->fd_at = (apr_off_t)store_queued_content_at(&head.header);
    source->content_len = head.header.content_len;
    source->content_crc = head.header.content_crc;
    source->notes = (const store_queued_note_t *)notes->elts;
    source->note_count = notes->nelts;
    return APR_SUCCESS;
}

/* Makes ID.new, durable: it takes the place of a file that is. */
static apr_status_t worn_write(store_file_dirs_t *dirs, queue_worn_t *worn,
                               apr_pool_t *p)
{
    store_file_source_t source = { 0 };
    int fd, new_fd;
    apr_status_t rv = store_file_open(dirs, worn->id, &fd, &worn->octets);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = worn_source(fd, worn, p, &source);
    if (rv == APR_SUCCESS) {
        rv = store_file_write_new(dirs, worn->id, &source, p, &new_fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(new_fd);
        close(new_fd);
        if (rv != APR_SUCCESS) {
            store_file_remove_new(dirs, worn->id);
        }
    }
    close(fd);
    return rv;
}

/* In a thread: directories are opened anew, nothing of the loop's is used. */
static void worn_run(queue_store_sync_t *sync)
{
    queue_worn_t *worn;
    store_file_dirs_t dirs;
    apr_pool_t *p;

    if (!sync->worn) {
        return;
    }
    apr_pool_create(&p, NULL);
    store_file_dirs_begin(&dirs, sync->queue);
    for (worn = sync->worn; worn; worn = worn->next) {
        worn->rv = worn_write(&dirs, worn, p);
        apr_pool_clear(p);
    }
    store_file_dirs_end(&dirs);
    apr_pool_destroy(p);
}

/* What was noted meanwhile is not in the new file: another time. */
static void worn_end(queue_store_t *store, queue_worn_t *worn)
{
    for (; worn; worn = worn->next) {
        apr_uint64_t octets;
        apr_status_t rv;
        int fd;

        if (worn->rv != APR_SUCCESS) {
            continue;
        }
        rv = store_file_open(&store->dirs, worn->id, &fd, &octets);
        if (rv == APR_SUCCESS) {
            close(fd);
        }
        if (rv != APR_SUCCESS || octets != worn->octets
            || store_file_rename_new(&store->dirs, worn->id)) {
            store_file_remove_new(&store->dirs, worn->id);
        }
    }
}

/* ---- Sync ---- */

/* Marks the records whose files are durable. Not while mail is read from one:
 * the segment may be used again at once. A mark that cannot be written leaves
 * the record MOVED: no harm while its file is there. */
static void moves_end(queue_store_t *store)
{
    queue_move_t *move, *next;

    APR_RING_FOREACH_SAFE(move, next, &store->moves, queue_move_t, link) {
        if (move->is_durable && !move->segment->users
            && move_mark(store, move, STORE_QUEUE_MARK_OVER) == APR_SUCCESS) {
            move_free(store, move);
        }
    }
}

/* How many moves the sync will be for. */
static unsigned int moves_take(queue_store_t *store)
{
    unsigned int count = 0;
    queue_move_t *move;

    APR_RING_FOREACH(move, &store->moves, queue_move_t, link) {
        if (move->is_doubtful) {
            redo(store, move);
        }
        move->is_syncing = !move->is_doubtful && !move->is_durable;
        count += move->is_syncing;
    }
    return count;
}

queue_store_sync_t *queue_store_sync_begin(queue_store_t *store)
{
    queue_store_sync_t *sync;
    queue_carry_t *carries;
    unsigned int count;

    if (store->sync) {
        return NULL;
    }
    moves_end(store);
    queue_segments_sweep(store->segments);
    count = moves_take(store);
    /* The scan of files removes each ID.new. */
    carries = queue_carries_take(store);
    if (!count && !carries && (!store->worn || store->scan.p)) {
        return NULL;
    }
    sync = queue_memory_create(1, sizeof(*sync));
    sync->queue = store->queue;
    sync->sync_fd = count ? store->sync_fd : -1;
    sync->carries = carries;
    if (!store->scan.p) {
        sync->worn = store->worn;
        store->worn = NULL;
        store->worn_count = 0;
    }
    store->sync = sync;
    return sync;
}

void queue_store_sync_run(queue_store_sync_t *sync)
{
    worn_run(sync);
    queue_carries_run(sync->queue, sync->carries);
    if (sync->sync_fd >= 0) {
        sync->rv = store_io_syncfs(sync->sync_fd);
    }
}

/* The files of these moves cannot be lost any more. */
static void moves_keep(queue_store_t *store)
{
    queue_move_t *move;

    APR_RING_FOREACH(move, &store->moves, queue_move_t, link) {
        move->is_durable |= move->is_syncing;
        move->is_syncing = 0;
    }
}

void queue_store_sync_end(queue_store_t *store, queue_store_sync_t *sync)
{
    if (sync->rv == APR_SUCCESS) {
        store->is_sync_failing = 0;
        moves_keep(store);
    }
    else {
        doubt(store, sync->rv);
    }
    moves_end(store);
    queue_carries_done(store, sync->carries, sync->rv);
    worn_end(store, sync->worn);
    worn_free(sync->worn);
    free(sync);
    store->sync = NULL;
}
