/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_checkpoint.h"

#include <errno.h>
#include <unistd.h>

#include "spool_replay.h"

static void lock(spool_journal_t *journal)
{
    apr_thread_mutex_lock(journal->mutex);
}

static void unlock(spool_journal_t *journal)
{
    apr_thread_mutex_unlock(journal->mutex);
}

/* The journal's segments that hold records, as an array in p. They stay: only
 * the keeper, whose thread this is, takes segments away. */
static apr_array_header_t *segments_get(spool_journal_t *journal,
                                        apr_pool_t *p)
{
    apr_array_header_t *segments =
        apr_array_make(p, 16, sizeof(store_segment_t *));
    store_segment_t *segment;

    lock(journal);
    for (segment = journal->full; segment; segment = segment->next) {
        APR_ARRAY_PUSH(segments, store_segment_t *) = segment;
    }
    if (journal->current) {
        APR_ARRAY_PUSH(segments, store_segment_t *) = journal->current;
    }
    unlock(journal);
    return segments;
}

/* Places of the segment's records with a mark, which becomes `next`. */
static apr_array_header_t *places_get(spool_journal_t *journal,
                                      store_segment_t *segment,
                                      apr_pool_t *p, unsigned char mark,
                                      unsigned char next)
{
    apr_array_header_t *places = apr_array_make(p, 16, sizeof(apr_uint64_t));
    apr_uint64_t place;

    lock(journal);
    for (place = STORE_SEGMENT_DATA; place < segment->octets;
         place += STORE_RECORD_UNIT) {
        if (STORE_SEGMENT_MARK(segment, place) == mark) {
            STORE_SEGMENT_MARK(segment, place) = next;
            APR_ARRAY_PUSH(places, apr_uint64_t) = place;
        }
    }
    unlock(journal);
    return places;
}

/* ---- Retries ---- */

typedef struct retry_t {
    spool_journal_t *journal;
    const store_damaged_t *damaged;
    apr_pool_t *p;               /* cleared after each message */
    spool_replay_t replay;
    spool_maildir_how_e how;
} retry_t;

/* So is the file of its mail data, if it has one. */
static void keep_file(retry_t *retry, apr_uint64_t place)
{
    spool_journal_t *journal = retry->journal;
    char name[SPOOL_JOURNAL_NAME_OCTETS] = "";
    int i;

    lock(journal);
    for (i = 0; i < retry->replay.segment->files->nelts; i++) {
        const store_segment_file_t *file =
            &APR_ARRAY_IDX(retry->replay.segment->files, i,
                           store_segment_file_t);

        if (file->place == place) {
            spool_journal_name_write(name, (apr_uint64_t)file->number,
                                     "mail");
        }
    }
    unlock(journal);
    if (*name) {
        store_damaged_move(retry->damaged, journal->dir, journal->name, name,
                           "mail data of a damaged message");
    }
}

/* The record cannot be read back: it is kept for the administrator. */
static apr_status_t give_up(retry_t *retry, apr_uint64_t place,
                            const store_record_t *record)
{
    store_segment_t *segment = retry->replay.segment;
    apr_uint64_t len = record->generation ? store_record_octets(record)
                                          : STORE_RECORD_UNIT;
    apr_status_t rv =
        store_damaged_copy(retry->damaged, segment,
                           retry->journal->name, place, place + len,
                           "a message in the journal was damaged");

    if (rv == APR_SUCCESS) {
        keep_file(retry, place);
        store_segment_mark(segment, place, STORE_MARK_VOID);
        lock(retry->journal);
        STORE_SEGMENT_MARK(segment, place) = STORE_MARK_VOID;
        segment->done++;
        retry->journal->retries--;
        unlock(retry->journal);
    }
    return rv;
}

