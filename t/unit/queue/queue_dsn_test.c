/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_dsn.h"
#include "smtp_queue.h"
#include "store_segment.h"

/* What httpd, mod_smtp and the store give. */

module AP_MODULE_DECLARE_DATA smtp_queue_module;

static char error_log[4096];

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    size_t len = strlen(error_log);
    va_list args;

    (void)file, (void)line, (void)module_index, (void)level;
    (void)status, (void)s;
    va_start(args, fmt);
    vsnprintf(error_log + len, sizeof(error_log) - len, fmt, args);
    va_end(args);
    strncat(error_log, "\n", sizeof(error_log) - strlen(error_log) - 1);
}

/** A DSN that was sent. */
typedef struct sent_t {
    const char *reverse_path;
    const char *to;
    smtp_mail_params_t params;
    unsigned int notify;
    const char *octets;
} sent_t;

static struct {
    apr_pool_t *p;
    apr_array_header_t *sent;    /* sent_t */
    apr_status_t rv;             /* of the calls from nth on */
    int nth;
    int calls;
    smtp_reply_t reply;
} server;

typedef struct octets_t {
    char *s;
    apr_size_t len;
} octets_t;

static apr_status_t octets_add(void *to, const char *octets, apr_size_t len)
{
    octets_t *all = to;

    all->s = realloc(all->s, all->len + len + 1);
    memcpy(all->s + all->len, octets, len);
    all->len += len;
    all->s[all->len] = '\0';
    return APR_SUCCESS;
}

static apr_status_t smtp_own_mail_send(apr_pool_t *p, server_rec *s,
                                       const smtp_own_mail_t *mail,
                                       const char **id, smtp_reply_t *reply)
{
    sent_t *sent;
    octets_t all = { NULL, 0 };
    apr_status_t rv = mail->compose(mail->ctx, octets_add, &all);

    (void)s;
    *id = NULL;
    if (rv == APR_SUCCESS && server.rv != APR_SUCCESS
        && ++server.calls >= server.nth) {
        *reply = server.reply;
        rv = server.rv;
    }
    if (rv == APR_SUCCESS) {
        *id = apr_pstrdup(p, "DSN1");
        sent = apr_array_push(server.sent);
        sent->reverse_path = apr_pstrdup(server.p, mail->reverse_path);
        assert_int_equal(mail->recipients->nelts, 1);
        sent->to = apr_pstrdup(server.p, APR_ARRAY_IDX(mail->recipients, 0,
                                                       const char *));
        sent->params = mail->params;
        sent->notify = mail->rcpt_params.notify;
        sent->octets = apr_pstrmemdup(server.p, all.s, all.len);
    }
    free(all.s);
    return rv;
}

#define TRACE "Received: from a by b; Mon, 23 Nov 2026 10:50:00 +0000\r\n"
#define HEADER "Subject: a question\r\nX-Note: kept\r\n"
#define BODY "The body.\r\n"

/** A mail that is given out in small pieces. */
static struct {
    const char *octets;
    apr_size_t at;
    apr_size_t damaged_at;       /* 0: nowhere */
    apr_status_t rewind_rv;
    int rewinds;
} content;

static apr_status_t content_get(void *ctx, const char **octets,
                                apr_size_t *len)
{
    static char piece[7];
    apr_size_t left = strlen(content.octets) - content.at;

    (void)ctx;
    if (content.damaged_at && content.at >= content.damaged_at) {
        return STORE_EDAMAGED;
    }
    *len = left < sizeof(piece) ? left : sizeof(piece);
    memcpy(piece, content.octets + content.at, *len);
    *octets = piece;
    content.at += *len;
    return *len ? APR_SUCCESS : APR_EOF;
}

apr_status_t queue_mail_rewind(queue_mail_t *mail)
{
    (void)mail;
    content.at = 0;
    content.rewinds++;
    return content.rewind_rv;
}

/* A message that news come of. */

static server_rec httpd_server;
static queue_vhost_t vhost;
static store_envelope_t *envelope;
static queue_mail_t mail;

static store_recipient_t *recipient_add(apr_pool_t *p, const char *address,
                                        apr_int64_t notify)
{
    store_recipient_t *recipient = store_envelope_recipient_add(p, envelope);

    recipient->forward_path = address;
    recipient->notify = notify;
    recipient->is_relayed = 1;
    return recipient;
}

static void mailbox_add(store_recipient_t *recipient, const char *name)
{
    store_mailbox_t *mailbox = store_envelope_mailbox_add(recipient);

    recipient->is_relayed = 0;
    mailbox->domain = "example.com";
    mailbox->name = name;
    mailbox->delivered_to = apr_pstrcat(server.p, name, "@secret.example",
                                        NULL);
    mailbox->method = "lmtp";
}

