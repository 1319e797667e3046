/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* NOOP (RFC 5321 4.1.1.9): its argument is ignored. */
#include "smtpd_command.h"

void smtpd_cmd_noop(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    *reply = (smtp_reply_t){ 250, { 2, 0, 0 }, "Ok" };
}
