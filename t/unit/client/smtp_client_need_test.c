/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_client_need.h"

#define ALL 0xFFFFFFFFu

/** One message to one recipient, and a peer. */
typedef struct row_t {
    const char *name;
    smtp_client_message_t message;
    const char *address;
    smtp_extension_set_t offered;
    apr_off_t max_size;
    unsigned int tls : 1;
    unsigned int verified : 1;
    unsigned int send_8bit : 1;
    smtp_status_t status;        /**< klass 0: it can go */
} row_t;

#define B "b@example.net"
#define U "\xC3\xA9@example.net"

static const row_t rows[] = {
    { .name = "nothing special", .address = B },
    { .name = "REQUIRETLS", .message = { .params = { .requiretls = 1 } },
      .address = B, .offered = SMTP_EXTENSION_REQUIRETLS, .tls = 1,
      .verified = 1 },
    { .name = "REQUIRETLS, not offered",
      .message = { .params = { .requiretls = 1 } }, .address = B,
      .tls = 1, .verified = 1, .status = { 5, 7, 30 } },
    { .name = "REQUIRETLS, not verified",
      .message = { .params = { .requiretls = 1 } }, .address = B,
      .offered = ALL, .tls = 1, .status = { 5, 7, 30 } },
    { .name = "REQUIRETLS, no TLS",
      .message = { .params = { .requiretls = 1 } }, .address = B,
      .offered = ALL, .verified = 1, .status = { 5, 7, 30 } },
    { .name = "SIZE", .message = { .size_octets = 1000 }, .address = B,
      .offered = SMTP_EXTENSION_SIZE, .max_size = 1000 },
    { .name = "SIZE 0 is no limit", .message = { .size_octets = 1000 },
      .address = B, .offered = SMTP_EXTENSION_SIZE },
    { .name = "SIZE that was not offered",
      .message = { .size_octets = 1001 }, .address = B, .max_size = 1000 },
    { .name = "SIZE exceeded", .message = { .size_octets = 1001 },
      .address = B, .offered = SMTP_EXTENSION_SIZE, .max_size = 1000,
      .status = { 5, 3, 4 } },
    { .name = "BINARYMIME",
      .message = { .has_8bit = 1,
                   .params = { .has_body = 1,
                               .body = SMTP_BODY_BINARYMIME } },
      .address = B,
      .offered = SMTP_EXTENSION_BINARYMIME | SMTP_EXTENSION_CHUNKING },
    { .name = "BINARYMIME without CHUNKING",
      .message = { .params = { .has_body = 1,
                               .body = SMTP_BODY_BINARYMIME } },
      .address = B, .offered = SMTP_EXTENSION_BINARYMIME,
      .status = { 5, 6, 3 } },
    { .name = "BINARYMIME not offered",
      .message = { .params = { .has_body = 1,
                               .body = SMTP_BODY_BINARYMIME } },
      .address = B, .offered = SMTP_EXTENSION_CHUNKING, .send_8bit = 1,
      .status = { 5, 6, 3 } },
    { .name = "8BITMIME", .message = { .has_8bit = 1 }, .address = B,
      .offered = SMTP_EXTENSION_8BITMIME },
    { .name = "8BITMIME not offered", .message = { .has_8bit = 1 },
      .address = B, .status = { 5, 6, 3 } },
    { .name = "8BITMIME not offered, just send it",
      .message = { .has_8bit = 1 }, .address = B, .send_8bit = 1 },
    { .name = "BODY=8BITMIME of ASCII",
      .message = { .params = { .has_body = 1,
                               .body = SMTP_BODY_8BITMIME } },
      .address = B },
    { .name = "SMTPUTF8 of ASCII", .message = { .params = { .smtputf8 = 1 } },
      .address = B },
    { .name = "UTF-8 recipient", .address = U,
      .offered = SMTP_EXTENSION_SMTPUTF8 | SMTP_EXTENSION_8BITMIME },
    { .name = "UTF-8 recipient, SMTPUTF8 without 8BITMIME", .address = U,
      .offered = SMTP_EXTENSION_SMTPUTF8, .status = { 5, 6, 7 } },
    { .name = "UTF-8 recipient, not offered", .address = U,
      .status = { 5, 6, 7 } },
    { .name = "UTF-8 reverse-path", .message = { .reverse_path = U },
      .address = B, .status = { 5, 6, 7 } },
    { .name = "UTF-8 header", .message = { .has_utf8_header = 1 },
      .address = B, .status = { 5, 6, 7 } },
    { .name = "null reverse-path", .message = { .reverse_path = "" },
      .address = "Postmaster" },
    { .name = "quoted", .address = "\"a> b\"@example.net" },
    { .name = "a mailbox of LMTP", .address = "b" },
    /* No command can hold these. */
    { .name = "a line in a forward-path", .address = "b@example.net\r\nDATA",
      .status = { 5, 1, 3 } },
    { .name = "a parameter in a forward-path",
      .address = "b@example.net> NOTIFY=NEVER", .status = { 5, 1, 3 } },
    { .name = "an empty forward-path", .address = "", .status = { 5, 1, 3 } },
    { .name = "LF", .address = "\"b\n\"@example.net", .status = { 5, 1, 3 } },
    { .name = "a line in a reverse-path",
      .message = { .reverse_path = "a@example.org>\r\nRCPT TO:<b@c.example" },
      .address = B, .status = { 5, 1, 7 } },
    { .name = "a line in ENVID",
      .message = { .params = { .envid = "x\r\nQUIT" } }, .address = B,
      .status = { 5, 5, 4 } },
    { .name = "a blank in ENVID",
      .message = { .params = { .envid = "x RET=FULL" } }, .address = B,
      .status = { 5, 5, 4 } }
};

