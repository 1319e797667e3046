/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "smtpq_journal.h"
#include "store_io.h"

#define LOCK_NAME "lock"
#define DIRS      256u
#define BLOCK     (64u * 1024)

struct smtpq_spool_t {
    apr_pool_t *p;
    int queue;                   /* SPOOL/queue; -1: there is none */
    int lock;                    /* -1: it is not ours */
    store_file_dirs_t dirs;
    apr_array_header_t *ids;     /* const char *: files, by age */
    smtpq_journal_t *journal;
};

/* Opening. */

static apr_status_t spool_cleanup(void *data)
{
    smtpq_spool_t *spool = data;

    store_file_dirs_end(&spool->dirs);
    if (spool->queue >= 0) {
        close(spool->queue);
    }
    if (spool->lock >= 0) {
        close(spool->lock);
    }
    return APR_SUCCESS;
}

static apr_status_t dir_read(smtpq_spool_t *spool, unsigned int number)
{
    apr_array_header_t *names;
    int at, i;
    apr_status_t rv = store_file_dirs_get(&spool->dirs, number, 0, &at);

    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
    }
    rv = store_io_names_get(at, spool->p, &names);
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (store_queued_is_id(name)) {
            APR_ARRAY_PUSH(spool->ids, const char *) = name;
        }
    }
    return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
}

/** Ids begin with the time, all in as many digits. */
static int ids_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static apr_status_t files_list(smtpq_spool_t *spool)
{
    apr_status_t rv = APR_SUCCESS;
    unsigned int i;

    for (i = 0; i < DIRS && rv == APR_SUCCESS && spool->queue >= 0; i++) {
        rv = dir_read(spool, i);
    }
    qsort(spool->ids->elts, spool->ids->nelts, sizeof(const char *),
          ids_compare);
    return rv;
}

static apr_status_t queue_open(smtpq_spool_t *spool, int at)
{
    apr_status_t rv = store_io_dir_open(at, "queue", &spool->queue);

    if (rv == ENOENT) {
        return APR_SUCCESS;      /* nothing was ever deferred */
    }
    if (rv == APR_SUCCESS) {
        store_file_dirs_begin(&spool->dirs, spool->queue);
    }
    return rv;
}

apr_status_t smtpq_spool_open(apr_pool_t *p, const char *path,
                              smtpq_spool_t **out)
{
    smtpq_spool_t *spool = apr_pcalloc(p, sizeof(*spool));
    /* This path is the administrator's, and may be a link. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv;

    *out = NULL;
    if (fd < 0) {
        return errno;
    }
    spool->p = p;
    spool->queue = spool->lock = -1;
    spool->ids = apr_array_make(p, 64, sizeof(const char *));
    store_file_dirs_begin(&spool->dirs, -1);
    apr_pool_cleanup_register(p, spool, spool_cleanup, apr_pool_cleanup_null);
    rv = queue_open(spool, fd);
    /* Journals first: what moves to a file meanwhile is seen there. */
    if (rv == APR_SUCCESS) {
        rv = smtpq_journal_open(p, fd, &spool->journal);
    }
    if (rv == APR_SUCCESS) {
        rv = files_list(spool);
    }
    close(fd);
    if (rv == APR_SUCCESS) {
        *out = spool;
    }
    return rv;
}

apr_status_t smtpq_spool_lock(smtpq_spool_t *spool)
{
    if (spool->queue < 0) {
        return ENOENT;
    }
    if (spool->lock >= 0) {
        return APR_SUCCESS;
    }
    spool->lock = openat(spool->queue, LOCK_NAME,
                         O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spool->lock < 0) {
        return errno;
    }
    if (flock(spool->lock, LOCK_EX | LOCK_NB) != 0) {
        apr_status_t rv = errno == EWOULDBLOCK ? APR_EAGAIN : errno;

        close(spool->lock);
        spool->lock = -1;
        return rv;
    }
    return APR_SUCCESS;
}

