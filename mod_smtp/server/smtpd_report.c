/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_report.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_report.h"
#include "smtp_trace.h"
#include "smtpd_log.h"
#include "smtpd_zone.h"

APLOG_USE_MODULE(smtp);

/* A header section larger than this comes back in part. */
#define HEADER_MAX_OCTETS (64 * 1024)

/* Of a relayed recipient the next hop reports, or who hands it the mail (RFC
 * 3461 5.2.1, 5.2.2): nothing is delivered yet. */
static int asks(const smtp_recipient_t *recipient)
{
    return (recipient->params.notify & SMTP_NOTIFY_SUCCESS) != 0
           && !recipient->is_relayed;
}

int smtpd_report_is_wanted(const smtpd_transaction_t *tx)
{
    int i;

    if (tx->pub.reverse_path->is_null) {
        return 0;
    }
    for (i = 0; i < tx->pub.recipients->nelts; i++) {
        if (asks(APR_ARRAY_IDX(tx->pub.recipients, i, smtp_recipient_t *))) {
            return 1;
        }
    }
    return 0;
}

apr_status_t smtpd_report_prepare(smtpd_transaction_t *tx)
{
    apr_bucket_brigade *content =
        apr_brigade_create(tx->pub.r->pool,
                           tx->pub.r->connection->bucket_alloc);
    apr_status_t rv = tx->delivery->klass->content(tx->delivery, content);
    apr_size_t len = HEADER_MAX_OCTETS;
    char *header;

    if (rv == APR_SUCCESS) {
        if (tx->header.header_octets < (apr_off_t)len) {
            len = (apr_size_t)tx->header.header_octets;
        }
        /* A binary header may hold what no report by DATA could carry. */
        if (tx->pub.params.body == SMTP_BODY_BINARYMIME) {
            len = 0;
        }
        header = apr_palloc(tx->pub.r->pool, len + 1);
        rv = apr_brigade_flatten(content, header, &len);
        header[len] = '\0';
        tx->report_header = header;
        tx->report_header_len = len;
    }
    apr_brigade_destroy(content);
    return rv;
}

/* An alias with several targets was expanded; whether each of those got the
 * mail is not for this report to say (RFC 3461 5.2.7.3). */
static void add_recipient(apr_array_header_t *recipients,
                          const smtp_recipient_t *recipient)
{
    smtp_report_recipient_t *told = apr_array_push(recipients);
    int expanded = recipient->mailboxes->nelts > 1;

    told->final_recipient = recipient->forward_path->text;
    told->orcpt = recipient->params.orcpt;
    told->action = expanded ? SMTP_REPORT_EXPANDED : SMTP_REPORT_DELIVERED;
    told->status = (smtp_status_t){ 2, 1, 5 };
}

static apr_array_header_t *list_recipients(const smtpd_transaction_t *tx)
{
    const apr_array_header_t *all = tx->pub.recipients;
    apr_array_header_t *recipients =
        apr_array_make(tx->pub.r->pool, all->nelts,
                       sizeof(smtp_report_recipient_t));
    int i;

    memset(recipients->elts, 0,
           (size_t)all->nelts * sizeof(smtp_report_recipient_t));
    for (i = 0; i < all->nelts; i++) {
        const smtp_recipient_t *recipient =
            APR_ARRAY_IDX(all, i, smtp_recipient_t *);

        if (asks(recipient)) {
            add_recipient(recipients, recipient);
        }
    }
    return recipients;
}

static void fill(smtp_report_t *report, const smtpd_session_t *ss,
                 const smtpd_transaction_t *tx,
                 const smtpd_transaction_t *dsn)
{
    const char *host = ss->pub.s->server_hostname;
    apr_pool_t *p = dsn->pub.r->pool;

    report->reporting_mta = host;
    report->from = apr_pstrcat(p, "postmaster@", host, NULL);
    report->to = tx->pub.reverse_path->text;
    report->message_id = apr_pstrcat(p, "<", dsn->pub.id, "@", host, ">",
                                     NULL);
    /* Ours alone: no mail that came before it can hold its queue id. */
    report->boundary = apr_pstrcat(p, dsn->pub.id, ".report", NULL);
    report->envid = tx->pub.params.envid;
    report->time = apr_time_now();
    report->arrival = tx->pub.began;
    report->offset_sec = smtpd_zone_offset(report->time);
    report->is_utf8 = tx->pub.params.smtputf8;
    report->is_8bit = smtp_chars_has_8bit(tx->report_header,
                                          tx->report_header_len);
    report->recipients = list_recipients(tx);
}