static void begin(apr_pool_t *p)
{
    memset(&server, 0, sizeof(server));
    server.p = p;
    server.sent = apr_array_make(p, 4, sizeof(sent_t));
    memset(&content, 0, sizeof(content));
    content.octets = TRACE HEADER "\r\n" BODY;
    content.at = 3;              /* somebody has read it */
    memset(&vhost, 0, sizeof(vhost));
    httpd_server.server_hostname = (char *)"mx.example.com";
    httpd_server.log.level = APLOG_DEBUG;
    vhost.s = &httpd_server;
    vhost.dsn_max_octets = 1000;
    vhost.dsn_templates = apr_hash_make(p);
    envelope = store_envelope_create(p);
    envelope->id = "0650c1f2a3b4c00001001";
    envelope->reverse_path = "sender@example.com";
    envelope->arrived = apr_time_from_sec(1795427400);
    envelope->ret = SMTP_RET_HDRS;
    mail.envelope = envelope;
    mail.size_octets = (apr_off_t)strlen(content.octets);
    mail.content = content_get;
    *error_log = '\0';
    if (!apr_hook_global_pool) {
        apr_pool_create(&apr_hook_global_pool, NULL);
        APR_REGISTER_OPTIONAL_FN(smtp_own_mail_send);
    }
    setenv("TZ", "UTC", 1);
}

static queue_dsn_recipient_t news_make(apr_uint32_t recipient,
                                       smtp_report_action_e action)
{
    queue_dsn_recipient_t news = { 0 };

    news.recipient = recipient;
    news.action = action;
    news.code = 550;
    news.status = (smtp_status_t){ 5, 1, 1 };
    news.host = "mx.example.org[192.0.2.1]:25";
    news.text = "No such user";
    news.attempt = apr_time_from_sec(1795427401);
    news.until = apr_time_from_sec(1795427402);
    return news;
}

/* As many as it takes. */
static apr_status_t dsns_send(apr_pool_t *p, const queue_vhost_t *to,
                              queue_mail_t *about,
                              queue_dsn_recipient_t *news, int count)
{
    apr_status_t rv = APR_SUCCESS;
    int first = 0, end;

    while (first < count && rv == APR_SUCCESS) {
        rv = queue_dsn_send(p, to, about, news, count, first, &end);
        assert_true(rv != APR_SUCCESS || news[first].is_told);
        while (first < count && news[first].is_told) {
            first++;
        }
        assert_true(rv != APR_SUCCESS || first <= end);
    }
    return rv;
}

/* What was sent, after one recipient had these news. */
static const sent_t *send_one(apr_pool_t *p, smtp_report_action_e action)
{
    queue_dsn_recipient_t news = news_make(0, action);

    assert_int_equal(dsns_send(p, &vhost, &mail, &news, 1),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 1);
    return &APR_ARRAY_IDX(server.sent, 0, sent_t);
}

static const sent_t *sent_get(int i)
{
    assert_true(i < server.sent->nelts);
    return &APR_ARRAY_IDX(server.sent, i, sent_t);
}

static int has(const sent_t *sent, const char *text)
{
    return strstr(sent->octets, text) != NULL;
}

#define CHECK_HAS(sent, text)                                       \
    do {                                                            \
        if (!has(sent, text)) {                                     \
            fail_msg("no \"%s\" in\n%s", text, (sent)->octets);     \
        }                                                           \
    } while (0)

/* RFC 3461 4.1, 5.2.2 to 5.2.6; RFC 5321 6.1. */
static void each_is_told_what_it_asked_for(void **state)
{
    enum { F = 1, D = 2, S = 4 };
    static const struct {
        apr_int64_t notify;
        int told;
    } rows[] = {
        { 0, F | D },
        { SMTP_NOTIFY_NEVER, 0 },
        { SMTP_NOTIFY_SUCCESS, S },
        { SMTP_NOTIFY_FAILURE, F },
        { SMTP_NOTIFY_DELAY, D },
        { SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE, S | F },
        { SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, S | D },
        { SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, F | D },
        { SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY,
          S | F | D },
        /* Which no parser lets through: it stands alone. */
        { SMTP_NOTIFY_NEVER | SMTP_NOTIFY_FAILURE, 0 }
    };
    static const struct {
        smtp_report_action_e action;
        int kind;
    } actions[] = {
        { SMTP_REPORT_FAILED, F }, { SMTP_REPORT_DELAYED, D },
        { SMTP_REPORT_DELIVERED, S }, { SMTP_REPORT_RELAYED, S },
        { SMTP_REPORT_EXPANDED, S }
    };
    store_queued_recipient_t queued = { 0, -1 };
    store_recipient_t *recipient;
    size_t i, j;
    int mailboxes;

    begin(*state);
    recipient = recipient_add(*state, "bob@example.org", 0);
    for (mailboxes = 0; mailboxes < 3; mailboxes++) {
        for (i = 0; i < UNIT_ROWS(rows); i++) {
            recipient->notify = rows[i].notify;
            for (j = 0; j < UNIT_ROWS(actions); j++) {
                int kind = actions[j].kind;
                int told = rows[i].told & kind
                           && (mailboxes < 2 || kind != S);

                envelope->reverse_path = "sender@example.com";
                if (queue_dsn_is_wanted(envelope, &queued, actions[j].action)
                    != told) {
                    fail_msg("NOTIFY %d, %s, %d mailboxes",
                             (int)rows[i].notify, smtp_report_action_name(
                             actions[j].action), mailboxes);
                }
                envelope->reverse_path = "";
                assert_false(queue_dsn_is_wanted(envelope, &queued,
                                                 actions[j].action));
            }
        }
        mailbox_add(recipient, "m");
    }
}

