/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What the disk could not take is owed to it: it is true in memory, and
 * written as soon as can be.
 */
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"
#include "store_segment.h"

APLOG_USE_MODULE(smtp_queue);

/* Between two attempts to write what is owed. */
#define AGAIN apr_time_from_sec(30)
/* Messages looked at in one turn of the loop. */
#define SLICE 500
/* A disk that is full is said so often, whatever it costs. */
#define SAY_INTERVAL apr_time_from_sec(10)

int queue_owed_say(queue_engine_t *engine, queue_said_t *said,
                   unsigned int *left_out)
{
    apr_time_t now = queue_loop_now(engine->loop);

    *left_out = said->left_out;
    if (said->last && now >= said->last && now - said->last < SAY_INTERVAL) {
        said->left_out++;
        return 0;
    }
    said->last = now;
    said->left_out = 0;
    return 1;
}

/* ---- Notes ---- */

static store_queued_e what_of(const queue_recipient_t *recipient)
{
    switch (recipient->state) {
    case QUEUE_RECIPIENT_SENT:
        return STORE_QUEUED_SENT;
    case QUEUE_RECIPIENT_FAILED:
        return STORE_QUEUED_FAILED;
    case QUEUE_RECIPIENT_DELETED:
        return STORE_QUEUED_DELETED;
    default:
        return STORE_QUEUED_WAITING;
    }
}

/* Who is over, as memory has it, and then @a notes. When somebody is tried
 * again is not owed: after a restart it is sooner. */
static const apr_array_header_t *
notes_with_owed(const queue_message_t *message,
                const apr_array_header_t *notes, apr_time_t now, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 16,
                                             sizeof(store_queued_note_t));
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        const queue_recipient_t *recipient = &message->recipients[i];

        if (what_of(recipient) != STORE_QUEUED_WAITING) {
            store_queued_note_t *note = apr_array_push(all);

            memset(note, 0, sizeof(*note));
            note->what = what_of(recipient);
            note->recipient = i;
            note->time = now;
            note->attempts = recipient->attempts;
            note->host = note->text = "";
        }
    }
    apr_array_cat(all, notes);
    return all;
}

void queue_owed_add(queue_engine_t *engine, queue_message_t *message,
                    apr_status_t rv)
{
    unsigned int left_out;

    if (queue_owed_say(engine, &engine->note_said, &left_out)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     QUEUE_LOGNO(4071) "%s: what became of the attempt could "
                     "not be written; it waits in memory (and that of %u more "
                     "since this was said last)", message->id, left_out);
    }
    if (rv == STORE_EDAMAGED || message->is_owed) {
        return;                  /* there is nothing to write to */
    }
    message->is_owed = 1;
    if (!engine->owed++) {
        queue_timer_set(&engine->owed_timer,
                        queue_loop_now(engine->loop) + AGAIN);
    }
}

void queue_owed_remove(queue_engine_t *engine, queue_message_t *message)
{
    if (message->is_owed) {
        message->is_owed = 0;
        engine->owed--;
    }
}

void queue_owed_note(queue_engine_t *engine, queue_message_t *message,
                     const apr_array_header_t *notes, apr_pool_t *p)
{
    apr_status_t rv;

    if (message->is_owed) {
        notes = notes_with_owed(message, notes, queue_loop_now(engine->loop),
                                p);
    }
    rv = queue_store_note(engine->store, message,
                          (const store_queued_note_t *)notes->elts,
                          notes->nelts, p);
    if (rv != APR_SUCCESS) {
        queue_owed_add(engine, message, rv);
        return;
    }
    if (message->is_owed && engine->owed == 1) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     QUEUE_LOGNO(4074) "what became of earlier attempts is "
                     "written now");
    }
    queue_owed_remove(engine, message);
}

/* ---- Another time ---- */

/* @return whether nothing is owed of it now */
static int write_one(queue_engine_t *engine, queue_message_t *message)
{
    const apr_array_header_t *none;

    if (!message->is_owed) {
        return 1;
    }
    apr_pool_clear(engine->scratch);
    none = apr_array_make(engine->scratch, 1, sizeof(store_queued_note_t));
    queue_owed_note(engine, message, none, engine->scratch);
    return !message->is_owed;
}

/* The next message: behind the last one, so that a file that cannot be written
 * keeps no other waiting, and after the end from the beginning.
 * @return NULL at the second end, or when there is none */
static queue_message_t *next_message(queue_engine_t *engine, int *ends)
{
    queue_message_t *message = NULL;

    while (!message && *ends < 2) {
        if (!engine->owed_cursor) {
            engine->owed_cursor = queue_cursor_open(engine);
        }
        message = queue_cursor_next(engine->owed_cursor);
        if (!message) {
            queue_cursor_close(engine->owed_cursor);
            engine->owed_cursor = NULL;
            ++*ends;
        }
    }
    return message;
}

/* @return whether more can be written at once */
static int write_slice(queue_engine_t *engine)
{
    queue_message_t *message;
    int i, ends = 0;

    for (i = 0; i < SLICE && engine->owed; i++) {
        message = next_message(engine, &ends);
        if (!message || !write_one(engine, message)) {
            return 0;
        }
    }
    return engine->owed != 0;
}

void queue_owed_write(void *baton)
{
    queue_engine_t *engine = baton;
    apr_time_t now = queue_loop_now(engine->loop);

    if (write_slice(engine)) {
        queue_timer_set(&engine->owed_timer, now);
    }
    else if (engine->owed) {
        queue_timer_set(&engine->owed_timer, now + AGAIN);
    }
}

void queue_owed_write_all(queue_engine_t *engine)
{
    queue_cursor_t *cursor = queue_cursor_open(engine);
    queue_message_t *message;

    while (engine->owed && (message = queue_cursor_next(cursor)) != NULL) {
        write_one(engine, message);
    }
    queue_cursor_close(cursor);
}

void queue_owed_end(queue_engine_t *engine, queue_message_t *message)
{
    const apr_array_header_t *none;

    apr_pool_clear(engine->scratch);
    none = apr_array_make(engine->scratch, 1, sizeof(store_queued_note_t));
    none = notes_with_owed(message, none, queue_loop_now(engine->loop),
                           engine->scratch);
    queue_store_note(engine->store, message,
                     (const store_queued_note_t *)none->elts, none->nelts,
                     engine->scratch);
}
