/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_simulation.h"

#include <stdio.h>

#define NORMAL QUEUE_PRIORITY_NORMAL
#define MIN (60 * SIM_SEC)
#define HOUR (60 * MIN)
#define LATER (SIM_BEGIN + 1000 * HOUR)

/* --- Fairness --- */

static void note_sender(sim_t *sim, sim_hop_t *hop, queue_job_t *job)
{
    int *counts = sim->baton;

    (void)hop;
    counts[job->message->sender[0] - 'a']++;
}

/* A mailing of 100,000, two who send a thousand each, and one letter, all to
 * the same next hop. */
static void a_mailing_gets_its_share_and_no_more(void **state)
{
    int counts[4] = { 0 };
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL);

    sim->delivered = note_sender;
    sim->baton = counts;
    sim_send(sim, hop, "a", NORMAL, 100000);
    sim_send(sim, hop, "b", NORMAL, 1000);
    sim_send(sim, hop, "c", NORMAL, 1000);
    sim_send(sim, hop, "d", NORMAL, 1);
    sim_run(sim, SIM_BEGIN + SIM_SEC / 4);
    assert_int_equal(counts[3], 1);
    while (counts[1] < 1000) {
        assert_in_range(counts[1], counts[0] - 1, counts[0] + 1);
        assert_in_range(counts[2], counts[0] - 1, counts[0] + 1);
        sim_run(sim, sim->now + SIM_SEC);
    }
    sim_run(sim, LATER);
    assert_int_equal(hop->delivered, 102001);
}

/* 20 connections for all; one destination could fill them for hours. */
static void a_destination_with_much_does_not_delay_one_with_little(
    void **state)
{
    sim_t *sim = sim_create(*state, 20);
    sim_hop_t *much = sim_hop(sim, "much", NULL), *little;

    sim_send(sim, much, "a", NORMAL, 100000);
    sim_run(sim, SIM_BEGIN + 5 * MIN);
    assert_int_equal(much->sessions, 20);
    little = sim_hop(sim, "little", NULL);
    sim_send(sim, little, "a", NORMAL, 1);
    sim_run(sim, sim->now + SIM_SEC);
    assert_int_equal(little->delivered, 1);
    sim_run(sim, LATER);
    assert_int_equal(much->delivered, 100000);
    assert_int_equal(sim->connections_max, 20);
    /* One connection more than the 20 that it had all the time. */
    assert_in_range(much->attempts, 20, 22);
}

/* More destinations than connections, each with more than it can send. */
static void scarce_connections_are_shared_evenly(void **state)
{
    enum { HOPS = 50, CONNECTIONS = 20 };
    sim_t *sim = sim_create(*state, CONNECTIONS);
    sim_hop_t *hops[HOPS];
    unsigned int sum = 0, attempts = 0;
    char name[16];
    int i;

    for (i = 0; i < HOPS; i++) {
        snprintf(name, sizeof(name), "%d", i);
        hops[i] = sim_hop(sim, name, NULL);
        sim_send(sim, hops[i], "a", NORMAL, 3000);
    }
    sim_run(sim, SIM_BEGIN + 10 * MIN);
    for (i = 0; i < HOPS; i++) {
        sum += hops[i]->delivered;
        attempts += hops[i]->attempts;
    }
    for (i = 0; i < HOPS; i++) {
        assert_in_range(hops[i]->delivered, sum / HOPS * 85 / 100,
                        sum / HOPS * 115 / 100);
    }
    /* 10 a second on each connection, less what changing costs. */
    assert_in_range(sum, CONNECTIONS * 6000 * 95 / 100, CONNECTIONS * 6000);
    assert_in_range(attempts, sum / 130, sum / 90);
    assert_int_equal(sim->connections_max, CONNECTIONS);
    sim_run(sim, LATER);
}

/* One has them all when two others come: soon each has a third, and nobody's
 * connections are closed for nothing. */
