/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_sts_file.h
 * SPOOL/queue/sts/DOMAIN: a policy of MTA-STS as it was fetched, behind a line
 * "SMTPSTS1 ID SECONDS", which are of 1970. What is lost or damaged is fetched
 * again: nothing waits for the disk. Any thread, but one at a time for each
 * domain.
 */
#ifndef QUEUE_STS_FILE_H
#define QUEUE_STS_FILE_H

#include <apr_time.h>

#include "queue_sts_policy.h"

typedef struct queue_sts_file_t {
    char id[QUEUE_STS_ID_OCTETS + 1];
    apr_time_t fetched;
    const char *octets;          /**< of the policy */
    apr_size_t len;
} queue_sts_file_t;

/** Makes the directory. */
apr_status_t queue_sts_file_begin(const char *dir);

/** Reads a file; nothing in it is trusted. @return ENOENT; APR_EINVAL: it is
 *  none of ours, and has been removed */
apr_status_t queue_sts_file_read(apr_pool_t *p, const char *dir,
                                 const char *domain, queue_sts_file_t *file);

/** Writes it, in place of another. */
apr_status_t queue_sts_file_write(apr_pool_t *p, const char *dir,
                                  const char *domain,
                                  const queue_sts_file_t *file);

void queue_sts_file_remove(apr_pool_t *p, const char *dir,
                           const char *domain);

/** What a file takes on disk, about. @param len  of its policy */
apr_size_t queue_sts_file_octets(apr_size_t len);

/** Removes what has expired, in all of the directory, and what a process that
 *  was killed has left half-written; then those that were fetched first, until
 *  the rest takes no more than @a max_octets. Waits for the disk. */
void queue_sts_file_sweep(apr_pool_t *p, const char *dir, apr_time_t now,
                          apr_size_t max_octets);

#endif
