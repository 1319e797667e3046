/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_engine.h
 * The queue process's middle: messages come from the store, get routes and
 * jobs, are handed to connections as the scheduler says; what becomes of them
 * goes to the store, the log and those who have to be told. One thread: the
 * loop's.
 */
#ifndef QUEUE_ENGINE_H
#define QUEUE_ENGINE_H

#include "queue_conf.h"
#include "queue_connection.h"
#include "queue_log.h"
#include "queue_loop.h"
#include "queue_schedule.h"
#include "queue_store.h"

typedef struct queue_engine_t queue_engine_t;

/** Begins to work when the loop runs. */
apr_status_t queue_engine_create(apr_pool_t *p, const queue_conf_t *conf,
                                 queue_loop_t *loop, queue_store_t *store,
                                 queue_network_t *network, queue_log_t *log,
                                 queue_engine_t **engine);

/** A child says that there is a message. */
void queue_engine_hint(queue_engine_t *engine, const smtp_queue_hint_t *hint);

/** Hints may have been lost: journals are looked through. */
void queue_engine_scan(queue_engine_t *engine);

/** No new attempts; what has not sent its end-of-data is cut at once, the rest
 *  at @a deadline. Then the loop is stopped. */
void queue_engine_stop(queue_engine_t *engine, apr_time_t deadline);

/** @name For the administrator
 * @{ */

/** The message of this id, or NULL. */
queue_message_t *queue_engine_find(queue_engine_t *engine, const char *id);

/** A place in the list of all messages, oldest first, that may be left and
 *  taken up again; messages may come and go meanwhile. */
typedef struct queue_cursor_t queue_cursor_t;
queue_cursor_t *queue_cursor_open(queue_engine_t *engine);
queue_message_t *queue_cursor_next(queue_cursor_t *cursor);
void queue_cursor_close(queue_cursor_t *cursor);

/** Each is done at once and durable as outcomes are; what is in the hands of a
 *  connection is not touched (APR_EBUSY). */
apr_status_t queue_engine_retry(queue_engine_t *engine, queue_message_t *m);
apr_status_t queue_engine_hold(queue_engine_t *engine, queue_message_t *m);
apr_status_t queue_engine_release(queue_engine_t *engine, queue_message_t *m);
apr_status_t queue_engine_delete(queue_engine_t *engine, queue_message_t *m);

/** Tries what @a m has for recipients in @a domain (A-labels;
 *  ".example.com": below it) now (RFC 1985). It may be gone afterwards.
 *  @return whether it has some, and is not held */
int queue_engine_flush(queue_engine_t *engine, queue_message_t *m,
                       const char *domain);

typedef struct queue_counts_t {
    apr_size_t messages, recipients, ready, deferred, active, held;
    apr_size_t connections;
    apr_size_t unread;           /**< files that the start has not read yet;
                                      about */
} queue_counts_t;

void queue_engine_counts_get(const queue_engine_t *engine,
                             queue_counts_t *counts);

queue_schedule_t *queue_engine_schedule(const queue_engine_t *engine);
queue_store_t *queue_engine_store(const queue_engine_t *engine);
/** @} */

#endif
