/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_session.h"

#include <httpd.h>
#include <http_config.h>
#include <http_request.h>
#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtpd_access.h"
#include "smtpd_auth.h"
#include "smtpd_client_limit.h"
#include "smtpd_command.h"
#include "smtpd_connection.h"
#include "smtpd_data.h"
#include "smtpd_hook.h"
#include "smtpd_log.h"
#include "smtpd_tls.h"
#include "smtpd_transaction.h"

APLOG_USE_MODULE(smtp);

extern module AP_MODULE_DECLARE_DATA smtp_module;

static const char *phase_name(smtpd_phase_e phase)
{
    switch (phase) {
    case SMTPD_PHASE_REFUSED:   return "REFUSED";
    case SMTPD_PHASE_CONNECTED: return "CONNECTED";
    case SMTPD_PHASE_READY:     return "READY";
    case SMTPD_PHASE_MAIL:      return "MAIL";
    case SMTPD_PHASE_RCPT:      return "RCPT";
    case SMTPD_PHASE_CHUNKS:    return "BDAT";
    }
    return "?";
}

const char *smtpd_session_phase_name(const smtpd_session_t *ss)
{
    return ss->input == SMTPD_INPUT_DATA ? "DATA" : phase_name(ss->phase);
}

void smtpd_session_phase_set(smtpd_session_t *ss, smtpd_phase_e phase)
{
    ap_log_cerror(APLOG_MARK, APLOG_TRACE4, 0, ss->pub.c, "phase %s -> %s",
                  phase_name(ss->phase), phase_name(phase));
    ss->phase = phase;
}

smtpd_session_t *smtpd_session_get(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &smtp_module);
}

/* The connection ends: by QUIT, by us, or because the client went away. */
static apr_status_t cleanup(void *data)
{
    smtpd_session_t *ss = data;
    static const smtp_reply_t lost = { 421, { 4, 4, 2 },
                                       "The connection was lost" };
    static const smtp_reply_t quit = { 221, { 2, 0, 0 }, "Closing" };

    smtpd_transaction_end(ss, ss->has_quit ? &quit : &lost);
    smtp_run_quit(&ss->pub);
    return APR_SUCCESS;
}

void smtpd_session_extensions_set(smtpd_session_t *ss)
{
    smtp_extension_set_t set = smtpd_conf_extensions(ss->conf);

    if (smtpd_tls_is_offered(ss)) {
        set |= SMTP_EXTENSION_STARTTLS;
    }
    /* RFC 8689 2: only once the session is under TLS. */
    if (!ss->pub.is_tls) {
        set &= ~SMTP_EXTENSION_REQUIRETLS;
    }
    ss->pub.extensions = set;
}

void smtpd_session_host_set(smtpd_session_t *ss, server_rec *s)
{
    ss->pub.s = s;
    ss->conf = smtpd_conf_get(s);
    smtp_line_init(&ss->line, ss->pub.c->pool,
                   (apr_size_t)ss->conf->max_command_octets,
                   ss->conf->bare_lf == SMTPD_BARE_LF_NORMALISE);
    smtpd_session_extensions_set(ss);
}

static int is_one_too_many(smtpd_session_t *ss)
{
    unsigned int limit = (unsigned int)ss->conf->max_connections;

    return limit && smtpd_client_limit_enter(ss) > limit;
}

static smtpd_session_t *create(conn_rec *c)
{
    smtpd_session_t *ss = apr_pcalloc(c->pool, sizeof(*ss));

    ss->pub.c = c;
    ss->pub.client_ip = c->client_ip;
    ss->pub.began = apr_time_now();
    ss->pub.notes = apr_table_make(c->pool, 1);
    ss->phase = SMTPD_PHASE_CONNECTED;
    ss->in = apr_brigade_create(c->pool, c->bucket_alloc);
    ss->out = apr_brigade_create(c->pool, c->bucket_alloc);
    smtpd_session_host_set(ss, c->base_server);
    ap_set_module_config(c->conn_config, &smtp_module, ss);
    return ss;
}

smtpd_session_t *smtpd_session_create(conn_rec *c)
{
    smtpd_session_t *ss = create(c);

    ss->is_one_too_many = is_one_too_many(ss);
    /* Before the pools of transactions, which are children, are gone. */
    apr_pool_pre_cleanup_register(c->pool, ss, cleanup);
    return ss;
}

smtpd_session_t *smtpd_session_create_own(conn_rec *c)
{
    smtpd_session_t *ss = create(c);

    ss->pub.is_own = 1;
    ss->pub.helo = ss->pub.s->server_hostname;
    ss->phase = SMTPD_PHASE_READY;
    return ss;
}

/* Makes ss->command_pool, which is gone while the session waits. */
static apr_pool_t *command_pool(smtpd_session_t *ss)
{
    if (!ss->command_pool) {
        apr_pool_create(&ss->command_pool, ss->pub.c->pool);
        apr_pool_tag(ss->command_pool, "smtp_command");
    }
    return ss->command_pool;
}

/* RFC 5321 4.2.3: 421 is "<domain> Service not available", as the greeting
 * names the domain. */
