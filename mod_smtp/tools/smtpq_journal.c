/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_journal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "store_io.h"

/** Where a record is. */
typedef struct place_t {
    int index;
    const char *id;
    const char *dir;
    apr_uint64_t number;
    apr_uint64_t generation;
    apr_uint64_t place;
} place_t;

struct smtpq_journal_t {
    apr_pool_t *p;
    int fd;                      /* SPOOL/journal; -1: there is none */
    apr_array_header_t *places;  /* place_t * */
    apr_hash_t *by_id;           /* id -> place_t * */
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    /* Opened last, and its directory: most records follow one another. */
    const place_t *open;         /* a record in it; NULL: none */
    store_segment_t *segment;
    int dir;
};

/* A record. */

static apr_status_t envelope_read(store_segment_t *segment, apr_pool_t *p,
                                  const store_record_t *record,
                                  const store_envelope_t **envelope)
{
    char *octets = apr_palloc(p, record->envelope_len + (apr_size_t)1);
    apr_status_t rv = store_segment_payload_get(segment, record, 0, octets,
                                                record->envelope_len);

    if (rv != APR_SUCCESS) {
        return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
    }
    *envelope = store_envelope_parse(p, octets, record->envelope_len);
    return *envelope && store_queued_is_id((*envelope)->id) ? APR_SUCCESS
                                                            : STORE_EDAMAGED;
}

static void place_note(smtpq_journal_t *journal, const char *dir,
                       store_segment_t *segment, apr_pool_t *p,
                       apr_uint64_t at)
{
    const store_envelope_t *envelope;
    store_record_t record;
    place_t *place;

    if (STORE_SEGMENT_MARK(segment, at) == STORE_MARK_VOID
        || store_segment_record_get(segment, at, &record) != APR_SUCCESS
        || envelope_read(segment, p, &record, &envelope) != APR_SUCCESS) {
        return;
    }
    place = apr_palloc(journal->p, sizeof(*place));
    place->index = journal->places->nelts;
    APR_ARRAY_PUSH(journal->places, place_t *) = place;
    place->id = apr_pstrdup(journal->p, envelope->id);
    place->dir = dir;
    place->number = segment->number;
    place->generation = segment->generation;
    place->place = at;
    apr_hash_set(journal->by_id, place->id, APR_HASH_KEY_STRING, place);
}

/* Finding them. */

static void segment_search(smtpq_journal_t *journal, const char *dir,
                           store_segment_t *segment, apr_pool_t *p)
{
    apr_uint64_t at = STORE_SEGMENT_DATA;
    unsigned char mark;

    while (store_segment_queue_find(segment, at, &at, &mark)
           == APR_SUCCESS) {
        apr_pool_clear(p);
        place_note(journal, dir, segment, p, at);
        at += STORE_RECORD_UNIT;
    }
}

static void segment_take(smtpq_journal_t *journal, int fd, const char *dir,
                         const char *name, apr_pool_t *p)
{
    const char *kind;
    apr_uint64_t number = store_segment_name_parse(name, &kind);
    store_segment_t *segment;
    apr_status_t rv;

    if (number != 0 && strcmp(kind, "seg") == 0
        && store_segment_open(fd, number, journal->boot, &segment, &rv)
           == STORE_SEGMENT_OK) {
        segment_search(journal, dir, segment, p);
        store_segment_close(segment);
    }
}

/** A directory of one process that takes mail; it may go at any time.
 *  @param p  for one record */
static void dir_take(smtpq_journal_t *journal, const char *name,
                     apr_pool_t *p)
{
    apr_array_header_t *names;
    int fd, i;

    if (*name == '.'
        || store_io_dir_open(journal->fd, name, &fd) != APR_SUCCESS) {
        return;
    }
    store_io_names_get(fd, journal->p, &names);
    for (i = 0; i < names->nelts; i++) {
        segment_take(journal, fd, name, APR_ARRAY_IDX(names, i, const char *),
                     p);
    }
    close(fd);
}

static apr_status_t search(smtpq_journal_t *journal)
{
    apr_array_header_t *dirs;
    apr_pool_t *p;
    apr_status_t rv = store_io_names_get(journal->fd, journal->p, &dirs);
    int i;

    apr_pool_create(&p, journal->p);
    for (i = 0; i < dirs->nelts; i++) {
        dir_take(journal, APR_ARRAY_IDX(dirs, i, const char *), p);
    }
    apr_pool_destroy(p);
    return rv;
}

static void segment_close(smtpq_journal_t *journal)
{
    if (journal->open != NULL) {
        store_segment_close(journal->segment);
        close(journal->dir);
        journal->open = NULL;
    }
}

