/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A third party's queue that sends nothing: takes what is to be sent on, and
 * logs each message that the store hands over to it. For tests of the store;
 * nothing goes to refused.test.
 */
#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_main.h>

#include "smtp_queue.h"

static int smtp_queue_takes(smtp_transaction_t *transaction,
                            smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    if (strstr(recipient->forward_path->text, "@refused.test")) {
        *reply = (smtp_reply_t){ 550, { 5, 7, 1 }, "Nothing goes there" };
        return SMTP_REFUSE;
    }
    return strstr(recipient->forward_path->text, "@declined.test") ? DECLINED
                                                                   : OK;
}

static void smtp_queue_wake(const smtp_queue_hint_t *hint)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "held: %s %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT,
                 hint->dir, hint->segment, hint->place);
}

static void register_hooks(apr_pool_t *p)
{
    APR_REGISTER_OPTIONAL_FN(smtp_queue_takes);
    APR_REGISTER_OPTIONAL_FN(smtp_queue_wake);
}

AP_DECLARE_MODULE(smtp_hold) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE
};
