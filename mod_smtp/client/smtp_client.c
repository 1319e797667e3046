/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_client_private.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_client_need.h"
#include "smtp_domain.h"

/* Phases. */

static void ready_reply(smtp_client_t *client, const smtp_reply_t *reply);
static void quit_reply(smtp_client_t *client, const smtp_reply_t *reply);

static const struct phase_t {
    smtp_stage_e stage;          /**< what is waited for; NONE: see stage() */
    smtp_client_state_e state;
    /** Whether replies may come while output is unwritten: groups. */
    int is_group;
    void (*reply)(smtp_client_t *client, const smtp_reply_t *reply);
    void (*fill)(smtp_client_t *client);
} phases[SMTP_PHASE_COUNT] = {
    { SMTP_STAGE_GREETING, SMTP_CLIENT_BUSY, 0,
      smtp_client_greeting_reply, NULL },
    { SMTP_STAGE_EHLO, SMTP_CLIENT_BUSY, 0, smtp_client_ehlo_reply, NULL },
    { SMTP_STAGE_HELO, SMTP_CLIENT_BUSY, 0, smtp_client_helo_reply, NULL },
    { SMTP_STAGE_STARTTLS, SMTP_CLIENT_BUSY, 0,
      smtp_client_starttls_reply, NULL },
    { SMTP_STAGE_TLS, SMTP_CLIENT_TLS, 0, NULL, NULL },
    { SMTP_STAGE_AUTH, SMTP_CLIENT_BUSY, 0, smtp_client_auth_reply, NULL },
    { SMTP_STAGE_NONE, SMTP_CLIENT_READY, 1, ready_reply, NULL },
    { SMTP_STAGE_NONE, SMTP_CLIENT_BUSY, 1,
      smtp_client_envelope_reply, smtp_client_envelope_fill },
    { SMTP_STAGE_BLOCK, SMTP_CLIENT_BUSY, 1,
      smtp_client_content_reply, smtp_client_content_fill },
    { SMTP_STAGE_END, SMTP_CLIENT_BUSY, 0, smtp_client_end_reply, NULL },
    { SMTP_STAGE_QUIT, SMTP_CLIENT_BUSY, 1, quit_reply, NULL },
    { SMTP_STAGE_NONE, SMTP_CLIENT_CLOSED, 0, NULL, NULL }
};

/** RFC 5321 4.5.3.2; those that it does not name are as MAIL's. A peer that
 *  does not answer QUIT keeps nothing but our socket. */
static const int default_timeout_sec[SMTP_STAGE_COUNT] = {
    300,                         /* none */
    300,                         /* connect */
    300,                         /* greeting: 4.5.3.2.1 */
    300, 300,                    /* EHLO, HELO */
    300, 300, 300,               /* STARTTLS, TLS, AUTH */
    300,                         /* need */
    300,                         /* RSET */
    300,                         /* MAIL: 4.5.3.2.2 */
    300,                         /* RCPT: 4.5.3.2.3 */
    120,                         /* DATA: 4.5.3.2.4 */
    180,                         /* block: 4.5.3.2.5 */
    600,                         /* end-of-data: 4.5.3.2.6 */
    30                           /* QUIT */
};

smtp_stage_e smtp_client_stage(const smtp_client_t *client)
{
    return client->phase == SMTP_PHASE_ENVELOPE ? client->to_answer.stage
                                                : phases[client->phase].stage;
}

smtp_client_state_e smtp_client_state(const smtp_client_t *client)
{
    return phases[client->phase].state;
}

/** A new wait begins. */
static void deadline_set(smtp_client_t *client)
{
    smtp_stage_e stage = smtp_client_stage(client);
    apr_interval_time_t timeout = client->conf->timeout[stage];

    if (timeout <= 0) {
        timeout = apr_time_from_sec(default_timeout_sec[stage]);
    }
    client->deadline = client->now + timeout;
}

apr_time_t smtp_client_deadline(const smtp_client_t *client)
{
    return smtp_client_state(client) == SMTP_CLIENT_BUSY ? client->deadline
                                                         : 0;
}

