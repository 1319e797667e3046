/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file dns_route.h
 * The way of a domain's mail, found as a client of dns/ does it.
 */
#ifndef DNS_ROUTE_H
#define DNS_ROUTE_H

#include "smtp_dns.h"

/**
 * One line, in @a p: "OK: 10 mx.example.com 192.0.2.1 2001:db8::1 dane; ..."
 * with hosts in their order, their addresses sorted by family, and what TLSA
 * demands of each; or just a status.
 */
const char *dns_route(smtp_dns_t *dns, apr_pool_t *p, const char *domain);

#endif
