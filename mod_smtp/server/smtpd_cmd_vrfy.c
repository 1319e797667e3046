/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* VRFY (RFC 5321 4.1.1.6, 3.5): 252 unless SMTPDisclose says vrfy (7.3). */
#include <apr_strings.h>

#include "smtpd_address_reply.h"
#include "smtpd_command.h"
#include "smtpd_disclose.h"

/* VRFY and EXPN take a mailbox with or without brackets, or a mere name. The
 * string may be in UTF-8 when it is followed by SMTPUTF8 (RFC 6531 3.7.4). */
int smtpd_cmd_vrfy_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    static const char keyword[] = " SMTPUTF8";
    const char *arg = asked->command->arg;
    apr_size_t len = asked->command->arg_len, n = sizeof(keyword) - 1;
    unsigned int allow = SMTP_ADDRESS_ALLOW_BARE;
    smtp_address_status_e status;

    if ((ss->pub.extensions & SMTP_EXTENSION_SMTPUTF8) && ss->pub.is_esmtp
        && len > n && !strncasecmp(arg + len - n, keyword, n)) {
        len -= n;
        allow |= SMTP_ADDRESS_ALLOW_UTF8;
    }
    if (len > 2 && arg[0] == '<' && arg[len - 1] == '>') {
        arg++;
        len -= 2;
    }
    status = smtp_address_parse(ss->command_pool, arg, len, allow,
                                &asked->address);
    /* Any string will do for a server that does not tell (252). */
    if (status != SMTP_ADDRESS_OK && ss->conf->disclose) {
        smtpd_address_reply(status, 0, reply);
        return 0;
    }
    return 1;
}

void smtpd_cmd_vrfy(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    smtpd_route_e route = SMTPD_ROUTE_NOT_LOCAL;
    const char *mailbox = "";

    *reply = (smtp_reply_t){ 252, { 2, 5, 2 },
                             "Cannot VRFY, send some mail to find out" };
    if (ss->conf->disclose & SMTPD_DISCLOSE_VRFY) {
        route = smtpd_disclose_mailbox(ss, &asked->address, &mailbox);
    }
    if (route == SMTPD_ROUTE_UNKNOWN || route == SMTPD_ROUTE_ROUTING) {
        *reply = (smtp_reply_t){ 550, { 5, 1, 1 }, "No such mailbox here" };
    }
    else if (route == SMTPD_ROUTE_OK && *mailbox) {
        *reply = (smtp_reply_t){ 250, { 2, 1, 5 },
                                 apr_pstrcat(ss->command_pool, "<", mailbox,
                                             ">", NULL) };
    }
}
