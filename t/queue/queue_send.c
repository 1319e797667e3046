/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Sends messages through mod_smtp/queue's connections, without a queue, and
 * prints what comes of it. For t/server/queue_connection.t, and to measure.
 *
 *     queue_send [-OPTION VALUE]... -- DOMAIN...
 *
 * For each domain, one after the other, connections are opened and messages
 * to someone@DOMAIN sent. A line for each recipient: domain, result, reply
 * code, enhanced code, stage, host, address, port, source, TLS, text, with a
 * tab between them. TLS is its result, protocol, and "verified" or "dane".
 *
 *     -s ZONE=SERVER  a zone's own server
 *     -a FILE         trust anchors
 *     -p PORT         of the hosts (25)
 *     -r HOST         goes there, not to the MX of DOMAIN; "/path" by LMTP
 *     -t LEVEL        none, may, encrypt, verify, dane (may)
 *     -N NAME         that a certificate has to have; several times
 *     -i 1            TLS at once
 *     -R 1            REQUIRETLS
 *     -f FAMILY       4 or 6: only these addresses
 *     -S ADDRESS      source; several times
 *     -c FILE         CAs; -k FILE: client certificate and its key
 *     -T MSEC         all time limits
 *     -o ADDRESS      is us; -O NAME: the same
 *     -n COUNT        messages for each domain (1)
 *     -j COUNT        connections at once (1)
 *     -b OCTETS       of a message, about (400)
 *     -l 1            log lines go to stderr
 *     -u 1            at the end: CPU time to stderr
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_connection.h"

module AP_MODULE_DECLARE_DATA smtp_queue_module;

typedef struct args_t {
    apr_pool_t *p;
    queue_conf_t conf;
    smtp_mx_self_t self;
    queue_route_t route;
    queue_destination_conf_t destination;
    apr_array_header_t *own_names, *own_addresses, *sources, *names, *stubs;
    smtp_tls_conf_t tls;
    int requires_tls, count, connections, octets, is_logging, is_measuring;
} args_t;

static args_t args;

/* In place of httpd and of the configuration. */

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    va_list list;

    (void)file, (void)line, (void)module_index, (void)level;
    (void)status, (void)s;
    if (!args.is_logging) {
        return;
    }
    va_start(list, fmt);
    vfprintf(stderr, fmt, list);
    va_end(list);
    fputc('\n', stderr);
}

void queue_conf_self_get(apr_pool_t *p, const queue_conf_t *conf,
                         apr_port_t port, smtp_mx_self_t *self)
{
    (void)p, (void)conf, (void)port;
    *self = args.self;
}

void queue_conf_dns_get(const queue_conf_t *conf, smtp_dns_options_t *options)
{
    memset(options, 0, sizeof(*options));
    options->stubs = conf->dns_stubs;
    options->is_recursive = conf->dns_stubs->nelts > 0;
    options->trust_anchors = conf->dns_trust_anchors;
}

/* Options. */

static void die(const char *what, const char *value)
{
    fprintf(stderr, "queue_send: %s: %s\n", what, value);
    exit(2);
}

static void stub_add(const char *value)
{
    smtp_dns_stub_t *stub = apr_array_push(args.stubs);
    char *equals = strchr(apr_pstrdup(args.p, value), '=');

    if (equals == NULL) {
        die("not ZONE=SERVER", value);
    }
    stub->zone = apr_pstrndup(args.p, value, strcspn(value, "="));
    stub->server = equals + 1;
}

static smtp_dns_address_t address_read(const char *value)
{
    smtp_dns_address_t address;

    if (smtp_dns_address_parse(value, &address) != APR_SUCCESS) {
        die("no address", value);
    }
    return address;
}

static void source_add(const char *value)
{
    queue_source_t source = { address_read(value), 1, NULL };

    APR_ARRAY_PUSH(args.sources, queue_source_t) = source;
    args.destination.sources = args.sources;
}

static void level_set(const char *value)
{
    smtp_tls_level_e level;

    if (!smtp_tls_level_parse(value, &level)) {
        die("no level", value);
    }
    args.destination.tls = (int)level;
}

static void route_set(const char *value)
{
    args.route.kind = *value == '/' ? QUEUE_ROUTE_LMTP_UNIX
                                    : QUEUE_ROUTE_SMTP;
    args.route.host = args.route.path = value;
}

static void timeouts_set(const char *value)
{
    apr_interval_time_t timeout = apr_time_from_msec(atoi(value));
    int i;

    args.destination.timeout_connect = timeout;
    for (i = 0; i < SMTP_STAGE_COUNT; i++) {
        args.destination.timeout[i] = timeout;
    }
}

