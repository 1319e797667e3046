/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_engine_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_memory.h"

APLOG_USE_MODULE(smtp_queue);

/* What a power loss may undo is no older than this. */
#define SYNC_INTERVAL   apr_time_from_sec(1)
/* Mail that has not left the journal by then moves to a file, so that it
 * does not keep a whole segment. */
#define MOVE_AFTER      apr_time_from_sec(30)
#define MOVE_INTERVAL   apr_time_from_sec(5)
#define MOVE_SLICE      500
/* Journals are looked through so often, for what nobody told of. */
#define SCAN_INTERVAL   apr_time_from_sec(60)
/* Files read, or records of journals looked at, in one turn of the loop. */
#define SCAN_SLICE      200
/* And files again, when they could not be read. */
#define FILES_AGAIN     apr_time_from_sec(5)
#define TABLE_SIZE      4096

/* ---- The table of ids ---- */

static apr_size_t hash_id(const char *id)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;

    return apr_hashfunc_default(id, &len);
}

static queue_message_t **slot_of(queue_engine_t *engine, const char *id)
{
    return &engine->table[hash_id(id) & (engine->table_size - 1)];
}

static void table_grow(queue_engine_t *engine)
{
    queue_message_t **old = engine->table;
    apr_size_t i, size = engine->table_size;

    engine->table_size *= 2;
    engine->table = queue_memory_create(engine->table_size,
                                        sizeof(*engine->table));
    for (i = 0; i < size; i++) {
        queue_message_t *message = old[i], *next;

        for (; message; message = next) {
            queue_message_t **slot = slot_of(engine, message->id);

            next = message->next;
            message->next = *slot;
            *slot = message;
        }
    }
    free(old);
}

void queue_engine_insert(queue_engine_t *engine, queue_message_t *message)
{
    queue_message_t **slot;

    if (engine->message_count >= engine->table_size) {
        table_grow(engine);
    }
    slot = slot_of(engine, message->id);
    message->next = *slot;
    *slot = message;
    APR_RING_INSERT_TAIL(&engine->all, message, queue_message_t, all);
    engine->message_count++;
    engine->held += message->is_held;
}

void queue_engine_remove(queue_engine_t *engine, queue_message_t *message)
{
    queue_message_t **slot = slot_of(engine, message->id);

    while (*slot != message) {
        slot = &(*slot)->next;
    }
    *slot = message->next;
    APR_RING_REMOVE(message, all);
    engine->message_count--;
    engine->held -= message->is_held;
    queue_owed_remove(engine, message);
    queue_message_free(message, engine->reasons);
}

queue_message_t *queue_engine_find(queue_engine_t *engine, const char *id)
{
    queue_message_t *message = *slot_of(engine, id);

    while (message && strcmp(message->id, id)) {
        message = message->next;
    }
    return message;
}

/* ---- What comes with time ---- */

void queue_engine_kick(queue_engine_t *engine)
{
    queue_timer_set(&engine->tick, queue_loop_now(engine->loop));
}

static void tick(void *baton)
{
    queue_engine_t *engine = baton;
    apr_time_t deadline;

    if (engine->is_stopping) {
        return;
    }
    queue_delivery_run(engine);
    deadline = queue_schedule_deadline(engine->schedule);
    if (deadline && !engine->tick.node.slot) {
        queue_timer_set(&engine->tick, deadline);
    }
}

static void drain(void *baton)
{
    queue_engine_t *engine = baton;

    queue_delivery_drain(engine);
    if (engine->draining) {
        queue_timer_set(&engine->drain, queue_loop_now(engine->loop));
    }
}

/** A sync in a thread. */
typedef struct sync_t {
    queue_engine_t *engine;
    queue_store_sync_t *sync;
} sync_t;

static void sync_run(void *baton)
{
    queue_store_sync_run(((sync_t *)baton)->sync);
}

static void sync_done(void *baton)
{
    sync_t *sync = baton;

    queue_store_sync_end(sync->engine->store, sync->sync);
    free(sync);
}

