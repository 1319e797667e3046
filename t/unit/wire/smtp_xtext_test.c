/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_xtext.h"

/** @a text is NULL where @a xtext cannot be read. */
typedef struct row_t {
    const char *xtext;
    const char *text;
} row_t;

typedef apr_status_t (*parse_fn)(apr_pool_t *p, const char *s,
                                 apr_size_t len, const char **out);

static void check(apr_pool_t *p, parse_fn parse, const row_t *rows,
                  size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        const char *out = "unset";
        apr_status_t rv = parse(p, unit_string(p, row->xtext),
                                strlen(row->xtext), &out);

        if (row->text == NULL) {
            UNIT_CHECK(row->xtext, rv == APR_EINVAL && out == NULL);
            continue;
        }
        UNIT_CHECK(row->xtext, rv == APR_SUCCESS);
        UNIT_CHECK(row->xtext, strcmp(out, row->text) == 0);
    }
}

/* RFC 3461 4 */
static void an_original_recipient_is_decoded(void **state)
{
    static const row_t rows[] = {
        { "", "" }, { "a@b.c", "a@b.c" }, { "a+2Bb+3D+20c", "a+b= c" },
        { "+41+7E+5C", "A~\\" }, { "+C3+BC", "\xC3\xBC" },
        { "!\"#$%&'()*,-./:;<>?@[\\]^_`{|}~",
          "!\"#$%&'()*,-./:;<>?@[\\]^_`{|}~" },
        { "+09", "\t" }, { "++", NULL }, { "+", NULL }, { "+4", NULL },
        { "a+", NULL }, { "a+4", NULL }, { "+2b", NULL }, { "+b2", NULL },
        { "+a0", NULL }, { "+0a", NULL },
        { "+G0", NULL }, { "+0G", NULL }, { "+ 1", NULL }, { "+:0", NULL },
        { "a=b", NULL }, { "a b", NULL }, { " ", NULL }, { "a\tb", NULL },
        { "a\x7F", NULL }, { "\xC3\xBC", NULL }, { "+\xC3\xBC", NULL },
        { "+4\xC3", NULL }
    };
    size_t i;

    check(*state, smtp_xtext_parse, rows, UNIT_ROWS(rows));
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].xtext,
                   smtp_xtext_is(unit_string(*state, rows[i].xtext),
                                 strlen(rows[i].xtext))
                   == (rows[i].text != NULL));
    }
}

static void xtext_cannot_smuggle_a_line(void **state)
{
    static const row_t rows[] = {
        { "a+0D", NULL }, { "a+0Ab", NULL }, { "+00a", NULL },
        { "+0D+0ARCPT", NULL }
    };

    check(*state, smtp_xtext_parse, rows, UNIT_ROWS(rows));
    assert_true(smtp_xtext_is("+0D+0A", 6));
    assert_false(smtp_xtext_is("a\0b", 3));
}