static void who_comes_later_gets_a_share_of_connections(void **state)
{
    sim_t *sim = sim_create(*state, 20);
    sim_hop_t *hops[3];
    unsigned int attempts = 0, later = 0;
    int i;

    hops[0] = sim_hop(sim, "first", NULL);
    sim_send(sim, hops[0], "a", NORMAL, 60000);
    sim_run(sim, SIM_BEGIN + 2 * MIN);
    assert_int_equal(hops[0]->sessions, 20);
    hops[1] = sim_hop(sim, "second", NULL);
    hops[2] = sim_hop(sim, "third", NULL);
    sim_send(sim, hops[1], "a", NORMAL, 30000);
    sim_send(sim, hops[2], "a", NORMAL, 30000);
    sim_run(sim, sim->now + 5 * MIN);
    for (i = 0; i < 3; i++) {
        assert_in_range(hops[i]->sessions, 6, 7);
        attempts += hops[i]->attempts;
    }
    assert_in_range(attempts, 20 + 13, 20 + 13 + 13);
    sim_run(sim, sim->now + MIN);
    for (i = 0; i < 3; i++) {
        later += hops[i]->attempts;
    }
    assert_int_equal(later, attempts);
    sim_run(sim, LATER);
}

static void connections_are_given_out_in_turn(void **state)
{
    sim_t *sim = sim_create(*state, 6);
    sim_hop_t *hops[3];
    int i;

    for (i = 0; i < 3; i++) {
        hops[i] = sim_hop(sim, i == 0 ? "a" : i == 1 ? "b" : "c", NULL);
        sim_send(sim, hops[i], "a", NORMAL, 10);
    }
    sim_run(sim, SIM_BEGIN + 1);
    for (i = 0; i < 3; i++) {
        assert_int_equal(hops[i]->attempts, 2);
    }
    sim_run(sim, LATER);
}

/* When the last of 100 living destinations has all its mail; beside a dead
 * one or not. */
static apr_time_t time_of_100(apr_pool_t *p, int with_dead)
{
    sim_t *sim = sim_create(p, 50);
    sim_hop_t *hops[101];
    apr_time_t last = 0;
    char name[16];
    int i;

    for (i = 0; i < 101; i++) {
        snprintf(name, sizeof(name), "%d", i);
        hops[i] = sim_hop(sim, name, NULL);
    }
    hops[0]->down_until = SIM_BEGIN + 2 * HOUR;
    hops[0]->connecting = 30 * SIM_SEC;
    if (with_dead) {
        sim_send(sim, hops[0], "a", NORMAL, 100000);
    }
    for (i = 1; i < 101; i++) {
        sim_send(sim, hops[i], "a", NORMAL, 100);
    }
    sim_run(sim, SIM_BEGIN + HOUR);
    for (i = 1; i < 101; i++) {
        assert_int_equal(hops[i]->delivered, 100);
        last = hops[i]->last > last ? hops[i]->last : last;
    }
    sim_run(sim, LATER);
    return last - SIM_BEGIN;
}

static void a_dead_destination_delays_nobody(void **state)
{
    apr_time_t without = time_of_100(*state, 0);
    apr_time_t with = time_of_100(*state, 1);

    /* 5 of 50 connections wait for the dead one in the beginning. */
    assert_in_range(with, without * 9 / 10, without * 12 / 10);
}

/* --- Concurrency --- */

static void no_more_connections_than_jobs(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *one = sim_hop(sim, "1", NULL), *three = sim_hop(sim, "3", NULL);

    sim_send(sim, one, "a", NORMAL, 1);
    sim_send(sim, three, "a", NORMAL, 3);
    assert_int_equal(sim_run(sim, LATER), 0);
    assert_int_equal(one->attempts, 1);
    assert_int_equal(three->attempts, 3);
    assert_int_equal(three->delivered, 3);
}

static const struct {
    const char *name;
    unsigned int capacity;       /* of the next hop */
    unsigned int sessions;       /* that are reached */
    unsigned int refused;        /* per 1000 messages, at most */
} capacities[] = {
    { "one at a time", 1, 1, 17 },
    { "two", 2, 2, 9 },
    { "as many as are tried first", 5, 5, 4 },
    { "some more", 12, 12, 2 },
    { "more than we want", 100, 20, 0 }
};

