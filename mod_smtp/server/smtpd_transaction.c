/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_transaction.h"

#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "smtp_chars.h"
#include "smtp_trace.h"
#include "smtpd_hook.h"
#include "smtpd_log.h"
#include "smtpd_login_limit.h"
#include "smtpd_relay.h"

APLOG_USE_MODULE(smtp);

extern module AP_MODULE_DECLARE_DATA smtp_module;

/* The queue id: microseconds, then process and counter, so that neither two
 * children nor two mails of one microsecond share it. */
static const char *make_id(apr_pool_t *p, apr_time_t now)
{
    static volatile apr_uint32_t counter;

    return apr_psprintf(p, "%013" APR_UINT64_T_HEX_FMT "%05x%03x",
                        (apr_uint64_t)now, (unsigned int)getpid() & 0xfffff,
                        (unsigned int)apr_atomic_inc32(&counter) & 0xfff);
}

/* As the Received field will say it (RFC 3848). */
static const char *protocol_of(const smtpd_session_t *ss,
                               const smtp_mail_params_t *params)
{
    smtp_trace_t trace = { 0 };

    trace.esmtp = ss->pub.is_esmtp;
    trace.auth = ss->pub.login != NULL;
    trace.tls_version = ss->pub.tls_version;
    trace.smtputf8 = params->smtputf8;
    return smtp_trace_with(&trace);
}

/* What CustomLog, ap_expr and server-status look at. */
static void fill_request(request_rec *r, const smtpd_session_t *ss,
                         const smtp_address_t *from,
                         const smtp_mail_params_t *params)
{
    r->method = "MAIL";
    r->protocol = (char *)protocol_of(ss, params);
    r->the_request = apr_pstrcat(r->pool, "MAIL FROM:<",
                                 smtp_chars_escape(r->pool, from->text,
                                                   strlen(from->text), 512),
                                 ">", NULL);
    r->uri = r->unparsed_uri = "";
    r->filename = "";
    r->hostname = ss->pub.s->server_hostname;
    r->request_time = apr_time_now();
    /* Else %B and %b would be 0 whatever came (mod_log_config). */
    r->sent_bodyct = 1;
}

smtpd_transaction_t *smtpd_transaction_create(smtpd_session_t *ss,
                                              const smtp_address_t *from,
                                              const smtp_mail_params_t *params)
{
    request_rec *r = ap_create_request(ss->pub.c);
    smtpd_transaction_t *tx = apr_pcalloc(r->pool, sizeof(*tx));

    fill_request(r, ss, from, params);
    tx->pub.session = &ss->pub;
    tx->pub.r = r;
    tx->pub.began = r->request_time;
    tx->pub.id = make_id(r->pool, r->request_time);
    tx->pub.reverse_path = smtp_address_copy(r->pool, from);
    tx->pub.params = *params;
    tx->pub.params.envid = apr_pstrdup(r->pool, params->envid);
    tx->pub.params.auth = apr_pstrdup(r->pool, params->auth);
    tx->pub.recipients = apr_array_make(r->pool, 1,
                                        sizeof(smtp_recipient_t *));
    tx->pub.notes = r->notes;
    tx->pub.added_fields = "";
    ap_set_module_config(r->request_config, &smtp_module, tx);
    return tx;
}

/* The address elsewhere to which an alias leads, or NULL. */
static const char *find_forward(const smtp_recipient_t *recipient)
{
    int i;

    for (i = 0; recipient->mailboxes && i < recipient->mailboxes->nelts;
         i++) {
        const smtp_mailbox_t *box = APR_ARRAY_IDX(recipient->mailboxes, i,
                                                  smtp_mailbox_t *);

        if (!strcmp(box->method, SMTP_MAILBOX_FORWARD)) {
            return box->delivered_to;
        }
    }
    return NULL;
}

/* Says why nobody delivers to the recipient, and what helps. */
static void log_undelivered(const smtpd_transaction_t *tx,
                            const smtp_recipient_t *recipient)
{
    request_rec *r = tx->pub.r;
    const char *forward = find_forward(recipient);

    if (forward) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, SMTPD_LOGNO(1014)
                      "alias <%s> leads to <%s>, and nobody sends mail on: "
                      "are mod_smtp_spool and mod_smtp_queue loaded, SMTPSpool "
                      "set, and SMTPQueue On?", recipient->forward_path->text,
                      forward);
        return;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, SMTPD_LOGNO(1011)
                  "nobody delivers to <%s>: is mod_smtp_spool loaded and "
                  "SMTPSpool set?", recipient->forward_path->text);
}

