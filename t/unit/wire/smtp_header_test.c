/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_header.h"

/** A mail and what is to be known of it. */
typedef struct row_t {
    const char *mail;
    unsigned int fields;
    unsigned int received;
    apr_off_t header_octets;
    int is_malformed;
    const char *from;
    const char *subject;
    const char *message_id;
    const char *delivered_to;    /* joined by commas */
} row_t;

static const row_t rows[] = {
    { "From: a@b.example\r\n\r\nTo: body\r\n", SMTP_HEADER_FROM, 0, 19, 0,
      "a@b.example", NULL, NULL, "" },
    { "Date: x\r\nFROM:y\r\nsender: z\r\nMessage-ID: <i>\r\n"
      "Return-Path: <>\r\nMIME-Version: 1.0\r\nAuto-Submitted: no\r\n"
      "TLS-Required: No\r\nSubject: s\r\n\r\n",
      SMTP_HEADER_DATE | SMTP_HEADER_FROM | SMTP_HEADER_SENDER
      | SMTP_HEADER_MESSAGE_ID | SMTP_HEADER_RETURN_PATH
      | SMTP_HEADER_MIME_VERSION | SMTP_HEADER_AUTO_SUBMITTED
      | SMTP_HEADER_TLS_REQUIRED | SMTP_HEADER_TLS_OPTIONAL, 0, 9 + 8 + 11 + 17 + 17 + 19 + 20 + 18 + 12,
      0, "y", "s", "<i>", "" },
    { "to: a\r\n\r\n", SMTP_HEADER_TO_CC_BCC, 0, 7, 0, NULL, NULL, NULL,
      "" },
    { "Cc: a\r\n\r\n", SMTP_HEADER_TO_CC_BCC, 0, 7, 0, NULL, NULL, NULL,
      "" },
    { "bCC: a\r\n\r\n", SMTP_HEADER_TO_CC_BCC | SMTP_HEADER_BCC, 0, 8, 0,
      NULL, NULL, NULL, "" },
    /* RFC 5321 6.3: the hops are counted */
    { "Received: a\r\n by b\r\nReceived: c\r\nX-Received: d\r\n"
      "Receive: e\r\nReceived:\r\n\r\nReceived: f\r\n", 0, 3, 71, 0, NULL,
      NULL, NULL, "" },
    /* RFC 5322 2.2.3: folding */
    { "Subject: a\r\n b\r\n\tc \r\n\r\n", 0, 0, 21, 0, NULL, "a b\tc", NULL,
      "" },
    { "Subject:\r\n \r\n a\r\n\r\n", 0, 0, 17, 0, NULL, "a", NULL, "" },
    { "Subject: a\r\n From: b\r\n\r\n", 0, 0, 22, 0, NULL, "a From: b",
      NULL, "" },
    { "Subject:\r\n\r\n", 0, 0, 10, 0, NULL, "", NULL, "" },
    { "Subject: \t \r\n\r\n", 0, 0, 13, 0, NULL, "", NULL, "" },
    /* RFC 5322 4.5: white space before the colon */
    { "From \t : a\r\n\r\n", SMTP_HEADER_FROM, 0, 12, 0, "a", NULL, NULL,
      "" },
    /* the first counts */
    { "From: a\r\nFrom: b\r\nSubject: c\r\nSubject: d\r\n"
      "Message-Id: e\r\nMessage-Id: f\r\n\r\n",
      SMTP_HEADER_FROM | SMTP_HEADER_MESSAGE_ID, 0, 18 + 24 + 30, 0, "a",
      "c", "e", "" },
    { "Delivered-To: a@b\r\nDelivered-To:\r\n c\r\n\r\n", 0, 0, 38, 0, NULL,
      NULL, NULL, "a@b,c" },
    /* into a log it goes escaped */
    { "Message-ID: <\x01\\\x80>\r\n\r\n", SMTP_HEADER_MESSAGE_ID, 0, 19, 0,
      NULL, NULL, "<\\x01\\x5C\\x80>", "" },
    /* RFC 2076 3.9: what mailings say of themselves */
    { "Precedence: bulk\r\n\r\n", SMTP_HEADER_BULK, 0, 18, 0, NULL, NULL,
      NULL, "" },
    { "precedence:\r\n LIST \r\n\r\n", SMTP_HEADER_BULK, 0, 21, 0, NULL,
      NULL, NULL, "" },
    { "Precedence: junk\r\nPrecedence: x\r\n\r\n", SMTP_HEADER_BULK, 0, 33,
      0, NULL, NULL, NULL, "" },
    { "Precedence: first-class\r\nPrecedence: bulky\r\nPrecedence:\r\n"
      "X-Precedence: bulk\r\n\r\n", 0, 0, 25 + 19 + 13 + 20, 0, NULL, NULL,
      NULL, "" },
    /* RFC 8689 5 */
    { "TLS-Required:\r\n nO \r\n\r\n", SMTP_HEADER_TLS_REQUIRED
      | SMTP_HEADER_TLS_OPTIONAL, 0, 21, 0, NULL, NULL, NULL, "" },
    { "TLS-Required: Yes\r\n\r\n", SMTP_HEADER_TLS_REQUIRED, 0, 19, 0,
      NULL, NULL, NULL, "" },
    { "TLS-Required: No!\r\nX-TLS-Required: No\r\n\r\n",
      SMTP_HEADER_TLS_REQUIRED, 0, 19 + 20, 0, NULL, NULL, NULL, "" },
    /* names that are like ours */
    { "Fro: a\r\nFromm: b\r\nDat\r\n", 0, 0, 18, 1, NULL, NULL, NULL, "" },
    { "From-which-is-longer-than-any-name-that-we-know: a\r\n\r\n", 0, 0, 52,
      0, NULL, NULL, NULL, "" },
    { "Message-IDxxxxxxxxxxxxxxxxxxxxxxx: a\r\n\r\n", 0, 0, 38, 0, NULL,
      NULL, NULL, "" },
    /* no header, or none that is one */
    { "", 0, 0, 0, 0, NULL, NULL, NULL, "" },
    { "\r\nFrom: a\r\n", 0, 0, 0, 0, NULL, NULL, NULL, "" },
    { "From a@b Mon Nov 23 2026\r\nFrom: a\r\n\r\n", 0, 0, 0, 1, NULL, NULL,
      NULL, "" },
    { " From: a\r\n\r\n", 0, 0, 0, 1, NULL, NULL, NULL, "" },
    { ": a\r\n\r\n", 0, 0, 0, 1, NULL, NULL, NULL, "" },
    { "Date: a\r\n: a\r\n\r\n", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL, NULL,
      "" },
    { "Date: a\r\nhello\r\n\r\nFrom: a\r\n", SMTP_HEADER_DATE, 0, 9, 1,
      NULL, NULL, NULL, "" },
    { "Date: a\r\nFr\xC3\xB6m: a\r\n\r\n", SMTP_HEADER_DATE, 0, 9, 1, NULL,
      NULL, NULL, "" },
    { "Date: a\r\nFr om: a\r\n\r\n", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL,
      NULL, "" },
    { "Date: a\r\n\rFrom: a\r\n\r\n", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL,
      NULL, "" },
    /* only CRLF ends a line */
    { "Subject: a\nFrom: b\rTo: c\r\n\r\n", 0, 0, 26, 0, NULL,
      "a\nFrom: b\rTo: c", NULL, "" },
    { "Subject: a\r\r\n\r\n", 0, 0, 13, 0, NULL, "a\r", NULL, "" },
    /* the mail ends within the header */
    { "Date: a\r\n", SMTP_HEADER_DATE, 0, 9, 0, NULL, NULL, NULL, "" },
    { "Date: a\r\nFrom: b", SMTP_HEADER_DATE | SMTP_HEADER_FROM, 0, 16, 0,
      "b", NULL, NULL, "" },
    { "Date: a\r\nFrom: b\r", SMTP_HEADER_DATE | SMTP_HEADER_FROM, 0, 17, 0,
      "b", NULL, NULL, "" },
    { "Date: a\r\nFrom", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL, NULL, "" },
    { "Date: a\r\nFrom ", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL, NULL, "" },
    { "Date: a\r\n\r", SMTP_HEADER_DATE, 0, 9, 1, NULL, NULL, NULL, "" }
};

