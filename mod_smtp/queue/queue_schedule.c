/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Each call changes one destination and ends in review(), the one place where
 * it is decided whether that wants a connection and when time alone will
 * change something.
 */
#include "queue_schedule_private.h"

#include <stddef.h>

/* When others have no connection at all, a destination that has one gives it
 * up after so many messages. */
#define SERVED_MAX 100u

/* Connections that have no job: they are being opened, or wait for one. */
static unsigned int spare(const queue_destination_t *destination)
{
    return destination->connections > destination->active
        ? destination->connections - destination->active : 0;
}

/* Whether one connection more would have something to do now. @param more
 * out: when the rate lets more be done than now; 0: it is not the rate */
static int could_use_more(queue_destination_t *destination, apr_time_t *more)
{
    unsigned int wanted = spare(destination) + 1, room;
    int may_have = queue_window_room(&destination->window)
        > destination->connections;

    *more = 0;
    if (!destination->ready.count) {
        return 0;
    }
    /* Those that are there wait for the rate too. */
    if (!may_have || destination->ready.count < wanted) {
        wanted = 0;
    }
    room = queue_rate_room(&destination->rate, destination->schedule->now,
                           wanted ? wanted : 1, more);
    return wanted && room >= wanted;
}

static void wanting_leave(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;

    if (destination->is_wanting) {
        APR_RING_REMOVE(destination, link);
        (*(destination->is_starving ? &schedule->starving_count
                                    : &schedule->wanting_count))--;
    }
    destination->is_wanting = destination->is_starving = 0;
}

/* Behind the others that have no connection, or that have some. */
static void wanting_enter(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;

    destination->is_wanting = 1;
    if (destination->connections) {
        APR_RING_INSERT_TAIL(&schedule->wanting, destination,
                             queue_destination_t, link);
        schedule->wanting_count++;
    }
    else {
        destination->is_starving = 1;
        APR_RING_INSERT_TAIL(&schedule->starving, destination,
                             queue_destination_t, link);
        schedule->starving_count++;
    }
}

static void set_wanting(queue_destination_t *destination, int is_wanting)
{
    if (is_wanting && destination->is_wanting
        && destination->is_starving == !destination->connections) {
        return;
    }
    wanting_leave(destination);
    if (is_wanting) {
        wanting_enter(destination);
    }
}

static void count_user(queue_destination_t *destination)
{
    unsigned int is_user = destination->is_wanting
        || destination->connections;

    destination->schedule->users += is_user - destination->is_user;
    destination->is_user = is_user & 1u;
}

static apr_time_t sooner(apr_time_t a, apr_time_t b)
{
    return !a || (b && b < a) ? b : a;
}

static void review(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;
    queue_heap_node_t *job = queue_heap_first(&destination->deferred);
    apr_time_t wake;

    queue_window_tick(&destination->window, schedule->now);
    set_wanting(destination, could_use_more(destination, &wake));
    count_user(destination);
    if (destination->ready.count) {
        wake = sooner(wake, destination->window.dead_until);
    }
    if (job) {
        wake = sooner(wake, job->when);
    }
    if (wake) {
        queue_heap_set(&schedule->wake, &destination->wake, wake);
    }
    else {
        queue_heap_remove(&schedule->wake, &destination->wake);
    }
    queue_destination_age(destination);
}

/* Takes a job out of where it is. */
static void leave(queue_schedule_t *schedule, queue_job_t *job)
{
    queue_destination_t *destination = job->destination;

    switch (job->state) {
    case QUEUE_JOB_READY:
        queue_ready_remove(schedule->senders, &destination->ready, job);
        schedule->sum.ready--;
        break;
    case QUEUE_JOB_DEFERRED:
        queue_heap_remove(&destination->deferred, &job->node);
        schedule->sum.deferred--;
        break;
    case QUEUE_JOB_ACTIVE:
        (*(job->is_settling ? &destination->settling
                            : &destination->active))--;
        schedule->sum.active--;
        break;
    case QUEUE_JOB_HELD:
        destination->held--;
        schedule->sum.held--;
        break;
    default:
        break;
    }
    job->state = QUEUE_JOB_NEW;
}

static void make_ready(queue_schedule_t *schedule, queue_job_t *job,
                       int is_first)
{
    leave(schedule, job);
    job->state = QUEUE_JOB_READY;
    queue_ready_add(schedule->senders, &job->destination->ready, job,
                    is_first);
    schedule->sum.ready++;
}