static apr_status_t journal_cleanup(void *data)
{
    smtpq_journal_t *journal = data;

    segment_close(journal);
    if (journal->fd >= 0) {
        close(journal->fd);
    }
    return APR_SUCCESS;
}

apr_status_t smtpq_journal_open(apr_pool_t *p, int spool,
                                smtpq_journal_t **out)
{
    smtpq_journal_t *journal = apr_pcalloc(p, sizeof(*journal));
    apr_status_t rv;

    *out = journal;
    journal->p = p;
    journal->places = apr_array_make(p, 16, sizeof(place_t *));
    journal->by_id = apr_hash_make(p);
    store_segment_boot_get(journal->boot);
    rv = store_io_dir_open(spool, "journal", &journal->fd);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT ? APR_SUCCESS : rv;
    }
    apr_pool_cleanup_register(p, journal, journal_cleanup,
                              apr_pool_cleanup_null);
    return search(journal);
}

/* Asking for them. */

int smtpq_journal_count(const smtpq_journal_t *journal)
{
    return journal->places->nelts;
}

const char *smtpq_journal_id(const smtpq_journal_t *journal, int i)
{
    return APR_ARRAY_IDX(journal->places, i, place_t *)->id;
}

int smtpq_journal_find(const smtpq_journal_t *journal, const char *id)
{
    const place_t *place = apr_hash_get(journal->by_id, id,
                                        APR_HASH_KEY_STRING);

    return place ? place->index : -1;
}

int smtpq_journal_has(const smtpq_journal_t *journal, const char *id)
{
    return smtpq_journal_find(journal, id) >= 0;
}

/** Whether it is still to be sent. */
static apr_status_t place_check(const smtpq_found_t *found,
                                const place_t *place)
{
    unsigned char mark;
    apr_status_t rv;

    if (found->segment->generation != place->generation) {
        return ENOENT;
    }
    rv = store_segment_queue_mark_get(found->segment, place->place, &mark);
    return rv != APR_SUCCESS ? rv
           : mark == STORE_QUEUE_MARK_SEND || mark == STORE_QUEUE_MARK_MOVED
             ? APR_SUCCESS : ENOENT;
}

static apr_status_t record_read(apr_pool_t *p, const place_t *place,
                                smtpq_found_t *found)
{
    apr_status_t rv = place_check(found, place);

    if (rv == APR_SUCCESS) {
        rv = store_segment_record_get(found->segment, place->place,
                                      &found->record);
    }
    if (rv == APR_SUCCESS) {
        rv = envelope_read(found->segment, p, &found->record,
                           &found->envelope);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    found->recipients = store_queued_recipients(p, found->envelope);
    found->size_octets = found->record.trace_len
                         + (found->envelope->file_number
                            ? (apr_uint64_t)found->envelope->file_octets
                            : found->record.content_len);
    return found->recipients->nelts ? APR_SUCCESS : ENOENT;
}

/** Opens the segment that a record is in. */
static apr_status_t segment_open(smtpq_journal_t *journal,
                                 const place_t *place)
{
    apr_status_t rv;

    if (journal->open != NULL && journal->open->number == place->number
        && strcmp(journal->open->dir, place->dir) == 0) {
        return APR_SUCCESS;
    }
    segment_close(journal);
    rv = store_io_dir_open(journal->fd, place->dir, &journal->dir);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (store_segment_open(journal->dir, place->number, journal->boot,
                           &journal->segment, &rv) != STORE_SEGMENT_OK) {
        close(journal->dir);
        return ENOENT;
    }
    journal->open = place;
    return APR_SUCCESS;
}

apr_status_t smtpq_journal_read(smtpq_journal_t *journal, apr_pool_t *p,
                                int i, smtpq_found_t *found)
{
    const place_t *place = APR_ARRAY_IDX(journal->places, i, place_t *);
    apr_status_t rv = segment_open(journal, place);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    found->segment = journal->segment;
    found->dir = journal->dir;
    return record_read(p, place, found);
}

apr_status_t smtpq_journal_mail(smtpq_found_t *found, apr_pool_t *p,
                                const char **octets, apr_size_t *len, int *fd)
{
    const store_record_t *record = &found->record;
    const char *payload;
    apr_status_t rv = store_segment_read(found->segment, p, record, &payload);

    *fd = -1;
    if (rv != APR_SUCCESS) {
        return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
    }
    *octets = payload + record->envelope_len;
    *len = (apr_size_t)record->trace_len + record->content_len;
    if (found->envelope->file_number) {
        rv = store_io_file_open(found->dir,
                                apr_psprintf(p, "%" APR_INT64_T_FMT ".mail",
                                             found->envelope->file_number),
                                fd);
    }
    return rv;
}
