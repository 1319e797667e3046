/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_progress.h
 * A bar on standard error that shows how far something long is, where that is
 * a terminal; it does not come before some time has gone by.
 */
#ifndef SMTPQ_PROGRESS_H
#define SMTPQ_PROGRESS_H

#include <stdio.h>

#include <apr_pools.h>
#include <apr_time.h>

typedef struct smtpq_progress_t smtpq_progress_t;

/** @param width  columns of the terminal; 0: there is none, nothing is
 *                shown */
smtpq_progress_t *smtpq_progress_create(apr_pool_t *p, FILE *out, int width,
                                        apr_time_t now);

/** So many of so many are done; @a all 0: not known. */
void smtpq_progress_show(smtpq_progress_t *progress, apr_int64_t done,
                         apr_int64_t all, apr_time_t now);

/** Takes it away, before something else is written there. It may come back. */
void smtpq_progress_clear(smtpq_progress_t *progress);

#endif
