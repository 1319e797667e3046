/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A third party's delivery: takes each message for a local mailbox, says that
 * it is safe, and forgets it. For the benchmark, which measures the dialogue
 * and TLS without a store by it (as its peers' role "discard" does), and as an
 * example of smtp_delivery.h.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "smtp_delivery.h"

static int discard_recipient(smtp_delivery_t *delivery,
                             smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    return OK;
}

static apr_status_t discard_write(smtp_delivery_t *delivery,
                                  const char *octets, apr_size_t len)
{
    return APR_SUCCESS;
}

static apr_status_t discard_content(smtp_delivery_t *delivery,
                                    apr_bucket_brigade *content)
{
    return APR_SUCCESS;
}

static apr_status_t discard_commit(smtp_delivery_t *delivery,
                                   const char *trace, apr_size_t trace_len)
{
    return APR_SUCCESS;
}

static void discard_abort(smtp_delivery_t *delivery)
{
}

static const smtp_delivery_class_t discard = {
    "mod_smtp_discard", discard_recipient, discard_write, discard_content,
    discard_commit, NULL, discard_abort
};

static int deliver(smtp_transaction_t *transaction,
                   smtp_recipient_t *recipient, smtp_delivery_t **delivery,
                   smtp_reply_t *reply)
{
    /* What is for other domains is not ours to forget. */
    if (recipient->is_relayed) {
        return DECLINED;
    }
    if (!*delivery) {
        *delivery = apr_pcalloc(transaction->r->pool, sizeof(**delivery));
        (*delivery)->klass = &discard;
        (*delivery)->transaction = transaction;
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    smtp_hook_deliver(deliver, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(smtp_discard) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE
};
