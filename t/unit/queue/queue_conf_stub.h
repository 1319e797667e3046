/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_conf_stub.h
 * The little of httpd that the configuration needs, and virtual hosts made
 * without it. Included once, by the test program itself.
 */
#ifndef QUEUE_CONF_STUB_H
#define QUEUE_CONF_STUB_H

#include <apr_strings.h>

#include "queue_conf_directive.h"

module AP_MODULE_DECLARE_DATA smtp_queue_module;

void ap_log_assert(const char *expression, const char *file, int line)
{
    fail_msg("%s:%d: %s", file, line, expression);
    abort();
}

/** A section for @a names, separated by blanks, that has said nothing. */
static inline queue_destination_conf_t *
stub_section(apr_pool_t *p, apr_array_header_t *sections, const char *names)
{
    queue_section_t *section = apr_pcalloc(p, sizeof(*section));
    char *rest = apr_pstrdup(p, names), *word, *last;

    section->names = apr_array_make(p, 1, sizeof(const char *));
    while ((word = apr_strtok(rest, " ", &last)) != NULL) {
        APR_ARRAY_PUSH(section->names, const char *) =
            queue_conf_section_key(p, word);
        rest = NULL;
    }
    section->conf = queue_conf_create_dir(p, NULL);
    APR_ARRAY_PUSH(sections, queue_section_t *) = section;
    return (queue_destination_conf_t *)section->conf;
}

/** A virtual host that is not built yet. */
static inline queue_vhost_t *stub_vhost(apr_pool_t *p, const char *name)
{
    queue_server_conf_t *conf = queue_conf_create_server(p, NULL);
    server_rec *s = apr_pcalloc(p, sizeof(*s));

    conf->vhost.s = s;
    s->server_hostname = apr_pstrdup(p, name);
    conf->vhost.name = apr_pstrcat(p, name, ":25", NULL);
    queue_conf_complete_vhost(p, &conf->vhost);
    return &conf->vhost;
}

/** Adds a route to @a target. */
static inline queue_route_t *stub_route(apr_pool_t *p,
                                        queue_destination_conf_t *conf,
                                        const queue_route_t *route)
{
    apr_array_header_t *routes = (apr_array_header_t *)conf->routes;

    if (routes == NULL) {
        routes = apr_array_make(p, 1, sizeof(*route));
        conf->routes = routes;
    }
    APR_ARRAY_PUSH(routes, queue_route_t) = *route;
    return &APR_ARRAY_IDX(routes, routes->nelts - 1, queue_route_t);
}

#endif
