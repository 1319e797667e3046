/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file client_dialogue.h
 * Plays a dialogue with smtp_client, written as text. Each line is one of
 *
 *     S octets    the peer says so (CRLF is added); lines in a row in one go
 *     C octets    the client must say so (CRLF is added); lines in a row
 *     TLS, BOUND  the handshake is done; with a verified peer and a binding
 *     BEGIN       the message; QUIT
 *     DROP, LATE  the connection ends; the deadline has passed
 *     RAW octets  as S, without CRLF
 *
 * and is played whole, octet by octet, and with a break at each octet.
 */
#ifndef CLIENT_DIALOGUE_H
#define CLIENT_DIALOGUE_H

#include "../unit.h"

#include <apr_strings.h>

#include "smtp_client.h"

/** Mail data as pieces of at most so many octets. */
typedef struct dialogue_content_t {
    const char *octets;
    apr_size_t len;
    apr_size_t piece;
    apr_size_t at;
    apr_status_t at_end;         /**< APR_EOF, or an error */
    int turn;                    /**< every other call says APR_EAGAIN */
} dialogue_content_t;

static inline apr_status_t dialogue_read(void *ctx, const char **octets,
                                         apr_size_t *len)
{
    dialogue_content_t *content = ctx;
    apr_size_t left = content->len - content->at;

    if (content->turn >= 0 && (content->turn ^= 1)) {
        return APR_EAGAIN;
    }
    if (left == 0) {
        return content->at_end;
    }
    *len = left < content->piece ? left : content->piece;
    *octets = content->octets + content->at;
    content->at += *len;
    return APR_SUCCESS;
}

typedef struct dialogue_t {
    apr_pool_t *pool;
    const char *name;
    smtp_client_conf_t *conf;
    smtp_client_message_t *message; /**< may be NULL */
    dialogue_content_t content;
    apr_size_t split;            /**< break before this octet of the peer */
    apr_size_t write_octets;     /**< taken at a time; 0: all */
    int is_steady;               /**< the mail is always there to be read */
    /* private */
    smtp_client_t *client;
    apr_time_t now;
    apr_size_t fed;
    char *said;                  /**< what the client said, unmatched */
} dialogue_t;

/** Takes the client's output until there is none. */
static inline void dialogue_drain(dialogue_t *d)
{
    const char *octets;
    apr_size_t len;
    int idle = 0;

    while (idle < 2) {
        len = smtp_client_output(d->client, d->now, &octets);
        if (len == 0) {
            idle++;              /* once more: the content may say EAGAIN */
            continue;
        }
        idle = 0;
        if (d->write_octets && len > d->write_octets) {
            len = d->write_octets;
        }
        d->said = apr_pstrcat(d->pool, d->said,
                              apr_pstrmemdup(d->pool, octets, len), NULL);
        smtp_client_written(d->client, len, d->now);
    }
}

static inline void dialogue_feed(dialogue_t *d, const char *octets,
                                 apr_size_t len)
{
    apr_size_t head = d->split > d->fed ? d->split - d->fed : 0;

    if (d->split == 0) {
        apr_size_t i;

        for (i = 0; i < len; i++) {
            smtp_client_input(d->client, octets + i, 1, d->now);
        }
        return;
    }
    d->fed += len;
    if (head > 0 && head < len) {
        smtp_client_input(d->client, unit_octets(d->pool, octets, head),
                          head, d->now);
        octets += head;
        len -= head;
    }
    smtp_client_input(d->client, unit_octets(d->pool, octets, len), len,
                      d->now);
}

static inline void dialogue_act(dialogue_t *d, const char *word)
{
    static const smtp_client_tls_t plain, bound = { 1, "tls-exporter",
                                                    "0123456789", 10 };

    dialogue_drain(d);
    if (strcmp(word, "TLS") == 0) {
        smtp_client_tls_done(d->client, &plain, d->now);
    }
    else if (strcmp(word, "BOUND") == 0) {
        smtp_client_tls_done(d->client, &bound, d->now);
    }
    else if (strcmp(word, "BEGIN") == 0) {
        UNIT_CHECK(d->name, smtp_client_state(d->client)
                            == SMTP_CLIENT_READY);
        d->content.at = 0;
        smtp_client_begin(d->client, d->message, d->now);
    }
    else if (strcmp(word, "QUIT") == 0) {
        smtp_client_quit(d->client, d->now);
    }
    else if (strcmp(word, "DROP") == 0) {
        smtp_client_lost(d->client, SMTP_LOSS_CLOSED, NULL);
    }
    else if (strcmp(word, "LATE") == 0) {
        UNIT_CHECK(d->name, smtp_client_deadline(d->client) > d->now);
        d->now = smtp_client_deadline(d->client);
        smtp_client_lost(d->client, SMTP_LOSS_TIMEOUT, NULL);
    }
    else {
        fail_msg("%s: what is \"%s\"?", d->name, word);
    }
}

