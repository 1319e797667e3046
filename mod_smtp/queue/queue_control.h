/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_control.h
 * SPOOL/queue/control: the unix socket on which the administrator's programs
 * talk to the queue process (store_control.h). Only the user of httpd's
 * children, and root, can connect (0600). Still nobody is trusted who does:
 * lines are limited, lists are written as fast as they are read, and who does
 * neither is let go. The loop's thread.
 */
#ifndef QUEUE_CONTROL_H
#define QUEUE_CONTROL_H

#include "queue_engine.h"
#include "queue_loop.h"
#include "store_log.h"

/** The socket's name below SPOOL/queue. */
#define QUEUE_CONTROL_NAME "control"

/** Clients at once. Another one takes the place of who has been silent the
 *  longest, if that is so long. */
#define QUEUE_CONTROL_CLIENTS 16
#define QUEUE_CONTROL_SILENCE apr_time_from_sec(10)

/** A client has so long to say what it wants, and to take what it is told:
 *  people page through lists. */
#define QUEUE_CONTROL_REQUEST apr_time_from_sec(60)
#define QUEUE_CONTROL_REPLY   apr_time_from_sec(600)

typedef struct queue_control_t queue_control_t;

/**
 * Takes the place of whoever listened there before: call it when the right to
 * send is ours (queue_store_lock()).
 * @param p          it listens until queue_control_close() or the end of it
 * @param queue_dir  SPOOL/queue
 * @param control    out: NULL on failure
 */
apr_status_t queue_control_open(apr_pool_t *p, queue_loop_t *loop,
                                const char *queue_dir,
                                queue_engine_t *engine,
                                const store_log_t *log,
                                queue_control_t **control);

/** Lets all clients go: nothing is touched of the engine's any more. Twice
 *  does no harm. */
void queue_control_close(queue_control_t *control);

#endif
