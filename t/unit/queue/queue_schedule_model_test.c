/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Random operations, each held against a model that keeps plain arrays and
 * looks at all of them each time. What no run may show: mail that could be
 * sent and is not offered, or a deadline behind the moment at which it could.
 */
#include "queue_unit.h"

#include "queue_schedule.h"

#define SEC APR_USEC_PER_SEC
#define BEGIN (1700000000 * SEC)

enum { DESTINATIONS = 4, JOBS = 24, LOG = 64, STEPS = 60000 };

typedef struct model_t {
    queue_schedule_t *schedule;
    apr_time_t now;
    unsigned int budget;         /* connections of all */
    queue_destination_t *destinations[DESTINATIONS];
    unsigned int connections[DESTINATIONS];
    apr_time_t log[DESTINATIONS][LOG]; /* of the last messages */
    unsigned int log_count[DESTINATIONS];
    queue_job_t *jobs[JOBS];
    int at[JOBS];                /* destination */
    int is_settling[JOBS];
    apr_time_t when[JOBS];       /* deferred */
} model_t;

static const queue_limits_t limits[DESTINATIONS] = {
    { .connections = 3, .connections_first = 2, .failures = 2,
      .backoff_first = 10 * SEC, .backoff_last = 60 * SEC },
    { .connections = 4, .rate_messages = 3, .rate_interval = 10 * SEC,
      .failures = 1, .backoff_first = SEC, .backoff_last = 20 * SEC },
    { .connections = 1, .rate_messages = 1, .rate_interval = 3 * SEC },
    { .connections = 20, .rate_messages = 50, .rate_interval = 60 * SEC }
};

/* --- What the model thinks --- */

static unsigned int count_jobs(const model_t *m, int d, queue_job_e state)
{
    unsigned int count = 0;
    int j;

    for (j = 0; j < JOBS; j++) {
        count += m->jobs[j] && m->at[j] == d && m->jobs[j]->state == state;
    }
    return count;
}

static unsigned int count_sending(const model_t *m, int d)
{
    unsigned int count = 0;
    int j;

    for (j = 0; j < JOBS; j++) {
        count += m->jobs[j] && m->at[j] == d && !m->is_settling[j]
            && m->jobs[j]->state == QUEUE_JOB_ACTIVE;
    }
    return count;
}

static unsigned int count_ready(const model_t *m, int d, apr_time_t t)
{
    unsigned int count = count_jobs(m, d, QUEUE_JOB_READY);
    int j;

    for (j = 0; j < JOBS; j++) {
        count += m->jobs[j] && m->at[j] == d && m->when[j] <= t
            && m->jobs[j]->state == QUEUE_JOB_DEFERRED;
    }
    return count;
}

static unsigned int window_at(const model_t *m, int d, apr_time_t t)
{
    queue_destination_info_t info;

    queue_destination_info_get(m->destinations[d], &info);
    if (info.dead_until > t) {
        return 0;
    }
    return info.dead_until ? 1 : info.window;
}

static unsigned int rate_room(const model_t *m, int d, apr_time_t t)
{
    unsigned int used = 0, i;

    if (!limits[d].rate_messages) {
        return JOBS;
    }
    for (i = 0; i < LOG && i < m->log_count[d]; i++) {
        used += m->log[d][i] > t - limits[d].rate_interval;
    }
    return used < limits[d].rate_messages ? limits[d].rate_messages - used
                                          : 0;
}

static int can_take(const model_t *m, int d, apr_time_t t)
{
    unsigned int window = window_at(m, d, t);

    return count_ready(m, d, t) > 0
        && count_sending(m, d) < (window ? window : 1)
        && rate_room(m, d, t) > 0;
}

static int wants(const model_t *m, int d, apr_time_t t)
{
    unsigned int spare = m->connections[d] - count_sending(m, d);

    return window_at(m, d, t) > m->connections[d]
        && count_ready(m, d, t) > spare && rate_room(m, d, t) > spare;
}

/* Whether at @a t something is possible that is not now. */
static int brings_something(const model_t *m, apr_time_t t)
{
    int d;

    for (d = 0; d < DESTINATIONS; d++) {
        if ((can_take(m, d, t) && !can_take(m, d, m->now))
            || (wants(m, d, t) && !wants(m, d, m->now))) {
            return 1;
        }
    }
    return 0;
}

static apr_time_t sooner(const model_t *m, apr_time_t t, apr_time_t best)
{
    return t > m->now && (!best || t < best) && brings_something(m, t) ? t
                                                                       : best;
}