static int is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_header(apr_pool_t *p, const smtp_header_t *header,
                         const row_t *row)
{
    const char *name = row->mail;

    UNIT_CHECK(name, header->fields == row->fields);
    UNIT_CHECK(name, header->received == row->received);
    UNIT_CHECK(name, header->header_octets == row->header_octets);
    UNIT_CHECK(name, (int)header->is_malformed == row->is_malformed);
    UNIT_CHECK(name, header->is_done);
    UNIT_CHECK(name, is_same(header->from, row->from));
    UNIT_CHECK(name, is_same(header->subject, row->subject));
    UNIT_CHECK(name, is_same(header->message_id, row->message_id));
    UNIT_CHECK(name, is_same(apr_array_pstrcat(p, header->delivered_to, ','),
                             row->delivered_to));
}

/** The row's mail in three pieces, cut at @a a and @a b. */
static void check_cuts(apr_pool_t *p, const row_t *row, size_t a, size_t b)
{
    const char *mail = row->mail;
    smtp_header_t header;

    smtp_header_init(&header, p);
    smtp_header_push(&header, mail, a);
    smtp_header_push(&header, mail + a, b - a);
    smtp_header_push(&header, mail + b, strlen(mail) - b);
    smtp_header_finish(&header);
    check_header(p, &header, row);
}

