/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What would go wrong with an alias at its first mail is found at start.
 */
#include <string.h>

#include <apr_strings.h>

#include "smtp_domain.h"
#include "smtpd_lookup_table.h"
#include "smtpd_resolve.h"

/** The check of one domain. */
typedef struct check_t {
    apr_pool_t *p;
    apr_pool_t *scratch;         /**< cleared for each entry */
    const smtpd_conf_t *conf;
    const smtpd_domain_t *domain;
    const char *domain_name;
    const char *fault;           /**< in p */
} check_t;

/** Judges a resolution in check->scratch. What a map that is not ready yet
 *  would say (dbd) is not known: no fault. */
static apr_status_t check_result(check_t *check, smtpd_route_e rv,
                                 const smtpd_resolve_t *resolve)
{
    if (rv == SMTPD_ROUTE_AMBIGUOUS) {
        check->fault = apr_psprintf(check->p, "<SMTPDomain %s>: %s",
                                    check->domain->name, resolve->fault);
    }
    apr_pool_clear(check->scratch);
    return rv == SMTPD_ROUTE_AMBIGUOUS ? APR_EGENERAL : APR_SUCCESS;
}

static apr_status_t check_name(check_t *check, const char *local)
{
    smtpd_resolve_t resolve;
    smtpd_name_t name;

    smtpd_resolve_begin(&resolve, check->scratch, NULL, check->conf);
    smtpd_resolve_name_set(&resolve, &name, check->domain,
                           check->domain_name, local);
    return check_result(check, smtpd_resolve_name(&resolve, &name), &resolve);
}

static void check_catch_all(check_t *check)
{
    smtpd_entry_t entry = { check->domain->conf->catch_all, "SMTPCatchAll" };
    smtpd_resolve_t resolve;
    smtpd_name_t name;

    smtpd_resolve_begin(&resolve, check->scratch, NULL, check->conf);
    smtpd_resolve_name_set(&resolve, &name, check->domain,
                           check->domain_name, "");
    name.key = "any other name";
    name.no_catch_all = 1;
    check_result(check, smtpd_resolve_targets(&resolve, &name, &entry),
                 &resolve);
}

/** An entry of a map. Those of other domains are passed over: their own
 *  check comes, if they are local. */
static apr_status_t check_entry(void *ctx, const char *key, const char *value)
{
    check_t *check = ctx;
    smtp_address_t address;
    const char *name;

    if (*value == '\0'
        || smtp_address_parse(check->scratch, key, strlen(key),
                              SMTP_ADDRESS_ALLOW_BARE
                              | SMTP_ADDRESS_ALLOW_UTF8, &address)
           != SMTP_ADDRESS_OK) {
        return APR_SUCCESS;
    }
    if (address.domain != NULL) {
        name = smtp_domain_normalise(check->scratch, address.domain);
        if (name == NULL
            || smtpd_domain_find(check->conf, name) != check->domain) {
            return APR_SUCCESS;
        }
    }
    return check_name(check, address.local);
}

static void check_maps(check_t *check, const apr_array_header_t *maps)
{
    int i;

    for (i = 0; maps != NULL && check->fault == NULL && i < maps->nelts;
         i++) {
        const smtpd_map_t *map = APR_ARRAY_IDX(maps, i, const smtpd_map_t *);
        apr_status_t rv = APR_SUCCESS;
        char reason[120];

        if (map->lookup->each != NULL) {
            rv = map->lookup->each(check->p, map->map, check_entry, check);
        }
        if (rv != APR_SUCCESS && check->fault == NULL) {
            apr_strerror(rv, reason, sizeof(reason));
            check->fault = apr_psprintf(check->p, "%s: cannot be read: %s",
                                        map->where, reason);
        }
    }
}

/** A name that a pattern stands for, to check its aliases with. */
static const char *sample_name(apr_pool_t *p, const smtpd_domain_t *domain)
{
    char *name, *s;

    if (!domain->is_pattern) {
        return domain->name;
    }
    name = *domain->name == '.' ? apr_pstrcat(p, "any", domain->name, NULL)
                                : apr_pstrdup(p, domain->name);
    for (s = name; *s != '\0'; s++) {
        if (*s == '*' || *s == '?') {
            *s = 'x';
        }
    }
    return name;
}

static void check_domain(check_t *check, const smtpd_domain_t *domain)
{
    check->domain = domain;
    check->domain_name = sample_name(check->p, domain);
    check_maps(check, domain->conf->aliases);
    check_maps(check, domain->conf->recipients);
    if (check->fault == NULL) {
        check_name(check, SMTPD_RESOLVE_POSTMASTER);
    }
    if (check->fault == NULL && domain->conf->catch_all != NULL) {
        check_catch_all(check);
    }
}

const char *smtpd_domain_check(apr_pool_t *p, const smtpd_conf_t *conf)
{
    check_t check = { p, NULL, conf, NULL, NULL, NULL };
    apr_hash_index_t *hi;
    int i;

    apr_pool_create(&check.scratch, p);
    for (hi = apr_hash_first(p, conf->domains);
         hi != NULL && check.fault == NULL; hi = apr_hash_next(hi)) {
        check_domain(&check, apr_hash_this_val(hi));
    }
    for (i = 0; check.fault == NULL && i < conf->wild_domains->nelts; i++) {
        check_domain(&check, APR_ARRAY_IDX(conf->wild_domains, i,
                                           const smtpd_domain_t *));
    }
    apr_pool_destroy(check.scratch);
    return check.fault;
}
