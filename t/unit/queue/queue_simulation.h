/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_simulation.h
 * The engine's loop around the scheduler, with next hops that take so long and
 * bear so much, in virtual time.
 *
 *     sim_t *sim = sim_create(pool, 100);
 *     sim_hop_t *hop = sim_hop(sim, "a", NULL);
 *     sim_send(sim, hop, "alice", QUEUE_PRIORITY_NORMAL, 1000);
 *     sim_run(sim, SIM_BEGIN + 3600 * SIM_SEC);
 *     assert_int_equal(hop->delivered, 1000);
 */
#ifndef QUEUE_SIMULATION_H
#define QUEUE_SIMULATION_H

#include "queue_unit.h"

#include "queue_schedule.h"

#define SIM_SEC APR_USEC_PER_SEC
#define SIM_BEGIN (1700000000 * SIM_SEC)
/* How long a connection is kept idle. */
#define SIM_IDLE (2 * SIM_SEC)
/* Until a dead destination's jobs are tried again. */
#define SIM_RETRY (300 * SIM_SEC)

#define SIM_LOG 32

/** A next hop. */
typedef struct sim_hop_t {
    const char *name;
    queue_destination_t *destination;
    apr_interval_time_t connecting; /**< takes so long; 50 ms */
    apr_interval_time_t sending; /**< a message; 100 ms */
    unsigned int capacity;       /**< sessions; more are refused at once */
    apr_time_t down_until;       /**< connections fail after connecting */
    /* What was seen: */
    unsigned int sessions;       /**< now */
    unsigned int sessions_max;
    unsigned int attempts;       /**< connections */
    unsigned int refused;
    unsigned int delivered;
    apr_time_t first, last;      /**< delivery */
    apr_time_t log[SIM_LOG];     /**< of the first attempts to connect */
} sim_hop_t;

typedef struct sim_connection_t {
    queue_heap_node_t node;      /* first: its next event */
    sim_hop_t *hop;
    queue_job_t *job;
    int is_open;
    struct sim_connection_t *next; /* idle ones */
} sim_connection_t;

typedef struct sim_t {
    apr_pool_t *pool;
    queue_schedule_t *schedule;
    queue_reasons_t *reasons;
    queue_heap_t events;
    sim_connection_t *idle;
    apr_time_t now;
    unsigned int connections_max; /**< seen */
    /** Called for each delivery, if not NULL. */
    void (*delivered)(struct sim_t *sim, sim_hop_t *hop, queue_job_t *job);
    void *baton;
} sim_t;

static inline apr_status_t sim_destroy_events(void *data)
{
    queue_heap_destroy(data);
    return APR_SUCCESS;
}

static inline sim_t *sim_create(apr_pool_t *p, unsigned int connections)
{
    sim_t *sim = apr_pcalloc(p, sizeof(*sim));

    sim->pool = p;
    sim->now = SIM_BEGIN;
    sim->reasons = queue_reasons_create(p);
    sim->schedule = queue_schedule_create(p, connections, sim->reasons);
    apr_pool_cleanup_register(p, &sim->events, sim_destroy_events,
                              apr_pool_cleanup_null);
    return sim;
}

/** @param limits  NULL: all by default */
static inline sim_hop_t *sim_hop(sim_t *sim, const char *name,
                                 const queue_limits_t *limits)
{
    static const queue_limits_t defaults;
    sim_hop_t *hop = apr_pcalloc(sim->pool, sizeof(*hop));

    hop->name = name;
    hop->connecting = 50000;
    hop->sending = 100000;
    hop->capacity = 1000000;
    hop->destination = queue_schedule_destination(sim->schedule, name,
                                                  limits ? limits : &defaults,
                                                  hop, sim->now);
    return hop;
}

/** @a count messages, tagged 0 and up. */
static inline void sim_send(sim_t *sim, sim_hop_t *hop, const char *sender,
                            queue_priority_e priority, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        queue_schedule_add(sim->schedule, unit_job(hop->destination, sender,
                                                   priority, i), sim->now);
    }
}

static inline void sim_close(sim_t *sim, sim_connection_t *connection,
                             queue_connection_e how)
{
    static const smtp_status_t status = { 4, 4, 1 };
    const queue_reason_t *reason = NULL;

    if (how == QUEUE_CONNECTION_FAILED) {
        reason = queue_reason_get(sim->reasons, 0, status,
                                  connection->hop->name, "no answer");
    }
    connection->hop->sessions -= connection->is_open ? 1 : 0;
    queue_schedule_closed(connection->hop->destination, how, reason,
                          sim->now);
    queue_reason_release(sim->reasons, reason);
    queue_heap_remove(&sim->events, &connection->node);
    free(connection);
}

/* Jobs of a dead destination are deferred without an attempt. */
static inline void sim_defer_dead(sim_t *sim, sim_hop_t *hop)
{
    queue_job_t *job;

    if (!queue_destination_is_dead(hop->destination, sim->now)) {
        return;
    }
    while ((job = queue_schedule_take_dead(hop->destination)) != NULL) {
        queue_schedule_defer(sim->schedule, job, sim->now + SIM_RETRY);
    }
}