/* The first such moment; 0: none. */
static apr_time_t next_change(const model_t *m)
{
    apr_time_t best = 0;
    unsigned int i;
    int d, j;

    for (j = 0; j < JOBS; j++) {
        if (m->jobs[j] && m->jobs[j]->state == QUEUE_JOB_DEFERRED) {
            best = sooner(m, m->when[j], best);
        }
    }
    for (d = 0; d < DESTINATIONS; d++) {
        queue_destination_info_t info;

        queue_destination_info_get(m->destinations[d], &info);
        best = sooner(m, info.dead_until, best);
        for (i = 0; i < LOG && i < m->log_count[d]; i++) {
            best = sooner(m, m->log[d][i] + limits[d].rate_interval, best);
        }
    }
    return best;
}

/* --- Operations --- */

static int random_job(const model_t *m, queue_job_e state)
{
    int begin = rand() % JOBS, i;

    for (i = 0; i < JOBS; i++) {
        int j = (begin + i) % JOBS;

        if (m->jobs[j] && m->jobs[j]->state == state) {
            return j;
        }
    }
    return -1;
}

static apr_time_t random_later(const model_t *m)
{
    return m->now + (rand() % 3 ? rand() % (int)(30 * SEC)
                                : -rand() % (int)SEC);
}

static void defer(model_t *m, int j)
{
    m->when[j] = random_later(m);
    queue_schedule_defer(m->schedule, m->jobs[j], m->when[j]);
}

static void create(model_t *m)
{
    static const char *const senders[] = { "", "alice", "bob" };
    int j;

    for (j = 0; j < JOBS && m->jobs[j]; j++) {
    }
    if (j == JOBS) {
        return;
    }
    m->at[j] = rand() % DESTINATIONS;
    m->jobs[j] = unit_job(m->destinations[m->at[j]], senders[rand() % 3],
                          (queue_priority_e)(rand() % 3), j);
    if (rand() % 2) {
        queue_schedule_add(m->schedule, m->jobs[j], m->now);
    }
    else {
        defer(m, j);
    }
}

static void end(model_t *m, int j)
{
    queue_schedule_remove(m->schedule, m->jobs[j]);
    assert_null(m->jobs[j]->destination);
    unit_job_free(m->jobs[j]);
    m->jobs[j] = NULL;
}

/* A job that is nobody's goes on, or is over. */
static void settle(model_t *m, int j)
{
    switch (rand() % 4) {
    case 0:
        queue_schedule_add(m->schedule, m->jobs[j], m->now);
        break;
    case 1:
        defer(m, j);
        break;
    default:
        end(m, j);
        break;
    }
}

static void finish_one(model_t *m)
{
    int j = random_job(m, QUEUE_JOB_ACTIVE);

    if (j >= 0) {
        queue_schedule_sent(m->jobs[j], (queue_sent_e)(rand() % 5 ? 0
                                                       : rand() % 3),
                            m->now);
        assert_int_equal(m->jobs[j]->state, QUEUE_JOB_NEW);
        settle(m, j);
    }
}

static void change(model_t *m)
{
    int j = random_job(m, (queue_job_e)(QUEUE_JOB_READY + rand() % 4));

    if (j < 0) {
        return;
    }
    switch (rand() % 4) {
    case 0:
        queue_schedule_hold(m->schedule, m->jobs[j]);
        break;
    case 1:
        queue_schedule_add_first(m->schedule, m->jobs[j], m->now);
        break;
    default:
        settle(m, j);
        break;
    }
}

static void close_one(model_t *m)
{
    int d = rand() % DESTINATIONS;

    if (m->connections[d] > count_sending(m, d)) {
        m->connections[d]--;
        queue_schedule_closed(m->destinations[d],
                              (queue_connection_e)(rand() % 3), NULL, m->now);
    }
}

static void take(model_t *m)
{
    int d = rand() % DESTINATIONS, may;
    queue_job_t *job;

    if (m->connections[d] <= count_sending(m, d)) {
        return;
    }
    may = can_take(m, d, m->now);
    job = queue_schedule_take(m->destinations[d], m->now);
    assert_true(job ? may : !may || queue_schedule_is_short(m->schedule));
    if (job) {
        assert_int_equal(job->state, QUEUE_JOB_ACTIVE);
        m->is_settling[unit_tag(job)] = 0;
        m->log[d][m->log_count[d]++ % LOG] = m->now;
    }
}

static void take_dead(model_t *m)
{
    int d = rand() % DESTINATIONS;
    queue_job_t *job = queue_schedule_take_dead(m->destinations[d]);

    if (job) {
        m->is_settling[unit_tag(job)] = 1;
    }
}

static void administrate(model_t *m)
{
    int d = rand() % DESTINATIONS;
    unsigned int deferred = count_jobs(m, d, QUEUE_JOB_DEFERRED);

    if (rand() % 2) {
        queue_schedule_revive(m->destinations[d], m->now);
    }
    else {
        assert_int_equal(queue_schedule_flush(m->schedule,
                                              m->destinations[d], m->now),
                         deferred);
    }
}