static apr_size_t row_check(apr_pool_t *p, const row_t *row,
                            smtp_client_rcpt_t *rcpt)
{
    smtp_extension_offer_t offer = { row->offered, row->max_size,
                                     { 0, 0, 0 }, NULL };
    smtp_client_peer_t peer = { &offer, row->tls, row->verified,
                                row->send_8bit };
    smtp_client_message_t message = row->message;

    message.pool = p;
    message.rcpts = rcpt;
    message.rcpt_count = 1;
    if (message.reverse_path == NULL) {
        message.reverse_path = "a@example.org";
    }
    return smtp_client_need_check(&message, &peer);
}

static void what_cannot_go_unharmed_does_not_go(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const row_t *row = &rows[i];
        smtp_client_rcpt_t rcpt = { row->address, { 0, NULL },
                                    { 9, 9, 9, { 9, 9, 9 }, "x", 1, 1 } };
        apr_size_t count = row_check(*state, row, &rcpt);

        UNIT_CHECK(row->name, memcmp(&rcpt.outcome.status, &row->status,
                                     sizeof(row->status)) == 0);
        UNIT_CHECK(row->name, count == (row->status.klass == 0));
        UNIT_CHECK(row->name, rcpt.outcome.result
                   == (row->status.klass ? SMTP_OUTCOME_FAILED
                                         : SMTP_OUTCOME_PENDING));
        UNIT_CHECK(row->name, !rcpt.outcome.retry_now);
    }
}

/** A command line has its limits (RFC 5321 4.5.3.1.4, RFC 3461 4). */
static void a_parameter_without_end_is_not_sent(void **state)
{
    smtp_client_rcpt_t rcpt = { .address = B };
    smtp_extension_offer_t offer = { 0, 0, { 0, 0, 0 }, NULL };
    smtp_client_peer_t peer = { &offer, 0, 0, 0 };
    smtp_client_message_t message = { .pool = *state, .reverse_path = "",
                                      .rcpts = &rcpt, .rcpt_count = 1 };
    char endless[502];

    memset(endless, 'x', 501);
    endless[501] = '\0';
    message.params.envid = endless;
    assert_int_equal(smtp_client_need_check(&message, &peer), 0);
    message.params.envid = endless + 1;
    message.params.auth = endless;
    assert_int_equal(smtp_client_need_check(&message, &peer), 0);
    message.params.auth = endless + 1;
    rcpt.params.orcpt = endless;
    assert_int_equal(smtp_client_need_check(&message, &peer), 0);
    rcpt.params.orcpt = endless + 1;
    assert_int_equal(smtp_client_need_check(&message, &peer), 1);
}

