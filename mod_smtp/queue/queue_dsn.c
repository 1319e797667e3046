/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_dsn.h"

#include <string.h>

#include <apr_optional.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_dsn_text.h"
#include "queue_log.h"
#include "queue_verp.h"
#include "smtp_chars.h"
#include "smtp_header.h"
#include "smtp_queue.h"
#include "store_segment.h"

APLOG_USE_MODULE(smtp_queue);

/* A header section larger than this comes back in part. */
#define HEADER_MAX_OCTETS (64 * 1024)

/* Recipients of one DSN: a mailing that fails is told of in several. */
#define RECIPIENTS_MAX 1000

/** A DSN on its way. */
typedef struct dsn_t {
    apr_pool_t *p;               /* goes with it */
    const queue_vhost_t *vhost;
    queue_mail_t *mail;
    const char *header;          /* of the mail, as it comes back */
    apr_size_t header_len;
    smtp_report_t report;
    unsigned int is_forwarded : 1; /* with a reverse-path of somebody else's */
} dsn_t;

/* ------------------------------------------------------- who is to be told */

apr_int64_t queue_dsn_notify_get(const store_recipient_t *recipient)
{
    apr_int64_t rest = recipient->notify & ~(apr_int64_t)SMTP_NOTIFY_SUCCESS;

    if (recipient->mailboxes->nelts < 2
        || !(recipient->notify & SMTP_NOTIFY_SUCCESS)) {
        return recipient->notify;
    }
    return rest ? rest : SMTP_NOTIFY_NEVER;
}

apr_int64_t queue_dsn_notify_join(apr_int64_t a, apr_int64_t b)
{
    static const apr_int64_t usual = SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
    apr_int64_t both;

    if (a == b) {
        return a;
    }
    both = ((a ? a : usual) | (b ? b : usual))
           & ~(apr_int64_t)SMTP_NOTIFY_NEVER;
    return both ? both : SMTP_NOTIFY_NEVER;
}

int queue_dsn_is_forwarded(const store_envelope_t *envelope,
                           const store_queued_recipient_t *recipient)
{
    const store_recipient_t *asked =
        &APR_ARRAY_IDX(envelope->recipients, recipient->recipient,
                       store_recipient_t);

    return recipient->mailbox >= 0
           && !strcmp(APR_ARRAY_IDX(asked->mailboxes, recipient->mailbox,
                                    store_mailbox_t).method,
                      SMTP_MAILBOX_FORWARD);
}

const char *queue_dsn_orcpt_get(apr_pool_t *p,
                                const store_envelope_t *envelope,
                                const store_queued_recipient_t *recipient)
{
    const store_recipient_t *asked =
        &APR_ARRAY_IDX(envelope->recipients, recipient->recipient,
                       store_recipient_t);

    return asked->orcpt || !queue_dsn_is_forwarded(envelope, recipient)
           ? asked->orcpt : smtp_params_orcpt_create(p, asked->forward_path);
}

/* RFC 3461 4.1: what NOTIFY says, and what no NOTIFY means. */
static int is_asked_for(apr_int64_t notify, smtp_report_action_e action)
{
    switch (action) {
    case SMTP_REPORT_FAILED:     /* 5.2.6 */
        return !notify || (notify & SMTP_NOTIFY_FAILURE);
    case SMTP_REPORT_DELAYED:    /* 5.2.5 */
        return !notify || (notify & SMTP_NOTIFY_DELAY);
    case SMTP_REPORT_DELIVERED:  /* 5.2.3 */
    case SMTP_REPORT_RELAYED:    /* 5.2.2 */
    case SMTP_REPORT_EXPANDED:   /* 5.2.7.3 */
        return (notify & SMTP_NOTIFY_SUCCESS) != 0;
    }
    return 0;
}

int queue_dsn_is_wanted(const store_envelope_t *envelope,
                        const store_queued_recipient_t *recipient,
                        smtp_report_action_e action)
{
    apr_int64_t notify = queue_dsn_notify_get(
        &APR_ARRAY_IDX(envelope->recipients, recipient->recipient,
                       store_recipient_t));

    /* RFC 5321 4.5.5, 6.1: nobody is there to be told; a DSN that is lost is
     * not told of. */
    return *envelope->reverse_path && !(notify & SMTP_NOTIFY_NEVER)
           && is_asked_for(notify, action);
}

