/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_mime.h"

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN
#define U_UMLAUT "\xC3\xBC"

static void a_text_arrives_as_it_was_written(void **state)
{
    static const struct {
        const char *text, *quoted;
    } rows[] = {
        { "", "" },
        { "plain, 100%\r\n", "plain, 100%\r\n" },
        { "a=b\r\n\r\nc\r\n", "a=3Db\r\n\r\nc\r\n" },
        { "f" U_UMLAUT "r\r\n", "f=C3=BCr\r\n" },
        { "blank \r\ntwo  \r\nend ", "blank=20\r\ntwo =20\r\nend=20" },
        { "\r\n", "\r\n" },
        { "bare\rcr\tand\x7F\r\n", "bare=0Dcr=09and=7F\r\n" },
        { "cr\r", "cr=0D" },
        { SEVENTY "12345\r\n", SEVENTY "12345\r\n" },
        { SEVENTY "123456\r\n", SEVENTY "12345=\r\n6\r\n" },
        { SEVENTY "123" U_UMLAUT "\r\n", SEVENTY "123=\r\n=C3=BC\r\n" },
        { SEVENTY "12\xFF" "4\r\n", SEVENTY "12=FF=\r\n4\r\n" },
        { SEVENTY "1234 \r\n", SEVENTY "1234=\r\n=20\r\n" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_string_equal(smtp_mime_write_quoted(*state, rows[i].text),
                            rows[i].quoted);
    }
}

static void a_subject_arrives_as_it_was_written(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        { "", "" },
        { "Mail was lost!", "Mail was lost!" },
        { U_UMLAUT, "=?utf-8?Q?=C3=BC?=" },
        { "zur" U_UMLAUT "ck an <a_b@c>",
          "=?utf-8?Q?zur=C3=BCck_an_=3Ca=5Fb=40c=3E?=" },
        { "=?utf-8?Q?x?=", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=" },
        { "a\r\nBcc: b", "a\\x0D\\x0ABcc: b" },
        { "\xFF\xC3", "\\xFF\\xC3" },
        { U_UMLAUT TEN TEN TEN TEN TEN "1234567",
          "=?utf-8?Q?=C3=BC" TEN TEN TEN TEN TEN "1234567?=" },
        { U_UMLAUT TEN TEN TEN TEN TEN "12345678",
          "=?utf-8?Q?=C3=BC" TEN TEN TEN TEN TEN "1234567?= "
          "=?utf-8?Q?8?=" },
        { TEN TEN TEN TEN TEN "12345678" U_UMLAUT,
          "=?utf-8?Q?" TEN TEN TEN TEN TEN "12345678?= "
          "=?utf-8?Q?=C3=BC?=" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_string_equal(smtp_mime_write_words(*state, rows[i].text),
                            rows[i].words);
    }
}

/* Whatever is encoded fits into what was allocated for it, and on a line. */
static void no_text_is_too_long(void **state)
{
    static const char *const units[] = {
        "x", " ", "=", U_UMLAUT, "\xE2\x82\xAC", "\xF0\x9F\x93\xA7", "\xFF",
        "x ", "=\xE2\x82\xAC"
    };
    size_t i, count;

    for (i = 0; i < UNIT_ROWS(units); i++) {
        const char *text = U_UMLAUT;

        for (count = 0; count < 200; count++) {
            const char *line, *octets;

            text = apr_pstrcat(*state, text, units[i], NULL);
            octets = smtp_mime_write_quoted(*state, text);
            for (line = octets; *line; line += strspn(line, "\r\n")) {
                assert_true(strcspn(line, "\r\n") <= 76);
                line += strcspn(line, "\r\n");
            }
            octets = smtp_mime_write_words(*state, text);
            for (line = octets; *line; line += strspn(line, " ")) {
                assert_true(strcspn(line, " ") <= 75);
                line += strcspn(line, " ");
            }
            assert_false(smtp_chars_has_8bit(octets, strlen(octets)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_text_arrives_as_it_was_written),
        UNIT_TEST(a_subject_arrives_as_it_was_written),
        UNIT_TEST(no_text_is_too_long)
    };

    return UNIT_RUN(tests);
}
