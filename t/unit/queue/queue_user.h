/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_user.h
 * Who uses a queue_connection in a test: gives it messages and writes down
 * what is told, as text:
 *
 *     ready               quit
 *     done a@example.org relayed 250 2.0.0 end-of-data; b@... deferred ...
 *     closed              closed deferred 0 4.4.1 connect
 *
 * each on a line. DNS is a table.
 */
#ifndef QUEUE_USER_H
#define QUEUE_USER_H

#include "../unit.h"

#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_connection.h"

/* What httpd gives. */

module AP_MODULE_DECLARE_DATA smtp_queue_module;

static char user_log[65536];

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    size_t len = strlen(user_log);
    va_list args;

    (void)file, (void)line, (void)module_index, (void)level;
    (void)status, (void)s;
    va_start(args, fmt);
    vsnprintf(user_log + len, sizeof(user_log) - len, fmt, args);
    va_end(args);
    strncat(user_log, "\n", sizeof(user_log) - strlen(user_log) - 1);
}

/* DNS. */

/** What the table says: "MX example.org OK s 10 a.example.org, ...". */
typedef struct user_answer_t {
    smtp_dns_question_e question;
    const char *name;
    smtp_dns_status_e status;
    const char *flags;           /**< s(ecure), a(lias) */
    /** Parted by spaces: MX "10 a.example 20 b.example", addresses. */
    const char *records;
    const char *canonical;
    const smtp_dns_tlsa_t *tlsa; /**< ends with data NULL */
} user_answer_t;

/** Ends with name NULL; NULL: whatever is asked for does not exist. */
static const user_answer_t *user_dns;

/** Questions that were asked, "MX example.org; ADDRESS ...". */
static char user_questions[4096];

typedef struct user_query_t {
    queue_timer_t timer;
    smtp_dns_done_t *done;
    void *baton;
    const smtp_dns_answer_t *answer;
} user_query_t;

static void user_records_add(apr_pool_t *p, const user_answer_t *from,
                             apr_array_header_t *records)
{
    char *words = apr_pstrdup(p, from->records ? from->records : "");
    char *last, *word;
    const smtp_dns_tlsa_t *tlsa;

    for (tlsa = from->tlsa; tlsa != NULL && tlsa->data != NULL; tlsa++) {
        smtp_dns_record_t *record = apr_array_push(records);

        memset(record, 0, sizeof(*record));
        record->type = SMTP_DNS_RECORD_TLSA;
        record->u.tlsa = *tlsa;
    }
    for (word = apr_strtok(words, " ", &last); word != NULL;
         word = apr_strtok(NULL, " ", &last)) {
        smtp_dns_record_t *record = apr_array_push(records);

        memset(record, 0, sizeof(*record));
        if (from->question == SMTP_DNS_MX) {
            record->type = SMTP_DNS_RECORD_MX;
            record->u.mx.preference = atoi(word);
            record->u.mx.host = apr_strtok(NULL, " ", &last);
            if (strcmp(record->u.mx.host, ".") == 0) {
                record->u.mx.host = "";
            }
        }
        else if (from->question == SMTP_DNS_ALIAS) {
            record->type = SMTP_DNS_RECORD_CNAME;
            record->u.name = word;
        }
        else {
            assert_int_equal(smtp_dns_address_parse(word,
                                                    &record->u.address), 0);
            record->type = record->u.address.family == AF_INET
                           ? SMTP_DNS_RECORD_A : SMTP_DNS_RECORD_AAAA;
        }
    }
}

static const smtp_dns_answer_t *user_answer_make(
    apr_pool_t *p, smtp_dns_question_e question, const char *name)
{
    smtp_dns_answer_t *answer = apr_pcalloc(p, sizeof(*answer));
    const user_answer_t *row = user_dns;

    answer->records = apr_array_make(p, 2, sizeof(smtp_dns_record_t));
    answer->status = SMTP_DNS_NXDOMAIN;
    while (row != NULL && row->name != NULL
           && (row->question != question || strcmp(row->name, name) != 0)) {
        row++;
    }
    if (row == NULL || row->name == NULL) {
        return answer;
    }
    answer->status = row->status;
    answer->is_secure = strchr(row->flags, 's') != NULL;
    answer->is_alias = strchr(row->flags, 'a') != NULL;
    answer->canonical = row->canonical;
    answer->reason = row->status >= SMTP_DNS_BOGUS ? "of the test" : NULL;
    user_records_add(p, row, answer->records);
    return answer;
}