/* ------------------------------------------------------ what it came to */

/* A next hop ("name[address]:port") by its name, which may be a literal. A
 * socket's path is our own affair. */
static const char *host_name(apr_pool_t *p, const char *host)
{
    if (!*host || *host == '/') {
        return NULL;
    }
    return apr_pstrmemdup(p, host, 1 + strcspn(host + 1, "["));
}

/* The status of a message that is given up is ours, and no part of the last
 * reply. */
static const char *reply_write(apr_pool_t *p,
                               const queue_dsn_recipient_t *told)
{
    char status[SMTP_STATUS_BUFFER_OCTETS] = "";

    if (told->status.klass == told->code / 100) {
        smtp_status_write(status, told->status);
    }
    return apr_pstrcat(p, apr_itoa(p, told->code), " ", status,
                       *status ? " " : "", told->text, NULL);
}

static unsigned short class_of(smtp_report_action_e action)
{
    return action == SMTP_REPORT_FAILED ? 5
           : action == SMTP_REPORT_DELAYED ? 4 : 2;
}

static void recipient_fill(apr_pool_t *p, const store_recipient_t *asked,
                           const queue_dsn_recipient_t *told,
                           smtp_report_recipient_t *recipient)
{
    memset(recipient, 0, sizeof(*recipient));
    /* Where an alias leads is nobody's business (RFC 3461 5.2.7.2). */
    recipient->final_recipient = asked->forward_path;
    recipient->orcpt = asked->orcpt;
    recipient->action = told->action;
    recipient->status = told->status;
    recipient->status.klass = class_of(told->action);
    recipient->remote_mta = host_name(p, told->host);
    recipient->last_attempt = told->attempt;
    if (told->action == SMTP_REPORT_DELAYED) {
        recipient->will_retry_until = told->until;
    }
    recipient->is_local = !told->code;
    recipient->diagnostic = told->code ? reply_write(p, told)
                            : *told->text ? told->text : NULL;
}

/* -------------------------------------------------------- what comes back */

/* RFC 3461 4.3: the whole mail, unless RET says otherwise: its sender may have
 * no other copy. But none that is too large, or binary, which no DATA could
 * carry. RFC 8689 5: what asks for TLS comes back as if RET=HDRS was said. */
static smtp_ret_e ret_of(const queue_vhost_t *vhost, const queue_mail_t *mail)
{
    const store_envelope_t *envelope = mail->envelope;

    return envelope->ret != SMTP_RET_HDRS
           && !(envelope->flags & STORE_ENVELOPE_REQUIRETLS)
           && envelope->body != SMTP_BODY_BINARYMIME
           && mail->size_octets <= vhost->dsn_max_octets ? SMTP_RET_FULL
                                                         : SMTP_RET_HDRS;
}

/* Whole lines of the header section. */
static apr_size_t header_cut(const char *octets, apr_size_t len,
                             const smtp_header_t *header)
{
    if (header->header_octets < (apr_off_t)len) {
        len = (apr_size_t)header->header_octets;
    }
    while (len && octets[len - 1] != '\n') {
        len--;
    }
    return len;
}

