/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mail data, by DATA (RFC 5321 4.1.1.4) or in chunks (RFC 3030), and the
 * replies to its end: one, or with LMTP one for each recipient (RFC 2033
 * 4.2). */
#include "smtp_client_private.h"

#include <string.h>

#include <apr_strings.h>

/** Before each chunk room is left for "BDAT 32768 LAST" and CRLF. */
#define CHUNK_HEAD_OCTETS 24

/** "Unread": the call-back has said that there is no more. */
static const char content_end[] = "";

void smtp_client_content_begin(smtp_client_t *client)
{
    client->content = NULL;
    client->content_len = 0;
    client->unanswered = client->is_chunked ? 0 : 1;
    smtp_dot_writer_init(&client->dot);
    smtp_dot_init(&client->line_ends, 0, 1);
    smtp_client_phase_set(client, SMTP_PHASE_CONTENT);
}

/** Makes sure that there are octets, or that there are no more.
 *  @return 1; 0: not now, or never (then the connection is given up) */
static int content_need(smtp_client_t *client)
{
    smtp_client_message_t *message = client->message;
    apr_status_t rv;

    if (client->content_len > 0 || client->content == content_end) {
        return 1;
    }
    rv = message->content(message->content_ctx, &client->content,
                          &client->content_len);
    if (rv == APR_SUCCESS && client->content_len > 0) {
        return 1;
    }
    client->content_len = 0;
    if (APR_STATUS_IS_EOF(rv)) {
        client->content = content_end;
        return 1;
    }
    if (!APR_STATUS_IS_EAGAIN(rv) && rv != APR_SUCCESS) {
        smtp_client_lost(client, SMTP_LOSS_CONTENT, NULL);
    }
    return 0;
}

static void content_drop(smtp_client_t *client, apr_size_t len)
{
    client->content += len;
    client->content_len -= len;
}

/* DATA. */

/** Octets of mail that fit: each may become two, and two more may have been
 *  held back. */
static apr_size_t fitting(const smtp_client_t *client)
{
    apr_size_t room = smtp_client_room(client);
    apr_size_t fits = room > 8 ? (room - 8) / 2 : 0;

    return fits < client->content_len ? fits : client->content_len;
}

/** Room for the end: CRLF, dot, CRLF and what was held back. */
#define END_OCTETS 16

static void data_fill(smtp_client_t *client)
{
    while (!client->is_content_over
           && smtp_client_room(client) > END_OCTETS) {
        apr_size_t len;

        if (!content_need(client)) {
            return;
        }
        if (client->content == content_end) {
            smtp_dot_write_end(&client->dot, smtp_client_put, client);
            client->is_content_over = 1;
            return;
        }
        len = fitting(client);
        if (len == 0) {
            return;
        }
        smtp_dot_write(&client->dot, client->content, len, smtp_client_put,
                       client);
        content_drop(client, len);
    }
}

/** RFC 2920 3.1: 354 though all recipients were refused; nothing but a dot is
 *  sent. */
static void empty_data_fill(smtp_client_t *client)
{
    if (!client->is_content_over) {
        smtp_client_put(client, ".\r\n", 3);
        client->is_content_over = 1;
    }
}

/* BDAT. */

static int is_binary(const smtp_client_t *client)
{
    return client->message->params.body == SMTP_BODY_BINARYMIME;
}

static void chunk_take(smtp_client_t *client, apr_size_t len)
{
    if (is_binary(client)) {
        smtp_client_put(client, client->content, len);
    }
    else {
        smtp_dot_push_chunk(&client->line_ends, client->content, len,
                            smtp_client_put, client);
    }
    content_drop(client, len);
}

/** Collects the octets of a chunk behind the room for its head. */
static void chunk_collect(smtp_client_t *client)
{
    client->out_from = client->out_len = CHUNK_HEAD_OCTETS;
    while (smtp_client_room(client) > END_OCTETS && content_need(client)) {
        apr_size_t len = fitting(client);

        if (client->content == content_end) {
            if (!is_binary(client)) {
                smtp_dot_finish_chunks(&client->line_ends, smtp_client_put,
                                       client);
            }
            client->is_content_over = 1;
            return;
        }
        if (len == 0) {
            return;
        }
        chunk_take(client, len);
    }
}

/** Writes the head right before the octets. */
static void chunk_head_put(smtp_client_t *client)
{
    char head[CHUNK_HEAD_OCTETS + 1];
    apr_size_t len = (apr_size_t)apr_snprintf(
        head, sizeof(head), "BDAT %" APR_SIZE_T_FMT "%s\r\n",
        client->out_len - CHUNK_HEAD_OCTETS,
        client->is_content_over ? " LAST" : "");

    client->out_from = CHUNK_HEAD_OCTETS - len;
    memcpy(client->out + client->out_from, head, len);
}

/** One chunk at a time is in out; with PIPELINING the next does not wait for
 *  the reply to the last (RFC 3030 4.2). */
