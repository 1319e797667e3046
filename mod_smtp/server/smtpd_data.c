/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Mail data: socket -> dot or chunk -> size, header scan -> delivery. At its
 * end: checks, message hook, commit, and only then 250 (RFC 5321 4.2.5, 6.1).
 */
#include "smtpd_data.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include "smtp_domain.h"
#include "smtp_trace.h"
#include "smtpd_connection.h"
#include "smtpd_hook.h"
#include "smtpd_log.h"
#include "smtpd_report.h"
#include "smtpd_submission.h"
#include "smtpd_zone.h"

APLOG_USE_MODULE(smtp);

static const smtp_reply_t reply_too_big =
    { 552, { 5, 3, 4 }, "Message is larger than the maximum" };
static const smtp_reply_t reply_no_space =
    { 452, { 4, 3, 1 }, "Not enough space, try again later" };
static const smtp_reply_t reply_store_failed =
    { 451, { 4, 3, 0 }, "Could not be stored, try again later" };

/* Takes octets of the mail: what smtp_dot passes on. Errors are kept, not
 * returned: the data is consumed to its end whatever happens. */
static apr_status_t store(void *ctx, const char *octets, apr_size_t len)
{
    smtpd_session_t *ss = ctx;
    smtpd_transaction_t *tx = ss->transaction;

    tx->pub.size_octets += (apr_off_t)len;
    if (ss->conf->max_message_octets
        && tx->pub.size_octets > ss->conf->max_message_octets) {
        tx->is_too_big = 1;
    }
    if (!tx->is_too_big && tx->write_rv == APR_SUCCESS) {
        smtp_header_push(&tx->header, octets, len);
        smtpd_submission_look(ss, tx, octets, len);
        tx->write_rv = tx->delivery->klass->write(tx->delivery, octets, len);
    }
    return APR_SUCCESS;
}

int smtpd_data_begin(smtpd_session_t *ss, smtp_reply_t *reply, int *drop)
{
    smtpd_transaction_t *tx = ss->transaction;

    if (!smtpd_hook_judge(ss, smtp_run_data(&tx->pub, reply), reply, drop)) {
        return 0;
    }
    tx->has_data = 1;
    smtp_header_init(&tx->header, tx->pub.r->pool);
    tx->pub.header = &tx->header;
    smtp_dot_init(&tx->dot, (apr_size_t)ss->conf->max_text_line_octets,
                  ss->conf->bare_lf == SMTPD_BARE_LF_NORMALISE);
    ss->data_deadline = apr_time_now() + ss->conf->timeout_total;
    return 1;
}

/* A first line that is no field: a line of body, or one that would continue
 * our own field and so alter the trace. An empty line keeps it apart. */
static int begins_with_body(const smtpd_transaction_t *tx)
{
    return tx->header.is_malformed && tx->header.header_octets == 0;
}

/* Whether Received tells where the client is. For mail that comes from others
 * it must (RFC 5321 4.4); that of our own users may keep their address and
 * what their machine calls itself to themselves (7.6). */
static int traces_client(const smtpd_session_t *ss)
{
    return ss->conf->submission.trace_client
           || ss->conf->service != SMTPD_SERVICE_SUBMISSION;
}

/* Our Received field (RFC 5321 4.4), then what hooks added. FROM must be there
 * (4.4): where it does not name the client it names us, who take
 * responsibility for him. */
static const char *make_trace(smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    const apr_array_header_t *rcpts = tx->pub.recipients;
    smtp_trace_t trace = { 0 };

    trace.helo = ss->pub.s->server_hostname;
    if (traces_client(ss)) {
        trace.helo = ss->pub.helo;
        trace.client_ip = ss->pub.client_ip;
    }
    trace.server_name = ss->pub.s->server_hostname;
    trace.id = tx->pub.id;
    /* Of several recipients none is named: it would give Bcc away
     * (RFC 5321 7.2). */
    if (rcpts->nelts == 1) {
        trace.recipient =
            APR_ARRAY_IDX(rcpts, 0, smtp_recipient_t *)->forward_path->text;
    }
    trace.esmtp = ss->pub.is_esmtp;
    trace.auth = ss->pub.login != NULL;
    trace.tls_version = ss->pub.tls_version;
    trace.tls_cipher = ss->pub.tls_cipher;
    trace.smtputf8 = tx->pub.params.smtputf8;
    trace.time = apr_time_now();
    trace.offset_sec = smtpd_zone_offset(trace.time);
    return apr_pstrcat(tx->pub.r->pool,
                       smtp_trace_write_received(tx->pub.r->pool, &trace),
                       tx->pub.added_fields,
                       begins_with_body(tx) ? "\r\n" : "", NULL);
}

