/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "smtpd_window.h"

#define SEC APR_USEC_PER_SEC
#define HOUR (3600 * SEC)
/* The beginning of a bucket of an hour. */
#define BEGIN (500000 * HOUR)

static smtpd_window_t window_of(apr_time_t now, int amount)
{
    smtpd_window_t window = { 0, 0, 0 };

    smtpd_window_add(&window, now, HOUR, amount);
    return window;
}

/* Events at one moment, and what is left of them later. */
static const struct {
    const char *name;
    apr_time_t at;               /* after BEGIN */
    int amount;
    apr_time_t asked;            /* after BEGIN */
    apr_uint32_t count;
} moments[] = {
    { "at once", 0, 10, 0, 10 },
    { "within the bucket", 0, 10, HOUR - 1, 10 },
    { "as the next one begins", HOUR - 1, 10, HOUR, 10 },
    { "a moment into the next one", 0, 10, HOUR + SEC, 10 },
    { "a quarter into the next one", 0, 8, HOUR + HOUR / 4, 6 },
    { "half into the next one", HOUR / 2, 10, HOUR + HOUR / 2, 5 },
    { "a part of an event is one", 0, 1, HOUR + HOUR / 2, 1 },
    { "the last moment of the next one", 0, 10, 2 * HOUR - 1, 1 },
    { "two buckets later", HOUR - 1, 10, 2 * HOUR, 0 },
    { "a year later", 0, 10, 8760 * HOUR, 0 },
    { "by a clock that is a little behind", 0, 10, -SEC, 10 },
    { "by a clock that is an hour behind", HOUR - 1, 10, -SEC, 10 },
    { "by a clock that is wrong", 0, 10, -HOUR - 1, 0 },
    { "none", 0, 0, 0, 0 }
};

static void guesses_are_forgotten_no_sooner_than_promised(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(moments); i++) {
        smtpd_window_t window = window_of(BEGIN + moments[i].at,
                                          moments[i].amount);
        apr_uint32_t count = smtpd_window_count(&window,
                                                BEGIN + moments[i].asked,
                                                HOUR);

        UNIT_CHECK(moments[i].name, count == moments[i].count);
    }
}

/* Whatever the moments of attempts: an interval lets through less than two
 * limits, and in the long run one per interval. */
static void nobody_passes_twice_the_limit_in_an_interval(void **state)
{
    enum { LIMIT = 20, STEPS = 6000, WAIT = 60 };
    static char passed[STEPS];
    smtpd_window_t window = { 0, 0, 0 };
    int step, in_interval = 0, all = 0;

    (void)state;
    for (step = 0; step < STEPS; step++) {
        apr_time_t now = BEGIN + step * (HOUR / WAIT);

        passed[step] = smtpd_window_count(&window, now, HOUR) < LIMIT;
        if (passed[step]) {
            smtpd_window_add(&window, now, HOUR, 1);
        }
        all += passed[step];
        in_interval += passed[step] - (step < WAIT ? 0 : passed[step - WAIT]);
        assert_in_range(in_interval, 0, 2 * LIMIT - 1);
    }
    assert_in_range(all, STEPS / WAIT * (LIMIT - 1),
                    (STEPS / WAIT + 1) * LIMIT);
}

static void refused_mail_is_taken_back(void **state)
{
    smtpd_window_t window = window_of(BEGIN, 5);

    (void)state;
    smtpd_window_add(&window, BEGIN + SEC, HOUR, -2);
    assert_int_equal(smtpd_window_count(&window, BEGIN + SEC, HOUR), 3);
    /* What was counted in the bucket before is taken back from it. */
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, 1);
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, -3);
    assert_int_equal(smtpd_window_count(&window, BEGIN + HOUR, HOUR), 1);
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, -1000);
    assert_int_equal(smtpd_window_count(&window, BEGIN + HOUR, HOUR), 0);
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, INT32_MIN);
    assert_int_equal(smtpd_window_count(&window, BEGIN + HOUR, HOUR), 0);
}

static void a_flood_does_not_wrap_around_to_nothing(void **state)
{
    smtpd_window_t window = window_of(BEGIN, INT32_MAX);
    int i;

    (void)state;
    for (i = 0; i < 10; i++) {
        smtpd_window_add(&window, BEGIN, HOUR, INT32_MAX);
    }
    assert_int_equal(smtpd_window_count(&window, BEGIN, HOUR),
                     SMTPD_WINDOW_COUNT_MAX);
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, INT32_MAX);
    assert_int_equal(smtpd_window_count(&window, BEGIN + HOUR, HOUR),
                     2 * SMTPD_WINDOW_COUNT_MAX);
}

static void the_longest_and_the_shortest_interval_are_exact(void **state)
{
    static const apr_interval_time_t intervals[] =
        { SMTPD_WINDOW_INTERVAL_MIN, SMTPD_WINDOW_INTERVAL_MAX };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(intervals); i++) {
        apr_interval_time_t interval = intervals[i];
        apr_time_t begin = 700 * SMTPD_WINDOW_INTERVAL_MAX;
        smtpd_window_t window = { 0, 0, 0 };

        smtpd_window_add(&window, begin, interval,
                         (int)SMTPD_WINDOW_COUNT_MAX);
        assert_int_equal(smtpd_window_count(&window,
                                            begin + interval + interval / 2,
                                            interval),
                         SMTPD_WINDOW_COUNT_MAX / 2);
        assert_int_equal(smtpd_window_expiry(&window, interval),
                         begin + 2 * interval);
    }
}

static void what_is_kept_is_what_was_counted(void **state)
{
    unsigned char octets[SMTPD_WINDOW_OCTETS];
    smtpd_window_t window = window_of(BEGIN, 7), copy;

    (void)state;
    smtpd_window_add(&window, BEGIN + HOUR, HOUR, 3);
    smtpd_window_write(octets, &window);
    assert_int_equal(smtpd_window_parse(&copy, octets, sizeof(octets)), 1);
    assert_int_equal(copy.bucket, window.bucket);
    assert_int_equal(copy.before, 7);
    assert_int_equal(copy.now, 3);
}

/* Another program's values in the same cache, or one who can write there. */
static void octets_of_others_are_no_events(void **state)
{
    unsigned char octets[SMTPD_WINDOW_OCTETS + 1] = { 0 };
    smtpd_window_t window = window_of(BEGIN, 7);
    size_t len;

    smtpd_window_write(octets, &window);
    for (len = 0; len <= sizeof(octets); len++) {
        char *copy = unit_octets(*state, octets, len);

        assert_int_equal(smtpd_window_parse(&window, (unsigned char *)copy,
                                            len),
                         len == SMTPD_WINDOW_OCTETS);
    }
    memset(octets, 0xFF, sizeof(octets));
    assert_int_equal(smtpd_window_parse(&window, octets,
                                        SMTPD_WINDOW_OCTETS), 0);
    octets[0] = 1;
    assert_int_equal(smtpd_window_parse(&window, octets,
                                        SMTPD_WINDOW_OCTETS), 0);
    assert_int_equal(smtpd_window_count(&window, BEGIN, HOUR), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(guesses_are_forgotten_no_sooner_than_promised),
        UNIT_TEST(nobody_passes_twice_the_limit_in_an_interval),
        UNIT_TEST(refused_mail_is_taken_back),
        UNIT_TEST(a_flood_does_not_wrap_around_to_nothing),
        UNIT_TEST(the_longest_and_the_shortest_interval_are_exact),
        UNIT_TEST(what_is_kept_is_what_was_counted),
        UNIT_TEST(octets_of_others_are_no_events)
    };

    return UNIT_RUN(tests);
}