static apr_status_t retry_record(retry_t *retry, apr_uint64_t place)
{
    store_record_t record = { 0 };
    store_segment_t *segment = retry->replay.segment;
    apr_status_t rv = store_segment_record_get(segment, place, &record);

    if (rv == APR_SUCCESS) {
        rv = spool_replay(&retry->replay, &record, retry->p, retry->how);
        apr_pool_clear(retry->p);
    }
    if (rv == STORE_EDAMAGED || rv == STORE_ETORN) {
        return give_up(retry, place, &record);
    }
    if (rv == APR_SUCCESS) {
        lock(retry->journal);
        retry->journal->retries--;
        unlock(retry->journal);
        spool_journal_settle(retry->journal, segment, &record, 1);
    }
    return rv;
}

/* All records of the segment with the mark. */
static apr_status_t retry_segment(retry_t *retry, apr_pool_t *p,
                                  unsigned char mark,
                                  spool_maildir_how_e how)
{
    apr_array_header_t *places = places_get(retry->journal,
                                            retry->replay.segment, p, mark,
                                            mark);
    apr_status_t first = APR_SUCCESS;
    int i;

    retry->how = how;
    retry->replay.found = apr_hash_make(p);
    for (i = 0; i < places->nelts; i++) {
        apr_status_t rv =
            retry_record(retry, APR_ARRAY_IDX(places, i, apr_uint64_t));

        if (first == APR_SUCCESS) {
            first = rv;
        }
    }
    return first;
}

static int is_time(spool_journal_t *journal, const store_segment_t *segment,
                   apr_time_t now)
{
    int answer;

    lock(journal);
    answer = now >= segment->retry_at;
    unlock(journal);
    return answer;
}

/* A mailbox that is full stays so for hours: each attempt costs a look into
 * it. A record that came meanwhile has its turn soon all the same. */
static void put_off(spool_journal_t *journal, store_segment_t *segment,
                    apr_time_t now)
{
    lock(journal);
    segment->retry_delay = segment->retry_delay
                         ? 2 * segment->retry_delay
                         : SPOOL_CHECKPOINT_RETRY_FIRST;
    if (segment->retry_delay > SPOOL_CHECKPOINT_RETRY_LAST) {
        segment->retry_delay = SPOOL_CHECKPOINT_RETRY_LAST;
    }
    segment->retry_at = now + segment->retry_delay;
    unlock(journal);
}

/* All that waits in the segment. */
static apr_status_t retry_all(retry_t *retry, apr_pool_t *p)
{
    apr_status_t first = retry_segment(retry, p, STORE_MARK_REPAIR,
                                       SPOOL_MAILDIR_REPAIR);
    apr_status_t rv = retry_segment(retry, p, STORE_MARK_RETRY,
                                    SPOOL_MAILDIR_AGAIN);

    return first == APR_SUCCESS ? rv : first;
}

apr_status_t spool_checkpoint_retry(spool_journal_t *journal,
                                    spool_maildir_t *maildir,
                                    const store_damaged_t *damaged,
                                    apr_time_t now, apr_pool_t *p)
{
    apr_array_header_t *segments = segments_get(journal, p);
    retry_t retry = { 0 };
    apr_status_t first = APR_SUCCESS, rv;
    int i;

    retry.journal = journal;
    retry.replay.maildir = maildir;
    retry.replay.queue = journal->queue;
    retry.replay.dir = journal->dir;
    retry.replay.name = journal->name;
    retry.damaged = damaged;
    apr_pool_create(&retry.p, p);
    for (i = 0; i < segments->nelts; i++) {
        store_segment_t *segment = APR_ARRAY_IDX(segments, i,
                                                 store_segment_t *);

        if (!is_time(journal, segment, now)) {
            continue;
        }
        retry.replay.segment = segment;
        rv = retry_all(&retry, p);
        if (rv != APR_SUCCESS) {
            put_off(journal, segment, now);
        }
        if (first == APR_SUCCESS) {
            first = rv;
        }
    }
    apr_pool_destroy(retry.p);
    return first;
}