static void chunk_fill(smtp_client_t *client)
{
    if (client->is_content_over || client->is_chunk_refused
        || client->out_len > 0
        || (client->unanswered > 0
            && !smtp_client_can(client, SMTP_EXTENSION_PIPELINING))) {
        return;
    }
    chunk_collect(client);
    if (client->phase != SMTP_PHASE_CONTENT) {
        return;
    }
    if (client->out_len == CHUNK_HEAD_OCTETS && !client->is_content_over) {
        client->out_from = client->out_len = 0;
        return;
    }
    chunk_head_put(client);
    client->unanswered++;
}

void smtp_client_content_fill(smtp_client_t *client)
{
    if (client->is_chunked) {
        chunk_fill(client);
    }
    else if (client->accepted == 0) {
        empty_data_fill(client);
    }
    else {
        data_fill(client);
    }
}

/* Replies amid the data. */

/** A reply before the data has ended: it was refused unread, and the dialogue
 *  cannot go on. The end must not be sent now: the peer might take what it has
 *  for the whole. */
static void early_reply(smtp_client_t *client, const smtp_reply_t *reply,
                        smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    if (verdict == SMTP_VERDICT_ACCEPTED) {
        verdict = SMTP_VERDICT_BROKEN;
    }
    if (smtp_client_is_over(client, SMTP_STAGE_BLOCK, reply, verdict)) {
        return;
    }
    smtp_outcome_of_reply(client->reply_pool, SMTP_STAGE_BLOCK, reply,
                          verdict, SMTP_OUTCOME_DEFERRED, &outcome);
    smtp_client_settle(client, &outcome);
    smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, reply->text);
}

/** A chunk was refused: no more are made, those under way are answered. With
 *  LMTP it is not said how many replies its last one has. */
static void chunk_refuse(smtp_client_t *client, const smtp_reply_t *reply,
                         smtp_verdict_e verdict)
{
    smtp_outcome_t outcome;

    smtp_outcome_of_reply(client->reply_pool, SMTP_STAGE_BLOCK, reply,
                          verdict, SMTP_OUTCOME_DEFERRED, &outcome);
    smtp_client_settle(client, &outcome);
    client->is_chunk_refused = 1;
    if (client->conf->lmtp) {
        smtp_client_lost(client, SMTP_LOSS_STOPPED, "a chunk was refused");
    }
}

static void chunk_reply(smtp_client_t *client, const smtp_reply_t *reply,
                        smtp_verdict_e verdict)
{
    if (client->unanswered == 0) {
        verdict = reply->code == 421 ? SMTP_VERDICT_CLOSING
                                     : SMTP_VERDICT_BROKEN;
    }
    if (smtp_client_is_over(client, SMTP_STAGE_BLOCK, reply, verdict)) {
        return;
    }
    client->unanswered--;
    if (!client->is_chunk_refused && verdict != SMTP_VERDICT_ACCEPTED) {
        chunk_refuse(client, reply, verdict);
    }
    if (client->phase != SMTP_PHASE_CONTENT) {
        return;
    }
    if (client->is_chunk_refused && client->unanswered == 0) {
        smtp_client_message_end(client);
    }
    else if (client->is_content_over && client->unanswered == 1
             && client->out_len == 0) {
        smtp_client_phase_set(client, SMTP_PHASE_END);
    }
}

void smtp_client_content_reply(smtp_client_t *client,
                               const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_BLOCK, reply);

    if (client->is_chunked) {
        chunk_reply(client, reply, verdict);
    }
    else {
        early_reply(client, reply, verdict);
    }
}

/* The end. */

/** RFC 3461 5.2: who reports success. */
static smtp_outcome_e success_of(const smtp_client_t *client)
{
    return smtp_client_can(client, SMTP_EXTENSION_DSN)
           ? SMTP_OUTCOME_PASSED_ON
           : client->conf->lmtp ? SMTP_OUTCOME_DELIVERED
                                : SMTP_OUTCOME_RELAYED;
}

/** RFC 2033 4.2: the replies come in the order of the accepted RCPTs. */
static void lmtp_end_reply(smtp_client_t *client, const smtp_reply_t *reply,
                           smtp_verdict_e verdict)
{
    smtp_client_rcpt_t *rcpts = client->message->rcpts;

    while (!smtp_client_rcpt_is_accepted(&rcpts[client->answered_rcpt])) {
        client->answered_rcpt++;
    }
    smtp_outcome_of_reply(client->message->pool, SMTP_STAGE_END, reply,
                          verdict, success_of(client),
                          &rcpts[client->answered_rcpt].outcome);
    if (--client->accepted == 0) {
        client->needs_rset = 0;
        smtp_client_message_end(client);
    }
}

void smtp_client_end_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_END, reply);
    smtp_outcome_t outcome;

    if (smtp_client_is_over(client, SMTP_STAGE_END, reply, verdict)) {
        return;
    }
    if (client->conf->lmtp) {
        lmtp_end_reply(client, reply, verdict);
        return;
    }
    smtp_outcome_of_reply(client->reply_pool, SMTP_STAGE_END, reply, verdict,
                          success_of(client), &outcome);
    smtp_client_settle(client, &outcome);
    client->needs_rset = 0;
    smtp_client_message_end(client);
}
