/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Who we are to others, so that mail does not come back to us for ever
 * (RFC 5321 5.1).
 */
#include <string.h>

#include <ifaddrs.h>
#include <netinet/in.h>

#include <apr_optional.h>
#include <apr_strings.h>

#include <httpd.h>
#include <ap_listen.h>

#include "mod_smtp.h"
#include "queue_conf_directive.h"
#include "smtp_domain.h"

#define PORT_SMTP        25
#define PORT_SUBMISSION  587
#define PORT_SUBMISSIONS 465

/** While it is found. */
typedef struct self_t {
    apr_pool_t *p;
    apr_port_t port;
    apr_array_header_t *names;
    apr_array_header_t *addresses;
} self_t;

static void name_add(self_t *self, const char *name)
{
    name = name == NULL ? NULL : smtp_domain_normalise(self->p, name);
    if (name != NULL) {
        APR_ARRAY_PUSH(self->names, const char *) = name;
    }
}

static void address_add(self_t *self, const struct sockaddr *sa)
{
    smtp_dns_address_t address;

    memset(&address, 0, sizeof(address));
    address.family = sa->sa_family;
    if (sa->sa_family == AF_INET) {
        address.ip.ipv4 = ((const struct sockaddr_in *)sa)->sin_addr;
    }
    else if (sa->sa_family == AF_INET6) {
        address.ip.ipv6 = ((const struct sockaddr_in6 *)sa)->sin6_addr;
    }
    else {
        return;
    }
    APR_ARRAY_PUSH(self->addresses, smtp_dns_address_t) = address;
}

static int is_any(const apr_sockaddr_t *address)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT;

    return address->family == AF_INET
           ? address->sa.sin.sin_addr.s_addr == htonl(INADDR_ANY)
           : memcmp(&address->sa.sin6.sin6_addr, &any, sizeof(any)) == 0;
}

/* :: takes IPv4 too, unless the system was told otherwise: then somebody else
 * could listen there, which nobody does. */
static void all_addresses_add(self_t *self, int family)
{
    struct ifaddrs *list, *at;

    if (getifaddrs(&list) != 0) {
        return;
    }
    for (at = list; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr != NULL
            && (family == AF_INET6 || at->ifa_addr->sa_family == family)) {
            address_add(self, at->ifa_addr);
        }
    }
    freeifaddrs(list);
}

/** The addresses of @a s at which somebody listens for us. */
static void host_address_add(self_t *self, const server_addr_rec *at)
{
    const ap_listen_rec *listener;

    for (listener = ap_listeners; listener != NULL;
         listener = listener->next) {
        const apr_sockaddr_t *bound = listener->bind_addr;

        if (bound == NULL || bound->port != self->port) {
            continue;
        }
        if (!is_any(at->host_addr)) {
            address_add(self, (const struct sockaddr *)&at->host_addr->sa);
            return;
        }
        if (is_any(bound)) {
            all_addresses_add(self, bound->family);
        }
        else {
            address_add(self, (const struct sockaddr *)&bound->sa);
        }
    }
}

/* Others may reach port 25 here as another one, as with containers and behind
 * a NAT; but not as one of those that only submission has. */
static int may_be_reached(const self_t *self, const server_addr_rec *at)
{
    return at->host_port == 0 || at->host_port == self->port
           || (self->port == PORT_SMTP && at->host_port != PORT_SUBMISSION
               && at->host_port != PORT_SUBMISSIONS);
}

static void host_add(self_t *self, const server_rec *s)
{
    const server_addr_rec *at;
    int i, is_there = 0;

    for (at = s->addrs; at != NULL; at = at->next) {
        if (at->host_addr == NULL || !may_be_reached(self, at)) {
            continue;
        }
        is_there = 1;
        if (at->host_port == 0 || at->host_port == self->port) {
            host_address_add(self, at);
        }
    }
    if (!is_there) {
        return;
    }
    name_add(self, s->server_hostname);
    for (i = 0; s->names != NULL && i < s->names->nelts; i++) {
        name_add(self, APR_ARRAY_IDX(s->names, i, const char *));
    }
}

/** SMTPOwnHost: names, and literals, of which the address counts. */
static void own_hosts_add(self_t *self, const apr_array_header_t *hosts)
{
    static const smtp_mx_self_t nobody = { NULL, NULL, 1 };
    int i;

    for (i = 0; hosts != NULL && i < hosts->nelts; i++) {
        const char *host = APR_ARRAY_IDX(hosts, i, const char *);
        const smtp_mx_t *mx = smtp_mx_create(self->p, host, &nobody);

        if (*host != '[') {
            APR_ARRAY_PUSH(self->names, const char *) = host;
        }
        else if (mx->hosts->nelts == 1) {
            APR_ARRAY_PUSH(self->addresses, smtp_dns_address_t) =
                *APR_ARRAY_IDX(mx->hosts, 0, smtp_mx_host_t).literal;
        }
    }
}

static void self_begin(self_t *self, apr_pool_t *p, apr_port_t port)
{
    memset(self, 0, sizeof(*self));
    self->p = p;
    self->port = port;
    self->names = apr_array_make(p, 4, sizeof(const char *));
    self->addresses = apr_array_make(p, 4, sizeof(smtp_dns_address_t));
}

void queue_conf_vhost_self_get(apr_pool_t *p, const queue_vhost_t *vhost,
                               apr_port_t port, smtp_mx_self_t *self)
{
    self_t work;

    self_begin(&work, p, port);
    host_add(&work, vhost->s);
    memset(self, 0, sizeof(*self));
    self->names = work.names;
    self->addresses = work.addresses;
}

void queue_conf_self_get(apr_pool_t *p, const queue_conf_t *conf,
                         apr_port_t port, smtp_mx_self_t *self)
{
    APR_OPTIONAL_FN_TYPE(smtp_engine_is_on) *is_on =
        APR_RETRIEVE_OPTIONAL_FN(smtp_engine_is_on);
    self_t work;
    int i;

    self_begin(&work, p, port);
    for (i = 0; is_on != NULL && i < conf->vhosts->nelts; i++) {
        const server_rec *s = APR_ARRAY_IDX(conf->vhosts, i,
                                            queue_vhost_t *)->s;

        if (is_on(s)) {
            host_add(&work, s);
        }
    }
    own_hosts_add(&work, conf->own_hosts);
    memset(self, 0, sizeof(*self));
    self->names = work.names;
    self->addresses = work.addresses;
    self->is_loopback_foreign = conf->loopback_is_foreign;
}