static void a_window_finds_what_the_next_hop_bears(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(capacities); i++) {
        sim_t *sim = sim_create(*state, 1000);
        sim_hop_t *hop = sim_hop(sim, "a", NULL);
        const char *name = capacities[i].name;

        hop->capacity = capacities[i].capacity;
        sim_send(sim, hop, "a", NORMAL, 20000);
        sim_run(sim, LATER);
        UNIT_CHECK(name, hop->delivered == 20000);
        UNIT_CHECK(name, hop->sessions_max == capacities[i].sessions);
        UNIT_CHECK(name, hop->refused <= 20 * capacities[i].refused);
        /* Nine tenths of what it bears are in use all the time. */
        UNIT_CHECK(name, hop->last - SIM_BEGIN
                         < 20000 * hop->sending / hop->sessions_max * 10 / 9);
    }
}

static void a_window_follows_a_next_hop_that_changes(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL);
    queue_destination_info_t info;

    hop->capacity = 3;
    sim_send(sim, hop, "a", NORMAL, 100000);
    sim_run(sim, SIM_BEGIN + 10 * MIN);
    queue_destination_info_get(hop->destination, &info);
    assert_in_range(info.window, 3, 4);
    hop->capacity = 15;
    sim_run(sim, sim->now + 10 * MIN);
    queue_destination_info_get(hop->destination, &info);
    assert_in_range(info.window, 14, 16);
    assert_int_equal(hop->sessions_max, 15);
    sim_run(sim, LATER);
}

/* --- Rate --- */

static void a_rate_is_held_and_used(void **state)
{
    static const queue_limits_t limits = { .rate_messages = 30,
                                           .rate_interval = 60 * SIM_SEC };
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", &limits);
    int minute;

    sim_send(sim, hop, "a", NORMAL, 301);
    for (minute = 0; minute < 11; minute++) {
        sim_run(sim, SIM_BEGIN + minute * MIN + 30 * SIM_SEC);
        assert_int_equal(hop->delivered,
                         minute < 10 ? 30 * (minute + 1) : 301);
    }
    assert_int_equal(sim_run(sim, LATER), 0);
    /* Each burst has connections of its own, but not one for each message. */
    assert_in_range(hop->attempts, 11, 301 / 2);
}

/* --- Back-off --- */

static void a_dead_destination_is_probed_by_the_curve(void **state)
{
    /* Death, then each probe takes a second to fail. */
    static const int minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL);
    queue_destination_info_t info;
    apr_time_t at;
    size_t i;

    hop->connecting = SIM_SEC;
    hop->down_until = SIM_BEGIN + 5 * HOUR;
    /* Jobs come all the time, so that none has to be due. */
    for (i = 0; i < 400; i++) {
        sim_send(sim, hop, "a", NORMAL, 1);
        sim_run(sim, SIM_BEGIN + (int)(i + 1) * MIN);
    }
    /* One job at a time: three failures one after the other. */
    at = hop->log[2] + SIM_SEC;
    for (i = 0; i < UNIT_ROWS(minutes); i++) {
        at += minutes[i] * MIN;
        assert_in_range(hop->log[3 + i], at, at + MIN);
        at = hop->log[3 + i] + SIM_SEC;
    }
    queue_destination_info_get(hop->destination, &info);
    assert_int_equal(info.dead_until, 0);
    assert_in_range(info.window, 5, 20);
    assert_int_equal(info.reason->status.klass, 4);
    sim_run(sim, LATER);
    assert_int_equal(hop->delivered, 400);
}

/* A probe is one connection, however many jobs wait. */
static void a_dead_destination_costs_one_connection(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL);

    hop->connecting = SIM_SEC;
    hop->down_until = SIM_BEGIN + 10 * HOUR;
    sim_send(sim, hop, "a", NORMAL, 10000);
    sim_run(sim, SIM_BEGIN + 10 * SIM_SEC);
    assert_int_equal(hop->attempts, 5);
    sim_run(sim, SIM_BEGIN + 9 * HOUR);
    assert_in_range(hop->attempts, 5 + 11, 5 + 15);
    sim_run(sim, LATER);
    assert_int_equal(hop->delivered, 10000);
}

/* A next hop that hangs up on each message, and one that is lost while others
 * are busy with it. */
