/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* MAIL (RFC 5321 4.1.1.2). */
#include <apr_strings.h>

#include "smtpd_address_reply.h"
#include "smtpd_command.h"
#include "smtpd_hook.h"
#include "smtpd_login_limit.h"
#include "smtpd_origin.h"
#include "smtpd_relay.h"
#include "smtpd_sender.h"
#include "smtpd_transaction.h"

/* HELO offers no extensions (RFC 5321 4.1.1.1). */
static smtp_extension_set_t offered(const smtpd_session_t *ss)
{
    return ss->pub.is_esmtp ? ss->pub.extensions : 0;
}

static int check_params(smtpd_session_t *ss, smtpd_asked_t *asked,
                        smtp_reply_t *reply)
{
    if (asked->address.is_utf8 && !asked->mail.smtputf8) {
        smtpd_address_reply(SMTP_ADDRESS_NOT_ASCII, 1, reply);
        return 0;
    }
    /* RFC 1870 6.1: refused before the data comes. */
    if (ss->conf->max_message_octets && asked->mail.has_size
        && asked->mail.size_octets > ss->conf->max_message_octets) {
        *reply = (smtp_reply_t){ 552, { 5, 3, 4 },
                                 "Message is larger than the maximum" };
        return 0;
    }
    return 1;
}

int smtpd_cmd_mail_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;
    unsigned int allow = SMTP_ADDRESS_ALLOW_NULL | smtpd_origin_allow(ss);
    apr_size_t n;
    smtp_address_status_e status;
    smtp_params_status_e params;
    const char *bad;

    if (offered(ss) & SMTP_EXTENSION_SMTPUTF8) {
        allow |= SMTP_ADDRESS_ALLOW_UTF8;
    }
    status = smtp_address_parse_path(ss->command_pool, command->arg,
                                     command->arg_len, allow,
                                     &asked->address, &n);
    if (status == SMTP_ADDRESS_OK) {
        status = smtpd_origin_complete(ss, &asked->address, 1);
    }
    if (status != SMTP_ADDRESS_OK) {
        smtpd_address_reply(status, 1, reply);
        return 0;
    }
    params = smtp_params_parse_mail(ss->command_pool, command->arg + n,
                                    command->arg_len - n, offered(ss),
                                    &asked->mail, &bad);
    if (params != SMTP_PARAMS_OK) {
        smtpd_params_reply(ss->command_pool, params, bad, reply);
        return 0;
    }
    return check_params(ss, asked, reply);
}

/* RFC 6409 4.3, RFC 4954 6: on a submission service who sends is known, by his
 * login or by his network. */
static int may_submit(smtpd_session_t *ss, smtpd_transaction_t *tx,
                      smtp_reply_t *reply)
{
    if (ss->conf->service != SMTPD_SERVICE_SUBMISSION || ss->pub.login
        || smtpd_relay_allows(ss, tx)) {
        return 1;
    }
    *reply = (smtp_reply_t){ 530, { 5, 7, 0 }, "Authentication required" };
    return 0;
}

/* Whether the mail that begins is wanted. */
static int ask(smtpd_session_t *ss, smtpd_transaction_t *tx,
               smtp_reply_t *reply, int *drop)
{
    *drop = 0;
    return may_submit(ss, tx, reply) && smtpd_sender_allows(ss, tx, reply)
           && smtpd_hook_judge(ss, smtp_run_mail(&tx->pub, reply), reply,
                               drop)
           && smtpd_login_limit_message(tx, reply);
}

void smtpd_cmd_mail(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    smtpd_transaction_t *tx;
    int drop;

    if (ss->conf->max_messages
        && ss->pub.messages >= (unsigned int)ss->conf->max_messages) {
        *reply = (smtp_reply_t){ 421, { 4, 7, 0 },
                                 "Too many messages in this session" };
        return;
    }
    tx = smtpd_transaction_create(ss, &asked->address, &asked->mail);
    /* RFC 4954 5: the word of an unauthenticated client counts as <>. */
    if (tx->pub.params.auth && !ss->pub.login) {
        tx->pub.params.auth = "<>";
    }
    ss->transaction = tx;
    if (!ask(ss, tx, reply, &drop)) {
        ss->is_closing |= drop;
        /* The hook's text may lie in the transaction's pool. */
        smtpd_session_reply(ss, reply);
        smtpd_transaction_end(ss, reply);
        reply->code = 0;
        return;
    }
    smtpd_session_phase_set(ss, SMTPD_PHASE_MAIL);
    *reply = (smtp_reply_t){ 250, { 2, 1, 0 }, "Ok" };
}
