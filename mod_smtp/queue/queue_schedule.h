/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_schedule.h
 * What is sent next, and by how many connections: destinations, each with a
 * concurrency that adapts, a rate and a back-off; fair among destinations,
 * and within each among senders; urgent before bulk, which is never starved.
 * Pure: time is passed in, nothing is sent or opened here. One thread.
 *
 * The engine's loop:
 *
 *     while ((destination = queue_schedule_next(schedule, now))) {
 *         open a connection: queue_schedule_opened(destination, now)
 *     }
 *     a connection is ready for mail:
 *         job = queue_schedule_take(destination, now);
 *         NULL: nothing to do now; keep it idle or close it
 *     it sent one:   queue_schedule_sent(job, how, now), then
 *                    queue_schedule_remove(), _defer() or _add() again
 *     it is gone:    queue_schedule_closed(destination, how, reason, now)
 *     wait until queue_schedule_deadline(); then ask next(), and take() for
 *     each connection that is idle
 *
 * When all connections are in use and a destination waits for one
 * (queue_schedule_is_short()), take() gives nothing to those that have more
 * than their share, and an idle connection should be closed, not kept.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include <apr_pools.h>

#include "queue_limits.h"
#include "queue_message.h"

typedef struct queue_schedule_t queue_schedule_t;
typedef struct queue_destination_t queue_destination_t;

/** @param connections  of all destinations together, at most
 *  @param reasons      of whom a destination's last failure is kept; outlives
 *                      the schedule */
queue_schedule_t *queue_schedule_create(apr_pool_t *p,
                                        unsigned int connections,
                                        queue_reasons_t *reasons);

/** The destination named @a key, made if it is not there; it stays as long as
 *  it has jobs, held ones too, or connections, is dead, or one of these, or
 *  this call, was less than an hour ago. It goes only within
 *  queue_schedule_next().
 *  @param key     copied: tells the next hop and how it is reached
 *  @param limits  copied
 *  @param baton   the engine's: whatever belongs to it (its route). Not used
 *                 when the destination is there already: it has another
 *                 baton then */
queue_destination_t *queue_schedule_destination(queue_schedule_t *schedule,
                                                const char *key,
                                                const queue_limits_t *limits,
                                                void *baton, apr_time_t now);

/** The destination named @a key, or NULL. */
queue_destination_t *queue_schedule_find(queue_schedule_t *schedule,
                                         const char *key);

/** Who frees the baton of a destination that goes; NULL: nobody. Not called at
 *  the end of the schedule. */
void queue_schedule_on_free(queue_schedule_t *schedule,
                            void (*fn)(void *baton));

const char *queue_destination_key(const queue_destination_t *destination);
void *queue_destination_baton(const queue_destination_t *destination);

/** What an administrator sees; as of the last call that was given the time. */
typedef struct queue_destination_info_t {
    unsigned int ready, deferred, active, held; /**< jobs */
    unsigned int connections;    /**< open, or being opened */
    unsigned int window;         /**< how many it may have now */
    unsigned int failures;       /**< in a row */
    apr_time_t dead_until;       /**< 0: it is not dead */
    const queue_reason_t *reason; /**< of the last failure, or NULL */
} queue_destination_info_t;

void queue_destination_info_get(const queue_destination_t *destination,
                                queue_destination_info_t *info);

/** All of them, in no order, until @a fn returns 0. */
void queue_schedule_each(queue_schedule_t *schedule,
                         int (*fn)(void *baton, queue_destination_t *),
                         void *baton);

/** The job is ready (new, deferred, held, or sent in vain): job->destination
 *  is set. */
void queue_schedule_add(queue_schedule_t *schedule, queue_job_t *job,
                        apr_time_t now);

/** The same, in front of its sender's others: the administrator wants it. */
void queue_schedule_add_first(queue_schedule_t *schedule, queue_job_t *job,
                              apr_time_t now);

/** The job waits until @a when, then is ready; from whatever state but
 *  OVER. */
void queue_schedule_defer(queue_schedule_t *schedule, queue_job_t *job,
                          apr_time_t when);