apr_int64_t smtpq_spool_count(const smtpq_spool_t *spool)
{
    return spool->ids->nelts + smtpq_journal_count(spool->journal);
}

/* Files. */

static apr_status_t file_read(smtpq_found_t *found, apr_pool_t *p,
                              const char *id)
{
    char first[STORE_FILE_FIRST_OCTETS];
    store_queued_replay_t replay;
    apr_status_t rv = store_file_head_read(found->fd, found->octets, id,
                                           first, p, &found->head);

    if (rv == APR_SUCCESS) {
        rv = store_file_notes_read(found->fd, found->octets, &found->head,
                                   first, p, &replay);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    found->envelope = found->head.envelope;
    found->recipients = found->head.recipients;
    found->states = replay.states;
    found->is_held = replay.is_held;
    found->priority = replay.priority;
    found->size_octets = found->head.header.trace_len
                         + found->head.header.content_len;
    return APR_SUCCESS;
}

/** @return ENOENT: there is none; STORE_EDAMAGED: none that counts */
static apr_status_t file_take(smtpq_spool_t *spool, apr_pool_t *p,
                              const char *id, smtpq_found_fn *fn,
                              void *baton, int *is_enough)
{
    smtpq_found_t found = { 0 };
    apr_status_t rv;

    if (spool->queue < 0) {
        return ENOENT;
    }
    rv = store_file_open(&spool->dirs, id, &found.fd, &found.octets);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    found.spool = spool;
    found.is_file = 1;
    found.has_record = smtpq_journal_has(spool->journal, id);
    rv = file_read(&found, p, id);
    if (rv == APR_SUCCESS) {
        *is_enough = !fn(baton, &found);
    }
    close(found.fd);
    return rv;
}

/** Whether it only says that there is nothing to show. */
static int is_harmless(apr_status_t rv)
{
    return rv == APR_SUCCESS || rv == ENOENT || rv == STORE_EDAMAGED;
}

static apr_status_t files_each(smtpq_spool_t *spool, apr_pool_t *p,
                               smtpq_found_fn *fn, void *baton,
                               int *is_enough)
{
    int i;

    for (i = 0; i < spool->ids->nelts && !*is_enough; i++) {
        apr_status_t rv;

        apr_pool_clear(p);
        rv = file_take(spool, p, APR_ARRAY_IDX(spool->ids, i, const char *),
                       fn, baton, is_enough);
        if (!is_harmless(rv)) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* Records. */

/** A record, unless a file is the newer state of it. */
static apr_status_t record_take(smtpq_spool_t *spool, apr_pool_t *p,
                                int i, smtpq_found_fn *fn, void *baton,
                                int *is_enough)
{
    const char *id = smtpq_journal_id(spool->journal, i);
    smtpq_found_t found = { 0 };
    apr_uint64_t octets;
    apr_status_t rv = ENOENT;
    int fd;

    if (spool->queue >= 0) {
        rv = store_file_open(&spool->dirs, id, &fd, &octets);
    }
    if (rv == APR_SUCCESS) {
        close(fd);
        return ENOENT;
    }
    found.spool = spool;
    found.fd = -1;
    found.priority = -1;
    found.has_record = 1;
    rv = smtpq_journal_read(spool->journal, p, i, &found);
    if (rv == APR_SUCCESS) {
        *is_enough = !fn(baton, &found);
    }
    return rv;
}

static apr_status_t records_each(smtpq_spool_t *spool, apr_pool_t *p,
                                 smtpq_found_fn *fn, void *baton,
                                 int *is_enough)
{
    apr_int64_t count = smtpq_journal_count(spool->journal);
    int i;

    for (i = 0; i < count && !*is_enough; i++) {
        apr_status_t rv;

        apr_pool_clear(p);
        rv = record_take(spool, p, i, fn, baton, is_enough);
        if (!is_harmless(rv)) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t smtpq_spool_each(smtpq_spool_t *spool, apr_pool_t *p,
                              smtpq_found_fn *fn, void *baton)
{
    int is_enough = 0;
    apr_status_t rv = files_each(spool, p, fn, baton, &is_enough);

    if (rv == APR_SUCCESS) {
        rv = records_each(spool, p, fn, baton, &is_enough);
    }
    return rv;
}

apr_status_t smtpq_spool_find(smtpq_spool_t *spool, apr_pool_t *p,
                              const char *id, smtpq_found_fn *fn,
                              void *baton)
{
    int is_enough = 0, i;
    apr_status_t rv = file_take(spool, p, id, fn, baton, &is_enough);

    if (rv != ENOENT) {
        return rv;
    }
    i = smtpq_journal_find(spool->journal, id);
    return i < 0 ? ENOENT
           : record_take(spool, p, i, fn, baton, &is_enough);
}

/* The mail. */

static apr_status_t part_take(int fd, apr_uint64_t at, apr_uint64_t len,
                              apr_uint32_t crc, char *block,
                              void (*take)(void *baton, const char *octets,
                                           apr_size_t len), void *baton)
{
    apr_uint32_t sum = 0;

    while (len > 0) {
        apr_size_t n = len < BLOCK ? (apr_size_t)len : BLOCK;
        apr_status_t rv = store_io_pread(fd, block, n, (apr_off_t)at);

        if (rv != APR_SUCCESS) {
            return rv == APR_EOF ? STORE_EDAMAGED : rv;
        }
        sum = store_record_crc(sum, block, n);
        take(baton, block, n);
        at += n;
        len -= n;
    }
    return sum == crc ? APR_SUCCESS : STORE_EDAMAGED;
}

static apr_status_t file_mail(smtpq_found_t *found, apr_pool_t *p,
                              void (*take)(void *baton, const char *octets,
                                           apr_size_t len), void *baton)
{
    const store_queued_header_t *header = &found->head.header;
    char *block = apr_palloc(p, BLOCK);
    apr_status_t rv = part_take(found->fd, store_queued_trace_at(header),
                                header->trace_len, header->trace_crc, block,
                                take, baton);

    return rv == APR_SUCCESS
           ? part_take(found->fd, store_queued_content_at(header),
                       header->content_len, header->content_crc, block, take,
                       baton)
           : rv;
}

apr_status_t smtpq_spool_mail(smtpq_found_t *found, apr_pool_t *p,
                              void (*take)(void *baton, const char *octets,
                                           apr_size_t len), void *baton)
{
    const store_envelope_t *envelope = found->envelope;
    const char *octets;
    apr_size_t len;
    apr_status_t rv;
    int fd;

    if (found->is_file) {
        return file_mail(found, p, take, baton);
    }
    rv = smtpq_journal_mail(found, p, &octets, &len, &fd);
    if (rv == APR_SUCCESS) {
        take(baton, octets, len);
    }
    if (rv == APR_SUCCESS && fd >= 0) {
        rv = part_take(fd, 0, (apr_uint64_t)envelope->file_octets,
                       (apr_uint32_t)envelope->file_crc, apr_palloc(p, BLOCK),
                       take, baton);
        close(fd);
    }
    return rv;
}

/* Changing. */

apr_status_t smtpq_spool_note(smtpq_found_t *found, apr_pool_t *p,
                              const store_queued_note_t *notes, int count)
{
    apr_status_t rv = store_file_append(found->fd, found->octets, notes,
                                        count, p);
    int i;

    for (i = 0; i < count && rv == APR_SUCCESS; i++) {
        found->octets += store_queued_note_size(&notes[i]);
    }
    return rv == APR_SUCCESS ? store_io_fdatasync(found->fd) : rv;
}

apr_status_t smtpq_spool_remove(smtpq_found_t *found)
{
    return store_file_remove(&found->spool->dirs, found->envelope->id);
}
