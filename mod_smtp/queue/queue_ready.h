/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_ready.h
 * The jobs of a destination that are ready, in the order in which they are
 * sent: urgent ones first; of the others QUEUE_READY_NORMAL_RUN normal ones,
 * then a bulk one, while there are both; within each class one of each sender
 * in turn; of a sender the oldest. Pure: one thread at a time.
 */
#ifndef QUEUE_READY_H
#define QUEUE_READY_H

#include <apr_pools.h>

#include "queue_message.h"

/** Normal jobs for each bulk one. */
#define QUEUE_READY_NORMAL_RUN 5

/** Senders with jobs that are ready, of all destinations. */
typedef struct queue_senders_t queue_senders_t;

/** A sender's jobs of one destination and class. */
typedef struct queue_sender_t queue_sender_t;
APR_RING_HEAD(queue_sender_ring_t, queue_sender_t);

/** Of one destination. */
typedef struct queue_ready_t {
    struct queue_sender_ring_t senders[QUEUE_PRIORITY_COUNT]; /* next first */
    unsigned int count;          /**< jobs */
    unsigned int run;            /* normal ones since the last bulk one */
} queue_ready_t;

/** The table; goes with @a p. */
queue_senders_t *queue_senders_create(apr_pool_t *p);

void queue_ready_init(queue_ready_t *ready);

/** By the message's sender and priority as they are now. @param is_first  in
 *  front of its sender's others */
void queue_ready_add(queue_senders_t *senders, queue_ready_t *ready,
                     queue_job_t *job, int is_first);

void queue_ready_remove(queue_senders_t *senders, queue_ready_t *ready,
                        queue_job_t *job);

/** The next one, which is in here no more; NULL: none. */
queue_job_t *queue_ready_take(queue_senders_t *senders,
                              queue_ready_t *ready);

#endif
