/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What does not go together, and advice about what could be meant but hardly
 * is: told once, where the administrator looks, on the terminal that starts
 * httpd and by httpd -t.
 */
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_core.h>
#include <http_log.h>

#include "queue_conf_directive.h"
#include "queue_log.h"
#include "queue_route.h"

APLOG_USE_MODULE(smtp_queue);

/** Of one virtual host, or of a section of it. */
typedef struct advice_t {
    apr_pool_t *p;
    const queue_conf_t *conf;
    const queue_vhost_t *vhost;
    const char *section;         /**< "" or "<SMTPDestination example.com> " */
    const queue_destination_conf_t *destination;
} advice_t;

/** Does something for what is outside of sections, then for each section.
 *  @return what @a fn does: NULL, or a fault, which ends it */
static const char *each(advice_t *advice,
                        const char *(*fn)(const advice_t *advice))
{
    const char *fault;
    apr_hash_index_t *hi;

    advice->section = "";
    advice->destination = advice->vhost->all;
    fault = fn(advice);
    for (hi = apr_hash_first(advice->p, advice->vhost->destinations);
         fault == NULL && hi != NULL; hi = apr_hash_next(hi)) {
        advice->section = apr_pstrcat(advice->p, "<SMTPDestination ",
                                      apr_hash_this_key(hi), "> ", NULL);
        advice->destination = apr_hash_this_val(hi);
        fault = fn(advice);
    }
    return fault;
}

/* ---- Faults ---- */

/* It would wait for TLS until it expires. */
static const char *auth_fault(const advice_t *advice)
{
    const apr_array_header_t *routes = advice->destination->routes;
    int i;

    for (i = 0; routes != NULL && i < routes->nelts; i++) {
        const queue_route_t *route =
            &APR_ARRAY_IDX(routes, i, const queue_route_t);

        if (route->auth != NULL && !route->auth->without_tls
            && !route->is_implicit_tls
            && queue_route_tls(route, advice->destination)
               == SMTP_TLS_NONE) {
            return apr_psprintf(advice->p, "%sSMTPRoute \"%s\": auth= needs "
                                "TLS, and is to do without; write "
                                "tls=verify, or auth-without-tls",
                                advice->section, route->spec);
        }
    }
    return NULL;
}

const char *queue_conf_faults_find(apr_pool_t *ptemp,
                                   const queue_conf_t *conf)
{
    advice_t advice = { ptemp, conf, NULL, NULL, NULL };
    const char *fault = NULL;
    int i;

    for (i = 0; fault == NULL && i < conf->vhosts->nelts; i++) {
        advice.vhost = APR_ARRAY_IDX(conf->vhosts, i, const queue_vhost_t *);
        fault = each(&advice, auth_fault);
    }
    return fault;
}

/* ---- Advice ---- */

/* Whoever sits between can show any certificate then. */
static void auth_warn(const advice_t *advice, const queue_route_t *route)
{
    int tls = queue_route_tls(route, advice->destination);

    if (route->auth != NULL && !route->auth->without_tls
        && (tls == SMTP_TLS_MAY || tls == SMTP_TLS_ENCRYPT)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, advice->vhost->s,
                     QUEUE_LOGNO(4302) "%s: %sSMTPRoute \"%s\": logs in at a "
                     "host whose certificate is not verified; write "
                     "tls=verify", advice->vhost->name,
                     advice->section, route->spec);
    }
}

static int has_address(const smtp_mx_self_t *self,
                       const smtp_dns_address_t *address)
{
    int i;

    for (i = 0; i < self->addresses->nelts; i++) {
        if (smtp_dns_address_is_equal(&APR_ARRAY_IDX(self->addresses, i,
                                                     smtp_dns_address_t),
                                      address)) {
            return 1;
        }
    }
    return 0;
}

/* Another virtual host of this httpd may be meant; this one can not. */
static void loop_warn(const advice_t *advice, const queue_route_t *route)
{
    static const smtp_mx_self_t nobody = { NULL, NULL, 1 };
    smtp_mx_self_t self;
    const smtp_mx_t *mx;

    if (route->kind != QUEUE_ROUTE_SMTP || *route->host != '['
        || route->condition != NULL || route->sender_domain != NULL) {
        return;
    }
    queue_conf_vhost_self_get(advice->p, advice->vhost, route->port, &self);
    mx = smtp_mx_create(advice->p, route->host, &nobody);
    if (mx->hosts->nelts == 1
        && has_address(&self, APR_ARRAY_IDX(mx->hosts, 0,
                                            smtp_mx_host_t).literal)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, advice->vhost->s,
                     QUEUE_LOGNO(4303) "%s: %sSMTPRoute \"%s\": is this very "
                     "virtual host: mail would come back until "
                     "SMTPMaxReceived; name the next hop",
                     advice->vhost->name, advice->section, route->spec);
    }
}

/* An address may come later, as that of a cluster does. */
static void source_warn(const advice_t *advice, const queue_source_t *source)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } name;
    int is_ipv4 = source->address.family == AF_INET;
    int fd = socket(source->address.family, SOCK_STREAM, 0);

    memset(&name, 0, sizeof(name));
    name.any.sa_family = (sa_family_t)source->address.family;
    if (is_ipv4) {
        name.ipv4.sin_addr = source->address.ip.ipv4;
    }
    else {
        name.ipv6.sin6_addr = source->address.ip.ipv6;
    }
    if (fd < 0 || bind(fd, &name.any, is_ipv4 ? sizeof(name.ipv4)
                                              : sizeof(name.ipv6)) != 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, apr_get_os_error(),
                     advice->vhost->s, QUEUE_LOGNO(4304) "%s: %sSMTPSource "
                     "\"%s\": is no address of this machine now; mail that "
                     "is to be sent from it will wait", advice->vhost->name,
                     advice->section,
                     smtp_dns_address_write(advice->p, &source->address));
    }
    if (fd >= 0) {
        close(fd);
    }
}

/** What is inherited was warned of where it stands. */
static const char *destination_warn(const advice_t *advice)
{
    const queue_destination_conf_t *conf = advice->destination;
    int is_all = conf == advice->vhost->all;
    int i;

    for (i = 0; conf->routes != NULL && i < conf->routes->nelts
                && (is_all || conf->routes != advice->vhost->all->routes);
         i++) {
        const queue_route_t *route =
            &APR_ARRAY_IDX(conf->routes, i, const queue_route_t);

        auth_warn(advice, route);
        loop_warn(advice, route);
    }
    for (i = 0; conf->sources != NULL && i < conf->sources->nelts
                && (is_all || conf->sources != advice->vhost->all->sources);
         i++) {
        source_warn(advice, &APR_ARRAY_IDX(conf->sources, i,
                                           const queue_source_t));
    }
    return NULL;
}

void queue_conf_warn(apr_pool_t *ptemp, const queue_conf_t *conf,
                     int (*is_used)(const queue_vhost_t *vhost))
{
    advice_t advice = { ptemp, conf, NULL, NULL, NULL };
    int i;

    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        return;
    }
    if (conf->is_on && conf->spool == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0,
                     queue_conf_vhost_find(conf, NULL)->s,
                     QUEUE_LOGNO(4305) "mod_smtp_queue without SMTPSpool: "
                     "nothing can be sent on; add SMTPSpool with the "
                     "directory where mail is kept");
    }
    for (i = 0; i < conf->vhosts->nelts; i++) {
        advice.vhost = APR_ARRAY_IDX(conf->vhosts, i, const queue_vhost_t *);
        if (is_used(advice.vhost)) {
            each(&advice, destination_warn);
        }
    }
}
