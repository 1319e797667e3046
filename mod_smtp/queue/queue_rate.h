/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_rate.h
 * At most so many messages in any interval, wherever it begins; those may come
 * in one burst. Pure: time is passed in; one thread at a time.
 *
 * Each message has a token, which comes back when the interval has passed
 * since its use. Tokens are kept in QUEUE_RATE_GROUPS groups at most, of which
 * each comes back as a whole, an interval after its last use: so memory is
 * bounded and the limit exact, and under steady load at least
 * QUEUE_RATE_GROUPS / (QUEUE_RATE_GROUPS + 1) of it is used.
 */
#ifndef QUEUE_RATE_H
#define QUEUE_RATE_H

#include <apr_time.h>

#define QUEUE_RATE_GROUPS 64

typedef struct queue_rate_t {
    unsigned int messages;       /**< 0: no limit */
    apr_interval_time_t interval;
    apr_time_t *used;            /* of each group: the last use, or 0 */
    unsigned int groups;
    unsigned int group;          /* the one at hand */
    unsigned int taken;          /* of it */
} queue_rate_t;

/** @param messages  0: no limit */
void queue_rate_init(queue_rate_t *rate, unsigned int messages,
                     apr_interval_time_t interval);
void queue_rate_destroy(queue_rate_t *rate);

/**
 * How many messages may be sent now.
 * @param enough  no need to count further than this
 * @param more    out: when there are more; 0: there are enough, or all
 */
unsigned int queue_rate_room(queue_rate_t *rate, apr_time_t now,
                             unsigned int enough, apr_time_t *more);

/** One is sent; there is room for it. */
void queue_rate_take(queue_rate_t *rate, apr_time_t now);

#endif
