/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>

#include "smtp_dot.h"

enum { OUT_MAX = 512 };

/** What a pass gave: the mail, and how it went. */
typedef struct result_t {
    char out[OUT_MAX];
    size_t out_len;
    size_t consumed;
    int done;
    unsigned int faults;
    int has_8bit;
    int calls;
} result_t;

static apr_status_t collect(void *ctx, const char *octets, apr_size_t len)
{
    result_t *result = ctx;

    assert_int_not_equal(len, 0);
    assert_true(result->out_len + len <= OUT_MAX);
    memcpy(result->out + result->out_len, octets, len);
    result->out_len += len;
    result->calls++;
    return APR_SUCCESS;
}

/** The three passes by which octets come in or go out. */
typedef enum { PASS_DATA, PASS_CHUNK, PASS_WRITE, PASS_COUNT } pass_e;

/** The engine fed with pieces that end at the offsets in @a cuts. */
typedef struct feed_t {
    pass_e pass;
    int normalise;
    apr_size_t max_line;
    smtp_dot_t dot;
    smtp_dot_writer_t writer;
    result_t result;
} feed_t;

static void feed_begin(feed_t *feed, pass_e pass, int normalise,
                       apr_size_t max_line)
{
    memset(feed, 0, sizeof(*feed));
    feed->pass = pass;
    feed->normalise = normalise;
    smtp_dot_init(&feed->dot, max_line, normalise);
    smtp_dot_writer_init(&feed->writer);
}

static void feed_data(feed_t *feed, const char *data, size_t len)
{
    apr_size_t consumed;

    if (feed->result.done) {
        return;
    }
    assert_int_equal(smtp_dot_push(&feed->dot, data, len, &consumed,
                                   &feed->result.done, collect,
                                   &feed->result), APR_SUCCESS);
    assert_true(feed->result.done || consumed == len);
    feed->result.consumed += consumed;
}

static void feed_piece(feed_t *feed, const char *data, size_t len)
{
    apr_status_t rv = APR_SUCCESS;

    switch (feed->pass) {
    case PASS_CHUNK:
        rv = smtp_dot_push_chunk(&feed->dot, data, len, collect,
                                 &feed->result);
        break;
    case PASS_WRITE:
        rv = smtp_dot_write(&feed->writer, data, len, collect,
                            &feed->result);
        break;
    default:
        feed_data(feed, data, len);
        break;
    }
    assert_int_equal(rv, APR_SUCCESS);
}

static const result_t *feed_end(feed_t *feed)
{
    apr_status_t rv = APR_SUCCESS;

    if (feed->pass == PASS_CHUNK) {
        rv = smtp_dot_finish_chunks(&feed->dot, collect, &feed->result);
    }
    else if (feed->pass == PASS_WRITE) {
        rv = smtp_dot_write_end(&feed->writer, collect, &feed->result);
    }
    assert_int_equal(rv, APR_SUCCESS);
    feed->result.faults = feed->dot.faults;
    feed->result.has_8bit = feed->dot.has_8bit;
    return &feed->result;
}

static const result_t *feed_whole(feed_t *feed, pass_e pass, int normalise,
                                  apr_size_t max_line, const char *s,
                                  size_t len)
{
    feed_begin(feed, pass, normalise, max_line);
    feed_piece(feed, s, len);
    return feed_end(feed);
}

/*
 * The oracle: the rules of RFC 5321 4.5.2 written down with the whole input
 * in sight, one octet at a time, without states.
 */
typedef struct oracle_t {
    pass_e pass;
    int normalise;
    apr_size_t max_line;
    const char *s;
    size_t len;
    size_t i;
    int after_crlf;
    int after_mended;
    size_t line_octets;
    result_t result;
} oracle_t;

static void oracle_out(oracle_t *oracle, const char *octets, size_t len)
{
    collect(&oracle->result, octets, len);
    oracle->line_octets += len;
    if (oracle->max_line && oracle->line_octets > oracle->max_line) {
        oracle->result.faults |= SMTP_DOT_LONG_LINE;
    }
}