void queue_schedule_add(queue_schedule_t *schedule, queue_job_t *job,
                        apr_time_t now)
{
    schedule->now = now;
    make_ready(schedule, job, 0);
    review(job->destination);
}

void queue_schedule_add_first(queue_schedule_t *schedule, queue_job_t *job,
                              apr_time_t now)
{
    schedule->now = now;
    make_ready(schedule, job, 1);
    review(job->destination);
}

void queue_schedule_defer(queue_schedule_t *schedule, queue_job_t *job,
                          apr_time_t when)
{
    queue_destination_t *destination = job->destination;

    leave(schedule, job);
    job->state = QUEUE_JOB_DEFERRED;
    /* 0 would mean never in queue_schedule_deadline(). */
    queue_heap_set(&destination->deferred, &job->node, when > 0 ? when : 1);
    schedule->sum.deferred++;
    review(destination);
}

void queue_schedule_remove(queue_schedule_t *schedule, queue_job_t *job)
{
    queue_destination_t *destination = job->destination;

    leave(schedule, job);
    job->state = QUEUE_JOB_OVER;
    job->destination = NULL;
    if (destination) {
        review(destination);
    }
}

void queue_schedule_hold(queue_schedule_t *schedule, queue_job_t *job)
{
    leave(schedule, job);
    job->state = QUEUE_JOB_HELD;
    job->destination->held++;
    schedule->sum.held++;
    review(job->destination);
}

/* Deferred jobs up to @a until are ready. @return how many */
static unsigned int promote(queue_destination_t *destination,
                            apr_time_t until)
{
    queue_heap_node_t *node;
    unsigned int count = 0;

    while ((node = queue_heap_first(&destination->deferred)) != NULL
           && node->when <= until) {
        make_ready(destination->schedule,
                   (queue_job_t *)((char *)node - offsetof(queue_job_t,
                                                           node)), 0);
        count++;
    }
    return count;
}

/* What time alone has changed. */
static void wake_up(queue_schedule_t *schedule)
{
    queue_heap_node_t *node;

    while ((node = queue_heap_first(&schedule->wake)) != NULL
           && node->when <= schedule->now) {
        queue_destination_t *destination =
            (queue_destination_t *)((char *)node
                                    - offsetof(queue_destination_t, wake));

        promote(destination, schedule->now);
        review(destination);
    }
}

queue_destination_t *queue_schedule_next(queue_schedule_t *schedule,
                                         apr_time_t now)
{
    schedule->now = now;
    wake_up(schedule);
    queue_destinations_free_old(schedule);
    if (schedule->sum.connections >= schedule->connections_max) {
        return NULL;
    }
    if (schedule->starving_count) {
        return APR_RING_FIRST(&schedule->starving);
    }
    return schedule->wanting_count ? APR_RING_FIRST(&schedule->wanting) : NULL;
}

apr_time_t queue_schedule_deadline(const queue_schedule_t *schedule)
{
    const queue_heap_node_t *node = queue_heap_first(&schedule->wake);

    return node ? node->when : 0;
}

int queue_schedule_is_short(const queue_schedule_t *schedule)
{
    return schedule->sum.connections >= schedule->connections_max
        && schedule->starving_count + schedule->wanting_count > 0;
}

void queue_schedule_opened(queue_destination_t *destination, apr_time_t now)
{
    destination->schedule->now = now;
    destination->connections++;
    destination->schedule->sum.connections++;
    /* It had its turn: if it wants more it stands behind the others. */
    wanting_leave(destination);
    review(destination);
}

/* Connections of a destination that nobody asked to end. */
static unsigned int kept(const queue_destination_t *destination)
{
    return destination->connections > destination->yielding
        ? destination->connections - destination->yielding : 0;
}

static void set_yielding(queue_destination_t *destination,
                         unsigned int yielding)
{
    destination->schedule->yielding += yielding - destination->yielding;
    destination->yielding = yielding;
}

void queue_schedule_closed(queue_destination_t *destination,
                           queue_connection_e how,
                           const queue_reason_t *reason, apr_time_t now)
{
    queue_schedule_t *schedule = destination->schedule;

    schedule->now = now;
    queue_window_tick(&destination->window, now);
    destination->connections--;
    schedule->sum.connections--;
    if (destination->yielding) {
        set_yielding(destination, destination->yielding - 1);
    }
    if (how == QUEUE_CONNECTION_OK) {
        queue_window_reached(&destination->window, &destination->limits);
    }
    else if (how == QUEUE_CONNECTION_FAILED) {
        queue_window_failed(&destination->window, &destination->limits,
                            !destination->active, now);
        queue_reason_share(reason);
        queue_reason_release(schedule->reasons, destination->reason);
        destination->reason = reason;
    }
    review(destination);
}

