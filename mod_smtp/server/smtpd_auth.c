/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_auth.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtpd_auth_limit.h"
#include "smtpd_command.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/* In the order in which EHLO names them: strongest first. */
static const smtpd_auth_mechanism_t mechanisms[] = {
    { SMTP_SASL_EXTERNAL, 4, 1, NULL,
      smtpd_auth_external_is_possible, smtpd_auth_external_step },
    { SMTP_SASL_SCRAM_SHA_256_PLUS, 4, 1, NULL,
      smtpd_auth_scram_plus_is_possible, smtpd_auth_scram_step },
    { SMTP_SASL_SCRAM_SHA_256, 3, 0, NULL, NULL, smtpd_auth_scram_step },
    { SMTP_SASL_OAUTHBEARER, 2, 0, NULL, NULL, smtpd_auth_token_step },
    { SMTP_SASL_XOAUTH2, 2, 0, NULL, NULL, smtpd_auth_token_step },
    { SMTP_SASL_PLAIN, 1, 0, NULL, NULL, smtpd_auth_plain_step },
    { SMTP_SASL_LOGIN, 1, 0, "Username:", NULL, smtpd_auth_login_step }
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const char *name_of(const smtpd_auth_mechanism_t *row)
{
    return smtp_sasl_mechanism_name(row->mechanism);
}

static const smtpd_auth_mechanism_t *
find(smtp_sasl_mechanism_e mechanism)
{
    size_t i;

    for (i = 0; i < MECHANISMS; i++) {
        if (mechanisms[i].mechanism == mechanism) {
            return &mechanisms[i];
        }
    }
    return NULL;
}

int smtpd_auth_is_configured(const smtpd_session_t *ss)
{
    return ss->conf->auth.section != NULL;
}

/* Whether the configuration wants it. */
static int is_on(const smtpd_session_t *ss, const smtpd_auth_mechanism_t *row)
{
    return smtpd_auth_is_configured(ss)
           && (ss->conf->auth.mechanisms & (1u << row->mechanism)) != 0;
}

/* RFC 4954 9: passwords that others can read are not asked for. */
static int is_safe(const smtpd_session_t *ss,
                   const smtpd_auth_mechanism_t *row)
{
    return ss->pub.is_tls
           || (ss->conf->auth.without_tls == 1 && !row->needs_tls);
}

static int is_possible(const smtpd_session_t *ss, apr_pool_t *p,
                       const smtpd_auth_mechanism_t *row)
{
    return !row->is_possible || row->is_possible(ss, p);
}

const char *smtpd_auth_mechanisms(const smtpd_session_t *ss, apr_pool_t *p)
{
    const char *names = NULL;
    size_t i;

    for (i = 0; i < MECHANISMS; i++) {
        const smtpd_auth_mechanism_t *row = &mechanisms[i];

        if (is_on(ss, row) && is_safe(ss, row) && is_possible(ss, p, row)) {
            names = names ? apr_pstrcat(p, names, " ", name_of(row), NULL)
                          : name_of(row);
        }
    }
    return names;
}

/* Whether all that the configuration wants is stronger than @a row. */
static int is_too_weak(const smtpd_session_t *ss,
                       const smtpd_auth_mechanism_t *row)
{
    size_t i;

    for (i = 0; i < MECHANISMS; i++) {
        if (is_on(ss, &mechanisms[i])
            && mechanisms[i].strength <= row->strength) {
            return 0;
        }
    }
    return 1;
}

int smtpd_auth_mechanism_check(const smtpd_session_t *ss,
                               const smtp_sasl_command_t *command,
                               const smtpd_auth_mechanism_t **mechanism,
                               smtp_reply_t *reply)
{
    const smtpd_auth_mechanism_t *row = find(command->mechanism);

    *mechanism = row;
    *reply = (smtp_reply_t){ 504, { 5, 5, 4 },
                             "Authentication mechanism not offered" };
    if (!row) {
        return 0;
    }
    if (!is_on(ss, row)) {
        if (is_too_weak(ss, row)) {
            *reply = (smtp_reply_t){ 534, { 5, 7, 9 },
                                     "Authentication mechanism is too weak" };
        }
        return 0;
    }
    if (!is_safe(ss, row)) {
        *reply = (smtp_reply_t){ 538, { 5, 7, 11 }, "Encryption required for "
                                 "the requested authentication mechanism" };
        return 0;
    }
    return is_possible(ss, ss->command_pool, row);
}

smtpd_auth_outcome_e smtpd_auth_ask(smtpd_auth_t *auth, const char *octets,
                                    apr_size_t len)
{
    auth->challenge = octets;
    auth->challenge_len = len;
    return SMTPD_AUTH_CHALLENGE;
}

static const char *login_quote(const smtpd_auth_t *auth)
{
    return smtpd_log_quote(auth->pool, auth->login);
}

/* The one place where a login is refused: logged and counted at once, for who
 * is not content may go away before the reply. conf/ has a filter of fail2ban
 * that reads this line: its form is fixed. */
smtpd_auth_outcome_e smtpd_auth_refuse(smtpd_auth_t *auth,
                                       const char *reason)
{
    const smtpd_session_t *ss = auth->ss;

    auth->reason = reason;
    ap_log_cerror(APLOG_MARK, APLOG_NOTICE, 0, ss->pub.c, SMTPD_LOGNO(1060)
                  "login failed: client %s, mechanism %s, login %s, reason %s",
                  ss->pub.client_ip, name_of(auth->mechanism),
                  login_quote(auth), reason);
    smtpd_auth_limit_count(auth->ss, auth->login);
    return SMTPD_AUTH_REFUSED;
}

static int has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7F) {
            return 1;
        }
    }
    return 0;
}

