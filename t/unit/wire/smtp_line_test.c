/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_line.h"

#define CR   SMTP_LINE_BARE_CR
#define LF   SMTP_LINE_BARE_LF
#define NUL  SMTP_LINE_NUL
#define LONG SMTP_LINE_TOO_LONG

enum { LINES_MAX = 8, OCTETS_MAX = 64 };

typedef struct got_t {
    char text[OCTETS_MAX];
    size_t len;
    unsigned int faults;
} got_t;

/** The lines of an input, and whether part of one is left. */
typedef struct lines_t {
    got_t line[LINES_MAX];
    int count;
    int is_partial;
} lines_t;

static void lines_push(lines_t *lines, smtp_line_t *parser, const char *s,
                       size_t len)
{
    const char *line;
    apr_size_t consumed, line_len;
    unsigned int faults;

    while (smtp_line_push(parser, s, len, &consumed, &line, &line_len,
                          &faults) == SMTP_LINE_DONE) {
        got_t *got = &lines->line[lines->count++];

        assert_true(lines->count <= LINES_MAX && line_len <= OCTETS_MAX);
        memcpy(got->text, line, line_len);
        got->len = line_len;
        got->faults = faults;
        s += consumed;
        len -= consumed;
    }
    assert_int_equal(consumed, len);
    assert_null(line);
    lines->is_partial = smtp_line_is_partial(parser);
}

/** What the header promises, with the whole input in sight. */
static lines_t oracle(const char *s, size_t len, size_t max, int lf_ends)
{
    lines_t lines;
    got_t *got = lines.line;
    size_t i, octets = 0;

    memset(&lines, 0, sizeof(lines));
    for (i = 0; i < len; i++) {
        int is_crlf = i + 1 < len && s[i] == '\r' && s[i + 1] == '\n';

        octets++;
        if (is_crlf || (lf_ends && s[i] == '\n')) {
            octets += is_crlf;
            i += is_crlf;
            got->faults |= octets > max ? LONG : 0;
            got = &lines.line[++lines.count];
            octets = 0;
            continue;
        }
        got->faults |= s[i] == '\r' ? CR : s[i] == '\n' ? LF
                       : s[i] == '\0' ? NUL : 0;
        if (got->len < max) {
            got->text[got->len++] = s[i];
        }
    }
    lines.is_partial = octets > 0;
    return lines;
}

static void assert_same(const lines_t *got, const lines_t *want)
{
    int i;

    assert_int_equal(got->count, want->count);
    assert_int_equal(got->is_partial, want->is_partial);
    for (i = 0; i < want->count; i++) {
        assert_int_equal(got->line[i].faults, want->line[i].faults);
        assert_int_equal(got->line[i].len, want->line[i].len);
        assert_memory_equal(got->line[i].text, want->line[i].text,
                            want->line[i].len);
    }
}

/** The input in three pieces, cut at @a a and @a b. */
static void check_cuts(apr_pool_t *p, const char *s, size_t len, size_t max,
                       int lf_ends, size_t a, size_t b)
{
    lines_t want = oracle(s, len, max, lf_ends);
    lines_t got;
    smtp_line_t parser;

    memset(&got, 0, sizeof(got));
    smtp_line_init(&parser, p, max, lf_ends);
    lines_push(&got, &parser, s, a);
    lines_push(&got, &parser, s + a, b - a);
    lines_push(&got, &parser, s + b, len - b);
    assert_same(&got, &want);
}

static void check_input(apr_pool_t *p, const char *s, size_t len, size_t max)
{
    int lf_ends;
    size_t a, b;

    for (lf_ends = 0; lf_ends < 2; lf_ends++) {
        for (a = 0; a <= len; a++) {
            for (b = a; b <= len; b++) {
                check_cuts(p, s, len, max, lf_ends, a, b);
            }
        }
    }
    apr_pool_clear(p);
}

typedef struct row_t {
    const char *in;
    size_t len;
    got_t line[3];
} row_t;

#define IN(s) s, sizeof(s) - 1
/** `SMTPBareLF reject`, lines of 12 octets. */
static const row_t reject_rows[] = {
    { IN("NOOP\r\n"), { { "NOOP", 4, 0 } } },
    { IN("\r\n"), { { "", 0, 0 } } },
    { IN("a\r\nb\r\n"), { { "a", 1, 0 }, { "b", 1, 0 } } },
    { IN("a\nb\r\n"), { { "a\nb", 3, LF } } },
    { IN("\nb\r\n"), { { "\nb", 2, LF } } },
    { IN("a\rb\r\n"), { { "a\rb", 3, CR } } },
    { IN("a\r\r\n"), { { "a\r", 2, CR } } },
    { IN("a\n\r\n"), { { "a\n", 2, LF } } },
    { IN("a\0b\r\n"), { { "a\0b", 3, NUL } } },
    { IN("a\r\0\n\r\n"), { { "a\r\0\n", 4, CR | LF | NUL } } },
    { IN("1234567890\r\n"), { { "1234567890", 10, 0 } } },
    { IN("12345678901\r\n"), { { "12345678901", 11, LONG } } },
    { IN("123456789012345\r\na\r\n"),
      { { "123456789012", 12, LONG }, { "a", 1, 0 } } },
    { IN("1234567890123\0\n\r5\r\na\r\n"),
      { { "123456789012", 12, LONG | NUL | LF | CR }, { "a", 1, 0 } } }
};

