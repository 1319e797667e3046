/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What the administrator sees of the queue, and does to it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "queue_engine_private.h"
#include "queue_memory.h"

/* ---- The list ---- */

queue_cursor_t *queue_cursor_open(queue_engine_t *engine)
{
    queue_cursor_t *cursor = queue_memory_create(1, sizeof(*cursor));

    cursor->engine = engine;
    APR_RING_ELEM_INIT(&cursor->place, all);
    APR_RING_INSERT_HEAD(&engine->all, &cursor->place, queue_message_t, all);
    return cursor;
}

/* The place moves behind what is handed out, so that this may go. */
queue_message_t *queue_cursor_next(queue_cursor_t *cursor)
{
    queue_message_t *end = APR_RING_SENTINEL(&cursor->engine->all,
                                             queue_message_t, all);
    queue_message_t *message = APR_RING_NEXT(&cursor->place, all);

    while (message != end && !message->id) {
        message = APR_RING_NEXT(message, all);
    }
    if (message == end) {
        return NULL;
    }
    APR_RING_REMOVE(&cursor->place, all);
    APR_RING_INSERT_AFTER(message, &cursor->place, all);
    return message;
}

void queue_cursor_close(queue_cursor_t *cursor)
{
    APR_RING_REMOVE(&cursor->place, all);
    free(cursor);
}


static int destination_count(void *baton, queue_destination_t *destination)
{
    queue_counts_t *counts = baton;
    queue_destination_info_t info;

    queue_destination_info_get(destination, &info);
    counts->ready += info.ready;
    counts->deferred += info.deferred;
    counts->active += info.active;
    counts->connections += info.connections;
    return 1;
}

void queue_engine_counts_get(const queue_engine_t *engine,
                             queue_counts_t *counts)
{
    memset(counts, 0, sizeof(*counts));
    counts->messages = engine->message_count;
    counts->held = engine->held;
    counts->unread = queue_store_unread(engine->store);
    queue_schedule_each(engine->schedule, destination_count, counts);
}

queue_schedule_t *queue_engine_schedule(const queue_engine_t *engine)
{
    return engine->schedule;
}

queue_store_t *queue_engine_store(const queue_engine_t *engine)
{
    return engine->store;
}

/* ---- What is done ---- */

static int is_busy(const queue_message_t *message)
{
    apr_uint32_t i;

    for (i = 0; i < message->job_count; i++) {
        if (message->jobs[i].state == QUEUE_JOB_ACTIVE) {
            return 1;
        }
    }
    return message->tasks != 0;
}

/* A note about the message, on disk before anything changes here. */
static apr_status_t note(queue_engine_t *engine, queue_message_t *message,
                         store_queued_e what)
{
    store_queued_note_t n = { 0 };

    n.what = what;
    n.time = queue_loop_now(engine->loop);
    n.host = n.text = "";
    apr_pool_clear(engine->scratch);
    return queue_store_note(engine->store, message, &n, 1, engine->scratch);
}

/* Its message stays: the caller has counted itself among its tasks, since a
 * job may be over at once. */
static void job_ready(queue_engine_t *engine, queue_job_t *job)
{
    apr_time_t now = queue_loop_now(engine->loop);

    if (job->state == QUEUE_JOB_ACTIVE || job->state == QUEUE_JOB_OVER) {
        return;
    }
    queue_schedule_hold(engine->schedule, job);
    queue_schedule_revive(job->destination, now);
    queue_schedule_add_first(engine->schedule, job, now);
    queue_delivery_offer(engine, job);
}

apr_status_t queue_engine_retry(queue_engine_t *engine, queue_message_t *m)
{
    apr_uint32_t i;

    if (m->is_held) {
        return APR_EBUSY;
    }
    m->tasks++;
    for (i = 0; i < m->job_count; i++) {
        job_ready(engine, &m->jobs[i]);
    }
    m->tasks--;
    queue_settle_message_check(engine, m);
    return APR_SUCCESS;
}

apr_status_t queue_engine_hold(queue_engine_t *engine, queue_message_t *m)
{
    apr_status_t rv;
    apr_uint32_t i;

    if (m->is_held) {
        return APR_SUCCESS;
    }
    rv = note(engine, m, STORE_QUEUED_HOLD);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->is_held = 1;
    engine->held++;
    for (i = 0; i < m->job_count; i++) {
        if (m->jobs[i].state == QUEUE_JOB_READY
            || m->jobs[i].state == QUEUE_JOB_DEFERRED) {
            queue_schedule_hold(engine->schedule, &m->jobs[i]);
        }
    }
    return APR_SUCCESS;
}

apr_status_t queue_engine_release(queue_engine_t *engine, queue_message_t *m)
{
    apr_status_t rv;

    if (!m->is_held) {
        return APR_SUCCESS;
    }
    rv = note(engine, m, STORE_QUEUED_RELEASE);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->is_held = 0;
    engine->held--;
    return queue_engine_retry(engine, m);
}

apr_status_t queue_engine_delete(queue_engine_t *engine, queue_message_t *m)
{
    apr_uint32_t i;

    if (is_busy(m)) {
        return APR_EBUSY;
    }
    for (i = 0; i < m->job_count; i++) {
        if (m->jobs[i].state != QUEUE_JOB_OVER) {
            queue_schedule_remove(engine->schedule, &m->jobs[i]);
        }
    }
    for (i = 0; i < m->recipient_count; i++) {
        if (m->recipients[i].job) {
            queue_message_recipient_end(m, &m->recipients[i],
                                        QUEUE_RECIPIENT_DELETED);
        }
    }
    queue_settle_message_check(engine, m);
    return APR_SUCCESS;
}

/* ---- RFC 1985: the queue of a domain ---- */

static int is_in(const char *address, const char *domain)
{
    const char *at = strrchr(address, '@');
    apr_size_t len, tail = strlen(domain);

    if (!at) {
        return 0;
    }
    at++;
    len = strlen(at);
    return *domain == '.'
         ? len > tail && !strcasecmp(at + len - tail, domain)
         : !strcasecmp(at, domain);
}

static int job_flush(queue_engine_t *engine, queue_message_t *message,
                     queue_job_t *job, const char *domain)
{
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].job == job
            && is_in(message->recipients[i].address, domain)) {
            job_ready(engine, job);
            return 1;
        }
    }
    return 0;
}

int queue_engine_flush(queue_engine_t *engine, queue_message_t *m,
                       const char *domain)
{
    apr_uint32_t i, jobs = m->is_held ? 0 : m->job_count;
    int is_flushed = 0;

    m->tasks++;
    for (i = 0; i < jobs; i++) {
        is_flushed |= job_flush(engine, m, &m->jobs[i], domain);
    }
    m->tasks--;
    queue_settle_message_check(engine, m);
    return is_flushed;
}
