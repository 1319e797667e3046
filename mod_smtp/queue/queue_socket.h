/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_socket.h
 * Connections of TCP and unix sockets that never wait. Any thread.
 */
#ifndef QUEUE_SOCKET_H
#define QUEUE_SOCKET_H

#include "queue_conf.h"
#include "smtp_outcome.h"

/** Where to. */
typedef struct queue_endpoint_t {
    const char *path;            /**< of a unix socket; NULL: by TCP */
    smtp_dns_address_t address;
    apr_port_t port;
} queue_endpoint_t;

/**
 * Begins to connect.
 * @param source  our address, of the same family; NULL: the system's choice
 * @param fd      out: non-blocking, closed on exec; the caller closes it; -1
 *                on failure
 * @return APR_SUCCESS: connected; APR_EINPROGRESS: when it is writable
 *         queue_socket_error() tells; else why it cannot be
 */
apr_status_t queue_socket_connect(const queue_endpoint_t *to,
                                  const smtp_dns_address_t *source, int *fd);

/** What connecting has come to. */
apr_status_t queue_socket_error(int fd);

/** What such an error means. */
smtp_loss_e queue_socket_loss(apr_status_t rv);

/** Our address of a connection, in @a p; "" of a unix socket. */
const char *queue_socket_source(apr_pool_t *p, int fd);

/**
 * The address to send from.
 * @param sources  queue_source_t; NULL: the system chooses
 * @param chance   any number: by weight
 * @param source   out; NULL: the system's choice, or none
 * @return 1; 0: there are sources, but none of this family: it is not to be
 *         used
 */
int queue_source_choose(const apr_array_header_t *sources, int family,
                        apr_uint64_t chance, const queue_source_t **source);

#endif
