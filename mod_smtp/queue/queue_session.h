/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_session.h
 * An SMTP or LMTP session over a connected socket: moves octets between the
 * socket, smtp_tls and smtp_client, without ever waiting. One thread: the
 * loop's.
 */
#ifndef QUEUE_SESSION_H
#define QUEUE_SESSION_H

#include "queue_loop.h"
#include "smtp_client.h"
#include "smtp_tls.h"

typedef struct queue_session_t queue_session_t;

/** Kept, not copied; outlives the session. */
typedef struct queue_session_conf_t {
    smtp_client_conf_t client;
    smtp_tls_context_t *tls;     /**< NULL: no TLS */
    smtp_tls_policy_t policy;
    unsigned int is_implicit_tls : 1;
    apr_interval_time_t timeout_tls; /**< of the handshake */
} queue_session_conf_t;

/**
 * @param p        the session goes with it, and closes @a fd then
 * @param fd       connected, non-blocking
 * @param watch    of @a fd; its events are for queue_session_events()
 * @param session  out; NULL on failure (fd and watch are the caller's still)
 * @return APR_SUCCESS; APR_EINVAL: what smtp_client.h or smtp_tls.h refuses;
 *         APR_EGENERAL: OpenSSL
 */
apr_status_t queue_session_create(apr_pool_t *p, queue_loop_t *loop, int fd,
                                  queue_watch_t *watch,
                                  const queue_session_conf_t *conf,
                                  queue_session_t **session);

/** Where it stands: smtp_client_state() but for TLS, which is BUSY. May be
 *  asked for more by smtp_client_begin() and _quit(), after which
 *  queue_session_write() is called. */
smtp_client_t *queue_session_client(const queue_session_t *session);

/** Reads what there is, and writes what that leads to. */
void queue_session_events(queue_session_t *session, int events);

/** Writes what the socket takes now; the rest when it takes more. */
void queue_session_write(queue_session_t *session);

/** When the wait ends; 0: READY or CLOSED. */
apr_time_t queue_session_deadline(const queue_session_t *session);

/** It has ended: the session is given up. */
void queue_session_late(queue_session_t *session);

/** Whether there are octets that the socket has not taken. */
int queue_session_has_output(const queue_session_t *session);

/** What TLS came to; NULL: it was not begun. */
const smtp_tls_info_t *queue_session_tls(const queue_session_t *session);

#endif