/* While some have no connection nobody needs more than his share; else shares
 * may differ by one. */
static int has_too_many(const queue_destination_t *destination)
{
    const queue_schedule_t *schedule = destination->schedule;
    apr_uint64_t users = schedule->users;
    unsigned int has = kept(destination);

    if (has <= 1) {
        return 0;
    }
    return schedule->starving_count
        ? has * users > schedule->connections_max
        : (has - 1) * users >= schedule->connections_max;
}

/* Whether others wait for a connection that is not on its way to them yet. */
static int others_wait(const queue_destination_t *destination)
{
    const queue_schedule_t *schedule = destination->schedule;
    unsigned int others = schedule->starving_count;

    if (schedule->wanting_count > destination->is_wanting) {
        others++;
    }
    return queue_schedule_is_short(schedule) && others > schedule->yielding;
}

/* Whether a connection of @a destination shall be left to others: it has more
 * than its share of them, or some have none and it had its turn. */
static int shall_yield(queue_destination_t *destination)
{
    const queue_schedule_t *schedule = destination->schedule;

    if (!queue_schedule_is_short(schedule)) {
        set_yielding(destination, 0);
    }
    if (!others_wait(destination)
        || (!has_too_many(destination)
            && (!schedule->starving_count
                || destination->served / SERVED_MAX < kept(destination)))) {
        return 0;
    }
    set_yielding(destination, destination->yielding + 1);
    destination->served = 0;
    return 1;
}

queue_job_t *queue_schedule_take(queue_destination_t *destination,
                                 apr_time_t now)
{
    queue_schedule_t *schedule = destination->schedule;
    unsigned int window;
    queue_job_t *job;
    apr_time_t more;

    schedule->now = now;
    promote(destination, now);
    review(destination);
    /* A connection to a dead destination that stands after all is a probe. */
    window = queue_window_room(&destination->window);
    if (destination->active >= (window ? window : 1)
        || !queue_rate_room(&destination->rate, now, 1, &more)
        || shall_yield(destination)) {
        return NULL;
    }
    job = queue_ready_take(schedule->senders, &destination->ready);
    if (!job) {
        return NULL;
    }
    schedule->sum.ready--;
    schedule->sum.active++;
    job->state = QUEUE_JOB_ACTIVE;
    job->is_settling = 0;
    destination->active++;
    destination->served++;
    queue_rate_take(&destination->rate, now);
    review(destination);
    return job;
}

queue_job_t *queue_schedule_take_dead(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;
    queue_job_t *job = queue_ready_take(schedule->senders,
                                        &destination->ready);

    if (!job) {
        return NULL;
    }
    schedule->sum.ready--;
    schedule->sum.active++;
    job->state = QUEUE_JOB_ACTIVE;
    job->is_settling = 1;
    destination->settling++;
    review(destination);
    return job;
}

static void adapt(queue_destination_t *destination, queue_sent_e how)
{
    queue_window_t *window = &destination->window;

    if (how == QUEUE_SENT_OK) {
        queue_window_succeeded(window, &destination->limits,
                               destination->connections
                               >= queue_window_room(window));
    }
    else if (how == QUEUE_SENT_THROTTLED) {
        queue_window_throttled(window, &destination->limits);
    }
}

void queue_schedule_sent(queue_job_t *job, queue_sent_e how, apr_time_t now)
{
    queue_destination_t *destination = job->destination;

    destination->schedule->now = now;
    if (job->state == QUEUE_JOB_ACTIVE && !job->is_settling) {
        queue_window_tick(&destination->window, now);
        adapt(destination, how);
    }
    leave(destination->schedule, job);
    review(destination);
}

void queue_schedule_revive(queue_destination_t *destination, apr_time_t now)
{
    destination->schedule->now = now;
    queue_window_revive(&destination->window);
    review(destination);
}

unsigned int queue_schedule_flush(queue_schedule_t *schedule,
                                  queue_destination_t *destination,
                                  apr_time_t now)
{
    unsigned int count;

    schedule->now = now;
    count = promote(destination, APR_INT64_MAX);
    queue_schedule_revive(destination, now);
    return count;
}
