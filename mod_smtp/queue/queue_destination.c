/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The table of destinations: how they come, are found, are shown and go.
 */
#include "queue_schedule_private.h"

#include <stddef.h>
#include <string.h>

#include "queue_memory.h"

/* Chains at the beginning. */
#define CHAINS_FIRST 256u
/* A destination is forgotten, with what was learned of it, when it had
 * nothing to do for so long. */
#define OLD_AFTER apr_time_from_sec(3600)

/* FNV-1a. */
static unsigned int hash_of(const char *key)
{
    unsigned int hash = 2166136261u;

    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    }
    return hash;
}

static queue_destination_t **chain_of(const queue_schedule_t *schedule,
                                      unsigned int hash)
{
    return &schedule->chains[hash & (schedule->chain_count - 1)];
}

static queue_destination_t *find(const queue_schedule_t *schedule,
                                 const char *key, unsigned int hash)
{
    queue_destination_t *destination = *chain_of(schedule, hash);

    while (destination && (destination->hash != hash
                           || strcmp(destination->key, key))) {
        destination = destination->next;
    }
    return destination;
}

queue_destination_t *queue_schedule_find(queue_schedule_t *schedule,
                                         const char *key)
{
    return find(schedule, key, hash_of(key));
}

static void destroy(queue_destination_t *destination)
{
    queue_heap_destroy(&destination->deferred);
    queue_rate_destroy(&destination->rate);
    free(destination);
}

static apr_status_t free_all(void *data)
{
    queue_schedule_t *schedule = data;
    unsigned int i;

    for (i = 0; i < schedule->chain_count; i++) {
        while (schedule->chains[i]) {
            queue_destination_t *destination = schedule->chains[i];

            schedule->chains[i] = destination->next;
            queue_reason_release(schedule->reasons, destination->reason);
            destroy(destination);
        }
    }
    free(schedule->chains);
    queue_heap_destroy(&schedule->wake);
    queue_heap_destroy(&schedule->old);
    return APR_SUCCESS;
}

queue_schedule_t *queue_schedule_create(apr_pool_t *p,
                                        unsigned int connections,
                                        queue_reasons_t *reasons)
{
    queue_schedule_t *schedule = apr_pcalloc(p, sizeof(*schedule));

    schedule->reasons = reasons;
    schedule->senders = queue_senders_create(p);
    schedule->connections_max = connections;
    schedule->chain_count = CHAINS_FIRST;
    schedule->chains = queue_memory_create(CHAINS_FIRST,
                                           sizeof(queue_destination_t *));
    APR_RING_INIT(&schedule->starving, queue_destination_t, link);
    APR_RING_INIT(&schedule->wanting, queue_destination_t, link);
    apr_pool_cleanup_register(p, schedule, free_all, apr_pool_cleanup_null);
    return schedule;
}

void queue_schedule_on_free(queue_schedule_t *schedule,
                            void (*fn)(void *baton))
{
    schedule->on_free = fn;
}

static void grow(queue_schedule_t *schedule)
{
    queue_destination_t **old = schedule->chains;
    unsigned int old_count = schedule->chain_count, i;

    schedule->chain_count *= 2;
    schedule->chains = queue_memory_create(schedule->chain_count,
                                           sizeof(queue_destination_t *));
    for (i = 0; i < old_count; i++) {
        while (old[i]) {
            queue_destination_t *destination = old[i];
            queue_destination_t **chain = chain_of(schedule,
                                                   destination->hash);

            old[i] = destination->next;
            destination->next = *chain;
            *chain = destination;
        }
    }
    free(old);
}

static queue_destination_t *create(queue_schedule_t *schedule,
                                   const char *key, unsigned int hash,
                                   const queue_limits_t *limits, void *baton)
{
    size_t len = strlen(key) + 1;
    queue_destination_t *destination =
        queue_memory_create(1, offsetof(queue_destination_t, key) + len);

    memcpy(destination->key, key, len);
    destination->hash = hash;
    destination->schedule = schedule;
    destination->baton = baton;
    destination->limits = *limits;
    queue_limits_complete(&destination->limits);
    queue_ready_init(&destination->ready);
    queue_window_init(&destination->window, &destination->limits);
    queue_rate_init(&destination->rate, destination->limits.rate_messages,
                    destination->limits.rate_interval);
    return destination;
}