static inline void sim_open(sim_t *sim, sim_hop_t *hop)
{
    sim_connection_t *connection = calloc(1, sizeof(*connection));
    queue_schedule_info_t info;

    if (hop->attempts < SIM_LOG) {
        hop->log[hop->attempts] = sim->now;
    }
    hop->attempts++;
    connection->hop = hop;
    queue_schedule_opened(hop->destination, sim->now);
    queue_heap_set(&sim->events, &connection->node,
                   sim->now + hop->connecting);
    queue_schedule_info_get(sim->schedule, &info);
    if (info.connections > sim->connections_max) {
        sim->connections_max = info.connections;
    }
}

/* It can take mail: gets some, or waits, or ends. */
static inline void sim_ready(sim_t *sim, sim_connection_t *connection)
{
    sim_hop_t *hop = connection->hop;

    connection->job = queue_schedule_take(hop->destination, sim->now);
    if (connection->job) {
        queue_heap_set(&sim->events, &connection->node,
                       sim->now + hop->sending);
        return;
    }
    if (queue_schedule_is_short(sim->schedule)) {
        sim_close(sim, connection, QUEUE_CONNECTION_OK);
        return;
    }
    if (!connection->node.slot) {
        queue_heap_set(&sim->events, &connection->node, sim->now + SIM_IDLE);
    }
    connection->next = sim->idle;
    sim->idle = connection;
}

/* The idle ones, each asked once. */
static inline void sim_ask_idle(sim_t *sim)
{
    sim_connection_t *idle = sim->idle;

    sim->idle = NULL;
    while (idle) {
        sim_connection_t *connection = idle;

        idle = idle->next;
        sim_ready(sim, connection);
    }
}

static inline void sim_unidle(sim_t *sim, sim_connection_t *connection)
{
    sim_connection_t **link = &sim->idle;

    while (*link && *link != connection) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = connection->next;
    }
}

static inline void sim_connected(sim_t *sim, sim_connection_t *connection)
{
    sim_hop_t *hop = connection->hop;

    queue_heap_remove(&sim->events, &connection->node);
    if (hop->down_until > sim->now || hop->sessions >= hop->capacity) {
        hop->refused++;
        sim_close(sim, connection, QUEUE_CONNECTION_FAILED);
        sim_defer_dead(sim, hop);
        return;
    }
    connection->is_open = 1;
    if (++hop->sessions > hop->sessions_max) {
        hop->sessions_max = hop->sessions;
    }
    sim_ready(sim, connection);
}

static inline void sim_sent(sim_t *sim, sim_connection_t *connection)
{
    sim_hop_t *hop = connection->hop;
    queue_job_t *job = connection->job;

    queue_heap_remove(&sim->events, &connection->node);
    connection->job = NULL;
    hop->first = hop->delivered++ ? hop->first : sim->now;
    hop->last = sim->now;
    if (sim->delivered) {
        sim->delivered(sim, hop, job);
    }
    queue_schedule_sent(job, QUEUE_SENT_OK, sim->now);
    queue_schedule_remove(sim->schedule, job);
    unit_job_free(job);
    sim_ready(sim, connection);
}

static inline void sim_event(sim_t *sim, sim_connection_t *connection)
{
    if (!connection->is_open) {
        sim_connected(sim, connection);
    }
    else if (connection->job) {
        sim_sent(sim, connection);
    }
    else {
        sim_unidle(sim, connection);
        sim_close(sim, connection, QUEUE_CONNECTION_OK);
    }
}

/* All that can be done now. */
static inline void sim_turn(sim_t *sim)
{
    queue_destination_t *destination;
    queue_heap_node_t *node;

    while ((node = queue_heap_first(&sim->events)) != NULL
           && node->when <= sim->now) {
        sim_event(sim, (sim_connection_t *)node);
    }
    sim_ask_idle(sim);
    while ((destination = queue_schedule_next(sim->schedule, sim->now))
           != NULL) {
        sim_open(sim, queue_destination_baton(destination));
    }
    sim_ask_idle(sim);
}

/* When something happens next; 0: never. */
static inline apr_time_t sim_next(sim_t *sim)
{
    apr_time_t next = queue_schedule_deadline(sim->schedule);
    queue_heap_node_t *node = queue_heap_first(&sim->events);

    return node && (!next || node->when < next) ? node->when : next;
}

/** Runs until @a end; then it is so late.
 *  @return whether anything is left to happen */
static inline int sim_run(sim_t *sim, apr_time_t end)
{
    apr_time_t next;

    sim_turn(sim);
    while ((next = sim_next(sim)) != 0 && next <= end) {
        /* Time does not stand still: else the loop would spin. */
        assert_true(next > sim->now);
        sim->now = next;
        sim_turn(sim);
    }
    sim->now = end;
    sim_turn(sim);
    return sim_next(sim) != 0;
}

#endif
