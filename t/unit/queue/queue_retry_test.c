/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_retry.h"

#define SEC APR_USEC_PER_SEC
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define NEVER (APR_INT64_MAX)

static const struct {
    const char *text;
    apr_interval_time_t interval;
} intervals[] = {
    { "1s", SEC }, { "90s", 90 * SEC }, { "5m", 5 * MIN },
    { "007m", 7 * MIN }, { "4h", 4 * HOUR }, { "5d", 5 * DAY },
    { "0", 0 }, { "0s", 0 }, { "3650d", QUEUE_RETRY_INTERVAL_MAX }
};

static void an_interval_is_what_the_administrator_wrote(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(intervals); i++) {
        apr_interval_time_t interval = -1;

        UNIT_CHECK(intervals[i].text,
                   !queue_retry_interval_parse(*state, intervals[i].text,
                                               &interval));
        UNIT_CHECK(intervals[i].text, interval == intervals[i].interval);
    }
}

static const char *const no_intervals[] = {
    "", " ", "5", "m", "-5m", "+5m", "5 m", "5m ", "5mm", "5M", "5w", "1h30m",
    "0x5m", "1.5h", "00", "3651d", "99999999999999999999s",
    "18446744073709551616m", "5m\n"
};

static void what_is_no_interval_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(no_intervals); i++) {
        apr_interval_time_t interval = 7;

        UNIT_CHECK(no_intervals[i],
                   queue_retry_interval_parse(*state, no_intervals[i],
                                              &interval));
        UNIT_CHECK(no_intervals[i], !interval);
    }
}

static const struct {
    const char *text;
    int count;                   /* 0: refused */
    apr_interval_time_t last;
} curves[] = {
    { "5m", 1, 5 * MIN },
    { "5m 15m 30m 1h 2h 4h", 6, 4 * HOUR },
    { "  5m\t15m ", 2, 15 * MIN },
    { "1h 5m", 2, 5 * MIN },
    { "", 0, 0 }, { " ", 0, 0 }, { "5m 0", 0, 0 }, { "0s", 0, 0 },
    { "5m x", 0, 0 }, { "5m, 15m", 0, 0 }, { "5m 15", 0, 0 }
};

static void a_curve_is_read_or_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(curves); i++) {
        const apr_array_header_t *read;
        const char *wrong = queue_retry_parse(*state, curves[i].text, &read);

        UNIT_CHECK(curves[i].text, !wrong == (curves[i].count > 0));
        UNIT_CHECK(curves[i].text, !wrong == (read != NULL));
        UNIT_CHECK(curves[i].text, wrong || read->nelts == curves[i].count);
        UNIT_CHECK(curves[i].text,
                   wrong || APR_ARRAY_IDX(read, read->nelts - 1,
                                          apr_interval_time_t)
                            == curves[i].last);
    }
}

static const struct {
    unsigned int attempts;
    apr_time_t expires;
    apr_uint64_t chance;
    apr_time_t next;
} nexts[] = {
    { 1, NEVER, 0, 5 * MIN },
    { 2, NEVER, 0, 15 * MIN },
    { 3, NEVER, 0, HOUR },
    { 4, NEVER, 0, HOUR },
    { 1000000, NEVER, 0, HOUR },
    { 0, NEVER, 0, 5 * MIN },
    { 1, NEVER, 30 * SEC, 5 * MIN + 30 * SEC },
    { 1, NEVER, 30 * SEC + 1, 5 * MIN },
    { 1, NEVER, 31 * SEC, 5 * MIN + SEC - 1 },
    { 3, 59 * MIN, 0, 59 * MIN },
    { 1, 5 * MIN + SEC, 20 * SEC, 5 * MIN + SEC },
    { 1, -MIN, 0, -MIN }
};

static void the_next_attempt_follows_the_curve(void **state)
{
    queue_retry_t retry = { NULL, 5 * DAY, DAY, 4 * HOUR };
    apr_time_t now = 1700000000 * SEC;
    size_t i;

    assert_null(queue_retry_parse(*state, "5m 15m 1h", &retry.intervals));
    for (i = 0; i < UNIT_ROWS(nexts); i++) {
        apr_time_t expires = nexts[i].expires == NEVER
            ? NEVER : now + nexts[i].expires;

        assert_int_equal(queue_retry_next(&retry, nexts[i].attempts, now,
                                          expires, nexts[i].chance) - now,
                         nexts[i].next);
    }
}

/* 10,000 that failed in the same moment do not come back in one. */
static void those_who_failed_together_come_back_spread(void **state)
{
    queue_retry_t retry = { NULL, 5 * DAY, DAY, 4 * HOUR };
    int tenths[10] = { 0 }, i;
    apr_uint64_t chance = 1;

    assert_null(queue_retry_parse(*state, "1h", &retry.intervals));
    for (i = 0; i < 10000; i++) {
        apr_time_t next;

        chance = chance * APR_UINT64_C(6364136223846793005)
            + APR_UINT64_C(1442695040888963407);
        next = queue_retry_next(&retry, 1, 0, NEVER, chance >> 11);
        assert_in_range(next, HOUR, HOUR + HOUR / 10);
        tenths[next > HOUR + HOUR / 10 - 1 ? 9
               : (next - HOUR) * 10 / (HOUR / 10)]++;
    }
    for (i = 0; i < 10; i++) {
        assert_in_range(tenths[i], 850, 1150);
    }
}

static void a_report_is_given_up_sooner(void **state)
{
    queue_retry_t retry = { NULL, 5 * DAY, DAY, 4 * HOUR };

    (void)state;
    assert_int_equal(queue_retry_expires(&retry, HOUR, 0), 5 * DAY + HOUR);
    assert_int_equal(queue_retry_expires(&retry, HOUR, 1), DAY + HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_interval_is_what_the_administrator_wrote),
        UNIT_TEST(what_is_no_interval_is_refused),
        UNIT_TEST(a_curve_is_read_or_refused),
        UNIT_TEST(the_next_attempt_follows_the_curve),
        UNIT_TEST(those_who_failed_together_come_back_spread),
        UNIT_TEST(a_report_is_given_up_sooner)
    };

    return UNIT_RUN(tests);
}
