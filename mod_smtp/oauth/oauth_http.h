/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_http.h
 * Questions to an end point over HTTP, by libcurl. A thread that asks waits,
 * so that how long and how many at once are limited.
 */
#ifndef OAUTH_HTTP_H
#define OAUTH_HTTP_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "oauth_answer.h"

/** Requests of one process at once, whatever is configured. */
#define OAUTH_HTTP_MAX_REQUESTS 1000

/** What a child process has: connections that are kept for the next. */
typedef struct oauth_http_t oauth_http_t;

typedef struct oauth_http_endpoint_t {
    const char *url;
    const char *client_id;       /**< HTTP's Basic (RFC 6749 2.3.1), as they */
    const char *client_secret;   /**< are configured; not form-encoded yet */
    const char *ca_file;         /**< NULL: those that libcurl knows */
    apr_interval_time_t connect_timeout;
    apr_interval_time_t timeout; /**< for the whole, connecting included */
} oauth_http_endpoint_t;

/**
 * Makes it, in a child before its threads.
 * @param max_requests  at once, 1 to OAUTH_HTTP_MAX_REQUESTS
 */
apr_status_t oauth_http_create(apr_pool_t *pchild, int max_requests,
                               oauth_http_t **http);

/**
 * Asks about a token (RFC 7662 2.1) and waits. TLS 1.2 or later, certificate
 * and name verified; redirects are not followed, proxies of the environment
 * not used, nothing but HTTP is spoken. Any thread.
 * @param answer  out: its octets in @a p
 * @param fault   out: why there is no answer, in @a p; nothing secret
 * @return APR_SUCCESS; APR_EAGAIN: as many as may are asking; APR_TIMEUP;
 *         APR_EGENERAL: anything else
 */
apr_status_t oauth_http_ask(oauth_http_t *http, apr_pool_t *p,
                            const oauth_http_endpoint_t *endpoint,
                            const char *token, oauth_answer_t *answer,
                            const char **fault);

#endif
