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
    const struct queue_reason_t *next; /* of the table */
    unsigned int users;
    unsigned int hash;
    int code;                    /**< reply code; 0: no reply */
    smtp_status_t status;
    const char *host;            /**< "name[address]:port", or "" */
    const char *text;            /**< printable ASCII, one line */
} queue_reason_t;

typedef struct queue_reasons_t queue_reasons_t;

/** The table; goes with @a p. */
queue_reasons_t *queue_reasons_create(apr_pool_t *p);

/** The reason of these values, counted once more. Strings are copied. */
const queue_reason_t *queue_reason_get(queue_reasons_t *reasons, int code,
                                       smtp_status_t status,
                                       const char *host, const char *text);

/** One user less; the last one takes it away. NULL does no harm. */
void queue_reason_release(queue_reasons_t *reasons,
                          const queue_reason_t *reason);

#endif