int smtpd_auth_login_set(smtpd_auth_t *auth, const char *login)
{
    apr_size_t len = strlen(login);

    if (len == 0 || len > SMTPD_AUTH_LOGIN_MAX_OCTETS
        || !smtp_chars_is_utf8(login, len) || has_control(login)) {
        return 0;
    }
    auth->login = apr_pstrmemdup(auth->pool, login, len);
    return 1;
}

/* The one place where a login is known and not proven yet. */
int smtpd_auth_claim(smtpd_auth_t *auth, const char *login,
                     smtpd_auth_outcome_e *outcome)
{
    if (login && !smtpd_auth_login_set(auth, login)) {
        *outcome = smtpd_auth_refuse(auth, "octets that no login has");
        return 0;
    }
    if (!smtpd_auth_limit_allows(auth->ss, auth->login, &auth->reply)) {
        *outcome = SMTPD_AUTH_STOPPED;
        return 0;
    }
    return 1;
}

void smtpd_auth_abort(smtpd_session_t *ss)
{
    smtpd_auth_t *auth = ss->auth;

    if (auth) {
        ss->auth = NULL;
        ss->input = SMTPD_INPUT_COMMAND;
        apr_pool_destroy(auth->pool);
    }
}

/* The one place where an exchange succeeds. */
static void pass(smtpd_session_t *ss, smtp_reply_t *reply)
{
    smtpd_auth_t *auth = ss->auth;

    ss->pub.login = apr_pstrdup(ss->pub.c->pool, auth->login);
    ss->pub.auth_mechanism = name_of(auth->mechanism);
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1061)
                  "login: client %s, mechanism %s, login %s",
                  ss->pub.client_ip, ss->pub.auth_mechanism,
                  login_quote(auth));
    smtpd_auth_limit_succeeded(ss, auth->login);
    *reply = (smtp_reply_t){ 235, { 2, 7, 0 }, "Authentication successful" };
    smtpd_auth_abort(ss);
}

static void refuse(smtpd_session_t *ss, smtp_reply_t *reply)
{
    *reply = (smtp_reply_t){ 535, { 5, 7, 8 },
                             "Authentication credentials invalid" };
    smtpd_auth_limit_answer(ss, ss->auth->login, reply);
    smtpd_auth_abort(ss);
}

static void give_up(smtpd_session_t *ss, smtp_reply_t *reply)
{
    const smtpd_auth_t *auth = ss->auth;

    ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, ss->pub.c, SMTPD_LOGNO(1062)
                  "<SMTPAuth>: mechanism %s, login %s could not be judged; "
                  "lines before this one say why", name_of(auth->mechanism),
                  login_quote(auth));
    *reply = (smtp_reply_t){ 454, { 4, 7, 0 },
                             "Temporary authentication failure" };
    /* Late, and not without end: each is a line at level error. */
    smtpd_auth_limit_answer(ss, auth->login, reply);
    smtpd_auth_abort(ss);
}

static void refuse_malformed(smtpd_session_t *ss, smtp_reply_t *reply)
{
    *reply = (smtp_reply_t){ 501, { 5, 5, 2 },
                             "Malformed authentication message" };
    smtpd_auth_abort(ss);
}

static void stop(smtpd_session_t *ss, smtp_reply_t *reply)
{
    *reply = ss->auth->reply;
    smtpd_auth_abort(ss);
}

static void challenge(smtpd_session_t *ss, smtp_reply_t *reply)
{
    const smtpd_auth_t *auth = ss->auth;

    *reply = (smtp_reply_t){ 334, { 0, 0, 0 },
                             smtp_sasl_base64_write(ss->command_pool,
                                                    auth->challenge,
                                                    auth->challenge_len) };
}

