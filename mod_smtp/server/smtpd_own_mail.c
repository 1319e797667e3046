/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_own_mail.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_main.h>

#include "smtp_trace.h"
#include "smtpd_log.h"
#include "smtpd_session.h"
#include "smtpd_transaction.h"
#include "smtpd_zone.h"

/** A message on its way. */
typedef struct own_mail_t {
    apr_pool_t *p;               /* of this call; goes at its end */
    smtpd_session_t *ss;
    const smtp_own_mail_t *mail;
    smtp_address_t reverse_path;
    apr_array_header_t *transactions; /* smtpd_transaction_t * */
} own_mail_t;

/* ------------------------------------------------------ the connection */

/* mod_logio counts octets in a note that its hook makes, and looks at it in
 * each log line without asking whether it is there. Other modules' hooks are
 * about a socket, which we do not have. */
static void logio_begin(conn_rec *c)
{
    apr_array_header_t *hooks = ap_hook_get_pre_connection();
    int i;

    for (i = 0; hooks && i < hooks->nelts; i++) {
        ap_LINK_pre_connection_t *hook =
            &APR_ARRAY_IDX(hooks, i, ap_LINK_pre_connection_t);

        if (!strcmp(hook->szName, "mod_logio.c")) {
            hook->pFunc(c, NULL);
        }
    }
}

static void addresses_set(conn_rec *c)
{
    c->client_ip = apr_pstrdup(c->pool, "127.0.0.1");
    c->local_ip = c->client_ip;
    apr_sockaddr_info_get(&c->client_addr, c->client_ip, APR_INET, 0, 0,
                          c->pool);
    c->local_addr = c->client_addr;
    /* "": nobody looks for the name, by DNS or by ident. */
    c->remote_host = apr_pstrdup(c->pool, "");
    c->remote_logname = apr_pstrdup(c->pool, "-");
}

/* All that hooks, expressions and log formats look at. */
static conn_rec *connection_create(apr_pool_t *p, server_rec *s)
{
    conn_rec *c = apr_pcalloc(p, sizeof(*c));

    c->pool = p;
    c->base_server = s;
    addresses_set(c);
    c->keepalive = AP_CONN_CLOSE;
    c->conn_config = ap_create_conn_config(p);
    c->notes = apr_table_make(p, 1);
    c->bucket_alloc = apr_bucket_alloc_create(p);
    logio_begin(c);
    return c;
}

/* ------------------------------------------------------ the recipients */

static smtpd_transaction_t *transaction_add(own_mail_t *own)
{
    smtpd_transaction_t *tx = smtpd_transaction_create(
        own->ss, &own->reverse_path, &own->mail->params);

    APR_ARRAY_PUSH(own->transactions, smtpd_transaction_t *) = tx;
    return tx;
}

static smtpd_transaction_t *transaction_last(const own_mail_t *own)
{
    return own->transactions->nelts
           ? APR_ARRAY_IDX(own->transactions, own->transactions->nelts - 1,
                           smtpd_transaction_t *)
           : NULL;
}

static int address_parse(apr_pool_t *p, const char *text, unsigned int allow,
                         smtp_address_t *address, smtp_reply_t *reply)
{
    if (smtp_address_parse(p, text, strlen(text),
                           allow | SMTP_ADDRESS_ALLOW_UTF8, address)
        == SMTP_ADDRESS_OK) {
        return 1;
    }
    *reply = (smtp_reply_t){ 553, { 5, 1, 3 }, "This is no address" };
    return 0;
}

/* RFC 5321 4.5.3.1.10: whom one transaction cannot take comes in another. */
static int recipient_add(own_mail_t *own, const char *text,
                         smtp_reply_t *reply)
{
    smtpd_transaction_t *tx = transaction_last(own);
    smtp_address_t address;
    int drop;

    if (!address_parse(own->p, text, SMTP_ADDRESS_ALLOW_POSTMASTER, &address,
                       reply)) {
        return 0;
    }
    if (!tx) {
        tx = transaction_add(own);
    }
    if (smtpd_transaction_recipient_add(tx, &address,
                                        &own->mail->rcpt_params, reply,
                                        &drop)) {
        return 1;
    }
    return reply->code == 452 && tx->pub.recipients->nelts
           && smtpd_transaction_recipient_add(transaction_add(own), &address,
                                              &own->mail->rcpt_params, reply,
                                              &drop);
}

static int recipients_add(own_mail_t *own, smtp_reply_t *reply)
{
    const apr_array_header_t *all = own->mail->recipients;
    int i;

    if (!address_parse(own->p, own->mail->reverse_path,
                       SMTP_ADDRESS_ALLOW_NULL, &own->reverse_path, reply)) {
        return 0;
    }
    for (i = 0; i < all->nelts; i++) {
        if (!recipient_add(own, APR_ARRAY_IDX(all, i, const char *), reply)) {
            return 0;
        }
    }
    return 1;
}

/* --------------------------------------------------------- the content */

/* What compose writes. */
static apr_status_t push(void *to, const char *octets, apr_size_t len)
{
    smtpd_transaction_t *tx = to;

    tx->pub.size_octets += (apr_off_t)len;
    smtp_header_push(&tx->header, octets, len);
    return tx->delivery->klass->write(tx->delivery, octets, len);
}

