/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The group of commands before the mail data: RSET if the last transaction
 * was left half-way, MAIL, each RCPT, DATA. With PIPELINING all of it goes out
 * at once and every reply is read (RFC 2920 3.1), without it one by one. */
#include "smtp_client_private.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_client_need.h"

/** A command line takes no more: path 256, ENVID 100, ORCPT 500, AUTH= 500
 *  and what goes with them (RFC 5321 4.5.3.1.4, RFC 3461 4, RFC 4954 5), with
 *  xtext at three octets each. */
#define COMMAND_ROOM_OCTETS 4096

/* Steps. */

/** Whether RCPT is said for it. */
static int is_in(const smtp_client_rcpt_t *rcpt)
{
    return rcpt->outcome.stage != SMTP_STAGE_NEED;
}

static smtp_client_step_t rcpt_step(const smtp_client_message_t *message,
                                    apr_size_t rcpt)
{
    smtp_client_step_t step = { SMTP_STAGE_RCPT, rcpt };

    while (step.rcpt < message->rcpt_count
           && !is_in(&message->rcpts[step.rcpt])) {
        step.rcpt++;
    }
    if (step.rcpt == message->rcpt_count) {
        step.stage = SMTP_STAGE_DATA;
    }
    return step;
}

/** The step after @a step. */
static smtp_client_step_t step_next(const smtp_client_message_t *message,
                                    smtp_client_step_t step)
{
    switch (step.stage) {
    case SMTP_STAGE_RSET:
        step.stage = SMTP_STAGE_MAIL;
        return step;
    case SMTP_STAGE_MAIL:
        return rcpt_step(message, 0);
    case SMTP_STAGE_RCPT:
        return rcpt_step(message, step.rcpt + 1);
    default:
        step.stage = SMTP_STAGE_NONE;
        return step;
    }
}

int smtp_client_rcpt_is_accepted(const smtp_client_rcpt_t *rcpt)
{
    return rcpt->outcome.result == SMTP_OUTCOME_PENDING
           && rcpt->outcome.stage == SMTP_STAGE_DATA;
}

/* Sending. */

/** Whether DATA may be said. Without an answer yet it may be said in hope
 *  (RFC 2920 3.1); never when all were refused (RFC 5321 3.3). LMTP would
 *  have no reply to the end of such data (RFC 2033 4.2), so it waits. */
static int may_say_data(const smtp_client_t *client)
{
    if (client->is_chunked || client->is_mail_refused) {
        return 0;
    }
    return client->accepted > 0
           || (client->unanswered > 0 && !client->conf->lmtp);
}

/** Whether the next command may go out now. */
static int may_send(const smtp_client_t *client)
{
    if (client->to_send.stage == SMTP_STAGE_NONE
        || client->phase != SMTP_PHASE_ENVELOPE
        || smtp_client_room(client) < COMMAND_ROOM_OCTETS
        || client->is_mail_refused) {
        return 0;
    }
    if (client->unanswered > 0
        && !smtp_client_can(client, SMTP_EXTENSION_PIPELINING)) {
        return 0;
    }
    return client->to_send.stage != SMTP_STAGE_DATA || may_say_data(client);
}

/** What may be said to this peer: AUTH= is for those who know us (RFC 4954
 *  5). */
static smtp_extension_set_t mail_extensions(const smtp_client_t *client)
{
    smtp_extension_set_t set = client->offer.set;

    return client->is_authenticated ? set : set & ~SMTP_EXTENSION_AUTH;
}

static void mail_put(smtp_client_t *client)
{
    smtp_client_message_t *message = client->message;
    smtp_mail_params_t params = message->params;

    params.has_size = message->size_octets > 0;
    params.size_octets = message->size_octets;
    params.smtputf8 = smtp_client_need_utf8(message);
    if (message->has_8bit && params.body == SMTP_BODY_7BIT) {
        params.body = SMTP_BODY_8BITMIME;
        params.has_body = 1;
    }
    client->message_count++;
    smtp_client_command_put(
        client, apr_pstrcat(message->pool, "MAIL FROM:<",
                            message->reverse_path, ">",
                            smtp_params_write_mail(message->pool, &params,
                                                   mail_extensions(client)),
                            NULL));
}

static void rcpt_put(smtp_client_t *client, const smtp_client_rcpt_t *rcpt)
{
    apr_pool_t *p = client->message->pool;

    smtp_client_command_put(
        client, apr_pstrcat(p, "RCPT TO:<", rcpt->address, ">",
                            smtp_params_write_rcpt(p, &rcpt->params,
                                                   client->offer.set), NULL));
}

static void step_put(smtp_client_t *client)
{
    switch (client->to_send.stage) {
    case SMTP_STAGE_RSET:
        smtp_client_command_put(client, "RSET");
        break;
    case SMTP_STAGE_MAIL:
        mail_put(client);
        break;
    case SMTP_STAGE_RCPT:
        rcpt_put(client, &client->message->rcpts[client->to_send.rcpt]);
        break;
    default:
        smtp_client_command_put(client, "DATA");
        break;
    }
}

void smtp_client_envelope_fill(smtp_client_t *client)
{
    while (may_send(client)) {
        step_put(client);
        client->unanswered++;
        client->to_send = step_next(client->message, client->to_send);
    }
}

