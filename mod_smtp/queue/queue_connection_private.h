/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_connection_private.h
 * What the files of queue_connection share; nobody else includes it.
 * queue_connection.c is who uses it and the session, queue_attempt.c how a
 * session is come by: one host and address after the other.
 */
#ifndef QUEUE_CONNECTION_PRIVATE_H
#define QUEUE_CONNECTION_PRIVATE_H

#include "queue_connection.h"
#include "queue_host.h"
#include "queue_session.h"
#include "queue_sts.h"
#include "queue_tls.h"

typedef enum {
    QUEUE_STATE_BEGIN = 0,  /**< the loop has not come by yet */
    QUEUE_STATE_HOST,       /**< the next host is wanted, of DNS */
    QUEUE_STATE_ADDRESS,    /**< the next address is wanted */
    QUEUE_STATE_CONNECT,    /**< the peer's system is to answer */
    QUEUE_STATE_SESSION,
    QUEUE_STATE_OVER        /**< the user knows */
} queue_state_e;

struct queue_connection_t {
    apr_pool_t *pool;
    queue_network_t *network;
    queue_connection_conf_t conf;
    queue_connection_user_t user;
    void *baton;
    queue_timer_t timer;
    apr_time_t timer_at;         /**< 0: it does not run */
    queue_state_e state;
    unsigned int is_running : 1; /**< in step(): a call-back may have come */
    unsigned int is_offered : 1; /**< ready was told, nothing was sent yet */
    unsigned int is_clear : 1;   /**< this address once more, without TLS */
    unsigned int is_sts_told : 1; /**< to TLS-RPT: no policy can be had */

    queue_hosts_conf_t hosts_conf;
    queue_hosts_t *hosts;
    queue_sts_query_t *sts;      /**< NULL: MTA-STS is not asked for */
    const queue_host_t *next_host; /**< found, while MTA-STS has no answer */
    const queue_host_t *host;    /**< that is tried */
    int address;                 /**< index of the next of its addresses */
    int attempts;                /**< addresses tried */
    queue_tls_facts_t tls_facts;

    apr_pool_t *attempt_pool;    /**< of one address */
    int fd;                      /**< while connecting */
    queue_watch_t *watch;
    queue_session_conf_t session_conf;
    queue_session_t *session;
    apr_time_t deadline;         /**< to connect; of idleness */

    smtp_client_message_t *message; /**< at hand; NULL: none */
    queue_peer_t peer;
    smtp_outcome_t failure;      /**< of a host; pending: none yet */
    unsigned int is_failure_ours : 1; /**< it is this machine's network's */
    queue_peer_t failure_peer;
};

/** One setter, which logs. */
void queue_connection_state_set(queue_connection_t *c,
                                queue_state_e state);

/** All hosts were of no use: the user is told. */
void queue_connection_give_up(queue_connection_t *c);

/** A watch_fn: something has come, or connecting has an end. */
void queue_connection_event(void *c, int events);

/** Whom mail is for and whom we have to do with, for a log. */
const char *queue_connection_domain_write(const queue_connection_t *c);
const char *queue_connection_peer_write(const queue_connection_t *c);

/** The next host. @return whether there is something to go on with now */
int queue_attempt_host_step(queue_connection_t *c);

/** The next address of the host. @return the same */
int queue_attempt_address_step(queue_connection_t *c);

/** The socket is one that was connected by somebody else. */
void queue_attempt_adopt(queue_connection_t *c);

/** The socket is connected, or is not. */
void queue_attempt_connected(queue_connection_t *c);

/** This address was of no use; the next is wanted.
 *  @param detail  NULL: that of the loss */
void queue_attempt_fail(queue_connection_t *c, smtp_loss_e loss,
                        const char *detail);

/** One host or address was of no use, and why. What is temporary counts more
 *  than what is for ever: the mail may be taken there later (RFC 5321 5.1). */
void queue_attempt_failure_note(queue_connection_t *c,
                                const smtp_outcome_t *failure);

/** Closes what there is of the attempt. */
void queue_attempt_end(queue_connection_t *c);

#endif
