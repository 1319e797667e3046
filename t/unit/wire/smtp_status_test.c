/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_status.h"

typedef struct parse_row_t {
    const char *s;
    apr_size_t octets;           /* 0: there is no code */
    smtp_status_t status;
} parse_row_t;

static const parse_row_t parse_rows[] = {
    { "2.0.0", 5, { 2, 0, 0 } },
    { "5.1.1 no such user", 5, { 5, 1, 1 } },
    { "4.7.12 ", 6, { 4, 7, 12 } },
    { "5.999.999", 9, { 5, 999, 999 } },
    { "5.7.2", 5, { 5, 7, 2 } },
    { "", 0, { 0, 0, 0 } },
    { "2", 0, { 0, 0, 0 } },
    { "2.", 0, { 0, 0, 0 } },
    { "2.0", 0, { 0, 0, 0 } },
    { "2.0.", 0, { 0, 0, 0 } },
    { "2..0", 0, { 0, 0, 0 } },
    { ".0.0", 0, { 0, 0, 0 } },
    { "2.0.0.0", 0, { 0, 0, 0 } },
    { "2.0.0-", 0, { 0, 0, 0 } },
    { "2.0.0\t", 0, { 0, 0, 0 } },
    { "2.0.0x", 0, { 0, 0, 0 } },
    { " 2.0.0", 0, { 0, 0, 0 } },
    { "3.0.0", 0, { 0, 0, 0 } },
    { "0.0.0", 0, { 0, 0, 0 } },
    { "22.0.0", 0, { 0, 0, 0 } },
    { "02.0.0", 0, { 0, 0, 0 } },
    { "5.01.1", 0, { 0, 0, 0 } },
    { "5.1.01", 0, { 0, 0, 0 } },
    { "5.00.1", 0, { 0, 0, 0 } },
    { "5.1000.1", 0, { 0, 0, 0 } },
    { "5.1.99999999999999999999", 0, { 0, 0, 0 } },
    { "5,1,1", 0, { 0, 0, 0 } },
    { "-5.1.1", 0, { 0, 0, 0 } },
    { "5.-1.1", 0, { 0, 0, 0 } }
};

static int is_same(smtp_status_t a, smtp_status_t b)
{
    return a.klass == b.klass && a.subject == b.subject
           && a.detail == b.detail;
}

/** RFC 3463 2 and RFC 2034 4. */
static void a_code_is_read_and_nothing_else_is(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(parse_rows); i++) {
        const parse_row_t *row = &parse_rows[i];
        smtp_status_t status = { 9, 9, 9 };
        apr_size_t octets = smtp_status_parse(unit_string(*state, row->s),
                                              strlen(row->s), &status);

        UNIT_CHECK(row->s, octets == row->octets);
        UNIT_CHECK(row->s, is_same(status, row->status));
    }
}

/** What is written is read back; what is no code is not written. */
static void a_code_is_written_as_it_is_read(void **state)
{
    static const struct {
        smtp_status_t status;
        const char *text;
    } rows[] = {
        { { 5, 1, 1 }, "5.1.1" },
        { { 2, 0, 0 }, "2.0.0" },
        { { 4, 999, 999 }, "4.999.999" },
        { { 5, 1000, 1 }, "5.0.0" },
        { { 5, 65535, 65535 }, "5.0.0" },
        { { 0, 0, 0 }, "" },
        { { 3, 1, 1 }, "" },
        { { 65535, 1, 1 }, "" }
    };
    char buffer[SMTP_STATUS_BUFFER_OCTETS];
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_int_equal(smtp_status_write(buffer, rows[i].status),
                         strlen(rows[i].text));
        assert_string_equal(buffer, rows[i].text);
    }
}

/** RFC 2034 4: the class is the reply code's first digit; RFC 4954 6, 3207 4,
 *  7504, 7505 name the codes of their replies. */
static void each_reply_code_has_an_enhanced_code(void **state)
{
    static const struct {
        int code;
        smtp_status_t status;
    } rows[] = {
        { 220, { 2, 0, 0 } }, { 250, { 2, 0, 0 } }, { 235, { 2, 7, 0 } },
        { 334, { 0, 0, 0 } }, { 354, { 0, 0, 0 } },
        { 421, { 4, 3, 2 } }, { 451, { 4, 3, 0 } }, { 452, { 4, 3, 1 } },
        { 454, { 4, 7, 0 } }, { 432, { 4, 7, 12 } }, { 499, { 4, 0, 0 } },
        { 501, { 5, 5, 4 } }, { 502, { 5, 5, 1 } }, { 503, { 5, 5, 1 } },
        { 521, { 5, 3, 2 } }, { 530, { 5, 7, 0 } }, { 534, { 5, 7, 9 } },
        { 535, { 5, 7, 8 } }, { 538, { 5, 7, 11 } }, { 550, { 5, 0, 0 } },
        { 555, { 5, 5, 4 } }, { 556, { 5, 1, 10 } },
        { 0, { 0, 0, 0 } }, { 199, { 0, 0, 0 } }, { 600, { 0, 0, 0 } },
        { -250, { 0, 0, 0 } }
    };
    size_t i;
    int code;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        assert_true(is_same(smtp_status_of_reply(rows[i].code),
                            rows[i].status));
    }
    for (code = 200; code < 600; code++) {
        int digit = code / 100;

        assert_int_equal(smtp_status_of_reply(code).klass,
                         digit == 3 ? 0 : digit);
    }
}

static void a_code_has_the_words_of_the_registry(void **state)
{
    (void)state;
    assert_string_equal(smtp_status_text((smtp_status_t){ 5, 1, 1 }),
                        "Bad destination mailbox address");
    assert_string_equal(smtp_status_text((smtp_status_t){ 4, 7, 30 }),
                        "REQUIRETLS support required");
    assert_string_equal(smtp_status_text((smtp_status_t){ 2, 0, 0 }),
                        "Other undefined status");
    assert_string_equal(smtp_status_text((smtp_status_t){ 5, 1, 999 }),
                        "Other undefined status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_code_is_read_and_nothing_else_is),
        UNIT_TEST(a_code_is_written_as_it_is_read),
        UNIT_TEST(each_reply_code_has_an_enhanced_code),
        UNIT_TEST(a_code_has_the_words_of_the_registry)
    };

    return UNIT_RUN(tests);
}
