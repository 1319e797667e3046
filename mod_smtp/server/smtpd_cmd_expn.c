/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* EXPN (RFC 5321 4.1.1.7, 3.5): the members of an alias, where SMTPDisclose says
 * expn; else 252, which 7.3 demands of a site that does not tell. */
#include <apr_strings.h>

#include "smtpd_command.h"
#include "smtpd_domain.h"
#include "smtpd_transaction.h"

static const char *list_members(smtpd_session_t *ss, smtpd_asked_t *asked)
{
    static const smtp_mail_params_t none = { 0 };
    smtp_address_t nobody = { "", NULL, "", 1, 0, 0 };
    smtpd_transaction_t *tx = smtpd_transaction_create(ss, &nobody, &none);
    apr_array_header_t *members =
        smtpd_domain_expand(tx->pub.r, ss->conf,
                            smtpd_domain_complete(ss->command_pool,
                                                  ss->pub.s,
                                                  &asked->address));
    const char *text = NULL;
    int i;

    for (i = 0; members && i < members->nelts; i++) {
        text = apr_pstrcat(ss->command_pool, text ? text : "",
                           text ? "\n<" : "<",
                           APR_ARRAY_IDX(members, i, const char *), ">",
                           NULL);
    }
    apr_pool_destroy(tx->pub.r->pool);
    return text;
}

void smtpd_cmd_expn(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    const char *text;

    if (!(ss->conf->disclose & SMTPD_DISCLOSE_EXPN)) {
        *reply = (smtp_reply_t){ 252, { 2, 5, 2 }, "Cannot EXPN" };
        return;
    }
    text = list_members(ss, asked);
    if (text) {
        *reply = (smtp_reply_t){ 250, { 2, 1, 5 }, text };
    }
    else {
        *reply = (smtp_reply_t){ 550, { 5, 1, 1 }, "No such alias here" };
    }
}
