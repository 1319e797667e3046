/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_route.h
 * From a recipient to a destination: which <SMTPDestination> and which
 * SMTPRoute are for it.
 */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "queue_conf.h"

/** What the key of a destination begins with whose mail is fetched; the domain
 *  follows. */
#define QUEUE_ROUTE_ON_DEMAND_KEY "on-demand:"

/** What rules may ask about. */
typedef struct queue_route_facts_t {
    const queue_vhost_t *vhost;
    const char *reverse_path;    /**< "" when null */
    const char *forward_path;    /**< without brackets */
    const char *login;           /**< NULL: none */
    const char *client;          /**< address of the client, or NULL */
    /** SMTPDeliver's method and argument ("lmtp", "unix:/path") of a local
     *  mailbox; NULL: a recipient that is relayed. */
    const char *method;
    const char *argument;
} queue_route_facts_t;

typedef struct queue_found_route_t {
    const queue_route_t *route;
    /** What holds; its tls is what the route asks for. */
    const queue_destination_conf_t *conf;
    const char *domain;          /**< of the recipient, A-labels; literal */
    /** Tells destinations apart: next hop, how it is reached, whose
     *  configuration. Printable: "mx:example.com", "smtp:[192.0.2.1]:25". */
    const char *key;
} queue_found_route_t;

/**
 * Never fails: what cannot be understood has a route of kind ERROR.
 * @param found  out; in @a p or as long as the configuration
 */
void queue_route_find(apr_pool_t *p, const queue_route_facts_t *facts,
                      queue_found_route_t *found);

/** What TLS must be on @a route (smtp_tls_level_e): as the route says, then,
 *  if it logs in, conf->tls_auth, then conf->tls. */
int queue_route_tls(const queue_route_t *route,
                    const queue_destination_conf_t *conf);

/** How urgent a message is by SMTPPriority. Of @a facts forward_path is not
 *  looked at. */
queue_priority_e queue_route_priority(apr_pool_t *p,
                                      const queue_route_facts_t *facts);

/** Reads a target: "mx", "mx:other.example", "mx:other.example:2525",
 *  "smtp:host", "smtp:host:port", "smtps:host:port", "lmtp:host:port",
 *  "lmtp:unix:/path", "discard", "error:5.1.2", "error:5.1.2:text", "local",
 *  "on-demand".
 *  A host is a name or an address, that of IPv6 in brackets.
 *  @param route  out; zero but for what the target says, tls
 *                QUEUE_CONF_UNSET; in @a p
 *  @return NULL, or what is wrong and what helps, in @a p */
const char *queue_route_parse(apr_pool_t *p, const char *text,
                              queue_route_t *route);

/** Whether an expression of the configuration holds for @a facts: it sees the
 *  variables of the environment SMTP_FROM, SMTP_TO and SMTP_LOGIN, and
 *  httpd's REMOTE_ADDR and REMOTE_USER. Any thread.
 *  @return 1, 0; -1: it failed, which was logged */
int queue_route_condition(apr_pool_t *p, const queue_route_facts_t *facts,
                          const ap_expr_info_t *condition);

#endif