void smtp_client_envelope_begin(smtp_client_t *client)
{
    const smtp_client_step_t first = {
        client->needs_rset ? SMTP_STAGE_RSET : SMTP_STAGE_MAIL, 0
    };

    client->to_send = client->to_answer = first;
    client->unanswered = 0;
    client->accepted = 0;
    client->answered_rcpt = 0;
    client->is_mail_refused = 0;
    client->is_content_over = 0;
    client->is_chunk_refused = 0;
    client->is_chunked = smtp_client_can(client, SMTP_EXTENSION_CHUNKING)
        && (client->conf->chunking
            || client->message->params.body == SMTP_BODY_BINARYMIME);
    client->needs_rset = 1;
    smtp_client_phase_set(client, SMTP_PHASE_ENVELOPE);
}

/* Replies. */

static void rset_reply(smtp_client_t *client, const smtp_reply_t *reply,
                       smtp_verdict_e verdict)
{
    if (verdict != SMTP_VERDICT_ACCEPTED) {
        smtp_client_fail_reply(client, SMTP_STAGE_RSET, reply, verdict);
    }
}

static void mail_reply(smtp_client_t *client, const smtp_reply_t *reply,
                       smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    if (verdict == SMTP_VERDICT_ACCEPTED) {
        return;
    }
    client->is_mail_refused = 1;
    smtp_outcome_of_reply(client->reply_pool, SMTP_STAGE_MAIL, reply, verdict,
                          SMTP_OUTCOME_DEFERRED, &outcome);
    smtp_client_settle(client, &outcome);
}

/** After a refused MAIL the replies to RCPT (503) say nothing new. */
static void rcpt_reply(smtp_client_t *client, const smtp_reply_t *reply,
                       smtp_verdict_e verdict)
{
    smtp_client_rcpt_t *rcpt =
        &client->message->rcpts[client->to_answer.rcpt];

    if (client->is_mail_refused) {
        return;
    }
    if (verdict == SMTP_VERDICT_ACCEPTED) {
        rcpt->outcome.stage = SMTP_STAGE_DATA;
        client->accepted++;
        return;
    }
    smtp_outcome_of_reply(client->message->pool, SMTP_STAGE_RCPT, reply,
                          verdict, SMTP_OUTCOME_DEFERRED, &rcpt->outcome);
}

static void data_reply(smtp_client_t *client, const smtp_reply_t *reply,
                       smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    if (verdict == SMTP_VERDICT_CONTINUE) {
        smtp_client_content_begin(client);
        return;
    }
    smtp_outcome_of_reply(client->reply_pool, SMTP_STAGE_DATA, reply, verdict,
                          SMTP_OUTCOME_DEFERRED, &outcome);
    smtp_client_settle(client, &outcome);
}

/** "Too many recipients" is an invitation to come again only to whom some
 *  were accepted: else it would be said for ever. */
static void too_many_check(smtp_client_t *client)
{
    smtp_client_message_t *message = client->message;
    apr_size_t i;

    for (i = 0; client->accepted == 0 && i < message->rcpt_count; i++) {
        if (message->rcpts[i].outcome.stage == SMTP_STAGE_RCPT) {
            message->rcpts[i].outcome.retry_now = 0;
        }
    }
}

/** All that was sent is answered, and nothing more is to be sent. */
static void envelope_end(smtp_client_t *client)
{
    too_many_check(client);
    if (client->is_chunked && client->accepted > 0) {
        smtp_client_content_begin(client);
        return;
    }
    smtp_client_message_end(client);
}

/** What each stage of the group makes of its reply. */
static void step_reply(smtp_client_t *client, smtp_stage_e stage,
                       const smtp_reply_t *reply, smtp_verdict_e verdict)
{
    switch (stage) {
    case SMTP_STAGE_RSET:
        rset_reply(client, reply, verdict);
        break;
    case SMTP_STAGE_MAIL:
        mail_reply(client, reply, verdict);
        break;
    case SMTP_STAGE_RCPT:
        rcpt_reply(client, reply, verdict);
        break;
    default:
        data_reply(client, reply, verdict);
        break;
    }
}

void smtp_client_envelope_reply(smtp_client_t *client,
                                const smtp_reply_t *reply)
{
    smtp_stage_e stage = client->to_answer.stage;
    smtp_verdict_e verdict = smtp_outcome_verdict(stage, reply);

    if (client->unanswered == 0) {
        verdict = reply->code == 421 ? SMTP_VERDICT_CLOSING
                                     : SMTP_VERDICT_BROKEN;
    }
    if (smtp_client_is_over(client, stage, reply, verdict)) {
        return;
    }
    client->has_answer = 1;
    client->unanswered--;
    step_reply(client, stage, reply, verdict);
    if (client->phase != SMTP_PHASE_ENVELOPE) {
        return;
    }
    client->to_answer = step_next(client->message, client->to_answer);
    /* What is unsaid when nothing is awaited is never said: no DATA after
     * refusals, no RCPT after a refused MAIL. */
    if (client->unanswered == 0
        && (client->is_mail_refused
            || client->to_answer.stage == SMTP_STAGE_NONE
            || (client->to_answer.stage == SMTP_STAGE_DATA
                && !may_say_data(client)))) {
        envelope_end(client);
    }
}