/* Trace fields and header section, up to the limit. */
static apr_status_t header_read(dsn_t *dsn)
{
    char *buffer = apr_palloc(dsn->p, HEADER_MAX_OCTETS);
    apr_size_t filled = 0, len;
    apr_status_t rv = queue_mail_rewind(dsn->mail);
    smtp_header_t header;
    const char *octets;

    smtp_header_init(&header, dsn->p);
    while (rv == APR_SUCCESS && !header.is_done
           && filled < HEADER_MAX_OCTETS) {
        rv = dsn->mail->content(dsn->mail->content_ctx, &octets, &len);
        if (rv == APR_SUCCESS) {
            smtp_header_push(&header, octets, len);
            len = len < HEADER_MAX_OCTETS - filled
                  ? len : HEADER_MAX_OCTETS - filled;
            memcpy(buffer + filled, octets, len);
            filled += len;
        }
    }
    smtp_header_finish(&header);
    dsn->header = buffer;
    dsn->header_len = header_cut(buffer, filled, &header);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Without what cannot be read: that is no reason not to tell. */
static apr_status_t header_get(dsn_t *dsn)
{
    apr_status_t rv = APR_SUCCESS;

    if (dsn->mail->envelope->body != SMTP_BODY_BINARYMIME) {
        rv = header_read(dsn);
    }
    else {
        dsn->header = "";
    }
    if (rv == STORE_EDAMAGED) {
        dsn->header_len = 0;
        dsn->report.ret = SMTP_RET_HDRS;
        rv = APR_SUCCESS;
    }
    return rv;
}

/* ------------------------------------------------------------- composing */

typedef apr_status_t write_fn(void *to, const char *octets, apr_size_t len);

static apr_status_t content_write(dsn_t *dsn, write_fn *write, void *to)
{
    apr_status_t rv = queue_mail_rewind(dsn->mail);
    const char *octets;
    apr_size_t len;

    while (rv == APR_SUCCESS) {
        rv = dsn->mail->content(dsn->mail->content_ctx, &octets, &len);
        if (rv == APR_SUCCESS) {
            rv = write(to, octets, len);
        }
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t compose(void *ctx, write_fn *write, void *to)
{
    dsn_t *dsn = ctx;
    apr_size_t begin_len, end_len;
    int returns_full;
    const char *begin = smtp_report_write_begin(dsn->p, &dsn->report,
                                                &returns_full, &begin_len);
    const char *end = smtp_report_write_end(dsn->p, &dsn->report, &end_len);
    apr_status_t rv = write(to, begin, begin_len);

    if (rv == APR_SUCCESS && returns_full) {
        rv = content_write(dsn, write, to);
    }
    else if (rv == APR_SUCCESS) {
        rv = write(to, dsn->header, dsn->header_len);
    }
    return rv == APR_SUCCESS ? write(to, end, end_len) : rv;
}

static void report_fill(dsn_t *dsn, smtp_report_action_e action)
{
    const store_envelope_t *envelope = dsn->mail->envelope;
    const char *host = dsn->vhost->s->server_hostname;
    smtp_report_t *report = &dsn->report;
    apr_time_exp_t local;

    report->time = apr_time_now();
    /* Ours alone: no mail that came before now can hold the time. */
    report->boundary = apr_psprintf(dsn->p, "%s.%" APR_UINT64_T_HEX_FMT ".%s",
                                    envelope->id, (apr_uint64_t)report->time,
                                    smtp_report_action_name(action));
    report->reporting_mta = host;
    report->from = dsn->vhost->postmaster
                   ? dsn->vhost->postmaster
                   : apr_pstrcat(dsn->p, "postmaster@", host, NULL);
    report->envid = envelope->envid;
    report->arrival = envelope->arrived;
    if (apr_time_exp_lt(&local, report->time) == APR_SUCCESS) {
        report->offset_sec = local.tm_gmtoff;
    }
    /* Who wrote by SMTPUTF8 can read it (RFC 6533 4, 5). */
    report->is_utf8 = (envelope->flags & STORE_ENVELOPE_SMTPUTF8) != 0;
    report->ret = action == SMTP_REPORT_FAILED
                  ? ret_of(dsn->vhost, dsn->mail) : SMTP_RET_HDRS;
}

/* To @a to, with what comes back and the text for @a to. */
static void report_address(dsn_t *dsn, smtp_report_action_e action,
                           const char *to)
{
    const store_envelope_t *envelope = dsn->mail->envelope;
    const char *name = smtp_report_action_name(action);
    const char *text = apr_hash_get(dsn->vhost->dsn_templates, name,
                                    APR_HASH_KEY_STRING);
    smtp_report_t *report = &dsn->report;

    report->to = to;
    report->message_id = apr_pstrcat(dsn->p, "<", report->boundary, "@",
                                     report->reporting_mta, ">", NULL);
    report->is_8bit = report->ret == SMTP_RET_FULL
                      ? (envelope->flags & STORE_ENVELOPE_HAS_8BIT) != 0
                      : smtp_chars_has_8bit(dsn->header, dsn->header_len);
    if (text) {
        queue_dsn_text_write(dsn->p, text, envelope->id, report);
    }
}

/* --------------------------------------------------------------- sending */

/* RFC 3461 6.1: the null reverse-path; nothing is asked for. */
static apr_status_t mail_send(dsn_t *dsn, const char **id,
                              smtp_reply_t *reply)
{
    APR_OPTIONAL_FN_TYPE(smtp_own_mail_send) *send =
        APR_RETRIEVE_OPTIONAL_FN(smtp_own_mail_send);
    const smtp_report_t *report = &dsn->report;
    smtp_own_mail_t mail = { 0 };
    apr_array_header_t *recipients = apr_array_make(dsn->p, 1,
                                                    sizeof(const char *));

    APR_ARRAY_PUSH(recipients, const char *) = report->to;
    mail.reverse_path = "";
    mail.recipients = recipients;
    mail.params.smtputf8 = report->is_utf8 != 0;
    mail.params.requiretls = (dsn->mail->envelope->flags
                              & STORE_ENVELOPE_REQUIRETLS) != 0;
    mail.params.has_body = 1;
    mail.params.body = report->is_8bit || report->is_utf8
                       ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
    mail.rcpt_params.notify = SMTP_NOTIFY_NEVER;
    mail.compose = compose;
    mail.ctx = dsn;
    *id = NULL;
    return send ? send(dsn->p, dsn->vhost->s, &mail, id, reply)
                : APR_ENOTIMPL;
}

static const char *shown(const dsn_t *dsn)
{
    return smtp_chars_escape(dsn->p, dsn->report.to, strlen(dsn->report.to),
                             256);
}

/* A reverse-path that can never be told is no reason to keep the mail. */
static apr_status_t dsn_send(dsn_t *dsn)
{
    const char *name = smtp_report_action_name(
        APR_ARRAY_IDX(dsn->report.recipients, 0, smtp_report_recipient_t)
        .action);
    smtp_reply_t reply = { 0 };
    const char *id;
    apr_status_t rv = mail_send(dsn, &id, &reply);

    if (rv == STORE_EDAMAGED && dsn->report.ret == SMTP_RET_FULL) {
        dsn->report.ret = SMTP_RET_HDRS;
        rv = mail_send(dsn, &id, &reply);
    }
    if (rv == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, dsn->vhost->s,
                     QUEUE_LOGNO(4350) "%s: DSN \"%s\" about %d of its "
                     "recipients to <%s> is %s", dsn->mail->envelope->id,
                     name, dsn->report.recipients->nelts, shown(dsn), id);
    }
    else if (rv == APR_EGENERAL && reply.code >= 500) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, dsn->vhost->s,
                     QUEUE_LOGNO(4351) "%s: nobody can be told \"%s\": <%s> "
                     "is refused, %d", dsn->mail->envelope->id, name,
                     shown(dsn), reply.code);
        rv = APR_SUCCESS;
    }
    return rv;
}