void smtp_client_phase_set(smtp_client_t *client, smtp_phase_e phase)
{
    client->phase = phase;
    if (phase == SMTP_PHASE_CLOSED) {
        client->out_from = client->out_len = 0;
    }
    deadline_set(client);
}

/* Output. */

apr_size_t smtp_client_room(const smtp_client_t *client)
{
    return SMTP_CLIENT_BUFFER_OCTETS - client->out_len;
}

apr_status_t smtp_client_put(void *ctx, const char *octets, apr_size_t len)
{
    smtp_client_t *client = ctx;

    if (len > smtp_client_room(client)) {
        return APR_ENOSPC;
    }
    memcpy(client->out + client->out_len, octets, len);
    client->out_len += len;
    return APR_SUCCESS;
}

void smtp_client_command_put(smtp_client_t *client, const char *line)
{
    smtp_client_put(client, line, strlen(line));
    smtp_client_put(client, "\r\n", 2);
}

apr_size_t smtp_client_output(smtp_client_t *client, apr_time_t now,
                              const char **octets)
{
    client->now = now;
    if (phases[client->phase].fill) {
        phases[client->phase].fill(client);
    }
    *octets = client->out + client->out_from;
    return client->out_len - client->out_from;
}

void smtp_client_written(smtp_client_t *client, apr_size_t len,
                         apr_time_t now)
{
    client->now = now;
    if (len == 0 || len > client->out_len - client->out_from) {
        return;
    }
    client->out_from += len;
    if (client->out_from < client->out_len) {
        return;
    }
    client->out_from = client->out_len = 0;
    if (client->phase == SMTP_PHASE_CONTENT && client->is_content_over
        && client->unanswered == 1) {
        smtp_client_phase_set(client, SMTP_PHASE_END);
    }
    else {
        deadline_set(client);
    }
}

/* Input. */

static void parser_begin(smtp_client_t *client)
{
    apr_pool_clear(client->reply_pool);
    smtp_reply_parser_init(&client->parser, client->reply_pool,
                           SMTP_CLIENT_REPLY_MAX_OCTETS);
}

/** A reply where only commands that were written can be answered. */
static int is_early(const smtp_client_t *client)
{
    return !phases[client->phase].is_group
           && client->out_from < client->out_len;
}

static void reply_take(smtp_client_t *client, const smtp_reply_t *reply)
{
    if (is_early(client)) {
        smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, NULL);
        return;
    }
    deadline_set(client);
    phases[client->phase].reply(client, reply);
    if (client->phase == SMTP_PHASE_ENVELOPE) {
        deadline_set(client);    /* the next of the group */
    }
}

void smtp_client_input(smtp_client_t *client, const char *octets,
                       apr_size_t len, apr_time_t now)
{
    client->now = now;
    while (len > 0 && client->phase != SMTP_PHASE_CLOSED) {
        smtp_reply_status_e status;
        smtp_reply_t reply;
        apr_size_t consumed;

        if (client->phase == SMTP_PHASE_TLS) {
            /* CVE-2011-0411: these would be read as if under TLS. */
            smtp_client_lost(client, SMTP_LOSS_INJECTED, NULL);
            return;
        }
        status = smtp_reply_push(&client->parser, octets, len, &consumed,
                                 &reply);
        octets += consumed;
        len -= consumed;
        if (status == SMTP_REPLY_DONE) {
            reply_take(client, &reply);
            parser_begin(client);
        }
        else if (status != SMTP_REPLY_MORE) {
            smtp_client_lost(client, SMTP_LOSS_MALFORMED, NULL);
        }
    }
}

/* The end of messages and sessions. */

/** Whether a kept connection ends before the peer has answered anything of
 *  this message: that is about the connection, a new one will do. */
static int is_stale(const smtp_client_t *client)
{
    return client->message != NULL && client->message_count > 1
           && !client->has_answer;
}

void smtp_client_settle(smtp_client_t *client, const smtp_outcome_t *outcome)
{
    smtp_client_message_t *message = client->message;
    smtp_outcome_t copy = *outcome;
    apr_size_t i;

    if (message == NULL) {
        return;
    }
    copy.text = apr_pstrdup(message->pool, outcome->text);
    for (i = 0; i < message->rcpt_count; i++) {
        if (message->rcpts[i].outcome.result == SMTP_OUTCOME_PENDING) {
            message->rcpts[i].outcome = copy;
        }
    }
}

