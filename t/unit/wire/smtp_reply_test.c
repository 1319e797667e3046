/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_reply.h"

/* Writing. */

typedef struct write_row_t {
    smtp_reply_t reply;
    const char *octets;
} write_row_t;

static const write_row_t write_rows[] = {
    { { 250, { 2, 1, 0 }, "Sender OK" }, "250 2.1.0 Sender OK\r\n" },
    { { 220, { 0, 0, 0 }, "mx.example.com ESMTP" },
      "220 mx.example.com ESMTP\r\n" },
    /* RFC 5321 4.2.1 and RFC 2034 4: code and enhanced code in each line */
    { { 250, { 0, 0, 0 }, "mx.example.com\nPIPELINING\nSIZE" },
      "250-mx.example.com\r\n250-PIPELINING\r\n250 SIZE\r\n" },
    { { 550, { 5, 7, 1 }, "no\nnot\ntoday" },
      "550-5.7.1 no\r\n550-5.7.1 not\r\n550 5.7.1 today\r\n" },
    { { 550, { 5, 7, 1 }, "a\n\nb" },
      "550-5.7.1 a\r\n550-5.7.1 \r\n550 5.7.1 b\r\n" },
    { { 550, { 5, 7, 1 }, "a\n\n" }, "550 5.7.1 a\r\n" },
    { { 214, { 0, 0, 0 }, "\na" }, "214-\r\n214 a\r\n" },
    /* RFC 2034 4: the class agrees with the reply code */
    { { 450, { 5, 1, 1 }, "a" }, "450 4.2.0 a\r\n" },
    { { 550, { 2, 1, 5 }, "a" }, "550 5.0.0 a\r\n" },
    { { 451, { 9, 9, 9 }, "a" }, "451 4.3.0 a\r\n" },
    { { 354, { 2, 0, 0 }, "go" }, "354 go\r\n" },
    /* without a text */
    { { 250, { 2, 0, 0 }, NULL }, "250 2.0.0 OK\r\n" },
    { { 250, { 0, 0, 0 }, "" }, "250 OK\r\n" },
    { { 250, { 0, 0, 0 }, "\n\n" }, "250 OK\r\n" },
    { { 550, { 5, 1, 1 }, NULL },
      "550 5.1.1 Bad destination mailbox address\r\n" },
    { { 354, { 0, 0, 0 }, NULL },
      "354 Start mail input; end with <CRLF>.<CRLF>\r\n" },
    { { 334, { 0, 0, 0 }, NULL }, "334 \r\n" },
    { { 299, { 0, 0, 0 }, NULL }, "299 OK\r\n" },
    { { 399, { 0, 0, 0 }, NULL }, "399 Continue\r\n" },
    { { 499, { 4, 0, 0 }, NULL }, "499 4.0.0 Try again later\r\n" },
    { { 451, { 0, 0, 0 }, NULL }, "451 Local error in processing\r\n" },
    { { 599, { 5, 0, 0 }, NULL }, "599 5.0.0 Refused\r\n" },
    /* nobody filled it in, or wrongly: we fail closed */
    { { 0, { 0, 0, 0 }, NULL },
      "451 4.3.0 Other or undefined mail system status\r\n" },
    { { 0, { 5, 1, 1 }, "x" }, "451 4.3.0 x\r\n" },
    { { 199, { 0, 0, 0 }, "x" }, "451 4.3.0 x\r\n" },
    { { 600, { 0, 0, 0 }, "x" }, "451 4.3.0 x\r\n" },
    { { -250, { 0, 0, 0 }, "x" }, "451 4.3.0 x\r\n" },
    /* nothing of a peer can end the line or begin one */
    { { 550, { 5, 1, 1 }, "<a\r\n250 OK>" },
      "550-5.1.1 <a\\x0D\r\n550 5.1.1 250 OK>\r\n" },
    { { 550, { 5, 1, 1 }, "\t\x7F\x1B[m\\" },
      "550 5.1.1 \\x09\\x7F\\x1B[m\\\r\n" },
    { { 550, { 5, 1, 1 }, "\xC3\xA9\xFF" },
      "550 5.1.1 \\xC3\\xA9\\xFF\r\n" }
};

static void clients_understand_each_line_of_a_reply(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(write_rows); i++) {
        const write_row_t *row = &write_rows[i];
        apr_size_t len;
        char *octets = smtp_reply_write(*state, &row->reply, 1, 0, &len);

        assert_string_equal(octets, row->octets);
        assert_int_equal(len, strlen(row->octets));
    }
}