static void whatever_is_written_is_xtext(void **state)
{
    apr_pool_t *p = *state;
    char all[256];
    char *written;
    const char *read;
    int i;

    assert_string_equal(smtp_xtext_write(p, "", 0), "");
    assert_string_equal(smtp_xtext_write(p, "a b+c=d", 7), "a+20b+2Bc+3Dd");
    assert_string_equal(smtp_xtext_write(p, "\r\n\0\xFF", 4), "+0D+0A+00+FF");
    for (i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    written = smtp_xtext_write(p, unit_octets(p, all, 256), 256);
    assert_true(smtp_xtext_is(written, strlen(written)));
    written = smtp_xtext_write(p, all + 14, 242);
    assert_int_equal(smtp_xtext_parse(p, written, strlen(written), &read),
                     APR_SUCCESS);
    assert_memory_equal(read, all + 14, 242);
    assert_int_equal(strlen(read), 242);
}

/* RFC 6533 3 */
static void an_original_recipient_in_utf8_is_decoded(void **state)
{
    static const row_t rows[] = {
        { "", "" }, { "a@b.c", "a@b.c" }, { "\\x{FC}", "\xC3\xBC" },
        { "\\x{fc}", "\xC3\xBC" }, { "\\x{aa}", "\xC2\xAA" }, { "\xC3\xBC@\xE4\xBE\x8B",
                                     "\xC3\xBC@\xE4\xBE\x8B" },
        { "\\x{20}\\x{2B}\\x{3D}\\x{5C}\\x{7F}", " +=\\\x7F" },
        { "\\x{01}\\x{09}\\x{10}\\x{19}", "\x01\t\x10\x19" },
        { "\\x{80}\\x{FF}", "\xC2\x80\xC3\xBF" },
        { "\\x{100}\\x{7FF}", "\xC4\x80\xDF\xBF" },
        { "\\x{800}\\x{FFF}", "\xE0\xA0\x80\xE0\xBF\xBF" },
        { "\\x{1000}\\x{D7FF}", "\xE1\x80\x80\xED\x9F\xBF" },
        { "\\x{E000}\\x{FFFF}", "\xEE\x80\x80\xEF\xBF\xBF" },
        { "\\x{10000}\\x{FFFFF}", "\xF0\x90\x80\x80\xF3\xBF\xBF\xBF" },
        { "\\x{100000}\\x{10FFFF}", "\xF4\x80\x80\x80\xF4\x8F\xBF\xBF" },

        { "\\x{00}", NULL }, { "\\x{0A}", NULL }, { "\\x{0D}", NULL },
        { "\\x{0B}", NULL }, { "\\x{1F}", NULL },
        { "\\x{41}", NULL }, { "\\x{2D}", NULL }, { "\\x{7E}", NULL },
        { "\\x{001}", NULL }, { "\\x{020}", NULL }, { "\\x{0FC}", NULL }, { "\\x{00FC}", NULL },
        { "\\x{07FF}", NULL }, { "\\x{0FFFF}", NULL },
        { "\\x{0FFFFF}", NULL }, { "\\x{D800}", NULL },
        { "\\x{DFFF}", NULL }, { "\\x{110000}", NULL },
        { "\\x{FFFFFF}", NULL }, { "\\x{1000000}", NULL },
        { "\\x{}", NULL }, { "\\x{C}", NULL }, { "\\x{FC", NULL },
        { "\\x{FC)", NULL }, { "\\x{", NULL }, { "\\x", NULL },
        { "\\", NULL }, { "\\X{FC}", NULL }, { "\\\\", NULL },
        { "\\x{G0}", NULL }, { "\\x{ FC}", NULL }, { "\\xFC", NULL },
        { "a+b", NULL }, { "a+2Bb", NULL }, { "a=b", NULL }, { "a b", NULL },
        { "a\tb", NULL }, { "a\r\n", NULL }, { "a\x7F", NULL },
        { "\xC3", NULL }, { "\xFF", NULL }, { "\xC0\x8A", NULL }
    };
    const char *out;

    check(*state, smtp_xtext_parse_utf8, rows, UNIT_ROWS(rows));
    assert_int_equal(smtp_xtext_parse_utf8(*state, "a\0b", 3, &out),
                     APR_EINVAL);
}

static void utf8_is_written_in_ascii_for_hops_without_smtputf8(void **state)
{
    static const row_t rows[] = {
        { "", "" }, { "a@b.c", "a@b.c" },
        { "\\x{FC}@\\x{4F8B}", "\xC3\xBC@\xE4\xBE\x8B" },
        { "\\x{01}\\x{20}\\x{2B}\\x{3D}\\x{5C}\\x{7F}", "\x01 +=\\\x7F" },
        { "\\x{80}\\x{7FF}\\x{800}\\x{FFFF}",
          "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF" },
        { "\\x{10000}\\x{10FFFF}", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF" }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *text = unit_string(p, rows[i].text);

        assert_string_equal(smtp_xtext_write_utf8(p, text, len),
                            rows[i].xtext);
    }
    check(p, smtp_xtext_parse_utf8, rows, UNIT_ROWS(rows));
    assert_null(smtp_xtext_write_utf8(p, "\xFF", 1));
    assert_null(smtp_xtext_write_utf8(p, "a\0b", 3));
    assert_null(smtp_xtext_write_utf8(p, "a\xC3", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_original_recipient_is_decoded),
        UNIT_TEST(xtext_cannot_smuggle_a_line),
        UNIT_TEST(whatever_is_written_is_xtext),
        UNIT_TEST(an_original_recipient_in_utf8_is_decoded),
        UNIT_TEST(utf8_is_written_in_ascii_for_hops_without_smtputf8)
    };
    return UNIT_RUN(tests);
}