/** `SMTPBareLF normalise`. */
static const row_t normalise_rows[] = {
    { IN("a\nb\r\n"), { { "a", 1, 0 }, { "b", 1, 0 } } },
    { IN("\n\r\n\n"), { { "", 0, 0 }, { "", 0, 0 }, { "", 0, 0 } } },
    { IN("a\r\n"), { { "a", 1, 0 } } },
    { IN("a\rb\n"), { { "a\rb", 3, CR } } },
    { IN("12345678901\n"), { { "12345678901", 11, 0 } } },
    { IN("123456789012\n"), { { "123456789012", 12, LONG } } }
};

static void check_rows(apr_pool_t *p, const row_t *rows, size_t count,
                       int lf_ends)
{
    size_t i;

    for (i = 0; i < count; i++) {
        lines_t want = oracle(rows[i].in, rows[i].len, 12, lf_ends);
        int k;

        for (k = 0; k < want.count; k++) {
            const got_t *line = &rows[i].line[k];

            UNIT_CHECK(rows[i].in, want.line[k].len == line->len);
            UNIT_CHECK(rows[i].in, want.line[k].faults == line->faults);
            UNIT_CHECK(rows[i].in, !memcmp(want.line[k].text, line->text,
                                           line->len));
        }
        UNIT_CHECK(rows[i].in, k == 3 || rows[i].line[k].len == 0);
        check_input(p, rows[i].in, rows[i].len, 12);
    }
}

static void only_crlf_ends_a_command(void **state)
{
    check_rows(*state, reject_rows, UNIT_ROWS(reject_rows), 0);
}

static void a_bare_lf_ends_a_command_where_that_was_asked_for(void **state)
{
    check_rows(*state, normalise_rows, UNIT_ROWS(normalise_rows), 1);
}

/** Every string of up to six octets that matter, cut in every way. */
static void commands_are_the_same_however_they_are_cut(void **state)
{
    static const char alphabet[] = { '\r', '\n', '\0', 'a' };
    enum { LEN_MAX = 6 };
    char s[LEN_MAX] = "";
    size_t digits[LEN_MAX];
    size_t len, i;

    for (len = 0; len <= LEN_MAX; len++) {
        memset(digits, 0, sizeof(digits));
        do {
            for (i = 0; i < len; i++) {
                s[i] = alphabet[digits[i]];
            }
            check_input(*state, s, len, 3);
            for (i = 0; i < len && ++digits[i] == sizeof(alphabet); i++) {
                digits[i] = 0;
            }
        } while (i < len);
    }
}

static void a_line_that_came_whole_is_not_copied(void **state)
{
    static const char in[] = "NOOP\r\nQUIT\r\n";
    smtp_line_t parser;
    const char *line;
    apr_size_t consumed, line_len;
    unsigned int faults;

    smtp_line_init(&parser, *state, 512, 0);
    assert_int_equal(smtp_line_push(&parser, in, sizeof(in) - 1, &consumed,
                                    &line, &line_len, &faults),
                     SMTP_LINE_DONE);
    assert_ptr_equal(line, in);
    assert_int_equal(consumed, 6);
    assert_null(parser.buffer);
}

/** A line without an end takes no more memory than the longest line. */
static void an_endless_line_does_not_eat_the_memory(void **state)
{
    static const char junk[100] = { 'x' };
    smtp_line_t parser;
    const char *line;
    apr_size_t consumed, line_len;
    unsigned int faults;
    int i;

    smtp_line_init(&parser, *state, 512, 0);
    for (i = 0; i < 100000; i++) {
        assert_int_equal(smtp_line_push(&parser, junk, sizeof(junk),
                                        &consumed, &line, &line_len,
                                        &faults), SMTP_LINE_MORE);
    }
    assert_int_equal(parser.buffer_size, 512);
    assert_int_equal(smtp_line_push(&parser, "\r\n", 2, &consumed, &line,
                                    &line_len, &faults), SMTP_LINE_DONE);
    assert_int_equal(line_len, 512);
    assert_int_equal(faults, LONG | NUL);
}

/** AUTH lets lines grow (RFC 4954 4) although shorter ones came in pieces
 *  before. */
static void a_longer_line_fits_once_it_is_allowed(void **state)
{
    smtp_line_t parser;
    lines_t got;
    char response[OCTETS_MAX];

    memset(&got, 0, sizeof(got));
    memset(response, 'A', sizeof(response));
    smtp_line_init(&parser, *state, 6, 0);
    lines_push(&got, &parser, "AU", 2);
    assert_true(smtp_line_is_partial(&parser));
    lines_push(&got, &parser, "TH\r\n", 4);
    assert_false(smtp_line_is_partial(&parser));
    smtp_line_max_set(&parser, OCTETS_MAX + 2);
    lines_push(&got, &parser, response, 40);
    lines_push(&got, &parser, response + 40, OCTETS_MAX - 40);
    lines_push(&got, &parser, "\r\n", 2);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.line[0].faults | got.line[1].faults, 0);
    assert_int_equal(got.line[1].len, OCTETS_MAX);
    assert_memory_equal(got.line[1].text, response, OCTETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_crlf_ends_a_command),
        UNIT_TEST(a_bare_lf_ends_a_command_where_that_was_asked_for),
        UNIT_TEST(commands_are_the_same_however_they_are_cut),
        UNIT_TEST(a_line_that_came_whole_is_not_copied),
        UNIT_TEST(an_endless_line_does_not_eat_the_memory),
        UNIT_TEST(a_longer_line_fits_once_it_is_allowed)
    };

    return UNIT_RUN(tests);
}
