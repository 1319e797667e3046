/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Weeks of mail to hosts that come and go, from senders that come and go: the
 * process remembers no more after them than after some days.
 */
#include "../unit.h"

#include <malloc.h>

#include <apr_strings.h>

#include "queue_schedule.h"

#define HOUR  apr_time_from_sec(3600)
#define HOURS (28 * 24)
#define HOSTS 50                 /* new ones each hour */

typedef struct world_t {
    queue_reasons_t *reasons;
    queue_schedule_t *schedule;
    apr_time_t now;
    int hops;                    /* batons that live */
} world_t;

static world_t world;

static void hop_free(void *baton)
{
    free(baton);
    world.hops--;
}

static queue_message_t *message_make(apr_pool_t *p, int hour, int host)
{
    static const queue_limits_t limits = { .connections = 2 };
    const char *name = apr_psprintf(p, "host-%d-%d.example.org", hour, host);
    const char *address = apr_pstrcat(p, "x@", name, NULL);
    queue_message_facts_t facts = { 0 };
    queue_destination_t *destination;
    queue_message_t *message;

    destination = queue_schedule_destination(world.schedule, name, &limits,
                                             malloc(100), world.now);
    world.hops++;
    facts.id = apr_psprintf(p, "%d-%d", hour, host);
    facts.reverse_path = apr_psprintf(p, "sender-%d-%d@example.com", hour,
                                      host);
    facts.arrived = facts.queued = world.now;
    facts.addresses = &address;
    facts.recipient_count = 1;
    message = queue_message_create(&facts);
    queue_message_jobs_make(message, &destination);
    queue_schedule_add(world.schedule, message->jobs, world.now);
    return message;
}

/* No answer, ever: the host is dead, its last words are kept. */
static void host_fail(apr_pool_t *p, queue_destination_t *destination)
{
    const queue_reason_t *reason =
        queue_reason_get(world.reasons, 0, (smtp_status_t){ 4, 4, 1 },
                         queue_destination_key(destination),
                         apr_psprintf(p, "no answer at %ld",
                                      (long)apr_time_sec(world.now)));
    queue_job_t *job;

    queue_schedule_opened(destination, world.now);
    queue_schedule_closed(destination, QUEUE_CONNECTION_FAILED, reason,
                          world.now);
    while ((job = queue_schedule_take_dead(destination)) != NULL) {
        queue_message_recipient_attempted(&job->message->recipients[0],
                                          world.reasons,
                                          queue_reason_share(reason));
        queue_schedule_sent(job, QUEUE_SENT_LOST, world.now);
        queue_schedule_defer(world.schedule, job, world.now + HOUR);
    }
    queue_reason_release(world.reasons, reason);
}

/* Mail that is an hour old is given up. */
static void hour_pass(apr_pool_t *p, int hour, queue_message_t **messages)
{
    queue_destination_t *destination;
    int i;

    for (i = 0; i < HOSTS; i++) {
        if (messages[i]) {
            queue_schedule_remove(world.schedule, messages[i]->jobs);
            queue_message_free(messages[i], world.reasons);
        }
        messages[i] = message_make(p, hour, i);
    }
    while ((destination = queue_schedule_next(world.schedule, world.now))) {
        host_fail(p, destination);
    }
    world.now += HOUR;
}

static void weeks_of_hosts_and_senders_leave_nothing(void **state)
{
    queue_message_t *messages[HOSTS] = { NULL };
    queue_schedule_info_t info;
    size_t early = 0, late;
    apr_pool_t *p;
    int hour, hops = 0;

    apr_pool_create(&p, *state);
    memset(&world, 0, sizeof(world));
    world.now = apr_time_from_sec(1795427400);
    world.reasons = queue_reasons_create(*state);
    world.schedule = queue_schedule_create(*state, 10, world.reasons);
    queue_schedule_on_free(world.schedule, hop_free);
    for (hour = 0; hour < HOURS; hour++) {
        hour_pass(p, hour, messages);
        apr_pool_clear(p);
        if (hour == HOURS / 4) {
            early = mallinfo2().uordblks;
            hops = world.hops;
        }
    }
    late = mallinfo2().uordblks;
    queue_schedule_info_get(world.schedule, &info);
    assert_int_equal(info.destinations, (unsigned int)world.hops);
    assert_true(world.hops <= hops + HOSTS);
    /* Two days of them at the very most. */
    assert_true(info.destinations <= 48 * HOSTS);
    assert_true(queue_reasons_count(world.reasons) <= info.destinations);
    if (late > early + early / 10) {
        fail_msg("%lu octets after a week, %lu after four",
                 (unsigned long)early, (unsigned long)late);
    }
    for (hour = 0; hour < HOSTS; hour++) {
        queue_schedule_remove(world.schedule, messages[hour]->jobs);
        queue_message_free(messages[hour], world.reasons);
    }
    /* And when there is no mail they all go. */
    world.now += apr_time_from_sec(30 * 86400);
    queue_schedule_next(world.schedule, world.now);
    assert_int_equal(world.hops, 0);
    assert_int_equal(queue_reasons_count(world.reasons), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(weeks_of_hosts_and_senders_leave_nothing)
    };

    return UNIT_RUN(tests);
}