/* For the administrator: without the mail, and lost when it cannot be sent
 * now, since the one that matters has gone. */
static void copy_send(dsn_t *dsn, const char *to)
{
    smtp_reply_t reply = { 0 };
    const char *id;
    apr_status_t rv;

    dsn->report.ret = SMTP_RET_HDRS;
    dsn->report.boundary = apr_pstrcat(dsn->p, dsn->report.boundary, ".copy",
                                       NULL);
    report_address(dsn, SMTP_REPORT_FAILED, to);
    rv = mail_send(dsn, &id, &reply);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, dsn->vhost->s,
                     QUEUE_LOGNO(4352) "%s: SMTPDSNCopy: the copy for <%s> is "
                     "lost (%d)", dsn->mail->envelope->id, shown(dsn),
                     reply.code);
    }
}

/* Towards a mailing, about one recipient each, as everybody else's DSN would
 * come to it. */
static const char *address_of(const dsn_t *dsn)
{
    const char *reverse_path = dsn->mail->envelope->reverse_path;
    const smtp_report_recipient_t *first =
        &APR_ARRAY_IDX(dsn->report.recipients, 0, smtp_report_recipient_t);

    return dsn->vhost->verp && !dsn->is_forwarded
           ? queue_verp_write(dsn->p, dsn->vhost->verp, reverse_path,
                              first->final_recipient)
           : reverse_path;
}

/* About @a recipients (smtp_report_recipient_t), all with @a action. */
static apr_status_t report_send(dsn_t *dsn, smtp_report_action_e action,
                                const apr_array_header_t *recipients)
{
    const char *copy = dsn->vhost->dsn_copy;
    apr_status_t rv;

    dsn->report.recipients = recipients;
    report_fill(dsn, action);
    rv = header_get(dsn);
    if (rv == APR_SUCCESS) {
        report_address(dsn, action, address_of(dsn));
        rv = dsn_send(dsn);
    }
    if (rv == APR_SUCCESS && copy && action == SMTP_REPORT_FAILED
        && strcmp(copy, dsn->report.to)) {
        copy_send(dsn, copy);
    }
    return rv;
}

