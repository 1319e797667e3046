/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_network.h"

#include <errno.h>
#include <string.h>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "smtp_domain.h"

/* Who we are. */

static void name_add(apr_pool_t *p, apr_array_header_t *names,
                     const char *name)
{
    const char *normal = name ? smtp_domain_normalise(p, name) : NULL;

    /* An alias with a wildcard names nobody. */
    if (normal != NULL) {
        APR_ARRAY_PUSH(names, const char *) = normal;
    }
}

static void server_names_add(apr_pool_t *p, apr_array_header_t *names,
                             const server_rec *s)
{
    int i;

    name_add(p, names, s->server_hostname);
    for (i = 0; s->names != NULL && i < s->names->nelts; i++) {
        name_add(p, names, APR_ARRAY_IDX(s->names, i, const char *));
    }
}

/** Loopback is for smtp_mx_self_t.is_loopback_foreign to judge. */
static void address_add(apr_array_header_t *addresses,
                        const struct sockaddr *sockaddr)
{
    smtp_dns_address_t address;

    memset(&address, 0, sizeof(address));
    if (sockaddr == NULL) {
        return;
    }
    address.family = sockaddr->sa_family;
    if (address.family == AF_INET) {
        address.ip.ipv4 = ((const struct sockaddr_in *)sockaddr)->sin_addr;
    }
    else if (address.family == AF_INET6) {
        address.ip.ipv6 = ((const struct sockaddr_in6 *)sockaddr)->sin6_addr;
    }
    else {
        return;
    }
    if (!smtp_dns_address_is_loopback(&address)) {
        APR_ARRAY_PUSH(addresses, smtp_dns_address_t) = address;
    }
}

apr_status_t queue_network_self_find(apr_pool_t *p, const queue_conf_t *conf,
                                     smtp_mx_self_t *self)
{
    apr_array_header_t *names = apr_array_make(p, 4, sizeof(const char *));
    apr_array_header_t *addresses =
        apr_array_make(p, 4, sizeof(smtp_dns_address_t));
    struct ifaddrs *interfaces, *each;
    int i;

    for (i = 0; i < conf->vhosts->nelts; i++) {
        server_names_add(p, names,
                         APR_ARRAY_IDX(conf->vhosts, i, queue_vhost_t *)->s);
    }
    self->names = names;
    self->addresses = addresses;
    self->is_loopback_foreign = conf->loopback_is_foreign == 1;
    if (getifaddrs(&interfaces) != 0) {
        return errno;
    }
    for (each = interfaces; each != NULL; each = each->ifa_next) {
        address_add(addresses, each->ifa_addr);
    }
    freeifaddrs(interfaces);
    return APR_SUCCESS;
}

/* DNS on the loop. */

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

    memset(&options, 0, sizeof(options));
    options.forwarders = conf->dns_servers;
    options.stubs = conf->dns_stubs;
    options.trust_anchors = conf->dns_trust_anchors;
    rv = smtp_dns_create(p, &options, &network->dns, fault);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return queue_watch_begin(network->loop, p, smtp_dns_fd(network->dns),
                             APR_POLLIN, dns_readable, network, &watch);
}

static apr_status_t tls_begin(apr_pool_t *p, const queue_conf_t *conf,
                              queue_network_t *network, const char **fault)
{
    smtp_tls_conf_t options;

    memset(&options, 0, sizeof(options));
    options.ca_file = conf->tls_ca_file;
    options.cert_file = conf->tls_cert_file;
    options.key_file = conf->tls_key_file;
    return smtp_tls_context_create(p, &options, &network->tls, fault);
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
    queue_timer_init(&network->dns_timer, loop, dns_process, network);
    rv = apr_generate_random_bytes((unsigned char *)&network->random,
                                   sizeof(network->random));
    if (rv == APR_SUCCESS) {
        rv = queue_network_self_find(p, conf, &network->self);
    }
    if (rv == APR_SUCCESS) {
        rv = dns_begin(p, conf, network, fault);
    }
    if (rv == APR_SUCCESS) {
        rv = tls_begin(p, conf, network, fault);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(p, network, network_end,
                              apr_pool_cleanup_null);
    *made = network;
    return APR_SUCCESS;
}