/* RFC 3461 5.2.7.3. */
static void an_alias_with_members_passes_no_success_on(void **state)
{
    static const struct {
        apr_int64_t notify, alias;
    } rows[] = {
        { 0, 0 },
        { SMTP_NOTIFY_NEVER, SMTP_NOTIFY_NEVER },
        { SMTP_NOTIFY_SUCCESS, SMTP_NOTIFY_NEVER },
        { SMTP_NOTIFY_DELAY, SMTP_NOTIFY_DELAY },
        { SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE, SMTP_NOTIFY_FAILURE }
    };
    store_recipient_t *recipient;
    size_t i;
    int mailboxes;

    begin(*state);
    recipient = recipient_add(*state, "all@example.com", 0);
    for (mailboxes = 0; mailboxes < 3; mailboxes++) {
        for (i = 0; i < UNIT_ROWS(rows); i++) {
            recipient->notify = rows[i].notify;
            assert_int_equal(queue_dsn_notify_get(recipient),
                             mailboxes < 2 ? rows[i].notify : rows[i].alias);
        }
        mailbox_add(recipient, "m");
    }
}

static void what_one_twin_asks_for_is_asked_for(void **state)
{
    static const apr_int64_t success = SMTP_NOTIFY_SUCCESS,
        failure = SMTP_NOTIFY_FAILURE, delay = SMTP_NOTIFY_DELAY,
        never = SMTP_NOTIFY_NEVER;
    const struct {
        apr_int64_t a, b, both;
    } rows[] = {
        { 0, 0, 0 },
        { never, never, never },
        { success, success, success },
        { never, success, success },
        { success, failure, success | failure },
        { 0, never, failure | delay },
        { 0, success, success | failure | delay }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_int_equal(queue_dsn_notify_join(rows[i].a, rows[i].b),
                         rows[i].both);
        assert_int_equal(queue_dsn_notify_join(rows[i].b, rows[i].a),
                         rows[i].both);
    }
}

static void forward_add(store_recipient_t *recipient, const char *name)
{
    mailbox_add(recipient, name);
    APR_ARRAY_IDX(recipient->mailboxes, recipient->mailboxes->nelts - 1,
                  store_mailbox_t).method = SMTP_MAILBOX_FORWARD;
}

static const char *orcpt_of(apr_pool_t *p, int recipient, int mailbox)
{
    const store_queued_recipient_t queued = { recipient, mailbox };

    return queue_dsn_orcpt_get(p, envelope, &queued);
}

/* RFC 3461 5.2.1 (d): else its user could not tell to whom it was. */
static void an_alias_is_the_original_recipient(void **state)
{
    store_recipient_t *recipient;

    begin(*state);
    recipient_add(*state, "bob@example.org", 0);
    recipient = recipient_add(*state, "a+b@example.com", 0);
    mailbox_add(recipient, "m");
    forward_add(recipient, "x");
    recipient = recipient_add(*state, "c@example.com", 0);
    recipient->orcpt = "rfc822;d@example.net";
    forward_add(recipient, "x");
    assert_null(orcpt_of(*state, 0, -1));
    assert_null(orcpt_of(*state, 1, 0));
    assert_string_equal(orcpt_of(*state, 1, 1), "rfc822;a+2Bb@example.com");
    assert_string_equal(orcpt_of(*state, 2, 0), "rfc822;d@example.net");
}

