/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_reason.h
 * Why a recipient waits: what a next hop said, or how it was not reached.
 * Thousands wait for the same reason, which is kept once and counted. Pure:
 * one thread at a time.
 */
#ifndef QUEUE_REASON_H
#define QUEUE_REASON_H

#include <apr_pools.h>

#include "smtp_status.h"

typedef struct queue_reason_t {
    struct queue_reason_t *next; /* of the table */
    unsigned int users;
    unsigned int hash;
    int code;                    /**< reply code; 0: no reply */
    smtp_status_t status;
    const char *host;            /**< "name[address]:port", or "" */
    const char *text;            /**< printable ASCII, one line */
} queue_reason_t;

typedef struct queue_reasons_t queue_reasons_t;

/** The table; goes with @a p, and all reasons with it. */
queue_reasons_t *queue_reasons_create(apr_pool_t *p);

/** The reason of these values, counted once more. Strings are copied. Lives
 *  until as many calls of queue_reason_release(). */
const queue_reason_t *queue_reason_get(queue_reasons_t *reasons, int code,
                                       smtp_status_t status,
                                       const char *host, const char *text);

/** @a reason, counted once more; NULL stays NULL. */
const queue_reason_t *queue_reason_share(const queue_reason_t *reason);

/** One user less; the last one takes it away. NULL does no harm. */
void queue_reason_release(queue_reasons_t *reasons,
                          const queue_reason_t *reason);

/** How many different ones there are. */
apr_size_t queue_reasons_count(const queue_reasons_t *reasons);

#endif