/** Takes it away in whatever state: deleted, over. Its state is OVER, and its
 *  destination NULL, since that may be freed some time after its last job. */
void queue_schedule_remove(queue_schedule_t *schedule, queue_job_t *job);

/** Takes it away until it is added or deferred again: its state is HELD. Its
 *  destination stays. */
void queue_schedule_hold(queue_schedule_t *schedule, queue_job_t *job);

/** Jobs whose time has come are ready, dead destinations alive again. Then a
 *  destination that wants a connection and may have one, each in its turn;
 *  NULL: none now. */
queue_destination_t *queue_schedule_next(queue_schedule_t *schedule,
                                         apr_time_t now);

/** When queue_schedule_next() or _take() may have something again that they
 *  do not have now; 0: not by time alone. */
apr_time_t queue_schedule_deadline(const queue_schedule_t *schedule);

/** All jobs of a scheduler, and more; see queue_destination_info_t. */
typedef struct queue_schedule_info_t {
    apr_size_t ready, deferred, active, held; /**< jobs */
    unsigned int connections;
    unsigned int destinations;
} queue_schedule_info_t;

void queue_schedule_info_get(const queue_schedule_t *schedule,
                             queue_schedule_info_t *info);

/** Whether a destination waits for a connection only because others have
 *  them all. */
int queue_schedule_is_short(const queue_schedule_t *schedule);

/** A connection is being opened, as queue_schedule_next() wants it; it counts
 *  until queue_schedule_closed(). */
void queue_schedule_opened(queue_destination_t *destination, apr_time_t now);

typedef enum {
    QUEUE_CONNECTION_OK = 0,     /**< it was of use; closed in good order, or
                                      idle for too long */
    QUEUE_CONNECTION_FAILED,     /**< never came to take mail, or was lost */
    QUEUE_CONNECTION_STOPPED     /**< our own end: tells nothing */
} queue_connection_e;

/** A connection that ends after QUEUE_SENT_THROTTLED has said all by that: OK.
 *  @param reason  of a failure, or NULL; counted by the callee */
void queue_schedule_closed(queue_destination_t *destination,
                           queue_connection_e how,
                           const queue_reason_t *reason, apr_time_t now);

/** The next job for a connection of @a destination that is ready; ACTIVE from
 *  now on. NULL: none, or the rate does not allow it yet, or others shall
 *  have the connection. */
queue_job_t *queue_schedule_take(queue_destination_t *destination,
                                 apr_time_t now);

/** What an attempt tells of the destination; nothing about the mail. */
typedef enum {
    QUEUE_SENT_OK = 0,           /**< it took or refused the mail */
    QUEUE_SENT_THROTTLED,        /**< it asked to come back later (4xx), and
                                      means us, not the mail */
    QUEUE_SENT_LOST              /**< no answer: the connection was lost, or
                                      is ours to end; queue_schedule_closed()
                                      will tell which */
} queue_sent_e;

/** The job of queue_schedule_take() is in nobody's hands any more (its state
 *  is NEW); concurrency adapts. */
void queue_schedule_sent(queue_job_t *job, queue_sent_e how, apr_time_t now);

/** Whether the destination is dead now: its jobs can be deferred with its
 *  reason, without an attempt. */
int queue_destination_is_dead(const queue_destination_t *destination,
                              apr_time_t now);

/** The next ready job of a destination, dead or not and whatever its rate, to
 *  be settled without being sent; ACTIVE from now on, until it is removed,
 *  deferred or added, or queue_schedule_sent() is called, which learns nothing
 *  of it. NULL: none. */
queue_job_t *queue_schedule_take_dead(queue_destination_t *destination);

/** A dead destination may be tried at once: the administrator wants it. */
void queue_schedule_revive(queue_destination_t *destination, apr_time_t now);

/** All deferred jobs of @a destination are ready at once, and it is no longer
 *  dead. @return how many jobs */
unsigned int queue_schedule_flush(queue_schedule_t *schedule,
                                  queue_destination_t *destination,
                                  apr_time_t now);

#endif
