/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_chars.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/** Members of each class, spelt out; all but these when @a but is set, of
 *  %d33-126. */
static const struct class_row {
    const char *name;
    unsigned int class;
    const char *members;
    int but;
} classes[] = {
    { "atext", SMTP_CHARS_ATEXT, ALNUM "!#$%&'*+-/=?^_`{|}~", 0 },
    { "qtextSMTP", SMTP_CHARS_QTEXT, "\"\\", 1 },
    { "dcontent", SMTP_CHARS_DCONTENT, "[\\]", 1 },
    { "Ldh", SMTP_CHARS_LDH, ALNUM "-", 0 },
    { "esmtp-value", SMTP_CHARS_ESMTP, "=", 1 },
    { "xchar", SMTP_CHARS_XCHAR, "+=", 1 },
    { "ftext", SMTP_CHARS_FTEXT, ":", 1 },
    { "printed", SMTP_CHARS_PRINT, "", 1 }
};

static int is_member(const struct class_row *row, int c)
{
    if (c == ' ') {
        /* The space is in those two that stand within quotes or text. */
        return row->class == SMTP_CHARS_QTEXT
            || row->class == SMTP_CHARS_PRINT;
    }
    if (c <= 32 || c >= 127) {
        return 0;
    }
    return (strchr(row->members, c) != NULL) != row->but;
}

/* RFC 5321 4.1.2, 4.1.3; RFC 5322 3.2.3, 3.6.8; RFC 3461 4 */
static void every_octet_is_in_the_classes_of_the_rfcs(void **state)
{
    size_t i;
    int c;

    (void)state;
    for (i = 0; i < UNIT_ROWS(classes); i++) {
        for (c = 0; c < 256; c++) {
            if (smtp_chars_is(c, classes[i].class)
                != is_member(&classes[i], c)) {
                fail_msg("%%d%d and %s", c, classes[i].name);
            }
        }
    }
}

static void a_signed_char_is_an_octet(void **state)
{
    (void)state;
    assert_false(smtp_chars_is((char)-1, 0xFF));
    assert_true(smtp_chars_is('a', SMTP_CHARS_ATEXT | SMTP_CHARS_XCHAR));
}