/* Finds who delivers; a transaction has one delivery only. */
static int ask_deliver(smtpd_session_t *ss, smtpd_transaction_t *tx,
                       smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    smtp_delivery_t *delivery = tx->delivery;
    int rv = smtp_run_deliver(&tx->pub, recipient, &delivery, reply);

    if (recipient->is_relayed && rv == DECLINED) {
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 },
                                 "No relay is configured" };
        return 0;
    }
    if (rv == DECLINED || (rv == OK && !delivery)) {
        log_undelivered(tx, recipient);
        *reply = (smtp_reply_t){ 451, { 4, 3, 5 },
                                 "No delivery is configured" };
        return 0;
    }
    if (!smtpd_hook_judge(ss, rv, reply, NULL)) {
        return 0;
    }
    /* Who should have refused himself (smtp_delivery.h): the recipients that
     * the delivery in hand has taken must not be lost. */
    if (tx->delivery && delivery != tx->delivery) {
        delivery->klass->abort(delivery);
        *reply = (smtp_reply_t){ 452, { 4, 5, 3 },
                                 "Send to this recipient separately" };
        return 0;
    }
    tx->delivery = delivery;
    return 1;
}

static int ask_route(smtpd_session_t *ss, smtpd_transaction_t *tx,
                     smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    int rv = smtp_run_route(&tx->pub, recipient, reply);

    if (rv == OK && (!recipient->mailboxes
                     || recipient->mailboxes->nelts == 0)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, tx->pub.r, SMTPD_LOGNO(1013)
                      "a route hook took a recipient and named no mailbox");
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 }, "Try again later" };
        return 0;
    }
    if (rv != DECLINED) {
        return smtpd_hook_judge(ss, rv, reply, NULL);
    }
    /* Mail of our own has no client of whom to ask what he may do. */
    if (!ss->pub.is_own && !smtpd_relay_allows(ss, tx)) {
        *reply = (smtp_reply_t){ 550, { 5, 7, 1 }, "Relaying denied" };
        return 0;
    }
    recipient->mailboxes = NULL;
    recipient->is_relayed = 1;
    return 1;
}

static int ask_policy(smtpd_session_t *ss, smtpd_transaction_t *tx,
                      smtp_recipient_t *recipient, smtp_reply_t *reply,
                      int *drop)
{
    return ss->pub.is_own
           || smtpd_hook_judge(ss, smtp_run_rcpt(&tx->pub, recipient, reply),
                               reply, drop);
}

int smtpd_transaction_recipient_add(smtpd_transaction_t *tx,
                                    const smtp_address_t *forward_path,
                                    const smtp_rcpt_params_t *params,
                                    smtp_reply_t *reply, int *drop)
{
    smtpd_session_t *ss = smtpd_session_get(tx->pub.r->connection);
    apr_pool_t *p = tx->pub.r->pool;
    smtp_recipient_t *recipient = apr_pcalloc(p, sizeof(*recipient));

    *drop = 0;
    recipient->forward_path = smtp_address_copy(p, forward_path);
    recipient->params = *params;
    recipient->params.orcpt = apr_pstrdup(p, params->orcpt);
    if (!ask_route(ss, tx, recipient, reply)
        || !ask_policy(ss, tx, recipient, reply, drop)
        || !ask_deliver(ss, tx, recipient, reply)
        || !smtpd_hook_judge(ss, tx->delivery->klass->recipient(
                                     tx->delivery, recipient, reply),
                             reply, drop)) {
        return 0;
    }
    recipient->is_accepted = 1;
    APR_ARRAY_PUSH(tx->pub.recipients, smtp_recipient_t *) = recipient;
    return 1;
}

void smtpd_transaction_end(smtpd_session_t *ss, const smtp_reply_t *reply)
{
    smtpd_transaction_t *tx = ss->transaction;

    if (!tx) {
        return;
    }
    ss->transaction = NULL;
    if (!tx->is_delivered) {
        smtpd_login_limit_refused(tx);
        if (tx->delivery) {
            tx->delivery->klass->abort(tx->delivery);
        }
        smtp_run_reset(&tx->pub);
    }
    smtpd_log_transaction(ss, tx, reply);
    apr_pool_destroy(tx->pub.r->pool);
    ss->is_fat = 1;
    smtpd_session_phase_set(ss, SMTPD_PHASE_READY);
}

/* The optional functions of mod_smtp.h. */

static void smtp_transaction_field_add(smtp_transaction_t *transaction,
                                       const char *name, const char *body)
{
    apr_pool_t *p = transaction->r->pool;

    transaction->added_fields =
        apr_pstrcat(p, transaction->added_fields,
                    smtp_chars_escape(p, name, strlen(name), 76), ": ",
                    smtp_chars_escape(p, body, strlen(body), 900), "\r\n",
                    NULL);
}

static const smtp_session_t *smtp_session_of(const conn_rec *c)
{
    const smtpd_session_t *ss = smtpd_session_get(c);

    return ss ? &ss->pub : NULL;
}

static const smtp_transaction_t *smtp_transaction_of(const request_rec *r)
{
    const smtpd_transaction_t *tx = ap_get_module_config(r->request_config,
                                                         &smtp_module);

    return tx ? &tx->pub : NULL;
}

void smtpd_transaction_register(void)
{
    APR_REGISTER_OPTIONAL_FN(smtp_transaction_field_add);
    APR_REGISTER_OPTIONAL_FN(smtp_session_of);
    APR_REGISTER_OPTIONAL_FN(smtp_transaction_of);
}