static void who_never_takes_mail_is_dead_too(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL);
    queue_destination_t *destination = hop->destination;
    queue_job_t *job = unit_job(destination, "a", NORMAL, 1);
    int i;

    for (i = 0; i < 3; i++) {
        assert_int_equal(queue_destination_is_dead(destination, sim->now), 0);
        queue_schedule_add(sim->schedule, job, sim->now);
        assert_ptr_equal(queue_schedule_next(sim->schedule, sim->now),
                         destination);
        queue_schedule_opened(destination, sim->now);
        assert_ptr_equal(queue_schedule_take(destination, sim->now), job);
        queue_schedule_sent(job, QUEUE_SENT_LOST, sim->now);
        queue_schedule_closed(destination, QUEUE_CONNECTION_FAILED, NULL,
                              sim->now);
    }
    assert_int_equal(queue_destination_is_dead(destination, sim->now), 1);
    queue_schedule_add(sim->schedule, job, sim->now);
    assert_null(queue_schedule_next(sim->schedule, sim->now));
    assert_int_equal(queue_schedule_deadline(sim->schedule), sim->now + MIN);
    /* What is settled without being sent does not bring it back to life. */
    assert_ptr_equal(queue_schedule_take_dead(destination), job);
    assert_null(queue_schedule_take_dead(destination));
    queue_schedule_sent(job, QUEUE_SENT_OK, sim->now);
    assert_int_equal(queue_destination_is_dead(destination, sim->now), 1);
    queue_schedule_revive(destination, sim->now);
    assert_int_equal(queue_destination_is_dead(destination, sim->now), 0);
    unit_job_free(job);
}

/* --- Classes --- */

static void note_order(sim_t *sim, sim_hop_t *hop, queue_job_t *job)
{
    unsigned char *order = sim->baton;

    order[hop->delivered - 1] = job->message->priority;
}

static void urgent_mail_does_not_wait_and_bulk_is_not_starved(void **state)
{
    static const queue_limits_t one = { .connections = 1 };
    unsigned char order[700] = { 0 };
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", &one);
    int i, bulk = 0;

    sim->delivered = note_order;
    sim->baton = order;
    sim_send(sim, hop, "a", QUEUE_PRIORITY_BULK, 300);
    sim_send(sim, hop, "a", NORMAL, 300);
    sim_run(sim, SIM_BEGIN + 6 * SIM_SEC);
    sim_send(sim, hop, "b", QUEUE_PRIORITY_URGENT, 100);
    i = (int)hop->delivered + 1;
    sim_run(sim, LATER);
    assert_int_equal(hop->delivered, 700);
    for (; order[i] == QUEUE_PRIORITY_URGENT; i++) {
        bulk++;
    }
    assert_int_equal(bulk, 100);
    for (bulk = 0, i = 0; i < 100 + 360; i++) {
        bulk += order[i] == QUEUE_PRIORITY_BULK;
    }
    assert_int_equal(bulk, 60);
}

/* --- States --- */

static void check_counts(queue_schedule_t *schedule,
                         const queue_destination_t *destination,
                         unsigned int ready, unsigned int deferred,
                         unsigned int active, unsigned int held)
{
    queue_destination_info_t info;
    queue_schedule_info_t sum;

    queue_destination_info_get(destination, &info);
    queue_schedule_info_get(schedule, &sum);
    assert_int_equal(info.ready, ready);
    assert_int_equal(info.deferred, deferred);
    assert_int_equal(info.active, active);
    assert_int_equal(info.held, held);
    assert_int_equal(sum.ready, ready);
    assert_int_equal(sum.deferred, deferred);
    assert_int_equal(sum.active, active);
    assert_int_equal(sum.held, held);
}

/* Brings a job into a state; the destination has an idle connection. */
static void bring(sim_t *sim, queue_job_t *job, queue_job_e to)
{
    switch (to) {
    case QUEUE_JOB_READY:
        queue_schedule_add(sim->schedule, job, sim->now);
        break;
    case QUEUE_JOB_DEFERRED:
        queue_schedule_defer(sim->schedule, job, sim->now + MIN);
        break;
    case QUEUE_JOB_ACTIVE:
        queue_schedule_add_first(sim->schedule, job, sim->now);
        assert_ptr_equal(queue_schedule_take(job->destination, sim->now),
                         job);
        break;
    case QUEUE_JOB_HELD:
        queue_schedule_hold(sim->schedule, job);
        break;
    default:
        break;
    }
}

