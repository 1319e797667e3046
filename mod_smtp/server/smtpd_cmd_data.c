/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* DATA (RFC 5321 4.1.1.4). */
#include "smtpd_command.h"
#include "smtpd_data.h"

int smtpd_cmd_data_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    if (ss->phase == SMTPD_PHASE_MAIL) {
        *reply = (smtp_reply_t){ 554, { 5, 5, 1 }, "No valid recipients" };
        return 0;
    }
    /* Binary mail has no lines for a dot to stand on (RFC 3030 3). */
    if (ss->transaction->pub.params.body == SMTP_BODY_BINARYMIME) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 },
                                 "BODY=BINARYMIME needs BDAT" };
        return 0;
    }
    return 1;
}

void smtpd_cmd_data(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    int drop;

    if (!smtpd_data_begin(ss, reply, &drop)) {
        ss->is_closing |= drop;
        return;
    }
    ss->input = SMTPD_INPUT_DATA;
    *reply = (smtp_reply_t){ 354, { 0, 0, 0 },
                             "End data with <CR><LF>.<CR><LF>" };
}
