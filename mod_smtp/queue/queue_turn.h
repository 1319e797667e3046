/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_turn.h
 * Mail that is fetched (RFC 2645, TURN of RFC 821): destinations whose route
 * is QUEUE_ROUTE_ON_DEMAND keep their mail until a client asks one of httpd's
 * children for it. That child passes octets on between the client and a
 * connection to here, on which the queue is the SMTP client. One thread: the
 * loop's.
 *
 * Names are domains in A-labels; ".example.com" means all below it.
 */
#ifndef QUEUE_TURN_H
#define QUEUE_TURN_H

#include "queue_engine.h"

/** How many messages could be fetched.
 *  @param is_busy  out: there are more, which somebody fetches just now */
apr_size_t queue_turn_count(queue_engine_t *engine, const char *const *names,
                            int name_count, int *is_busy);

/**
 * Sends all that.
 * @param fd       connected, non-blocking; ours from now on: closed when
 *                 nothing is left, or the peer is not as it must be
 * @param address  of the client, for logs
 */
void queue_turn_begin(queue_engine_t *engine, int fd,
                      const char *const *names, int name_count,
                      const char *address);

#endif
