/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* EHLO's reply: the extensions (RFC 5321 4.1.1.1). */
#include <apr_strings.h>

#include "smtpd_auth.h"
#include "smtpd_command.h"

void smtpd_cmd_ehlo(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    smtp_limits_t limits = { 0 };
    const char *const *keywords;
    const char *text, *mechanisms;

    if (!smtpd_cmd_helo_accept(ss, asked, reply)) {
        return;
    }
    ss->pub.is_esmtp = 1;
    mechanisms = smtpd_auth_mechanisms(ss, ss->command_pool);
    if (mechanisms) {
        ss->pub.extensions |= SMTP_EXTENSION_AUTH;
    }
    limits.rcptmax = (unsigned int)ss->conf->max_recipients;
    limits.mailmax = (unsigned int)ss->conf->max_messages;
    keywords = smtp_extension_write(ss->command_pool, ss->pub.extensions,
                                    ss->conf->max_message_octets, &limits,
                                    mechanisms);
    text = ss->pub.s->server_hostname;
    for (; *keywords; keywords++) {
        text = apr_pstrcat(ss->command_pool, text, "\n", *keywords, NULL);
    }
    *reply = (smtp_reply_t){ 250, { 0, 0, 0 }, text };
}
