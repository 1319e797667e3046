/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A peer that says anything at any time. Input: four octets that configure
 * client and message, then what the peer says; FF and one more octet is an
 * event (event_happen()). */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_client_private.h"

#define RCPTS 4

/** The client, and what it must never do. */
typedef struct watch_t {
    smtp_client_t *client;
    smtp_client_message_t message;
    smtp_client_rcpt_t rcpts[RCPTS];
    smtp_outcome_t seen[RCPTS];  /**< outcomes do not change */
    apr_size_t left;             /**< of the content */
    int messages;                /**< still to begin */
    int is_binary;
    int has_begun;               /**< outcomes count */
    int is_at_end;               /**< the content was read to its end */
    char last;                   /**< octet of the output */
    char line[16];               /**< beginning of the line of output */
    apr_size_t line_len;
    apr_time_t now;
} watch_t;

static const char content[] = "Subject: x\r\n\r\n.\r\n..\n.\r.\r\r\n\xC3\xA9.";

static apr_status_t content_read(void *ctx, const char **octets,
                                 apr_size_t *len)
{
    watch_t *watch = ctx;
    apr_size_t at = sizeof(content) - 1 - watch->left;

    /* RFC 5321 3.3: no mail for nobody. */
    FUZZ_CHECK(watch->client->accepted > 0);
    FUZZ_CHECK(!watch->is_at_end);
    if (watch->left == 0) {
        watch->is_at_end = 1;
        return APR_EOF;
    }
    *octets = content + at;
    *len = watch->left % 4 < 2 ? 1 : 2;
    watch->left -= *len;
    return APR_SUCCESS;
}

/** Without PIPELINING nothing is said in hope (RFC 2920 3.1). */
static void line_check(const watch_t *watch)
{
    const smtp_client_t *client = watch->client;

    if (watch->line_len == 4 && memcmp(watch->line, "DATA", 4) == 0
        && client->phase == SMTP_PHASE_ENVELOPE) {
        FUZZ_CHECK(client->accepted > 0
                   || smtp_client_can(client, SMTP_EXTENSION_PIPELINING));
    }
}

static void octet_check(watch_t *watch, char c)
{
    FUZZ_CHECK(watch->is_binary || (c == '\n') == (watch->last == '\r'));
    watch->last = c;
    if (c == '\n') {
        line_check(watch);
        watch->line_len = 0;
    }
    else if (c != '\r' && watch->line_len < sizeof(watch->line)) {
        watch->line[watch->line_len++] = c;
    }
}

static void output_take(watch_t *watch, apr_size_t most)
{
    const char *octets;
    apr_size_t len = smtp_client_output(watch->client, watch->now, &octets);
    apr_size_t i;

    FUZZ_CHECK(len <= SMTP_CLIENT_BUFFER_OCTETS);
    if (len > most) {
        len = most;
    }
    for (i = 0; i < len; i++) {
        octet_check(watch, octets[i]);
    }
    smtp_client_written(watch->client, len, watch->now);
}

static void outcome_check(const watch_t *watch, const smtp_outcome_t *outcome)
{
    static const unsigned short klass[] = { 0, 2, 2, 2, 4, 5 };
    const char *c;

    FUZZ_CHECK(outcome->status.klass == klass[outcome->result]);
    FUZZ_CHECK(outcome->text != NULL);
    for (c = outcome->text; *c; c++) {
        FUZZ_CHECK(*c >= ' ' && *c <= '~');
    }
    FUZZ_CHECK(!smtp_outcome_is_success(outcome) || watch->is_at_end);
    FUZZ_CHECK(!outcome->may_be_duplicate || watch->is_at_end);
}

/** One outcome each, which stays; in READY and CLOSED all have one. */
static void outcomes_check(watch_t *watch)
{
    smtp_client_state_e state = smtp_client_state(watch->client);
    apr_size_t i;

    for (i = 0; i < watch->message.rcpt_count && watch->has_begun; i++) {
        const smtp_outcome_t *outcome = &watch->rcpts[i].outcome;

        if (outcome->result == SMTP_OUTCOME_PENDING) {
            FUZZ_CHECK(state == SMTP_CLIENT_BUSY);
            continue;
        }
        outcome_check(watch, outcome);
        if (watch->seen[i].result != SMTP_OUTCOME_PENDING) {
            FUZZ_CHECK(watch->seen[i].result == outcome->result
                       && watch->seen[i].text == outcome->text);
        }
        watch->seen[i] = *outcome;
    }
    FUZZ_CHECK((smtp_client_deadline(watch->client) > 0)
               == (state == SMTP_CLIENT_BUSY));
    FUZZ_CHECK(state != SMTP_CLIENT_READY
               || smtp_client_failure(watch->client) == NULL);
}

static void message_begin(watch_t *watch)
{
    watch->messages--;
    watch->left = sizeof(content) - 1;
    watch->is_at_end = 0;
    watch->has_begun = 1;
    memset(watch->seen, 0, sizeof(watch->seen));
    smtp_client_begin(watch->client, &watch->message, watch->now);
}