/** Takes all lines of one kind that follow each other; their octets. */
static inline char *dialogue_block(dialogue_t *d, const char **at, char kind)
{
    char *block = "";

    while ((*at)[0] == kind && (*at)[1] == ' ') {
        apr_size_t len = strcspn(*at, "\n");

        block = apr_pstrcat(d->pool, block,
                            apr_pstrmemdup(d->pool, *at + 2, len - 2),
                            "\r\n", NULL);
        *at += len + ((*at)[len] == '\n');
    }
    return block;
}

static inline void dialogue_expect(dialogue_t *d, const char *octets)
{
    dialogue_drain(d);
    if (strcmp(d->said, octets) != 0) {
        fail_msg("%s (split %lu): said \"%s\", not \"%s\"", d->name,
                 (unsigned long)d->split, d->said, octets);
    }
    d->said = "";
}

static inline void dialogue_line(dialogue_t *d, const char **at)
{
    apr_size_t len = strcspn(*at, "\n");
    char *line = apr_pstrmemdup(d->pool, *at, len);
    char *block;

    if (line[0] == 'C' && line[1] == ' ') {
        dialogue_expect(d, dialogue_block(d, at, 'C'));
        return;
    }
    if (line[0] == 'S' && line[1] == ' ') {
        block = dialogue_block(d, at, 'S');
        dialogue_expect(d, "");
        dialogue_feed(d, block, strlen(block));
        return;
    }
    *at += len + ((*at)[len] == '\n');
    if (strncmp(line, "RAW ", 4) == 0) {
        dialogue_feed(d, line + 4, len - 4);
        return;
    }
    dialogue_act(d, line);
}

/** Plays once. The client is left in d->client. */
static inline void dialogue_play(dialogue_t *d, const char *script)
{
    d->now = apr_time_from_sec(1000);
    d->fed = 0;
    d->said = "";
    assert_int_equal(smtp_client_create(d->pool, d->conf, d->now, &d->client),
                     APR_SUCCESS);
    if (d->message) {
        d->message->pool = d->pool;
        d->message->content = dialogue_read;
        d->message->content_ctx = &d->content;
    }
    while (*script) {
        dialogue_line(d, &script);
    }
    dialogue_expect(d, "");
}

static inline const char *dialogue_outcome(apr_pool_t *p,
                                           const smtp_outcome_t *outcome)
{
    char status[SMTP_STATUS_BUFFER_OCTETS];

    smtp_status_write(status, outcome->status);
    return apr_psprintf(p, "%s %d %s %s%s%s",
                        smtp_outcome_name(outcome->result), outcome->code,
                        status, smtp_stage_name(outcome->stage),
                        outcome->may_be_duplicate ? " duplicate" : "",
                        outcome->retry_now ? " now" : "");
}

/** Outcomes of all recipients by "; ", then "| " and the session's. */
static inline const char *dialogue_result(const dialogue_t *d)
{
    static const char *const states[] = { "busy", "tls", "ready", "closed" };
    const smtp_outcome_t *failure = smtp_client_failure(d->client);
    const char *all = "";
    apr_size_t i;

    for (i = 0; d->message && i < d->message->rcpt_count; i++) {
        all = apr_pstrcat(d->pool, all, i ? "; " : "",
                          dialogue_outcome(d->pool,
                                           &d->message->rcpts[i].outcome),
                          NULL);
    }
    return apr_pstrcat(d->pool, all, "| ",
                       states[smtp_client_state(d->client)],
                       failure ? " " : "",
                       failure ? dialogue_outcome(d->pool, failure) : "",
                       NULL);
}

/** Plays in all ways; each must come to @a result. */
static inline void dialogue_check(dialogue_t *d, const char *script,
                                  const char *result)
{
    apr_pool_t *p = d->pool;
    apr_size_t octets, i;

    d->content.turn = -1;
    d->write_octets = 0;
    d->split = (apr_size_t)-1;
    dialogue_play(d, script);
    octets = d->fed;
    for (i = 0; i <= octets + 2; i++) {
        apr_pool_create(&d->pool, p);
        d->split = i <= octets ? i : 1;
        d->write_octets = i % 3;
        d->content.turn = d->is_steady || i % 2 ? -1 : 0;
        dialogue_play(d, script);
        if (strcmp(dialogue_result(d), result) != 0) {
            fail_msg("%s (split %lu): came to \"%s\", not \"%s\"", d->name,
                     (unsigned long)i, dialogue_result(d), result);
        }
        apr_pool_destroy(d->pool);
    }
    d->pool = p;
    dialogue_play(d, script);
}

#endif
