/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <apr_poll.h>

#include "queue_loop.h"

#define PAIRS 8
#define TASKS 400
/* What no test waits for, unless it fails. */
#define LONG apr_time_from_sec(60)

/* The system's clock, which a test can set. */
static apr_interval_time_t clock_step;

apr_time_t apr_time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000 + clock_step;
}

typedef struct fixture_t {
    apr_pool_t *p;
    queue_loop_t *loop;
    queue_timer_t limit;
    int pairs[PAIRS][2];
    queue_watch_t *watches[PAIRS];
    int calls;
    int events;
} fixture_t;

static void on_limit(void *baton)
{
    (void)baton;
    fail_msg("the loop still runs after a minute");
}

static fixture_t *fixture_open(apr_pool_t *p)
{
    fixture_t *fixture = apr_pcalloc(p, sizeof(*fixture));
    int i;

    fixture->p = p;
    assert_int_equal(queue_loop_create(p, 4, &fixture->loop), APR_SUCCESS);
    queue_timer_init(&fixture->limit, fixture->loop, on_limit, fixture);
    queue_timer_set(&fixture->limit, apr_time_now() + LONG);
    for (i = 0; i < PAIRS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0,
                                    fixture->pairs[i]), 0);
    }
    return fixture;
}

static void fixture_close(fixture_t *fixture)
{
    int i;

    for (i = 0; i < PAIRS; i++) {
        queue_watch_end(fixture->watches[i]);
        close(fixture->pairs[i][0]);
        close(fixture->pairs[i][1]);
    }
    queue_timer_clear(&fixture->limit);
}

static void watch(fixture_t *fixture, int i, int events, queue_watch_fn *fn,
                  apr_pool_t *p)
{
    assert_int_equal(queue_watch_begin(fixture->loop, p,
                                       fixture->pairs[i][0], events, fn,
                                       fixture, &fixture->watches[i]),
                     APR_SUCCESS);
}

static void send_octet(fixture_t *fixture, int i)
{
    assert_int_equal(write(fixture->pairs[i][1], "x", 1), 1);
}

static void run(fixture_t *fixture)
{
    assert_int_equal(queue_loop_run(fixture->loop), APR_SUCCESS);
}

static void stop(void *baton)
{
    fixture_t *fixture = baton;

    queue_loop_stop(fixture->loop);
}

/* ---- File descriptors ---- */

static void on_first_event(void *baton, int events)
{
    fixture_t *fixture = baton;

    fixture->calls++;
    fixture->events = events;
    queue_loop_stop(fixture->loop);
}

static void what_comes_is_told(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    watch(fixture, 3, APR_POLLIN, on_first_event, fixture->p);
    send_octet(fixture, 3);
    run(fixture);
    assert_int_equal(fixture->calls, 1);
    assert_true(fixture->events & APR_POLLIN);
    fixture_close(fixture);
}

static void a_peer_that_goes_is_told(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    watch(fixture, 0, 0, on_first_event, fixture->p);
    close(fixture->pairs[0][1]);
    fixture->pairs[0][1] = dup(0);
    run(fixture);
    assert_true(fixture->events & APR_POLLHUP);
    fixture_close(fixture);
}

static void a_watch_can_be_for_something_else_later(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    watch(fixture, 0, APR_POLLIN, on_first_event, fixture->p);
    assert_int_equal(queue_watch_change(fixture->watches[0], APR_POLLIN),
                     APR_SUCCESS);
    assert_int_equal(queue_watch_change(fixture->watches[0], APR_POLLOUT),
                     APR_SUCCESS);
    run(fixture);
    assert_int_equal(fixture->events, APR_POLLOUT);
    fixture_close(fixture);
}

static void on_event_end_all(void *baton, int events)
{
    fixture_t *fixture = baton;
    int i;

    (void)events;
    fixture->calls++;
    for (i = 0; i < PAIRS; i++) {
        queue_watch_end(fixture->watches[i]);
        queue_watch_end(fixture->watches[i]);
    }
    queue_watch_end(NULL);
}

static void who_was_ended_by_another_is_not_called(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_timer_t timer;
    int i;

    for (i = 0; i < PAIRS; i++) {
        watch(fixture, i, APR_POLLIN, on_event_end_all, fixture->p);
        send_octet(fixture, i);
    }
    queue_timer_init(&timer, fixture->loop, stop, fixture);
    queue_timer_set(&timer, 0);
    run(fixture);
    assert_int_equal(fixture->calls, 1);
    fixture_close(fixture);
}

typedef struct owner_t {
    fixture_t *fixture;
    apr_pool_t *p;
    struct owner_t *others;
    queue_watch_t *watch;
} owner_t;