static void a_failure_is_told_with_all_that_is_known(void **state)
{
    const sent_t *sent;

    begin(*state);
    envelope->envid = "QQ+2B1";
    recipient_add(*state, "bob@example.org", 0)->orcpt =
        "rfc822;Bob+2Bold@example.net";
    sent = send_one(*state, SMTP_REPORT_FAILED);
    assert_string_equal(sent->reverse_path, "");
    assert_string_equal(sent->to, "sender@example.com");
    assert_int_equal(sent->notify, SMTP_NOTIFY_NEVER);
    assert_int_equal(sent->params.body, SMTP_BODY_7BIT);
    assert_false(sent->params.requiretls || sent->params.smtputf8);
    CHECK_HAS(sent, "From: Mail Delivery System "
                    "<postmaster@mx.example.com>\r\n");
    CHECK_HAS(sent, "\r\nTo: <sender@example.com>\r\n");
    CHECK_HAS(sent, "\r\nAuto-Submitted: auto-replied\r\n");
    CHECK_HAS(sent, "\r\nOriginal-Envelope-Id: QQ+1\r\n"
                    "Reporting-MTA: dns; mx.example.com\r\n"
                    "Arrival-Date: Mon, 23 Nov 2026 09:50:00 +0000\r\n\r\n"
                    "Original-Recipient: rfc822; Bob+old@example.net\r\n"
                    "Final-Recipient: rfc822; bob@example.org\r\n"
                    "Action: failed\r\nStatus: 5.1.1\r\n"
                    "Remote-MTA: dns; mx.example.org\r\n"
                    "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
                    "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n"
                    "\r\n--");
    CHECK_HAS(sent, "\r\nContent-Type: text/rfc822-headers\r\n\r\n"
                    TRACE HEADER "\r\n--");
    assert_false(has(sent, BODY));
    assert_non_null(strstr(error_log, "SM4350: 0650c1f2a3b4c00001001: DSN "
                           "\"failed\" about 1 of its recipients to "
                           "<sender@example.com> is DSN1\n"));
}

static void what_news_are_is_said_as_they_are(void **state)
{
    static const struct {
        smtp_report_action_e action;
        int code;
        smtp_status_t status;
        const char *host, *text;
        const char *fields;
    } rows[] = {
        { SMTP_REPORT_DELAYED, 451, { 4, 2, 1 }, "a.example[::1]:25", "Busy",
          "Action: delayed\r\nStatus: 4.2.1\r\n"
          "Remote-MTA: dns; a.example\r\n"
          "Diagnostic-Code: smtp; 451 4.2.1 Busy\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n"
          "Will-Retry-Until: Mon, 23 Nov 2026 09:50:02 +0000\r\n" },
        /* Given up: the status is no part of the reply. */
        { SMTP_REPORT_FAILED, 451, { 5, 4, 7 }, "a.example[::1]:25", "Busy",
          "Action: failed\r\nStatus: 5.4.7\r\n"
          "Remote-MTA: dns; a.example\r\nDiagnostic-Code: smtp; 451 Busy\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n" },
        { SMTP_REPORT_FAILED, 0, { 4, 4, 1 }, "", "connection refused",
          "Action: failed\r\nStatus: 5.4.1\r\n"
          "Diagnostic-Code: x-mod-smtp; connection refused\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n" },
        { SMTP_REPORT_RELAYED, 250, { 2, 0, 0 },
          "[192.0.2.1][192.0.2.1]:25", "Ok",
          "Action: relayed\r\nStatus: 2.0.0\r\n"
          "Remote-MTA: dns; [192.0.2.1]\r\n"
          "Diagnostic-Code: smtp; 250 2.0.0 Ok\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n" },
        { SMTP_REPORT_DELIVERED, 250, { 2, 1, 5 }, "/run/lmtp", "Saved",
          "Action: delivered\r\nStatus: 2.1.5\r\n"
          "Diagnostic-Code: smtp; 250 2.1.5 Saved\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n" },
        { SMTP_REPORT_FAILED, 0, { 5, 1, 2 }, "", "",
          "Action: failed\r\nStatus: 5.1.2\r\n"
          "Last-Attempt-Date: Mon, 23 Nov 2026 09:50:01 +0000\r\n" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        queue_dsn_recipient_t news = news_make(0, rows[i].action);

        begin(*state);
        recipient_add(*state, "bob@example.org",
                      SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE
                      | SMTP_NOTIFY_DELAY);
        news.code = rows[i].code;
        news.status = rows[i].status;
        news.host = rows[i].host;
        news.text = rows[i].text;
        assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                         APR_SUCCESS);
        CHECK_HAS(sent_get(0), apr_pstrcat(*state, rows[i].fields, "\r\n--",
                                           NULL));
        assert_false(has(sent_get(0), "/run"));
    }
}