/* ---- Checkpoint ---- */

/* A segment and those of its records that this checkpoint is about. */
typedef struct part_t {
    store_segment_t *segment;
    apr_array_header_t *places;  /* apr_uint64_t */
} part_t;

static apr_array_header_t *parts_begin(spool_journal_t *journal,
                                       apr_pool_t *p)
{
    apr_array_header_t *segments = segments_get(journal, p);
    apr_array_header_t *parts = apr_array_make(p, segments->nelts + 1,
                                               sizeof(part_t));
    int i;

    for (i = 0; i < segments->nelts; i++) {
        part_t *part = apr_array_push(parts);

        part->segment = APR_ARRAY_IDX(segments, i, store_segment_t *);
        part->places = places_get(journal, part->segment, p,
                                  STORE_MARK_DELIVERED, STORE_MARK_SYNCING);
    }
    return parts;
}

/* The sync was good: that is noted in memory. */
static void parts_end(spool_journal_t *journal, apr_array_header_t *parts)
{
    int i, j;

    lock(journal);
    for (i = 0; i < parts->nelts; i++) {
        const part_t *part = &APR_ARRAY_IDX(parts, i, part_t);

        for (j = 0; j < part->places->nelts; j++) {
            STORE_SEGMENT_MARK(part->segment,
                               APR_ARRAY_IDX(part->places, j, apr_uint64_t)) =
                STORE_MARK_DONE;
        }
        journal->delivered -= (unsigned int)part->places->nelts;
        part->segment->done += (unsigned int)part->places->nelts;
    }
    unlock(journal);
}

/* What a failed sync makes of a mark in memory, counted; with the mutex. */
static unsigned char mark_doubt(spool_journal_t *journal, unsigned char mark)
{
    switch (mark) {
    case STORE_MARK_PENDING:
        return STORE_MARK_DOUBTED;
    case STORE_MARK_RETRY:       /* some of its mailboxes may have copies */
        return STORE_MARK_REPAIR;
    case STORE_MARK_DELIVERED:
    case STORE_MARK_SYNCING:
        journal->delivered--;
        journal->retries++;
        return STORE_MARK_REPAIR;
    default:
        return mark;
    }
}

/* Copies of all records that are not done may be lost, those that were
 * delivered while the sync ran among them: the kernel tells once. On disk it
 * must stand too, or a successor would take what is marked DELIVERED for
 * good. */
static void segment_doubt(spool_journal_t *journal, store_segment_t *segment,
                          apr_pool_t *p)
{
    apr_array_header_t *places;
    apr_uint64_t place;
    int i;

    lock(journal);
    for (place = STORE_SEGMENT_DATA; place < segment->octets;
         place += STORE_RECORD_UNIT) {
        unsigned char *mark = &STORE_SEGMENT_MARK(segment, place);

        *mark = mark_doubt(journal, *mark);
    }
    segment->retry_at = segment->retry_delay = 0;
    unlock(journal);
    places = places_get(journal, segment, p, STORE_MARK_REPAIR,
                        STORE_MARK_REPAIR);
    for (i = 0; i < places->nelts; i++) {
        store_segment_mark(segment, APR_ARRAY_IDX(places, i, apr_uint64_t),
                           STORE_MARK_REPAIR);
    }
    if (places->nelts) {
        store_segment_marks_sync(segment);
    }
}

static void doubt(spool_journal_t *journal, apr_pool_t *p)
{
    apr_array_header_t *segments = segments_get(journal, p);
    int i;

    for (i = 0; i < segments->nelts; i++) {
        segment_doubt(journal, APR_ARRAY_IDX(segments, i, store_segment_t *),
                      p);
    }
}

/* A segment that is retired in a moment needs no marks on disk. */
static int needs_marks(spool_journal_t *journal,
                       const store_segment_t *segment)
{
    int answer;

    lock(journal);
    answer = segment == journal->current || segment->has_sent
        || segment->done != segment->records;
    unlock(journal);
    return answer;
}

