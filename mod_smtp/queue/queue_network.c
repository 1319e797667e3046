/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_network.h"

#include <apr_general.h>

/** Where MX hosts listen (RFC 5321 4.5.4.2). */
#define SMTP_PORT 25

static void dns_timer_adjust(queue_network_t *network)
{
    apr_time_t deadline = smtp_dns_deadline(network->dns);

    if (deadline != 0) {
        queue_timer_set(&network->dns_timer, deadline);
    }
    else {
        queue_timer_clear(&network->dns_timer);
    }
}

static void dns_process(void *baton)
{
    queue_network_t *network = baton;

    smtp_dns_process(network->dns, queue_loop_now(network->loop));
    dns_timer_adjust(network);
}

static void dns_readable(void *baton, int events)
{
    dns_process(baton);
}

apr_status_t queue_network_ask(queue_network_t *network, apr_pool_t *p,
                               smtp_dns_question_e question,
                               const char *name, smtp_dns_done_t *done,
                               void *baton)
{
    apr_status_t rv = smtp_dns_ask(network->dns, p, question, name,
                                   queue_loop_now(network->loop), done,
                                   baton, NULL);

    if (rv == APR_SUCCESS) {
        dns_timer_adjust(network);
    }
    return rv;
}

static apr_status_t dns_begin(apr_pool_t *p, const queue_conf_t *conf,
                              queue_network_t *network, const char **fault)
{
    smtp_dns_options_t options;
    queue_watch_t *watch;
    apr_status_t rv;

    queue_conf_dns_get(conf, &options);
    rv = smtp_dns_create(p, &options, &network->dns, fault);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return queue_watch_begin(network->loop, p, smtp_dns_fd(network->dns),
                             APR_POLLIN, dns_readable, network, &watch);
}

static apr_status_t network_end(void *data)
{
    queue_network_t *network = data;

    queue_timer_clear(&network->dns_timer);
    return APR_SUCCESS;
}

apr_status_t queue_network_create(apr_pool_t *p, const queue_conf_t *conf,
                                  queue_loop_t *loop,
                                  queue_network_t **made, const char **fault)
{
    queue_network_t *network = apr_pcalloc(p, sizeof(*network));
    apr_status_t rv;

    *made = NULL;
    *fault = NULL;
    network->server = APR_ARRAY_IDX(conf->vhosts, 0, queue_vhost_t *)->s;
    network->loop = loop;
    network->tls = conf->tls;
    queue_conf_self_get(p, conf, SMTP_PORT, &network->self);
    queue_timer_init(&network->dns_timer, loop, dns_process, network);
    rv = apr_generate_random_bytes((unsigned char *)&network->random,
                                   sizeof(network->random));
    if (rv == APR_SUCCESS) {
        rv = dns_begin(p, conf, network, fault);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(p, network, network_end,
                              apr_pool_cleanup_null);
    *made = network;
    return APR_SUCCESS;
}