/* RFC 3461 4.3; RFC 8689 5; RFC 3030. */
static void the_whole_mail_comes_back_only_if_it_may(void **state)
{
    static const struct {
        const char *why;
        smtp_ret_e ret;
        smtp_report_action_e action;
        apr_int64_t flags;
        smtp_body_e body;
        apr_off_t more;          /* octets than the limit */
        int is_full, is_empty;
    } rows[] = {
        { "asked for", SMTP_RET_FULL, SMTP_REPORT_FAILED, 0, 0, 0, 1, 0 },
        { "not asked for", SMTP_RET_HDRS, SMTP_REPORT_FAILED, 0, 0, 0, 0,
          0 },
        { "nothing said", SMTP_RET_NONE, SMTP_REPORT_FAILED, 0, 0, 0, 1, 0 },
        { "too large", SMTP_RET_FULL, SMTP_REPORT_FAILED, 0, 0, 1, 0, 0 },
        { "delayed", SMTP_RET_FULL, SMTP_REPORT_DELAYED, 0, 0, 0, 0, 0 },
        { "relayed", SMTP_RET_FULL, SMTP_REPORT_RELAYED, 0, 0, 0, 0, 0 },
        { "REQUIRETLS", SMTP_RET_FULL, SMTP_REPORT_FAILED,
          STORE_ENVELOPE_REQUIRETLS, 0, 0, 0, 0 },
        { "8 bits", SMTP_RET_FULL, SMTP_REPORT_FAILED,
          STORE_ENVELOPE_HAS_8BIT, SMTP_BODY_8BITMIME, 0, 1, 0 },
        { "binary", SMTP_RET_FULL, SMTP_REPORT_FAILED, 0,
          SMTP_BODY_BINARYMIME, 0, 0, 1 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const sent_t *sent;

        begin(*state);
        recipient_add(*state, "bob@example.org",
                      SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE
                      | SMTP_NOTIFY_DELAY);
        envelope->ret = rows[i].ret;
        envelope->flags = rows[i].flags;
        envelope->body = rows[i].body;
        vhost.dsn_max_octets = mail.size_octets - rows[i].more;
        sent = send_one(*state, rows[i].action);
        UNIT_CHECK(rows[i].why,
                   has(sent, "Content-Type: message/rfc822\r\n")
                   == rows[i].is_full);
        UNIT_CHECK(rows[i].why, has(sent, TRACE HEADER "\r\n" BODY)
                                == rows[i].is_full);
        UNIT_CHECK(rows[i].why, has(sent, HEADER) == !rows[i].is_empty);
        UNIT_CHECK(rows[i].why,
                   sent->params.requiretls
                   == !!(rows[i].flags & STORE_ENVELOPE_REQUIRETLS));
        UNIT_CHECK(rows[i].why,
                   (sent->params.body == SMTP_BODY_8BITMIME)
                   == !!(rows[i].flags & STORE_ENVELOPE_HAS_8BIT));
    }
}

static void a_header_that_is_too_long_comes_back_in_part(void **state)
{
    octets_t all = { NULL, 0 };
    const sent_t *sent;
    int i;

    begin(*state);
    for (i = 0; i < 2000; i++) {
        static const char line[] =
            "X-Filler: 0123456789012345678901234567890123456789\r\n";

        octets_add(&all, line, sizeof(line) - 1);
    }
    content.octets = all.s;
    recipient_add(*state, "bob@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    assert_true(strlen(sent->octets) < 70000);
    assert_true(strlen(sent->octets) > 60000);
    CHECK_HAS(sent, "0123456789\r\n\r\n--");
    free(all.s);
}

/* RFC 6533. */
static void an_address_of_utf8_comes_back_to_who_can_read_it(void **state)
{
    const sent_t *sent;

    begin(*state);
    envelope->flags = STORE_ENVELOPE_SMTPUTF8 | STORE_ENVELOPE_HAS_8BIT;
    envelope->reverse_path = "s\xC3\xA4nder@example.com";
    content.octets = "Subject: \xC3\xBC\r\n\r\nx\r\n";
    recipient_add(*state, "b\xC3\xB6" "b@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    assert_string_equal(sent->to, "s\xC3\xA4nder@example.com");
    assert_true(sent->params.smtputf8);
    assert_int_equal(sent->params.body, SMTP_BODY_8BITMIME);
    CHECK_HAS(sent, "\r\nFinal-Recipient: utf-8; b\xC3\xB6"
                    "b@example.org\r\n");
    CHECK_HAS(sent, "Content-Type: message/global-headers\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n"
                    "Subject: \xC3\xBC\r\n");
    /* Eight bits in a header that nobody announced come back as they are. */
    begin(*state);
    content.octets = "Subject: \xC3\xBC\r\n\r\nx\r\n";
    recipient_add(*state, "bob@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    assert_false(sent->params.smtputf8);
    assert_int_equal(sent->params.body, SMTP_BODY_8BITMIME);
    CHECK_HAS(sent, "Content-Type: text/rfc822-headers\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n"
                    "Subject: \xC3\xBC\r\n");
}

static void all_with_the_same_news_are_in_one_dsn(void **state)
{
    queue_dsn_recipient_t news[5];
    const sent_t *failed, *delayed;
    int i;

    begin(*state);
    for (i = 0; i < 5; i++) {
        recipient_add(*state, apr_psprintf(*state, "r%d@example.org", i),
                      i == 3 ? SMTP_NOTIFY_NEVER : 0);
        news[i] = news_make((apr_uint32_t)i, i == 1 ? SMTP_REPORT_DELAYED
                                             : SMTP_REPORT_FAILED);
    }
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 5),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 2);
    failed = sent_get(0);
    delayed = sent_get(1);
    for (i = 0; i < 5; i++) {
        const char *field = apr_psprintf(*state, "rfc822; r%d@example.org",
                                         i);

        assert_int_equal(has(failed, field), i != 1 && i != 3);
        assert_int_equal(has(delayed, field), i == 1);
    }
    CHECK_HAS(delayed, "Subject: Mail is delayed\r\n");
}

static void mailboxes_behind_an_alias_stay_behind_it(void **state)
{
    queue_dsn_recipient_t news[3];
    store_recipient_t *alias;
    const char *first;
    int i;

    begin(*state);
    alias = recipient_add(*state, "all@example.com", 0);
    mailbox_add(alias, "alice");
    mailbox_add(alias, "bob");
    recipient_add(*state, "eve@example.org", 0);
    for (i = 0; i < 3; i++) {
        news[i] = news_make((apr_uint32_t)i, SMTP_REPORT_FAILED);
    }
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 3),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 1);
    assert_false(has(sent_get(0), "secret.example"));
    first = strstr(sent_get(0)->octets, "rfc822; all@example.com");
    assert_non_null(first);
    assert_null(strstr(first + 1, "rfc822; all@example.com"));
    CHECK_HAS(sent_get(0), "rfc822; eve@example.org");
}

