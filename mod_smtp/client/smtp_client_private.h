/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_client_private.h
 * What the files of smtp_client share; nobody else includes it. smtp_client.c
 * moves octets and keeps the phase, _hello.c brings a session to where mail
 * can be sent, _auth.c logs in, _envelope.c says MAIL, RCPT and DATA,
 * _content.c the mail data and reads what becomes of it.
 */
#ifndef SMTP_CLIENT_PRIVATE_H
#define SMTP_CLIENT_PRIVATE_H

#include "smtp_client.h"
#include "smtp_client_scram.h"
#include "smtp_dot.h"
#include "smtp_sasl.h"

/** Where the dialogue stands. The table in smtp_client.c says what each does
 *  with a reply and where its output comes from. */
typedef enum {
    SMTP_PHASE_GREETING = 0, SMTP_PHASE_EHLO, SMTP_PHASE_HELO,
    SMTP_PHASE_STARTTLS, SMTP_PHASE_TLS, SMTP_PHASE_AUTH, SMTP_PHASE_READY,
    SMTP_PHASE_ENVELOPE,         /**< RSET, MAIL, RCPT, DATA: RFC 2920 */
    SMTP_PHASE_CONTENT,          /**< mail data is on its way */
    SMTP_PHASE_END,              /**< all of it is written */
    SMTP_PHASE_QUIT, SMTP_PHASE_CLOSED,
    SMTP_PHASE_COUNT
} smtp_phase_e;

/** One command of the envelope. Commands are not stored: a step and the
 *  message tell the next one, for what is sent and for what is answered. */
typedef struct smtp_client_step_t {
    smtp_stage_e stage;          /**< RSET MAIL RCPT DATA, or NONE: the end */
    apr_size_t rcpt;             /**< for RCPT: which */
} smtp_client_step_t;

struct smtp_client_t {
    apr_pool_t *pool;
    const smtp_client_conf_t *conf;
    smtp_phase_e phase;
    apr_time_t now;              /**< of the call that is being made */
    apr_time_t deadline;

    char *out;                   /**< SMTP_CLIENT_BUFFER_OCTETS */
    apr_size_t out_from;         /**< what is before was written */
    apr_size_t out_len;          /**< end of what is to be written */

    apr_pool_t *reply_pool;      /**< cleared at each reply */
    smtp_reply_parser_t parser;

    apr_pool_t *offer_pool;      /**< cleared when the offer is forgotten */
    smtp_extension_offer_t offer;
    smtp_client_tls_t tls;       /**< strings in pool */
    unsigned int is_tls : 1;
    unsigned int is_starttls_refused : 1;
    unsigned int is_authenticated : 1;
    unsigned int has_failed : 1; /**< failure is set */
    unsigned int needs_rset : 1; /**< a transaction was left half-way */
    unsigned int has_answer : 1; /**< to a command of this message */
    unsigned int is_mail_refused : 1;
    unsigned int is_chunked : 1; /**< this message goes by BDAT */
    unsigned int is_content_over : 1; /**< its end is in out, or was written */
    unsigned int is_chunk_refused : 1;
    smtp_outcome_t failure;      /**< its text is in pool */

    smtp_sasl_mechanism_e mechanism;
    int auth_step;               /**< challenges answered */
    smtp_client_scram_t *scram;

    apr_size_t message_count;
    smtp_client_message_t *message; /**< NULL in READY */
    smtp_client_step_t to_send;
    smtp_client_step_t to_answer;
    apr_size_t unanswered;       /**< commands or chunks */
    apr_size_t accepted;         /**< recipients that RCPT took */
    apr_size_t answered_rcpt;    /**< LMTP: next of them that is answered */

    const char *content;         /**< given by the call-back, not yet sent */
    apr_size_t content_len;
    smtp_dot_writer_t dot;       /**< DATA */
    smtp_dot_t line_ends;        /**< BDAT, text */
};

/** The setter of the phase; a new wait begins. */
void smtp_client_phase_set(smtp_client_t *client, smtp_phase_e phase);

/** Room in out. */
apr_size_t smtp_client_room(const smtp_client_t *client);

/** Appends octets, for which there is room. The signature is that of a
 *  smtp_dot_sink_fn, whose ctx is the client. */
apr_status_t smtp_client_put(void *client, const char *octets,
                             apr_size_t len);

/** Appends a command and its CRLF. */
void smtp_client_command_put(smtp_client_t *client, const char *line);

/** @a outcome for whoever is pending, texts copied to where they belong. */
void smtp_client_settle(smtp_client_t *client, const smtp_outcome_t *outcome);

/** The session is of no more use for a reason of its own: @a outcome for
 *  whoever is pending and for the session; says QUIT if @a say_quit. */
void smtp_client_fail(smtp_client_t *client, const smtp_outcome_t *outcome,
                      int say_quit);

/** The same by a reply that was not accepted. */
void smtp_client_fail_reply(smtp_client_t *client, smtp_stage_e stage,
                            const smtp_reply_t *reply,
                            smtp_verdict_e verdict);

/** Whether @a verdict leaves nothing but to close: 421, or out of step. Then
 *  it has been done. */
int smtp_client_is_over(smtp_client_t *client, smtp_stage_e stage,
                        const smtp_reply_t *reply, smtp_verdict_e verdict);

/** The message is over: READY. */
void smtp_client_message_end(smtp_client_t *client);

/** Whether @a extension may be used with this peer. */
int smtp_client_can(const smtp_client_t *client,
                    smtp_extension_set_t extension);

void smtp_client_greeting_reply(smtp_client_t *client,
                                const smtp_reply_t *reply);
void smtp_client_ehlo_begin(smtp_client_t *client);
void smtp_client_ehlo_reply(smtp_client_t *client, const smtp_reply_t *reply);
void smtp_client_helo_reply(smtp_client_t *client, const smtp_reply_t *reply);
void smtp_client_starttls_reply(smtp_client_t *client,
                                const smtp_reply_t *reply);

void smtp_client_auth_begin(smtp_client_t *client);
void smtp_client_auth_reply(smtp_client_t *client, const smtp_reply_t *reply);

void smtp_client_envelope_begin(smtp_client_t *client);
void smtp_client_envelope_fill(smtp_client_t *client);
void smtp_client_envelope_reply(smtp_client_t *client,
                                const smtp_reply_t *reply);

void smtp_client_content_begin(smtp_client_t *client);
void smtp_client_content_fill(smtp_client_t *client);
void smtp_client_content_reply(smtp_client_t *client,
                               const smtp_reply_t *reply);
void smtp_client_end_reply(smtp_client_t *client, const smtp_reply_t *reply);

/** Whether RCPT took this one, and nothing was decided since. */
int smtp_client_rcpt_is_accepted(const smtp_client_rcpt_t *rcpt);

#endif
