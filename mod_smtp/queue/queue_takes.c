/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_takes.h"

#include <string.h>

#include <apr_strings.h>

#include "queue_ask.h"
#include "queue_route.h"

/* An SMTP client waits for it, and a thread. */
#define ASK_TIMEOUT apr_time_from_sec(5)

/** Reply codes for statuses; the first that matches. -1 matches all. */
static const struct {
    int klass, subject, detail;
    int code;
} codes[] = {
    { 5, 1, 10, 556 },           /* RFC 7504 */
    { 5, 2, 2,  552 },
    { 5, 3, 4,  552 },
    { 5, -1, -1, 550 },
    { 4, 2, 2,  452 },
    { 4, 3, 1,  452 },
    { 4, 1, -1, 450 },
    { 4, 2, -1, 450 }
};

static int code_of(smtp_status_t status)
{
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].klass == status.klass
            && (codes[i].subject == -1
                || codes[i].subject == status.subject)
            && (codes[i].detail == -1 || codes[i].detail == status.detail)) {
            return codes[i].code;
        }
    }
    return 451;
}

/* Nobody knows by whose certificate he could be told who fetches mail, as
 * REQUIRETLS wants it (RFC 8689 4.2.1): such mail would wait in vain. */
static int on_demand_judge(const smtp_transaction_t *transaction,
                           smtp_reply_t *reply)
{
    if (!transaction->params.requiretls) {
        return OK;
    }
    *reply = (smtp_reply_t){ 550, { 5, 7, 30 },
                             "Mail to this domain is fetched, which cannot "
                             "be by REQUIRETLS" };
    return SMTP_REFUSE;
}

/* What would be refused in a minute is refused now, while the client still
 * has the mail: no DSN is needed. */
static int relay_judge(const smtp_transaction_t *transaction,
                       const char *forward_path, smtp_reply_t *reply)
{
    const smtp_session_t *session = transaction->session;
    const queue_conf_t *conf = queue_conf_get();
    const queue_route_facts_t facts = {
        queue_conf_vhost_of(conf, session->s),
        transaction->reverse_path->text, forward_path,
        session->login, session->client_ip, NULL, NULL
    };
    queue_found_route_t found;

    queue_route_find(transaction->r->pool, &facts, &found);
    if (found.route->kind == QUEUE_ROUTE_ON_DEMAND) {
        return on_demand_judge(transaction, reply);
    }
    if (found.route->kind != QUEUE_ROUTE_ERROR
        && found.route->kind != QUEUE_ROUTE_LOCAL) {
        return OK;
    }
    *reply = (smtp_reply_t){ code_of(found.route->status),
                             found.route->status, found.route->text };
    return SMTP_REFUSE;
}

static int is_sent_by(const smtp_mailbox_t *mailbox, const char *method)
{
    return mailbox->method != NULL && strcmp(mailbox->method, method) == 0;
}

/** Whether the mailbox is sent to. */
static int is_sent(const smtp_mailbox_t *mailbox)
{
    static const char *const methods[] = {
        "lmtp", "smtp", "on-demand", SMTP_MAILBOX_FORWARD
    };
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (is_sent_by(mailbox, methods[i])) {
            return 1;
        }
    }
    return 0;
}

/* The only one of a recipient. */
static int mailbox_judge(const smtp_transaction_t *transaction,
                         const smtp_mailbox_t *mailbox, smtp_reply_t *reply)
{
    if (is_sent_by(mailbox, SMTP_MAILBOX_FORWARD)) {
        return relay_judge(transaction, mailbox->delivered_to, reply);
    }
    if (is_sent_by(mailbox, "on-demand")) {
        return on_demand_judge(transaction, reply);
    }
    return is_sent(mailbox) ? OK : DECLINED;
}

/* Of an alias with several targets, one that nothing goes to is no reason to
 * refuse it for all: a DSN tells of that one. */
static int mailboxes_judge(const smtp_transaction_t *transaction,
                           const smtp_recipient_t *recipient,
                           smtp_reply_t *reply)
{
    const apr_array_header_t *mailboxes = recipient->mailboxes;
    int i, is_ours = 0;

    if (mailboxes != NULL && mailboxes->nelts == 1) {
        return mailbox_judge(transaction, APR_ARRAY_IDX(mailboxes, 0,
                                                        smtp_mailbox_t *),
                             reply);
    }
    for (i = 0; mailboxes != NULL && i < mailboxes->nelts; i++) {
        is_ours |= is_sent(APR_ARRAY_IDX(mailboxes, i, smtp_mailbox_t *));
    }
    return is_ours ? OK : DECLINED;
}

static int smtp_queue_takes(smtp_transaction_t *transaction,
                            smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    const queue_conf_t *conf = queue_conf_get();

    if (conf == NULL || !conf->is_on || conf->spool == NULL) {
        return DECLINED;
    }
    return recipient->is_relayed
           ? relay_judge(transaction, recipient->forward_path->text, reply)
           : mailboxes_judge(transaction, recipient, reply);
}

static const char *smtp_queue_target_fault(apr_pool_t *p, const char *target)
{
    queue_route_t route;
    const char *fault = queue_route_parse(p, target, &route);

    if (fault == NULL && route.kind != QUEUE_ROUTE_ON_DEMAND
        && route.kind != QUEUE_ROUTE_LMTP
        && route.kind != QUEUE_ROUTE_LMTP_UNIX
        && (route.kind != QUEUE_ROUTE_SMTP || route.is_implicit_tls)) {
        fault = "mailboxes are behind lmtp:unix:PATH, lmtp:HOST:PORT or "
                "smtp:HOST:PORT, or on-demand";
    }
    return fault;
}

static apr_status_t smtp_queue_flush(apr_pool_t *p, const char *domain,
                                     apr_int64_t *count)
{
    const queue_conf_t *conf = queue_conf_get();

    *count = 0;
    if (conf == NULL || !conf->is_on || conf->spool == NULL) {
        return APR_ENOTIMPL;
    }
    return queue_ask_flush(apr_pstrcat(p, conf->spool, "/queue", NULL),
                           domain, ASK_TIMEOUT, count);
}

static apr_status_t smtp_queue_turn(apr_pool_t *p,
                                    const apr_array_header_t *domains,
                                    const char *client, int *fd,
                                    apr_int64_t *count)
{
    const queue_conf_t *conf = queue_conf_get();

    *fd = -1;
    *count = 0;
    if (conf == NULL || !conf->is_on || conf->spool == NULL) {
        return APR_ENOTIMPL;
    }
    return queue_ask_turn(apr_pstrcat(p, conf->spool, "/queue", NULL),
                          domains, client, ASK_TIMEOUT, fd, count);
}

void queue_takes_register(void)
{
    APR_REGISTER_OPTIONAL_FN(smtp_queue_turn);
    APR_REGISTER_OPTIONAL_FN(smtp_queue_flush);
    APR_REGISTER_OPTIONAL_FN(smtp_queue_takes);
    APR_REGISTER_OPTIONAL_FN(smtp_queue_target_fault);
}
