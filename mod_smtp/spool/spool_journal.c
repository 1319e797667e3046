/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "store_io.h"

/* Pieces of a batch: what one call takes, several times. */
#define BATCH_PIECES (4 * STORE_IO_PIECES)
#define PIECES_MAX   (BATCH_PIECES - 2)
#define DIR_TRIES    8

static void lock(spool_journal_t *journal)
{
    apr_thread_mutex_lock(journal->mutex);
}

static void unlock(spool_journal_t *journal)
{
    apr_thread_mutex_unlock(journal->mutex);
}

apr_status_t spool_journal_create(apr_pool_t *p, int parent,
                                  apr_uint64_t segment_octets,
                                  const store_log_t *log,
                                  spool_journal_t **out)
{
    spool_journal_t *journal = apr_pcalloc(p, sizeof(*journal));
    apr_status_t rv;
    int i;

    *out = NULL;
    journal->log = log;
    journal->parent = parent;
    journal->segment_octets = segment_octets / STORE_RECORD_UNIT
                            * STORE_RECORD_UNIT;
    journal->dir = -1;
    journal->last = &journal->first;
    store_segment_boot_get(journal->boot);
    rv = apr_thread_mutex_create(&journal->mutex, APR_THREAD_MUTEX_DEFAULT,
                                 p);
    for (i = 0; i < 2 && rv == APR_SUCCESS; i++) {
        rv = apr_thread_cond_create(&journal->done[i], p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&journal->work, p);
    }
    if (rv == APR_SUCCESS) {
        *out = journal;
    }
    return rv;
}

/* ---- The directory ---- */

/* Makes a directory and locks it. Between the two a recovery may find it,
 * take it for a dead process's, and remove it: EAGAIN. */
static apr_status_t dir_try(spool_journal_t *journal)
{
    apr_uint64_t random;
    struct stat st;
    apr_status_t rv =
        apr_generate_random_bytes((unsigned char *)&random, sizeof(random));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_snprintf(journal->name, sizeof(journal->name),
                 "%ld-%016" APR_UINT64_T_HEX_FMT, (long)getpid(), random);
    rv = store_io_dir_make(journal->parent, journal->name, &journal->dir);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT ? EAGAIN : rv;
    }
    if (flock(journal->dir, LOCK_EX | LOCK_NB) == 0
        && fstat(journal->dir, &st) == 0 && st.st_nlink > 0) {
        return store_io_fsync(journal->parent);
    }
    close(journal->dir);
    journal->dir = -1;
    return EAGAIN;
}

/* With the mutex. */
static apr_status_t dir_make(spool_journal_t *journal)
{
    apr_status_t rv = journal->dir < 0 ? EAGAIN : APR_SUCCESS;
    int i;

    for (i = 0; i < DIR_TRIES && rv == EAGAIN; i++) {
        rv = dir_try(journal);
    }
    if (rv != APR_SUCCESS && journal->dir >= 0) {
        unlinkat(journal->parent, journal->name, AT_REMOVEDIR);
        close(journal->dir);
        journal->dir = -1;
    }
    return rv;
}

apr_status_t spool_journal_dir_get(spool_journal_t *journal, int *dir)
{
    apr_status_t rv;

    lock(journal);
    rv = dir_make(journal);
    *dir = journal->dir;
    unlock(journal);
    return rv;
}

apr_uint64_t spool_journal_number_make(spool_journal_t *journal)
{
    apr_uint64_t number;

    lock(journal);
    number = ++journal->last_number;
    unlock(journal);
    return number;
}

void spool_journal_name_write(char name[SPOOL_JOURNAL_NAME_OCTETS],
                              apr_uint64_t number, const char *kind)
{
    apr_snprintf(name, SPOOL_JOURNAL_NAME_OCTETS, "%" APR_UINT64_T_FMT ".%s",
                 number, kind);
}

apr_uint64_t spool_journal_record_max(const spool_journal_t *journal)
{
    return journal->segment_octets - STORE_SEGMENT_DATA;
}

