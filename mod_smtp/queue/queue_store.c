/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"
#include "store_octets.h"

#define LOCK_NAME "lock"
/* Of a smaller file nobody asks whether it is worn. */
#define WORN_MIN_OCTETS (64u * 1024)

/* ---- Opening ---- */

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static apr_status_t cleanup(void *data)
{
    queue_store_t *store = data;

    queue_moves_end(store);
    queue_carries_end(store);
    store_file_dirs_end(&store->dirs);
    fd_close(&store->queue);
    fd_close(&store->journal);
    fd_close(&store->damaged.dir);
    fd_close(&store->sync_fd);
    fd_close(&store->lock_fd);
    return APR_SUCCESS;
}

static apr_status_t be_ours(int dir)
{
    struct stat st;

    if (fstat(dir, &st)) {
        return errno;
    }
    return st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH))
        ? APR_SUCCESS : EPERM;
}

static apr_status_t dirs_open(queue_store_t *store, int spool)
{
    apr_status_t rv = store_io_dir_make(spool, "queue", &store->queue);

    if (rv == APR_SUCCESS) {
        rv = be_ours(store->queue);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_dir_reopen(store->queue, &store->sync_fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_dir_make(spool, "journal", &store->journal);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_dir_make(spool, "damaged", &store->damaged.dir);
    }
    return rv;
}

apr_status_t queue_store_open(apr_pool_t *p, const char *spool,
                              const store_log_t *log, queue_store_t **out)
{
    queue_store_t *store = apr_pcalloc(p, sizeof(*store));
    apr_status_t rv;
    int fd;

    *out = NULL;
    store->p = p;
    store->log = store->damaged.log = log;
    store->queue = store->journal = store->sync_fd = store->lock_fd = -1;
    store->damaged.dir = -1;
    store_file_dirs_begin(&store->dirs, -1);
    queue_moves_begin(store);
    queue_carries_begin(store);
    apr_pool_cleanup_register(p, store, cleanup, apr_pool_cleanup_null);
    /* This path is the administrator's, and may be a link. */
    fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    rv = dirs_open(store, fd);
    close(fd);
    if (rv == APR_SUCCESS) {
        store->dirs.queue = store->queue;
        rv = queue_segments_create(p, store->journal, &store->segments);
    }
    if (rv == APR_SUCCESS) {
        queue_scan_begin(store);
        *out = store;
    }
    return rv;
}

apr_status_t queue_store_lock(queue_store_t *store)
{
    struct stat st;
    int fd;

    if (store->lock_fd >= 0) {
        return APR_SUCCESS;
    }
    fd = openat(store->queue, LOCK_NAME,
                O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        close(fd);
        return EPERM;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        apr_status_t rv = errno;

        close(fd);
        return rv == EWOULDBLOCK ? APR_EAGAIN : rv;
    }
    store->lock_fd = fd;
    return APR_SUCCESS;
}

/* ---- What is not as we wrote it ---- */

/* The mail data of a record, if it is in a file. */
static void content_aside(queue_store_t *store,
                          const queue_segment_t *segment,
                          apr_int64_t number, const char *why)
{
    char name[40];
    int dir;

    if (number && queue_segment_dir_open(store->segments, segment, &dir)
                  == APR_SUCCESS) {
        apr_snprintf(name, sizeof(name), "%" APR_INT64_T_FMT ".mail", number);
        if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
            store_damaged_move(&store->damaged, dir, segment->dir, name, why);
        }
        close(dir);
    }
}

/* What its envelope says of a file of mail data; 0: nothing that we could
 * believe. */
static apr_int64_t content_number(store_segment_t *file,
                                  const store_record_t *record)
{
    const store_envelope_t *envelope = NULL;
    apr_int64_t number = 0;
    const char *payload;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (store_segment_read(file, p, record, &payload) == APR_SUCCESS) {
        envelope = store_envelope_parse(p, payload, record->envelope_len);
    }
    if (envelope && envelope->file_number > 0) {
        number = envelope->file_number;
    }
    apr_pool_destroy(p);
    return number;
}

/* A record that is to be sent, still. */
static int is_pending(const store_segment_t *file, apr_uint64_t place)
{
    unsigned char mark;

    return store_segment_queue_mark_get(file, place, &mark) == APR_SUCCESS
        && (mark == STORE_QUEUE_MARK_SEND || mark == STORE_QUEUE_MARK_MOVED);
}

