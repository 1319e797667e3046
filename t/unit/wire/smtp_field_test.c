/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_field.h"

#define W10 "123456789 "
#define W70 W10 W10 W10 W10 W10 W10 "1234567890"

static void a_field_is_folded_where_spaces_stand(void **state)
{
    static const struct {
        const char *text;
        const char *field;
    } rows[] = {
        { "b", "A: b\r\n" },
        { "", "A:\r\n" },
        { "  ", "A:\r\n" },
        { " b  c", "A: b  c\r\n" },
        { W70 "12345", "A: " W70 "12345\r\n" },
        { W70 "123456", "A:\r\n\t" W70 "123456\r\n" },
        { W70 "1234567", "A:\r\n\t" W70 "1234567\r\n" },
        { W70 " 1234 6789", "A: " W70 " 1234\r\n 6789\r\n" },
        { W70 " 12345  789", "A: " W70 "\r\n 12345 789\r\n" },
        { W70 " " W70 " ", "A: " W70 "\r\n " W70 "\r\n" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_field_t field;

        smtp_field_init(&field, *state, 0);
        smtp_field_write(&field, "A", rows[i].text);
        assert_string_equal(field.octets, rows[i].field);
        assert_int_equal(field.len, strlen(rows[i].field));
    }
}

static void units_keep_together(void **state)
{
    smtp_field_t field;

    smtp_field_init(&field, *state, 0);
    smtp_field_begin(&field, "A");
    smtp_field_unit(&field, W70);
    smtp_field_unit(&field, "1234 6789");
    smtp_field_unit(&field, "x");
    smtp_field_end(&field);
    smtp_field_write(&field, "B", "c");
    assert_string_equal(field.octets,
                        "A: " W70 "\r\n\t1234 6789 x\r\nB: c\r\n");
}

/** Whatever it is given. */
static void no_octet_of_a_peer_begins_a_field(void **state)
{
    smtp_field_t field;

    smtp_field_init(&field, *state, 0);
    smtp_field_write(&field, "A", "b\r\nC: d\t\x7F\xC3\xA9");
    smtp_field_paragraph(&field, "", "a\r\n\r\n--b");
    assert_string_equal(field.octets,
                        "A: b\\x0D\\x0AC: d\\x09\\x7F\\xC3\\xA9\r\n"
                        "a\\x0D\\x0A\\x0D\\x0A--b\r\n");
    smtp_field_init(&field, *state, 1);
    smtp_field_write(&field, "A", "\xC3\xA9\xC3");
    assert_string_equal(field.octets, "A: \xC3\xA9\\xC3\r\n");
}

/** RFC 5322 2.1.1: 998 octets at most, and no character torn. */
static void a_word_without_end_does_not_make_an_endless_line(void **state)
{
    smtp_field_t field;
    const char *line, *end;
    char *word = "";
    int shift, i;

    for (i = 0; i < 1000; i++) {
        word = apr_pstrcat(*state, word, "\xF0\x9F\x93\xA7", NULL);
    }
    for (shift = 0; shift < 4; shift++) {
        smtp_field_init(&field, *state, 1);
        smtp_field_write(&field, "A", apr_pstrcat(*state,
                         apr_pstrmemdup(*state, "xxx", shift), word, NULL));
        smtp_field_paragraph(&field, "  ", word);
        assert_null(strstr(field.octets, "\\x"));
        for (line = field.octets; *line; line = end + 2) {
            end = strstr(line, "\r\n");
            assert_non_null(end);
            assert_true(end - line <= 998);
            assert_true(line[0] == 'A' || line[0] == ' ');
            line += strspn(line, "A: ");
            assert_int_not_equal((unsigned char)*line & 0xC0, 0x80);
        }
    }
}

static void a_paragraph_is_broken_into_lines(void **state)
{
    smtp_field_t field;

    smtp_field_init(&field, *state, 0);
    smtp_field_lines(&field, "X: y\r\n\r\n");
    smtp_field_paragraph(&field, "    ", W70 " 1234 6789");
    smtp_field_paragraph(&field, "", "");
    smtp_field_paragraph(&field, "", "end");
    assert_string_equal(field.octets,
                        "X: y\r\n\r\n    " W70 "\r\n    1234 6789\r\n"
                        "\r\nend\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_field_is_folded_where_spaces_stand),
        UNIT_TEST(units_keep_together),
        UNIT_TEST(no_octet_of_a_peer_begins_a_field),
        UNIT_TEST(a_word_without_end_does_not_make_an_endless_line),
        UNIT_TEST(a_paragraph_is_broken_into_lines)
    };

    return UNIT_RUN(tests);
}