static void enhanced_codes_can_be_switched_off(void **state)
{
    smtp_reply_t reply = { 550, { 5, 1, 1 }, "a\nb" };

    assert_string_equal(smtp_reply_write(*state, &reply, 0, 0, NULL),
                        "550-a\r\n550 b\r\n");
}

/** RFC 6531 3.7.4.2. */
static void utf8_reaches_only_who_asked_for_it(void **state)
{
    smtp_reply_t reply = { 550, { 5, 1, 1 }, "\xC3\xA9\xC3 \xC2\xA0" };

    assert_string_equal(smtp_reply_write(*state, &reply, 1, 1, NULL),
                        "550 5.1.1 \xC3\xA9\\xC3 \xC2\xA0\r\n");
}

/** The octets of the text of each line, joined, or fails. */
static char *lines_join(apr_pool_t *p, const char *octets, const char *head)
{
    char *text = "";

    while (*octets) {
        const char *end = strstr(octets, "\r\n");
        size_t len = end + 2 - octets;

        assert_non_null(end);
        assert_true(len <= SMTP_REPLY_LINE_MAX_OCTETS);
        assert_memory_equal(octets, head, 3);
        assert_int_equal(octets[3], end[2] ? '-' : ' ');
        assert_memory_equal(octets + 4, head + 4, strlen(head + 4));
        octets += strlen(head);
        text = apr_pstrcat(p, text, apr_pstrmemdup(p, octets, end - octets),
                           NULL);
        octets = end + 2;
    }
    return text;
}

/** RFC 5321 4.5.3.1.5: 512 octets with CRLF; no character is torn. */
static void a_long_reply_is_continued_not_cut(void **state)
{
    static const char *const atoms[] = { "a", "\xC3\xA9", "\xE2\x82\xAC",
                                         "\xF0\x9F\x93\xA7", "\x01" };
    size_t i, k, shift;

    for (i = 0; i < UNIT_ROWS(atoms); i++) {
        for (shift = 0; shift < 4; shift++) {
            char text[2100] = "";
            smtp_reply_t reply = { 550, { 5, 1, 1 }, text };
            char *octets, *joined;

            memset(text, 'x', shift);
            for (k = 0; k < 500; k++) {
                strcat(text, atoms[i]);
            }
            octets = smtp_reply_write(*state, &reply, 1, 1, NULL);
            joined = lines_join(*state, octets, "550-5.1.1 ");
            if (*atoms[i] != '\x01') {
                assert_string_equal(joined, text);
            }
            else {
                assert_int_equal(strlen(joined), shift + 500 * 4);
            }
        }
    }
}

static void a_line_of_512_octets_is_one_line(void **state)
{
    char text[512 - 6 + 2] = "";
    smtp_reply_t reply = { 250, { 0, 0, 0 }, text };
    apr_size_t len;

    memset(text, 'x', 512 - 6);
    smtp_reply_write(*state, &reply, 1, 0, &len);
    assert_int_equal(len, 512);
    text[512 - 6] = 'x';
    smtp_reply_write(*state, &reply, 1, 0, &len);
    assert_int_equal(len, 512 + 4 + 1 + 2);
}

/* Reading. */

enum { MAX_OCTETS = 64 };

typedef struct read_row_t {
    const char *in;
    size_t len;
    smtp_reply_status_e result;
    smtp_reply_t reply;
    size_t left;                 /* octets of the next reply */
} read_row_t;

