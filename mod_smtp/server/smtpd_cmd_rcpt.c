/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* RCPT (RFC 5321 4.1.1.3). */
#include <apr_strings.h>

#include "smtpd_address_reply.h"
#include "smtpd_command.h"
#include "smtpd_login_limit.h"
#include "smtpd_origin.h"
#include "smtpd_transaction.h"

/* Recipients that a transaction may ask for in vain: each takes memory. */
#define REFUSED_MAX 1000

int smtpd_cmd_rcpt_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;
    int smtputf8 = ss->transaction->pub.params.smtputf8;
    unsigned int allow = SMTP_ADDRESS_ALLOW_POSTMASTER
                         | smtpd_origin_allow(ss);
    smtp_address_status_e status;
    smtp_params_status_e params;
    const char *bad;
    apr_size_t n;

    if (smtputf8) {
        allow |= SMTP_ADDRESS_ALLOW_UTF8;
    }
    status = smtp_address_parse_path(ss->command_pool, command->arg,
                                     command->arg_len, allow,
                                     &asked->address, &n);
    if (status == SMTP_ADDRESS_OK) {
        status = smtpd_origin_complete(ss, &asked->address, 0);
    }
    if (status != SMTP_ADDRESS_OK) {
        smtpd_address_reply(status, 0, reply);
        return 0;
    }
    params = smtp_params_parse_rcpt(ss->command_pool, command->arg + n,
                                    command->arg_len - n,
                                    ss->pub.is_esmtp ? ss->pub.extensions
                                                     : 0,
                                    smtputf8, &asked->rcpt, &bad);
    if (params != SMTP_PARAMS_OK) {
        smtpd_params_reply(ss->command_pool, params, bad, reply);
        return 0;
    }
    return 1;
}

void smtpd_cmd_rcpt(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    smtpd_transaction_t *tx = ss->transaction;
    int drop;

    if (tx->pub.recipients->nelts >= ss->conf->max_recipients
        || tx->asked >= REFUSED_MAX + ss->conf->max_recipients) {
        /* 452, not 552: the client sends to the rest by another transaction
         * (RFC 5321 4.5.3.1.10). */
        *reply = (smtp_reply_t){ 452, { 4, 5, 3 }, "Too many recipients" };
        return;
    }
    tx->asked++;
    if (!smtpd_login_limit_recipient(tx, reply)) {
        return;
    }
    if (!smtpd_transaction_recipient_add(tx, &asked->address, &asked->rcpt,
                                         reply, &drop)) {
        smtpd_login_limit_recipient_refused(tx);
        ss->is_closing |= drop;
        return;
    }
    smtpd_session_phase_set(ss, SMTPD_PHASE_RCPT);
    *reply = (smtp_reply_t){ 250, { 2, 1, 5 }, "Ok" };
}
