/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_url.h
 * URLs that strangers give us to send something to. Pure: any thread.
 */
#ifndef QUEUE_URL_H
#define QUEUE_URL_H

#include <apr_network_io.h>
#include <apr_pools.h>

/** Takes host and port out of a URL.
 *  @param host  out: A-labels in lower case, in @a p; NULL on failure
 *  @return NULL, or why it cannot be used, static: only https, without login,
 *          with the name of a host */
const char *queue_url_host_get(apr_pool_t *p, const char *url,
                               const char **host, apr_port_t *port);

#endif