/* The mailboxes that delivered this mail before, folded as ours are. */
static apr_hash_t *hash_delivered(smtpd_transaction_t *tx)
{
    const apr_array_header_t *seen = tx->header.delivered_to;
    apr_pool_t *p = tx->pub.r->pool;
    apr_hash_t *hash = apr_hash_make(p);
    int i;

    for (i = 0; i < seen->nelts; i++) {
        const char *mailbox = APR_ARRAY_IDX(seen, i, const char *);

        apr_hash_set(hash, smtp_domain_fold(p, mailbox, strlen(mailbox)),
                     APR_HASH_KEY_STRING, mailbox);
    }
    return hash;
}

/* The Delivered-To of an address elsewhere is not ours to judge by: who passes
 * on by hand what he got there does no wrong. */
static int leads_back(const smtp_recipient_t *recipient, apr_hash_t *seen)
{
    const apr_array_header_t *boxes = recipient->mailboxes;
    int i;

    for (i = 0; boxes && i < boxes->nelts; i++) {
        const smtp_mailbox_t *box = APR_ARRAY_IDX(boxes, i, smtp_mailbox_t *);

        if (strcmp(box->method, SMTP_MAILBOX_FORWARD)
            && apr_hash_get(seen, box->delivered_to, APR_HASH_KEY_STRING)) {
            return 1;
        }
    }
    return 0;
}

/* RFC 5321 6.3: too many Received fields, or this mailbox delivered it
 * before. */
static int is_looping(const smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    apr_hash_t *seen;
    int i;

    if (tx->header.received > (unsigned int)ss->conf->max_received) {
        return 1;
    }
    if (!tx->header.delivered_to || !tx->header.delivered_to->nelts) {
        return 0;
    }
    seen = hash_delivered(tx);
    for (i = 0; i < tx->pub.recipients->nelts; i++) {
        if (leads_back(APR_ARRAY_IDX(tx->pub.recipients, i,
                                     smtp_recipient_t *), seen)) {
            return 1;
        }
    }
    return 0;
}

/* The faults of smtp_dot.h as replies; the first that applies. */
static const struct {
    unsigned int fault;
    smtp_reply_t reply;
} fault_replies[] = {
    { SMTP_DOT_NUL,     { 554, { 5, 6, 0 }, "Message has a NUL octet" } },
    { SMTP_DOT_BARE_LF, { 554, { 5, 6, 0 },
                          "Message has a LF without CR (RFC 5321 2.3.8)" } },
    { SMTP_DOT_BARE_CR, { 554, { 5, 6, 0 },
                          "Message has a CR without LF (RFC 5321 2.3.8)" } },
    { SMTP_DOT_LONG_LINE, { 554, { 5, 6, 0 },
                          "Message has a line that is too long" } }
};

/* Whether what was received may be kept at all. */
static int check_received(smtpd_session_t *ss, smtpd_transaction_t *tx,
                          smtp_reply_t *reply)
{
    size_t i;

    if (tx->is_too_big) {
        *reply = reply_too_big;
        return 0;
    }
    for (i = 0; i < sizeof(fault_replies) / sizeof(fault_replies[0]); i++) {
        if (tx->dot.faults & fault_replies[i].fault) {
            *reply = fault_replies[i].reply;
            return 0;
        }
    }
    if (is_looping(ss, tx)) {
        *reply = (smtp_reply_t){ 554, { 5, 4, 6 }, "Mail loop detected" };
        return 0;
    }
    return 1;
}

static void store_error(smtpd_transaction_t *tx, apr_status_t rv,
                        smtp_reply_t *reply)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, tx->pub.r, SMTPD_LOGNO(1012)
                  "%s: %s could not store the message", tx->pub.id,
                  tx->delivery->klass->name);
    *reply = APR_STATUS_IS_ENOSPC(rv) || rv == EDQUOT ? reply_no_space
                                                      : reply_store_failed;
}

static int ask_message(smtpd_session_t *ss, smtpd_transaction_t *tx,
                       smtp_reply_t *reply, int *drop)
{
    apr_bucket_brigade *content;
    apr_status_t rv;
    int ok;

    content = apr_brigade_create(tx->pub.r->pool, ss->pub.c->bucket_alloc);
    rv = tx->delivery->klass->content(tx->delivery, content);
    if (rv != APR_SUCCESS) {
        store_error(tx, rv, reply);
        ok = 0;
    }
    else {
        ok = smtpd_hook_judge(ss, smtp_run_message(&tx->pub, content, reply),
                              reply, drop);
    }
    apr_brigade_destroy(content);
    return ok;
}

