/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_loop.h
 * The one loop of the queue process: file descriptors, times, and work that
 * may wait, which threads do. All calls and all call-backs but
 * queue_task_run_t are of the loop's thread.
 */
#ifndef QUEUE_LOOP_H
#define QUEUE_LOOP_H

#include <apr_poll.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "queue_heap.h"

typedef struct queue_loop_t queue_loop_t;

/** Ended with @a p: tasks that run are waited for, those that did not begin
 *  are dropped; what is not done by then gets no done call-back. Watches and
 *  timers are to be gone by then.
 *  @param threads  that do tasks; 1 and up */
apr_status_t queue_loop_create(apr_pool_t *p, int threads,
                               queue_loop_t **loop);

/** Runs until queue_loop_stop(); may be run again. @return an error of the
 *  pollset */
apr_status_t queue_loop_run(queue_loop_t *loop);

/** Ends the loop after the call-back that calls it. */
void queue_loop_stop(queue_loop_t *loop);

/** The time of this turn of the loop. */
apr_time_t queue_loop_now(const queue_loop_t *loop);

/** @name File descriptors
 * @{ */
typedef struct queue_watch_t queue_watch_t;

/** @param events  what happened: or of APR_POLLIN, APR_POLLOUT, APR_POLLHUP,
 *                 APR_POLLERR. May end this watch and any other. */
typedef void queue_watch_fn(void *baton, int events);

/** Watches @a fd until queue_watch_end() or the end of @a p; an fd has one
 *  watch. What has happened is told as long as it is so.
 *  @param events  or of APR_POLLIN, APR_POLLOUT; may be 0: errors only */
apr_status_t queue_watch_begin(queue_loop_t *loop, apr_pool_t *p, int fd,
                               int events, queue_watch_fn *fn, void *baton,
                               queue_watch_t **watch);

/** Cheap when nothing changes. */
apr_status_t queue_watch_change(queue_watch_t *watch, int events);

/** Before @a fd is closed. Twice does no harm; NULL neither. */
void queue_watch_end(queue_watch_t *watch);
/** @} */

/** @name Times
 * When the system's clock is set, a timer keeps the time that it has still to
 * wait, and may so come before the time it was set for, or long after it: who
 * waits for a time of day looks at queue_loop_now() and waits again.
 * @{ */
typedef struct queue_timer_t {
    queue_heap_node_t node;      /* private; first */
    queue_loop_t *loop;
    void (*fn)(void *baton);
    void *baton;
} queue_timer_t;

/** A timer that does not run; it is part of an object of the caller's, who
 *  clears it before the object goes. */
void queue_timer_init(queue_timer_t *timer, queue_loop_t *loop,
                      void (*fn)(void *baton), void *baton);

/** Calls fn once, at @a when or as soon as can be after it; replaces what was
 *  set. */
void queue_timer_set(queue_timer_t *timer, apr_time_t when);

/** Does nothing when it is not set. */
void queue_timer_clear(queue_timer_t *timer);
/** @} */

/** @name Tasks: what may wait (disk syncs, HTTPS, commits)
 * @{ */

/** In a thread: nothing of the loop's may be touched but what was given to
 *  the task. */
typedef void queue_task_run_t(void *baton);
typedef void queue_task_done_t(void *baton);

/** @param done  called by the loop when @a run has returned; may be NULL */
apr_status_t queue_loop_task(queue_loop_t *loop, queue_task_run_t *run,
                             queue_task_done_t *done, void *baton);

/** Tasks that are not done yet. */
unsigned int queue_loop_tasks(const queue_loop_t *loop);
/** @} */

#endif