void smtp_client_fail(smtp_client_t *client, const smtp_outcome_t *outcome,
                      int say_quit)
{
    smtp_client_settle(client, outcome);
    client->message = NULL;
    if (!client->has_failed) {
        client->failure = *outcome;
        client->failure.text = apr_pstrdup(client->pool, outcome->text);
        client->failure.may_be_duplicate = client->failure.retry_now = 0;
        client->has_failed = 1;
    }
    if (!say_quit) {
        smtp_client_phase_set(client, SMTP_PHASE_CLOSED);
        return;
    }
    smtp_client_phase_set(client, SMTP_PHASE_QUIT);
    smtp_client_command_put(client, "QUIT");
}

void smtp_client_fail_reply(smtp_client_t *client, smtp_stage_e stage,
                            const smtp_reply_t *reply, smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    smtp_outcome_of_reply(client->reply_pool, stage, reply, verdict,
                          SMTP_OUTCOME_DEFERRED, &outcome);
    /* Without a kept connection there is no RSET. */
    outcome.retry_now = stage == SMTP_STAGE_RSET;
    /* Amid a group DATA may be on its way: QUIT would be mail data. */
    smtp_client_fail(client, &outcome, client->unanswered == 0);
}

int smtp_client_is_over(smtp_client_t *client, smtp_stage_e stage,
                        const smtp_reply_t *reply, smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    if (verdict == SMTP_VERDICT_BROKEN) {
        smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, reply->text);
        return 1;
    }
    if (verdict == SMTP_VERDICT_CLOSING) {
        smtp_outcome_of_reply(client->reply_pool, stage, reply, verdict,
                              SMTP_OUTCOME_DEFERRED, &outcome);
        outcome.retry_now = is_stale(client);
        smtp_client_fail(client, &outcome, 0);
        return 1;
    }
    return 0;
}

void smtp_client_lost(smtp_client_t *client, smtp_loss_e loss,
                      const char *detail)
{
    smtp_outcome_t outcome;

    if (client->phase == SMTP_PHASE_CLOSED) {
        return;
    }
    if (client->phase == SMTP_PHASE_QUIT) {
        smtp_client_phase_set(client, SMTP_PHASE_CLOSED);
        return;
    }
    smtp_outcome_of_loss(client->reply_pool, smtp_client_stage(client), loss,
                         detail, &outcome);
    outcome.retry_now = loss == SMTP_LOSS_CLOSED && is_stale(client);
    smtp_client_fail(client, &outcome, 0);
}

void smtp_client_message_end(smtp_client_t *client)
{
    client->message = NULL;
    /* All is answered, not all is written: whatever it was that answered. */
    if (client->out_from < client->out_len) {
        smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, NULL);
        return;
    }
    smtp_client_phase_set(client, SMTP_PHASE_READY);
}

/** Nothing was asked: the peer says 421, or talks out of turn. */
static void ready_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = reply->code == 421 ? SMTP_VERDICT_CLOSING
                                                : SMTP_VERDICT_BROKEN;

    smtp_client_is_over(client, SMTP_STAGE_NONE, reply, verdict);
}

static void quit_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    (void)reply;
    smtp_client_phase_set(client, SMTP_PHASE_CLOSED);
}

void smtp_client_quit(smtp_client_t *client, apr_time_t now)
{
    client->now = now;
    if (client->phase == SMTP_PHASE_READY) {
        smtp_client_phase_set(client, SMTP_PHASE_QUIT);
        smtp_client_command_put(client, "QUIT");
    }
}

/* Beginnings. */