static void name_server(smtpd_session_t *ss, smtp_reply_t *reply)
{
    if (reply->code == 421) {
        reply->text = apr_pstrcat(command_pool(ss),
                                  ss->pub.s->server_hostname,
                                  reply->text ? " " : "",
                                  reply->text ? reply->text : "", NULL);
    }
}

static void put(smtpd_session_t *ss, const smtp_reply_t *given)
{
    smtp_reply_t reply = *given;
    const char *octets;
    apr_size_t len;

    name_server(ss, &reply);
    octets = smtp_reply_write(command_pool(ss), &reply,
                              ss->pub.extensions & SMTP_EXTENSION_STATUSCODES,
                              ss->transaction
                              && ss->transaction->pub.params.smtputf8, &len);

    smtpd_log_reply(ss, octets, len);
    apr_brigade_write(ss->out, NULL, NULL, octets, len);
}

void smtpd_session_close(smtpd_session_t *ss, const smtp_reply_t *reply)
{
    put(ss, reply);
    ss->is_closing = 1;
}

/* RFC 5321 4.3.2 leaves a limit on errors to us: whoever guesses mailboxes or
 * talks another protocol is cut. */
static void count_error(smtpd_session_t *ss, const smtp_reply_t *reply)
{
    if (reply->code < 500) {
        return;
    }
    ss->pub.errors++;
    if (ss->conf->max_errors
        && ss->pub.errors >= (unsigned int)ss->conf->max_errors) {
        static const smtp_reply_t too_many =
            { 421, { 4, 7, 0 }, "Too many errors, closing" };

        ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c,
                      SMTPD_LOGNO(1020) "SMTPMaxErrors: %u errors, closing",
                      ss->pub.errors);
        smtpd_session_close(ss, &too_many);
    }
}

void smtpd_session_reply(smtpd_session_t *ss, const smtp_reply_t *reply)
{
    put(ss, reply);
    if (reply->code == 421) {
        ss->is_closing = 1;
    }
    else if (!ss->is_closing) {
        count_error(ss, reply);
    }
}

static void refuse(smtpd_session_t *ss, smtp_reply_t *reply)
{
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1021)
                  "connection refused: %d %s", reply->code,
                  reply->text
                  ? smtp_chars_escape(command_pool(ss), reply->text,
                                      strlen(reply->text), 200)
                  : "(no text)");
    /* RFC 2034 4: no enhanced status code in the greeting. */
    reply->status = (smtp_status_t){ 0, 0, 0 };
    if (reply->code != 421) {
        reply->code = 554;
        smtpd_session_phase_set(ss, SMTPD_PHASE_REFUSED);
    }
    smtpd_session_reply(ss, reply);
}

/* Whether the client may come in. */
static int is_welcome(smtpd_session_t *ss, smtp_reply_t *reply)
{
    if (ss->is_one_too_many) {
        *reply = (smtp_reply_t){ 421, { 0, 0, 0 },
                                 "Too many connections from your address" };
        return 0;
    }
    if (!smtpd_access_allows(ss, ss->conf->connect_section)) {
        *reply = (smtp_reply_t){ 554, { 0, 0, 0 }, apr_psprintf(
                                 command_pool(ss), "%s No SMTP service here "
                                 "for your address",
                                 ss->pub.s->server_hostname) };
        return 0;
    }
    return smtpd_hook_judge(ss, smtp_run_connect(&ss->pub, reply), reply,
                            NULL);
}

void smtpd_session_greet(smtpd_session_t *ss)
{
    smtp_reply_t reply = { 0 };

    if (!is_welcome(ss, &reply)) {
        refuse(ss, &reply);
    }
    else {
        reply = (smtp_reply_t){ 220, { 0, 0, 0 },
                                apr_pstrcat(command_pool(ss),
                                            ss->pub.s->server_hostname,
                                            " ESMTP", NULL) };
        smtpd_session_reply(ss, &reply);
    }
    ss->is_greeted = 1;
    smtpd_session_deadline_set(ss);
}

int smtpd_session_is_in_data(const smtpd_session_t *ss)
{
    return ss->input == SMTPD_INPUT_DATA || ss->input == SMTPD_INPUT_CHUNK
           || ss->phase == SMTPD_PHASE_CHUNKS;
}

void smtpd_session_deadline_set(smtpd_session_t *ss)
{
    apr_time_t now = apr_time_now();

    if (ss->is_handshaking) {
        ss->deadline = now + ss->conf->timeout_handshake;
        return;
    }
    if (ss->input == SMTPD_INPUT_COMMAND || ss->input == SMTPD_INPUT_AUTH) {
        ss->deadline = now + ss->conf->timeout_command;
        return;
    }
    ss->deadline = now + ss->conf->timeout_data;
    if (ss->data_deadline && ss->data_deadline < ss->deadline) {
        ss->deadline = ss->data_deadline;
    }
}

