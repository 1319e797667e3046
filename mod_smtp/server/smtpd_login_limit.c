/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_login_limit.h"

#include "smtpd_counter.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

static smtpd_counter_t count_of(const smtpd_transaction_t *tx,
                                const char *kind, smtpd_rate_t rate)
{
    smtpd_counter_t counter = { kind, NULL, 0, rate.interval,
                                tx->pub.session->s->server_hostname };

    counter.who = smtpd_counter_fold(tx->pub.r->pool, tx->pub.session->login,
                                     &counter.who_len);
    return counter;
}

/* @return 1 when one more is within the limit; *counted tells whether it was
 *         counted */
static int take(smtpd_transaction_t *tx, const char *kind, smtpd_rate_t rate,
                unsigned int *counted)
{
    apr_status_t rv;
    smtpd_counter_t counter;

    if (rate.count <= 0 || tx->pub.session->login == NULL) {
        return 1;
    }
    counter = count_of(tx, kind, rate);
    rv = smtpd_counter_take(tx->pub.session->s, tx->pub.r->pool, &counter,
                            (apr_uint32_t)rate.count);
    *counted += rv == APR_SUCCESS;
    return rv != APR_EGENERAL;
}

static void take_back(smtpd_transaction_t *tx, const char *kind,
                      smtpd_rate_t rate, unsigned int amount)
{
    apr_uint32_t count;

    if (amount > 0) {
        smtpd_counter_t counter = count_of(tx, kind, rate);

        smtpd_counter_add(tx->pub.session->s, tx->pub.r->pool, &counter,
                          -(int)amount, &count);
    }
}

static void refuse(const smtpd_transaction_t *tx, const char *what,
                   smtpd_rate_t rate, smtp_reply_t *reply)
{
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, tx->pub.r, SMTPD_LOGNO(1067)
                  "mail refused: client %s, login %s: SMTPLoginLimit %s=%d/%"
                  APR_TIME_T_FMT "s is reached", tx->pub.session->client_ip,
                  smtpd_log_quote(tx->pub.r->pool, tx->pub.session->login),
                  what, rate.count, apr_time_sec(rate.interval));
    *reply = (smtp_reply_t){ 450, { 4, 7, 1 }, "Too much mail from this "
                             "login, try later" };
}

static smtpd_rate_t messages_of(const smtpd_transaction_t *tx)
{
    return smtpd_conf_get(tx->pub.session->s)->submission.login_messages;
}

static smtpd_rate_t recipients_of(const smtpd_transaction_t *tx)
{
    return smtpd_conf_get(tx->pub.session->s)->submission.login_recipients;
}

int smtpd_login_limit_message(smtpd_transaction_t *tx, smtp_reply_t *reply)
{
    smtpd_rate_t rate = messages_of(tx);

    if (take(tx, "messages", rate, &tx->counted_messages)) {
        return 1;
    }
    refuse(tx, "messages", rate, reply);
    return 0;
}

int smtpd_login_limit_recipient(smtpd_transaction_t *tx, smtp_reply_t *reply)
{
    smtpd_rate_t rate = recipients_of(tx);

    tx->counted_last = 0;
    if (take(tx, "recipients", rate, &tx->counted_last)) {
        tx->counted_recipients += tx->counted_last;
        return 1;
    }
    refuse(tx, "recipients", rate, reply);
    return 0;
}

void smtpd_login_limit_recipient_refused(smtpd_transaction_t *tx)
{
    take_back(tx, "recipients", recipients_of(tx), tx->counted_last);
    tx->counted_recipients -= tx->counted_last;
    tx->counted_last = 0;
}

void smtpd_login_limit_refused(smtpd_transaction_t *tx)
{
    take_back(tx, "messages", messages_of(tx), tx->counted_messages);
    take_back(tx, "recipients", recipients_of(tx), tx->counted_recipients);
    tx->counted_messages = tx->counted_recipients = 0;
}
