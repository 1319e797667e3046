/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_route.h
 * From a recipient to a destination: which <SMTPDestination> and which
 * SMTPRoute are for it.
 */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "queue_conf.h"

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

/** Reads a target: "mx", "mx:other.example", "smtp:host:port",
 *  "smtps:host:port", "lmtp:unix:/path", "lmtp:host:port", "discard",
 *  "error:5.1.2:text", "local".
 *  @return NULL, or what is wrong and what helps, in @a p */
const char *queue_route_parse(apr_pool_t *p, const char *text,
                              queue_route_t *route);

#endif