/* ------------------------------------------------------------- the call */

/** What is told of one message. */
typedef struct news_t {
    const queue_vhost_t *vhost;
    queue_mail_t *mail;
    const apr_array_header_t *queued; /* store_queued_recipient_t */
    queue_dsn_recipient_t *told;
    int count;
} news_t;

/* Of several mailboxes behind an alias that have the same news, the first
 * stands for all. */
static int is_told_before(const news_t *news, int i)
{
    int recipient = APR_ARRAY_IDX(news->queued, news->told[i].recipient,
                                  store_queued_recipient_t).recipient;
    int j;

    /* They are neighbours, as they are in the envelope. */
    for (j = i - 1; j >= 0; j--) {
        if (APR_ARRAY_IDX(news->queued, news->told[j].recipient,
                          store_queued_recipient_t).recipient != recipient) {
            return 0;
        }
        if (news->told[j].action == news->told[i].action) {
            return 1;
        }
    }
    return 0;
}

static int is_due(const news_t *news, int i, smtp_report_action_e action)
{
    return news->told[i].action == action && !news->told[i].is_told
           && queue_dsn_is_wanted(news->mail->envelope,
                                  &APR_ARRAY_IDX(news->queued,
                                                 news->told[i].recipient,
                                                 store_queued_recipient_t),
                                  action)
           && !is_told_before(news, i);
}

/* The next of them, from *i on, that go into one DSN. */
static apr_array_header_t *recipients_take(apr_pool_t *p, const news_t *news,
                                           smtp_report_action_e action,
                                           int *i)
{
    int max = news->vhost->verp ? 1 : RECIPIENTS_MAX;
    apr_array_header_t *recipients =
        apr_array_make(p, 1, sizeof(smtp_report_recipient_t));

    for (; *i < news->count && recipients->nelts < max; ++*i) {
        const queue_dsn_recipient_t *told = &news->told[*i];
        int recipient = APR_ARRAY_IDX(news->queued, told->recipient,
                                      store_queued_recipient_t).recipient;

        if (is_due(news, *i, action)) {
            recipient_fill(p, &APR_ARRAY_IDX(news->mail->envelope->recipients,
                                             recipient, store_recipient_t),
                           told, apr_array_push(recipients));
        }
    }
    return recipients;
}

/* With SMTPVERP a report is about one recipient, the last that was taken. */
static int is_forwarded(const news_t *news, int i)
{
    return queue_dsn_is_forwarded(news->mail->envelope,
                                  &APR_ARRAY_IDX(news->queued,
                                                 news->told[i].recipient,
                                                 store_queued_recipient_t));
}

/* What was taken is told, or is not to be. */
static void told_set(const news_t *news, smtp_report_action_e action, int from,
                     int to)
{
    for (; from < to; from++) {
        if (news->told[from].action == action) {
            news->told[from].is_told = 1;
        }
    }
}

apr_status_t queue_dsn_send(apr_pool_t *p, const queue_vhost_t *vhost,
                            queue_mail_t *mail,
                            queue_dsn_recipient_t *recipients, int count,
                            int first, int *end)
{
    news_t news = { vhost, mail, NULL, recipients, count };
    const apr_array_header_t *taken;
    apr_status_t rv = APR_SUCCESS;
    smtp_report_action_e action;
    dsn_t dsn = { 0 };

    while (first < count && recipients[first].is_told) {
        first++;
    }
    *end = first;
    if (first == count) {
        return APR_SUCCESS;
    }
    action = recipients[first].action;
    apr_pool_create(&dsn.p, p);
    apr_pool_tag(dsn.p, "smtp_queue_dsn");
    dsn.vhost = vhost;
    dsn.mail = mail;
    news.queued = store_queued_recipients(dsn.p, mail->envelope);
    taken = recipients_take(dsn.p, &news, action, end);
    dsn.is_forwarded = is_forwarded(&news, *end - 1) != 0;
    if (taken->nelts) {
        rv = report_send(&dsn, action, taken);
    }
    if (rv == APR_SUCCESS) {
        told_set(&news, action, first, *end);
    }
    apr_pool_destroy(dsn.p);
    return rv;
}