apr_status_t queue_store_record_aside(queue_store_t *store,
                                      queue_segment_t *segment,
                                      apr_uint64_t place, const char *why)
{
    apr_uint64_t len = STORE_RECORD_UNIT;
    apr_int64_t number = 0;
    store_record_t record;
    store_segment_t *file;
    apr_status_t rv;

    if (!queue_segment_is_current(store->segments, segment)
        || queue_segment_open(store->segments, segment, &file)
        || !is_pending(file, place)) {
        return APR_SUCCESS;
    }
    if (store_segment_record_get(file, place, &record) == APR_SUCCESS) {
        len = store_record_octets(&record);
        number = content_number(file, &record);
    }
    rv = store_damaged_copy(&store->damaged, file, segment->dir, place,
                            place + len, why);
    if (rv == APR_SUCCESS) {
        content_aside(store, segment, number, why);
        rv = store_segment_queue_mark(file, place, STORE_QUEUE_MARK_OVER);
    }
    return rv;
}

apr_status_t queue_store_file_aside(queue_store_t *store, const char *id,
                                    const char *why)
{
    char what[160];
    apr_status_t rv;
    int dir;

    /* If its record is still there, it is found again by that. */
    queue_move_settle(store, id, STORE_QUEUE_MARK_NONE);
    rv = store_file_dirs_get(&store->dirs, store_queued_dir(id), 0, &dir);
    if (rv == APR_SUCCESS) {
        apr_snprintf(what, sizeof(what), "a message in the queue: %s", why);
        rv = store_damaged_move(&store->damaged, dir, "queue", id, what);
    }
    return rv == ENOENT ? APR_SUCCESS : rv;
}

/* STORE_EDAMAGED ends a message: not before what is left of it is kept. */
static apr_status_t damaged(apr_status_t aside)
{
    return aside == APR_SUCCESS ? STORE_EDAMAGED : aside;
}

static apr_status_t file_gone(queue_store_t *store, const char *id)
{
    store_log(store->log, STORE_LOG_ERR, ENOENT, QUEUE_LOGNO(4250)
              "%s: its file is no longer in the queue; the message is lost, "
              "unless somebody took it away", id);
    return STORE_EDAMAGED;
}

/* ---- Records ---- */

/* What is in a record, beside trace fields and content. */
typedef struct head_t {
    store_segment_t *file;
    store_record_t record;
    const store_envelope_t *envelope;
    apr_array_header_t *recipients;
} head_t;

static int is_sane(const store_envelope_t *envelope)
{
    return store_queued_is_id(envelope->id) && envelope->file_number >= 0
        && envelope->file_octets >= 0;
}