static void a_mailing_is_told_of_in_several(void **state)
{
    queue_dsn_recipient_t *news = apr_pcalloc(*state, 2001 * sizeof(*news));
    int i;

    begin(*state);
    for (i = 0; i < 2001; i++) {
        recipient_add(*state, apr_psprintf(*state, "r%d@example.org", i), 0);
        news[i] = news_make((apr_uint32_t)i, SMTP_REPORT_FAILED);
    }
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 2001),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 3);
    CHECK_HAS(sent_get(0), "rfc822; r999@example.org\r\n");
    CHECK_HAS(sent_get(1), "rfc822; r1000@example.org\r\n");
    CHECK_HAS(sent_get(2), "rfc822; r2000@example.org\r\n");
    assert_false(has(sent_get(2), "rfc822; r1999@example.org"));
}

/* The disk is full amid them, and then it is not. */
static void who_was_told_is_not_told_again(void **state)
{
    queue_dsn_recipient_t *news = apr_pcalloc(*state, 2001 * sizeof(*news));
    int i;

    begin(*state);
    for (i = 0; i < 2001; i++) {
        recipient_add(*state, apr_psprintf(*state, "r%d@example.org", i), 0);
        news[i] = news_make((apr_uint32_t)i, i % 2 ? SMTP_REPORT_FAILED
                                                   : SMTP_REPORT_DELAYED);
    }
    server.rv = APR_ENOSPC;
    server.nth = 2;
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 2001),
                     APR_ENOSPC);
    assert_int_equal(server.sent->nelts, 1);
    for (i = 0; i < 2001; i++) {
        assert_int_equal(news[i].is_told, i < 2000 && i % 2 == 0);
    }
    server.rv = APR_SUCCESS;
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 2001),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 3);
    for (i = 0; i < 2001; i++) {
        const char *field = apr_psprintf(*state, "rfc822; r%d@example.org\r\n",
                                         i);

        assert_int_equal(has(sent_get(0), field) + has(sent_get(1), field)
                         + has(sent_get(2), field), 1);
    }
}

static void verp_says_by_the_address_whom_it_is_about(void **state)
{
    queue_dsn_recipient_t news[2];

    begin(*state);
    vhost.verp = "+=";
    recipient_add(*state, "a@example.org", 0);
    recipient_add(*state, "b@example.org", 0);
    news[0] = news_make(0, SMTP_REPORT_FAILED);
    news[1] = news_make(1, SMTP_REPORT_FAILED);
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 2),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 2);
    assert_string_equal(sent_get(0)->to, "sender+a=example.org@example.com");
    assert_string_equal(sent_get(1)->to, "sender+b=example.org@example.com");
    CHECK_HAS(sent_get(1), "To: <sender+b=example.org@example.com>\r\n");
    assert_false(has(sent_get(1), "rfc822; a@"));
}

