/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_engine_private.h
 * What the files of the engine share; nobody else includes it. queue_engine.c
 * begins, ends and keeps the table of messages, queue_intake.c makes messages
 * of what the store finds, queue_delivery.c gives jobs to connections and
 * takes outcomes, queue_settle.c writes down what follows from them,
 * queue_owed.c keeps it when it cannot be written, queue_told.c has DSNs made,
 * queue_admin.c is for the administrator, queue_turn.c for who fetches mail.
 */
#ifndef QUEUE_ENGINE_PRIVATE_H
#define QUEUE_ENGINE_PRIVATE_H

#include "queue_dsn.h"
#include "queue_engine.h"
#include "queue_log.h"
#include "queue_route.h"

/** Where jobs of a destination go: the baton of the scheduler's. One block from
 *  malloc(), but for the verdict's text. */
typedef struct queue_hop_t {
    queue_route_t route;
    const queue_destination_conf_t *conf;
    const char *domain;
    const char *helo;
    queue_destination_t *destination;
    struct queue_link_t *idle;   /**< connections that wait for mail */
    /** What its ready jobs come to without being sent, while it is drained. */
    smtp_outcome_t verdict;
    char *verdict_text;          /**< from malloc() */
    struct queue_hop_t *next_draining;
    unsigned int requires_tls : 1;
    unsigned int is_tls_optional : 1;
    unsigned int reports_tls : 1;
    unsigned int is_draining : 1; /**< in engine->draining */
    unsigned int is_served : 1;  /**< drained in the place of a connection */
} queue_hop_t;

/** A connection in the engine's hands. */
typedef struct queue_link_t {
    APR_RING_ENTRY(queue_link_t) ring;
    apr_pool_t *pool;            /**< its own */
    apr_pool_t *mail_pool;       /**< of the message at hand; cleared */
    struct queue_engine_t *engine;
    queue_hop_t *hop;
    queue_connection_t *connection;
    struct queue_link_t *next_idle;
    queue_job_t *job;            /**< NULL: none */
    queue_mail_t *mail;          /**< of the job */
    apr_uint32_t *indices;       /**< of message recipients, by those sent */
    /** Of a message with twins: address (queue_twin_key()) -> its place in
     *  indices, apr_uint32_t *. Else NULL. */
    apr_hash_t *places;
    smtp_client_message_t message;
    apr_time_t taken;            /**< the job */
    /** What else is fetched over this connection; NULL: it is ours. */
    struct queue_turn_t *turn;
    unsigned int is_idle : 1;
    unsigned int is_stopping : 1; /**< cut by us */
} queue_link_t;

struct queue_cursor_t {
    queue_engine_t *engine;
    queue_message_t place;       /**< in the ring; its id is NULL */
};

/** A line of the log that may come for each message. */
typedef struct queue_said_t {
    apr_time_t last;             /**< 0: never */
    unsigned int left_out;       /**< since then */
} queue_said_t;

struct queue_engine_t {
    apr_pool_t *pool;
    const queue_conf_t *conf;
    queue_loop_t *loop;
    queue_store_t *store;
    queue_network_t *network;
    queue_schedule_t *schedule;
    queue_reasons_t *reasons;
    queue_log_t *log;
    APR_RING_HEAD(queue_all_t, queue_message_t) all;
    queue_message_t **table;     /**< by hash of the id */
    apr_size_t table_size;       /**< a power of 2 */
    apr_size_t message_count;
    apr_size_t recipient_count;  /**< that are open */
    APR_RING_HEAD(queue_links_t, queue_link_t) links;
    queue_hop_t *draining;       /**< hops with jobs to be settled unsent */
    apr_pool_t *scratch;         /**< cleared after each use */
    queue_timer_t tick;          /**< the scheduler's deadline */
    queue_timer_t drain;
    queue_timer_t sync;
    queue_timer_t move;
    queue_timer_t scan;          /**< of the journals */
    queue_timer_t files;         /**< of SPOOL/queue, at the start */
    queue_timer_t stop;
    queue_timer_t owed_timer;
    queue_cursor_t *owed_cursor; /**< NULL: none is under way */
    apr_size_t owed;             /**< messages */
    queue_said_t note_said, dsn_said, mail_said;
    queue_cursor_t *mover;       /**< see move() */
    apr_time_t stop_at;          /**< what goes on is cut then */
    unsigned int held;           /**< messages */
    unsigned int is_scanning : 1; /**< journals, a slice a turn */
    unsigned int scans_again : 1; /**< and again from the begin */
    unsigned int is_stopping : 1;
};

/** @name queue_engine.c
 * @{ */

/** Adds to table and ring. */
void queue_engine_insert(queue_engine_t *engine, queue_message_t *message);

/** Takes it out of both and frees it. */
void queue_engine_remove(queue_engine_t *engine, queue_message_t *message);

/** The scheduler may have something to do: looks at it soon. */
void queue_engine_kick(queue_engine_t *engine);
/** @} */

/** @name queue_intake.c
 * @{ */

/** queue_store_found_fn; the baton is the engine. */
void queue_intake_found(void *baton, const queue_found_t *found);
/** @} */

/** @name queue_delivery.c
 * @{ */

/** Opens connections and feeds idle ones, as the scheduler wants. */
void queue_delivery_run(queue_engine_t *engine);

