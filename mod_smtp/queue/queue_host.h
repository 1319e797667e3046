/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_host.h
 * The hosts of a next hop, one after the other in the order in which they are
 * tried, each with its addresses and what DANE demands of it (RFC 5321 5.1,
 * RFC 7505, RFC 7672). One thread: the loop's.
 *
 * DNS is asked for what is needed next, and no more: for a domain whose first
 * host takes the mail, nothing of the second is asked. All hosts of the same
 * preference are asked for together, as one of them may be ourselves.
 */
#ifndef QUEUE_HOST_H
#define QUEUE_HOST_H

#include "queue_network.h"
#include "smtp_tlsa.h"

/** Addresses of a host that are tried at most. */
#define QUEUE_HOST_ADDRESSES_MAX 5

typedef struct queue_host_t {
    const char *name;            /**< "mx.example.com", "192.0.2.1"; the path
                                      of a unix socket; "": no host yet */
    const char *path;            /**< of a unix socket; NULL: addresses */
    apr_port_t port;
    const apr_array_header_t *addresses; /**< smtp_dns_address_t, in order */
    /** Name and addresses are the administrator's words or validated: a
     *  certificate for name says who the peer is (RFC 8689 4.2.1). */
    unsigned int is_secure : 1;
    unsigned int is_literal : 1; /**< name is an address */
    unsigned int is_mx : 1;      /**< an MX record names it */
    smtp_tlsa_e tlsa;
    const char *tlsa_host;       /**< TLSA base domain (RFC 7672 2.2.3): whose
                                      records decided; NULL with NONE */
    const smtp_tls_tlsa_t *records; /**< with DANE */
    apr_size_t record_count;
    /** Not pending: it cannot be tried, and why. */
    smtp_outcome_t failure;
} queue_host_t;

typedef struct queue_hosts_t queue_hosts_t;

/** What is asked for; kept, not copied. */
typedef struct queue_hosts_conf_t {
    const queue_route_t *route;
    const queue_destination_conf_t *conf;
    const char *domain;          /**< of the recipients */
    unsigned int has_dane : 1;   /**< TLSA is looked up */
} queue_hosts_conf_t;

/**
 * Asks nothing yet.
 * @param p     of the hosts; questions end with it
 * @param wake  called by the loop when queue_hosts_next() has something new to
 *              say after it said WAIT
 */
queue_hosts_t *queue_hosts_create(apr_pool_t *p, queue_network_t *network,
                                  const queue_hosts_conf_t *conf,
                                  void (*wake)(void *baton), void *baton);

typedef enum {
    QUEUE_HOSTS_WAIT = 0,        /**< for DNS */
    QUEUE_HOSTS_FOUND,
    QUEUE_HOSTS_END              /**< there are no more */
} queue_hosts_e;

/** The next host, also one that cannot be tried, or a failure of the domain
 *  as a whole.
 *  @param host  out: as long as the pool; NULL unless FOUND */
queue_hosts_e queue_hosts_next(queue_hosts_t *hosts,
                               const queue_host_t **host);

/** The next hop's domain in A-labels, or literal: what was asked for MX, or
 *  the host of the route; "" of a unix socket. After the first FOUND. */
const char *queue_hosts_domain(const queue_hosts_t *hosts);

#endif
