/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_window.h"

#define SEC APR_USEC_PER_SEC
#define MIN (60 * SEC)
#define NOW (1700000000 * SEC)

static queue_limits_t limits_of(unsigned int first, unsigned int last)
{
    queue_limits_t limits = { 0 };

    limits.connections_first = first;
    limits.connections = last;
    queue_limits_complete(&limits);
    return limits;
}

static const struct {
    const char *name;
    queue_limits_t given, wanted;
} completions[] = {
    { "nothing said", { 0 }, { 20, 5, 0, 0, 3, MIN, 60 * MIN } },
    { "few connections", { .connections = 2 },
      { 2, 2, 0, 0, 3, MIN, 60 * MIN } },
    { "a short last back-off", { .backoff_last = SEC },
      { 20, 5, 0, 0, 3, SEC, SEC } },
    { "a rate without an interval", { .rate_messages = 7 },
      { 20, 5, 0, 0, 3, MIN, 60 * MIN } },
    { "an interval without a rate", { .rate_interval = 7 },
      { 20, 5, 0, 0, 3, MIN, 60 * MIN } },
    { "all said", { 50, 10, 7, SEC, 1, 2 * MIN, 3 * MIN },
      { 50, 10, 7, SEC, 1, 2 * MIN, 3 * MIN } }
};

static void limits_have_defaults_that_agree(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(completions); i++) {
        queue_limits_t limits = completions[i].given;
        const queue_limits_t *wanted = &completions[i].wanted;
        const char *name = completions[i].name;

        queue_limits_complete(&limits);
        UNIT_CHECK(name, limits.connections == wanted->connections);
        UNIT_CHECK(name,
                   limits.connections_first == wanted->connections_first);
        UNIT_CHECK(name, limits.rate_messages == wanted->rate_messages);
        UNIT_CHECK(name, limits.rate_interval == wanted->rate_interval);
        UNIT_CHECK(name, limits.failures == wanted->failures);
        UNIT_CHECK(name, limits.backoff_first == wanted->backoff_first);
        UNIT_CHECK(name, limits.backoff_last == wanted->backoff_last);
    }
}

/* How many successes until the window is larger. */
static int successes_to_grow(queue_window_t *window,
                             const queue_limits_t *limits)
{
    unsigned int size = queue_window_room(window);
    int count = 0;

    while (queue_window_room(window) == size && count < 100000) {
        queue_window_succeeded(window, limits, 1);
        count++;
    }
    assert_int_equal(queue_window_room(window), size + 1);
    return count;
}

static void a_window_grows_with_success_up_to_its_limit(void **state)
{
    queue_limits_t limits = limits_of(2, 6);
    queue_window_t window;
    int size, i;

    (void)state;
    queue_window_init(&window, &limits);
    for (size = 2; size < 6; size++) {
        assert_int_equal(successes_to_grow(&window, &limits), size);
    }
    for (i = 0; i < 1000; i++) {
        queue_window_succeeded(&window, &limits, 1);
    }
    assert_int_equal(queue_window_room(&window), 6);
}

static void what_goes_well_with_few_says_nothing_of_many(void **state)
{
    queue_limits_t limits = limits_of(2, 6);
    queue_window_t window;
    int i;

    (void)state;
    queue_window_init(&window, &limits);
    for (i = 0; i < 1000; i++) {
        queue_window_succeeded(&window, &limits, 0);
    }
    assert_int_equal(queue_window_room(&window), 2);
}

static void a_window_shrinks_but_never_to_nothing(void **state)
{
    queue_limits_t limits = limits_of(4, 6);
    queue_window_t window;
    unsigned int size;

    (void)state;
    queue_window_init(&window, &limits);
    for (size = 4; size > 1; size--) {
        assert_int_equal(queue_window_room(&window), size);
        queue_window_throttled(&window, &limits);
    }
    queue_window_throttled(&window, &limits);
    assert_int_equal(queue_window_room(&window), 1);
}

/* The next hop takes 5: the 6th connection is tried ever more seldom; and
 * soon again once it has gone well. */
