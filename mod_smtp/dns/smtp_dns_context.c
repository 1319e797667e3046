/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A context: libunbound with our options, and its end.
 */
#include "smtp_dns_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <unbound.h>

#include <apr_strings.h>

#define TIMEOUT_DEFAULT      apr_time_from_sec(20)
#define CACHE_DEFAULT_OCTETS (8 * 1024 * 1024)
#define SOCKETS_DEFAULT      128

/** What is being made, and what went wrong with it. */
typedef struct setup_t {
    apr_pool_t *p;
    struct ub_ctx *ub;
    const smtp_dns_options_t *options;
    const char *fault;
} setup_t;

/** @return whether libunbound said yes */
static int check(setup_t *setup, int error, const char *what,
                 const char *value)
{
    if (error != 0 && setup->fault == NULL) {
        setup->fault = apr_psprintf(setup->p, "%s \"%s\": %s", what, value,
                                    ub_strerror(error));
    }
    return error == 0;
}

static void check_file(setup_t *setup, const char *file)
{
    if (access(file, R_OK) != 0 && setup->fault == NULL) {
        setup->fault = apr_psprintf(setup->p, "the file \"%s\": %s", file,
                                    strerror(errno));
    }
}

static void set_option(setup_t *setup, const char *name, const char *value)
{
    check(setup, ub_ctx_set_option(setup->ub, name, value), name, value);
}

static void set_number(setup_t *setup, const char *name, apr_size_t value)
{
    set_option(setup, name, apr_psprintf(setup->p, "%" APR_SIZE_T_FMT,
                                         value));
}

/** Whom to ask. */
static void set_servers(setup_t *setup)
{
    const smtp_dns_options_t *options = setup->options;
    const char *resolv_conf = options->resolv_conf != NULL
        ? options->resolv_conf : "/etc/resolv.conf";
    int i;

    for (i = 0; options->forwarders && i < options->forwarders->nelts; i++) {
        const char *server = APR_ARRAY_IDX(options->forwarders, i,
                                           const char *);

        check(setup, ub_ctx_set_fwd(setup->ub, server), "resolver", server);
    }
    if (i == 0 && !options->is_recursive) {
        check(setup, ub_ctx_resolvconf(setup->ub, resolv_conf), "the file",
              resolv_conf);
    }
    if (options->is_recursive && options->root_hints != NULL) {
        check_file(setup, options->root_hints);
        set_option(setup, "root-hints:", options->root_hints);
    }
    for (i = 0; options->stubs && i < options->stubs->nelts; i++) {
        const smtp_dns_stub_t *stub = &APR_ARRAY_IDX(options->stubs, i,
                                                     smtp_dns_stub_t);

        check(setup, ub_ctx_set_stub(setup->ub, stub->zone, stub->server, 0),
              "server of a zone", stub->server);
    }
}

/** A resolver of ours may stand on loopback, and knows the reverse zones of
 *  private addresses. Servers that a stranger's zone names may not and do
 *  not: libunbound keeps from asking those for itself. */
static void set_trusting(setup_t *setup)
{
    const apr_array_header_t *stubs = setup->options->stubs;

    if (setup->options->is_recursive
        && (stubs == NULL || stubs->nelts == 0)) {
        return;
    }
    set_option(setup, "do-not-query-localhost:", "no");
    set_option(setup, "unblock-lan-zones:", "yes");
    set_option(setup, "insecure-lan-zones:", "yes");
}

static void set_sizes(setup_t *setup)
{
    apr_size_t cache = setup->options->cache_octets > 0
        ? setup->options->cache_octets : CACHE_DEFAULT_OCTETS;
    int sockets = setup->options->sockets > 0 ? setup->options->sockets
                                              : SOCKETS_DEFAULT;

    set_number(setup, "msg-cache-size:", cache / 3);
    set_number(setup, "rrset-cache-size:", cache - cache / 3);
    set_number(setup, "outgoing-range:", sockets);
    /* What does not fit into a datagram, long TXT for example. */
    set_number(setup, "outgoing-num-tcp:", sockets / 8 + 1);
}

static void set_trust_anchors(setup_t *setup)
{
    const char *file = setup->options->trust_anchors;

    if (file != NULL) {
        check_file(setup, file);
        check(setup, ub_ctx_add_ta_file(setup->ub, file),
              "trust anchors", file);
    }
}

/** libunbound reads its files when it is first used, and would then fail each
 *  look-up. To take away a zone that is not there is such a use. */
static void use(setup_t *setup)
{
    const char *file = setup->options->trust_anchors;

    if (setup->fault == NULL) {
        check(setup, ub_ctx_zone_remove(setup->ub, "nothing.invalid."),
              "trust anchors or root hints, one of which is",
              file != NULL ? file : "built in");
    }
}

static apr_status_t context_cleanup(void *data)
{
    smtp_dns_t *dns = data;
    smtp_dns_lookup_t *lookup;

    while (!APR_RING_EMPTY(&dns->waiting, smtp_dns_query_t, link)) {
        smtp_dns_query_forget(APR_RING_FIRST(&dns->waiting));
    }
    while (!APR_RING_EMPTY(&dns->answered, smtp_dns_query_t, link)) {
        smtp_dns_query_forget(APR_RING_FIRST(&dns->answered));
    }
    /* Ends the thread; there are no more calls back. */
    ub_ctx_delete(dns->ub);
    while (!APR_RING_EMPTY(&dns->lookups, smtp_dns_lookup_t, link)) {
        lookup = APR_RING_FIRST(&dns->lookups);
        APR_RING_REMOVE(lookup, link);
        ub_resolve_free(lookup->result);
        free(lookup);
    }
    return APR_SUCCESS;
}

/** ub_ctx with all that the options say. */
static apr_status_t setup_run(setup_t *setup)
{
    setup->ub = ub_ctx_create();
    if (setup->ub == NULL) {
        setup->fault = "libunbound has no memory, or no random numbers";
        return APR_ENOMEM;
    }
    /* It would write to stderr, which is httpd's error log. */
    ub_ctx_debugout(setup->ub, NULL);
    check(setup, ub_ctx_async(setup->ub, 1), "libunbound", "thread");
    set_servers(setup);
    set_trusting(setup);
    set_sizes(setup);
    set_trust_anchors(setup);
    use(setup);
    if (setup->fault != NULL) {
        ub_ctx_delete(setup->ub);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

apr_status_t smtp_dns_create(apr_pool_t *p,
                             const smtp_dns_options_t *options,
                             smtp_dns_t **dns, const char **fault)
{
    setup_t setup = { p, NULL, options, NULL };
    apr_status_t rv = setup_run(&setup);
    smtp_dns_t *created;

    *dns = NULL;
    *fault = setup.fault;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    created = apr_pcalloc(p, sizeof(*created));
    created->ub = setup.ub;
    created->timeout = options->timeout > 0 ? options->timeout
                                            : TIMEOUT_DEFAULT;
    APR_RING_INIT(&created->waiting, smtp_dns_query_t, link);
    APR_RING_INIT(&created->answered, smtp_dns_query_t, link);
    APR_RING_INIT(&created->lookups, smtp_dns_lookup_t, link);
    apr_pool_cleanup_register(p, created, context_cleanup,
                              apr_pool_cleanup_null);
    rv = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT,
                                 p);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&created->turn, p);
    }
    if (rv != APR_SUCCESS) {
        *fault = "no mutex can be made";
        return rv;
    }
    *dns = created;
    return APR_SUCCESS;
}