/* The same on disk. */
static void part_write(spool_journal_t *journal, const part_t *part)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (!needs_marks(journal, part->segment)) {
        return;
    }
    for (i = 0; i < part->places->nelts && rv == APR_SUCCESS; i++) {
        rv = store_segment_mark(part->segment,
                                APR_ARRAY_IDX(part->places, i, apr_uint64_t),
                                STORE_MARK_DONE);
    }
}

static apr_status_t sync_parts(spool_journal_t *journal,
                               spool_maildir_t *maildir, apr_pool_t *p)
{
    apr_array_header_t *parts = parts_begin(journal, p);
    apr_status_t rv = spool_maildir_sync(maildir, &journal->sync_failures);
    int i;

    if (rv != APR_SUCCESS) {
        doubt(journal, p);
        store_log(journal->log, STORE_LOG_ERR, rv, STORE_LOGNO(2020)
                  "mailboxes could not be written back; what was delivered "
                  "since the last checkpoint is written anew");
        return rv;
    }
    parts_end(journal, parts);
    for (i = 0; i < parts->nelts; i++) {
        part_write(journal, &APR_ARRAY_IDX(parts, i, part_t));
    }
    return APR_SUCCESS;
}

/* ---- Letting go: files of mail data ---- */

/* Files of the segment whose messages are done here, as an array in p. */
static apr_array_header_t *files_get(spool_journal_t *journal,
                                     const store_segment_t *segment,
                                     apr_pool_t *p)
{
    apr_array_header_t *files = apr_array_make(p, 4,
                                               sizeof(store_segment_file_t));
    int i;

    lock(journal);
    for (i = 0; i < segment->files->nelts; i++) {
        const store_segment_file_t *file =
            &APR_ARRAY_IDX(segment->files, i, store_segment_file_t);
        unsigned char mark = STORE_SEGMENT_MARK(segment, file->place);

        if (mark == STORE_MARK_DONE || mark == STORE_MARK_VOID) {
            APR_ARRAY_PUSH(files, store_segment_file_t) = *file;
        }
    }
    unlock(journal);
    return files;
}

/* Whether nobody needs the file, and that stands in the marks: without its
 * mark a record wants its file back after a crash. */
static int is_needless(store_segment_t *segment,
                       const store_segment_file_t *file)
{
    unsigned char mark = STORE_QUEUE_MARK_OVER;

    return (!file->is_sent
            || store_segment_queue_mark_get(segment, file->place, &mark)
               == APR_SUCCESS)
        && mark == STORE_QUEUE_MARK_OVER
        && store_segment_mark(segment, file->place,
                              STORE_SEGMENT_MARK(segment, file->place))
           == APR_SUCCESS;
}

static void file_remove(spool_journal_t *journal, store_segment_t *segment,
                        const store_segment_file_t *file)
{
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    int i, left = 0;

    spool_journal_name_write(name, (apr_uint64_t)file->number, "mail");
    unlinkat(journal->dir, name, 0);
    lock(journal);
    for (i = 0; i < segment->files->nelts; i++) {
        store_segment_file_t other =
            APR_ARRAY_IDX(segment->files, i, store_segment_file_t);

        if (other.number != file->number) {
            APR_ARRAY_IDX(segment->files, left++, store_segment_file_t) =
                other;
        }
    }
    segment->files->nelts = left;
    unlock(journal);
}

/* Removes the segment's files that nobody needs. */
static void files_let_go(spool_journal_t *journal, store_segment_t *segment,
                         apr_pool_t *p)
{
    apr_array_header_t *files = files_get(journal, segment, p);
    int i, needless = 0;

    for (i = 0; i < files->nelts; i++) {
        store_segment_file_t file = APR_ARRAY_IDX(files, i,
                                                  store_segment_file_t);

        if (is_needless(segment, &file)) {
            APR_ARRAY_IDX(files, needless++, store_segment_file_t) = file;
        }
    }
    if (!needless || store_segment_marks_sync(segment) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < needless; i++) {
        file_remove(journal, segment, &APR_ARRAY_IDX(files, i,
                                                     store_segment_file_t));
    }
}

