/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* QUIT (RFC 5321 4.1.1.10). */
#include <apr_strings.h>

#include "smtpd_command.h"

void smtpd_cmd_quit(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    *reply = (smtp_reply_t){ 221, { 2, 0, 0 },
                             apr_pstrcat(ss->command_pool,
                                         ss->pub.s->server_hostname,
                                         " closing", NULL) };
    ss->is_closing = 1;
    ss->has_quit = 1;
}
