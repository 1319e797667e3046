/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* RSET (RFC 5321 4.1.1.5): the transaction is gone, the session stays. */
#include "smtpd_command.h"
#include "smtpd_transaction.h"

void smtpd_cmd_rset(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    *reply = (smtp_reply_t){ 250, { 2, 0, 0 }, "Ok" };
    smtpd_transaction_end(ss, reply);
}
