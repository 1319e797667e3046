/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* HELO and EHLO's argument (RFC 5321 4.1.1.1). */
#include <apr_strings.h>

#include "smtp_domain.h"
#include "smtpd_command.h"
#include "smtpd_hook.h"
#include "smtpd_transaction.h"

int smtpd_cmd_helo_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;

    /* ASCII only: U-labels come as A-labels here (RFC 6531 3.7.1). */
    if (!smtp_domain_parse_helo(command->arg, command->arg_len,
                                SMTP_DOMAIN_ALLOW_LITERAL)) {
        *reply = (smtp_reply_t){ 501, { 0, 0, 0 },
                                 "The argument is neither a domain nor an "
                                 "address literal" };
        return 0;
    }
    asked->name = apr_pstrmemdup(ss->command_pool, command->arg,
                                 command->arg_len);
    return 1;
}

int smtpd_cmd_helo_accept(smtpd_session_t *ss, const smtpd_asked_t *asked,
                          smtp_reply_t *reply)
{
    static const smtp_reply_t as_rset = { 250, { 2, 0, 0 }, "Reset" };
    int drop;

    if (!smtpd_hook_judge(ss, smtp_run_helo(&ss->pub, asked->name, reply),
                          reply, &drop)) {
        ss->is_closing |= drop;
        return 0;
    }
    /* A second one acts as RSET (RFC 5321 4.1.4). */
    smtpd_transaction_end(ss, &as_rset);
    /* One buffer for all of them: a session may last for days. */
    if (!ss->helo) {
        ss->helo = apr_palloc(ss->pub.c->pool, SMTPD_HELO_MAX_OCTETS + 1);
    }
    apr_cpystrn(ss->helo, asked->name, SMTPD_HELO_MAX_OCTETS + 1);
    ss->pub.helo = ss->helo;
    smtpd_session_phase_set(ss, SMTPD_PHASE_READY);
    return 1;
}

void smtpd_cmd_helo(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    if (!smtpd_cmd_helo_accept(ss, asked, reply)) {
        return;
    }
    ss->pub.is_esmtp = 0;
    *reply = (smtp_reply_t){ 250, { 0, 0, 0 }, ss->pub.s->server_hostname };
}