static void what_the_header_says_is_known_however_it_is_cut(void **state)
{
    size_t i, a, b;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        size_t len = strlen(rows[i].mail);

        for (a = 0; a <= len; a++) {
            for (b = a; b <= len; b++) {
                check_cuts(*state, &rows[i], a, b);
            }
            apr_pool_clear(*state);
        }
    }
}

static int has_8bit(apr_pool_t *p, const char *mail)
{
    smtp_header_t header;

    smtp_header_init(&header, p);
    smtp_header_push(&header, mail, strlen(mail));
    smtp_header_finish(&header);
    return header.has_8bit;
}

/** RFC 6532: such a header makes it an internationalised message. */
static void octets_above_127_in_the_header_are_seen(void **state)
{
    assert_true(has_8bit(*state, "X: \xC3\xA9\r\n\r\n"));
    assert_true(has_8bit(*state, "Subject: \xC3\xA9\r\n\r\n"));
    assert_true(has_8bit(*state, "X: a\r\n \xFF\r\n\r\n"));
    assert_false(has_8bit(*state, "X: a\r\n\r\n\xC3\xA9\r\n"));
    assert_false(has_8bit(*state, "X: a\r\n\xC3\xA9\r\n"));
    assert_false(has_8bit(*state, "X: \x7F\r\n\r\n"));
}

typedef struct fields_row_t {
    const char *mail;
    unsigned int repeated;
    unsigned int is_cut;
    const char *sender;
} fields_row_t;

static const fields_row_t fields_rows[] = {
    { "From: a\r\nSender: b\r\nDate: c\r\n\r\n", 0, 0, "b" },
    { "From: a\r\nFROM: b\r\n\r\n", SMTP_HEADER_FROM, 0, NULL },
    { "Sender: a\r\nX: y\r\nsender : \r\n b\r\n\r\n", SMTP_HEADER_SENDER,
      0, "a" },
    { "Date: a\r\nDate: b\r\nMessage-Id: c\r\nMessage-ID: d\r\n\r\n",
      SMTP_HEADER_DATE | SMTP_HEADER_MESSAGE_ID, 0, NULL },
    { "Date: a\r\n\r\nDate: b\r\n", 0, 0, NULL },
    { "Subject: a\r\nSubject: b\r\nReceived: c\r\nReceived: d\r\n\r\n", 0, 0,
      NULL },
    { "Sender: \r\n\r\n", 0, 0, "" }
};

/** Whoever reads another From than we did must not be fooled. */
static void a_field_that_stands_twice_is_known(void **state)
{
    size_t i, cut;

    for (i = 0; i < UNIT_ROWS(fields_rows); i++) {
        const fields_row_t *row = &fields_rows[i];
        size_t len = strlen(row->mail);

        for (cut = 0; cut <= len; cut++) {
            smtp_header_t header;

            smtp_header_init(&header, *state);
            smtp_header_push(&header, row->mail, cut);
            smtp_header_push(&header, row->mail + cut, len - cut);
            smtp_header_finish(&header);
            UNIT_CHECK(row->mail, header.repeated == row->repeated);
            UNIT_CHECK(row->mail, header.is_cut == row->is_cut);
            UNIT_CHECK(row->mail, is_same(header.sender, row->sender));
        }
    }
}

/** From with @a octets of body, in pieces of @a piece. */
static smtp_header_t from_push(apr_pool_t *p, size_t octets, size_t piece)
{
    char *mail = apr_palloc(p, octets + 16);
    size_t len = octets + 10, at, n;
    smtp_header_t header;

    memcpy(mail, "From: ", 6);
    memset(mail + 6, 'a', octets);
    memcpy(mail + 6 + octets, "\r\n\r\n", 4);
    smtp_header_init(&header, p);
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        smtp_header_push(&header, mail + at, n);
    }
    smtp_header_finish(&header);
    return header;
}

static void a_long_from_is_whole_or_said_to_be_cut(void **state)
{
    static const size_t lens[] = {
        1, SMTP_HEADER_VALUE_MAX_OCTETS, SMTP_HEADER_VALUE_MAX_OCTETS + 1,
        SMTP_HEADER_ADDRESS_MAX_OCTETS - 1, SMTP_HEADER_ADDRESS_MAX_OCTETS,
        SMTP_HEADER_ADDRESS_MAX_OCTETS + 1, 100000
    };
    static const size_t pieces[] = { 1, 7, 998, 200000 };
    size_t i, j;

    for (i = 0; i < UNIT_ROWS(lens); i++) {
        for (j = 0; j < UNIT_ROWS(pieces); j++) {
            smtp_header_t header = from_push(*state, lens[i], pieces[j]);
            int is_cut = lens[i] > SMTP_HEADER_ADDRESS_MAX_OCTETS;

            assert_int_equal(strlen(header.from),
                             is_cut ? SMTP_HEADER_ADDRESS_MAX_OCTETS
                                    : lens[i]);
            assert_int_equal(header.is_cut, is_cut ? SMTP_HEADER_FROM : 0);
        }
    }
}

