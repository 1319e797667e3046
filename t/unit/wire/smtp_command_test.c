/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_chars.h"
#include "smtp_command.h"

typedef struct row_t {
    const char *line;
    smtp_verb_e verb;
    const char *word;
    const char *arg;
    unsigned int is_malformed;
} row_t;

static int is(const char *s, apr_size_t len, const char *want)
{
    return len == strlen(want) && memcmp(s, want, len) == 0;
}

static void check(apr_pool_t *p, const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        smtp_command_t c;

        memset(&c, 0xAA, sizeof(c));
        smtp_command_parse(unit_string(p, row->line), strlen(row->line), &c);
        UNIT_CHECK(row->line, c.verb == row->verb);
        UNIT_CHECK(row->line, is(c.word, c.word_len, row->word));
        UNIT_CHECK(row->line, is(c.arg, c.arg_len, row->arg));
        UNIT_CHECK(row->line, c.is_malformed == row->is_malformed);
    }
}

/* RFC 5321 4.1.1 */
static void a_command_is_a_verb_and_what_follows(void **state)
{
    static const row_t rows[] = {
        { "EHLO mx.example", SMTP_VERB_EHLO, "EHLO", "mx.example", 0 },
        { "ehlo   mx.example", SMTP_VERB_EHLO, "ehlo", "mx.example", 0 },
        { "HELO a b", SMTP_VERB_HELO, "HELO", "a b", 0 },
        { "DATA", SMTP_VERB_DATA, "DATA", "", 0 },
        { "DATA x", SMTP_VERB_DATA, "DATA", "x", 0 },
        { "NOOP \"a  b\"", SMTP_VERB_NOOP, "NOOP", "\"a  b\"", 0 },
        { "BDAT 10 LAST", SMTP_VERB_BDAT, "BDAT", "10 LAST", 0 },
        { "VRFY <a@b>", SMTP_VERB_VRFY, "VRFY", "<a@b>", 0 },
        { "SEND FROM:<a@b>", SMTP_VERB_SEND, "SEND", "FROM:<a@b>", 0 },
        { "XYZZY a", SMTP_VERB_UNKNOWN, "XYZZY", "a", 0 },
        { "", SMTP_VERB_UNKNOWN, "", "", 0 },
        { " ", SMTP_VERB_UNKNOWN, "", "", 0 },
        { " \t ", SMTP_VERB_UNKNOWN, "", "", 0 },
        { " QUIT", SMTP_VERB_UNKNOWN, "", "QUIT", 0 },
        { "\tQUIT", SMTP_VERB_UNKNOWN, "\tQUIT", "", 0 },
        { "DATA\tx", SMTP_VERB_UNKNOWN, "DATA\tx", "", 0 },
        { "QUITx", SMTP_VERB_UNKNOWN, "QUITx", "", 0 }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.1: servers SHOULD tolerate it */
static void white_space_at_the_end_is_forgiven(void **state)
{
    static const row_t rows[] = {
        { "QUIT ", SMTP_VERB_QUIT, "QUIT", "", 0 },
        { "QUIT\t", SMTP_VERB_QUIT, "QUIT", "", 0 },
        { "RSET \t \t", SMTP_VERB_RSET, "RSET", "", 0 },
        { "EHLO a \t", SMTP_VERB_EHLO, "EHLO", "a", 0 },
        { "MAIL FROM:<> ", SMTP_VERB_MAIL, "MAIL", "<>", 0 },
        { "MAIL FROM: ", SMTP_VERB_MAIL, "MAIL", "", 0 }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.1.2, 4.1.1.3 */
static void paths_are_found_behind_from_and_to(void **state)
{
    static const row_t rows[] = {
        { "MAIL FROM:<a@b> SIZE=1", SMTP_VERB_MAIL, "MAIL", "<a@b> SIZE=1",
          0 },
        { "mail from:<A@b>", SMTP_VERB_MAIL, "mail", "<A@b>", 0 },
        { "MAIL FROM: <a@b>", SMTP_VERB_MAIL, "MAIL", "<a@b>", 0 },
        { "MAIL  FROM:   <>", SMTP_VERB_MAIL, "MAIL", "<>", 0 },
        { "RCPT TO:<a@b>", SMTP_VERB_RCPT, "RCPT", "<a@b>", 0 },
        { "rcpt to: <a@b> NOTIFY=NEVER", SMTP_VERB_RCPT, "rcpt",
          "<a@b> NOTIFY=NEVER", 0 },
        { "MAIL FROM:", SMTP_VERB_MAIL, "MAIL", "", 0 },
        { "MAIL FROM:\t<a@b>", SMTP_VERB_MAIL, "MAIL", "\t<a@b>", 0 },
        { "RCPT TO:TO:<a@b>", SMTP_VERB_RCPT, "RCPT", "TO:<a@b>", 0 }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

static void mail_without_from_is_malformed(void **state)
{
    static const row_t rows[] = {
        { "MAIL", SMTP_VERB_MAIL, "MAIL", "", 1 },
        { "RCPT", SMTP_VERB_RCPT, "RCPT", "", 1 },
        { "MAIL <a@b>", SMTP_VERB_MAIL, "MAIL", "<a@b>", 1 },
        { "MAIL FROM <a@b>", SMTP_VERB_MAIL, "MAIL", "FROM <a@b>", 1 },
        { "MAIL FROM :<a@b>", SMTP_VERB_MAIL, "MAIL", "FROM :<a@b>", 1 },
        { "MAIL FROM", SMTP_VERB_MAIL, "MAIL", "FROM", 1 },
        { "MAIL TO:<a@b>", SMTP_VERB_MAIL, "MAIL", "TO:<a@b>", 1 },
        { "RCPT FROM:<a@b>", SMTP_VERB_RCPT, "RCPT", "FROM:<a@b>", 1 },
        { "RCPT T", SMTP_VERB_RCPT, "RCPT", "T", 1 },
        { "RCPT T O:<a@b>", SMTP_VERB_RCPT, "RCPT", "T O:<a@b>", 1 },
        { "MAILFROM:<a@b>", SMTP_VERB_UNKNOWN, "MAILFROM:<a@b>", "", 0 }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* ALPACA (2021) */
static void an_http_request_is_recognised_by_any_line(void **state)
{
    static const row_t rows[] = {
        { "GET / HTTP/1.1", SMTP_VERB_FOREIGN, "GET", "/ HTTP/1.1", 0 },
        { "post", SMTP_VERB_FOREIGN, "post", "", 0 },
        { "PRI * HTTP/2.0", SMTP_VERB_FOREIGN, "PRI", "* HTTP/2.0", 0 },
        { "Host: mx.example:25", SMTP_VERB_FOREIGN, "Host:", "mx.example:25",
          0 },
        { "Host:mx", SMTP_VERB_FOREIGN, "Host:mx", "", 0 },
        { "HTTP/1.1 200 OK", SMTP_VERB_FOREIGN, "HTTP/1.1", "200 OK", 0 },
        { "FOO /x y HTTP/1.1", SMTP_VERB_FOREIGN, "FOO", "/x y HTTP/1.1", 0 },
        { "foo / http/1.0 ", SMTP_VERB_FOREIGN, "foo", "/ http/1.0", 0 },
        { "FOO HTTP/1.1", SMTP_VERB_UNKNOWN, "FOO", "HTTP/1.1", 0 },
        { "FOO / HTTP/1.", SMTP_VERB_UNKNOWN, "FOO", "/ HTTP/1.", 0 },
        { "FOO /HTTP/1.1", SMTP_VERB_UNKNOWN, "FOO", "/HTTP/1.1", 0 },
        { "FOO / HTTP/1.1x", SMTP_VERB_UNKNOWN, "FOO", "/ HTTP/1.1x", 0 },
        { "NOOP / HTTP/1.1", SMTP_VERB_NOOP, "NOOP", "/ HTTP/1.1", 0 }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

static void a_nul_makes_no_other_command(void **state)
{
    smtp_command_t c;

    smtp_command_parse(unit_octets(*state, "QUIT\0", 5), 5, &c);
    assert_int_equal(c.verb, SMTP_VERB_UNKNOWN);
    smtp_command_parse(unit_octets(*state, "MAIL FROM:<a\0b>", 15), 15, &c);
    assert_int_equal(c.verb, SMTP_VERB_MAIL);
    assert_int_equal(c.arg_len, 5);
    smtp_command_parse(unit_octets(*state, "MAIL FR\0M:<>", 12), 12, &c);
    assert_true(c.is_malformed);
}

/* RFC 3030 2 */
static void chunks_are_neither_lost_nor_taken_for_commands(void **state)
{
    static const struct {
        const char *arg;
        int want;
        apr_off_t size;
        int is_last;
    } rows[] = {
        { "0", SMTP_BDAT_OK, 0, 0 }, { "1", SMTP_BDAT_OK, 1, 0 },
        { "0 LAST", SMTP_BDAT_OK, 0, 1 },
        { "86 last", SMTP_BDAT_OK, 86, 1 },
        { "86  LAST", SMTP_BDAT_OK, 86, 1 },
        { "000086", SMTP_BDAT_OK, 86, 0 },
        { "2147483648", SMTP_BDAT_OK, APR_INT64_C(2147483648), 0 },
        { "9223372036854775807 LAST", SMTP_BDAT_OK, SMTP_CHARS_NUMBER_MAX,
          1 },
        { "9223372036854775808", SMTP_BDAT_SYNTAX, 0, 0 },
        { "18446744073709551616", SMTP_BDAT_SYNTAX, 0, 0 },
        { "18446744073709551617 LAST", SMTP_BDAT_SYNTAX, 0, 0 },
        { "", SMTP_BDAT_SYNTAX, 0, 0 }, { "LAST", SMTP_BDAT_SYNTAX, 0, 0 },
        { "-1", SMTP_BDAT_SYNTAX, 0, 0 }, { "+1", SMTP_BDAT_SYNTAX, 0, 0 },
        { "1x", SMTP_BDAT_SYNTAX, 0, 0 }, { "0x10", SMTP_BDAT_SYNTAX, 0, 0 },
        { "1,000", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86LAST", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86 LASTX", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86 LAST LAST", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86 LAS", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86 87", SMTP_BDAT_SYNTAX, 0, 0 },
        { "86\tLAST", SMTP_BDAT_SYNTAX, 0, 0 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_off_t size = 42;
        int is_last = 42;
        char *arg = unit_string(*state, rows[i].arg);

        UNIT_CHECK(rows[i].arg,
                   (int)smtp_command_parse_bdat(arg, strlen(rows[i].arg),
                                                &size, &is_last)
                   == rows[i].want);
        UNIT_CHECK(rows[i].arg, size == rows[i].size);
        UNIT_CHECK(rows[i].arg, is_last == rows[i].is_last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_command_is_a_verb_and_what_follows),
        UNIT_TEST(white_space_at_the_end_is_forgiven),
        UNIT_TEST(paths_are_found_behind_from_and_to),
        UNIT_TEST(mail_without_from_is_malformed),
        UNIT_TEST(an_http_request_is_recognised_by_any_line),
        UNIT_TEST(a_nul_makes_no_other_command),
        UNIT_TEST(chunks_are_neither_lost_nor_taken_for_commands)
    };
    return UNIT_RUN(tests);
}