static void on_event_free_all(void *baton, int events)
{
    owner_t *owner = baton, *others = owner->others;
    fixture_t *fixture = owner->fixture;
    int i;

    (void)events;
    fixture->calls++;
    for (i = 0; i < PAIRS; i++) {
        apr_pool_destroy(others[i].p);
    }
    queue_loop_stop(fixture->loop);
}

static void a_pool_ends_the_watches_of_its_owner(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    owner_t owners[PAIRS];
    int i;

    for (i = 0; i < PAIRS; i++) {
        owners[i] = (owner_t){ fixture, NULL, owners, NULL };
        apr_pool_create(&owners[i].p, NULL);
        assert_int_equal(queue_watch_begin(fixture->loop, owners[i].p,
                                           fixture->pairs[i][0], APR_POLLIN,
                                           on_event_free_all, &owners[i],
                                           &owners[i].watch), APR_SUCCESS);
        send_octet(fixture, i);
    }
    run(fixture);
    assert_int_equal(fixture->calls, 1);
    fixture_close(fixture);
}

static void on_event_again(void *baton, int events)
{
    fixture_t *fixture = baton;

    (void)events;
    queue_watch_end(fixture->watches[0]);
    if (++fixture->calls == 1000) {
        queue_loop_stop(fixture->loop);
    }
    else {
        watch(fixture, 0, APR_POLLIN, on_event_again, fixture->p);
    }
}

static void a_watch_can_end_itself_and_begin_again(void **state)
{
    fixture_t *fixture = fixture_open(*state);

    watch(fixture, 0, APR_POLLIN, on_event_again, fixture->p);
    send_octet(fixture, 0);
    run(fixture);
    assert_int_equal(fixture->calls, 1000);
    fixture_close(fixture);
}

static void what_cannot_be_watched_is_refused(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_watch_t *none = (queue_watch_t *)fixture;

    assert_int_not_equal(queue_watch_begin(fixture->loop, fixture->p, -1,
                                           APR_POLLIN, on_first_event,
                                           fixture, &none), APR_SUCCESS);
    assert_null(none);
    fixture_close(fixture);
}

/* ---- Times ---- */

typedef struct alarm_t {
    queue_timer_t timer;
    fixture_t *fixture;
    int number;
} alarm_t;

static void on_alarm(void *baton)
{
    alarm_t *alarm = baton;

    assert_int_equal(alarm->number, alarm->fixture->calls);
    assert_true(queue_loop_now(alarm->fixture->loop)
                >= alarm->timer.node.when);
    if (++alarm->fixture->calls == 20) {
        queue_loop_stop(alarm->fixture->loop);
    }
}

static void timers_come_in_their_order_and_not_before_their_time(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    alarm_t alarms[21];
    apr_time_t now = apr_time_now();
    int i;

    for (i = 20; i >= 0; i--) {
        alarms[i].fixture = fixture;
        alarms[i].number = i;
        queue_timer_init(&alarms[i].timer, fixture->loop, on_alarm,
                         &alarms[i]);
        queue_timer_set(&alarms[i].timer, now + LONG);
        queue_timer_set(&alarms[i].timer, now + i * 700);
    }
    queue_timer_clear(&alarms[20].timer);
    queue_timer_clear(&alarms[20].timer);
    run(fixture);
    assert_int_equal(fixture->calls, 20);
    fixture_close(fixture);
}

static void on_timer_again(void *baton)
{
    alarm_t *alarm = baton;

    alarm->number++;
    queue_timer_set(&alarm->timer, 0);
}

static void a_timer_that_is_always_due_leaves_others_their_turn(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    alarm_t alarm;

    alarm.number = 0;
    queue_timer_init(&alarm.timer, fixture->loop, on_timer_again, &alarm);
    queue_timer_set(&alarm.timer, 0);
    watch(fixture, 0, APR_POLLIN, on_first_event, fixture->p);
    send_octet(fixture, 0);
    run(fixture);
    assert_int_equal(fixture->calls, 1);
    queue_timer_clear(&alarm.timer);
    fixture_close(fixture);
}

static void on_step(void *baton)
{
    fixture_t *fixture = baton;

    clock_step = fixture->calls ? -2 * LONG : 2 * LONG;
    if (fixture->calls++) {
        queue_loop_stop(fixture->loop);
    }
}

