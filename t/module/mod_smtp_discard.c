/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A third party's delivery: takes messages, says that they are safe, and
 * forgets them. "DiscardMail local" takes what is for local mailboxes, for the
 * benchmark, which measures the dialogue and TLS without a store by it (as its
 * peers' role "discard" does); "DiscardMail relayed" what <SMTPRelay> let
 * through, and logs what it would send on, for the tests of who may relay.
 */
#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "smtp_delivery.h"

static int takes_local, takes_relayed;

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

static void tell(const smtp_transaction_t *tx,
                 const smtp_recipient_t *recipient)
{
    static const char *const bodies[] = { "7BIT", "8BITMIME", "BINARYMIME" };

    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, tx->r,
                  "relayed: from <%s> to <%s> %s%s", tx->reverse_path->text,
                  recipient->forward_path->text, bodies[tx->params.body],
                  recipient->mailboxes ? " with mailboxes" : "");
}

static apr_status_t discard_commit(smtp_delivery_t *delivery,
                                   const char *trace, apr_size_t trace_len)
{
    const smtp_transaction_t *tx = delivery->transaction;
    int i;

    for (i = 0; takes_relayed && i < tx->recipients->nelts; i++) {
        tell(tx, APR_ARRAY_IDX(tx->recipients, i, smtp_recipient_t *));
    }
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
    if (!(recipient->is_relayed ? takes_relayed : takes_local)) {
        return DECLINED;
    }
    if (!*delivery) {
        *delivery = apr_pcalloc(transaction->r->pool, sizeof(**delivery));
        (*delivery)->klass = &discard;
        (*delivery)->transaction = transaction;
    }
    if ((*delivery)->klass != &discard) {
        *reply = (smtp_reply_t){ 452, { 4, 5, 3 },
                                 "Send to this recipient separately" };
        return SMTP_REFUSE;
    }
    return OK;
}

static const char *mail_set(cmd_parms *cmd, void *dir, const char *arg)
{
    takes_local = !strcmp(arg, "local");
    takes_relayed = !strcmp(arg, "relayed");
    return takes_local || takes_relayed ? NULL : "give local or relayed";
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("DiscardMail", mail_set, NULL, RSRC_CONF,
                  "local or relayed"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};

static void register_hooks(apr_pool_t *p)
{
    /* Before mod_smtp_spool. */
    smtp_hook_deliver(deliver, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(smtp_discard) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, directives,
    register_hooks, AP_MODULE_FLAG_NONE
};