static void a_nul_in_from_is_told(void **state)
{
    static const char mail[] = "From: a@b\0, c@d\r\nSender: e\r\n\r\n";
    smtp_header_t header;

    smtp_header_init(&header, *state);
    smtp_header_push(&header, mail, sizeof(mail) - 1);
    smtp_header_finish(&header);
    assert_int_equal(header.is_cut, SMTP_HEADER_FROM);
    assert_string_equal(header.sender, "e");
}

/** Of @a mail in two pieces, whichever. */
static int has_bare(apr_pool_t *p, const char *mail, size_t len)
{
    int has = 0;
    size_t cut;

    for (cut = 0; cut <= len; cut++) {
        smtp_header_t header;

        smtp_header_init(&header, p);
        smtp_header_push(&header, mail, cut);
        smtp_header_push(&header, mail + cut, len - cut);
        smtp_header_finish(&header);
        assert_true(cut == 0 || has == (int)header.has_bare);
        has = header.has_bare;
    }
    return has;
}

#define HAS_BARE(p, mail) has_bare((p), (mail), sizeof(mail) - 1)

/** A reader that takes LF for the end of a line sees another From. */
static void a_field_within_a_field_is_seen(void **state)
{
    assert_true(HAS_BARE(*state, "X: a\nFrom: b\r\n\r\n"));
    assert_true(HAS_BARE(*state, "X: a\rFrom: b\r\n\r\n"));
    assert_true(HAS_BARE(*state, "From: a\r\r\n\r\n"));
    assert_true(HAS_BARE(*state, "From: a\r\n \nb\r\n\r\n"));
    assert_true(HAS_BARE(*state, "X: a\0b\r\n\r\n"));
    assert_false(HAS_BARE(*state, "X: a\r\n b\r\nFrom: c\r\n\r\n"));
    assert_false(HAS_BARE(*state, "X: a\r\n\r\na\nb\rc\0d\r\n"));
}

static void repeat_push(smtp_header_t *header, const char *s, int times)
{
    while (times-- > 0) {
        smtp_header_push(header, s, strlen(s));
    }
}

/** A field of any length, and as many as the peer likes. */
static void a_huge_header_takes_bounded_memory(void **state)
{
    smtp_header_t header;
    char *value;

    smtp_header_init(&header, *state);
    smtp_header_push(&header, "Subject: ", 9);
    repeat_push(&header, "0123456789", 100000);
    repeat_push(&header, "\r\n 0123456789", 100000);
    value = header.value;
    smtp_header_push(&header, "\r\n", 2);
    repeat_push(&header, "X: 0123456789\r\n", 100000);
    repeat_push(&header, "Message-ID: <a>\r\nDate: x\r\n", 100000);
    repeat_push(&header, "Delivered-To: a\r\n", 1000);
    repeat_push(&header, "Received: a\r\n", 1000);
    smtp_header_push(&header, "\r\n", 2);
    assert_int_equal(strlen(header.subject), SMTP_HEADER_VALUE_MAX_OCTETS);
    assert_ptr_equal(header.value, value);
    assert_int_equal(header.delivered_to->nelts,
                     SMTP_HEADER_DELIVERED_TO_MAX);
    assert_int_equal(header.received, 1000);
    assert_true(header.is_done);
    assert_false(header.is_malformed);
}

/** What comes after the header is not looked at. */
static void the_body_is_no_header(void **state)
{
    smtp_header_t header;

    smtp_header_init(&header, *state);
    smtp_header_push(&header, "From: a\r\n\r\n", 11);
    assert_true(header.is_done);
    smtp_header_push(&header, "Date: x\r\nReceived: y\r\n", 22);
    smtp_header_finish(&header);
    assert_int_equal(header.fields, SMTP_HEADER_FROM);
    assert_int_equal(header.received, 0);
    assert_int_equal(header.header_octets, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_the_header_says_is_known_however_it_is_cut),
        UNIT_TEST(octets_above_127_in_the_header_are_seen),
        UNIT_TEST(a_field_that_stands_twice_is_known),
        UNIT_TEST(a_long_from_is_whole_or_said_to_be_cut),
        UNIT_TEST(a_nul_in_from_is_told),
        UNIT_TEST(a_field_within_a_field_is_seen),
        UNIT_TEST(a_huge_header_takes_bounded_memory),
        UNIT_TEST(the_body_is_no_header)
    };

    return UNIT_RUN(tests);
}
