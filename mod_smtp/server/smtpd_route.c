/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_route.h"

#include "smtpd_domain.h"

/* What the client is told of each failure. 451s are logged where they were
 * found. */
static const struct {
    smtpd_route_e route;
    smtp_reply_t reply;
} refusals[] = {
    { SMTPD_ROUTE_UNKNOWN,   { 550, { 5, 1, 1 }, "No such mailbox here" } },
    { SMTPD_ROUTE_AMBIGUOUS, { 451, { 4, 3, 5 },
                               "The alias is misconfigured" } },
    { SMTPD_ROUTE_FAILED,    { 451, { 4, 3, 0 }, "Try again later" } }
};

int smtpd_route(smtp_transaction_t *transaction, smtp_recipient_t *recipient,
                smtp_reply_t *reply)
{
    const smtpd_conf_t *conf = smtpd_conf_get(transaction->session->s);
    smtpd_route_e route = smtpd_domain_route(transaction->r, conf,
                                             recipient->forward_path,
                                             &recipient->mailboxes);
    size_t i;

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
