/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_unit.h"

#include <stdio.h>

#include "queue_ready.h"

#define URGENT QUEUE_PRIORITY_URGENT
#define NORMAL QUEUE_PRIORITY_NORMAL
#define BULK QUEUE_PRIORITY_BULK

/* Not looked at. */
static char place[16];
static struct queue_destination_t *const somewhere =
    (struct queue_destination_t *)place;

/* One destination's jobs, and the table. */
typedef struct fixture_t {
    queue_senders_t *senders;
    queue_ready_t ready;
} fixture_t;

static void begin(fixture_t *f, apr_pool_t *p)
{
    f->senders = queue_senders_create(p);
    queue_ready_init(&f->ready);
}

static queue_job_t *add(fixture_t *f, const char *sender,
                        queue_priority_e priority, int tag)
{
    queue_job_t *job = unit_job(somewhere, sender, priority, tag);

    queue_ready_add(f->senders, &f->ready, job, 0);
    return job;
}

/* The tag of the next job, which is over; -1: none. */
static int take(fixture_t *f)
{
    queue_job_t *job = queue_ready_take(f->senders, &f->ready);
    int tag = job ? unit_tag(job) : -1;

    if (job) {
        unit_job_free(job);
    }
    return tag;
}

#define CHECK_ORDER(f, ...)                                         \
    do {                                                            \
        const int tags_[] = { __VA_ARGS__ };                        \
        size_t i_;                                                  \
                                                                    \
        for (i_ = 0; i_ < UNIT_ROWS(tags_); i_++) {                 \
            assert_int_equal(take(f), tags_[i_]);                   \
        }                                                           \
    } while (0)

static void senders_take_turns_and_each_keeps_its_order(void **state)
{
    fixture_t f;

    begin(&f, *state);
    add(&f, "a", NORMAL, 1);
    add(&f, "a", NORMAL, 2);
    add(&f, "a", NORMAL, 3);
    add(&f, "b", NORMAL, 11);
    add(&f, "b", NORMAL, 12);
    add(&f, "", NORMAL, 21);
    assert_int_equal(f.ready.count, 6);
    CHECK_ORDER(&f, 1, 11, 21, 2, 12, 3, -1);
    assert_int_equal(f.ready.count, 0);
}

/* A sender with 100,000 jobs does not delay one who comes now. */
static void a_mailing_does_not_delay_others(void **state)
{
    fixture_t f;
    int i;

    begin(&f, *state);
    for (i = 0; i < 100000; i++) {
        add(&f, "mailing", NORMAL, i);
    }
    take(&f);
    add(&f, "alice", NORMAL, -2);
    assert_in_range(take(&f), 1, 1);
    assert_int_equal(take(&f), -2);
    for (i = 2; i < 100000; i++) {
        assert_int_equal(take(&f), i);
    }
}

static void urgent_jobs_come_first_and_bulk_is_not_starved(void **state)
{
    fixture_t f;
    int i;

    begin(&f, *state);
    for (i = 0; i < 4; i++) {
        add(&f, "a", BULK, 200 + i);
    }
    for (i = 0; i < 11; i++) {
        add(&f, "a", NORMAL, 100 + i);
    }
    add(&f, "a", URGENT, 1);
    add(&f, "b", URGENT, 2);
    CHECK_ORDER(&f, 1, 2, 100, 101, 102, 103, 104, 200, 105);
    add(&f, "a", URGENT, 3);
    CHECK_ORDER(&f, 3, 106, 107, 108, 109, 201, 110, 202, 203, -1);
}

static void what_the_administrator_wants_is_in_front(void **state)
{
    fixture_t f;
    queue_job_t *job = unit_job(somewhere, "a", NORMAL, 3);

    begin(&f, *state);
    add(&f, "a", NORMAL, 1);
    add(&f, "a", NORMAL, 2);
    queue_ready_add(f.senders, &f.ready, job, 1);
    CHECK_ORDER(&f, 3, 1, 2, -1);
}

static void a_job_that_is_removed_leaves_the_rest_in_order(void **state)
{
    fixture_t f;
    queue_job_t *first, *middle, *only, *changed;

    begin(&f, *state);
    first = add(&f, "a", NORMAL, 1);
    middle = add(&f, "a", NORMAL, 2);
    add(&f, "a", NORMAL, 3);
    only = add(&f, "b", NORMAL, 11);
    changed = add(&f, "c", NORMAL, 21);
    /* Its new class is for the next time. */
    changed->message->priority = BULK;
    queue_ready_remove(f.senders, &f.ready, first);
    queue_ready_remove(f.senders, &f.ready, middle);
    queue_ready_remove(f.senders, &f.ready, only);
    queue_ready_remove(f.senders, &f.ready, changed);
    assert_int_equal(f.ready.count, 1);
    CHECK_ORDER(&f, 3, -1);
    unit_job_free(first);
    unit_job_free(middle);
    unit_job_free(only);
    unit_job_free(changed);
}

/* Two destinations with the same senders share a table. */
static void destinations_do_not_mix(void **state)
{
    fixture_t f;
    queue_ready_t other;
    queue_job_t *job = unit_job(somewhere, "a", NORMAL, 2);

    begin(&f, *state);
    queue_ready_init(&other);
    add(&f, "a", NORMAL, 1);
    queue_ready_add(f.senders, &other, job, 0);
    CHECK_ORDER(&f, 1, -1);
    assert_ptr_equal(queue_ready_take(f.senders, &other), job);
    unit_job_free(job);
}

/* Each its own sender: the table grows, and gives back what it took. */
static void a_hundred_thousand_senders_each_have_their_turn(void **state)
{
    enum { COUNT = 100000 };
    fixture_t f;
    char sender[32];
    int i, round;

    begin(&f, *state);
    for (round = 0; round < 2; round++) {
        for (i = 0; i < COUNT; i++) {
            snprintf(sender, sizeof(sender), "%d@example.com", i);
            add(&f, sender, NORMAL, i);
        }
    }
    for (i = 0; i < 2 * COUNT; i++) {
        assert_int_equal(take(&f), i % COUNT);
    }
    assert_int_equal(take(&f), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(senders_take_turns_and_each_keeps_its_order),
        UNIT_TEST(a_mailing_does_not_delay_others),
        UNIT_TEST(urgent_jobs_come_first_and_bulk_is_not_starved),
        UNIT_TEST(what_the_administrator_wants_is_in_front),
        UNIT_TEST(a_job_that_is_removed_leaves_the_rest_in_order),
        UNIT_TEST(destinations_do_not_mix),
        UNIT_TEST(a_hundred_thousand_senders_each_have_their_turn)
    };

    return UNIT_RUN(tests);
}