static int oracle_sees(const oracle_t *oracle, const char *octets)
{
    size_t len = strlen(octets);

    return oracle->i + len <= oracle->len
           && memcmp(oracle->s + oracle->i, octets, len) == 0;
}

/** Whether the input ends before it can be said what the octets here are. */
static int oracle_is_cut(const oracle_t *oracle)
{
    const char *rest = oracle->s + oracle->i;
    size_t len = oracle->len - oracle->i;

    if (oracle->pass == PASS_DATA && oracle->after_crlf
        && (len <= 2 && memcmp(rest, ".\r", len) == 0)) {
        return 1;
    }
    return len == 1 && *rest == '\r' && oracle->pass == PASS_DATA;
}

static void oracle_bare(oracle_t *oracle, unsigned int fault)
{
    char octet = oracle->s[oracle->i++];

    oracle->after_crlf = oracle->after_mended = 0;
    if (oracle->normalise) {
        oracle_out(oracle, "\r\n", 2);
        oracle->line_octets = 0;
        oracle->after_mended = 1;
        return;
    }
    oracle->result.faults |= fault;
    oracle_out(oracle, &octet, 1);
}

/** A dot that begins a line: 1 if that was the end of the data. */
static int oracle_dot(oracle_t *oracle)
{
    if (oracle->pass == PASS_WRITE) {
        collect(&oracle->result, ".", 1);
        return 0;
    }
    if (oracle->after_crlf && oracle_sees(oracle, ".\r\n")) {
        oracle->i += 3;
        oracle->result.done = 1;
        return 1;
    }
    oracle->i++;
    return 0;
}

static void oracle_octet(oracle_t *oracle)
{
    char octet = oracle->s[oracle->i];

    if (oracle_sees(oracle, "\r\n")) {
        oracle_out(oracle, "\r\n", 2);
        oracle->i += 2;
        oracle->line_octets = 0;
        oracle->after_crlf = 1;
    }
    else if (octet == '\r' || octet == '\n') {
        oracle_bare(oracle, octet == '\r' ? SMTP_DOT_BARE_CR
                                          : SMTP_DOT_BARE_LF);
    }
    else {
        oracle->result.faults |= octet == '\0' ? SMTP_DOT_NUL : 0;
        oracle->result.has_8bit |= (unsigned char)octet > 127;
        oracle_out(oracle, &octet, 1);
        oracle->i++;
        oracle->after_crlf = oracle->after_mended = 0;
    }
}

static const result_t *oracle_run(oracle_t *oracle)
{
    oracle->after_crlf = 1;
    while (oracle->i < oracle->len && !oracle_is_cut(oracle)) {
        if (oracle->s[oracle->i] == '.' && oracle->pass != PASS_CHUNK
            && (oracle->after_crlf || oracle->after_mended)) {
            if (oracle_dot(oracle)) {
                break;
            }
            oracle->after_crlf = oracle->after_mended = 0;
            continue;
        }
        oracle_octet(oracle);
    }
    oracle->result.consumed = oracle->i;
    if (oracle->pass == PASS_WRITE) {
        if (!oracle->after_crlf && !oracle->after_mended) {
            oracle_out(oracle, "\r\n", 2);
        }
        oracle_out(oracle, ".\r\n", 3);
    }
    return &oracle->result;
}

static void print_octets(const char *what, const char *s, size_t len)
{
    size_t i;

    fprintf(stderr, "# %s:", what);
    for (i = 0; i < len; i++) {
        fprintf(stderr, " %02x", (unsigned char)s[i]);
    }
    fprintf(stderr, "\n");
}