/** The job is ready and its destination may have an idle connection, or be
 *  dead. */
void queue_delivery_offer(queue_engine_t *engine, queue_job_t *job);

/** Whether recipient @a i of the message has not had its turn in the job's
 *  round. */
int queue_delivery_is_in_round(const queue_job_t *job, apr_uint32_t i);

/** Whether it is kept until it is fetched (QUEUE_ROUTE_ON_DEMAND). */
int queue_delivery_is_on_demand(const queue_job_t *job);

/** Frees a hop; its destination goes. */
void queue_delivery_hop_free(void *baton);

/** A link without a connection, whose user is this file; then that. */
queue_link_t *queue_delivery_link_create(queue_engine_t *engine,
                                         queue_hop_t *hop);
void queue_delivery_link_open(queue_link_t *link,
                              const queue_connection_conf_t *conf);

/** Settles some of the ready jobs of hops that are drained. */
void queue_delivery_drain(queue_engine_t *engine);
/** @} */

/** @name queue_turn.c
 * @{ */

/** The hop at hand has no more mail: @return whether there is another one whose
 *  mail is fetched by this connection; then that is at hand. */
int queue_turn_next(queue_link_t *link);
/** @} */

/** @name queue_settle.c
 * @{ */

/** What one attempt, or none, came to for recipients of one job. */
typedef struct queue_settle_t {
    queue_engine_t *engine;
    queue_job_t *job;
    apr_pool_t *p;               /**< goes when this returns */
    const apr_uint32_t *indices; /**< recipients of the message */
    const smtp_outcome_t *const *outcomes; /**< one for each */
    apr_size_t count;
    const queue_peer_t *peer;    /**< NULL: no connection */
    const queue_mail_t *mail;    /**< NULL: it has to be opened */
    apr_time_t taken;
    /** retry_now outcomes leave their recipients for the same round. */
    unsigned int may_repeat : 1;
} queue_settle_t;

/** Logs, writes notes, sets DSNs going, and gives the job back to the
 *  scheduler, unless some of its recipients are still to be tried in this
 *  round. The message may be gone afterwards.
 *  @return 1: recipients of this round are left; the job is still ACTIVE */
int queue_settle(queue_settle_t *settle);

/** Nothing about the message is left to be done: it goes. */
void queue_settle_message_check(queue_engine_t *engine,
                                queue_message_t *message);

/** Gives a job back that is no wiser than before: its round did not happen, or
 *  not for all. */
void queue_settle_return(queue_engine_t *engine, queue_job_t *job);

/** The mail was not what had been written, and was set aside: nothing can be
 *  sent any more. */
void queue_settle_damaged(queue_engine_t *engine, queue_job_t *job);

/** Defers a job that could not even be tried, for a reason of our own. */
void queue_settle_postpone(queue_engine_t *engine, queue_job_t *job,
                           apr_interval_time_t delay);
/** @} */

/** @name queue_owed.c
 * @{ */

/** Writes notes (store_queued_note_t), and with them what could not be written
 *  of the message before. What cannot be written is logged, and owed: it is
 *  tried again, until it is on disk or the message over. */
void queue_owed_note(queue_engine_t *engine, queue_message_t *message,
                     const apr_array_header_t *notes, apr_pool_t *p);

/** The message could not be written, for @a rv. */
void queue_owed_add(queue_engine_t *engine, queue_message_t *message,
                    apr_status_t rv);

/** It is over: nothing is owed. */
void queue_owed_remove(queue_engine_t *engine, queue_message_t *message);

/** Writes some of what is owed; of engine->owed_timer. */
void queue_owed_write(void *baton);

/** Writes all that can be written: the process ends. */
void queue_owed_write_all(queue_engine_t *engine);

/** The message is over, and its file could not be removed: writes into it, if
 *  that is possible, that nobody waits. */
void queue_owed_end(queue_engine_t *engine, queue_message_t *message);

/** Whether a line that may come for each message is said now, once in ten
 *  seconds. @param left_out  out: how often it was not since the last time */
int queue_owed_say(queue_engine_t *engine, queue_said_t *said,
                   unsigned int *left_out);
/** @} */

/** @name queue_told.c
 * @{ */

/** Until then waits what could not be told. */
#define QUEUE_TOLD_AGAIN apr_time_from_sec(300)

/** Has DSNs made of @a told (queue_dsn_recipient_t; copied), until they are
 *  durable. Who failed is over then, and noted, one DSN after the other. If the
 *  mail is found damaged or gone they are over without. The message may be
 *  over when this returns. */
void queue_told_begin(queue_engine_t *engine, queue_message_t *message,
                      const apr_array_header_t *told);

/** Logs that no DSN can be made of a mail. */
void queue_told_lost(const queue_message_t *message, int count);
/** @} */

/** @name queue_transaction.c
 * @{ */

/** Sets link->message and indices to the next transaction of the round of
 *  link->job, whose mail is opened. @return 0: nobody is left in it */
int queue_transaction_next(queue_link_t *link);

/** What came of it, as the client has it in link->message: sets recipients,
 *  outcomes and count of @a settle, in settle->p. Once only. */
void queue_transaction_outcomes(const queue_link_t *link,
                                queue_settle_t *settle);
/** @} */

#endif