static apr_status_t head_read(queue_store_t *store, queue_segment_t *segment,
                              apr_uint64_t place, apr_pool_t *p, head_t *head)
{
    char *octets;
    apr_status_t rv = queue_segment_open(store->segments, segment,
                                         &head->file);

    if (rv == APR_SUCCESS) {
        rv = store_segment_record_get(head->file, place, &head->record);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    octets = apr_palloc(p, head->record.envelope_len + (apr_size_t)1);
    rv = store_segment_payload_get(head->file, &head->record, 0, octets,
                                   head->record.envelope_len);
    if (rv != APR_SUCCESS) {
        return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
    }
    head->envelope = store_envelope_parse(p, octets,
                                          head->record.envelope_len);
    if (!head->envelope || !is_sane(head->envelope)) {
        return STORE_EDAMAGED;
    }
    head->recipients = store_queued_recipients(p, head->envelope);
    return APR_SUCCESS;
}

typedef enum { FILE_NONE, FILE_DOUBTFUL, FILE_WHOLE } file_state_e;

/* Whether a file of this id is there, as it was written. What the kernel was
 * given is there unless power was lost: then the mail is looked at, too, or if
 * that would take long the file is written anew. */
static apr_status_t file_look(queue_store_t *store, const char *id,
                              int is_same_boot, apr_pool_t *p,
                              file_state_e *state)
{
    char first[STORE_FILE_FIRST_OCTETS];
    store_file_head_t head;
    apr_uint64_t octets;
    apr_status_t rv;
    int is_doubtful = 0, fd;

    *state = FILE_NONE;
    rv = store_file_open(&store->dirs, id, &fd, &octets);
    if (rv == APR_SUCCESS) {
        rv = store_file_head_read(fd, octets, id, first, p, &head);
        if (rv == APR_SUCCESS && !is_same_boot) {
            is_doubtful = head.header.content_len >= QUEUE_CARRY_OCTETS;
            rv = is_doubtful ? APR_SUCCESS
                             : store_file_mail_check(fd, &head, p);
        }
        close(fd);
    }
    if (rv == STORE_EDAMAGED) {
        store_log(store->log, STORE_LOG_INFO, APR_SUCCESS, QUEUE_LOGNO(4251)
                  "%s: its file is not whole; its record is taken instead",
                  id);
        store_file_remove(&store->dirs, id);
    }
    if (rv == APR_SUCCESS) {
        *state = is_doubtful ? FILE_DOUBTFUL : FILE_WHOLE;
    }
    return rv == ENOENT || rv == ENOTDIR || rv == STORE_EDAMAGED
        ? APR_SUCCESS : rv;
}

/* Takes up a move that another process began. */
static void move_resume(queue_store_t *store, queue_segment_t *segment,
                        apr_uint64_t place, const head_t *head,
                        file_state_e state)
{
    store_segment_queue_mark(head->file, place, STORE_QUEUE_MARK_MOVED);
    queue_segment_found_set(segment, place, 1);
    segment->messages++;
    if (state == FILE_DOUBTFUL) {
        queue_move_add_doubtful(store, segment, place, head->envelope->id);
    }
    else {
        queue_move_add(store, segment, place, head->envelope->id);
    }
}

static void give(queue_segment_t *segment, apr_uint64_t place,
                 const head_t *head, apr_pool_t *p, queue_store_found_fn *fn,
                 void *baton)
{
    queue_found_t found = { 0 };

    queue_segment_found_set(segment, place, 1);
    segment->messages++;
    found.pool = p;
    found.place.segment = segment;
    found.place.place = place;
    found.envelope = head->envelope;
    found.recipient_count = (apr_size_t)head->recipients->nelts;
    found.size_octets = (apr_off_t)head->record.trace_len
        + (head->envelope->file_number
           ? head->envelope->file_octets
           : (apr_off_t)head->record.content_len);
    found.priority = -1;
    fn(baton, &found);
}

/* A record that is marked as to be sent, or as moved. Without `fn` only a move
 * is taken up. */
static apr_status_t record_take(queue_store_t *store,
                                queue_segment_t *segment,
                                apr_uint64_t place, unsigned char mark,
                                apr_pool_t *p, queue_store_found_fn *fn,
                                void *baton)
{
    head_t head = { 0 };
    file_state_e state = FILE_NONE;
    apr_status_t rv = head_read(store, segment, place, p, &head);

    if (rv == STORE_EDAMAGED) {
        return queue_store_record_aside(store, segment, place, "a message in "
                                        "the journal, to be sent, was "
                                        "damaged");
    }
    if (rv == APR_SUCCESS
        && (!head.recipients->nelts
            || STORE_SEGMENT_MARK(head.file, place) == STORE_MARK_VOID)) {
        return store_segment_queue_mark(head.file, place,
                                        STORE_QUEUE_MARK_OVER);
    }
    if (rv == APR_SUCCESS
        && (mark == STORE_QUEUE_MARK_MOVED || !segment->is_same_boot)) {
        rv = file_look(store, head.envelope->id, segment->is_same_boot, p,
                       &state);
    }
    if (rv == APR_SUCCESS && state != FILE_NONE) {
        move_resume(store, segment, place, &head, state);
    }
    else if (rv == APR_SUCCESS && fn) {
        give(segment, place, &head, p, fn, baton);
    }
    return rv;
}

static int is_place(const store_segment_t *file, apr_uint64_t place)
{
    return place < file->octets && place % STORE_RECORD_UNIT == 0;
}

apr_status_t queue_store_record_find(queue_store_t *store,
                                     queue_segment_t *segment,
                                     apr_uint64_t place, apr_pool_t *p,
                                     queue_store_found_fn *fn, void *baton)
{
    unsigned char mark = STORE_QUEUE_MARK_NONE;
    store_segment_t *file;
    apr_status_t rv = queue_segment_open(store->segments, segment, &file);

    if (rv != APR_SUCCESS) {
        return rv == STORE_EDAMAGED ? APR_SUCCESS : rv; /* it has gone */
    }
    if (!is_place(file, place) || queue_segment_is_found(segment, place)) {
        return APR_SUCCESS;
    }
    rv = store_segment_queue_mark_get(file, place, &mark);
    if (rv == APR_SUCCESS
        && (mark == STORE_QUEUE_MARK_MOVED
            || (mark == STORE_QUEUE_MARK_SEND
                && (fn || !segment->is_same_boot)))) {
        rv = record_take(store, segment, place, mark, p, fn, baton);
    }
    return rv;
}

apr_status_t queue_store_find(queue_store_t *store,
                              const smtp_queue_hint_t *hint, apr_pool_t *p,
                              queue_store_found_fn *fn, void *baton)
{
    queue_segment_t *segment;
    apr_status_t rv;

    if (store->lock_fd < 0) {
        return ENOLCK;
    }
    if (!memchr(hint->dir, '\0', sizeof(hint->dir)) || !hint->generation) {
        return APR_SUCCESS;
    }
    rv = queue_segment_find(store->segments, hint->dir, hint->segment,
                            hint->generation, &segment);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT ? APR_SUCCESS : rv;
    }
    return queue_store_record_find(store, segment, hint->place, p, fn, baton);
}

