/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "store_control.h"

/** A line in memory of its own size, but for the octet behind it. */
static char *line_of(apr_pool_t *p, const void *octets, size_t len)
{
    char *whole = apr_palloc(p, len + 1);

    memcpy(whole, octets, len);
    whole[len] = '\n';
    return unit_octets(p, whole, len + 1);
}

static const struct {
    const char *line;
    int count;
    const char *fields[4];
} valid[] = {
    { "", 1, { "" } },
    { "list", 1, { "list" } },
    { "a\tb\tc", 3, { "a", "b", "c" } },
    { "\t\t", 3, { "", "", "" } },
    { "a b = c", 1, { "a b = c" } },
    { "a\\x09b\\x0Ac", 1, { "a\tb\nc" } },
    { "\\x5Cx41", 1, { "\\x41" } },
    { "\\x41\\xFF", 1, { "A\xFF" } },
    { "caf\xC3\xA9\t\xFE", 2, { "caf\xC3\xA9", "\xFE" } }
};

static void what_a_line_says_is_read(void **state)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    size_t i;
    int j;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        const char *s = valid[i].line;

        UNIT_CHECK(s, store_control_parse(line_of(*state, s, strlen(s)),
                                          strlen(s), fields)
                      == valid[i].count);
        for (j = 0; j < valid[i].count; j++) {
            UNIT_CHECK(s, strcmp(fields[j].s, valid[i].fields[j]) == 0);
            UNIT_CHECK(s, fields[j].len == strlen(valid[i].fields[j]));
        }
    }
}

static const char *const invalid[] = {
    "\\", "\\x", "\\x4", "\\x4g", "\\x4a", "\\X41", "\\n", "\\\\", "a\\\tb",
    "a\rb", "a\x1b[31m", "\x7f", "a\\x\t41", "a\tb\\x0", "a\nb"
};

static void a_line_with_what_must_not_be_there_is_refused(void **state)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        const char *s = invalid[i];

        UNIT_CHECK(s, store_control_parse(line_of(*state, s, strlen(s)),
                                          strlen(s), fields) == 0);
    }
    assert_int_equal(store_control_parse(line_of(*state, "a\0b", 3), 3,
                                         fields), 0);
}

static void too_many_fields_do_no_harm(void **state)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    size_t len = 3 * STORE_CONTROL_FIELDS_MAX;
    char *line = line_of(*state, memset(apr_palloc(*state, len), '\t', len),
                         len);

    assert_int_equal(store_control_parse(line, len, fields),
                     STORE_CONTROL_FIELDS_MAX);
}

static void each_octet_comes_back_as_it_was_written(void **state)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    store_control_out_t out = { 0 };
    char octets[256];
    int i;

    (void)state;
    for (i = 0; i < 256; i++) {
        octets[i] = (char)i;
    }
    store_control_write(&out, octets, sizeof(octets));
    store_control_write_string(&out, NULL);
    store_control_write(&out, octets, sizeof(octets));
    store_control_write_end(&out);
    assert_int_equal(out.octets[out.len - 1], '\n');
    assert_null(memchr(out.octets, '\n', out.len - 1));
    assert_int_equal(store_control_parse(out.octets, out.len - 1, fields), 3);
    assert_int_equal(fields[0].len, 256);
    assert_memory_equal(fields[0].s, octets, 256);
    assert_int_equal(fields[1].len, 0);
    assert_memory_equal(fields[2].s, octets, 256);
    assert_null(store_control_string(&fields[0]));
    assert_string_equal(store_control_string(&fields[1]), "");
    store_control_out_destroy(&out);
}

static const struct {
    apr_int64_t number;
    const char *written;
} numbers[] = {
    { 0, "0" }, { 7, "7" }, { 10, "10" }, { -5, "0" },
    { APR_INT64_MAX, "9223372036854775807" }
};

static void numbers_come_back(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(numbers); i++) {
        store_control_out_t out = { 0 };
        store_control_field_t field;
        apr_int64_t number;

        store_control_write_number(&out, numbers[i].number);
        field.s = apr_pstrmemdup(*state, out.octets, out.len);
        field.len = out.len;
        assert_string_equal(field.s, numbers[i].written);
        assert_true(store_control_number(&field, &number));
        assert_int_equal(number, numbers[i].number < 0 ? 0
                                 : numbers[i].number);
        store_control_out_destroy(&out);
    }
}

static const char *const no_numbers[] = {
    "", "-1", "+1", " 1", "1 ", "0x1", "9223372036854775808", "1e3"
};

static void what_is_no_number_is_none(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(no_numbers); i++) {
        const char *s = no_numbers[i];
        store_control_field_t field = { s, strlen(s) };
        apr_int64_t number = 1;

        UNIT_CHECK(s, !store_control_number(&field, &number));
        UNIT_CHECK(s, number == 0);
    }
    (void)state;
}

static void lines_are_sent_in_pieces(void **state)
{
    store_control_out_t out = { 0 };
    apr_size_t whole, sent = 0;
    char *copy;
    int i;

    for (i = 0; i < 1000; i++) {
        store_control_write_pair(&out, "number", apr_itoa(*state, i));
        store_control_write_end(&out);
    }
    whole = out.len;
    copy = apr_pmemdup(*state, out.octets, whole);
    while (out.len > 0) {
        apr_size_t piece = out.len < 997 ? out.len : 997;

        assert_memory_equal(out.octets, copy + sent, piece);
        store_control_out_consume(&out, piece);
        sent += piece;
    }
    assert_int_equal(sent, whole);
    assert_memory_equal(copy, "number=0\nnumber=1\n", 18);
    store_control_out_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_a_line_says_is_read),
        UNIT_TEST(a_line_with_what_must_not_be_there_is_refused),
        UNIT_TEST(too_many_fields_do_no_harm),
        UNIT_TEST(each_octet_comes_back_as_it_was_written),
        UNIT_TEST(numbers_come_back),
        UNIT_TEST(what_is_no_number_is_none),
        UNIT_TEST(lines_are_sent_in_pieces)
    };

    return UNIT_RUN(tests);
}