/** What a driver does in each state. */
static void drive(watch_t *watch)
{
    static const smtp_client_tls_t tls = { 1, "tls-exporter", "octets", 6 };

    outcomes_check(watch);
    if (smtp_client_state(watch->client) == SMTP_CLIENT_TLS) {
        watch->last = '\0';
        smtp_client_tls_done(watch->client, &tls, watch->now);
    }
    while (smtp_client_state(watch->client) == SMTP_CLIENT_READY
           && watch->messages > 0) {
        message_begin(watch);
        outcomes_check(watch);
    }
    outcomes_check(watch);
}

static void drain(watch_t *watch)
{
    int i;

    for (i = 0; i < 8; i++) {
        output_take(watch, (apr_size_t)-1);
    }
}

static void event_happen(watch_t *watch, uint8_t event)
{
    switch (event & 7) {
    case 0:
        smtp_client_lost(watch->client, SMTP_LOSS_CLOSED, NULL);
        break;
    case 1:
        smtp_client_lost(watch->client, SMTP_LOSS_TIMEOUT, "late\r\n\xFF");
        break;
    case 2:
        output_take(watch, 1 + (event >> 3));
        break;
    case 3:
        smtp_client_quit(watch->client, watch->now);
        break;
    default:
        watch->now += 1 + (event >> 3);
        drain(watch);
        break;
    }
}

static void peer_talk(watch_t *watch, const uint8_t *data, size_t size)
{
    size_t i = 0;

    while (i < size) {
        const uint8_t *ff = memchr(data + i, 0xFF, size - i);
        size_t len = ff ? (size_t)(ff - data) - i : size - i;

        /* Line by line, so that the client may answer each. */
        while (len > 0) {
            const uint8_t *lf = memchr(data + i, '\n', len);
            size_t piece = lf ? (size_t)(lf - data) + 1 - i : len;

            smtp_client_input(watch->client, (const char *)data + i, piece,
                              watch->now);
            drive(watch);
            if (!(watch->now & 1)) {
                drain(watch);
                drive(watch);
            }
            i += piece;
            len -= piece;
        }
        if (ff && i + 1 < size) {
            event_happen(watch, data[i + 1]);
            drive(watch);
        }
        i += 2;
    }
}

static void conf_make(smtp_client_conf_t *conf, const uint8_t *octets)
{
    static const char nonce[] = "rOprNGfwEbeRWgbNEkqO";

    memset(conf, 0, sizeof(*conf));
    conf->helo = "client.example";
    conf->lmtp = octets[0] & 1;
    conf->chunking = octets[0] >> 1 & 1;
    conf->send_8bit = octets[0] >> 2 & 1;
    conf->tls = (octets[0] >> 3 & 3) % 3;
    if (octets[0] & 0x20) {
        conf->auth.login = "user";
        conf->auth.password = "pencil";
        conf->auth.nonce = nonce;
        conf->auth.without_tls = octets[0] >> 6 & 1;
    }
}

static void message_make(watch_t *watch, apr_pool_t *p,
                         const uint8_t *octets)
{
    static const char *const addresses[] = {
        "b@example.net", "\"a> b\"@example.net", "\xC3\xA9@example.net",
        "c@example.net\nDATA", "d@other.example", "Postmaster", "", "x y"
    };
    smtp_client_message_t *message = &watch->message;
    apr_size_t i;

    message->pool = p;
    message->reverse_path = octets[1] & 1 ? "" : "a@example.org";
    message->params.has_body = 1;
    message->params.body = (octets[1] >> 1 & 3) % 3;
    message->params.smtputf8 = octets[1] >> 3 & 1;
    message->params.requiretls = octets[1] >> 4 & 1;
    message->params.envid = octets[1] & 0x20 ? "id" : NULL;
    message->params.auth = octets[1] & 0x40 ? "a@b.example" : NULL;
    message->has_8bit = octets[1] >> 7;
    message->size_octets = octets[3];
    message->rcpts = watch->rcpts;
    message->rcpt_count = 1 + (octets[2] & 3);
    message->content = content_read;
    message->content_ctx = watch;
    for (i = 0; i < message->rcpt_count; i++) {
        watch->rcpts[i].address = addresses[(octets[2] >> 2) % 8 * i % 8];
        watch->rcpts[i].params.notify = octets[3] & 0xF;
    }
    watch->is_binary = message->params.body == SMTP_BODY_BINARYMIME;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    smtp_client_conf_t conf;
    watch_t watch;

    if (size < 4) {
        return 0;
    }
    memset(&watch, 0, sizeof(watch));
    watch.messages = 3;
    watch.now = 1000 + (data[2] >> 7);
    conf_make(&conf, data);
    message_make(&watch, p, data);
    FUZZ_CHECK(smtp_client_create(p, &conf, watch.now, &watch.client)
               == APR_SUCCESS);
    peer_talk(&watch, data + 4, size - 4);
    smtp_client_lost(watch.client, SMTP_LOSS_CLOSED, NULL);
    FUZZ_CHECK(smtp_client_state(watch.client) == SMTP_CLIENT_CLOSED);
    drive(&watch);
    return 0;
}