/* The limit, which is a minute from now, must not come. */
static void a_clock_that_is_set_ends_no_wait(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    queue_timer_t steps[2], last;

    queue_timer_init(&steps[0], fixture->loop, on_step, fixture);
    queue_timer_init(&steps[1], fixture->loop, on_step, fixture);
    queue_timer_init(&last, fixture->loop, stop, fixture);
    queue_timer_set(&steps[0], 0);
    queue_timer_set(&steps[1], apr_time_now() + 20000);
    run(fixture);
    queue_timer_set(&last, queue_loop_now(fixture->loop) + 40000);
    run(fixture);
    assert_int_equal(fixture->calls, 2);
    clock_step = 0;
    fixture_close(fixture);
}

/* ---- Tasks ---- */

typedef struct errand_t {
    fixture_t *fixture;
    pthread_t thread;
    int input, output;
} errand_t;

static void errand_run(void *baton)
{
    errand_t *errand = baton;

    errand->thread = pthread_self();
    errand->output = errand->input * 3;
}

static void errand_done(void *baton)
{
    errand_t *errand = baton;
    fixture_t *fixture = errand->fixture;

    assert_int_equal(errand->output, errand->input * 3);
    assert_false(pthread_equal(errand->thread, pthread_self()));
    if (++fixture->calls == TASKS) {
        queue_loop_stop(fixture->loop);
    }
    else if (fixture->calls < TASKS / 2) {
        errand->input++;
        assert_int_equal(queue_loop_task(fixture->loop, errand_run,
                                         errand_done, errand), APR_SUCCESS);
    }
}

static void each_task_is_done_once_and_told_to_the_loop(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    errand_t errands[TASKS];
    int i;

    for (i = 0; i < TASKS / 2 + 1; i++) {
        errands[i] = (errand_t){ .fixture = fixture, .input = i };
        assert_int_equal(queue_loop_task(fixture->loop, errand_run,
                                         errand_done, &errands[i]),
                         APR_SUCCESS);
    }
    assert_int_equal(queue_loop_tasks(fixture->loop), TASKS / 2 + 1);
    run(fixture);
    assert_int_equal(fixture->calls, TASKS);
    assert_int_equal(queue_loop_tasks(fixture->loop), 0);
    fixture_close(fixture);
}

static void on_done(void *baton)
{
    fixture_t *fixture = baton;

    if (queue_loop_tasks(fixture->loop) == 0) {
        queue_loop_stop(fixture->loop);
    }
}

/* Each waits for an octet that another sends. */
static void hand_on_run(void *baton)
{
    fixture_t *fixture = baton;
    char octet;

    assert_int_equal(read(fixture->pairs[0][0], &octet, 1), 1);
}

static void wake_run(void *baton)
{
    fixture_t *fixture = baton;
    int i;

    for (i = 0; i < 3; i++) {
        send_octet(fixture, 0);
    }
}

static void a_task_that_waits_keeps_no_other_waiting(void **state)
{
    fixture_t *fixture = fixture_open(*state);
    int i;

    for (i = 0; i < 3; i++) {
        queue_loop_task(fixture->loop, hand_on_run, on_done, fixture);
    }
    queue_loop_task(fixture->loop, wake_run, on_done, fixture);
    run(fixture);
    fixture_close(fixture);
}

static void tasks_that_run_are_waited_for_at_the_end(void **state)
{
    errand_t errands[TASKS];
    apr_pool_t *p;
    fixture_t *fixture;
    int i;

    (void)state;
    apr_pool_create(&p, NULL);
    fixture = fixture_open(p);
    for (i = 0; i < TASKS; i++) {
        errands[i] = (errand_t){ .fixture = fixture, .input = i };
        queue_loop_task(fixture->loop, errand_run, errand_done, &errands[i]);
    }
    fixture_close(fixture);
    apr_pool_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_comes_is_told),
        UNIT_TEST(a_peer_that_goes_is_told),
        UNIT_TEST(a_watch_can_be_for_something_else_later),
        UNIT_TEST(who_was_ended_by_another_is_not_called),
        UNIT_TEST(a_pool_ends_the_watches_of_its_owner),
        UNIT_TEST(a_watch_can_end_itself_and_begin_again),
        UNIT_TEST(what_cannot_be_watched_is_refused),
        UNIT_TEST(timers_come_in_their_order_and_not_before_their_time),
        UNIT_TEST(a_timer_that_is_always_due_leaves_others_their_turn),
        UNIT_TEST(a_clock_that_is_set_ends_no_wait),
        UNIT_TEST(each_task_is_done_once_and_told_to_the_loop),
        UNIT_TEST(a_task_that_waits_keeps_no_other_waiting),
        UNIT_TEST(tasks_that_run_are_waited_for_at_the_end)
    };
    return UNIT_RUN(tests);
}
