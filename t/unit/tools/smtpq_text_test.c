/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <locale.h>

#include "smtpq_text.h"

static const struct {
    const char *s;
    const char *ascii;
    const char *utf8;
} escapes[] = {
    { "", "", "" },
    { "bob@example.com", "bob@example.com", "bob@example.com" },
    { "a\\x1Bb", "a\\x1Bb", "a\\x1Bb" },
    { "\x1b[31mred", "\\x1B[31mred", "\\x1B[31mred" },
    { "a\r\nb\tc\x7f", "a\\x0D\\x0Ab\\x09c\\x7F",
      "a\\x0D\\x0Ab\\x09c\\x7F" },
    { "caf\xC3\xA9", "caf\\xC3\\xA9", "caf\xC3\xA9" },
    { "\xE4\xB8\xAD", "\\xE4\\xB8\\xAD", "\xE4\xB8\xAD" },
    { "\xFF\xC3", "\\xFF\\xC3", "\\xFF\\xC3" },
    /* CSI as one character; right-to-left override; a combining accent. */
    { "\xC2\x9B" "31m", "\\xC2\\x9B31m", "\\xC2\\x9B31m" },
    { "\xE2\x80\xAE", "\\xE2\\x80\\xAE", "\\xE2\\x80\\xAE" },
    { "e\xCC\x81", "e\\xCC\\x81", "e\\xCC\\x81" }
};

static void nothing_of_a_peer_controls_the_terminal(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(escapes); i++) {
        assert_string_equal(smtpq_text_escape(*state, escapes[i].s, 0),
                            escapes[i].ascii);
        assert_string_equal(smtpq_text_escape(*state, escapes[i].s, 1),
                            escapes[i].utf8);
    }
}

static void what_is_no_utf8_can_be_json(void **state)
{
    assert_string_equal(smtpq_text_utf8(*state, "a\xC3\xA9\n\\"),
                        "a\xC3\xA9\n\\");
    assert_string_equal(smtpq_text_utf8(*state, "a\xFF\xC3"),
                        "a\\xFF\\xC3");
}

static const struct {
    const char *s;
    int columns;
    const char *ascii;
    const char *utf8;
} cuts[] = {
    { "", 1, "", "" },
    { "abc", 3, "abc", "abc" },
    { "abcd", 3, "ab~", "ab\xE2\x80\xA6" },
    { "abcd", 1, "~", "\xE2\x80\xA6" },
    { "\xC3\xA9\xC3\xA9\xC3\xA9", 3, NULL, "\xC3\xA9\xC3\xA9\xC3\xA9" },
    { "\xC3\xA9\xC3\xA9\xC3\xA9", 2, NULL, "\xC3\xA9\xE2\x80\xA6" },
    /* Two columns each: half of one is none. */
    { "\xE4\xB8\xAD\xE4\xB8\xAD", 4, NULL, "\xE4\xB8\xAD\xE4\xB8\xAD" },
    { "\xE4\xB8\xAD\xE4\xB8\xAD", 3, NULL, "\xE4\xB8\xAD\xE2\x80\xA6" },
    { "\xE4\xB8\xAD\xE4\xB8\xAD", 2, NULL, "\xE2\x80\xA6" }
};

static void what_does_not_fit_is_cut_between_characters(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(cuts); i++) {
        const char *cut = smtpq_text_cut(*state, cuts[i].s, cuts[i].columns,
                                         1);

        assert_string_equal(cut, cuts[i].utf8);
        UNIT_CHECK(cuts[i].s, smtpq_text_columns(cut, 1)
                              <= cuts[i].columns);
        if (cuts[i].ascii) {
            assert_string_equal(smtpq_text_cut(*state, cuts[i].s,
                                               cuts[i].columns, 0),
                                cuts[i].ascii);
        }
    }
}

static const struct {
    apr_int64_t sec;
    const char *text;
} intervals[] = {
    { -1, "-" }, { 0, "0s" }, { 59, "59s" }, { 60, "1m" }, { 3599, "59m" },
    { 3600, "1h" }, { 359999, "99h" }, { 360000, "4d" },
    { 86400 * 30, "30d" }
};

static void intervals_are_short(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(intervals); i++) {
        assert_string_equal(
            smtpq_text_interval(*state, apr_time_from_sec(intervals[i].sec)),
            intervals[i].text);
    }
}

static void sizes_and_times_are_readable(void **state)
{
    setenv("TZ", "UTC-1", 1);
    assert_string_equal(smtpq_text_size(*state, 0), "0");
    assert_string_equal(smtpq_text_size(*state, 512), "512");
    assert_string_equal(smtpq_text_size(*state, 4096), "4.0K");
    assert_string_equal(smtpq_text_size(*state, -1), "-");
    assert_string_equal(smtpq_text_time_utc(*state, apr_time_from_sec(1)),
                        "1970-01-01T00:00:01Z");
    assert_string_equal(smtpq_text_time(*state, apr_time_from_sec(1)),
                        "1970-01-01 01:00:01 +0100");
    assert_string_equal(smtpq_text_time(*state, 0), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(nothing_of_a_peer_controls_the_terminal),
        UNIT_TEST(what_is_no_utf8_can_be_json),
        UNIT_TEST(what_does_not_fit_is_cut_between_characters),
        UNIT_TEST(intervals_are_short),
        UNIT_TEST(sizes_and_times_are_readable)
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return UNIT_RUN(tests);
}