static void option_read(char option, const char *value)
{
    switch (option) {
    case 's': stub_add(value); break;
    case 'a': args.conf.dns_trust_anchors = value; break;
    case 'p': args.route.port = (apr_port_t)atoi(value); break;
    case 'r': route_set(value); break;
    case 't': level_set(value); break;
    case 'N': APR_ARRAY_PUSH(args.names, const char *) = value; break;
    case 'i': args.route.is_implicit_tls = 1; break;
    case 'R': args.requires_tls = 1; break;
    case 'f': args.destination.family = *value == '6'
                  ? SMTP_MX_FAMILY_IPV6_ONLY : SMTP_MX_FAMILY_IPV4_ONLY;
              break;
    case 'S': source_add(value); break;
    case 'c': args.tls.ca_file = value; break;
    case 'k': args.tls.cert_file = value; break;
    case 'T': timeouts_set(value); break;
    case 'o': APR_ARRAY_PUSH(args.own_addresses, smtp_dns_address_t) =
                  address_read(value);
              break;
    case 'O': APR_ARRAY_PUSH(args.own_names, const char *) = value; break;
    case 'n': args.count = atoi(value); break;
    case 'j': args.connections = atoi(value); break;
    case 'b': args.octets = atoi(value); break;
    case 'l': args.is_logging = 1; break;
    case 'u': args.is_measuring = 1; break;
    default: die("unknown option before", value);
    }
}

static void args_begin(apr_pool_t *p)
{
    static server_rec server;
    static queue_vhost_t vhost;

    server.log.level = APLOG_DEBUG;
    vhost.s = &server;
    args.p = p;
    args.conf.vhosts = apr_array_make(p, 1, sizeof(queue_vhost_t *));
    APR_ARRAY_PUSH(args.conf.vhosts, queue_vhost_t *) = &vhost;
    args.stubs = apr_array_make(p, 4, sizeof(smtp_dns_stub_t));
    args.own_names = apr_array_make(p, 1, sizeof(const char *));
    args.own_addresses = apr_array_make(p, 1, sizeof(smtp_dns_address_t));
    args.sources = apr_array_make(p, 1, sizeof(queue_source_t));
    args.names = apr_array_make(p, 1, sizeof(const char *));
    args.conf.dns_stubs = args.stubs;
    args.self.names = args.own_names;
    args.self.addresses = args.own_addresses;
    args.self.is_loopback_foreign = 1;
    args.route.port = 25;
    args.destination.tls = SMTP_TLS_MAY;
    args.destination.tls_names = args.names;
    args.destination.dane = 1;
    args.destination.family = SMTP_MX_FAMILY_IPV4_FIRST;
    args.destination.idle = apr_time_from_sec(2);
    args.destination.timeout_connect = apr_time_from_sec(30);
    args.count = args.connections = 1;
    args.octets = 400;
}

/** @return index of the first domain */
static int args_read(apr_pool_t *p, int argc, char **argv)
{
    int i = 1;

    args_begin(p);
    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (argv[i][0] != '-' || strlen(argv[i]) != 2) {
            die("no option", argv[i]);
        }
        option_read(argv[i][1], argv[i + 1]);
    }
    return i + 1;
}

/* The user of connections. */

/** All that goes to one domain. */
typedef struct send_t {
    apr_pool_t *p;
    queue_loop_t *loop;
    queue_network_t *network;
    const char *domain;
    int left;                    /**< messages not begun */
    int open;                    /**< connections */
} send_t;

/** One message at hand. */
typedef struct mail_t {
    smtp_client_message_t message;
    smtp_client_rcpt_t rcpt;
    apr_size_t left;
} mail_t;

static const char line[] =
    "0123456789012345678901234567890123456789012345678901234567890123456\r\n";

static apr_status_t mail_read(void *ctx, const char **octets, apr_size_t *len)
{
    static char content[65536];
    mail_t *mail = ctx;
    apr_size_t at;

    if (*content == '\0') {
        strcpy(content, "Subject: test\r\n\r\n");
        for (at = strlen(content); at + sizeof(line) < sizeof(content);
             at += sizeof(line) - 1) {
            strcpy(content + at, line);
        }
    }
    if (mail->left == 0) {
        return APR_EOF;
    }
    *octets = content;
    *len = mail->left < sizeof(content) - 1000 ? mail->left
                                               : sizeof(content) - 1000;
    mail->left -= *len;
    return APR_SUCCESS;
}

