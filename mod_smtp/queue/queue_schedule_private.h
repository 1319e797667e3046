/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_schedule_private.h
 * What queue_schedule.c and queue_destination.c share.
 */
#ifndef QUEUE_SCHEDULE_PRIVATE_H
#define QUEUE_SCHEDULE_PRIVATE_H

#include <apr_ring.h>

#include "queue_heap.h"
#include "queue_rate.h"
#include "queue_ready.h"
#include "queue_schedule.h"
#include "queue_window.h"

APR_RING_HEAD(queue_wanting_ring_t, queue_destination_t);

struct queue_schedule_t {
    queue_reasons_t *reasons;
    queue_senders_t *senders;
    void (*on_free)(void *baton);
    unsigned int connections_max;
    queue_destination_t **chains; /* by key */
    unsigned int chain_count;    /* a power of 2 */
    apr_time_t now;              /* of the last call that knew */
    /** Those that want a connection and may have one but for
     *  connections_max, whose turn it is first: without any, which come
     *  first, and those that want more. */
    struct queue_wanting_ring_t starving, wanting;
    unsigned int starving_count, wanting_count;
    queue_heap_t wake;           /* destinations, by what time alone brings */
    queue_heap_t old;            /* those without jobs, by when they go */
    queue_schedule_info_t sum;
    unsigned int users;          /* with a connection, or wanting one */
    unsigned int yielding;       /* connections; see destinations */
};

struct queue_destination_t {
    queue_heap_node_t wake;      /* first, so that it is found by it */
    queue_heap_node_t old;
    APR_RING_ENTRY(queue_destination_t) link; /* when wanting */
    queue_destination_t *next;   /* of its chain */
    queue_schedule_t *schedule;
    void *baton;
    const queue_reason_t *reason;
    queue_limits_t limits;       /* complete */
    queue_heap_t deferred;       /* jobs */
    queue_ready_t ready;
    queue_window_t window;
    queue_rate_t rate;
    unsigned int active;         /* jobs that connections have */
    unsigned int settling;       /* of queue_schedule_take_dead() */
    unsigned int held;
    unsigned int connections;
    /** Connections that got no job so that others get a connection, and have
     *  not been closed yet. */
    unsigned int yielding;
    unsigned int served;         /* jobs taken since others' turn */
    unsigned int hash;
    unsigned int is_wanting : 1; /* in one of the rings */
    unsigned int is_user : 1;    /* counted in the schedule's users */
    unsigned int is_starving : 1; /* which */
    char key[];
};

/** Whether it has something to do changed, or may have: it is old some time
 *  after its last job and connection. */
void queue_destination_age(queue_destination_t *destination);

/** Frees those that are old. */
void queue_destinations_free_old(queue_schedule_t *schedule);

#endif
