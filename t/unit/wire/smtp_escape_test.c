/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_escape.h"

typedef struct row_t {
    const char *in;
    const char *ascii;
    const char *utf8;
} row_t;

static const row_t rows[] = {
    { "", "", "" },
    { "plain text\\~", "plain text\\~", "plain text\\~" },
    { "a\r\nb", "a\\x0D\\x0Ab", "a\\x0D\\x0Ab" },
    { "\x01\x1F\x7F\t", "\\x01\\x1F\\x7F\\x09", "\\x01\\x1F\\x7F\\x09" },
    { "\xC3\xA9", "\\xC3\\xA9", "\xC3\xA9" },
    { "\xF0\x9F\x93\xA7.", "\\xF0\\x9F\\x93\\xA7.", "\xF0\x9F\x93\xA7." },
    { "\xC3", "\\xC3", "\\xC3" },
    { "\xC0\xAF", "\\xC0\\xAF", "\\xC0\\xAF" },
    { "\xED\xA0\x80", "\\xED\\xA0\\x80", "\\xED\\xA0\\x80" },
    { "\xE2\x82" "a", "\\xE2\\x82" "a", "\\xE2\\x82" "a" }
};

static void no_octet_of_a_peer_ends_our_line(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *in = unit_string(*state, rows[i].in);
        size_t len = strlen(rows[i].in);

        assert_string_equal(smtp_escape_write(*state, in, len, 0),
                            rows[i].ascii);
        assert_string_equal(smtp_escape_write(*state, in, len, 1),
                            rows[i].utf8);
    }
    assert_string_equal(smtp_escape_write(*state, "a\0b", 3, 1), "a\\x00b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_octet_of_a_peer_ends_our_line)
    };

    return UNIT_RUN(tests);
}