apr_status_t smtp_client_create(apr_pool_t *p, const smtp_client_conf_t *conf,
                                apr_time_t now, smtp_client_t **client_out)
{
    smtp_client_t *client;

    *client_out = NULL;
    /* Not UTF-8: the peer has not offered SMTPUTF8 yet (RFC 6531 3.7.1). */
    if (conf->helo == NULL
        || smtp_domain_parse_helo(conf->helo, strlen(conf->helo),
                                  SMTP_DOMAIN_ALLOW_LITERAL)
           == SMTP_DOMAIN_INVALID
        || (conf->auth.login != NULL && conf->auth.password == NULL)) {
        return APR_EINVAL;
    }
    client = apr_pcalloc(p, sizeof(*client));
    client->pool = p;
    client->conf = conf;
    client->now = now;
    client->out = apr_palloc(p, SMTP_CLIENT_BUFFER_OCTETS);
    apr_pool_create(&client->reply_pool, p);
    apr_pool_create(&client->offer_pool, p);
    parser_begin(client);
    smtp_client_phase_set(client, SMTP_PHASE_GREETING);
    *client_out = client;
    return APR_SUCCESS;
}

static void tls_keep(smtp_client_t *client, const smtp_client_tls_t *tls)
{
    client->is_tls = 1;
    client->tls = *tls;
    if (tls->binding_type != NULL) {
        client->tls.binding_type = apr_pstrdup(client->pool,
                                               tls->binding_type);
        client->tls.binding = apr_pmemdup(client->pool, tls->binding,
                                          tls->binding_len);
    }
}

void smtp_client_tls_done(smtp_client_t *client, const smtp_client_tls_t *tls,
                          apr_time_t now)
{
    client->now = now;
    if (client->phase == SMTP_PHASE_GREETING && !client->is_tls
        && client->parser.seen_octets == 0) {
        tls_keep(client, tls);
        deadline_set(client);
    }
    else if (client->phase == SMTP_PHASE_TLS) {
        tls_keep(client, tls);
        parser_begin(client);
        smtp_client_ehlo_begin(client);
    }
}

/** Whether a message can begin; if not all its recipients know why. */
static int can_begin(smtp_client_t *client, smtp_client_message_t *message)
{
    const smtp_client_peer_t peer = {
        &client->offer, client->is_tls, client->tls.is_verified,
        client->conf->send_8bit
    };
    smtp_outcome_t outcome;
    apr_size_t i;

    if (client->phase == SMTP_PHASE_READY && smtp_client_has_room(client)) {
        return smtp_client_need_check(message, &peer) > 0;
    }
    smtp_outcome_of_status(SMTP_STAGE_NEED, (smtp_status_t){ 4, 5, 3 },
                           "the connection takes no more messages", &outcome);
    outcome.retry_now = 1;
    for (i = 0; i < message->rcpt_count; i++) {
        message->rcpts[i].outcome = outcome;
    }
    return 0;
}

void smtp_client_begin(smtp_client_t *client, smtp_client_message_t *message,
                       apr_time_t now)
{
    client->now = now;
    if (!can_begin(client, message)) {
        return;
    }
    client->message = message;
    client->has_answer = 0;
    /* What came while nobody had asked would be taken for an answer. */
    if (client->parser.seen_octets > 0) {
        smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, NULL);
        return;
    }
    smtp_client_envelope_begin(client);
}

/* What is known of the session. */

int smtp_client_can(const smtp_client_t *client,
                    smtp_extension_set_t extension)
{
    return (client->offer.set & extension) != 0;
}

/** RFC 9422 4.1: MAILMAX counts MAIL commands, refused ones too. */
int smtp_client_has_room(const smtp_client_t *client)
{
    unsigned int max = smtp_client_can(client, SMTP_EXTENSION_LIMITS)
                       ? client->offer.limits.mailmax : 0;

    return max == 0 || client->message_count < max;
}

const smtp_outcome_t *smtp_client_failure(const smtp_client_t *client)
{
    return client->has_failed ? &client->failure : NULL;
}

const smtp_extension_offer_t *smtp_client_offer(const smtp_client_t *client)
{
    return &client->offer;
}

apr_size_t smtp_client_message_count(const smtp_client_t *client)
{
    return client->message_count;
}

int smtp_client_is_tls(const smtp_client_t *client)
{
    return client->is_tls;
}

int smtp_client_is_authenticated(const smtp_client_t *client)
{
    return client->is_authenticated;
}
