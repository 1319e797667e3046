/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_date.h"

typedef struct row_t {
    const char *s;
    apr_int64_t sec;             /* since 1970 */
    int offset_sec;
} row_t;

static const row_t valid[] = {
    { "Mon, 23 Nov 2026 09:50:00 +0000", 1795427400, 0 },
    { "Mon, 23 Nov 2026 10:50:00 +0100", 1795427400, 3600 },
    { "Mon, 23 Nov 2026 04:20:00 -0530", 1795427400, -19800 },
    { "Mon, 23 Nov 2026 09:50:00 -0000", 1795427400, 0 },
    { "23 Nov 2026 09:50 +0000", 1795427400, 0 },
    { "Thu, 1 Jan 1970 00:00:00 +0000", 0, 0 },
    { "Thu, 01 Jan 1970 00:00:00 +0000", 0, 0 },
    { "Wed, 31 Dec 1969 23:59:59 +0000", -1, 0 },
    { "Mon, 1 Jan 1900 00:00:00 +0000", -2208988800, 0 },
    { "Fri, 31 Dec 9999 23:59:59 +0000", 253402300799, 0 },
    { "Thu, 29 Feb 2024 00:00:00 +0000", 1709164800, 0 },
    { "Tue, 29 Feb 2000 00:00:00 +0000", 951782400, 0 },
    { "1 Mar 2100 00:00:00 +0000", 4107542400, 0 },
    { "Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, 0 },
    { "1 Jan 1970 00:00:00 +9959", -359940, 359940 },
    { "1 Jan 1970 00:00:00 -9959", 359940, -359940 },
    /* no case; comments and folding anywhere (RFC 5322 3.2.2, 4.3) */
    { "mon, 23 nov 2026 09:50:00 +0000", 1795427400, 0 },
    { "  Mon , 23\r\n Nov\t2026 09 : 50 : 00 +0000 (UTC)", 1795427400, 0 },
    { "(a)Mon(b),(c)23(d)Nov(e)2026(f)09(g):(h)50(i):(j)00(k)+0000(l)",
      1795427400, 0 },
    { "(a(b\\)(c))\\() 23 Nov 2026 09:50 GMT", 1795427400, 0 },
    { "Mon,23Nov2026 09:50:00+0000", 1795427400, 0 },
    /* years of two and three digits */
    { "23 Nov 26 09:50:00 +0000", 1795427400, 0 },
    { "23 Nov 126 09:50:00 +0000", 1795427400, 0 },
    { "1 Jan 49 00:00 +0000", 2493072000, 0 },
    { "1 Jan 50 00:00 +0000", -631152000, 0 },
    { "1 Jan 99 00:00 +0000", 915148800, 0 },
    { "1 Jan 00 00:00 +0000", 946684800, 0 },
    { "1 Jan 000 00:00 +0000", -2208988800, 0 },
    { "1 Jan 999 00:00 +0000", 29316470400, 0 },
    /* named zones */
    { "1 Jan 1970 00:00 UT", 0, 0 },
    { "1 Jan 1970 00:00 gmt", 0, 0 },
    { "1 Jan 1970 00:00 EST", 18000, -18000 },
    { "1 Jan 1970 00:00 EDT", 14400, -14400 },
    { "1 Jan 1970 00:00 CST", 21600, -21600 },
    { "1 Jan 1970 00:00 CDT", 18000, -18000 },
    { "1 Jan 1970 00:00 MST", 25200, -25200 },
    { "1 Jan 1970 00:00 MDT", 21600, -21600 },
    { "1 Jan 1970 00:00 PST", 28800, -28800 },
    { "1 Jan 1970 00:00 PDT", 25200, -25200 },
    { "1 Jan 1970 00:00 Z", 0, 0 },
    { "1 Jan 1970 00:00 A", 0, 0 },
    { "1 Jan 1970 00:00 CEST", 0, 0 }
};

static const char *const invalid[] = {
    "", " ", "()", "(", "Mon", "Mon,", "Mon, 23", "23 Nov", "23 Nov 2026",
    "23 Nov 2026 09", "23 Nov 2026 09:", "23 Nov 2026 09:50",
    "23 Nov 2026 09:50:", "23 Nov 2026 09:50:00", "23 Nov 2026 09:50:00 ",
    "23 Nov 2026 09:50:00 +", "23 Nov 2026 09:50:00 +000",
    "23 Nov 2026 09:50:00 +00000", "23 Nov 2026 09:50:00 +0060",
    "23 Nov 2026 09:50:00 + 0000", "23 Nov 2026 09:50:00 +0000 x",
    "23 Nov 2026 09:50:00 +0000 (", "23 Nov 2026 09:50:00 +0000 (\\)",
    "23 Nov 2026 09:50:00 +0000)", "Mon 23 Nov 2026 09:50:00 +0000",
    "Tue, 23 Nov 2026 09:50:00 +0000", "Mop, 23 Nov 2026 09:50:00 +0000",
    "Monday, 23 Nov 2026 09:50:00 +0000", ", 23 Nov 2026 09:50:00 +0000",
    "0 Nov 2026 09:50:00 +0000", "31 Nov 2026 09:50:00 +0000",
    "32 Dec 2026 09:50:00 +0000", "023 Nov 2026 09:50:00 +0000",
    "29 Feb 2026 09:50:00 +0000", "29 Feb 1900 09:50:00 +0000",
    "29 Feb 2100 09:50:00 +0000",
    "23 Nox 2026 09:50:00 +0000", "23 November 2026 09:50:00 +0000",
    "23 11 2026 09:50:00 +0000", "23 Nov 6 09:50:00 +0000",
    "23 Nov 1899 09:50:00 +0000", "23 Nov 0000 09:50:00 +0000",
    "23 Nov 10000 09:50:00 +0000", "23 Nov 99999999999 09:50:00 +0000",
    "23 Nov -2026 09:50:00 +0000",
    "23 Nov 2026 24:00:00 +0000", "23 Nov 2026 09:60:00 +0000",
    "23 Nov 2026 09:50:61 +0000", "23 Nov 2026 9:50:00 +0000",
    "23 Nov 2026 09:5:00 +0000", "23 Nov 2026 09:50:0 +0000",
    "23 Nov 2026 009:50:00 +0000", "23 Nov 2026 0950 +0000",
    "2026-11-23T09:50:00Z", "Mon Nov 23 09:50:00 2026",
    "23 Nov 2026 09:50:00 \xC3\xA9"
};

static void a_date_is_read_as_it_was_meant(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        const row_t *row = &valid[i];
        apr_time_t t = 1;
        int offset_sec = 1;

        UNIT_CHECK(row->s,
                   smtp_date_parse(unit_string(*state, row->s),
                                   strlen(row->s), &t, &offset_sec)
                   == APR_SUCCESS);
        UNIT_CHECK(row->s, t == apr_time_from_sec(row->sec));
        UNIT_CHECK(row->s, offset_sec == row->offset_sec);
    }
}

