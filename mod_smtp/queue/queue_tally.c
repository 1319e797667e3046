/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_tally.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "queue_tls_report.h"

static int is_told(const queue_connection_t *c)
{
    return c->network->tls_report != NULL && c->conf.reports_tls
           && c->hosts != NULL && c->conf.route->kind == QUEUE_ROUTE_MX
           && *queue_hosts_domain(c->hosts) != '\0'
           && *queue_hosts_domain(c->hosts) != '[';
}

/* ---- Policies, as a report has them (RFC 8460 4.2) ---- */

/** "3 1 1 0123...", one for each record. */
static const char *const *tlsa_strings(const queue_connection_t *c)
{
    const queue_host_t *host = c->host;
    const char **strings = apr_pcalloc(c->pool, (host->record_count + 1)
                                                * sizeof(*strings));
    apr_size_t i;

    for (i = 0; i < host->record_count; i++) {
        const smtp_tls_tlsa_t *tlsa = &host->records[i];

        strings[i] = apr_psprintf(c->pool, "%d %d %d %s", tlsa->usage,
                                  tlsa->selector, tlsa->matching_type,
                                  apr_pescape_hex(c->pool, tlsa->data,
                                                  tlsa->data_len, 0));
    }
    return strings;
}

static const char *const *sts_strings(const queue_connection_t *c,
                                      const queue_sts_policy_t *policy)
{
    const char **strings = apr_pcalloc(c->pool, (policy->mx_count + 4)
                                                * sizeof(*strings));
    int i, count = 0;

    strings[count++] = "version: STSv1";
    strings[count++] = apr_pstrcat(c->pool, "mode: ",
                                   queue_sts_mode_name(policy->mode), NULL);
    for (i = 0; i < policy->mx_count; i++) {
        strings[count++] = apr_pstrcat(c->pool, "mx: ", policy->mx[i], NULL);
    }
    strings[count] = apr_psprintf(c->pool, "max_age: %d",
                                  policy->max_age_sec);
    return strings;
}

static void policy_fill(const queue_connection_t *c,
                        queue_tls_session_t *session)
{
    const queue_sts_answer_t *sts = c->sts ? queue_sts_answer_get(c->sts)
                                           : NULL;

    if (c->host->tlsa != SMTP_TLSA_NONE) {
        session->kind = QUEUE_TLS_TLSA;
        session->policy_domain = c->host->tlsa_host;
        session->strings = tlsa_strings(c);
    }
    else if (sts != NULL && sts->mode != QUEUE_STS_NONE) {
        session->kind = QUEUE_TLS_STS;
        session->strings = sts_strings(c, &sts->policy);
        session->mx = sts->policy.mx;
    }
}

/* ---- Telling ---- */

static void session_begin(const queue_connection_t *c,
                          queue_tls_session_t *session)
{
    memset(session, 0, sizeof(*session));
    session->domain = queue_hosts_domain(c->hosts);
    session->host = c->peer.host;
    session->source = c->peer.source;
    session->address = c->peer.address;
    session->detail = "";
}

static void tell(const queue_connection_t *c, queue_tls_session_t *session,
                 smtp_tls_result_e result, const char *detail)
{
    session->result = result;
    session->detail = detail && result != SMTP_TLS_RESULT_OK ? detail : "";
    queue_tls_report_count(c->network->tls_report, session);
}

void queue_tally_host(queue_connection_t *c)
{
    const queue_sts_answer_t *sts = c->sts ? queue_sts_answer_get(c->sts)
                                           : NULL;
    queue_tls_session_t session;

    if (!is_told(c)) {
        return;
    }
    session_begin(c, &session);
    if (sts != NULL && sts->result != SMTP_TLS_RESULT_NONE
        && !c->is_sts_told) {
        c->is_sts_told = 1;
        session.kind = QUEUE_TLS_STS;
        session.host = "";
        tell(c, &session, sts->result, sts->detail);
    }
    if (c->host->tlsa == SMTP_TLSA_DEFER) {
        session_begin(c, &session);
        session.kind = QUEUE_TLS_TLSA;
        session.policy_domain = c->host->tlsa_host;
        tell(c, &session, SMTP_TLS_RESULT_DNSSEC_INVALID,
             c->host->failure.text);
    }
}

void queue_tally_stranger(const queue_connection_t *c)
{
    queue_tls_session_t session;

    if (is_told(c) && c->tls_facts.sts == QUEUE_STS_ENFORCE
        && !c->tls_facts.is_sts_host) {
        session_begin(c, &session);
        policy_fill(c, &session);
        tell(c, &session, SMTP_TLS_RESULT_VALIDATION_FAILURE,
             "the policy does not name this host");
    }
}

/** What TLS came to; NONE: it was not tried, for another reason. */
static smtp_tls_result_e result_of(const queue_connection_t *c,
                                   const smtp_outcome_t *failure)
{
    const smtp_tls_info_t *tls = queue_session_tls(c->session);

    if (tls != NULL) {
        return tls->result;
    }
    return failure == NULL || failure->stage == SMTP_STAGE_STARTTLS
           ? SMTP_TLS_RESULT_STARTTLS_NOT_SUPPORTED : SMTP_TLS_RESULT_NONE;
}

/** What it means under the policy. */
static smtp_tls_result_e result_judge(const queue_connection_t *c,
                                      const queue_tls_session_t *session,
                                      smtp_tls_result_e result)
{
    const smtp_tls_info_t *tls = queue_session_tls(c->session);

    if (session->kind == QUEUE_TLS_NO_POLICY && tls != NULL
        && tls->protocol != NULL) {
        return SMTP_TLS_RESULT_OK;       /* nobody asks who it is */
    }
    if (c->host->tlsa == SMTP_TLSA_ENCRYPT) {
        return SMTP_TLS_RESULT_TLSA_INVALID;
    }
    return session->kind == QUEUE_TLS_STS && !c->tls_facts.is_sts_host
           && result == SMTP_TLS_RESULT_OK
           ? SMTP_TLS_RESULT_VALIDATION_FAILURE : result;
}

void queue_tally_session(const queue_connection_t *c,
                         const smtp_outcome_t *failure)
{
    const smtp_tls_info_t *tls = queue_session_tls(c->session);
    smtp_tls_result_e result = result_of(c, failure);
    queue_tls_session_t session;

    /* In the clear on purpose: by the configuration, or once TLS has failed,
     * which was told. */
    if (!is_told(c) || c->session_conf.client.tls == SMTP_CLIENT_TLS_NONE
        || result == SMTP_TLS_RESULT_NONE) {
        return;
    }
    session_begin(c, &session);
    policy_fill(c, &session);
    tell(c, &session, result_judge(c, &session, result),
         tls != NULL ? tls->detail : NULL);
}
