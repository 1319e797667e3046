/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Forward-paths of RCPT, VRFY and EXPN to what this virtual host knows.
 */
#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtpd_lookup_table.h"
#include "smtpd_resolve.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/** How much of a forward-path is logged. */
#define QUOTE_MAX_OCTETS 256

/** Whether @a literal is the address that the client reached us at. */
static int is_own_literal(const request_rec *r, const char *literal)
{
    const char *ip = r->connection->local_ip;
    int len;

    if (*literal != '[' || ip == NULL) {
        return 0;
    }
    len = (int)strcspn(ip, "%"); /* an IPv6 zone */
    ip = apr_psprintf(r->pool, "[%s%.*s]",
                      strchr(ip, ':') != NULL ? "IPv6:" : "", len, ip);
    ip = smtp_domain_normalise(r->pool, ip);
    return ip != NULL && strcmp(ip, literal) == 0;
}

/** Whether @a domain is the name that we greet by. */
static int is_own_name(const request_rec *r, const char *domain)
{
    const char *name = r->server->server_hostname;

    name = name != NULL ? smtp_domain_normalise(r->pool, name) : NULL;
    return name != NULL && strcmp(name, domain) == 0;
}

/** Sets @a name from a forward-path. 0 when it is not local. */
static int name_of(const smtpd_resolve_t *resolve,
                   const smtp_address_t *address, smtpd_name_t *name)
{
    const smtpd_domain_t *domain = NULL;
    const char *domain_name = NULL;
    int is_ours = address->domain == NULL;

    if (!is_ours) {
        domain_name = smtp_domain_normalise(resolve->p, address->domain);
        if (domain_name == NULL) {
            return 0;
        }
        domain = smtpd_domain_find(resolve->conf, domain_name);
        is_ours = domain == NULL && (is_own_literal(resolve->r, domain_name)
                                     || is_own_name(resolve->r, domain_name));
    }
    /* RFC 5321 4.5.1: the postmaster of whoever this server is. */
    if (is_ours && resolve->conf->primary != NULL
        && strcasecmp(address->local, SMTPD_RESOLVE_POSTMASTER) == 0) {
        domain = resolve->conf->primary;
        domain_name = domain->name;
    }
    if (domain == NULL) {
        return 0;
    }
    smtpd_resolve_name_set(resolve, name, domain, domain_name,
                           address->local);
    return 1;
}

smtpd_route_e smtpd_domain_route(request_rec *r, const smtpd_conf_t *conf,
                                 const smtp_address_t *address,
                                 apr_array_header_t **mailboxes)
{
    smtpd_route_e rv;
    smtpd_resolve_t resolve;
    smtpd_name_t name;

    *mailboxes = NULL;
    smtpd_resolve_begin(&resolve, r->pool, r, conf);
    if (!name_of(&resolve, address, &name)) {
        return SMTPD_ROUTE_NOT_LOCAL;
    }
    rv = smtpd_resolve_name(&resolve, &name);
    if (rv == SMTPD_ROUTE_AMBIGUOUS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      SMTPD_LOGNO(1131) "recipient \"%s\" is deferred: %s",
                      smtp_chars_escape(r->pool, address->text,
                                        strlen(address->text),
                                        QUOTE_MAX_OCTETS), resolve.fault);
    }
    else if (rv == SMTPD_ROUTE_OK) {
        *mailboxes = resolve.mailboxes;
    }
    return rv;
}

apr_array_header_t *smtpd_domain_expand(request_rec *r,
                                        const smtpd_conf_t *conf,
                                        const smtp_address_t *address)
{
    apr_array_header_t *targets, *members;
    smtpd_entry_t entry;
    smtpd_resolve_t resolve;
    smtpd_name_t name;
    int i;

    smtpd_resolve_begin(&resolve, r->pool, r, conf);
    if (!name_of(&resolve, address, &name)
        || smtpd_resolve_find(&resolve, &name, &entry) != SMTPD_ROUTE_OK
        || smtpd_lookup_targets(r->pool, entry.value, &targets) != NULL
        || targets->nelts == 0) {
        return NULL;
    }
    members = apr_array_make(r->pool, targets->nelts, sizeof(const char *));
    for (i = 0; i < targets->nelts; i++) {
        const smtp_address_t *target = APR_ARRAY_IDX(targets, i,
                                                     smtp_address_t *);

        APR_ARRAY_PUSH(members, const char *) =
            target->domain != NULL ? target->text
            : apr_pstrcat(r->pool, target->text, "@", name.domain_name, NULL);
    }
    return members;
}