static void what_is_no_date_is_told(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        const char *s = invalid[i];
        apr_time_t t = 1;
        int offset_sec = 1;

        UNIT_CHECK(s, smtp_date_parse(unit_string(*state, s), strlen(s), &t,
                                      &offset_sec) == APR_EINVAL);
        UNIT_CHECK(s, t == 0 && offset_sec == 0);
    }
}

static void a_nul_does_not_end_a_date(void **state)
{
    static const char s[] = "23 Nov 2026 09:50:00 +0000\0 x";
    apr_time_t t;
    int offset_sec;

    (void)state;
    assert_int_equal(smtp_date_parse(s, sizeof(s) - 1, &t, &offset_sec),
                     APR_EINVAL);
}

static void a_date_is_written_as_rfc_5322_has_it(void **state)
{
    static const row_t rows[] = {
        { "Mon, 23 Nov 2026 09:50:00 +0000", 1795427400, 0 },
        { "Mon, 23 Nov 2026 10:50:00 +0100", 1795427400, 3600 },
        { "Mon, 23 Nov 2026 04:20:00 -0530", 1795427400, -19800 },
        { "Mon, 23 Nov 2026 09:20:00 -0030", 1795427400, -1800 },
        { "Mon, 23 Nov 2026 09:50:00 +0000", 1795427400, 59 },
        { "Thu, 1 Jan 1970 00:00:00 +0000", 0, 0 },
        { "Thu, 1 Jan 1970 14:00:00 +1400", 0, 50400 },
        { "Wed, 31 Dec 1969 12:00:00 -1200", 0, -43200 },
        { "Wed, 31 Dec 1969 23:59:59 +0000", -1, 0 }
    };
    char buffer[SMTP_DATE_BUFFER_OCTETS];
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_size_t len = smtp_date_write(buffer,
                                         apr_time_from_sec(rows[i].sec),
                                         rows[i].offset_sec);

        assert_string_equal(buffer, rows[i].s);
        assert_int_equal(len, strlen(buffer));
    }
}

/** Each hour of a year, in many zones, comes back; and so do days of five
 *  centuries. */
static void what_is_written_is_read_back(void **state)
{
    apr_int64_t sec;
    int i;

    (void)state;
    for (i = 0, sec = -2208988800; sec < 13000000000; i++) {
        int offset_sec = (i % 199 - 99) * 900;
        char buffer[SMTP_DATE_BUFFER_OCTETS];
        apr_size_t len = smtp_date_write(buffer, apr_time_from_sec(sec),
                                         offset_sec);
        apr_time_t t;
        int back;

        /* before 1900 there is no date (RFC 5322 3.3) */
        if (sec - 90000 > -2208988800) {
            assert_int_equal(smtp_date_parse(buffer, len, &t, &back),
                             APR_SUCCESS);
            assert_int_equal(t, apr_time_from_sec(sec));
            assert_int_equal(back, offset_sec);
        }
        sec += sec > 1700000000 && sec < 1735000000 ? 3600 : 86399;
    }
}

/** Any time fits the buffer. */
static void no_time_overruns_the_buffer(void **state)
{
    static const apr_time_t times[] = { APR_INT64_MIN, APR_INT64_MAX };
    char buffer[SMTP_DATE_BUFFER_OCTETS];
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(times); i++) {
        assert_in_range(smtp_date_write(buffer, times[i], 0), 20,
                        SMTP_DATE_BUFFER_OCTETS - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_date_is_read_as_it_was_meant),
        UNIT_TEST(what_is_no_date_is_told),
        UNIT_TEST(a_nul_does_not_end_a_date),
        UNIT_TEST(a_date_is_written_as_rfc_5322_has_it),
        UNIT_TEST(what_is_written_is_read_back),
        UNIT_TEST(no_time_overruns_the_buffer)
    };

    return UNIT_RUN(tests);
}
