/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_spool.h
 * A spool in a directory of the test's own with a journal that another process
 * wrote, a store, and what it finds.
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "../unit.h"

#include "queue_store_private.h"
#include "store_io.h"
#include "store_octets.h"

#define QUEUE_SPOOL_DIR    "17-0123456789abcdef"
/** Of a segment. */
#ifndef QUEUE_SPOOL_OCTETS
#define QUEUE_SPOOL_OCTETS (1024 * 1024)
#endif
#define QUEUE_SPOOL_TRACE  "Received: by mx\r\n\tid 1\r\n"

/** One that was found. */
typedef struct queue_spool_found_t {
    const char *id;
    queue_message_t message;     /**< as the engine would have it */
    apr_off_t size_octets;
    apr_size_t recipient_count;
    int is_held, priority;
    const unsigned char *warned; /**< NULL: of nobody */
    /** Copies; NULL: nothing has happened yet. */
    store_queued_state_t *states;
} queue_spool_found_t;

typedef struct queue_spool_t {
    apr_pool_t *p;
    const char *path;
    store_log_t log;
    char logged[16384];          /**< lines at warn and above */
    apr_pool_t *store_pool;
    queue_store_t *store;
    apr_pool_t *scratch;
    store_segment_t *segment;    /**< of the other process */
    const char *trace;           /**< of records to come */
    apr_array_header_t *found;   /**< queue_spool_found_t * */
} queue_spool_t;

static inline void queue_spool_log(void *ctx, store_log_level_e level,
                                  apr_status_t rv, const char *line)
{
    queue_spool_t *u = ctx;
    size_t used = strlen(u->logged);

    (void)rv;
    if (level <= STORE_LOG_WARNING) {
        snprintf(u->logged + used, sizeof(u->logged) - used, "%s\n", line);
    }
}