/* ---- Moving ---- */

apr_status_t queue_store_content_open(queue_store_t *store,
                                      const queue_segment_t *segment,
                                      const store_envelope_t *envelope,
                                      int *fd)
{
    char name[40];
    struct stat st;
    apr_status_t rv;
    int dir;

    *fd = -1;
    rv = queue_segment_dir_open(store->segments, segment, &dir);
    if (rv == APR_SUCCESS) {
        apr_snprintf(name, sizeof(name), "%" APR_INT64_T_FMT ".mail",
                     envelope->file_number);
        rv = store_io_file_open(dir, name, fd);
        close(dir);
    }
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ELOOP || rv == EISDIR ? STORE_EDAMAGED
                                                           : rv;
    }
    if (fstat(*fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid()
        || st.st_size != envelope->file_octets) {
        fd_close(fd);
        return STORE_EDAMAGED;
    }
    return APR_SUCCESS;
}

/* Reads the record, and holds it against its checksum. */
static apr_status_t source_read(queue_store_t *store,
                                queue_segment_t *segment, head_t *head,
                                store_file_source_t *source, apr_pool_t *p)
{
    const store_record_t *record = &head->record;
    store_envelope_t *envelope;
    const char *payload;
    apr_status_t rv = store_segment_read(head->file, p, record, &payload);

    if (rv != APR_SUCCESS) {
        return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
    }
    envelope = apr_pmemdup(p, head->envelope, sizeof(*envelope));
    envelope->file_number = envelope->file_octets = envelope->file_crc = 0;
    source->envelope = envelope;
    source->trace = payload + record->envelope_len;
    source->trace_len = record->trace_len;
    source->content = source->trace + record->trace_len;
    source->content_len = record->content_len;
    if (head->envelope->file_number) {
        source->content = NULL;
        source->content_len = (apr_uint64_t)head->envelope->file_octets;
        source->content_crc = (apr_uint32_t)head->envelope->file_crc;
        rv = queue_store_content_open(store, segment, head->envelope,
                                      &source->fd);
    }
    return rv;
}

apr_status_t queue_store_record_source(queue_store_t *store,
                                       queue_segment_t *segment,
                                       apr_uint64_t place, const char *id,
                                       apr_pool_t *p,
                                       store_file_source_t *source)
{
    head_t head = { 0 };
    apr_status_t rv = head_read(store, segment, place, p, &head);

    memset(source, 0, sizeof(*source));
    source->fd = -1;
    if (rv == APR_SUCCESS
        && (strcmp(head.envelope->id, id) || !is_pending(head.file, place))) {
        rv = STORE_EDAMAGED;
    }
    return rv == APR_SUCCESS ? source_read(store, segment, &head, source, p)
                             : rv;
}

apr_status_t queue_store_record_check(queue_store_t *store,
                                      queue_segment_t *segment,
                                      apr_uint64_t place)
{
    unsigned char mark = STORE_QUEUE_MARK_NONE;
    store_segment_t *file;
    apr_status_t rv = queue_segment_open(store->segments, segment, &file);

    if (rv == APR_SUCCESS) {
        rv = store_segment_queue_mark_get(file, place, &mark);
    }
    return rv == APR_SUCCESS && mark == STORE_QUEUE_MARK_OVER
         ? STORE_EDAMAGED : rv;
}

apr_status_t queue_store_record_mark_moved(queue_store_t *store,
                                           queue_segment_t *segment,
                                           apr_uint64_t place)
{
    store_segment_t *file;
    apr_status_t rv = queue_segment_open(store->segments, segment, &file);

    return rv == APR_SUCCESS
        ? store_segment_queue_mark(file, place, STORE_QUEUE_MARK_MOVED) : rv;
}