/* ---- Letting go: segments ---- */

/* Looks whether all of the segment's records are over. What is done was handed
 * over before, so nothing that is to be sent is overlooked. */
static void look(spool_journal_t *journal, store_segment_t *segment)
{
    unsigned int records;
    int is_done, has_sent;

    lock(journal);
    records = segment->records;
    is_done = segment->done == records;
    has_sent = segment->has_sent;
    unlock(journal);
    segment->over = is_done && (!has_sent
                                || store_segment_queue_is_over(segment))
                  ? records : 0;
}

static void look_at_all(spool_journal_t *journal, apr_pool_t *p)
{
    apr_array_header_t *segments = segments_get(journal, p);
    int i;

    for (i = 0; i < segments->nelts; i++) {
        store_segment_t *segment = APR_ARRAY_IDX(segments, i,
                                                 store_segment_t *);

        files_let_go(journal, segment, p);
        look(journal, segment);
    }
}

/* Takes the segments out whose records are all over, the current one too
 * when it is worth while: while nothing waits in it, it can begin anew. */
static store_segment_t *detach_over(spool_journal_t *journal)
{
    store_segment_t **link = &journal->full, *over = NULL;
    store_segment_t *current = journal->current;

    if (current && !journal->is_committing && !journal->first
        && current->over == current->records
        && current->tail > current->octets / 4) {
        spool_journal_put_away(journal);
    }
    while (*link) {
        store_segment_t *segment = *link;

        if (segment->over == segment->records) {
            *link = segment->next;
            journal->full_count--;
            segment->next = over;
            over = segment;
        }
        else {
            link = &segment->next;
        }
    }
    return over;
}

/* Removes the files that a segment that is over still has: its marks could
 * not be written. */
static void files_remove(spool_journal_t *journal, store_segment_t *segment)
{
    while (segment->files->nelts) {
        store_segment_file_t file = APR_ARRAY_IDX(segment->files, 0,
                                                  store_segment_file_t);

        file_remove(journal, segment, &file);
    }
}

/* Retires a segment and puts it with the free ones; one that cannot be
 * trusted, or not be retired, goes. */
static void recycle(spool_journal_t *journal, store_segment_t *segment)
{
    if (segment->is_failed || store_segment_retire(segment) != APR_SUCCESS) {
        store_segment_remove(segment, journal->dir);
        return;
    }
    files_remove(journal, segment);
    lock(journal);
    segment->next = journal->free;
    journal->free = segment;
    journal->free_count++;
    unlock(journal);
}

/* Removes free segments that nobody needed since the last checkpoint, but
 * for one. */
static void trim(spool_journal_t *journal)
{
    store_segment_t *segment = NULL;

    lock(journal);
    if (journal->free_least > 1) {
        segment = journal->free;
        journal->free = segment->next;
        journal->free_count--;
    }
    journal->free_least = journal->free_count;
    unlock(journal);
    if (segment) {
        store_segment_remove(segment, journal->dir);
    }
}

apr_status_t spool_checkpoint(spool_journal_t *journal,
                              spool_maildir_t *maildir, apr_pool_t *p)
{
    store_segment_t *segment;
    apr_status_t rv = APR_SUCCESS;
    int has_work;

    lock(journal);
    has_work = journal->delivered > 0;
    unlock(journal);
    if (has_work) {
        rv = sync_parts(journal, maildir, p);
    }
    look_at_all(journal, p);
    lock(journal);
    segment = detach_over(journal);
    unlock(journal);
    while (segment) {
        store_segment_t *next = segment->next;

        recycle(journal, segment);
        segment = next;
    }
    trim(journal);
    return rv;
}