/* The reverse-path of what an alias sends on is another's. */
static void verp_leaves_alone_whom_an_alias_leads_to(void **state)
{
    queue_dsn_recipient_t news[2];

    begin(*state);
    vhost.verp = "+=";
    forward_add(recipient_add(*state, "info@example.com", 0), "x");
    recipient_add(*state, "b@example.org", 0);
    news[0] = news_make(0, SMTP_REPORT_FAILED);
    news[1] = news_make(1, SMTP_REPORT_FAILED);
    assert_int_equal(dsns_send(*state, &vhost, &mail, news, 2),
                     APR_SUCCESS);
    assert_int_equal(server.sent->nelts, 2);
    assert_string_equal(sent_get(0)->to, "sender@example.com");
    assert_string_equal(sent_get(1)->to, "sender+b=example.org@example.com");
    CHECK_HAS(sent_get(0), "rfc822; info@example.com\r\n");
}

static void the_administrator_says_it_in_words_of_his_own(void **state)
{
    const sent_t *sent;

    begin(*state);
    vhost.postmaster = "help@example.com";
    apr_hash_set(vhost.dsn_templates, "failed", APR_HASH_KEY_STRING,
                 "Subject: Zur\xC3\xBC" "ck: %{recipient}\n\n"
                 "Kein Gl\xC3\xBC" "ck mit %{id}:\n\n"
                 "  %{recipient}: %{reply}\n");
    recipient_add(*state, "bob@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    CHECK_HAS(sent, "<help@example.com>\r\n");
    CHECK_HAS(sent, "\r\nSubject: =?utf-8?Q?Zur=C3=BCck=3A_bob=40example=2E"
                    "org?=\r\n");
    CHECK_HAS(sent, "\r\nKein Gl=C3=BCck mit 0650c1f2a3b4c00001001:\r\n\r\n"
                    "  bob@example.org: 550 5.1.1 No such user\r\n\r\n--");
    assert_false(has(sent, "could not be delivered"));
}

/* RFC 3464 2.3.4: what failed is 5.x.x, however it came to that. */
static void the_status_of_a_failure_is_one_for_people_too(void **state)
{
    queue_dsn_recipient_t news = news_make(0, SMTP_REPORT_FAILED);

    begin(*state);
    news.status = (smtp_status_t){ 4, 4, 1 };
    apr_hash_set(vhost.dsn_templates, "failed", APR_HASH_KEY_STRING,
                 "Lost: %{status}\n");
    recipient_add(*state, "bob@example.org", 0);
    assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                     APR_SUCCESS);
    CHECK_HAS(sent_get(0), "\r\nLost: 5.4.1\r\n");
    CHECK_HAS(sent_get(0), "\r\nStatus: 5.4.1\r\n");
}

static void the_postmaster_gets_a_copy_of_failures(void **state)
{
    const sent_t *copy;

    begin(*state);
    vhost.dsn_copy = "postmaster@example.com";
    envelope->ret = SMTP_RET_FULL;
    recipient_add(*state, "bob@example.org", SMTP_NOTIFY_DELAY);
    send_one(*state, SMTP_REPORT_DELAYED);

    begin(*state);
    vhost.dsn_copy = "postmaster@example.com";
    envelope->ret = SMTP_RET_FULL;
    recipient_add(*state, "bob@example.org", 0);
    {
        queue_dsn_recipient_t news = news_make(0, SMTP_REPORT_FAILED);

        assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                         APR_SUCCESS);
    }
    assert_int_equal(server.sent->nelts, 2);
    CHECK_HAS(sent_get(0), BODY);
    copy = sent_get(1);
    assert_string_equal(copy->reverse_path, "");
    assert_string_equal(copy->to, "postmaster@example.com");
    CHECK_HAS(copy, "\r\nTo: <postmaster@example.com>\r\n");
    CHECK_HAS(copy, HEADER "\r\n--");
    assert_false(has(copy, BODY));

    /* He need not be told twice. */
    begin(*state);
    vhost.dsn_copy = envelope->reverse_path;
    recipient_add(*state, "bob@example.org", 0);
    send_one(*state, SMTP_REPORT_FAILED);
}

static void a_copy_that_is_lost_costs_the_dsn_nothing(void **state)
{
    begin(*state);
    vhost.dsn_copy = "postmaster@example.com";
    recipient_add(*state, "bob@example.org", 0);
    server.rv = APR_ENOSPC;
    server.nth = 2;
    send_one(*state, SMTP_REPORT_FAILED);
    assert_non_null(strstr(error_log, "SM4352: "));
}