static void a_recipient_that_cannot_go_does_not_stop_the_others(void **state)
{
    smtp_client_rcpt_t rcpts[] = {
        { .address = U }, { .address = B },
        { .address = "c@example.net", .params = { 0, "rfc822;x\r\nQUIT" } },
        { .address = "d@example.net" }
    };
    smtp_extension_offer_t offer = { 0, 0, { 0, 0, 0 }, NULL };
    smtp_client_peer_t peer = { &offer, 0, 0, 0 };
    smtp_client_message_t message = {
        .pool = *state, .reverse_path = "", .rcpts = rcpts, .rcpt_count = 4
    };

    assert_int_equal(smtp_client_need_check(&message, &peer), 2);
    assert_int_equal(rcpts[0].outcome.status.detail, 7);
    assert_int_equal(rcpts[1].outcome.result, SMTP_OUTCOME_PENDING);
    assert_int_equal(rcpts[2].outcome.status.detail, 4);
    assert_int_equal(rcpts[3].outcome.result, SMTP_OUTCOME_PENDING);
    assert_false(smtp_client_need_utf8(&message));
}

/** RFC 6531 3.4: said when something needs it, not otherwise. */
static void utf8_is_announced_when_it_is_needed(void **state)
{
    smtp_client_rcpt_t rcpt = { .address = B };
    smtp_client_message_t message = { .reverse_path = "", .rcpts = &rcpt,
                                      .rcpt_count = 1 };

    (void)state;
    assert_false(smtp_client_need_utf8(&message));
    rcpt.params.orcpt = "utf-8;" U;
    assert_true(smtp_client_need_utf8(&message));
    rcpt.params.orcpt = NULL;
    rcpt.address = U;
    assert_true(smtp_client_need_utf8(&message));
    rcpt.outcome.result = SMTP_OUTCOME_FAILED;
    assert_false(smtp_client_need_utf8(&message));
    message.reverse_path = U;
    assert_true(smtp_client_need_utf8(&message));
    message.reverse_path = "";
    message.has_utf8_header = 1;
    assert_true(smtp_client_need_utf8(&message));
    message.has_utf8_header = 0;
    message.params.smtputf8 = 1;
    assert_true(smtp_client_need_utf8(&message));
}

/** RFC 9422 4.1 to 4.3. */
static void limits_leave_the_rest_for_the_next_transaction(void **state)
{
    static const struct {
        smtp_extension_set_t set;
        smtp_limits_t limits;
        const char *pending;     /**< 1: goes now */
    } limit_rows[] = {
        { SMTP_EXTENSION_LIMITS, { 0, 0, 0 }, "11111" },
        { SMTP_EXTENSION_LIMITS, { 2, 0, 0 }, "11000" },
        { SMTP_EXTENSION_LIMITS, { 0, 5, 1 }, "10100" },
        { SMTP_EXTENSION_LIMITS, { 0, 0, 2 }, "11110" },
        { SMTP_EXTENSION_LIMITS, { 3, 0, 2 }, "11100" },
        { 0, { 1, 1, 1 }, "11111" }
    };
    smtp_client_rcpt_t rcpts[] = {
        { .address = "a@x.example" }, { .address = "a@y.example" },
        { .address = "b@X.example" }, { .address = "b@y.example" },
        { .address = "a@z.example" }
    };
    size_t i, k;

    for (i = 0; i < UNIT_ROWS(limit_rows); i++) {
        smtp_extension_offer_t offer = { limit_rows[i].set, 0,
                                         limit_rows[i].limits, NULL };
        smtp_client_peer_t peer = { &offer, 0, 0, 0 };
        smtp_client_message_t message = {
            .pool = *state, .reverse_path = "", .rcpts = rcpts,
            .rcpt_count = 5
        };

        smtp_client_need_check(&message, &peer);
        for (k = 0; k < 5; k++) {
            int goes = limit_rows[i].pending[k] == '1';

            UNIT_CHECK(limit_rows[i].pending, rcpts[k].outcome.result
                       == (goes ? SMTP_OUTCOME_PENDING
                                : SMTP_OUTCOME_DEFERRED));
            UNIT_CHECK(limit_rows[i].pending,
                       rcpts[k].outcome.retry_now == !goes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_cannot_go_unharmed_does_not_go),
        UNIT_TEST(a_parameter_without_end_is_not_sent),
        UNIT_TEST(a_recipient_that_cannot_go_does_not_stop_the_others),
        UNIT_TEST(utf8_is_announced_when_it_is_needed),
        UNIT_TEST(limits_leave_the_rest_for_the_next_transaction)
    };

    return UNIT_RUN(tests);
}
