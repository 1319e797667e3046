/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Three counters: "address", failures from a client's net; "login", failures
 * for a login from nets where it has not succeeded lately; "known", successes
 * of a login from a net, which make it known there.
 */
#include "smtpd_auth_limit.h"

#include <string.h>

#include "smtpd_client_net.h"
#include "smtpd_counter.h"
#include "smtpd_delay.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/* How long a login that succeeded from a net is known there: from one to two
 * times this (smtpd_window.h). */
#define KNOWN_INTERVAL apr_time_from_sec(14 * 86400)

/* ------------------------------------------------------------- counters */

static smtpd_counter_t count_address(const smtpd_session_t *ss)
{
    smtpd_counter_t counter = { "address", NULL, 0, 0, NULL };

    counter.who = smtpd_client_net(ss->pub.c->client_addr, &counter.who_len);
    counter.interval = ss->conf->auth.address_failures.interval;
    return counter;
}

static smtpd_counter_t count_login(const smtpd_session_t *ss,
                                   const char *login)
{
    smtpd_counter_t counter = { "login", NULL, 0, 0,
                                ss->pub.s->server_hostname };

    counter.who = smtpd_counter_fold(ss->command_pool, login,
                                     &counter.who_len);
    counter.interval = ss->conf->auth.login_failures.interval;
    return counter;
}

/* The net first, after its length: where the login begins is no matter of the
 * client's. */
static smtpd_counter_t count_known(const smtpd_session_t *ss,
                                   const char *login)
{
    smtpd_counter_t counter = { "known", NULL, 0, KNOWN_INTERVAL,
                                ss->pub.s->server_hostname };
    apr_size_t net_len, login_len;
    const unsigned char *net = smtpd_client_net(ss->pub.c->client_addr,
                                                &net_len);
    const char *folded = smtpd_counter_fold(ss->command_pool, login,
                                            &login_len);
    char *who = apr_palloc(ss->command_pool, 1 + net_len + login_len);

    who[0] = (char)net_len;
    memcpy(who + 1, net, net_len);
    memcpy(who + 1 + net_len, folded, login_len);
    counter.who = who;
    counter.who_len = 1 + net_len + login_len;
    return counter;
}

static apr_uint32_t count_get(const smtpd_session_t *ss,
                              smtpd_counter_t counter)
{
    apr_uint32_t count;

    smtpd_counter_get(ss->pub.s, ss->command_pool, &counter, &count);
    return count;
}

static void count_add(const smtpd_session_t *ss, smtpd_counter_t counter)
{
    apr_uint32_t count;

    smtpd_counter_add(ss->pub.s, ss->command_pool, &counter, 1, &count);
}

/* --------------------------------------------------------------- limits */

static int is_reached(const smtpd_session_t *ss, smtpd_rate_t rate,
                      smtpd_counter_t counter)
{
    return count_get(ss, counter) >= (apr_uint32_t)rate.count;
}

static int has_login(const char *login)
{
    return login != NULL && *login != '\0';
}

static int is_address_over(const smtpd_session_t *ss)
{
    smtpd_rate_t rate = ss->conf->auth.address_failures;

    return rate.count > 0 && is_reached(ss, rate, count_address(ss));
}

static int is_known(const smtpd_session_t *ss, const char *login)
{
    return count_get(ss, count_known(ss, login)) > 0;
}

static int is_login_over(const smtpd_session_t *ss, const char *login)
{
    smtpd_rate_t rate = ss->conf->auth.login_failures;

    return rate.count > 0 && has_login(login)
           && is_reached(ss, rate, count_login(ss, login))
           && !is_known(ss, login);
}

/* After SM1060, with the same first words: conf/ has a filter for fail2ban
 * that reads them. */
static void log_refusal(const smtpd_session_t *ss, const char *login,
                        const char *limit)
{
    ap_log_cerror(APLOG_MARK, APLOG_NOTICE, 0, ss->pub.c, SMTPD_LOGNO(1066)
                  "login refused: client %s, SMTPAuthLimit %s is reached, "
                  "login %s", ss->pub.client_ip, limit,
                  smtpd_log_quote(ss->command_pool, login));
}

/* What a limit refuses is late, too: nobody gains by going on. */
void smtpd_auth_limit_answer(smtpd_session_t *ss, const char *login,
                             smtp_reply_t *reply)
{
    int limit = ss->conf->auth.max_failures;

    ss->auth_failures++;
    if (!smtpd_delay(ss, ss->conf->auth.delay)) {
        log_refusal(ss, login, "delay= of too many clients");
        *reply = (smtp_reply_t){ 421, { 4, 7, 0 },
                                 "Too many failed logins at the moment" };
    }
    else if (limit > 0 && ss->auth_failures >= limit) {
        log_refusal(ss, login, "connection=");
        smtpd_session_reply(ss, reply);
        *reply = (smtp_reply_t){ 421, { 4, 7, 0 },
                                 "Too many authentication failures" };
        if (ss->is_closing) {
            reply->code = 0;      /* SMTPMaxErrors: was said already */
        }
    }
}

int smtpd_auth_limit_allows(smtpd_session_t *ss, const char *login,
                            smtp_reply_t *reply)
{
    if (is_address_over(ss)) {
        log_refusal(ss, login, "address=");
        *reply = (smtp_reply_t){ 421, { 4, 7, 0 }, "Too many authentication "
                                 "failures from your address" };
        return 0;
    }
    if (is_login_over(ss, login)) {
        log_refusal(ss, login, "login=");
        *reply = (smtp_reply_t){ 454, { 4, 7, 0 }, "Too many failures for "
                                 "this login, try later" };
        smtpd_auth_limit_answer(ss, login, reply);
        return 0;
    }
    return 1;
}

void smtpd_auth_limit_count(smtpd_session_t *ss, const char *login)
{
    if (ss->conf->auth.address_failures.count > 0) {
        count_add(ss, count_address(ss));
    }
    /* Where it is known the limit does not hold, and its owner's slips would
     * shut out the owner elsewhere. */
    if (ss->conf->auth.login_failures.count > 0 && has_login(login)
        && !is_known(ss, login)) {
        count_add(ss, count_login(ss, login));
    }
}

void smtpd_auth_limit_succeeded(smtpd_session_t *ss, const char *login)
{
    if (ss->conf->auth.login_failures.count > 0 && has_login(login)) {
        count_add(ss, count_known(ss, login));
    }
}
