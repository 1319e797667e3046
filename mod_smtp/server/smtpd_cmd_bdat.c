/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* BDAT (RFC 3030 2): its octets are consumed whatever the reply will be. */
#include "smtpd_command.h"
#include "smtpd_data.h"
#include "smtpd_tls.h"

int smtpd_cmd_bdat_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;

    if (smtp_command_parse_bdat(command->arg, command->arg_len,
                                &asked->chunk_octets,
                                &asked->chunk_is_last) == SMTP_BDAT_OK) {
        return 1;
    }
    *reply = (smtp_reply_t){ 501, { 5, 5, 4 }, "Syntax: BDAT size [LAST]" };
    return 0;
}

static void begin(smtpd_session_t *ss, smtp_reply_t *refusal)
{
    int drop;

    if (smtpd_tls_is_missing(ss)) {
        *refusal = smtpd_command_needs_tls;
    }
    else if (ss->phase != SMTPD_PHASE_RCPT && ss->phase != SMTPD_PHASE_CHUNKS) {
        *refusal = (smtp_reply_t){ 503, { 5, 5, 1 },
                                   ss->phase == SMTPD_PHASE_MAIL
                                   ? "No valid recipients"
                                   : "MAIL and RCPT first" };
    }
    else if (!ss->transaction->has_data
             && !smtpd_data_begin(ss, refusal, &drop)) {
        ss->is_closing |= drop;
    }
}

void smtpd_cmd_bdat(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    ss->chunk_refusal = (smtp_reply_t){ 0 };
    begin(ss, &ss->chunk_refusal);
    ss->chunk_left = asked->chunk_octets;
    ss->chunk_is_last = asked->chunk_is_last != 0;
    ss->input = SMTPD_INPUT_CHUNK;
    if (!ss->chunk_left) {
        smtpd_data_end_chunk(ss);
    }
}
