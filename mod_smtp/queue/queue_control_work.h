/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_control_work.h
 * What an administrator asked for, being done: a little at a time, as fast as
 * the lines of the reply are read. No I/O but the store's. The loop's thread.
 */
#ifndef QUEUE_CONTROL_WORK_H
#define QUEUE_CONTROL_WORK_H

#include "queue_engine.h"
#include "store_control_reply.h"

/** A turn ends when so many octets wait to be sent ... */
#define QUEUE_CONTROL_OUT_OCTETS (64 * 1024)
/** ... or so many messages have been looked at, or changed. */
#define QUEUE_CONTROL_SEEN 4096
#define QUEUE_CONTROL_CHANGED 64

typedef struct queue_control_work_t queue_control_work_t;

/** @param p        it ends with it, wherever it is
 *  @param request  checked; used until the end */
queue_control_work_t *
queue_control_work_begin(apr_pool_t *p, queue_engine_t *engine,
                         const store_control_request_t *request);

/**
 * A turn: writes lines of the reply to @a out.
 * @return 1: there is more; 0: the last line was written
 */
int queue_control_work_turn(queue_control_work_t *work,
                            store_control_out_t *out, apr_time_t now);

/** Messages that fitted so far: what END says, once it is written. */
apr_int64_t queue_control_work_count(const queue_control_work_t *work);

#endif