static void assert_same(const result_t *got, const result_t *want,
                        const oracle_t *input)
{
    int same = got->out_len == want->out_len && got->done == want->done
               && memcmp(got->out, want->out, want->out_len) == 0;

    if (same && input->pass != PASS_WRITE) {
        same = got->faults == want->faults
               && got->has_8bit == want->has_8bit;
    }
    if (same && input->pass == PASS_DATA && want->done) {
        same = got->consumed == want->consumed;
    }
    if (!same) {
        print_octets("input", input->s, input->len);
        print_octets("want", want->out, want->out_len);
        print_octets("got", got->out, got->out_len);
        fail_msg("pass %d normalise %d: done %d/%d faults %x/%x",
                 input->pass, input->normalise, got->done, want->done,
                 got->faults, want->faults);
    }
}

/** Feeds @a input in three pieces, cut at @a a and @a b. */
static void check_cuts(const oracle_t *input, const result_t *want, size_t a,
                       size_t b)
{
    feed_t feed;

    feed_begin(&feed, input->pass, input->normalise, input->max_line);
    feed_piece(&feed, input->s, a);
    feed_piece(&feed, input->s + a, b - a);
    feed_piece(&feed, input->s + b, input->len - b);
    assert_same(feed_end(&feed), want, input);
}

static void check_octetwise(const oracle_t *input, const result_t *want)
{
    feed_t feed;
    size_t i;

    feed_begin(&feed, input->pass, input->normalise, input->max_line);
    for (i = 0; i < input->len; i++) {
        feed_piece(&feed, input->s + i, 1);
    }
    assert_same(feed_end(&feed), want, input);
}

/** One input against the oracle: whole, in every two or three pieces and
 *  octet by octet, in each pass and mode. */
static void check_input(const char *s, size_t len, apr_size_t max_line)
{
    int pass, normalise;
    size_t a, b;

    for (pass = 0; pass < PASS_COUNT; pass++) {
        for (normalise = pass == PASS_WRITE; normalise < 2; normalise++) {
            oracle_t oracle = { .pass = pass, .normalise = normalise,
                                .max_line = max_line, .s = s, .len = len };
            const result_t *want = oracle_run(&oracle);

            for (a = 0; a <= len; a++) {
                for (b = a; b <= len; b++) {
                    check_cuts(&oracle, want, a, b);
                }
            }
            check_octetwise(&oracle, want);
        }
    }
}

/** What may stand in the place of a CRLF to smuggle a mail into another
 *  (SEC Consult, December 2023), and the CRLF itself. */
typedef struct ending_t {
    const char *octets;
    size_t len;
} ending_t;

#define ENDING(s) { s, sizeof(s) - 1 }
static const ending_t endings[] = {
    ENDING("\r\n"), ENDING("\n"), ENDING("\r"), ENDING("\r\r\n"),
    ENDING("\n\r"), ENDING("\r\0\n"), ENDING("\r\n\0"), ENDING("\0\r\n"),
    ENDING("\0"), ENDING("\n\0"), ENDING("\r\r"), ENDING("\n\n"),
    ENDING("\n\r\n"), ENDING("\r\n\r\n"), ENDING("\r\n "), ENDING(" \r\n"),
    ENDING("\n\r\r\n"), ENDING("\r \n"), ENDING("\x85"), ENDING("\x0B"),
    ENDING("\x0C"), ENDING("\xE2\x80\xA8"), ENDING("")
};

static int ends_in_crlf(const ending_t *ending)
{
    return ending->len >= 2
           && memcmp(ending->octets + ending->len - 2, "\r\n", 2) == 0;
}

static int begins_with_crlf(const ending_t *ending)
{
    return ending->len >= 2 && memcmp(ending->octets, "\r\n", 2) == 0;
}