#define IN(s) s, sizeof(s) - 1
#define NONE { 0, { 0, 0, 0 }, NULL }
static const read_row_t read_rows[] = {
    { IN("250 OK\r\n"), SMTP_REPLY_DONE, { 250, { 0, 0, 0 }, "OK" }, 0 },
    { IN("250 2.0.0 OK\r\n"), SMTP_REPLY_DONE,
      { 250, { 2, 0, 0 }, "OK" }, 0 },
    { IN("250\r\n"), SMTP_REPLY_DONE, { 250, { 0, 0, 0 }, "" }, 0 },
    { IN("250 \r\n"), SMTP_REPLY_DONE, { 250, { 0, 0, 0 }, "" }, 0 },
    { IN("250 OK\n"), SMTP_REPLY_DONE, { 250, { 0, 0, 0 }, "OK" }, 0 },
    { IN("250 OK\r\n354 go\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "OK" }, 8 },
    { IN("250-a\r\n250-b\r\n250 c\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "a\nb\nc" }, 0 },
    { IN("250-\r\n250-\r\n250\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "\n\n" }, 0 },
    { IN("550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 c\r\n"), SMTP_REPLY_DONE,
      { 550, { 5, 1, 1 }, "a\nb\nc" }, 0 },
    { IN("550-5.1.1 a\r\n550 5.1.2 b\r\n"), SMTP_REPLY_DONE,
      { 550, { 5, 1, 1 }, "a\nb" }, 0 },
    { IN("550-a\r\n550 5.1.2 b\r\n"), SMTP_REPLY_DONE,
      { 550, { 0, 0, 0 }, "a\n5.1.2 b" }, 0 },
    { IN("550-5.1.1 a\r\n550 4.1.1 b\r\n"), SMTP_REPLY_DONE,
      { 550, { 5, 1, 1 }, "a\n4.1.1 b" }, 0 },
    /* an enhanced code with nothing behind it (CVE-2026-43964) */
    { IN("550 5.7.2\r\n"), SMTP_REPLY_DONE, { 550, { 5, 7, 2 }, "" }, 0 },
    { IN("550 5.7.2 \r\n"), SMTP_REPLY_DONE, { 550, { 5, 7, 2 }, "" }, 0 },
    { IN("550-5.7.2\r\n550 5.7.2\r\n"), SMTP_REPLY_DONE,
      { 550, { 5, 7, 2 }, "\n" }, 0 },
    { IN("550 2.0.0 well\r\n"), SMTP_REPLY_DONE,
      { 550, { 0, 0, 0 }, "2.0.0 well" }, 0 },
    { IN("571 refused\r\n"), SMTP_REPLY_DONE,
      { 571, { 0, 0, 0 }, "refused" }, 0 },
    { IN("250 a\rb\r\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "a\rb\r" }, 0 },
    { IN("250 a\0b\0\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "a?b?" }, 0 },
    { IN("250 \xFF\r\n"), SMTP_REPLY_DONE,
      { 250, { 0, 0, 0 }, "\xFF" }, 0 },
    { IN(""), SMTP_REPLY_MORE, NONE, 0 },
    { IN("25"), SMTP_REPLY_MORE, NONE, 0 },
    { IN("250-a\r\n"), SMTP_REPLY_MORE, NONE, 0 },
    { IN("250 a\r"), SMTP_REPLY_MORE, NONE, 0 },
    { IN("\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("25\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("150 a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("650 a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("25x a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("2500 a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250\ta\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN(" 250 a\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("HTTP/1.1 400 Bad Request\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250-a\r\n251 b\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250-a\r\n550 b\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250-a\r\nb\r\n"), SMTP_REPLY_MALFORMED, NONE, 0 },
    { IN("250 4567890123456789012345678901234567890123456789012345678901\r\n"),
      SMTP_REPLY_DONE, { 250, { 0, 0, 0 },
      "4567890123456789012345678901234567890123456789012345678901" }, 0 },
    { IN("250 45678901234567890123456789012345678901234567890123456789012\r\n"),
      SMTP_REPLY_TOO_LONG, NONE, 0 },
    { IN("250-\r\n250-\r\n250-\r\n250-\r\n250-\r\n250-\r\n250-\r\n250-\r\n"
         "250-\r\n250-\r\n250 a\r\n"), SMTP_REPLY_TOO_LONG, NONE, 0 }
};

/** The row's input in three pieces, cut at @a a and @a b. */
/* RFC 4954 4: a challenge may have 12288 octets, and is one line. */
static void a_long_challenge_is_not_torn(void **state)
{
    char text[12288 - 6 + 1];
    smtp_reply_t reply = { 334, { 0, 0, 0 }, text };
    apr_size_t len;
    char *octets;

    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    octets = smtp_reply_write(*state, &reply, 1, 0, &len);
    assert_int_equal(len, 12288);
    assert_memory_equal(octets, "334 AAAA", 8);
    assert_ptr_equal(strchr(octets, '\r'), octets + len - 2);
}

static void check_cuts(apr_pool_t *p, const read_row_t *row, size_t a,
                       size_t b)
{
    const size_t ends[] = { a, b, row->len };
    smtp_reply_parser_t parser;
    smtp_reply_status_e result = SMTP_REPLY_MORE;
    smtp_reply_t reply;
    apr_size_t consumed;
    size_t at = 0, i;

    smtp_reply_parser_init(&parser, p, MAX_OCTETS);
    for (i = 0; i < 3 && result == SMTP_REPLY_MORE; i++) {
        result = smtp_reply_push(&parser, row->in + at, ends[i] - at,
                                 &consumed, &reply);
        UNIT_CHECK(row->in, result != SMTP_REPLY_MORE
                            || consumed == ends[i] - at);
        at += consumed;
    }
    UNIT_CHECK(row->in, result == row->result);
    UNIT_CHECK(row->in, reply.code == row->reply.code);
    UNIT_CHECK(row->in, !memcmp(&reply.status, &row->reply.status,
                                sizeof(reply.status)));
    if (result == SMTP_REPLY_DONE) {
        UNIT_CHECK(row->in, strcmp(reply.text, row->reply.text) == 0);
        UNIT_CHECK(row->in, at + row->left == row->len);
    }
    else {
        UNIT_CHECK(row->in, reply.text == NULL);
    }
}

static void a_reply_is_understood_however_it_is_cut(void **state)
{
    size_t i, a, b;

    for (i = 0; i < UNIT_ROWS(read_rows); i++) {
        for (a = 0; a <= read_rows[i].len; a++) {
            for (b = a; b <= read_rows[i].len; b++) {
                check_cuts(*state, &read_rows[i], a, b);
            }
        }
        apr_pool_clear(*state);
    }
}

static void what_was_decided_stays(void **state)
{
    smtp_reply_parser_t parser;
    smtp_reply_t reply;
    apr_size_t consumed;

    smtp_reply_parser_init(&parser, *state, 512);
    assert_int_equal(smtp_reply_push(&parser, "250 a\r\n", 7, &consumed,
                                     &reply), SMTP_REPLY_DONE);
    assert_int_equal(smtp_reply_push(&parser, "550 b\r\n", 7, &consumed,
                                     &reply), SMTP_REPLY_DONE);
    assert_int_equal(consumed, 0);
    assert_int_equal(reply.code, 250);
    assert_string_equal(reply.text, "a");
}

static void a_peer_that_talks_for_ever_gets_a_bounded_memory(void **state)
{
    smtp_reply_parser_t parser;
    smtp_reply_status_e result = SMTP_REPLY_MORE;
    smtp_reply_t reply;
    apr_size_t consumed;
    int i;

    smtp_reply_parser_init(&parser, *state, 4096);
    for (i = 0; result == SMTP_REPLY_MORE; i++) {
        assert_true(i <= 4096 / 7);
        result = smtp_reply_push(&parser, "250-x\r\n", 7, &consumed, &reply);
    }
    assert_int_equal(result, SMTP_REPLY_TOO_LONG);
    assert_true(parser.text_size <= 4096);
}

/** What we write we read. */
static void a_proxy_hands_a_reply_on_as_it_came(void **state)
{
    smtp_reply_t in = { 452, { 4, 3, 1 }, "disk\nfull" };
    smtp_reply_t out;
    smtp_reply_parser_t parser;
    apr_size_t len, consumed;
    char *octets = smtp_reply_write(*state, &in, 1, 0, &len);

    smtp_reply_parser_init(&parser, *state, 512);
    assert_int_equal(smtp_reply_push(&parser, octets, len, &consumed, &out),
                     SMTP_REPLY_DONE);
    assert_int_equal(out.code, 452);
    assert_memory_equal(&out.status, &in.status, sizeof(in.status));
    assert_string_equal(out.text, in.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(clients_understand_each_line_of_a_reply),
        UNIT_TEST(enhanced_codes_can_be_switched_off),
        UNIT_TEST(utf8_reaches_only_who_asked_for_it),
        UNIT_TEST(a_long_reply_is_continued_not_cut),
        UNIT_TEST(a_line_of_512_octets_is_one_line),
        UNIT_TEST(a_long_challenge_is_not_torn),
        UNIT_TEST(a_reply_is_understood_however_it_is_cut),
        UNIT_TEST(what_was_decided_stays),
        UNIT_TEST(a_peer_that_talks_for_ever_gets_a_bounded_memory),
        UNIT_TEST(a_proxy_hands_a_reply_on_as_it_came)
    };

    return UNIT_RUN(tests);
}