static void user_query_fire(void *baton)
{
    user_query_t *query = baton;

    query->done(query->baton, query->answer);
}

static apr_status_t user_query_end(void *data)
{
    user_query_t *query = data;

    queue_timer_clear(&query->timer);
    return APR_SUCCESS;
}

/** In place of libunbound. */
apr_status_t queue_network_ask(queue_network_t *network, apr_pool_t *p,
                               smtp_dns_question_e question,
                               const char *name, smtp_dns_done_t *done,
                               void *baton)
{
    static const char *const names[] = { "MX", "ADDRESS", "PTR", "TXT",
                                         "TLSA", "ALIAS" };
    user_query_t *query = apr_pcalloc(p, sizeof(*query));
    size_t len = strlen(user_questions);

    snprintf(user_questions + len, sizeof(user_questions) - len, "%s%s %s",
             len ? "; " : "", names[question], name);
    if (strcmp(name, "broken.example") == 0) {
        return APR_EGENERAL;
    }
    query->done = done;
    query->baton = baton;
    query->answer = user_answer_make(p, question, name);
    queue_timer_init(&query->timer, network->loop, user_query_fire, query);
    queue_timer_set(&query->timer, queue_loop_now(network->loop));
    apr_pool_cleanup_register(p, query, user_query_end,
                              apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* The user. */

/** One message that is to be sent. */
typedef struct user_mail_t {
    const char *recipients;      /**< parted by spaces */
    const char *content;         /**< NULL: two lines */
    apr_size_t repeat;           /**< the content so often; 0: once */
} user_mail_t;

typedef struct user_t {
    apr_pool_t *pool;
    queue_loop_t *loop;
    queue_network_t network;
    queue_route_t route;
    queue_destination_conf_t conf;
    queue_connection_conf_t connection_conf;
    queue_connection_t *connection;
    const user_mail_t *mails;    /**< ends with recipients NULL */
    apr_size_t left;             /**< of the content of the message at hand */
    const user_mail_t *mail;
    /** When there are no more mails: 0: quit; 1: nothing. */
    unsigned int is_idle : 1;
    /** Broken off at: 'r' ready, 'd' done; 0: not. */
    char abort_at;
    /** Called when ready and idle. */
    void (*when_idle)(struct user_t *user);
    queue_timer_t timer;
    char events[8192];
    queue_peer_t peer;           /**< when it was closed */
    smtp_tls_info_t tls;         /**< the same */
} user_t;

static void user_event(user_t *user, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void user_event(user_t *user, const char *fmt, ...)
{
    size_t len = strlen(user->events);
    va_list args;

    va_start(args, fmt);
    vsnprintf(user->events + len, sizeof(user->events) - len, fmt, args);
    va_end(args);
}

static apr_status_t user_content(void *ctx, const char **octets,
                                 apr_size_t *len)
{
    user_t *user = ctx;

    if (user->left == 0) {
        return APR_EOF;
    }
    user->left--;
    *octets = user->mail->content ? user->mail->content
                                  : "Subject: hi\r\n\r\nhi\r\n";
    *len = strlen(*octets);
    return APR_SUCCESS;
}

static smtp_client_message_t *user_message(user_t *user,
                                           const user_mail_t *mail)
{
    smtp_client_message_t *message = apr_pcalloc(user->pool,
                                                 sizeof(*message));
    apr_array_header_t *words =
        apr_array_make(user->pool, 2, sizeof(smtp_client_rcpt_t));
    char *list = apr_pstrdup(user->pool, mail->recipients);
    char *last, *word;

    for (word = apr_strtok(list, " ", &last); word != NULL;
         word = apr_strtok(NULL, " ", &last)) {
        smtp_client_rcpt_t *rcpt = apr_array_push(words);

        memset(rcpt, 0, sizeof(*rcpt));
        rcpt->address = word;
    }
    message->pool = user->pool;
    message->reverse_path = "sender@example.com";
    message->rcpts = (smtp_client_rcpt_t *)words->elts;
    message->rcpt_count = (apr_size_t)words->nelts;
    message->content = user_content;
    message->content_ctx = user;
    message->params.requiretls = user->connection_conf.requires_tls;
    user->mail = mail;
    user->left = mail->repeat ? mail->repeat : 1;
    return message;
}

static void user_ready(void *baton, queue_connection_t *connection)
{
    user_t *user = baton;

    user_event(user, "ready\n");
    if (user->abort_at == 'r') {
        queue_connection_abort(connection, "the test says so");
    }
    else if (user->mails->recipients != NULL) {
        queue_connection_send(connection, user_message(user, user->mails++));
    }
    else if (user->when_idle != NULL) {
        user->when_idle(user);
    }
    else if (!user->is_idle) {
        queue_connection_quit(connection);
    }
}

static void user_outcome(user_t *user, const smtp_outcome_t *outcome)
{
    user_event(user, " %s %d %d.%d.%d %s%s%s",
               smtp_outcome_name(outcome->result), outcome->code,
               outcome->status.klass, outcome->status.subject,
               outcome->status.detail, smtp_stage_name(outcome->stage),
               outcome->retry_now ? " now" : "",
               outcome->may_be_duplicate ? " twice" : "");
}

static void user_done(void *baton, queue_connection_t *connection,
                      smtp_client_message_t *message)
{
    user_t *user = baton;
    apr_size_t i;

    user_event(user, "done");
    for (i = 0; i < message->rcpt_count; i++) {
        user_event(user, "%s %s", i ? ";" : "", message->rcpts[i].address);
        user_outcome(user, &message->rcpts[i].outcome);
        assert_non_null(message->rcpts[i].outcome.text);
    }
    user_event(user, "\n");
    if (user->abort_at == 'd') {
        queue_connection_abort(connection, "the test says so");
    }
}

static void user_closed(void *baton, queue_connection_t *connection,
                        const smtp_outcome_t *failure)
{
    user_t *user = baton;

    user_event(user, "closed");
    if (failure != NULL) {
        user_outcome(user, failure);
        assert_non_null(failure->text);
    }
    user_event(user, "\n");
    user->peer = *queue_connection_peer(connection);
    user->peer.host = apr_pstrdup(user->pool, user->peer.host);
    user->peer.address = apr_pstrdup(user->pool, user->peer.address);
    user->peer.source = apr_pstrdup(user->pool, user->peer.source);
    if (user->peer.tls != NULL) {
        user->tls = *user->peer.tls;
    }
    user->connection = NULL;
    queue_loop_stop(user->loop);
}

/** A connection that may be opened, to 127.0.0.1 at @a port. */
static user_t *user_create(apr_pool_t *p, int port)
{
    static const user_mail_t nothing = { NULL, NULL, 0 };
    static server_rec server;
    user_t *user = apr_pcalloc(p, sizeof(*user));

    *user_questions = '\0';
    *user_log = '\0';
    user_dns = NULL;
    server.log.level = APLOG_TRACE8;
    user->pool = p;
    assert_int_equal(queue_loop_create(p, 1, &user->loop), APR_SUCCESS);
    user->network.server = &server;
    user->network.loop = user->loop;
    user->network.random = 1;
    user->network.self.is_loopback_foreign = 1;
    user->mails = &nothing;
    user->route.kind = QUEUE_ROUTE_SMTP;
    user->route.host = "[127.0.0.1]";
    user->route.port = (apr_port_t)port;
    user->conf.timeout_connect = apr_time_from_sec(30);
    user->conf.idle = apr_time_from_sec(30);
    user->conf.family = SMTP_MX_FAMILY_IPV4_FIRST;
    user->connection_conf.route = &user->route;
    user->connection_conf.conf = &user->conf;
    user->connection_conf.domain = "example.org";
    user->connection_conf.helo = "mx.example.com";
    return user;
}

static void user_open(user_t *user)
{
    static const queue_connection_user_t calls = { user_ready, user_done,
                                                   user_closed };

    user->connection = queue_connection_open(user->pool, &user->network,
                                             &user->connection_conf, &calls,
                                             user);
    assert_string_equal(user->events, "");
}

/** Until it is closed. */
static void user_run(user_t *user)
{
    user_open(user);
    assert_int_equal(queue_loop_run(user->loop), APR_SUCCESS);
}

#endif
