/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_retry.h
 * The retry curve: when to try again, when to warn, when to give up (RFC 5321
 * 4.5.4.1). Pure: any thread.
 */
#ifndef QUEUE_RETRY_H
#define QUEUE_RETRY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

/** The longest interval that can be written: ten years. */
#define QUEUE_RETRY_INTERVAL_MAX apr_time_from_sec(3650 * APR_INT64_C(86400))

typedef struct queue_retry_t {
    /** apr_interval_time_t: after the first attempt, the second, ...; the last
     *  is repeated. At least one. */
    const apr_array_header_t *intervals;
    apr_interval_time_t expire;        /**< since arrival; default 5 days */
    apr_interval_time_t expire_report; /**< of a null reverse-path: 1 day */
    apr_interval_time_t warn;          /**< since arrival; 4 hours; 0: never */
} queue_retry_t;

/** Reads "5m 15m 30m 1h": numbers with s, m, h or d, none of them 0.
 *  @param intervals  out; NULL on failure
 *  @return NULL, or what is wrong, in @a p */
const char *queue_retry_parse(apr_pool_t *p, const char *text,
                              const apr_array_header_t **intervals);

/** One interval: "90s", "5d", "0".
 *  @param interval  out; 0 on failure
 *  @return NULL, or what is wrong, in @a p */
const char *queue_retry_interval_parse(apr_pool_t *p, const char *text,
                                       apr_interval_time_t *interval);

/**
 * When attempt number @a attempts + 1 is made, an attempt having failed just
 * now. Never sooner than the interval; longer by up to a tenth of it as
 * @a chance (any number) has it, so that what came together does not come back
 * together; never behind @a expires, when the last attempt is made.
 */
apr_time_t queue_retry_next(const queue_retry_t *retry,
                            unsigned int attempts, apr_time_t now,
                            apr_time_t expires, apr_uint64_t chance);

/** When a message that arrived then is given up. */
apr_time_t queue_retry_expires(const queue_retry_t *retry,
                               apr_time_t arrived, int is_report);

#endif