static void sync_begin(void *baton)
{
    queue_engine_t *engine = baton;
    queue_store_sync_t *begun = queue_store_sync_begin(engine->store);

    queue_timer_set(&engine->sync,
                    queue_loop_now(engine->loop) + SYNC_INTERVAL);
    if (begun) {
        sync_t *sync = queue_memory_create(1, sizeof(*sync));

        sync->engine = engine;
        sync->sync = begun;
        if (queue_loop_task(engine->loop, sync_run, sync_done, sync)
            != APR_SUCCESS) {
            sync_run(sync);
            sync_done(sync);
        }
    }
}

/* The ring is by age: what the mover has passed is in files, or gone, or it is
 * in the hands of a connection that will say what becomes of it. */
static void move(void *baton)
{
    queue_engine_t *engine = baton;
    apr_time_t before = queue_loop_now(engine->loop) - MOVE_AFTER;
    queue_message_t *message;
    apr_status_t rv;
    int i;

    for (i = 0; i < MOVE_SLICE; i++) {
        message = APR_RING_NEXT(&engine->mover->place, all);
        if (message == APR_RING_SENTINEL(&engine->all, queue_message_t, all)
            || (message->id && message->segment
                && message->queued > before)) {
            break;
        }
        if (message->id && message->segment) {
            apr_pool_clear(engine->scratch);
            rv = queue_store_move(engine->store, message, engine->scratch);
            if (rv != APR_SUCCESS) {
                queue_owed_add(engine, message, rv);
            }
        }
        queue_cursor_next(engine->mover);
    }
    queue_timer_set(&engine->move, queue_loop_now(engine->loop)
                    + (i == MOVE_SLICE ? 0 : MOVE_INTERVAL));
}

/* A slice of all journals. What the walk has passed is looked at again when
 * somebody says so meanwhile. */
static void scan(void *baton)
{
    queue_engine_t *engine = baton;
    apr_time_t now = queue_loop_now(engine->loop);
    apr_status_t rv;

    if (engine->is_stopping) {
        return;
    }
    apr_pool_clear(engine->scratch);
    rv = queue_store_scan_journal(engine->store, SCAN_SLICE, engine->scratch,
                                  queue_intake_found, engine);
    engine->is_scanning = rv == APR_SUCCESS;
    if (engine->is_scanning) {
        queue_timer_set(&engine->scan, now);
        return;
    }
    if (rv != APR_EOF) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     QUEUE_LOGNO(4050) "journals cannot be looked through; "
                     "it is tried again");
    }
    queue_timer_set(&engine->scan, rv == APR_EOF && engine->scans_again
                                   ? now : now + SCAN_INTERVAL);
    engine->scans_again = 0;
}

void queue_engine_scan(queue_engine_t *engine)
{
    if (engine->is_stopping) {
        return;
    }
    engine->scans_again = engine->is_scanning;
    queue_timer_set(&engine->scan, queue_loop_now(engine->loop));
}

void queue_engine_hint(queue_engine_t *engine, const smtp_queue_hint_t *hint)
{
    apr_status_t rv;

    if (engine->is_stopping) {
        return;
    }
    apr_pool_clear(engine->scratch);
    rv = queue_store_find(engine->store, hint, engine->scratch,
                          queue_intake_found, engine);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     QUEUE_LOGNO(4051) "a new message cannot be read; it is "
                     "tried again");
    }
}

/* The journals come after the files: of a message that is in both, the file
 * is the newer. */
static void read_files(void *baton)
{
    queue_engine_t *engine = baton;
    apr_status_t rv;

    if (engine->is_stopping) {
        return;
    }
    apr_pool_clear(engine->scratch);
    rv = queue_store_scan_files(engine->store, SCAN_SLICE, engine->scratch,
                                queue_intake_found, engine);
    if (rv != APR_EOF) {
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                         QUEUE_LOGNO(4052) "SPOOL/queue cannot be read now; it "
                         "is tried again");
        }
        queue_timer_set(&engine->files, queue_loop_now(engine->loop)
                        + (rv == APR_SUCCESS ? 0 : FILES_AGAIN));
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf, QUEUE_LOGNO(4053)
                 "the queue has %" APR_SIZE_T_FMT " messages",
                 engine->message_count);
}