/* Limits again, for what follows a name may come much later: else many could
 * give theirs before the first of them fails. */
static int is_still_allowed(smtpd_auth_t *auth)
{
    return auth->step == 0 || !auth->login || auth->reason
           || smtpd_auth_limit_allows(auth->ss, auth->login, &auth->reply);
}

/* Takes a message in base64. */
static void take(smtpd_session_t *ss, const char *text, apr_size_t text_len,
                 smtp_reply_t *reply)
{
    static void (*const conclude[])(smtpd_session_t *, smtp_reply_t *) = {
        [SMTPD_AUTH_CHALLENGE] = challenge,
        [SMTPD_AUTH_PASSED] = pass,
        [SMTPD_AUTH_REFUSED] = refuse,
        [SMTPD_AUTH_UNAVAILABLE] = give_up,
        [SMTPD_AUTH_MALFORMED] = refuse_malformed,
        [SMTPD_AUTH_STOPPED] = stop
    };
    smtpd_auth_t *auth = ss->auth;
    smtpd_auth_outcome_e outcome = SMTPD_AUTH_MALFORMED;
    const char *message;
    apr_size_t len;

    if (smtp_sasl_base64_parse(auth->pool, text, text_len, &message, &len)
        == APR_SUCCESS) {
        outcome = is_still_allowed(auth)
                  ? auth->mechanism->step(auth, message, len)
                  : SMTPD_AUTH_STOPPED;
        auth->step++;
        explicit_bzero((char *)message, len);
    }
    conclude[outcome](ss, reply);
}

/* The one place where an exchange begins. */
void smtpd_auth_begin(smtpd_session_t *ss,
                      const smtpd_auth_mechanism_t *mechanism,
                      const smtp_sasl_command_t *command,
                      smtp_reply_t *reply)
{
    const char *prompt = mechanism->prompt ? mechanism->prompt : "";
    apr_pool_t *pool;

    apr_pool_create(&pool, ss->pub.c->pool);
    apr_pool_tag(pool, "smtp_auth");
    ss->auth = apr_pcalloc(pool, sizeof(*ss->auth));
    ss->auth->ss = ss;
    ss->auth->pool = pool;
    ss->auth->mechanism = mechanism;
    ss->input = SMTPD_INPUT_AUTH;
    if (command->has_initial) {
        take(ss, command->initial, command->initial_len, reply);
    }
    else {
        smtpd_auth_ask(ss->auth, prompt, strlen(prompt));
        challenge(ss, reply);
    }
}

static int is_cancel(const char *line, apr_size_t len)
{
    return len == 1 && *line == '*';
}

/* What is wrong with the line itself, or that it ends the exchange. */
static int ends(const char *line, apr_size_t len, unsigned int faults,
                smtp_reply_t *reply)
{
    if (faults & SMTP_LINE_TOO_LONG) {
        *reply = (smtp_reply_t){ 500, { 5, 5, 6 },
                                 "Authentication exchange line is too long" };
    }
    else if (faults) {
        *reply = (smtp_reply_t){ 501, { 5, 5, 2 }, "NUL, CR or LF in a line "
                                                   "of base64" };
    }
    else if (is_cancel(line, len)) {
        *reply = (smtp_reply_t){ 501, { 5, 7, 0 },
                                 "Authentication cancelled" };
    }
    return reply->code != 0;
}

void smtpd_auth_push_line(smtpd_session_t *ss, const char *line,
                          apr_size_t len, unsigned int faults)
{
    smtp_reply_t reply = { 0 };

    /* The client has to wait for each challenge, and for the last reply. */
    if (smtpd_session_has_input(ss)) {
        smtpd_auth_abort(ss);
        smtpd_command_refuse_out_of_step(ss);
    }
    else if (ss->auth->reason && is_cancel(line, len)) {
        /* It was refused already, by a challenge that said so (RFC 7628
         * 3.2.3): nobody gets around that. */
        refuse(ss, &reply);
    }
    else if (ends(line, len, faults, &reply)) {
        smtpd_auth_abort(ss);
    }
    else {
        take(ss, line, len, &reply);
    }
    if (reply.code) {
        smtpd_session_reply(ss, &reply);
    }
}

apr_size_t smtpd_auth_line_max(const smtpd_session_t *ss)
{
    apr_size_t max = (apr_size_t)ss->conf->max_command_octets;
    int may_begin = (ss->pub.extensions & SMTP_EXTENSION_AUTH)
                    && !ss->pub.login;

    return (ss->auth || may_begin) && max < SMTP_SASL_LINE_MAX_OCTETS
           ? SMTP_SASL_LINE_MAX_OCTETS : max;
}
