/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_hook.h"

#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/* The reply of a hook counts only if it refuses. */
static int is_refusal(const smtp_reply_t *reply)
{
    return reply->code >= 400 && reply->code <= 599;
}

int smtpd_hook_judge(smtpd_session_t *ss, int rv, smtp_reply_t *reply,
                     int *drop)
{
    if (drop) {
        *drop = rv == SMTP_DROP;
    }
    if (rv == OK || rv == DECLINED) {
        *reply = (smtp_reply_t){ 0 };
        return 1;
    }
    if (!is_refusal(reply)) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, ss->pub.c, SMTPD_LOGNO(1010)
                      "a hook refused (%d) without a 4xx or 5xx reply (%d): "
                      "451 it is", rv, reply->code);
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 }, "Try again later" };
    }
    if (!reply->status.klass) {
        reply->status = smtp_status_of_reply(reply->code);
    }
    return 0;
}