static mail_t *mail_create(send_t *sending)
{
    apr_pool_t *p;
    mail_t *mail;

    apr_pool_create(&p, sending->p);
    mail = apr_pcalloc(p, sizeof(*mail));
    mail->message.pool = p;
    mail->message.reverse_path = "sender@example.com";
    mail->message.rcpts = &mail->rcpt;
    mail->message.rcpt_count = 1;
    mail->message.content = mail_read;
    mail->message.content_ctx = mail;
    mail->message.params.requiretls = args.requires_tls;
    mail->rcpt.address = apr_pstrcat(p, "someone@", sending->domain, NULL);
    mail->left = (apr_size_t)args.octets;
    return mail;
}

static const char *tls_write(apr_pool_t *p, const smtp_tls_info_t *tls)
{
    const char *name = tls ? smtp_tls_result_name(tls->result) : NULL;

    return tls == NULL ? "" : apr_pstrcat(
        p, name ? name : "ok", " ", tls->protocol ? tls->protocol : "-",
        tls->is_dane ? " dane" : tls->is_verified ? " verified" : "", NULL);
}

static void outcome_print(apr_pool_t *p, const send_t *sending,
                          const queue_connection_t *connection,
                          const smtp_outcome_t *outcome)
{
    const queue_peer_t *peer = queue_connection_peer(connection);

    if (args.is_measuring) {
        return;
    }
    printf("%s\t%s\t%d\t%d.%d.%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n",
           sending->domain, smtp_outcome_name(outcome->result), outcome->code,
           outcome->status.klass, outcome->status.subject,
           outcome->status.detail, smtp_stage_name(outcome->stage),
           peer->host, peer->address, peer->port, peer->source,
           tls_write(p, peer->tls), outcome->text);
}

static void send_ready(void *baton, queue_connection_t *connection)
{
    send_t *sending = baton;

    if (sending->left > 0) {
        sending->left--;
        queue_connection_send(connection, &mail_create(sending)->message);
    }
    else {
        queue_connection_quit(connection);
    }
}

static void send_done(void *baton, queue_connection_t *connection,
                      smtp_client_message_t *message)
{
    if (message->rcpts->outcome.retry_now) {
        ((send_t *)baton)->left++;
    }
    else {
        outcome_print(message->pool, baton, connection,
                      &message->rcpts->outcome);
    }
    apr_pool_destroy(message->pool);
}

static void connection_begin(send_t *sending);

static void send_closed(void *baton, queue_connection_t *connection,
                        const smtp_outcome_t *failure)
{
    send_t *sending = baton;

    if (failure != NULL) {
        for (; sending->left > 0; sending->left--) {
            outcome_print(sending->p, sending, connection, failure);
        }
    }
    sending->open--;
    if (sending->left > 0) {
        connection_begin(sending);
    }
    else if (sending->open == 0) {
        queue_loop_stop(sending->loop);
    }
}

static void connection_begin(send_t *sending)
{
    static const queue_connection_user_t user = { send_ready, send_done,
                                                  send_closed };
    const queue_connection_conf_t conf = {
        .route = &args.route, .conf = &args.destination,
        .domain = sending->domain, .helo = "mx.example.com",
        .requires_tls = args.requires_tls & 1
    };

    sending->open++;
    queue_connection_open(sending->p, sending->network, &conf, &user,
                          sending);
}

static void domain_send(send_t *sending, const char *domain)
{
    int i;

    sending->domain = domain;
    sending->left = args.count;
    for (i = 0; i < args.connections; i++) {
        connection_begin(sending);
    }
    queue_loop_run(sending->loop);
}

static void usage_print(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "user %ld.%06ld system %ld.%06ld s\n",
            (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec,
            (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    send_t sending = { 0 };
    const char *fault = NULL;
    int i;

    apr_initialize();
    apr_pool_create(&sending.p, NULL);
    i = args_read(sending.p, argc, argv);
    if (smtp_tls_context_create(sending.p, &args.tls, &args.conf.tls, &fault)
            != APR_SUCCESS
        || queue_loop_create(sending.p, 1, &sending.loop) != APR_SUCCESS
        || queue_network_create(sending.p, &args.conf, sending.loop,
                                &sending.network, &fault) != APR_SUCCESS) {
        die("cannot begin", fault ? fault : "no words for it");
    }
    for (; i < argc; i++) {
        domain_send(&sending, argv[i]);
    }
    if (args.is_measuring) {
        usage_print();
    }
    apr_pool_destroy(sending.p);
    apr_terminate();
    return 0;
}