static void who_was_told_asks_less_often(void **state)
{
    queue_limits_t limits = limits_of(5, 8);
    queue_window_t window;
    int rounds;

    (void)state;
    queue_window_init(&window, &limits);
    for (rounds = 1; rounds <= QUEUE_WINDOW_PATIENCE_MAX; rounds *= 2) {
        assert_int_equal(successes_to_grow(&window, &limits), 5 * rounds);
        queue_window_succeeded(&window, &limits, 1);
        queue_window_throttled(&window, &limits);
        /* A second one that is refused at that moment teaches nothing new. */
        queue_window_throttled(&window, &limits);
        window.size = 5;
    }
    assert_int_equal(successes_to_grow(&window, &limits), 5 * 64);
    assert_int_equal(successes_to_grow(&window, &limits), 6 * 64);
    assert_int_equal(successes_to_grow(&window, &limits), 7 * 32);
}

static void who_fails_in_a_row_is_dead_for_ever_longer(void **state)
{
    static const int minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    queue_limits_t limits = limits_of(5, 20);
    queue_window_t window;
    apr_time_t now = NOW;
    size_t i;

    (void)state;
    queue_window_init(&window, &limits);
    queue_window_failed(&window, &limits, 1, now);
    queue_window_failed(&window, &limits, 1, now);
    assert_int_equal(queue_window_room(&window), 3);
    for (i = 0; i < UNIT_ROWS(minutes); i++) {
        queue_window_failed(&window, &limits, 1, now);
        assert_int_equal(window.dead_until, now + minutes[i] * MIN);
        assert_int_equal(queue_window_room(&window), 0);
        /* Connections that had been begun before. */
        queue_window_failed(&window, &limits, 1, now + SEC);
        queue_window_tick(&window, window.dead_until - 1);
        assert_int_equal(queue_window_room(&window), 0);
        now = window.dead_until;
        queue_window_tick(&window, now);
        assert_int_equal(queue_window_room(&window), 1);
    }
    queue_window_succeeded(&window, &limits, 1);
    assert_int_equal(queue_window_room(&window), 5);
    assert_int_equal(window.failures, 0);
    queue_window_failed(&window, &limits, 1, now);
    assert_int_equal(window.dead_until, 0);
}

static void failures_that_others_disprove_do_not_kill(void **state)
{
    queue_limits_t limits = limits_of(5, 20);
    queue_window_t window;
    int i;

    (void)state;
    queue_window_init(&window, &limits);
    for (i = 0; i < 20; i++) {
        queue_window_failed(&window, &limits, 0, NOW);
    }
    assert_int_equal(queue_window_room(&window), 1);
    for (i = 0; i < 20; i++) {
        queue_window_failed(&window, &limits, 1, NOW);
        queue_window_failed(&window, &limits, 1, NOW);
        queue_window_reached(&window, &limits);
    }
    assert_int_equal(queue_window_room(&window), 1);
}

static void a_dead_one_can_be_revived(void **state)
{
    queue_limits_t limits = limits_of(5, 20);
    queue_window_t window;

    (void)state;
    queue_window_init(&window, &limits);
    queue_window_revive(&window);
    assert_int_equal(queue_window_room(&window), 5);
    queue_window_failed(&window, &limits, 1, NOW);
    queue_window_failed(&window, &limits, 1, NOW);
    queue_window_failed(&window, &limits, 1, NOW);
    queue_window_revive(&window);
    assert_int_equal(queue_window_room(&window), 1);
    /* In vain: it goes on where it was. */
    queue_window_failed(&window, &limits, 1, NOW);
    assert_int_equal(window.dead_until, NOW + 2 * MIN);
    /* A connection that stands all the same. */
    queue_window_reached(&window, &limits);
    assert_int_equal(queue_window_room(&window), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(limits_have_defaults_that_agree),
        UNIT_TEST(a_window_grows_with_success_up_to_its_limit),
        UNIT_TEST(what_goes_well_with_few_says_nothing_of_many),
        UNIT_TEST(a_window_shrinks_but_never_to_nothing),
        UNIT_TEST(who_was_told_asks_less_often),
        UNIT_TEST(who_fails_in_a_row_is_dead_for_ever_longer),
        UNIT_TEST(failures_that_others_disprove_do_not_kill),
        UNIT_TEST(a_dead_one_can_be_revived)
    };

    return UNIT_RUN(tests);
}
