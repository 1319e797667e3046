/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_relay.h"

#include <apr_strings.h>
#include <httpd.h>

#include "smtpd_access.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

static void facts_export(request_rec *r, const smtpd_relay_facts_t *facts)
{
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        { "SMTP_FROM", facts->from },
        { "SMTP_CLIENT_HELO", facts->helo },
        { "SMTP_LOGIN", facts->login },
        { "SMTP_AUTH_MECHANISM", facts->mechanism },
        { "SMTP_TLS", facts->tls_version },
        { "SMTP_TLS_CIPHER", facts->tls_cipher }
    };
    size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (variables[i].value) {
            apr_table_setn(r->subprocess_env, variables[i].name,
                           variables[i].value);
        }
    }
}

int smtpd_relay_judge(request_rec *r, const smtpd_relay_facts_t *facts)
{
    facts_export(r, facts);
    if (facts->login) {
        r->user = apr_pstrdup(r->pool, facts->login);
        r->ap_auth_type = apr_pstrdup(r->pool, facts->mechanism);
    }
    smtpd_access_hush(r);
    return smtpd_access_judge(r);
}

static int ask(smtpd_session_t *ss, const smtpd_transaction_t *tx)
{
    const smtp_session_t *pub = &ss->pub;
    const smtpd_relay_facts_t facts = {
        tx->pub.reverse_path->text, pub->helo, pub->login,
        pub->auth_mechanism, pub->tls_version, pub->tls_cipher
    };
    request_rec *r = smtpd_access_request(pub->c,
                                          ss->conf->submission.relay_section);
    int rv = smtpd_relay_judge(r, &facts);

    apr_pool_destroy(r->pool);
    return rv;
}

int smtpd_relay_allows(smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    int rv;

    if (!ss->conf->submission.relay_section) {
        return 0;
    }
    if (tx->is_relay_asked) {
        return tx->may_relay;
    }
    rv = ask(ss, tx);
    tx->is_relay_asked = 1;
    tx->may_relay = rv == OK;
    if (rv == HTTP_INTERNAL_SERVER_ERROR) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, tx->pub.r, SMTPD_LOGNO(1160)
                      "<SMTPRelay> could not be asked, which counts as a "
                      "denial; LogLevel authz_core:debug tells more");
    }
    else {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, tx->pub.r,
                      SMTPD_LOGNO(1161) "<SMTPRelay>: %s",
                      rv == OK ? "granted" : "denied");
    }
    return tx->may_relay;
}