/* ---- The end ---- */

static void stop_if_idle(queue_engine_t *engine)
{
    if (APR_RING_EMPTY(&engine->links, queue_link_t, ring)
        && !queue_loop_tasks(engine->loop)) {
        if (!queue_store_is_behind(engine->store)) {
            queue_owed_write_all(engine);
            queue_loop_stop(engine->loop);
            return;
        }
        queue_timer_set(&engine->sync, queue_loop_now(engine->loop));
    }
    queue_timer_set(&engine->stop, queue_loop_now(engine->loop)
                    + apr_time_from_msec(20));
}

static void links_cut(queue_engine_t *engine, int harmless_only)
{
    queue_link_t *link = APR_RING_FIRST(&engine->links);

    while (link != APR_RING_SENTINEL(&engine->links, queue_link_t, ring)) {
        queue_link_t *next = APR_RING_NEXT(link, ring);

        if (!harmless_only
            || queue_connection_is_harmless(link->connection)) {
            link->is_stopping = 1;
            queue_connection_abort(link->connection, "stopped here");
        }
        link = next;
    }
}

static void stopping(void *baton)
{
    queue_engine_t *engine = baton;

    if (queue_loop_now(engine->loop) >= engine->stop_at) {
        links_cut(engine, 0);
    }
    stop_if_idle(engine);
}

void queue_engine_stop(queue_engine_t *engine, apr_time_t deadline)
{
    if (engine->is_stopping) {
        return;
    }
    engine->is_stopping = 1;
    engine->stop_at = deadline;
    queue_timer_init(&engine->stop, engine->loop, stopping, engine);
    links_cut(engine, 1);
    queue_owed_write_all(engine);
    stop_if_idle(engine);
}

/* ---- The beginning ---- */

static apr_status_t destroy(void *baton)
{
    queue_engine_t *engine = baton;

    free(engine->table);
    return APR_SUCCESS;
}

static void timers_begin(queue_engine_t *engine)
{
    queue_loop_t *loop = engine->loop;
    apr_time_t now = queue_loop_now(loop);

    queue_timer_init(&engine->tick, loop, tick, engine);
    queue_timer_init(&engine->drain, loop, drain, engine);
    queue_timer_init(&engine->sync, loop, sync_begin, engine);
    queue_timer_init(&engine->move, loop, move, engine);
    queue_timer_init(&engine->scan, loop, scan, engine);
    queue_timer_init(&engine->files, loop, read_files, engine);
    queue_timer_init(&engine->owed_timer, loop, queue_owed_write, engine);
    queue_timer_set(&engine->files, now);
    queue_timer_set(&engine->scan, now);
    queue_timer_set(&engine->sync, now + SYNC_INTERVAL);
    queue_timer_set(&engine->move, now + MOVE_INTERVAL);
}

apr_status_t queue_engine_create(apr_pool_t *p, const queue_conf_t *conf,
                                 queue_loop_t *loop, queue_store_t *store,
                                 queue_network_t *network, queue_log_t *log,
                                 queue_engine_t **out)
{
    queue_engine_t *engine = apr_pcalloc(p, sizeof(*engine));
    apr_status_t rv;

    *out = NULL;
    engine->pool = p;
    engine->conf = conf;
    engine->loop = loop;
    engine->store = store;
    engine->network = network;
    engine->log = log;
    rv = apr_pool_create(&engine->scratch, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    engine->reasons = queue_reasons_create(p);
    engine->schedule = queue_schedule_create(p, conf->connections,
                                             engine->reasons);
    queue_schedule_on_free(engine->schedule, queue_delivery_hop_free);
    engine->table_size = TABLE_SIZE;
    engine->table = queue_memory_create(TABLE_SIZE, sizeof(*engine->table));
    apr_pool_cleanup_register(p, engine, destroy, apr_pool_cleanup_null);
    APR_RING_INIT(&engine->all, queue_message_t, all);
    APR_RING_INIT(&engine->links, queue_link_t, ring);
    engine->mover = queue_cursor_open(engine);
    timers_begin(engine);
    *out = engine;
    return APR_SUCCESS;
}
