/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "spool_lines.h"

typedef struct lines_row_t {
    unsigned int flags;
    const char *in;
    const char *out;
    int bare_lf;                 /* LFs in out that no CR stands before */
} lines_row_t;

#define DROP SPOOL_LINES_DROP_RETURN_PATH
#define BIN  SPOOL_LINES_BINARY

static const lines_row_t rows[] = {
    { 0, "", "", 0 },
    { 0, "a: b\r\n\r\nx\r\n", "a: b\n\nx\n", 3 },
    { 0, "no end", "no end", 0 },
    { 0, "\r\n\r\n", "\n\n", 2 },
    { 0, "lone\rcr and\nlf\r\n", "lone\rcr and\nlf\n", 2 },
    { 0, "\r\r\n\r", "\r\n\r", 0 },
    { 0, "\r\r\r\n", "\r\r\n", 0 },
    { 0, "\n\r\n", "\n\n", 2 },
    { 0, "Return-Path: <x>\r\n", "Return-Path: <x>\n", 1 },
    { BIN, "a\r\nb\nc\r\r\n", "a\r\nb\nc\r\r\n", 1 },
    { DROP, "Return-Path: <x>\r\nA: b\r\n\r\nRETURN-PATH: y\r\n",
      "A: b\n\nRETURN-PATH: y\n", 3 },
    { DROP, "A: b\r\nreturn-PATH \t:\r\n <x>\r\n\t(y)\r\nC: d\r\n\r\n",
      "A: b\nC: d\n\n", 3 },
    { DROP, "Return-Path: a\r\nReturn-Path: b\r\n\r\n", "\n", 1 },
    { DROP, "Return-Path: a", "", 0 },
    { DROP, "Return-Path", "Return-Path", 0 },
    { DROP, "Return-Path2: a\r\n", "Return-Path2: a\n", 1 },
    { DROP, "Return-Pat: a\r\n\r\n", "Return-Pat: a\n\n", 2 },
    { DROP, "X-Return-Path: a\r\n", "X-Return-Path: a\n", 1 },
    { DROP, "A: b\r\n Return-Path: c\r\n\r\n", "A: b\n Return-Path: c\n\n",
      3 },
    { DROP, "\r\nReturn-Path: a\r\n", "\nReturn-Path: a\n", 2 },
    { DROP, "Return-Path no colon\r\nA: b\r\n",
      "Return-Path no colon\nA: b\n", 2 },
    { DROP, "Return-Path                                    :x\r\n\r\n",
      "Return-Path                                    :x\n\n", 2 },
    { DROP | BIN, "Return-Path: a\r\nA: b\r\n\r\nx\n", "A: b\r\n\r\nx\n", 1 }
};

typedef struct output_t {
    char *octets;
    apr_size_t len;
} output_t;

/* Pushes with room for no more than the contract asks for. */
static void push(apr_pool_t *p, spool_lines_t *lines, const char *octets,
                 apr_size_t len, output_t *output)
{
    char *in = unit_octets(p, octets, len);
    char *out = malloc(len + SPOOL_LINES_HELD_MAX);
    apr_size_t n;

    assert_non_null(out);
    n = spool_lines_push(lines, in, len, out);
    assert_true(n <= len + SPOOL_LINES_HELD_MAX);
    memcpy(output->octets + output->len, out, n);
    output->len += n;
    free(out);
}

static void check(apr_pool_t *p, const lines_row_t *row, apr_size_t first,
                  apr_size_t second)
{
    apr_size_t len = strlen(row->in);
    spool_lines_t lines;
    output_t output = { apr_pcalloc(p, len + 2 * SPOOL_LINES_HELD_MAX), 0 };

    spool_lines_init(&lines, row->flags);
    push(p, &lines, row->in, first, &output);
    push(p, &lines, row->in + first, second - first, &output);
    push(p, &lines, row->in + second, len - second, &output);
    output.len += spool_lines_finish(&lines, output.octets + output.len);
    UNIT_CHECK(row->in, output.len == strlen(row->out));
    UNIT_CHECK(row->in, !memcmp(output.octets, row->out, output.len));
    UNIT_CHECK(row->in, lines.bare_lf == row->bare_lf);
}

static void mail_reads_the_same_however_it_was_cut(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_size_t len = strlen(rows[i].in), first, second;

        for (first = 0; first <= len; first++) {
            for (second = first; second <= len; second++) {
                apr_pool_t *p;

                apr_pool_create(&p, *state);
                check(p, &rows[i], first, second);
                apr_pool_destroy(p);
            }
        }
    }
}

static void a_nul_is_an_octet_like_others(void **state)
{
    static const char in[] = "a\0b\r\n\0\r\nReturn-Path\0: x\r\n";
    static const char out[] = "a\0b\n\0\nReturn-Path\0: x\n";
    output_t output = { apr_pcalloc(*state, sizeof(in) + 64), 0 };
    spool_lines_t lines;

    spool_lines_init(&lines, DROP);
    push(*state, &lines, in, sizeof(in) - 1, &output);
    output.len += spool_lines_finish(&lines, output.octets + output.len);
    assert_int_equal(output.len, sizeof(out) - 1);
    assert_memory_equal(output.octets, out, sizeof(out) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_reads_the_same_however_it_was_cut),
        UNIT_TEST(a_nul_is_an_octet_like_others)
    };
    return UNIT_RUN(tests);
}
