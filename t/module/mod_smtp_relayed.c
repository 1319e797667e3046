/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A third party's delivery of what is relayed: takes each recipient that
 * <SMTPRelay> let through, logs what it would send on, and forgets it. So a
 * test sees what such a module gets.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "smtp_delivery.h"

static int relayed_recipient(smtp_delivery_t *delivery,
                             smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    return OK;
}

static apr_status_t relayed_write(smtp_delivery_t *delivery,
                                  const char *octets, apr_size_t len)
{
    return APR_SUCCESS;
}

static apr_status_t relayed_content(smtp_delivery_t *delivery,
                                    apr_bucket_brigade *content)
{
    return APR_SUCCESS;
}

static apr_status_t relayed_commit(smtp_delivery_t *delivery,
                                   const char *trace, apr_size_t trace_len)
{
    static const char *const bodies[] = { "7BIT", "8BITMIME", "BINARYMIME" };
    const smtp_transaction_t *tx = delivery->transaction;
    int i;

    for (i = 0; i < tx->recipients->nelts; i++) {
        const smtp_recipient_t *recipient =
            APR_ARRAY_IDX(tx->recipients, i, const smtp_recipient_t *);

        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, tx->r,
                      "relayed: from <%s> to <%s> %s%s",
                      tx->reverse_path->text, recipient->forward_path->text,
                      bodies[tx->params.body],
                      recipient->mailboxes ? " with mailboxes" : "");
    }
    return APR_SUCCESS;
}

static void relayed_abort(smtp_delivery_t *delivery)
{
}

static const smtp_delivery_class_t relayed = {
    "mod_smtp_relayed", relayed_recipient, relayed_write, relayed_content,
    relayed_commit, NULL, relayed_abort
};

static int deliver(smtp_transaction_t *transaction,
                   smtp_recipient_t *recipient, smtp_delivery_t **delivery,
                   smtp_reply_t *reply)
{
    if (!recipient->is_relayed) {
        return DECLINED;
    }
    if (!*delivery) {
        *delivery = apr_pcalloc(transaction->r->pool, sizeof(**delivery));
        (*delivery)->klass = &relayed;
        (*delivery)->transaction = transaction;
    }
    if ((*delivery)->klass != &relayed) {
        *reply = (smtp_reply_t){ 452, { 4, 5, 3 },
                                 "Send to this recipient separately" };
        return SMTP_REFUSE;
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    smtp_hook_deliver(deliver, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(smtp_relayed) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE
};
