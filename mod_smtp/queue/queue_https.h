/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_https.h
 * One HTTPS request, by libcurl, to a server that a stranger names: a policy of
 * MTA-STS is fetched, a report of TLS-RPT is sent. It waits: in a thread
 * (queue_loop_task()).
 *
 * Only HTTPS, TLS 1.2 and up; certificate and name are verified; redirects are
 * not followed, proxies of the environment not used, and no cookie, login or
 * connection is kept. Addresses are those that the caller has looked up.
 */
#ifndef QUEUE_HTTPS_H
#define QUEUE_HTTPS_H

#include <apr_network_io.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

typedef struct queue_https_request_t {
    const char *url;             /**< https: */
    const char *host;            /**< in it, as queue_url_host_get() says */
    apr_port_t port;
    /** smtp_dns_address_t of host; at least one. */
    const apr_array_header_t *addresses;
    const char *ca_file;         /**< a file, or a hashed directory; NULL: those
                                      that libcurl knows */
    apr_interval_time_t timeout; /**< for the whole */
    apr_size_t max_octets;       /**< of the answer */
    const char *body;            /**< POST; NULL: GET */
    apr_size_t body_len;
    const char *type;            /**< of the body */
} queue_https_request_t;

typedef struct queue_https_answer_t {
    int status;                  /**< of HTTP; 0: there is no answer */
    const char *type;            /**< Content-Type, or NULL */
    const char *octets;
    apr_size_t len;
    const char *fault;           /**< why there is no answer; else NULL */
    /** It is the server's certificate that is not to be trusted. */
    unsigned int is_untrusted : 1;
} queue_https_answer_t;

/** In the queue process, before its threads; ends with @a p. */
apr_status_t queue_https_begin(apr_pool_t *p);

/** Ends requests that are under way, within a second or so, and lets no other
 *  begin: the process ends. Any thread. */
void queue_https_stop(void);

/** Asks, and waits. @param answer  out: in @a p */
void queue_https_run(apr_pool_t *p, const queue_https_request_t *request,
                     queue_https_answer_t *answer);

#endif