/* RFC 3629 4 */
static void broken_utf8_is_not_taken_for_text(void **state)
{
    static const struct {
        const char *octets;
        size_t len;
        size_t want;
    } rows[] = {
        { "", 0, 0 },
        { "\0", 1, 1 },
        { "a", 1, 1 },
        { "\x7F", 1, 1 },
        { "\x80", 1, 0 },
        { "\xBF\x80", 2, 0 },
        { "\xC0\x80", 2, 0 },             /* overlong NUL */
        { "\xC1\xBF", 2, 0 },             /* overlong */
        { "\xC2\x80", 2, 2 },
        { "\xC2", 1, 0 },
        { "\xC2\x7F", 2, 0 },
        { "\xC2\xC0", 2, 0 },
        { "\xDF\xBF", 2, 2 },
        { "\xE0\x9F\xBF", 3, 0 },         /* overlong */
        { "\xE0\xA0\x80", 3, 3 },
        { "\xE1\x80", 2, 0 },
        { "\xE1\x80\x7F", 3, 0 },
        { "\xE1\x80\xC0", 3, 0 },
        { "\xEC\xBF\xBF", 3, 3 },
        { "\xED\x9F\xBF", 3, 3 },
        { "\xED\xA0\x80", 3, 0 },         /* surrogate */
        { "\xEE\x80\x80", 3, 3 },
        { "\xEF\xBF\xBF", 3, 3 },
        { "\xF0\x8F\xBF\xBF", 4, 0 },     /* overlong */
        { "\xF0\x90\x80\x80", 4, 4 },
        { "\xF0\x90\x80", 3, 0 },
        { "\xF1\x80\x80\x41", 4, 0 },
        { "\xF3\xBF\xBF\xBF", 4, 4 },
        { "\xF4\x8F\xBF\xBF", 4, 4 },     /* U+10FFFF */
        { "\xF4\x90\x80\x80", 4, 0 },     /* U+110000 */
        { "\xF5\x80\x80\x80", 4, 0 },
        { "\xFF", 1, 0 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *s = unit_octets(*state, rows[i].octets, rows[i].len);

        if (smtp_chars_utf8_len(s, rows[i].len) != rows[i].want) {
            fail_msg("row %u", (unsigned int)i);
        }
    }
}

static void text_is_utf8_to_its_last_octet(void **state)
{
    apr_pool_t *p = *state;

    assert_true(smtp_chars_is_utf8("", 0));
    assert_true(smtp_chars_is_utf8(unit_string(p, "a\xC3\xBC\xE2\x82\xAC"),
                                   6));
    assert_false(smtp_chars_is_utf8(unit_string(p, "a\xC3\xBC\xE2\x82"), 5));
    assert_false(smtp_chars_is_utf8(unit_octets(p, "a\0b", 3), 3));
}

static void eight_bit_octets_are_seen(void **state)
{
    (void)state;
    assert_false(smtp_chars_has_8bit("", 0));
    assert_false(smtp_chars_has_8bit("abc\x7F", 4));
    assert_true(smtp_chars_has_8bit("abc\x80", 4));
    assert_false(smtp_chars_has_8bit("abc\x80", 3));
}

/* It looks at many octets at a time, and at the rest. */
static void an_eight_bit_octet_is_seen_wherever_it_stands(void **state)
{
    char s[100];
    apr_size_t len, at;

    (void)state;
    for (len = 1; len <= sizeof(s); len++) {
        memset(s, 0x7F, sizeof(s));
        assert_false(smtp_chars_has_8bit(s, len));
        for (at = 0; at < len; at++) {
            s[at] = (char)0x80;
            assert_true(smtp_chars_has_8bit(s, len));
            assert_false(smtp_chars_has_8bit(s, at));
            s[at] = 0x7F;
        }
    }
}

static void a_number_never_overflows(void **state)
{
    static const struct {
        const char *text;
        int want;
        apr_off_t number;
    } rows[] = {
        { "", 0, 0 }, { "0", 1, 0 }, { "7", 1, 7 }, { "0012", 1, 12 },
        { "9223372036854775807", 1, SMTP_CHARS_NUMBER_MAX },
        { "9223372036854775808", -1, SMTP_CHARS_NUMBER_MAX },
        { "18446744073709551616", -1, SMTP_CHARS_NUMBER_MAX },
        { "99999999999999999999", -1, SMTP_CHARS_NUMBER_MAX },
        { "99999999999999999999x", 0, 0 },
        { "+1", 0, 0 }, { "-1", 0, 0 }, { " 1", 0, 0 }, { "1 ", 0, 0 },
        { "0x10", 0, 0 }, { "1e3", 0, 0 }, { "1.0", 0, 0 }, { "/", 0, 0 },
        { ":", 0, 0 }
    };
    size_t i;

    assert_int_equal(sizeof(apr_off_t), 8);
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_off_t number = 42;
        char *s = unit_string(*state, rows[i].text);
        int got = smtp_chars_number_parse(s, strlen(rows[i].text), &number);

        UNIT_CHECK(rows[i].text, got == rows[i].want);
        UNIT_CHECK(rows[i].text, number == rows[i].number);
    }
}

static void a_peer_cannot_forge_a_log_line(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(smtp_chars_escape(p, "", 0, 9), "");
    assert_string_equal(smtp_chars_escape(p, "a b~", 4, 9), "a b~");
    assert_string_equal(smtp_chars_escape(p, "a\r\n\0\\x\x7F\xFF", 8, 9),
                        "a\\x0D\\x0A\\x00\\x5Cx\\x7F\\xFF");
}

static void a_long_value_is_cut_and_says_so(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(smtp_chars_escape(p, "abcd", 4, 4), "abcd");
    assert_string_equal(smtp_chars_escape(p, "abcd", 4, 3), "abc...");
    assert_string_equal(smtp_chars_escape(p, "\n\n", 2, 1), "\\x0A...");
    assert_string_equal(smtp_chars_escape(p, "abcd", 4, 0), "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_octet_is_in_the_classes_of_the_rfcs),
        UNIT_TEST(a_signed_char_is_an_octet),
        UNIT_TEST(broken_utf8_is_not_taken_for_text),
        UNIT_TEST(text_is_utf8_to_its_last_octet),
        UNIT_TEST(eight_bit_octets_are_seen),
        UNIT_TEST(an_eight_bit_octet_is_seen_wherever_it_stands),
        UNIT_TEST(a_number_never_overflows),
        UNIT_TEST(a_peer_cannot_forge_a_log_line),
        UNIT_TEST(a_long_value_is_cut_and_says_so)
    };
    return UNIT_RUN(tests);
}