/** x, a line end, a dot, a line end, and the smuggled mail. */
static void check_smuggling(const ending_t *before, const ending_t *after,
                            int normalise)
{
    static const char tail[] = "MAIL FROM:<m@evil.example>\r\n.\r\nQUIT\r\n";
    char s[128];
    size_t len = 0, dot_end;
    feed_t feed;
    const result_t *result;

    s[len++] = 'x';
    memcpy(s + len, before->octets, before->len);
    len += before->len;
    s[len++] = '.';
    dot_end = len + 2;
    memcpy(s + len, after->octets, after->len);
    len += after->len;
    memcpy(s + len, tail, sizeof(tail) - 1);
    len += sizeof(tail) - 1;

    result = feed_whole(&feed, PASS_DATA, normalise, 0, s, len);
    assert_int_equal(result->done, 1);
    assert_int_equal(result->consumed,
                     ends_in_crlf(before) && begins_with_crlf(after)
                     ? dot_end : len - strlen("QUIT\r\n"));
    check_input(s, len, 0);
}

static void no_mail_is_smuggled_into_another(void **state)
{
    size_t a, b;

    (void)state;
    for (a = 0; a < UNIT_ROWS(endings); a++) {
        for (b = 0; b < UNIT_ROWS(endings); b++) {
            check_smuggling(&endings[a], &endings[b], 0);
            check_smuggling(&endings[a], &endings[b], 1);
        }
    }
}

typedef struct row_t {
    const char *name;
    const char *in;
    size_t in_len;
    const char *out;            /* of the mail */
    size_t out_len;
    unsigned int faults;
    size_t left;                /* octets behind the end of the data */
} row_t;

#define ROW(name, in, out, faults, left) \
    { name, in, sizeof(in) - 1, out, sizeof(out) - 1, faults, left }
#define CR SMTP_DOT_BARE_CR
#define LF SMTP_DOT_BARE_LF

