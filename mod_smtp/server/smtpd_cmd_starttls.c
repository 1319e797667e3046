/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* STARTTLS (RFC 3207). */
#include "smtpd_command.h"
#include "smtpd_connection.h"
#include "smtpd_tls.h"
#include "smtpd_transaction.h"

int smtpd_cmd_starttls_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                             smtp_reply_t *reply)
{
    if (ss->pub.is_tls) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, "TLS is on already" };
        return 0;
    }
    if (!smtpd_tls_is_offered(ss)) {
        *reply = (smtp_reply_t){ 502, { 5, 5, 1 },
                                 "Command not implemented" };
        return 0;
    }
    return 1;
}

void smtpd_cmd_starttls(smtpd_session_t *ss, smtpd_asked_t *asked,
                        smtp_reply_t *reply)
{
    static const smtp_reply_t as_rset = { 250, { 2, 0, 0 }, "Reset" };

    /* Input behind the command in our own buffer was refused by the table;
     * this is what may stand in httpd's. Under TLS it would be taken for the
     * client's word (CVE-2011-0411). */
    if (smtpd_connection_has_input(ss)) {
        smtpd_command_refuse_out_of_step(ss);
        return;
    }
    smtpd_transaction_end(ss, &as_rset);
    if (smtpd_tls_begin(ss) != APR_SUCCESS) {
        *reply = (smtp_reply_t){ 454, { 4, 7, 0 },
                                 "TLS is not available for now" };
    }
}
