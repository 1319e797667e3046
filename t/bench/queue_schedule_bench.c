/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * How fast the scheduler is, and how much memory it takes, with as many
 * messages as asked for: queue_schedule_bench [MESSAGES [DESTINATIONS
 * [SENDERS]]], by default 1,000,000, 1,000 and 10,000. Prints a line for each
 * kind of call.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "queue_schedule.h"

#define BEGIN apr_time_from_sec(1700000000)

typedef struct bench_t {
    int messages, destinations, senders;
    queue_schedule_t *schedule;
    queue_reasons_t *reasons;
    queue_destination_t **all;
    queue_message_t **queued;
    apr_time_t began;            /* the phase at hand */
} bench_t;

/* Resident octets of this process, by /proc. */
static double resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%*s %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return (double)pages * 4096;
}

static void phase_begin(bench_t *bench)
{
    bench->began = apr_time_now();
}

static void phase_end(const bench_t *bench, const char *name)
{
    double sec = (double)(apr_time_now() - bench->began) / 1e6;

    printf("%-28s %6.2f s %12.0f /s %8.0f octets resident each\n", name, sec,
           bench->messages / sec, resident() / bench->messages);
    fflush(stdout);
}

static queue_message_t *message_create(bench_t *bench, int i)
{
    char id[32], sender[48], address[48];
    const char *addresses[] = { address };
    queue_message_facts_t facts = { 0 };
    queue_message_t *message;

    snprintf(id, sizeof(id), "4dF6ZXyz%08d", i);
    snprintf(sender, sizeof(sender), "user%d@example.com",
             i * 7919 % bench->senders);
    snprintf(address, sizeof(address), "somebody.%d@example%d.net", i,
             i % bench->destinations);
    facts.id = id;
    facts.reverse_path = sender;
    facts.addresses = addresses;
    facts.recipient_count = 1;
    facts.priority = (queue_priority_e)(i % 20 ? QUEUE_PRIORITY_NORMAL
                                               : QUEUE_PRIORITY_BULK);
    message = queue_message_create(&facts);
    queue_message_jobs_make(message,
                            &bench->all[i % bench->destinations]);
    return message;
}

static void prepare(bench_t *bench, apr_pool_t *p)
{
    static const queue_limits_t limits;
    char key[32];
    int i;

    bench->reasons = queue_reasons_create(p);
    bench->schedule = queue_schedule_create(p, 1000, bench->reasons);
    bench->all = calloc((size_t)bench->destinations, sizeof(*bench->all));
    bench->queued = calloc((size_t)bench->messages, sizeof(*bench->queued));
    if (!bench->all || !bench->queued) {
        abort();
    }
    for (i = 0; i < bench->destinations; i++) {
        snprintf(key, sizeof(key), "mx:example%d.net", i);
        bench->all[i] = queue_schedule_destination(bench->schedule, key,
                                                   &limits, NULL, BEGIN);
    }
}

static void create_all(bench_t *bench)
{
    int i;

    phase_begin(bench);
    for (i = 0; i < bench->messages; i++) {
        bench->queued[i] = message_create(bench, i);
    }
    phase_end(bench, "create");
}

/* In the order of a multiplier, as if each had a time of its own. */
static void defer_all(bench_t *bench)
{
    int i;

    phase_begin(bench);
    for (i = 0; i < bench->messages; i++) {
        queue_schedule_defer(bench->schedule, bench->queued[i]->jobs,
                             BEGIN + (apr_uint64_t)i * 2654435761u
                                     % 3600000000u);
    }
    phase_end(bench, "defer");
}

/* All become ready, second by second of an hour. */
static void promote_all(bench_t *bench)
{
    int sec;

    phase_begin(bench);
    for (sec = 0; sec <= 3600; sec++) {
        queue_schedule_next(bench->schedule, BEGIN + apr_time_from_sec(sec));
    }
    phase_end(bench, "deferred to ready");
}

static void remove_and_add_all(bench_t *bench, apr_time_t now)
{
    int i;

    phase_begin(bench);
    for (i = 0; i < bench->messages; i++) {
        queue_job_t *job = bench->queued[(apr_uint64_t)i * 7919
                                         % (apr_uint64_t)bench->messages]
                               ->jobs;

        queue_schedule_hold(bench->schedule, job);
        queue_schedule_add(bench->schedule, job, now);
    }
    phase_end(bench, "hold and add");
}

/* Each message over a connection that is kept, all destinations in turn. */
static void send_all(bench_t *bench, apr_time_t now)
{
    queue_destination_t *destination;
    int left = bench->messages;

    phase_begin(bench);
    while (left) {
        while ((destination = queue_schedule_next(bench->schedule, now))) {
            queue_job_t *job;

            queue_schedule_opened(destination, now);
            while ((job = queue_schedule_take(destination, now++))) {
                queue_schedule_sent(job, QUEUE_SENT_OK, now);
                queue_schedule_remove(bench->schedule, job);
                queue_message_free(job->message, bench->reasons);
                left--;
            }
            queue_schedule_closed(destination, QUEUE_CONNECTION_OK, NULL,
                                  now);
        }
    }
    phase_end(bench, "take, sent, remove, free");
}

static int number(int argc, char **argv, int i, int if_unset)
{
    int value = i < argc ? atoi(argv[i]) : if_unset;

    return value > 0 ? value : if_unset;
}

int main(int argc, char **argv)
{
    bench_t bench = { 0 };
    apr_time_t later = BEGIN + apr_time_from_sec(3600);
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    bench.messages = number(argc, argv, 1, 1000000);
    bench.destinations = number(argc, argv, 2, 1000);
    bench.senders = number(argc, argv, 3, 10000);
    prepare(&bench, p);
    create_all(&bench);
    defer_all(&bench);
    promote_all(&bench);
    remove_and_add_all(&bench, later);
    send_all(&bench, later);
    free(bench.queued);
    free(bench.all);
    apr_pool_destroy(p);
    apr_terminate();
    return 0;
}