/** `SMTPBareLF reject`: all comes as it was sent; faults are told. */
static const row_t reject_rows[] = {
    ROW("an empty mail", ".\r\n", "", 0, 0),
    ROW("an empty mail and a command", ".\r\nQUIT\r\n", "", 0, 6),
    ROW("one line", "a\r\n.\r\n", "a\r\n", 0, 0),
    ROW("the last CRLF belongs to the mail", "\r\n.\r\n", "\r\n", 0, 0),
    ROW("a stuffed dot", "..\r\n.\r\n", ".\r\n", 0, 0),
    ROW("two dots in the mail", "...\r\n.\r\n", "..\r\n", 0, 0),
    ROW("a dot not stuffed", ".a\r\n.\r\n", "a\r\n", 0, 0),
    ROW("dots within a line", "a.\r\n..b.\r\n.\r\n", "a.\r\n.b.\r\n", 0, 0),
    ROW("a dot and a space", ". \r\n.\r\n", " \r\n", 0, 0),
    ROW("LF . LF", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", LF, 0),
    ROW("LF . CRLF", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", LF, 0),
    ROW("LF CRLF . CRLF", "a\n\r\n.\r\nb", "a\n\r\n", LF, 1),
    ROW("CRLF . LF", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", LF, 0),
    ROW("CRLF LF . CRLF", "a\r\n\n.\r\nb\r\n.\r\n", "a\r\n\n.\r\nb\r\n",
        LF, 0),
    ROW("CRLF . CR", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", CR, 0),
    ROW("CRLF . CR CRLF", "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n",
        CR, 0),
    ROW("CR . CR", "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", CR, 0),
    ROW("CR . CRLF", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", CR, 0),
    ROW("CR . LF", "a\r.\nb\r\n.\r\n", "a\r.\nb\r\n", CR | LF, 0),
    ROW("LF . CR LF CR", "\n.\r\n\r.\r\n\r\n.\r\n",
        "\n.\r\n\r.\r\n\r\n", CR | LF, 0),
    ROW("CR CRLF . CRLF", "a\r\r\n.\r\nb", "a\r\r\n", CR, 1),
    ROW("CRLF NUL . CRLF", "a\r\n\0.\r\nb\r\n.\r\n",
        "a\r\n\0.\r\nb\r\n", SMTP_DOT_NUL, 0),
    ROW("CRLF . NUL CRLF", "a\r\n.\0\r\nb\r\n.\r\n",
        "a\r\n\0\r\nb\r\n", SMTP_DOT_NUL, 0),
    ROW("CR NUL LF . CRLF", "a\r\0\n.\r\nb\r\n.\r\n",
        "a\r\0\n.\r\nb\r\n", SMTP_DOT_NUL | CR | LF, 0),
    ROW("CRLF . . CRLF", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", 0, 0)
};

/** `SMTPBareLF normalise`: bare CR and LF are ends of lines, never of data. */
static const row_t normalise_rows[] = {
    ROW("an empty mail", ".\r\n", "", 0, 0),
    ROW("clean mail", "a\r\n..b\r\n.\r\n", "a\r\n.b\r\n", 0, 0),
    ROW("LF alone", "a\nb\n\r\n.\r\n", "a\r\nb\r\n\r\n", 0, 0),
    ROW("CR alone", "a\rb\r\n.\r\n", "a\r\nb\r\n", 0, 0),
    ROW("LF . LF", "a\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("LF . CRLF", "a\n.\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("LF . . CRLF", "a\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", 0, 0),
    ROW("CRLF . LF", "a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("CRLF . LF . CRLF", "a\r\n.\n.\r\nb\r\n.\r\n",
        "a\r\n\r\n\r\nb\r\n", 0, 0),
    ROW("CRLF . CR", "a\r\n.\rb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("CRLF . CR CRLF", "a\r\n.\r\r\nb\r\n.\r\n",
        "a\r\n\r\n\r\nb\r\n", 0, 0),
    ROW("CR . CR", "a\r.\rb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("CR . CRLF", "a\r.\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n", 0, 0),
    ROW("CR CRLF . CRLF", "a\r\r\n.\r\nb", "a\r\n\r\n", 0, 1),
    ROW("CRLF NUL . CRLF", "a\r\n\0.\r\nb\r\n.\r\n",
        "a\r\n\0.\r\nb\r\n", SMTP_DOT_NUL, 0),
    ROW("CRLF . . CRLF", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", 0, 0)
};

static void check_row(const row_t *row, int normalise)
{
    feed_t feed;
    const result_t *result = feed_whole(&feed, PASS_DATA, normalise, 0,
                                        row->in, row->in_len);

    UNIT_CHECK(row->name, result->done);
    UNIT_CHECK(row->name, result->consumed == row->in_len - row->left);
    UNIT_CHECK(row->name, result->faults == row->faults);
    UNIT_CHECK(row->name, result->out_len == row->out_len);
    UNIT_CHECK(row->name, !memcmp(result->out, row->out, row->out_len));
    check_input(row->in, row->in_len, 0);
}

static void only_crlf_dot_crlf_ends_the_data(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(reject_rows); i++) {
        check_row(&reject_rows[i], 0);
    }
}

static void mending_line_ends_never_ends_the_data(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(normalise_rows); i++) {
        check_row(&normalise_rows[i], 1);
    }
}

/** Every string of up to six octets of an alphabet that matters, cut in
 *  every way, in every pass, after the beginning of a line and within one. */
static void mail_is_the_same_however_it_is_cut(void **state)
{
    static const char alphabet[] = { '\r', '\n', '.', '\0', 'a' };
    enum { LEN_MAX = 6 };
    size_t digits[LEN_MAX] = { 0 };
    char s[LEN_MAX] = "";
    size_t len, i;

    (void)state;
    for (len = 0; len <= LEN_MAX; len++) {
        memset(digits, 0, sizeof(digits));
        do {
            for (i = 0; i < len; i++) {
                s[i] = alphabet[digits[i]];
            }
            check_input(s, len, 3);
            for (i = 0; i < len && ++digits[i] == sizeof(alphabet); i++) {
                digits[i] = 0;
            }
        } while (i < len);
    }
}

/** RFC 5321 4.5.3.1.6: the stuffed dot does not count, CRLF does. */
static void long_lines_are_told(void **state)
{
    static const struct {
        const char *in;
        unsigned int faults;
    } rows[] = {
        { "12345678\r\n.\r\n", 0 },
        { "123456789\r\n.\r\n", SMTP_DOT_LONG_LINE },
        { ".12345678\r\n.\r\n", 0 },
        { ".123456789\r\n.\r\n", SMTP_DOT_LONG_LINE },
        { "1234\r\n1234\r\n1234\r\n.\r\n", 0 },
        { "1234\r\n123456789\r\n1234\r\n.\r\n", SMTP_DOT_LONG_LINE },
        { "1234\n12345678\r\n.\r\n", LF | SMTP_DOT_LONG_LINE }
    };
    feed_t feed;
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *s = rows[i].in;

        UNIT_CHECK(s, feed_whole(&feed, PASS_DATA, 0, 10, s, strlen(s))
                      ->faults == rows[i].faults);
        check_input(s, strlen(s), 10);
        UNIT_CHECK(s, !(feed_whole(&feed, PASS_DATA, 0, 0, s, strlen(s))
                        ->faults & SMTP_DOT_LONG_LINE));
    }
}

/** The pass over "aaa...a" CRLF "." CRLF with octet @a odd at @a at. */
static result_t pass_with(int odd, size_t len, size_t at)
{
    char s[100];
    feed_t feed;

    memset(s, 'a', len);
    s[at] = (char)odd;
    memcpy(s + len, "\r\n.\r\n", 5);
    return *feed_whole(&feed, PASS_DATA, 0, 0, s, len + 5);
}

/** An octet above 127, or a NUL, at each place of a mail of any length. */
static void one_odd_octet_is_found_wherever_it_stands(void **state)
{
    size_t len, at;

    (void)state;
    for (len = 1; len < 80; len++) {
        for (at = 0; at < len; at++) {
            assert_true(pass_with(0x80, len, at).has_8bit);
            assert_false(pass_with(0x7F, len, at).has_8bit);
            assert_int_equal(pass_with(0, len, at).faults, SMTP_DOT_NUL);
            assert_int_equal(pass_with(1, len, at).faults, 0);
        }
    }
}

/** What follows the data is a command: no fault of it is the mail's. */
static void faults_behind_the_end_are_not_the_mails(void **state)
{
    static const char s[] = "a\r\n.\r\nN\0OP\xFF\n\r\r";
    feed_t feed;
    const result_t *result;

    (void)state;
    result = feed_whole(&feed, PASS_DATA, 0, 2, s, sizeof(s) - 1);
    assert_int_equal(result->consumed, 6);
    assert_int_equal(result->faults, SMTP_DOT_LONG_LINE);
    assert_false(result->has_8bit);
}

/** A clean mail of many lines is one run: the speed depends on it. */
static void clean_mail_is_handed_on_in_one_run(void **state)
{
    static const char s[] = "one\r\ntwo\r\n\r\nthree.\r\n.\r\n";
    feed_t feed;

    (void)state;
    assert_int_equal(feed_whole(&feed, PASS_DATA, 0, 0, s, sizeof(s) - 1)
                     ->calls, 1);
    assert_int_equal(feed_whole(&feed, PASS_DATA, 1, 0, s, sizeof(s) - 1)
                     ->calls, 1);
    assert_int_equal(feed_whole(&feed, PASS_CHUNK, 0, 0, s, sizeof(s) - 1)
                     ->calls, 1);
}

/** A sink that fails at one call, and drops afterwards. */
typedef struct failing_t {
    int calls;
    int fails_at;
} failing_t;

static apr_status_t fail_once(void *ctx, const char *octets, apr_size_t len)
{
    failing_t *failing = ctx;

    (void)octets;
    (void)len;
    return ++failing->calls == failing->fails_at ? APR_ENOSPC : APR_SUCCESS;
}

/** After ENOSPC the data is still read to its very end: no line of the mail
 *  is taken for a command. */
static void a_full_disk_does_not_turn_mail_into_commands(void **state)
{
    static const char s[] = "a\n..b\r\n..\r\n.c\rd\r\r\n.\ne\r\n.\r\nQUIT\r\n";
    int fails_at, failures = 0, normalise;

    (void)state;
    for (fails_at = 1; fails_at < 40; fails_at++) {
        normalise = fails_at % 2;
        failing_t failing = { 0, (fails_at + 1) / 2 };
        smtp_dot_t dot;
        apr_size_t offset = 0, consumed;
        int done = 0;

        smtp_dot_init(&dot, 0, normalise);
        while (!done) {
            assert_true(offset < sizeof(s) - 1);
            failures += smtp_dot_push(&dot, s + offset,
                                      sizeof(s) - 1 - offset, &consumed,
                                      &done, fail_once, &failing)
                        == APR_ENOSPC;
            offset += consumed;
        }
        assert_int_equal(offset, sizeof(s) - 1 - strlen("QUIT\r\n"));
    }
    assert_true(failures > 10);
}

/** What the client writes, read back, is the mail with CRLF for its ends of
 *  lines. */
static void what_we_send_arrives(void **state)
{
    static const struct {
        const char *mail;
        const char *sent;
    } rows[] = {
        { "", ".\r\n" },
        { "a\r\n", "a\r\n.\r\n" },
        { "a", "a\r\n.\r\n" },
        { ".", "..\r\n.\r\n" },
        { ".\r\n", "..\r\n.\r\n" },
        { "a\r\n.b\r\n", "a\r\n..b\r\n.\r\n" },
        { "a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n" },
        { "a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
        { "a\r\n.\rb", "a\r\n..\r\nb\r\n.\r\n" },
        { "a\r", "a\r\n.\r\n" },
        { "a\r\r\n", "a\r\n\r\n.\r\n" },
        { "a\r.\r", "a\r\n..\r\n.\r\n" },
        { "\n", "\r\n.\r\n" }
    };
    feed_t feed;
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *mail = rows[i].mail;
        const result_t *result = feed_whole(&feed, PASS_WRITE, 1, 0, mail,
                                            strlen(mail));

        UNIT_CHECK(mail, result->out_len == strlen(rows[i].sent));
        UNIT_CHECK(mail, !memcmp(result->out, rows[i].sent,
                                 result->out_len));
        check_input(mail, strlen(mail), 0);
    }
}

/** A mail that ends in a chunk's CR keeps it, and that is told. */
static void a_cr_at_the_end_of_the_last_chunk_is_judged(void **state)
{
    feed_t feed;
    const result_t *result;

    (void)state;
    result = feed_whole(&feed, PASS_CHUNK, 0, 0, "a\r", 2);
    assert_int_equal(result->faults, SMTP_DOT_BARE_CR);
    assert_memory_equal(result->out, "a\r", result->out_len);
    result = feed_whole(&feed, PASS_CHUNK, 1, 0, "a\r", 2);
    assert_int_equal(result->faults, 0);
    assert_memory_equal(result->out, "a\r\n", result->out_len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_crlf_dot_crlf_ends_the_data),
        UNIT_TEST(mending_line_ends_never_ends_the_data),
        UNIT_TEST(no_mail_is_smuggled_into_another),
        UNIT_TEST(mail_is_the_same_however_it_is_cut),
        UNIT_TEST(long_lines_are_told),
        UNIT_TEST(one_odd_octet_is_found_wherever_it_stands),
        UNIT_TEST(faults_behind_the_end_are_not_the_mails),
        UNIT_TEST(clean_mail_is_handed_on_in_one_run),
        UNIT_TEST(a_full_disk_does_not_turn_mail_into_commands),
        UNIT_TEST(what_we_send_arrives),
        UNIT_TEST(a_cr_at_the_end_of_the_last_chunk_is_judged)
    };

    return UNIT_RUN(tests);
}
