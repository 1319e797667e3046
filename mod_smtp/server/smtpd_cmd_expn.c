/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* EXPN (RFC 5321 4.1.1.7, 3.5): the members of an alias, where SMTPDisclose
 * says expn; else 252, which 7.3 demands of a site that does not tell. */
#include "smtpd_command.h"
#include "smtpd_disclose.h"

void smtpd_cmd_expn(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    const char *text;

    if (!(ss->conf->disclose & SMTPD_DISCLOSE_EXPN)) {
        *reply = (smtp_reply_t){ 252, { 2, 5, 2 }, "Cannot EXPN" };
        return;
    }
    text = smtpd_disclose_members(ss, &asked->address);
    if (text) {
        *reply = (smtp_reply_t){ 250, { 2, 1, 5 }, text };
    }
    else {
        *reply = (smtp_reply_t){ 550, { 5, 1, 1 }, "No such alias here" };
    }
}