static apr_status_t compose(const smtp_own_mail_t *mail,
                            smtpd_transaction_t *tx)
{
    apr_status_t rv;

    smtp_header_init(&tx->header, tx->pub.r->pool);
    tx->pub.header = &tx->header;
    rv = mail->compose(mail->ctx, push, tx);
    smtp_header_finish(&tx->header);
    return rv;
}

/* A Received field of a mail that comes from ourselves (RFC 5321 4.4). */
static const char *make_trace(const smtpd_transaction_t *tx)
{
    smtp_trace_t trace = { 0 };

    trace.helo = trace.server_name = tx->pub.session->helo;
    trace.id = tx->pub.id;
    trace.smtputf8 = tx->pub.params.smtputf8;
    trace.time = apr_time_now();
    trace.offset_sec = smtpd_zone_offset(trace.time);
    return smtp_trace_write_received(tx->pub.r->pool, &trace);
}

/* A commit that failed was an abort (smtp_delivery.h). */
static apr_status_t commit(smtpd_transaction_t *tx)
{
    smtp_delivery_t *delivery = tx->delivery;
    const char *trace = make_trace(tx);
    apr_status_t rv = delivery->klass->commit(delivery, trace, strlen(trace));

    if (rv != APR_SUCCESS) {
        tx->delivery = NULL;
        return rv;
    }
    tx->is_delivered = 1;
    smtp_run_delivered(&tx->pub);
    if (delivery->klass->finish) {
        delivery->klass->finish(delivery);
    }
    return APR_SUCCESS;
}

static void end(own_mail_t *own, smtpd_transaction_t *tx,
                const smtp_reply_t *reply)
{
    own->ss->transaction = tx;
    smtpd_transaction_end(own->ss, reply);
}

/* One after the other: prefork lets a child have its signals between. */
static apr_status_t send_all(own_mail_t *own, smtp_reply_t *reply)
{
    static const smtp_reply_t sent = { 250, { 2, 0, 0 }, "Sent" };
    const apr_array_header_t *all = own->transactions;
    int i;

    for (i = 0; i < all->nelts; i++) {
        smtpd_transaction_t *tx = APR_ARRAY_IDX(all, i,
                                                smtpd_transaction_t *);
        apr_status_t rv = compose(own->mail, tx);

        if (rv == APR_SUCCESS) {
            rv = commit(tx);
        }
        if (rv != APR_SUCCESS) {
            *reply = APR_STATUS_IS_ENOSPC(rv) || rv == EDQUOT
                     ? (smtp_reply_t){ 452, { 4, 3, 1 }, "No space" }
                     : (smtp_reply_t){ 451, { 4, 3, 0 }, "Not stored" };
            return rv;
        }
        APR_ARRAY_IDX(all, i, smtpd_transaction_t *) = NULL;
        end(own, tx, &sent);
    }
    return APR_SUCCESS;
}

/* ---------------------------------------------------------- the message */

/* Who does not speak SMTP knows of no domain that is ours. */
static server_rec *host_find(server_rec *s)
{
    server_rec *other = ap_server_conf;

    if (smtpd_conf_get(s)->engine == 1) {
        return s;
    }
    while (other && smtpd_conf_get(other)->engine != 1) {
        other = other->next;
    }
    return other;
}

static void begin(own_mail_t *own, apr_pool_t *p, server_rec *s,
                  const smtp_own_mail_t *mail)
{
    apr_pool_create(&own->p, p);
    apr_pool_tag(own->p, "smtp_own_mail");
    own->mail = mail;
    own->ss = smtpd_session_create_own(connection_create(own->p, s));
    own->transactions = apr_array_make(own->p, 1,
                                       sizeof(smtpd_transaction_t *));
}

/* What was not sent ends with the reply that kept it from being. */
static void cleanup(own_mail_t *own, const smtp_reply_t *reply)
{
    int i;

    for (i = 0; i < own->transactions->nelts; i++) {
        smtpd_transaction_t *tx = APR_ARRAY_IDX(own->transactions, i,
                                                smtpd_transaction_t *);

        if (tx) {
            end(own, tx, reply);
        }
    }
    apr_pool_destroy(own->p);
}

apr_status_t smtp_own_mail_send(apr_pool_t *p, server_rec *s,
                                const smtp_own_mail_t *mail, const char **id,
                                smtp_reply_t *reply)
{
    own_mail_t own = { 0 };
    apr_status_t rv = APR_EGENERAL;

    *id = NULL;
    s = host_find(s);
    if (!s) {
        *reply = (smtp_reply_t){ 451, { 4, 3, 5 }, "SMTPEngine is off" };
        return APR_EGENERAL;
    }
    begin(&own, p, s, mail);
    if (recipients_add(&own, reply) && own.transactions->nelts) {
        *id = apr_pstrdup(p, APR_ARRAY_IDX(own.transactions, 0,
                                           smtpd_transaction_t *)->pub.id);
        rv = send_all(&own, reply);
    }
    if (rv != APR_SUCCESS) {
        *id = NULL;
        /* It may be of the transaction's pool. */
        reply->text = apr_pstrdup(p, reply->text);
    }
    cleanup(&own, reply);
    return rv;
}

void smtpd_own_mail_register(void)
{
    APR_REGISTER_OPTIONAL_FN(smtp_own_mail_send);
}