static inline int queue_spool_remove_one(const char *path,
                                        const struct stat *st, int type,
                                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline apr_status_t queue_spool_remove(void *path)
{
    nftw(path, queue_spool_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return APR_SUCCESS;
}

static inline const char *queue_spool_path(queue_spool_t *u, const char *name)
{
    return apr_pstrcat(u->p, u->path, "/", name, NULL);
}

/** Another process takes over, as after SIGKILL or a restart. */
static inline void queue_spool_open(queue_spool_t *u)
{
    if (u->store_pool) {
        apr_pool_destroy(u->store_pool);
    }
    apr_pool_create(&u->store_pool, u->p);
    apr_pool_create(&u->scratch, u->store_pool);
    assert_int_equal(queue_store_open(u->store_pool, u->path, &u->log,
                                      &u->store), APR_SUCCESS);
    assert_int_equal(queue_store_lock(u->store), APR_SUCCESS);
    apr_array_clear(u->found);
}

static inline int queue_spool_journal(queue_spool_t *u, const char *dir)
{
    const char *path = queue_spool_path(u, apr_pstrcat(u->p, "journal/", dir,
                                                      NULL));
    int fd;

    mkdir(path, 0700);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline store_segment_t *queue_spool_segment(queue_spool_t *u,
                                                  const char *dir,
                                                  apr_uint64_t number)
{
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    store_segment_t *segment;
    int fd = queue_spool_journal(u, dir);

    store_segment_boot_get(boot);
    assert_int_equal(store_segment_create(fd, number, QUEUE_SPOOL_OCTETS,
                                          &segment), 0);
    assert_int_equal(store_segment_begin(segment, boot), 0);
    close(fd);
    return segment;
}

static inline queue_spool_t *queue_spool_create(apr_pool_t *p)
{
    queue_spool_t *u = apr_pcalloc(p, sizeof(*u));
    const char *temp;
    char *path;

    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    path = apr_pstrcat(p, temp, "/queue-test-XXXXXX", NULL);
    assert_non_null(mkdtemp(path));
    apr_pool_cleanup_register(p, path, queue_spool_remove,
                              apr_pool_cleanup_null);
    u->p = p;
    u->path = path;
    u->trace = QUEUE_SPOOL_TRACE;
    u->log.write = queue_spool_log;
    u->log.ctx = u;
    u->found = apr_array_make(p, 4, sizeof(queue_spool_found_t *));
    queue_spool_open(u);
    u->segment = queue_spool_segment(u, QUEUE_SPOOL_DIR, 1);
    return u;
}

/* ---- Records ---- */

/** An envelope with @a count recipients that are relayed. */
static inline store_envelope_t *queue_spool_envelope(apr_pool_t *p,
                                                    const char *id, int count)
{
    store_envelope_t *envelope = store_envelope_create(p);
    int i;

    envelope->id = id;
    envelope->reverse_path = "sender@example.org";
    envelope->arrived = apr_time_from_sec(1700000000);
    for (i = 0; i < count; i++) {
        store_recipient_t *recipient =
            store_envelope_recipient_add(p, envelope);

        recipient->forward_path = apr_psprintf(p, "r%d@example.com", i);
        recipient->is_relayed = 1;
    }
    return envelope;
}

/** Writes a record; its queue mark is the caller's. */
static inline apr_uint64_t queue_spool_put(queue_spool_t *u,
                                          store_segment_t *segment,
                                          const store_envelope_t *envelope,
                                          const char *text)
{
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    static char padding[STORE_RECORD_UNIT];
    store_record_t record = { 0 };
    struct iovec pieces[5];
    apr_uint64_t octets;
    size_t len;
    int i;

    record.generation = segment->generation;
    record.place = record.group = segment->tail;
    record.flags = STORE_RECORD_SENT;
    pieces[0].iov_base = header;
    pieces[0].iov_len = sizeof(header);
    pieces[1].iov_base = (char *)store_envelope_write(u->p, envelope, &len);
    pieces[1].iov_len = len;
    pieces[2].iov_base = (char *)u->trace;
    pieces[2].iov_len = strlen(u->trace);
    pieces[3].iov_base = (char *)text;
    pieces[3].iov_len = strlen(text);
    for (i = 1; i < 4; i++) {
        record.crc = store_record_crc(record.crc, pieces[i].iov_base,
                                      pieces[i].iov_len);
    }
    record.envelope_len = (apr_uint32_t)len;
    record.trace_len = (apr_uint32_t)pieces[2].iov_len;
    record.content_len = (apr_uint32_t)pieces[3].iov_len;
    store_record_write(&record, header);
    octets = store_record_octets(&record);
    pieces[4].iov_base = padding;
    pieces[4].iov_len = (size_t)(octets - sizeof(header)
                                 - store_record_payload_octets(&record));
    assert_int_equal(store_segment_append(segment, pieces, 5, octets), 0);
    return record.place;
}

static inline void queue_spool_hint(const queue_spool_t *u, apr_uint64_t place,
                                   smtp_queue_hint_t *hint)
{
    memset(hint, 0, sizeof(*hint));
    apr_cpystrn(hint->dir, QUEUE_SPOOL_DIR, sizeof(hint->dir));
    hint->segment = u->segment->number;
    hint->generation = u->segment->generation;
    hint->place = place;
}

/** A message of the journal, to be sent to @a count recipients. */
static inline apr_uint64_t queue_spool_commit(queue_spool_t *u, const char *id,
                                             int count, const char *text)
{
    apr_uint64_t place = queue_spool_put(u, u->segment,
                                        queue_spool_envelope(u->p, id, count),
                                        text);

    assert_int_equal(store_segment_queue_mark(u->segment, place,
                                              STORE_QUEUE_MARK_SEND), 0);
    return place;
}

static inline unsigned char queue_spool_mark(const queue_spool_t *u,
                                            apr_uint64_t place)
{
    unsigned char mark = 0xff;

    store_segment_queue_mark_get(u->segment, place, &mark);
    return mark;
}

/** One of queue_spool_commit() whose mail data is in file @a number beside the segment. */
static inline apr_uint64_t queue_spool_commit_large(queue_spool_t *u,
                                                   const char *id, int count,
                                                   const char *text,
                                                   apr_int64_t number)
{
    store_envelope_t *envelope = queue_spool_envelope(u->p, id, count);
    int dir = queue_spool_journal(u, QUEUE_SPOOL_DIR), fd;
    apr_uint64_t place;

    envelope->file_number = number;
    envelope->file_octets = (apr_int64_t)strlen(text);
    envelope->file_crc = store_record_crc(0, text, strlen(text));
    assert_int_equal(store_io_file_create(
                         dir, apr_psprintf(u->p, "%d.mail", (int)number),
                         &fd), 0);
    assert_int_equal(store_io_pwrite(fd, text, strlen(text), 0), 0);
    close(fd);
    close(dir);
    place = queue_spool_put(u, u->segment, envelope, "");
    assert_int_equal(store_segment_queue_mark(u->segment, place,
                                              STORE_QUEUE_MARK_SEND), 0);
    return place;
}

/* ---- What the store finds ---- */

static inline void queue_spool_keep(void *baton, const queue_found_t *found)
{
    queue_spool_t *u = baton;
    queue_spool_found_t *copy = apr_pcalloc(u->p, sizeof(*copy));
    apr_size_t i;

    copy->id = apr_pstrdup(u->p, found->envelope->id);
    copy->message.id = copy->id;
    copy->message.segment = found->place.segment;
    copy->message.place = found->place.place;
    copy->message.recipient_count = (apr_uint32_t)found->recipient_count;
    copy->message.size_octets = (apr_uint32_t)found->size_octets;
    copy->size_octets = found->size_octets;
    copy->recipient_count = found->recipient_count;
    copy->is_held = found->is_held;
    copy->priority = found->priority;
    if (found->warned) {
        copy->warned = apr_pmemdup(u->p, found->warned,
                                   found->recipient_count);
    }
    if (found->states) {
        copy->states = apr_pmemdup(u->p, found->states,
                                   found->recipient_count
                                       * sizeof(*found->states));
        for (i = 0; i < found->recipient_count; i++) {
            copy->states[i].host = apr_pstrdup(u->p, copy->states[i].host);
            copy->states[i].text = apr_pstrdup(u->p, copy->states[i].text);
        }
    }
    APR_ARRAY_PUSH(u->found, queue_spool_found_t *) = copy;
}

static inline queue_spool_found_t *queue_spool_get(const queue_spool_t *u,
                                                   int i)
{
    assert_true(i < u->found->nelts);
    return APR_ARRAY_IDX(u->found, i, queue_spool_found_t *);
}

/** How often a message was found. */
static inline int queue_spool_count(const queue_spool_t *u, const char *id)
{
    int i, n = 0;

    for (i = 0; i < u->found->nelts; i++) {
        n += !strcmp(queue_spool_get(u, i)->id, id);
    }
    return n;
}

static inline queue_spool_found_t *queue_spool_by_id(const queue_spool_t *u,
                                                   const char *id)
{
    int i = 0;

    while (strcmp(queue_spool_get(u, i)->id, id)) {
        i++;
    }
    return queue_spool_get(u, i);
}

/** The message of a hint. */
static inline queue_spool_found_t *queue_spool_find(queue_spool_t *u,
                                                  apr_uint64_t place)
{
    int before = u->found->nelts;
    smtp_queue_hint_t hint;

    queue_spool_hint(u, place, &hint);
    assert_int_equal(queue_store_find(u->store, &hint, u->scratch,
                                      queue_spool_keep, u), 0);
    return u->found->nelts > before ? queue_spool_get(u, before) : NULL;
}

static inline void queue_spool_scan_journal(queue_spool_t *u)
{
    apr_status_t rv;

    do {
        rv = queue_store_scan_journal(u->store, 2, u->scratch,
                                      queue_spool_keep, u);
    } while (rv == APR_SUCCESS);
    assert_int_equal(rv, APR_EOF);
}

static inline void queue_spool_scan_files(queue_spool_t *u)
{
    apr_status_t rv;

    do {
        rv = queue_store_scan_files(u->store, 2, u->scratch, queue_spool_keep,
                                    u);
    } while (rv == APR_SUCCESS);
    assert_int_equal(rv, APR_EOF);
}

/** A new process, which looks everywhere. */
static inline void queue_spool_restart(queue_spool_t *u)
{
    queue_spool_open(u);
    queue_spool_scan_journal(u);
    queue_spool_scan_files(u);
    queue_spool_scan_journal(u);
}

/** Runs a sync, if there is anything to sync. */
static inline int queue_spool_sync(queue_spool_t *u)
{
    queue_store_sync_t *sync = queue_store_sync_begin(u->store);

    if (sync) {
        queue_store_sync_run(sync);
        queue_store_sync_end(u->store, sync);
    }
    return sync != NULL;
}

static inline store_queued_note_t queue_spool_note_make(store_queued_e what,
                                                       apr_uint32_t recipient,
                                                       apr_uint32_t attempts)
{
    store_queued_note_t note = { 0 };

    note.what = what;
    note.recipient = recipient;
    note.attempts = attempts;
    note.time = 1000;
    note.next = 2000;
    note.code = 451;
    note.status = 4003000;
    note.host = "mx[192.0.2.1]:25";
    note.text = "later";
    return note;
}

static inline apr_status_t queue_spool_note(queue_spool_t *u,
                                           queue_spool_found_t *found,
                                           store_queued_e what,
                                           apr_uint32_t recipient,
                                           apr_uint32_t attempts)
{
    store_queued_note_t note = queue_spool_note_make(what, recipient,
                                                    attempts);

    apr_pool_clear(u->scratch);
    return queue_store_note(u->store, &found->message, &note, 1, u->scratch);
}

/* ---- Mail ---- */

/** All that a mail gives, by blocks of 32 KiB at most. */
static inline apr_status_t queue_spool_mail_read(apr_pool_t *p,
                                                queue_mail_t *mail,
                                                char **octets)
{
    apr_size_t size = (apr_size_t)mail->size_octets, done = 0, len;
    char *all = apr_pcalloc(p, size + 1);
    const char *block;
    apr_status_t rv;

    while ((rv = mail->content(mail->content_ctx, &block, &len))
           == APR_SUCCESS) {
        assert_true(len > 0 && len <= 32768 && len <= size - done);
        memcpy(all + done, block, len);
        done += len;
    }
    assert_int_equal(len, 0);
    *octets = all;
    return rv == APR_EOF && done == size ? APR_SUCCESS : rv;
}

static inline apr_status_t queue_spool_mail(queue_spool_t *u,
                                           const queue_message_t *message,
                                           char **octets)
{
    queue_mail_t *mail;
    apr_pool_t *p;
    apr_status_t rv;

    *octets = NULL;
    apr_pool_create(&p, u->p);
    rv = queue_store_mail_open(u->store, message, p, &mail);
    if (rv == APR_SUCCESS) {
        assert_string_equal(mail->envelope->id, message->id);
        rv = queue_spool_mail_read(u->p, mail, octets);
    }
    apr_pool_destroy(p);
    return rv;
}

/** Checks the mail of a message. */
static inline void queue_spool_mail_is(queue_spool_t *u,
                                      const queue_spool_found_t *found,
                                      const char *text)
{
    const char *all = apr_pstrcat(u->p, QUEUE_SPOOL_TRACE, text, NULL);
    char *octets;

    assert_int_equal(queue_spool_mail(u, &found->message, &octets), 0);
    assert_int_equal(found->size_octets, strlen(all));
    assert_string_equal(octets, all);
}

/* ---- Files ---- */

/** The path of a file of the queue below the spool. */
static inline const char *queue_spool_file(queue_spool_t *u, const char *id)
{
    char dir[3];

    store_queued_dir_write(dir, store_queued_dir(id));
    return apr_pstrcat(u->p, u->path, "/queue/", dir, "/", id, NULL);
}

static inline int queue_spool_has_file(queue_spool_t *u, const char *id)
{
    return access(queue_spool_file(u, id), F_OK) == 0;
}

/** Octets of a file; -1: there is none. */
static inline apr_off_t queue_spool_file_octets(queue_spool_t *u,
                                               const char *id)
{
    struct stat st;

    return stat(queue_spool_file(u, id), &st) ? -1 : st.st_size;
}

static inline int queue_spool_names(queue_spool_t *u, const char *dir)
{
    DIR *handle = opendir(queue_spool_path(u, dir));
    struct dirent *entry;
    int n = 0;

    while (handle && (entry = readdir(handle)) != NULL) {
        n += *entry->d_name != '.';
    }
    if (handle) {
        closedir(handle);
    }
    return n;
}

/** A text of @a len octets, in lines. */
static inline char *queue_spool_text(apr_pool_t *p, apr_size_t len)
{
    char *text = apr_palloc(p, len + 1);
    apr_size_t i;

    for (i = 0; i < len; i++) {
        text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n'
                : (char)('a' + i / 64 % 26);
    }
    text[len] = '\0';
    return text;
}

#endif
