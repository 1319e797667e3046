/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_journal.h
 * Records of journals that are marked as to be sent, found once when it is
 * opened. Read only: nobody but who wrote them and the queue process may set
 * marks.
 */
#ifndef SMTPQ_JOURNAL_H
#define SMTPQ_JOURNAL_H

#include "smtpq_spool.h"

typedef struct smtpq_journal_t smtpq_journal_t;

/** @param spool  SPOOL, open
 *  @return an error: a directory cannot be read */
apr_status_t smtpq_journal_open(apr_pool_t *p, int spool,
                                smtpq_journal_t **journal);

/** How many there are; the id of each, and which has an id, or -1. */
int smtpq_journal_count(const smtpq_journal_t *journal);
const char *smtpq_journal_id(const smtpq_journal_t *journal, int i);
int smtpq_journal_find(const smtpq_journal_t *journal, const char *id);

/** Whether there is one of this id. */
int smtpq_journal_has(const smtpq_journal_t *journal, const char *id);

/** Reads record @a i; it may be used until the next. @return ENOENT: it is
 *  gone, or done with; STORE_EDAMAGED */
apr_status_t smtpq_journal_read(smtpq_journal_t *journal, apr_pool_t *p,
                                int i, smtpq_found_t *found);

/** The trace fields, and the mail data that is in the record.
 *  @param fd  out: a file with the mail data, or -1; the caller's */
apr_status_t smtpq_journal_mail(smtpq_found_t *found, apr_pool_t *p,
                                const char **octets, apr_size_t *len,
                                int *fd);

#endif
