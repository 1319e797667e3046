/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_window.h
 * How many connections a destination may have: a window that grows while mail
 * is taken and shrinks when the next hop asks for less, and a back-off when it
 * cannot be reached. Pure: time is passed in; one thread at a time.
 *
 * The window grows by one for each delivery of every connection of it. After
 * it had to shrink it takes twice as many until it is tried to grow again, up
 * to QUEUE_WINDOW_PATIENCE_MAX times, and half as many after a growth that
 * went well: a next hop with a fixed limit is disturbed seldom, one that got
 * better is used soon.
 */
#ifndef QUEUE_WINDOW_H
#define QUEUE_WINDOW_H

#include "queue_limits.h"

#define QUEUE_WINDOW_PATIENCE_MAX 64

typedef struct queue_window_t {
    unsigned int size;           /**< 1 and up; while it is alive */
    unsigned int successes;      /* since it changed */
    unsigned int patience;       /* rounds of successes until it grows */
    unsigned int failures;       /**< connections, in a row */
    apr_interval_time_t backoff; /* the last one; 0: none since it lived */
    apr_time_t dead_until;       /**< 0: it is not dead */
    unsigned int has_grown : 1;  /* since it shrank */
    unsigned int is_probing : 1; /**< one connection, to see if it lives */
} queue_window_t;

/** @param limits  complete (queue_limits_complete()) */
void queue_window_init(queue_window_t *window, const queue_limits_t *limits);

/** Ends a back-off whose time has come: one connection may be tried. */
void queue_window_tick(queue_window_t *window, apr_time_t now);

/** Connections that there may be at once. */
unsigned int queue_window_room(const queue_window_t *window);

/** Mail was taken, or refused for a reason of its own.
 *  @param is_full  as many connections as there may be are in use: what goes
 *                  well with fewer says nothing of more */
void queue_window_succeeded(queue_window_t *window,
                            const queue_limits_t *limits, int is_full);

/** The next hop said that it is too much. */
void queue_window_throttled(queue_window_t *window,
                            const queue_limits_t *limits);

/** A connection could not be made, or was lost. @param is_alone  no other one
 *  has mail in hand: else it is the number of connections that is at fault,
 *  not the next hop that is gone */
void queue_window_failed(queue_window_t *window, const queue_limits_t *limits,
                         int is_alone, apr_time_t now);

/** A connection came to its end in good order. */
void queue_window_reached(queue_window_t *window,
                          const queue_limits_t *limits);

/** A back-off is over before its time. */
void queue_window_revive(queue_window_t *window);

#endif