static void a_job_comes_and_goes_from_each_state_to_each(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    queue_destination_t *destination = sim_hop(sim, "a", NULL)->destination;
    int from, to;

    queue_schedule_opened(destination, sim->now);
    for (from = QUEUE_JOB_NEW; from <= QUEUE_JOB_HELD; from++) {
        for (to = QUEUE_JOB_READY; to <= QUEUE_JOB_OVER; to++) {
            queue_job_t *job = unit_job(destination, "a", NORMAL, 1);

            bring(sim, job, from);
            bring(sim, job, to);
            if (to == QUEUE_JOB_OVER) {
                queue_schedule_remove(sim->schedule, job);
            }
            assert_int_equal(job->state, to);
            check_counts(sim->schedule, destination, to == QUEUE_JOB_READY,
                         to == QUEUE_JOB_DEFERRED, to == QUEUE_JOB_ACTIVE,
                         to == QUEUE_JOB_HELD);
            if (to != QUEUE_JOB_OVER) {
                queue_schedule_remove(sim->schedule, job);
            }
            assert_null(job->destination);
            check_counts(sim->schedule, destination, 0, 0, 0, 0);
            unit_job_free(job);
        }
    }
}

static void a_flush_tries_all_at_once(void **state)
{
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL), *other = sim_hop(sim, "b", NULL);
    int i;

    hop->down_until = SIM_BEGIN + 2 * HOUR;
    for (i = 0; i < 100; i++) {
        queue_schedule_defer(sim->schedule,
                             unit_job(hop->destination, "a", NORMAL, i),
                             SIM_BEGIN + (i + 1) * HOUR);
        queue_schedule_defer(sim->schedule,
                             unit_job(other->destination, "a", NORMAL, i),
                             SIM_BEGIN + (i + 1) * HOUR);
    }
    sim_run(sim, SIM_BEGIN + 2 * HOUR);
    assert_int_equal(queue_destination_is_dead(hop->destination, sim->now),
                     1);
    queue_schedule_flush(sim->schedule, hop->destination, sim->now);
    sim_run(sim, sim->now + 10 * SIM_SEC);
    assert_int_equal(hop->delivered, 100);
    assert_int_equal(other->delivered, 2);
    assert_int_equal(queue_schedule_flush(sim->schedule, other->destination,
                                          sim->now), 98);
    sim_run(sim, LATER);
    assert_int_equal(other->delivered, 100);
}

/* --- Destinations --- */

static int freed;

static void note_freed(void *baton)
{
    (void)baton;
    freed++;
}

static int count_one(void *baton, queue_destination_t *destination)
{
    assert_non_null(queue_destination_key(destination));
    return --*(int *)baton > 0;
}

static void a_destination_goes_an_hour_after_its_last_job(void **state)
{
    static const queue_limits_t limits;
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *hop = sim_hop(sim, "a", NULL), *held = sim_hop(sim, "b", NULL);
    queue_job_t *job = unit_job(held->destination, "a", NORMAL, 1);

    freed = 0;
    queue_schedule_on_free(sim->schedule, note_freed);
    queue_schedule_hold(sim->schedule, job);
    assert_ptr_equal(queue_schedule_destination(sim->schedule, "b", &limits,
                                                NULL, sim->now),
                     held->destination);
    sim_send(sim, hop, "a", NORMAL, 1);
    sim_run(sim, SIM_BEGIN + HOUR);
    sim_run(sim, SIM_BEGIN + HOUR + SIM_SEC);
    assert_int_equal(freed, 0);
    sim_run(sim, SIM_BEGIN + HOUR + 3 * SIM_SEC);
    assert_int_equal(freed, 1);
    assert_null(queue_schedule_find(sim->schedule, "a"));
    assert_ptr_equal(queue_schedule_find(sim->schedule, "b"),
                     held->destination);
    queue_schedule_add(sim->schedule, job, sim->now);
    sim_run(sim, sim->now + HOUR);
    assert_int_equal(held->delivered, 1);
    sim_run(sim, sim->now + HOUR);
    assert_int_equal(freed, 2);
}