static void advance(model_t *m)
{
    apr_time_t deadline = queue_schedule_deadline(m->schedule);

    if (deadline > m->now && rand() % 2) {
        m->now = rand() % 4 ? deadline : deadline - 1;
    }
    else {
        m->now += rand() % (int)(4 * SEC);
    }
}

static void (*const operations[])(model_t *m) = {
    create, create, create, finish_one, finish_one, finish_one, change,
    close_one, take, take, take, take, take, take_dead, administrate,
    advance, advance, advance
};

/* --- Checks --- */

static unsigned int all_connections(const model_t *m)
{
    unsigned int sum = 0;
    int d;

    for (d = 0; d < DESTINATIONS; d++) {
        sum += m->connections[d];
    }
    return sum;
}

static int somebody_wants(const model_t *m)
{
    int d;

    for (d = 0; d < DESTINATIONS; d++) {
        if (wants(m, d, m->now)) {
            return 1;
        }
    }
    return 0;
}

/* Connections are offered to those that want some, and to all of them. */
static void check_next(model_t *m)
{
    queue_destination_t *next = queue_schedule_next(m->schedule, m->now);
    int d;

    assert_int_equal(next != NULL, all_connections(m) < m->budget
                                   && somebody_wants(m));
    for (d = 0; next && m->destinations[d] != next; d++) {
    }
    if (next) {
        assert_true(wants(m, d, m->now));
        if (rand() % 2) {
            m->connections[d]++;
            queue_schedule_opened(next, m->now);
        }
    }
}

static void check_counts(const model_t *m)
{
    unsigned int sum[QUEUE_JOB_OVER + 1] = { 0 };
    queue_schedule_info_t all;
    int d;

    for (d = 0; d < DESTINATIONS; d++) {
        queue_destination_info_t info;

        queue_destination_info_get(m->destinations[d], &info);
        assert_int_equal(info.ready, count_jobs(m, d, QUEUE_JOB_READY));
        assert_int_equal(info.deferred,
                         count_jobs(m, d, QUEUE_JOB_DEFERRED));
        assert_int_equal(info.active, count_jobs(m, d, QUEUE_JOB_ACTIVE));
        assert_int_equal(info.held, count_jobs(m, d, QUEUE_JOB_HELD));
        assert_int_equal(info.connections, m->connections[d]);
        sum[QUEUE_JOB_READY] += info.ready;
        sum[QUEUE_JOB_DEFERRED] += info.deferred;
        sum[QUEUE_JOB_ACTIVE] += info.active;
        sum[QUEUE_JOB_HELD] += info.held;
    }
    queue_schedule_info_get(m->schedule, &all);
    assert_int_equal(all.ready, sum[QUEUE_JOB_READY]);
    assert_int_equal(all.deferred, sum[QUEUE_JOB_DEFERRED]);
    assert_int_equal(all.active, sum[QUEUE_JOB_ACTIVE]);
    assert_int_equal(all.held, sum[QUEUE_JOB_HELD]);
    assert_int_equal(all.connections, all_connections(m));
}

/* Never late; a deadline that comes too early does no harm. */
static void check_deadline(const model_t *m)
{
    apr_time_t deadline = queue_schedule_deadline(m->schedule);
    apr_time_t change = next_change(m);

    assert_true(!change || (deadline && deadline <= change));
    assert_true(!deadline || deadline > m->now);
}

static void run(apr_pool_t *p, unsigned int budget, unsigned int seed)
{
    static const char *const keys[] = { "a", "b", "c", "d" };
    model_t *m = apr_pcalloc(p, sizeof(*m));
    int step, d, j;

    srand(seed);
    m->budget = budget;
    m->now = BEGIN;
    m->schedule = queue_schedule_create(p, budget, queue_reasons_create(p));
    for (d = 0; d < DESTINATIONS; d++) {
        m->destinations[d] = queue_schedule_destination(m->schedule, keys[d],
                                                        &limits[d], NULL,
                                                        m->now);
    }
    for (step = 0; step < STEPS; step++) {
        operations[(size_t)rand() % UNIT_ROWS(operations)](m);
        check_next(m);
        check_counts(m);
        check_deadline(m);
    }
    for (j = 0; j < JOBS; j++) {
        if (m->jobs[j]) {
            end(m, j);
        }
    }
}

static void mail_that_can_be_sent_is_sent_and_nobody_wakes_too_late(
    void **state)
{
    run(*state, 1000, 1);
    run(*state, 1000, 2);
}

static void so_it_is_when_connections_are_scarce(void **state)
{
    run(*state, 3, 3);
    run(*state, 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_that_can_be_sent_is_sent_and_nobody_wakes_too_late),
        UNIT_TEST(so_it_is_when_connections_are_scarce)
    };

    return UNIT_RUN(tests);
}