/* ---- The current segment ---- */

void spool_journal_put_away(spool_journal_t *journal)
{
    if (journal->current) {
        journal->current->next = journal->full;
        journal->full = journal->current;
        journal->current = NULL;
        if (++journal->full_count >= SPOOL_JOURNAL_FULL_MANY) {
            apr_thread_cond_signal(journal->work);
        }
    }
}

/* A free segment, or NULL; with the mutex. */
static store_segment_t *take_free(spool_journal_t *journal)
{
    store_segment_t *segment = journal->free;

    if (segment) {
        journal->free = segment->next;
        journal->free_count--;
        if (journal->free_count < journal->free_least) {
            journal->free_least = journal->free_count;
        }
    }
    return segment;
}

static apr_status_t segment_new(spool_journal_t *journal,
                                store_segment_t **segment)
{
    int dir;
    apr_status_t rv = spool_journal_dir_get(journal, &dir);

    return rv == APR_SUCCESS
        ? store_segment_create(dir, spool_journal_number_make(journal),
                               journal->segment_octets, segment)
        : rv;
}

/* A current segment with room for so many octets. */
static apr_status_t current_get(spool_journal_t *journal, apr_uint64_t octets)
{
    store_segment_t *segment = journal->current;
    apr_status_t rv = APR_SUCCESS;

    if (segment && !segment->is_failed
        && store_segment_has_room(segment, octets)) {
        return APR_SUCCESS;
    }
    lock(journal);
    spool_journal_put_away(journal);
    segment = take_free(journal);
    unlock(journal);
    if (!segment) {
        rv = segment_new(journal, &segment);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_segment_begin(segment, journal->boot);
    if (rv != APR_SUCCESS) {
        store_segment_remove(segment, journal->dir);
        return rv;
    }
    lock(journal);
    journal->current = segment;
    unlock(journal);
    return APR_SUCCESS;
}

/* ---- Group commit ---- */

/* Records that go into one segment by one write. */
typedef struct batch_t {
    spool_entry_t *first;
    spool_entry_t *end;          /* the first that is not in it */
    struct iovec pieces[BATCH_PIECES];
    int count;
    apr_uint64_t octets;
} batch_t;

static void piece_add(batch_t *batch, const void *octets, apr_size_t len)
{
    batch->pieces[batch->count].iov_base = (void *)octets;
    batch->pieces[batch->count++].iov_len = len;
}

/* Places the record behind those that are in the batch. */
static void batch_add(batch_t *batch, const store_segment_t *segment,
                      spool_entry_t *entry)
{
    static const char padding[STORE_RECORD_UNIT];
    store_record_t *record = &entry->record;
    apr_uint64_t octets = store_record_octets(record);
    int i;

    record->generation = segment->generation;
    record->place = segment->tail + batch->octets;
    record->group = segment->tail;
    store_record_write(record, entry->header);
    piece_add(batch, entry->header, sizeof(entry->header));
    for (i = 0; i < entry->count; i++) {
        piece_add(batch, entry->pieces[i].iov_base, entry->pieces[i].iov_len);
    }
    piece_add(batch, padding, octets - sizeof(entry->header)
                              - store_record_payload_octets(record));
    batch->octets += octets;
}

/* Takes records from `entry` on as they fit. */
static void batch_fill(batch_t *batch, const store_segment_t *segment,
                       spool_entry_t *entry)
{
    batch->first = entry;
    batch->count = 0;
    batch->octets = 0;
    while (entry && batch->count + entry->count + 2 <= BATCH_PIECES
           && store_segment_has_room(segment, batch->octets
                                     + store_record_octets(&entry->record))) {
        batch_add(batch, segment, entry);
        entry = entry->next;
    }
    batch->end = entry;
}

/* They are durable: now they count. */
static void batch_keep(spool_journal_t *journal, const batch_t *batch,
                       store_segment_t *segment)
{
    spool_entry_t *entry;

    lock(journal);
    for (entry = batch->first; entry != batch->end; entry = entry->next) {
        entry->segment = segment;
        STORE_SEGMENT_MARK(segment, entry->record.place) =
            STORE_MARK_PENDING;
        segment->records++;
        segment->has_sent |= (entry->record.flags & STORE_RECORD_SENT) != 0;
        if (entry->file_number) {
            store_segment_file_t *file = apr_array_push(segment->files);

            file->place = entry->record.place;
            file->number = entry->file_number;
            file->is_sent = (entry->record.flags & STORE_RECORD_SENT) != 0;
        }
    }
    unlock(journal);
}

/* Their clients get 4xx. They may be on disk for all that; a recovery must
 * not deliver what was refused. Done as well as can be: if this fails too, a
 * crash now gives the client's next attempt a twin. */
static void batch_void(const batch_t *batch, store_segment_t *segment)
{
    const spool_entry_t *entry;

    for (entry = batch->first; entry != batch->end; entry = entry->next) {
        store_segment_mark(segment, entry->record.place, STORE_MARK_VOID);
    }
    store_segment_marks_sync(segment);
}

static apr_status_t batch_commit(spool_journal_t *journal, batch_t *batch,
                                 spool_entry_t *entry)
{
    store_segment_t *segment;
    apr_status_t rv =
        current_get(journal, store_record_octets(&entry->record));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    segment = journal->current;
    batch_fill(batch, segment, entry);
    rv = store_segment_append(segment, batch->pieces, batch->count,
                              batch->octets);
    if (rv == APR_SUCCESS) {
        batch_keep(journal, batch, segment);
    }
    else if (segment->is_failed) {
        store_log(journal->log, STORE_LOG_ERR, rv, STORE_LOGNO(2001)
                  "could not write to journal %s; segment %" APR_UINT64_T_FMT
                  " is given up", journal->name, segment->number);
        batch_void(batch, segment);
    }
    return rv;
}

/* Commits all records of a group, and tells each what became of it. */
static void group_commit(spool_journal_t *journal, spool_entry_t *entry)
{
    batch_t batch;

    while (entry) {
        apr_status_t rv;

        batch.end = NULL;
        rv = batch_commit(journal, &batch, entry);
        for (; entry != batch.end; entry = entry->next) {
            entry->rv = rv;
        }
    }
}

/* Commits the group that has formed; with the mutex. */
static void lead(spool_journal_t *journal)
{
    spool_entry_t *entry = journal->first;
    unsigned int group = journal->group++;

    journal->first = NULL;
    journal->last = &journal->first;
    journal->is_committing = 1;
    unlock(journal);
    group_commit(journal, entry);
    lock(journal);
    journal->is_committing = 0;
    while (entry) {
        spool_entry_t *next = entry->next;

        entry->is_done = 1;      /* from here on it may go */
        entry = next;
    }
    apr_thread_cond_broadcast(journal->done[group & 1]);
    /* One of those who came meanwhile leads next. */
    apr_thread_cond_signal(journal->done[journal->group & 1]);
}

apr_status_t spool_journal_append(spool_journal_t *journal,
                                  spool_entry_t *entry)
{
    if (entry->count > PIECES_MAX
        || store_record_octets(&entry->record)
           > spool_journal_record_max(journal)) {
        return EMSGSIZE;
    }
    lock(journal);
    if (journal->is_stopped) {
        unlock(journal);
        return ESHUTDOWN;
    }
    entry->next = NULL;
    entry->is_done = 0;
    entry->group = journal->group;
    *journal->last = entry;
    journal->last = &entry->next;
    while (!entry->is_done) {
        if (journal->is_committing) {
            apr_thread_cond_wait(journal->done[entry->group & 1],
                                 journal->mutex);
        }
        else {
            lead(journal);
        }
    }
    unlock(journal);
    return entry->rv;
}

/* ---- Afterwards ---- */

/* A sync failed while the record's session delivered it: what the kernel
 * dropped then, no later sync tells of. With the mutex, which keeps the
 * segment here. */
static void doubt(spool_journal_t *journal, store_segment_t *segment,
                  apr_uint64_t place)
{
    store_segment_mark(segment, place, STORE_MARK_REPAIR);
    STORE_SEGMENT_MARK(segment, place) = STORE_MARK_REPAIR;
    segment->retry_at = segment->retry_delay = 0;
    journal->retries++;
}

void spool_journal_settle(spool_journal_t *journal, store_segment_t *segment,
                          const store_record_t *record, int is_done)
{
    int has_copies = !(record->flags & STORE_RECORD_NO_MAILDIR);
    apr_uint64_t place = record->place;

    if (is_done && has_copies) {
        /* Before the count, and without the mutex: while the record counts
         * as pending, the segment stays. A mark that is not written costs a
         * look into the mailbox after a crash, nothing else. */
        store_segment_mark(segment, place, STORE_MARK_DELIVERED);
    }
    lock(journal);
    if (is_done && !has_copies) {
        /* No sync is about it. */
        STORE_SEGMENT_MARK(segment, place) = STORE_MARK_DONE;
        segment->done++;
    }
    else if (STORE_SEGMENT_MARK(segment, place) == STORE_MARK_DOUBTED) {
        doubt(journal, segment, place);
    }
    else if (is_done) {
        STORE_SEGMENT_MARK(segment, place) = STORE_MARK_DELIVERED;
        journal->delivered++;
    }
    else {
        STORE_SEGMENT_MARK(segment, place) = STORE_MARK_RETRY;
        journal->retries++;
        /* It does not wait for what failed many times before. */
        segment->retry_at = segment->retry_delay = 0;
    }
    unlock(journal);
}

/* Records whose sessions are gone. */
static void adopt(spool_journal_t *journal, store_segment_t *segment)
{
    apr_uint64_t place;

    for (place = STORE_SEGMENT_DATA; place < segment->octets;
         place += STORE_RECORD_UNIT) {
        if (STORE_SEGMENT_MARK(segment, place) == STORE_MARK_PENDING) {
            STORE_SEGMENT_MARK(segment, place) = STORE_MARK_RETRY;
            journal->retries++;
        }
        else if (STORE_SEGMENT_MARK(segment, place) == STORE_MARK_DOUBTED) {
            doubt(journal, segment, place);
        }
    }
}

void spool_journal_stop(spool_journal_t *journal)
{
    store_segment_t *segment;

    lock(journal);
    journal->is_stopped = 1;
    while (journal->is_committing || journal->first) {
        if (journal->is_committing) {
            apr_thread_cond_wait(journal->done[0], journal->mutex);
        }
        else {
            lead(journal);
        }
    }
    spool_journal_put_away(journal);
    for (segment = journal->full; segment; segment = segment->next) {
        adopt(journal, segment);
    }
    unlock(journal);
}

/* Removes what is done and closes the rest of a list. */
static void close_all(spool_journal_t *journal, store_segment_t *segment)
{
    while (segment) {
        store_segment_t *next = segment->next;

        if (segment->done == segment->records
            && (!segment->has_sent
                || store_segment_queue_is_over(segment))) {
            store_segment_remove(segment, journal->dir);
        }
        else {
            store_segment_close(segment);
        }
        segment = next;
    }
}

void spool_journal_close(spool_journal_t *journal)
{
    lock(journal);
    spool_journal_put_away(journal);
    close_all(journal, journal->full);
    close_all(journal, journal->free);
    journal->full = journal->free = NULL;
    if (journal->dir >= 0) {
        /* Fails where something is left: the lock goes, and whoever comes
         * next takes care of it. */
        unlinkat(journal->parent, journal->name, AT_REMOVEDIR);
        close(journal->dir);
        journal->dir = -1;
    }
    unlock(journal);
}
