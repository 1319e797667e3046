/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_connection.h
 * One connection to a next hop, from DNS to QUIT, on the loop: MX and address
 * look-up, TLSA and other TLS policy, connecting to one address after the
 * other, SMTP and TLS by client/, a message at a time. All of it in the
 * loop's thread; nothing waits.
 *
 * Before the first ready it goes from address to address and from host to
 * host, whatever is wrong with one of them (RFC 5321 5.1): only what all have
 * in common is told. A temporary failure of one counts more than another's
 * for ever. Afterwards a loss ends it.
 */
#ifndef QUEUE_CONNECTION_H
#define QUEUE_CONNECTION_H

#include "queue_conf.h"
#include "queue_network.h"
#include "smtp_client.h"
#include "smtp_tls.h"

/** Addresses of one next hop that are tried at most, all hosts together. */
#define QUEUE_CONNECTION_ATTEMPTS_MAX 10

typedef struct queue_connection_t queue_connection_t;

/** Who uses the connection. Each call-back may call any function of this
 *  header; closed none for the connection that it is about. */
typedef struct queue_connection_user_t {
    /** A message may be sent: queue_connection_send() or _quit(), now or
     *  later (then it is kept idle for conf->idle at most). After the first,
     *  also what the last message came to has been told. Not told any more
     *  after conf->messages_per_connection, or the peer's MAILMAX (RFC 9422):
     *  then it ends by itself. */
    void (*ready)(void *baton, queue_connection_t *connection);
    /** @a message is over; each of its recipients has an outcome. Before
     *  ready or closed. */
    void (*done)(void *baton, queue_connection_t *connection,
                 smtp_client_message_t *message);
    /** It is gone, and freed when this returns. @a failure: why, for whatever
     *  there is for this destination; NULL: it ended in good order, or after
     *  it was of use and without harm to anybody: idle, or a message met a
     *  kept connection that had gone (its outcomes say retry_now). */
    void (*closed)(void *baton, queue_connection_t *connection,
                   const smtp_outcome_t *failure);
} queue_connection_user_t;

/** How it is made; copied, what it points to outlives the connection. */
typedef struct queue_connection_conf_t {
    const queue_route_t *route;  /**< MX, SMTP, LMTP, LMTP_UNIX */
    const queue_destination_conf_t *conf;
    const char *domain;          /**< of the recipients: for MX; MTA-STS */
    const char *helo;            /**< our name */
    unsigned int requires_tls : 1; /**< REQUIRETLS (RFC 8689) is asked for */
    /** The mail says TLS-Required: No (RFC 8689 5): what the domain demands by
     *  DANE and MTA-STS does not count; what the configuration does, does. */
    unsigned int is_tls_optional : 1;
    unsigned int reports_tls : 1; /**< what TLS comes to is counted (TLS-RPT) */
    /** There is a connection already, on which the peer is about to greet us
     *  (RFC 2645 4.4): no DNS, no TLS. */
    unsigned int is_connected : 1;
    int fd;                      /**< of it, non-blocking; ours to close */
    const char *address;         /**< of the peer */
} queue_connection_conf_t;

/**
 * Begins; the first call-back comes later, from the loop.
 * @return never NULL
 */
queue_connection_t *queue_connection_open(apr_pool_t *p,
                                          queue_network_t *network,
                                          const queue_connection_conf_t *conf,
                                          const queue_connection_user_t *user,
                                          void *baton);

/** Sends; when it is ready (queue_connection_is_ready()). @a message is in
 *  use until done, which is not called before this returns. Its content never
 *  says APR_EAGAIN. */
void queue_connection_send(queue_connection_t *connection,
                           smtp_client_message_t *message);

/** Whether queue_connection_send() may be called: ready was told, and since
 *  then neither a message nor QUIT was begun (an idle connection ends
 *  itself). */
int queue_connection_is_ready(const queue_connection_t *connection);

/** Ends it in good order; when it is ready, else it does nothing. closed
 *  follows when the peer has answered, not before this returns. */
void queue_connection_quit(queue_connection_t *connection);

/** Ends it at once: recipients of a message are deferred (done is called),
 *  then closed, both before this returns. */
void queue_connection_abort(queue_connection_t *connection,
                            const char *why);

/** Whether it may be ended without harm: no end-of-data is waited for. */
int queue_connection_is_harmless(const queue_connection_t *connection);

/** What it is connected to, or is being tried; in closed, whose failure it is.
 *  Strings live as long as the connection, tls until closed returns. */
typedef struct queue_peer_t {
    const char *host;            /**< name or path; "" before one is tried */
    const char *address;         /**< "192.0.2.1", "2001:db8::1", "" */
    apr_port_t port;
    const char *source;          /**< our address, or "" */
    const smtp_tls_info_t *tls;  /**< NULL: none */
    apr_time_t began;            /**< queue_connection_open() */
    apr_time_t ready;            /**< first time ready; 0 before */
    apr_time_t message;          /**< the message at hand was begun */
    unsigned int messages;       /**< begun */
} queue_peer_t;

const queue_peer_t *queue_connection_peer(const queue_connection_t *c);

#endif
