/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_hint.h
 * How a child tells the queue process that a message waits: by a unix socket,
 * SPOOL/queue/hint. A hint may get lost, a message may not: what the queue
 * process did not hear of it finds in the journals, and it looks there
 * whenever something may have been lost.
 *
 * On the socket each hint is a frame of fixed length; a frame with nothing in
 * it says that hints before it were lost. The end of a connection says the
 * same.
 */
#ifndef QUEUE_HINT_H
#define QUEUE_HINT_H

#include <pthread.h>

#include <apr_time.h>

#include "queue_loop.h"
#include "smtp_queue.h"
#include "store_log.h"

/** The socket's name below SPOOL/queue. */
#define QUEUE_HINT_NAME "hint"

/** Between two attempts to connect. */
#define QUEUE_HINT_CONNECT apr_time_from_msec(100)

/** Between two calls of queue_hint_user_t's lost. */
#define QUEUE_HINT_LOST apr_time_from_msec(200)

/** @name A child
 * @{ */

/** A child's side. Its fields are private. */
typedef struct queue_hint_sender_t {
    pthread_mutex_t mutex;
    char path[108];              /* of the socket; "": there is none */
    int fd;                      /* -1: not connected */
    apr_time_t attempted;        /* to connect; 0: never */
    int has_lost;                /* hints that nobody will hear of */
} queue_hint_sender_t;

/** Of a sender of static storage, which is never closed. */
#define QUEUE_HINT_SENDER_INIT { PTHREAD_MUTEX_INITIALIZER, "", -1, 0, 0 }

/** Before the first hint, by one thread. @return APR_ENAMETOOLONG: no unix
 *  socket can be in that directory */
apr_status_t queue_hint_sender_init(queue_hint_sender_t *sender,
                                    const char *queue_dir);

/** Never waits for the queue process and cannot fail. Any thread. */
void queue_hint_send(queue_hint_sender_t *sender,
                     const smtp_queue_hint_t *hint);

/** Any thread; another hint connects again. */
void queue_hint_sender_close(queue_hint_sender_t *sender);
/** @} */

/** @name The queue process: the loop's thread
 * @{ */
typedef struct queue_hint_listener_t queue_hint_listener_t;

typedef struct queue_hint_user_t {
    /** There is a message, perhaps: the hint is well-formed, not true. */
    void (*hint)(void *baton, const smtp_queue_hint_t *hint);
    /** Hints may have been lost. */
    void (*lost)(void *baton);
    void *baton;
} queue_hint_user_t;

/**
 * Takes the place of whoever listened there before.
 * @param p     it listens until queue_hint_listener_close() or the end of it
 * @param user  copied
 */
apr_status_t queue_hint_listen(apr_pool_t *p, queue_loop_t *loop,
                               const char *queue_dir,
                               const queue_hint_user_t *user,
                               const store_log_t *log,
                               queue_hint_listener_t **listener);

/** Closes all connections: children turn to who listens next. Twice does no
 *  harm. */
void queue_hint_listener_close(queue_hint_listener_t *listener);
/** @} */

#endif