/* A command line that holds what no line may: one reply, none of it obeyed. */
static void refuse_line(smtpd_session_t *ss, unsigned int faults)
{
    smtp_reply_t reply = { 500, { 5, 5, 2 }, "Line too long" };

    if (faults & SMTP_LINE_NUL) {
        reply.text = "NUL in a command";
    }
    else if (faults & (SMTP_LINE_BARE_LF | SMTP_LINE_BARE_CR)) {
        reply.text = "CR or LF alone: only CRLF ends a line "
                     "(RFC 5321 2.3.8)";
    }
    smtpd_session_reply(ss, &reply);
}

static int is_auth(const char *line, apr_size_t len)
{
    return len >= 4 && strncasecmp(line, "AUTH", 4) == 0;
}

/* Only AUTH may be as long as RFC 4954 4 has it. */
static unsigned int faults_of(const smtpd_session_t *ss, const char *line,
                              apr_size_t len, unsigned int faults)
{
    return len + 2 > (apr_size_t)ss->conf->max_command_octets
           && !is_auth(line, len) ? faults | SMTP_LINE_TOO_LONG : faults;
}

/* Credentials do not stay in memory that others will be given. */
static void push_line(smtpd_session_t *ss, const char *line, apr_size_t len,
                      unsigned int faults)
{
    int is_secret = ss->input == SMTPD_INPUT_AUTH || is_auth(line, len);

    if (ss->input == SMTPD_INPUT_AUTH) {
        smtpd_auth_push_line(ss, line, len, faults);
    }
    else if (faults_of(ss, line, len, faults)) {
        refuse_line(ss, faults);
    }
    else {
        smtpd_command_run(ss, line, len);
    }
    if (is_secret) {
        explicit_bzero((char *)line, len);
    }
}

static apr_size_t push_command(smtpd_session_t *ss, const char *octets,
                               apr_size_t len)
{
    int is_in_pieces = smtp_line_is_partial(&ss->line);
    apr_size_t consumed, line_len;
    unsigned int faults;
    const char *line;

    if (!is_in_pieces) {
        smtp_line_max_set(&ss->line, smtpd_auth_line_max(ss));
    }
    if (smtp_line_push(&ss->line, octets, len, &consumed, &line, &line_len,
                       &faults) == SMTP_LINE_DONE) {
        command_pool(ss);
        ss->rest_of_bucket = len - consumed;
        push_line(ss, line, line_len, faults);
        apr_pool_clear(ss->command_pool);
        smtpd_session_deadline_set(ss);
    }
    else {
        is_in_pieces = 1;
    }
    /* The line was put together elsewhere, and wiped there. */
    if (is_in_pieces && smtpd_auth_is_configured(ss)) {
        explicit_bzero((char *)octets, consumed);
    }
    return consumed;
}

static apr_size_t push(smtpd_session_t *ss, const char *octets,
                       apr_size_t len)
{
    switch (ss->input) {
    case SMTPD_INPUT_COMMAND:
    case SMTPD_INPUT_AUTH:
        return push_command(ss, octets, len);
    case SMTPD_INPUT_DATA:
        return smtpd_data_push(ss, octets, len);
    case SMTPD_INPUT_CHUNK:
        return smtpd_data_push_chunk(ss, octets, len);
    }
    return len;
}

/* Replies are pushed before more than this many octets of them are queued:
 * well under httpd's FlushMaxThreshold, at which it would block. */
#define OUT_MAX_OCTETS 16384

static int must_pause(smtpd_session_t *ss)
{
    apr_off_t queued;

    if (ss->is_closing || ss->is_aborted || ss->is_handshaking || ss->turn) {
        return 1;
    }
    apr_brigade_length(ss->out, 0, &queued);
    if (queued > OUT_MAX_OCTETS) {
        smtpd_connection_push(ss);
    }
    return ss->is_blocked;
}

/* Consumes the first bucket, or the part of it that can be. */
static void consume_bucket(smtpd_session_t *ss, apr_bucket *b)
{
    const char *octets;
    apr_size_t len, done = 0;

    if (apr_bucket_read(b, &octets, &len, APR_BLOCK_READ) != APR_SUCCESS) {
        ss->is_aborted = 1;
        return;
    }
    while (done < len && !must_pause(ss)) {
        done += push(ss, octets + done, len - done);
    }
    ss->rest_of_bucket = 0;
    if (done < len) {
        apr_bucket_split(b, done);
    }
    apr_bucket_delete(b);
}

void smtpd_session_consume(smtpd_session_t *ss)
{
    int has_come = !APR_BRIGADE_EMPTY(ss->in);

    while (!APR_BRIGADE_EMPTY(ss->in) && !must_pause(ss)) {
        consume_bucket(ss, APR_BRIGADE_FIRST(ss->in));
    }
    if (ss->is_closing || ss->is_aborted) {
        apr_brigade_cleanup(ss->in);
    }
    else if (has_come && smtpd_session_is_in_data(ss)) {
        /* Mail data goes on: the next of it has SMTPTimeout data= again. */
        smtpd_session_deadline_set(ss);
    }
}

int smtpd_session_has_input(const smtpd_session_t *ss)
{
    return ss->rest_of_bucket != 0
           || (!APR_BRIGADE_EMPTY(ss->in)
               && APR_BUCKET_NEXT(APR_BRIGADE_FIRST(ss->in))
                  != APR_BRIGADE_SENTINEL(ss->in));
}
