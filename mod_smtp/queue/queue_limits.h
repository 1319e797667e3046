/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_limits.h
 * How hard a destination may be pressed. Pure: any thread.
 */
#ifndef QUEUE_LIMITS_H
#define QUEUE_LIMITS_H

#include <apr_time.h>

/** Of one destination. 0: the default. */
typedef struct queue_limits_t {
    unsigned int connections;    /**< at once, at most; default 20 */
    unsigned int connections_first; /**< at once before one has succeeded;
                                         default 5 */
    unsigned int rate_messages;  /**< so many ... */
    apr_interval_time_t rate_interval; /**< ... in so long; 0: no limit */
    /** So many connections in a row that could not be made, or not used, and
     *  the destination counts as dead; default 3. */
    unsigned int failures;
    apr_interval_time_t backoff_first; /**< of a dead one; default 1 minute;
                                            doubles up to ... */
    apr_interval_time_t backoff_last;  /**< default 1 hour */
} queue_limits_t;

/** Puts defaults where 0 is, and makes values agree: not more connections at
 *  first than at last, no first back-off longer than the last one. */
void queue_limits_complete(queue_limits_t *limits);

#endif
