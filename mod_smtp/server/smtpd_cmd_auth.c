/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* AUTH (RFC 4954 4). */
#include "smtpd_auth.h"
#include "smtpd_command.h"

/* RFC 4954 4: once in a session, and never in a mail transaction, which the
 * command table sees to. */
int smtpd_cmd_auth_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;

    if (!ss->pub.is_esmtp) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, "EHLO first" };
        return 0;
    }
    if (ss->pub.login) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, "Already authenticated" };
        return 0;
    }
    if (smtp_sasl_command_parse(command->arg, command->arg_len, &asked->sasl)
        != APR_SUCCESS) {
        *reply = (smtp_reply_t){ 501, { 5, 5, 4 },
                                 "Syntax: AUTH mechanism "
                                 "[initial-response]" };
        return 0;
    }
    return smtpd_auth_mechanism_check(ss, &asked->sasl, &asked->mechanism,
                                      reply);
}

void smtpd_cmd_auth(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    /* Else the words of the check for 504 would stay. */
    *reply = (smtp_reply_t){ 0 };
    smtpd_auth_begin(ss, asked->mechanism, &asked->sasl, reply);
}