static apr_status_t record_copy(queue_store_t *store,
                                const queue_message_t *message,
                                const store_queued_note_t *notes, int count,
                                apr_pool_t *p)
{
    store_file_source_t source;
    apr_status_t rv =
        queue_store_record_source(store, message->segment, message->place,
                                  message->id, p, &source);

    source.notes = notes;
    source.note_count = count;
    if (rv == APR_SUCCESS) {
        /* First: a record that is to be sent has no file. */
        rv = queue_store_record_mark_moved(store, message->segment,
                                           message->place);
    }
    if (rv == APR_SUCCESS) {
        rv = store_file_write(&store->dirs, message->id, &source, p);
    }
    fd_close(&source.fd);
    return rv;
}

static apr_status_t move(queue_store_t *store, queue_message_t *message,
                         const store_queued_note_t *notes, int count,
                         apr_pool_t *p)
{
    queue_segment_t *segment = message->segment;
    int is_large = message->size_octets >= QUEUE_CARRY_OCTETS;
    apr_status_t rv = is_large
        ? queue_carry_message(store, message, notes, count)
        : record_copy(store, message, notes, count, p);

    if (rv == STORE_EDAMAGED) {
        return damaged(queue_store_record_aside(store, segment,
                                                message->place,
                                                "a message in the journal, "
                                                "to be sent, was damaged"));
    }
    if (rv == APR_SUCCESS && !is_large) {
        queue_scan_made(store, message->id);
        queue_move_add(store, segment, message->place, message->id);
        message->segment = NULL;
    }
    return rv;
}

apr_status_t queue_store_move(queue_store_t *store, queue_message_t *message,
                              apr_pool_t *p)
{
    return message->segment ? move(store, message, NULL, 0, p) : APR_SUCCESS;
}

/* ---- Notes ---- */

/* Whether a file has too many notes to append for ever. */
static void wear(queue_store_t *store, const queue_message_t *message, int fd,
                 apr_uint64_t octets)
{
    unsigned char first[STORE_QUEUED_HEADER_OCTETS];
    store_queued_header_t header;

    if (octets > WORN_MIN_OCTETS
        && store_io_pread(fd, first, sizeof(first), 0) == APR_SUCCESS
        && store_queued_header_parse(first, &header) == STORE_QUEUED_OK
        && store_queued_is_worn(&header, octets, message->recipient_count)) {
        queue_worn_add(store, message->id);
    }
}

apr_status_t queue_store_note(queue_store_t *store, queue_message_t *message,
                              const store_queued_note_t *notes, int count,
                              apr_pool_t *p)
{
    apr_uint64_t octets;
    apr_status_t rv;
    int fd;

    if (message->segment) {
        return move(store, message, notes, count, p);
    }
    rv = store_file_open(&store->dirs, message->id, &fd, &octets);
    if (rv == ENOENT) {
        return file_gone(store, message->id);
    }
    if (rv == STORE_EDAMAGED) {
        return damaged(queue_store_file_aside(store, message->id,
                                              "not a file of ours"));
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_file_append(fd, octets, notes, count, p);
    if (rv == APR_SUCCESS) {
        wear(store, message, fd, octets);
    }
    close(fd);
    return rv;
}

/* ---- The end ---- */

static apr_status_t record_end(queue_store_t *store, queue_segment_t *segment,
                               apr_uint64_t place)
{
    store_segment_t *file;
    apr_status_t rv = queue_segment_open(store->segments, segment, &file);

    if (rv == APR_SUCCESS) {
        rv = store_segment_queue_mark(file, place, STORE_QUEUE_MARK_OVER);
    }
    segment->messages--;
    return rv;
}

apr_status_t queue_store_end(queue_store_t *store, queue_message_t *message)
{
    apr_status_t rv;

    if (message->segment) {
        queue_carry_forget(store, message->id);
        rv = record_end(store, message->segment, message->place);
        message->segment = NULL;
    }
    else {
        /* The mark first: a record that moved and has no file is sent. */
        queue_move_settle(store, message->id, STORE_QUEUE_MARK_OVER);
        rv = store_file_remove(&store->dirs, message->id);
    }
    if (rv != APR_SUCCESS) {
        store_log(store->log, STORE_LOG_ERR, rv, QUEUE_LOGNO(4252)
                  "%s: is over, which could not be noted; after a restart it "
                  "may be sent again", message->id);
    }
    return rv;
}

void queue_store_forget(queue_store_t *store, const queue_place_t *place)
{
    (void)store;
    if (place->segment) {
        queue_segment_found_set(place->segment, place->place, 0);
        place->segment->messages--;
    }
}