static void link_in(queue_schedule_t *schedule,
                    queue_destination_t *destination)
{
    queue_destination_t **chain;

    if (++schedule->sum.destinations > schedule->chain_count) {
        grow(schedule);
    }
    chain = chain_of(schedule, destination->hash);
    destination->next = *chain;
    *chain = destination;
}

queue_destination_t *queue_schedule_destination(queue_schedule_t *schedule,
                                                const char *key,
                                                const queue_limits_t *limits,
                                                void *baton, apr_time_t now)
{
    unsigned int hash = hash_of(key);
    queue_destination_t *destination = find(schedule, key, hash);

    if (!destination) {
        destination = create(schedule, key, hash, limits, baton);
        link_in(schedule, destination);
    }
    else if (!destination->old.slot) {
        return destination;
    }
    queue_heap_set(&schedule->old, &destination->old, now + OLD_AFTER);
    return destination;
}

void queue_destination_age(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;
    apr_time_t since = schedule->now;

    if (destination->ready.count || destination->deferred.count
        || destination->active || destination->settling || destination->held
        || destination->connections) {
        queue_heap_remove(&schedule->old, &destination->old);
    }
    else if (!destination->old.slot) {
        if (since < destination->window.dead_until) {
            since = destination->window.dead_until;
        }
        queue_heap_set(&schedule->old, &destination->old, since + OLD_AFTER);
    }
}

static void free_old(queue_destination_t *destination)
{
    queue_schedule_t *schedule = destination->schedule;
    queue_destination_t **link = chain_of(schedule, destination->hash);

    while (*link != destination) {
        link = &(*link)->next;
    }
    *link = destination->next;
    schedule->sum.destinations--;
    queue_heap_remove(&schedule->wake, &destination->wake);
    queue_heap_remove(&schedule->old, &destination->old);
    queue_reason_release(schedule->reasons, destination->reason);
    if (schedule->on_free) {
        schedule->on_free(destination->baton);
    }
    destroy(destination);
}

void queue_destinations_free_old(queue_schedule_t *schedule)
{
    queue_heap_node_t *node;

    while ((node = queue_heap_first(&schedule->old)) != NULL
           && node->when <= schedule->now) {
        free_old((queue_destination_t *)
                 ((char *)node - offsetof(queue_destination_t, old)));
    }
}

const char *queue_destination_key(const queue_destination_t *destination)
{
    return destination->key;
}

void *queue_destination_baton(const queue_destination_t *destination)
{
    return destination->baton;
}

void queue_destination_info_get(const queue_destination_t *destination,
                                queue_destination_info_t *info)
{
    queue_window_t window = destination->window;

    queue_window_tick(&window, destination->schedule->now);
    info->ready = destination->ready.count;
    info->deferred = (unsigned int)destination->deferred.count;
    info->active = destination->active + destination->settling;
    info->held = destination->held;
    info->connections = destination->connections;
    info->window = queue_window_room(&window);
    info->failures = window.failures;
    info->dead_until = window.dead_until;
    info->reason = destination->reason;
}

int queue_destination_is_dead(const queue_destination_t *destination,
                              apr_time_t now)
{
    return destination->window.dead_until > now;
}

void queue_schedule_info_get(const queue_schedule_t *schedule,
                             queue_schedule_info_t *info)
{
    *info = schedule->sum;
}

void queue_schedule_each(queue_schedule_t *schedule,
                         int (*fn)(void *baton, queue_destination_t *),
                         void *baton)
{
    unsigned int i;

    for (i = 0; i < schedule->chain_count; i++) {
        queue_destination_t *destination = schedule->chains[i];

        while (destination && fn(baton, destination)) {
            destination = destination->next;
        }
        if (destination) {
            return;
        }
    }
}