/* A commit that failed was an abort (smtp_delivery.h). */
static int commit(smtpd_session_t *ss, smtpd_transaction_t *tx,
                  smtp_reply_t *reply)
{
    const char *trace = make_trace(ss, tx);
    smtp_delivery_t *delivery = tx->delivery;
    int tell = smtpd_report_is_wanted(tx);
    apr_status_t rv = tell ? smtpd_report_prepare(tx) : APR_SUCCESS;

    if (rv != APR_SUCCESS) {
        store_error(tx, rv, reply);
        return 0;
    }
    rv = delivery->klass->commit(delivery, trace, strlen(trace));
    if (rv != APR_SUCCESS) {
        store_error(tx, rv, reply);
        tx->delivery = NULL;
        return 0;
    }
    tx->is_delivered = 1;
    if (tell) {
        smtpd_report_send(ss, tx);
    }
    ss->pub.messages++;
    *reply = (smtp_reply_t){ 250, { 2, 0, 0 },
                             apr_pstrcat(tx->pub.r->pool, "Queued as ",
                                         tx->pub.id, NULL) };
    return 1;
}

/* The whole mail is here: keeps it or says why not. The reply is pushed before
 * the delivery's own work, for which the client need not wait. */
static void end_of_data(smtpd_session_t *ss)
{
    smtpd_transaction_t *tx = ss->transaction;
    smtp_reply_t reply = { 0 };
    int drop = 0;

    smtp_header_finish(&tx->header);
    ss->input = SMTPD_INPUT_COMMAND;
    if (!check_received(ss, tx, &reply)) {
        /* reply is set */
    }
    else if (tx->write_rv != APR_SUCCESS) {
        store_error(tx, tx->write_rv, &reply);
    }
    else if (smtpd_submission_complete(ss, tx, &reply)
             && ask_message(ss, tx, &reply, &drop)
             && commit(ss, tx, &reply)) {
        smtp_run_delivered(&tx->pub);
    }
    smtpd_session_reply(ss, &reply);
    if (drop) {
        ss->is_closing = 1;
    }
    smtpd_connection_push(ss);
    if (tx->is_delivered && tx->delivery->klass->finish) {
        tx->delivery->klass->finish(tx->delivery);
    }
    smtpd_transaction_end(ss, &reply);
}

apr_size_t smtpd_data_push(smtpd_session_t *ss, const char *octets,
                           apr_size_t len)
{
    apr_size_t consumed = 0;
    int done = 0;

    smtp_dot_push(&ss->transaction->dot, octets, len, &consumed, &done,
                  store, ss);
    if (done) {
        end_of_data(ss);
    }
    return consumed;
}

/* BODY=BINARYMIME is binary: no line, no fault (RFC 3030 3). */
static int is_binary(const smtpd_transaction_t *tx)
{
    return tx->pub.params.body == SMTP_BODY_BINARYMIME;
}

apr_size_t smtpd_data_push_chunk(smtpd_session_t *ss, const char *octets,
                                 apr_size_t len)
{
    apr_size_t n = len;

    if ((apr_off_t)n > ss->chunk_left) {
        n = (apr_size_t)ss->chunk_left;
    }
    /* RFC 3030 2: what was refused is consumed all the same. */
    if (!ss->chunk_refusal.code) {
        if (is_binary(ss->transaction)) {
            store(ss, octets, n);
        }
        else {
            smtp_dot_push_chunk(&ss->transaction->dot, octets, n, store, ss);
        }
    }
    ss->chunk_left -= (apr_off_t)n;
    if (!ss->chunk_left) {
        smtpd_data_end_chunk(ss);
    }
    return n;
}

/* A chunk that is not the last: 250, or the transaction is over. */
static void end_of_middle_chunk(smtpd_session_t *ss)
{
    smtpd_transaction_t *tx = ss->transaction;
    smtp_reply_t reply = { 250, { 2, 0, 0 }, "Chunk received" };

    if (tx->is_too_big) {
        reply = reply_too_big;
    }
    else if (tx->write_rv != APR_SUCCESS) {
        store_error(tx, tx->write_rv, &reply);
    }
    smtpd_session_reply(ss, &reply);
    if (reply.code != 250) {
        smtpd_transaction_end(ss, &reply);
    }
    else {
        smtpd_session_phase_set(ss, SMTPD_PHASE_CHUNKS);
    }
}

void smtpd_data_end_chunk(smtpd_session_t *ss)
{
    ss->input = SMTPD_INPUT_COMMAND;
    if (ss->chunk_refusal.code) {
        smtpd_session_reply(ss, &ss->chunk_refusal);
    }
    else if (ss->chunk_is_last) {
        if (!is_binary(ss->transaction)) {
            smtp_dot_finish_chunks(&ss->transaction->dot, store, ss);
        }
        end_of_data(ss);
    }
    else {
        end_of_middle_chunk(ss);
    }
    smtpd_session_deadline_set(ss);
}
