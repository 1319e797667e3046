/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_rate.h"

#define SEC APR_USEC_PER_SEC
#define BEGIN (1700000000 * SEC)

/* Sends as soon as it may, at each step of the clock. @return messages; notes
 * when in @a times */
static int send_all(unsigned int messages, apr_interval_time_t interval,
                    apr_interval_time_t step, apr_interval_time_t end,
                    apr_time_t *times, int max)
{
    apr_time_t now, more;
    queue_rate_t rate;
    int count = 0;

    queue_rate_init(&rate, messages, interval);
    for (now = BEGIN; now < BEGIN + end; now += step) {
        while (count < max && queue_rate_room(&rate, now, 1, &more)) {
            queue_rate_take(&rate, now);
            times[count++] = now;
        }
    }
    queue_rate_destroy(&rate);
    return count;
}

static const struct {
    const char *name;
    unsigned int messages;
    apr_interval_time_t interval;
    apr_interval_time_t step;
} limits[] = {
    { "one a second", 1, SEC, SEC / 10 },
    { "3 a second", 3, SEC, SEC / 7 },
    { "60 a minute", 60, 60 * SEC, SEC / 2 },
    { "64 a second", 64, SEC, SEC / 100 },
    { "65 a second", 65, SEC, SEC / 100 },
    { "1000 a minute", 1000, 60 * SEC, SEC / 10 },
    { "12345 an hour", 12345, 3600 * SEC, SEC },
    { "a clock that hardly moves", 10, SEC, 1000 }
};

/* Of any N + 1 messages in a row the first and the last are an interval
 * apart, and about as many go as may. */
static void no_interval_wherever_it_begins_has_more(void **state)
{
    enum { MAX = 200000 };
    apr_time_t *times = apr_palloc(*state, MAX * sizeof(*times));
    size_t i;

    for (i = 0; i < UNIT_ROWS(limits); i++) {
        unsigned int n = limits[i].messages;
        int count = send_all(n, limits[i].interval, limits[i].step,
                             10 * limits[i].interval, times, MAX), k;

        for (k = (int)n; k < count; k++) {
            UNIT_CHECK(limits[i].name,
                       times[k] - times[k - (int)n] >= limits[i].interval);
        }
        UNIT_CHECK(limits[i].name, count <= (int)(10 * n));
        UNIT_CHECK(limits[i].name, count >= (int)(9 * n));
    }
}

/* Attempts that come when they like, not when they may. */
static void random_moments_do_not_outwit_it(void **state)
{
    enum { MESSAGES = 130, COUNT = 20000 };
    apr_time_t *times = apr_palloc(*state, COUNT * sizeof(*times));
    apr_time_t now = BEGIN, more;
    queue_rate_t rate;
    int count = 0;

    srand(1);
    queue_rate_init(&rate, MESSAGES, 60 * SEC);
    while (count < COUNT) {
        now += rand() % 4 ? rand() % SEC : rand() % (40 * SEC);
        if (queue_rate_room(&rate, now, 1, &more)) {
            queue_rate_take(&rate, now);
            times[count++] = now;
            assert_true(count <= MESSAGES || now - times[count - 1 - MESSAGES]
                                             >= 60 * SEC);
        }
        else {
            assert_true(more > now);
        }
    }
    queue_rate_destroy(&rate);
}

static void room_is_what_may_be_sent_at_once(void **state)
{
    queue_rate_t rate;
    apr_time_t more;
    int i;

    (void)state;
    queue_rate_init(&rate, 100, SEC);
    assert_int_equal(queue_rate_room(&rate, BEGIN, 7, &more), 7);
    assert_int_equal(queue_rate_room(&rate, BEGIN, 1000, &more), 100);
    assert_int_equal(more, 0);
    for (i = 0; i < 100; i++) {
        assert_int_equal(queue_rate_room(&rate, BEGIN + i, 1000, &more),
                         100 - i);
        queue_rate_take(&rate, BEGIN + i);
    }
    assert_int_equal(queue_rate_room(&rate, BEGIN + 100, 1000, &more), 0);
    /* 36 groups of 2 come first. */
    assert_int_equal(more, BEGIN + 1 + SEC);
    assert_int_equal(queue_rate_room(&rate, BEGIN + 1 + SEC, 1000, &more), 2);
    assert_int_equal(more, BEGIN + 3 + SEC);
    queue_rate_destroy(&rate);
}

static void without_a_limit_there_is_always_room(void **state)
{
    queue_rate_t rate;
    apr_time_t more;
    int i;

    (void)state;
    queue_rate_init(&rate, 0, 0);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(queue_rate_room(&rate, BEGIN, 10, &more), 10);
        assert_int_equal(more, 0);
        queue_rate_take(&rate, BEGIN);
    }
    queue_rate_destroy(&rate);
}

/* Whoever mends a clock that was a year ahead does not lose mail for one. */
static void a_clock_that_is_set_back_stops_nothing_for_long(void **state)
{
    queue_rate_t rate;
    apr_time_t more;

    (void)state;
    queue_rate_init(&rate, 1, SEC);
    queue_rate_take(&rate, BEGIN + 31536000 * SEC);
    assert_int_equal(queue_rate_room(&rate, BEGIN, 1, &more), 0);
    assert_int_equal(more, BEGIN + SEC);
    assert_int_equal(queue_rate_room(&rate, BEGIN + SEC, 1, &more), 1);
    queue_rate_destroy(&rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_interval_wherever_it_begins_has_more),
        UNIT_TEST(random_moments_do_not_outwit_it),
        UNIT_TEST(room_is_what_may_be_sent_at_once),
        UNIT_TEST(without_a_limit_there_is_always_room),
        UNIT_TEST(a_clock_that_is_set_back_stops_nothing_for_long)
    };

    return UNIT_RUN(tests);
}
