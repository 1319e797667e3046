/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_spool.h
 * Messages that wait to be sent, as they lie in the spool: files of
 * SPOOL/queue and records of journals, read while no queue process answers
 * (or while one does: what is read may be gone a moment later). Files can be
 * changed by who has the lock.
 */
#ifndef SMTPQ_SPOOL_H
#define SMTPQ_SPOOL_H

#include "store_envelope.h"
#include "store_file.h"

typedef struct smtpq_spool_t smtpq_spool_t;

/** A message. Strings live as long as the call that found it. */
typedef struct smtpq_found_t {
    const store_envelope_t *envelope;
    /** store_queued_recipient_t: whom it is sent to. */
    const apr_array_header_t *recipients;
    const store_queued_state_t *states; /**< of each; NULL: all wait */
    int is_held;
    int priority;                /**< of notes; -1: none */
    apr_uint64_t size_octets;    /**< trace fields and mail data */
    int is_file;                 /**< else a record */
    /** A record is still marked as to be sent, beside the file: were the file
     *  removed, it would be sent. */
    int has_record;
    /* private to smtpq_spool*.c */
    smtpq_spool_t *spool;
    int fd;                      /* of the file */
    apr_uint64_t octets;         /* of it */
    store_file_head_t head;
    store_segment_t *segment;    /* of the record */
    store_record_t record;
    int dir;                     /* of the segment */
} smtpq_found_t;

/** @return 0: that is enough */
typedef int smtpq_found_fn(void *baton, smtpq_found_t *found);

/** @param path   SPOOL
 *  @param spool  out; closed with @a p */
apr_status_t smtpq_spool_open(apr_pool_t *p, const char *path,
                              smtpq_spool_t **spool);

/** The right to change files; until @a spool is closed.
 *  @return APR_EAGAIN: a queue process has it */
apr_status_t smtpq_spool_lock(smtpq_spool_t *spool);

/** Files and records that there are, about; for a bar. */
apr_int64_t smtpq_spool_count(const smtpq_spool_t *spool);

/** All messages: files, oldest first, then those that are in journals only.
 *  What is damaged is left out: the queue process will set it aside.
 *  @param p  cleared between two of them */
apr_status_t smtpq_spool_each(smtpq_spool_t *spool, apr_pool_t *p,
                              smtpq_found_fn *fn, void *baton);

/** The message of this id. @return ENOENT: there is none */
apr_status_t smtpq_spool_find(smtpq_spool_t *spool, apr_pool_t *p,
                              const char *id, smtpq_found_fn *fn,
                              void *baton);

/** Hands out the mail, trace fields first.
 *  @return STORE_EDAMAGED: it is not what was written */
apr_status_t smtpq_spool_mail(smtpq_found_t *found, apr_pool_t *p,
                              void (*take)(void *baton, const char *octets,
                                           apr_size_t len), void *baton);

/** Appends notes to the file, durably. */
apr_status_t smtpq_spool_note(smtpq_found_t *found, apr_pool_t *p,
                              const store_queued_note_t *notes, int count);

/** Removes the file. */
apr_status_t smtpq_spool_remove(smtpq_found_t *found);

#endif
