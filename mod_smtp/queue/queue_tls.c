/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_tls.h"

#include <string.h>

#include <apr_strings.h>

static int has_names(const queue_destination_conf_t *conf)
{
    return conf->tls_names != NULL && conf->tls_names->nelts > 0;
}

int queue_tls_wants_dane(const queue_destination_conf_t *conf,
                         const queue_route_t *route)
{
    if (route->kind == QUEUE_ROUTE_LMTP_UNIX || conf->tls == SMTP_TLS_NONE
        || (conf->tls == SMTP_TLS_VERIFY && has_names(conf))) {
        return 0;
    }
    return conf->dane == 1 || conf->tls == SMTP_TLS_DANE;
}

int queue_tls_wants_sts(const queue_destination_conf_t *conf,
                        const queue_route_t *route)
{
    return route->kind == QUEUE_ROUTE_MX && conf->mta_sts == 1
           && conf->tls != SMTP_TLS_NONE
           && !(conf->tls == SMTP_TLS_VERIFY && has_names(conf));
}

/** An array of names that ends with NULL; each once, none of them empty. */
static const char *const *names_make(apr_pool_t *p, const char *const *from,
                                     int count)
{
    const char **names = apr_pcalloc(p, (count + 1) * sizeof(*names));
    int kept = 0;
    int i, k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < kept && strcmp(names[k], from[i]) != 0; k++) {
        }
        if (k == kept && *from[i] != '\0') {
            names[kept++] = from[i];
        }
    }
    return names;
}

/** Those of the configuration; without any the host's name or that of the
 *  next hop, which is harder to forge. */
static const char *const *verify_names(apr_pool_t *p,
                                       const queue_tls_facts_t *facts)
{
    const apr_array_header_t *told = facts->conf->tls_names;
    const char *const own[] = {
        facts->host->name, *facts->domain == '[' ? "" : facts->domain
    };

    if (has_names(facts->conf)) {
        return names_make(p, (const char *const *)told->elts, told->nelts);
    }
    return names_make(p, own, 2);
}

static const char *const *host_names(apr_pool_t *p,
                                     const queue_tls_facts_t *facts)
{
    return names_make(p, &facts->host->name, 1);
}

/* RFC 7672 2.2, 3.2.2 */
static void dane_apply(apr_pool_t *p, const queue_tls_facts_t *facts,
                       smtp_tls_policy_t *policy)
{
    const queue_host_t *host = facts->host;
    const char *const names[] = { host->tlsa_host, host->name,
                                  facts->domain };

    policy->level = SMTP_TLS_DANE;
    policy->host = host->tlsa_host;
    policy->names = names_make(p, names, 3);
    policy->tlsa = host->records;
    policy->tlsa_count = host->record_count;
}

static void level_raise(smtp_tls_policy_t *policy, smtp_tls_level_e level)
{
    if (policy->level < level) {
        policy->level = level;
    }
}

/** Whether MTA-STS has a say: not against the administrator's words, nor
 *  against DANE (RFC 8461 2). */
static int is_sts(const queue_tls_facts_t *facts,
                  const smtp_tls_policy_t *policy)
{
    return facts->sts != QUEUE_STS_NONE && policy->level != SMTP_TLS_NONE
           && policy->level != SMTP_TLS_DANE
           && !(facts->conf->tls == SMTP_TLS_VERIFY
                && has_names(facts->conf));
}

/** A policy for testing weakens nothing that was demanded. */
static void sts_apply(apr_pool_t *p, const queue_tls_facts_t *facts,
                      smtp_tls_policy_t *policy)
{
    if (!is_sts(facts, policy)) {
        return;
    }
    if (facts->sts == QUEUE_STS_TESTING) {
        if (policy->level > SMTP_TLS_MAY) {
            return;
        }
        policy->is_testing = 1;
    }
    policy->level = SMTP_TLS_VERIFY;
    policy->names = host_names(p, facts);
}

static void refuse(smtp_outcome_t *refusal, smtp_status_t status,
                   const char *text)
{
    if (refusal->result == SMTP_OUTCOME_PENDING) {
        smtp_outcome_of_status(SMTP_STAGE_TLS, status, text, refusal);
    }
}

/** RFC 8689 4.2.1: the host's name is to be trusted, and its certificate is
 *  to have it. */
static void requiretls_apply(apr_pool_t *p, const queue_tls_facts_t *facts,
                             smtp_tls_policy_t *policy,
                             smtp_outcome_t *refusal)
{
    const smtp_status_t unable = { 5, 7, 30 };

    if (facts->host->path != NULL || policy->level == SMTP_TLS_DANE) {
        return;
    }
    if (!facts->host->is_secure
        && !(facts->sts == QUEUE_STS_ENFORCE && facts->is_sts_host)) {
        refuse(refusal, unable, "REQUIRETLS: neither DNSSEC nor MTA-STS vouch"
                                " for the host");
        return;
    }
    if (policy->level < SMTP_TLS_VERIFY || policy->is_testing) {
        policy->level = SMTP_TLS_VERIFY;
        policy->is_testing = 0;
        policy->names = host_names(p, facts);
    }
}

static void refusals_check(const queue_tls_facts_t *facts,
                           const smtp_tls_policy_t *policy,
                           smtp_outcome_t *refusal)
{
    const smtp_status_t deferred = { 4, 7, 5 };

    if (facts->conf->tls == SMTP_TLS_DANE
        && facts->host->tlsa != SMTP_TLSA_DANE) {
        refuse(refusal, deferred, "TLS level \"dane\", and the host has no"
                                  " usable TLSA record that is validated");
    }
    if (facts->sts == QUEUE_STS_ENFORCE && !facts->is_sts_host
        && is_sts(facts, policy)) {
        refuse(refusal, deferred, "the policy of MTA-STS does not name this"
                                  " host");
    }
}

void queue_tls_choose(apr_pool_t *p, const queue_tls_facts_t *facts,
                      smtp_tls_policy_t *policy, smtp_outcome_t *refusal)
{
    memset(policy, 0, sizeof(*policy));
    memset(refusal, 0, sizeof(*refusal));
    if (facts->host->path != NULL) {
        return;
    }
    policy->host = facts->host->name;
    policy->level = (smtp_tls_level_e)facts->conf->tls;
    if (policy->level == SMTP_TLS_VERIFY) {
        policy->names = verify_names(p, facts);
    }
    if (facts->host->tlsa == SMTP_TLSA_DANE) {
        dane_apply(p, facts, policy);
    }
    else if (facts->host->tlsa == SMTP_TLSA_ENCRYPT) {
        level_raise(policy, SMTP_TLS_ENCRYPT);
    }
    sts_apply(p, facts, policy);
    if (facts->requires_tls) {
        requiretls_apply(p, facts, policy, refusal);
    }
    refusals_check(facts, policy, refusal);
    if (facts->is_implicit_tls) {
        level_raise(policy, SMTP_TLS_ENCRYPT);
    }
}
