/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_report.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_report.h"
#include "smtpd_log.h"
#include "smtpd_own_mail.h"
#include "smtpd_zone.h"

APLOG_USE_MODULE(smtp);

/* A header section larger than this comes back in part. */
#define HEADER_MAX_OCTETS (64 * 1024)

/* Whether its mail is on disk now, and that was its delivery. What is handed
 * on is reported by the next hop, or by who hands it over (RFC 3461 5.2.1,
 * 5.2.2). */
static int is_delivered_here(const smtp_recipient_t *recipient)
{
    static const char *const elsewhere[] = {
        "lmtp", "smtp", "on-demand", SMTP_MAILBOX_FORWARD
    };
    const smtp_mailbox_t *mailbox;
    size_t i;

    if (recipient->is_relayed) {
        return 0;
    }
    mailbox = APR_ARRAY_IDX(recipient->mailboxes, 0, smtp_mailbox_t *);
    for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (!strcmp(mailbox->method, elsewhere[i])) {
            return 0;
        }
    }
    return 1;
}

static int is_expanded(const smtp_recipient_t *recipient)
{
    return !recipient->is_relayed && recipient->mailboxes->nelts > 1;
}

static int asks(const smtp_recipient_t *recipient)
{
    return (recipient->params.notify & SMTP_NOTIFY_SUCCESS) != 0
           && (is_expanded(recipient) || is_delivered_here(recipient));
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

    told->final_recipient = recipient->forward_path->text;
    told->orcpt = recipient->params.orcpt;
    told->action = is_expanded(recipient) ? SMTP_REPORT_EXPANDED
                                          : SMTP_REPORT_DELIVERED;
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

/* A report, and what it gives back. */
typedef struct report_t {
    apr_pool_t *p;
    const smtpd_transaction_t *tx;
    smtp_report_t facts;
} report_t;

/* Ours alone: no mail that came before now can hold the time. */
static const char *make_tag(apr_pool_t *p, const char *id, apr_time_t now)
{
    return apr_psprintf(p, "%s.%" APR_UINT64_T_HEX_FMT ".report", id,
                        (apr_uint64_t)now);
}

static void fill(report_t *report, const smtpd_session_t *ss,
                 const smtpd_transaction_t *tx)
{
    const char *host = ss->pub.s->server_hostname;
    apr_pool_t *p = tx->pub.r->pool;
    smtp_report_t *facts = &report->facts;

    report->p = p;
    report->tx = tx;
    facts->time = apr_time_now();
    facts->boundary = make_tag(p, tx->pub.id, facts->time);
    facts->reporting_mta = host;
    facts->from = apr_pstrcat(p, "postmaster@", host, NULL);
    facts->to = tx->pub.reverse_path->text;
    facts->message_id = apr_pstrcat(p, "<", facts->boundary, "@", host, ">",
                                    NULL);
    facts->envid = tx->pub.params.envid;
    facts->arrival = tx->pub.began;
    facts->offset_sec = smtpd_zone_offset(facts->time);
    facts->is_utf8 = tx->pub.params.smtputf8;
    facts->is_8bit = smtp_chars_has_8bit(tx->report_header,
                                         tx->report_header_len);
    facts->recipients = list_recipients(tx);
}

static apr_status_t compose(void *ctx, apr_status_t (*write)(
                                void *to, const char *octets,
                                apr_size_t len), void *to)
{
    report_t *report = ctx;
    apr_size_t begin_len, end_len;
    int returns_full;
    const char *begin = smtp_report_write_begin(report->p, &report->facts,
                                                &returns_full, &begin_len);
    const char *end = smtp_report_write_end(report->p, &report->facts,
                                            &end_len);
    apr_status_t rv = write(to, begin, begin_len);

    if (rv == APR_SUCCESS) {
        rv = write(to, report->tx->report_header,
                   report->tx->report_header_len);
    }
    return rv == APR_SUCCESS ? write(to, end, end_len) : rv;
}

/* RFC 3461 6.1: the null reverse-path, nothing asked for. */
static void fill_mail(smtp_own_mail_t *mail, report_t *report)
{
    const smtpd_transaction_t *tx = report->tx;
    apr_array_header_t *recipients = apr_array_make(report->p, 1,
                                                    sizeof(const char *));

    APR_ARRAY_PUSH(recipients, const char *) = tx->pub.reverse_path->text;
    mail->reverse_path = "";
    mail->recipients = recipients;
    mail->params.smtputf8 = report->facts.is_utf8;
    /* RFC 8689 5: what was not to be seen in transit comes back unseen. */
    mail->params.requiretls = tx->pub.params.requiretls;
    mail->params.has_body = report->facts.is_8bit || report->facts.is_utf8;
    mail->params.body = mail->params.has_body ? SMTP_BODY_8BITMIME
                                              : SMTP_BODY_7BIT;
    mail->rcpt_params.notify = SMTP_NOTIFY_NEVER;
    mail->compose = compose;
    mail->ctx = report;
}

void smtpd_report_send(smtpd_session_t *ss, smtpd_transaction_t *tx)
{
    report_t report = { 0 };
    smtp_own_mail_t mail = { 0 };
    smtp_reply_t reply = { 0 };
    const char *id;
    apr_status_t rv;

    fill(&report, ss, tx);
    fill_mail(&mail, &report);
    rv = smtp_own_mail_send(report.p, ss->pub.s, &mail, &id, &reply);
    if (rv == APR_EGENERAL) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tx->pub.r, SMTPD_LOGNO(1050)
                      "%s: no DSN of success for <%s>: %d", tx->pub.id,
                      smtp_chars_escape(report.p, report.facts.to,
                                        strlen(report.facts.to), 256),
                      reply.code);
    }
    else if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, tx->pub.r, SMTPD_LOGNO(1051)
                      "%s: the DSN of success could not be stored",
                      tx->pub.id);
    }
}