static apr_status_t write_report(const smtpd_session_t *ss,
                                 const smtpd_transaction_t *tx,
                                 smtpd_transaction_t *dsn)
{
    smtp_delivery_t *delivery = dsn->delivery;
    smtp_report_t report = { 0 };
    apr_size_t begin_len, end_len;
    const char *begin, *end;
    int returns_full;
    apr_status_t rv;

    fill(&report, ss, tx, dsn);
    begin = smtp_report_write_begin(dsn->pub.r->pool, &report, &returns_full,
                                    &begin_len);
    end = smtp_report_write_end(dsn->pub.r->pool, &report, &end_len);
    dsn->pub.size_octets = (apr_off_t)(begin_len + tx->report_header_len
                                       + end_len);
    rv = delivery->klass->write(delivery, begin, begin_len);
    if (rv == APR_SUCCESS) {
        rv = delivery->klass->write(delivery, tx->report_header,
                                    tx->report_header_len);
    }
    if (rv == APR_SUCCESS) {
        rv = delivery->klass->write(delivery, end, end_len);
    }
    return rv;
}

/* A Received field of a mail that comes from ourselves (RFC 5321 4.4). */
static const char *make_trace(const smtpd_session_t *ss,
                              const smtpd_transaction_t *dsn)
{
    smtp_trace_t trace = { 0 };

    trace.helo = trace.server_name = ss->pub.s->server_hostname;
    trace.id = dsn->pub.id;
    trace.time = apr_time_now();
    trace.offset_sec = smtpd_zone_offset(trace.time);
    return smtp_trace_write_received(dsn->pub.r->pool, &trace);
}

static apr_status_t commit(const smtpd_session_t *ss,
                           const smtpd_transaction_t *tx,
                           smtpd_transaction_t *dsn)
{
    smtp_delivery_t *delivery = dsn->delivery;
    apr_status_t rv = write_report(ss, tx, dsn);
    const char *trace;

    if (rv != APR_SUCCESS) {
        delivery->klass->abort(delivery);
        return rv;
    }
    trace = make_trace(ss, dsn);
    rv = delivery->klass->commit(delivery, trace, strlen(trace));
    if (rv == APR_SUCCESS) {
        dsn->is_delivered = 1;
        smtp_run_delivered(&dsn->pub);
    }
    return rv;
}

static void end(smtpd_session_t *ss, smtpd_transaction_t *dsn,
                const smtp_reply_t *reply)
{
    smtpd_log_transaction(ss, dsn, reply);
    apr_pool_destroy(dsn->pub.r->pool);
}

static smtpd_transaction_t *begin(smtpd_session_t *ss,
                                  const smtpd_transaction_t *tx)
{
    static const smtp_address_t nobody = { "", NULL, "", 1, 0, 0 };
    static const smtp_mail_params_t none = { 0 };
    smtpd_transaction_t *dsn = smtpd_transaction_create(ss, &nobody, &none);

    dsn->is_report = 1;
    dsn->pub.params.smtputf8 = tx->pub.params.smtputf8;
    return dsn;
}

void smtpd_report_send(smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    static const smtp_rcpt_params_t never = { SMTP_NOTIFY_NEVER, NULL };
    smtpd_transaction_t *dsn = begin(ss, tx);
    smtp_reply_t reply = { 0 };
    apr_status_t rv;
    int drop;

    if (!smtpd_transaction_recipient_add(dsn, tx->pub.reverse_path, &never,
                                         &reply, &drop)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tx->pub.r, SMTPD_LOGNO(1050)
                      "%s: no DSN of success for <%s>: %d", tx->pub.id,
                      smtp_chars_escape(tx->pub.r->pool,
                                        tx->pub.reverse_path->text,
                                        strlen(tx->pub.reverse_path->text),
                                        256), reply.code);
        if (dsn->delivery) {
            dsn->delivery->klass->abort(dsn->delivery);
        }
        end(ss, dsn, &reply);
        return;
    }
    rv = commit(ss, tx, dsn);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, tx->pub.r, SMTPD_LOGNO(1051)
                      "%s: the DSN of success could not be stored",
                      tx->pub.id);
        reply = (smtp_reply_t){ 451, { 4, 3, 0 }, "Report lost" };
        end(ss, dsn, &reply);
        return;
    }
    tx->report = dsn;
}

void smtpd_report_finish(smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    static const smtp_reply_t sent = { 250, { 2, 0, 0 }, "Report" };
    smtpd_transaction_t *dsn = tx->report;

    if (!dsn) {
        return;
    }
    tx->report = NULL;
    if (dsn->delivery->klass->finish) {
        dsn->delivery->klass->finish(dsn->delivery);
    }
    end(ss, dsn, &sent);
}
