/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_route.h"

#include "smtp_domain.h"
#include "smtpd_domain.h"

/* What the client is told of each failure. 451s are logged where they were
 * found. */
static const struct {
    smtpd_route_e route;
    smtp_reply_t reply;
} refusals[] = {
    { SMTPD_ROUTE_UNKNOWN,   { 550, { 5, 1, 1 }, "No such mailbox here" } },
    { SMTPD_ROUTE_ROUTING,   { 550, { 5, 7, 1 },
                               "Routing in the local-part is not allowed" } },
    { SMTPD_ROUTE_AMBIGUOUS, { 451, { 4, 3, 5 },
                               "The alias is misconfigured" } },
    { SMTPD_ROUTE_FAILED,    { 451, { 4, 3, 0 }, "Try again later" } }
};

/* SMTPTLS required in <SMTPDomain>, and the session is in plain text. */
static int is_tls_missing(const smtp_transaction_t *transaction,
                          const smtpd_conf_t *conf, const char *name)
{
    const smtpd_domain_t *domain = NULL;

    if (transaction->session->is_tls || transaction->session->is_own
        || conf->tls == SMTPD_TLS_OFF || !name) {
        return 0;
    }
    name = smtp_domain_normalise(transaction->r->pool, name);
    if (name) {
        domain = smtpd_domain_find(conf, name);
    }
    return domain && domain->conf->tls == SMTPD_TLS_REQUIRED;
}

int smtpd_route(smtp_transaction_t *transaction, smtp_recipient_t *recipient,
                smtp_reply_t *reply)
{
    const smtpd_conf_t *conf = smtpd_conf_get(transaction->session->s);
    smtpd_route_e route;
    size_t i;

    if (is_tls_missing(transaction, conf, recipient->forward_path->domain)) {
        *reply = (smtp_reply_t){ 530, { 5, 7, 0 }, "Must issue a STARTTLS "
                                 "command first: the domain wants it" };
        return SMTP_REFUSE;
    }
    route = smtpd_domain_route(transaction->r, conf, recipient->forward_path,
                               &recipient->mailboxes);
    if (route == SMTPD_ROUTE_OK) {
        return OK;
    }
    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].route == route) {
            *reply = refusals[i].reply;
            return SMTP_REFUSE;
        }
    }
    return DECLINED;
}