/* What was learned of a dead one is kept; and whoever asks for one keeps it. */
static void a_destination_that_is_still_of_use_stays(void **state)
{
    static const queue_limits_t long_dead = { .failures = 1,
                                              .backoff_first = 3 * HOUR,
                                              .backoff_last = 3 * HOUR };
    sim_t *sim = sim_create(*state, 1000);
    sim_hop_t *dead = sim_hop(sim, "a", &long_dead);
    sim_hop_t *wanted = sim_hop(sim, "b", NULL);

    freed = 0;
    queue_schedule_on_free(sim->schedule, note_freed);
    queue_schedule_opened(dead->destination, sim->now);
    queue_schedule_closed(dead->destination, QUEUE_CONNECTION_FAILED, NULL,
                          sim->now);
    sim_run(sim, SIM_BEGIN + HOUR / 2);
    assert_ptr_equal(queue_schedule_destination(sim->schedule, "b",
                                                &long_dead, NULL, sim->now),
                     wanted->destination);
    sim_run(sim, SIM_BEGIN + HOUR + HOUR / 2 - 1);
    assert_int_equal(freed, 0);
    sim_run(sim, sim->now + 1);
    assert_int_equal(freed, 1);
    sim_run(sim, SIM_BEGIN + 4 * HOUR - 1);
    assert_int_equal(freed, 1);
    assert_ptr_equal(queue_schedule_find(sim->schedule, "a"),
                     dead->destination);
    sim_run(sim, sim->now + 1);
    assert_int_equal(freed, 2);
}

static void destinations_are_found_by_key_and_all_are_shown(void **state)
{
    enum { COUNT = 5000 };
    static const queue_limits_t limits;
    sim_t *sim = sim_create(*state, 1000);
    char key[32];
    int i, left = COUNT + 1;

    for (i = 0; i < 2 * COUNT; i++) {
        snprintf(key, sizeof(key), "mx:%d.example", i % COUNT);
        queue_schedule_destination(sim->schedule, key, &limits, NULL,
                                   sim->now);
    }
    queue_schedule_each(sim->schedule, count_one, &left);
    assert_int_equal(left, 1);
    left = 10;
    queue_schedule_each(sim->schedule, count_one, &left);
    assert_int_equal(left, 0);
    assert_null(queue_schedule_find(sim->schedule, "mx:5000.example"));
    assert_string_equal(queue_destination_key(
                            queue_schedule_find(sim->schedule,
                                                "mx:4999.example")),
                        "mx:4999.example");
    sim->now += HOUR;
    assert_null(queue_schedule_next(sim->schedule, sim->now));
    assert_null(queue_schedule_find(sim->schedule, "mx:4999.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_mailing_gets_its_share_and_no_more),
        UNIT_TEST(a_destination_with_much_does_not_delay_one_with_little),
        UNIT_TEST(scarce_connections_are_shared_evenly),
        UNIT_TEST(who_comes_later_gets_a_share_of_connections),
        UNIT_TEST(connections_are_given_out_in_turn),
        UNIT_TEST(a_dead_destination_delays_nobody),
        UNIT_TEST(no_more_connections_than_jobs),
        UNIT_TEST(a_window_finds_what_the_next_hop_bears),
        UNIT_TEST(a_window_follows_a_next_hop_that_changes),
        UNIT_TEST(a_rate_is_held_and_used),
        UNIT_TEST(a_dead_destination_is_probed_by_the_curve),
        UNIT_TEST(a_dead_destination_costs_one_connection),
        UNIT_TEST(who_never_takes_mail_is_dead_too),
        UNIT_TEST(urgent_mail_does_not_wait_and_bulk_is_not_starved),
        UNIT_TEST(a_job_comes_and_goes_from_each_state_to_each),
        UNIT_TEST(a_flush_tries_all_at_once),
        UNIT_TEST(a_destination_goes_an_hour_after_its_last_job),
        UNIT_TEST(a_destination_that_is_still_of_use_stays),
        UNIT_TEST(destinations_are_found_by_key_and_all_are_shown)
    };

    return UNIT_RUN(tests);
}