/* RFC 5321 6.1: no news of news. */
static void a_lost_dsn_is_told_to_nobody(void **state)
{
    static const smtp_report_action_e actions[] = {
        SMTP_REPORT_FAILED, SMTP_REPORT_DELAYED, SMTP_REPORT_RELAYED
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(actions); i++) {
        queue_dsn_recipient_t news = news_make(0, actions[i]);

        begin(*state);
        envelope->reverse_path = "";
        vhost.dsn_copy = "postmaster@example.com";
        recipient_add(*state, "bob@example.org",
                      i == 2 ? SMTP_NOTIFY_SUCCESS : 0);
        assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                         APR_SUCCESS);
        assert_int_equal(server.sent->nelts, 0);
        assert_int_equal(content.rewinds, 0);
    }
}

static void what_cannot_be_sent_is_tried_again_or_given_up(void **state)
{
    static const struct {
        apr_status_t rv;
        smtp_reply_t reply;
        apr_status_t result;
        const char *log;
    } rows[] = {
        { APR_EGENERAL, { 550, { 5, 1, 1 }, "No such mailbox" }, APR_SUCCESS,
          "SM4351: 0650c1f2a3b4c00001001: nobody can be told \"failed\": "
          "<sender@example.com> is refused, 550\n" },
        { APR_EGENERAL, { 451, { 4, 3, 0 }, "Later" }, APR_EGENERAL, "" },
        { APR_ENOSPC, { 452, { 4, 3, 1 }, "Full" }, APR_ENOSPC, "" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        queue_dsn_recipient_t news = news_make(0, SMTP_REPORT_FAILED);

        begin(*state);
        recipient_add(*state, "bob@example.org", 0);
        server.rv = rows[i].rv;
        server.reply = rows[i].reply;
        assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                         rows[i].result);
        assert_string_equal(error_log, rows[i].log);
        assert_int_equal(news.is_told, rows[i].result == APR_SUCCESS);
        /* The next time it goes. */
        server.rv = APR_SUCCESS;
        news.is_told = 0;
        assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                         APR_SUCCESS);
        CHECK_HAS(sent_get(0), TRACE HEADER "\r\n--");
    }
}

static void a_damaged_mail_is_told_of_without_it(void **state)
{
    const sent_t *sent;
    queue_dsn_recipient_t news = news_make(0, SMTP_REPORT_FAILED);

    /* In its body: the header section is there. */
    begin(*state);
    envelope->ret = SMTP_RET_FULL;
    content.damaged_at = sizeof(TRACE HEADER) + 6;
    recipient_add(*state, "bob@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    CHECK_HAS(sent, TRACE HEADER "\r\n--");
    /* From the first octet. */
    begin(*state);
    envelope->ret = SMTP_RET_FULL;
    content.rewind_rv = STORE_EDAMAGED;
    recipient_add(*state, "bob@example.org", 0);
    sent = send_one(*state, SMTP_REPORT_FAILED);
    CHECK_HAS(sent, "Content-Type: text/rfc822-headers\r\n\r\n\r\n--");
    /* What may be read later is. */
    begin(*state);
    content.rewind_rv = APR_EMFILE;
    recipient_add(*state, "bob@example.org", 0);
    assert_int_equal(dsns_send(*state, &vhost, &mail, &news, 1),
                     APR_EMFILE);
    assert_int_equal(server.sent->nelts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_is_told_what_it_asked_for),
        UNIT_TEST(an_alias_with_members_passes_no_success_on),
        UNIT_TEST(what_one_twin_asks_for_is_asked_for),
        UNIT_TEST(an_alias_is_the_original_recipient),
        UNIT_TEST(a_failure_is_told_with_all_that_is_known),
        UNIT_TEST(what_news_are_is_said_as_they_are),
        UNIT_TEST(the_whole_mail_comes_back_only_if_it_may),
        UNIT_TEST(a_header_that_is_too_long_comes_back_in_part),
        UNIT_TEST(an_address_of_utf8_comes_back_to_who_can_read_it),
        UNIT_TEST(all_with_the_same_news_are_in_one_dsn),
        UNIT_TEST(mailboxes_behind_an_alias_stay_behind_it),
        UNIT_TEST(a_mailing_is_told_of_in_several),
        UNIT_TEST(who_was_told_is_not_told_again),
        UNIT_TEST(verp_says_by_the_address_whom_it_is_about),
        UNIT_TEST(verp_leaves_alone_whom_an_alias_leads_to),
        UNIT_TEST(the_administrator_says_it_in_words_of_his_own),
        UNIT_TEST(the_status_of_a_failure_is_one_for_people_too),
        UNIT_TEST(the_postmaster_gets_a_copy_of_failures),
        UNIT_TEST(a_copy_that_is_lost_costs_the_dsn_nothing),
        UNIT_TEST(a_lost_dsn_is_told_to_nobody),
        UNIT_TEST(what_cannot_be_sent_is_tried_again_or_given_up),
        UNIT_TEST(a_damaged_mail_is_told_of_without_it)
    };

    return UNIT_RUN(tests);
}
