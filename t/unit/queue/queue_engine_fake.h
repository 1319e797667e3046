/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_engine_fake.h
 * An engine for tests of who talks to it: messages in a list, and notes of what
 * was done to them. Included once, by the test program itself.
 */
#ifndef QUEUE_ENGINE_FAKE_H
#define QUEUE_ENGINE_FAKE_H

#include "../unit.h"

#include <apr_strings.h>

#include "queue_engine.h"

struct queue_engine_t {
    apr_pool_t *p;
    queue_message_t **messages;  /**< NULL: gone */
    int count;
    queue_schedule_t *schedule;
    queue_reasons_t *reasons;
    const char *done;            /**< "hold:ID delete:ID ..." */
    const char *flushed;         /**< the domain */
    const char *on_demand;       /**< a domain with mail that is fetched */
    int is_fetched;              /**< somebody fetches mail */
    apr_status_t rv;             /**< of what is to be done */
    int cursors;                 /**< open */
    int mails;                   /**< open */
    apr_size_t unread;
    const char *vanishes;        /**< this id is found once only */
};

struct queue_cursor_t {
    queue_engine_t *engine;
    int next;
};

static queue_engine_t *fake_engine(apr_pool_t *p)
{
    queue_engine_t *engine = apr_pcalloc(p, sizeof(*engine));

    engine->p = p;
    engine->reasons = queue_reasons_create(p);
    engine->schedule = queue_schedule_create(p, 100, engine->reasons);
    engine->done = "";
    return engine;
}

/** A message of an hour ago, each of its recipients deferred. */
static queue_message_t *fake_message(queue_engine_t *engine, const char *id,
                                     const char *sender,
                                     const char *const *addresses,
                                     apr_uint32_t count)
{
    queue_message_facts_t facts = { 0 };
    queue_limits_t limits = { 0 };
    struct queue_destination_t **to = apr_palloc(engine->p,
                                                 count * sizeof(*to));
    apr_time_t now = apr_time_now();
    queue_message_t *message;
    apr_uint32_t i;

    facts.id = id;
    facts.reverse_path = sender;
    facts.arrived = facts.queued = now - apr_time_from_sec(3600);
    facts.expires = facts.arrived + apr_time_from_sec(5 * 86400);
    facts.size_octets = 4096;
    facts.priority = QUEUE_PRIORITY_NORMAL;
    facts.addresses = addresses;
    facts.recipient_count = count;
    message = queue_message_create(&facts);
    for (i = 0; i < count; i++) {
        const char *key = apr_pstrcat(engine->p, "mx:",
                                      strchr(addresses[i], '@') + 1, NULL);

        to[i] = queue_schedule_destination(engine->schedule, key, &limits,
                                           NULL, now);
    }
    queue_message_jobs_make(message, to);
    for (i = 0; i < message->job_count; i++) {
        queue_schedule_defer(engine->schedule, &message->jobs[i],
                             now + apr_time_from_sec(600));
    }
    return message;
}

static void fake_add(queue_engine_t *engine, queue_message_t *message)
{
    engine->messages = realloc(engine->messages, (engine->count + 1)
                                                 * sizeof(message));
    engine->messages[engine->count++] = message;
}

/** @a count messages of one recipient each. */
static void fake_fill(queue_engine_t *engine, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        const char *id = apr_psprintf(engine->p, "00064%08x00001abc", i);
        const char *address = apr_psprintf(engine->p,
                                           "recipient.%d@example.net", i);

        fake_add(engine, fake_message(engine, id, "news@example.com",
                                      &address, 1));
    }
}

static void fake_free(queue_engine_t *engine, int i)
{
    queue_message_t *message = engine->messages[i];
    apr_uint32_t job;

    for (job = 0; message && job < message->job_count; job++) {
        if (message->jobs[job].state != QUEUE_JOB_OVER) {
            queue_schedule_remove(engine->schedule, &message->jobs[job]);
        }
    }
    if (message) {
        queue_message_free(message, engine->reasons);
    }
    engine->messages[i] = NULL;
}

static void fake_close(queue_engine_t *engine)
{
    int i;

    for (i = 0; i < engine->count; i++) {
        fake_free(engine, i);
    }
    free(engine->messages);
    assert_int_equal(engine->cursors, 0);
    assert_int_equal(engine->mails, 0);
}

static int fake_index(const queue_engine_t *engine, const char *id)
{
    int i = 0;

    while (i < engine->count && (!engine->messages[i]
           || strcmp(engine->messages[i]->id, id))) {
        i++;
    }
    return i;
}

queue_message_t *queue_engine_find(queue_engine_t *engine, const char *id)
{
    int i = fake_index(engine, id);
    queue_message_t *message = i < engine->count ? engine->messages[i] : NULL;

    if (message && engine->vanishes && !strcmp(engine->vanishes, id)) {
        engine->vanishes = "";
    }
    else if (message && engine->vanishes && !*engine->vanishes) {
        fake_free(engine, i);
        message = NULL;
    }
    return message;
}

queue_cursor_t *queue_cursor_open(queue_engine_t *engine)
{
    queue_cursor_t *cursor = calloc(1, sizeof(*cursor));

    cursor->engine = engine;
    engine->cursors++;
    return cursor;
}

queue_message_t *queue_cursor_next(queue_cursor_t *cursor)
{
    queue_engine_t *engine = cursor->engine;

    while (cursor->next < engine->count && !engine->messages[cursor->next]) {
        cursor->next++;
    }
    return cursor->next < engine->count ? engine->messages[cursor->next++]
                                        : NULL;
}

void queue_cursor_close(queue_cursor_t *cursor)
{
    cursor->engine->cursors--;
    free(cursor);
}

static apr_status_t fake_do(queue_engine_t *engine, const char *what,
                            const queue_message_t *m)
{
    if (engine->rv == APR_SUCCESS && engine->count < 100) {
        engine->done = apr_pstrcat(engine->p, engine->done, what, ":", m->id,
                                   " ", NULL);
    }
    return engine->rv;
}

apr_status_t queue_engine_retry(queue_engine_t *engine, queue_message_t *m)
{
    return m->is_held ? APR_EBUSY : fake_do(engine, "retry", m);
}

apr_status_t queue_engine_hold(queue_engine_t *engine, queue_message_t *m)
{
    m->is_held = 1;
    return fake_do(engine, "hold", m);
}

apr_status_t queue_engine_release(queue_engine_t *engine, queue_message_t *m)
{
    m->is_held = 0;
    return fake_do(engine, "release", m);
}

apr_status_t queue_engine_delete(queue_engine_t *engine, queue_message_t *m)
{
    apr_status_t rv = fake_do(engine, "delete", m);

    if (rv == APR_SUCCESS) {
        fake_free(engine, fake_index(engine, m->id));
    }
    return rv;
}

int queue_engine_flush(queue_engine_t *engine, queue_message_t *m,
                       const char *domain)
{
    engine->flushed = apr_pstrdup(engine->p, domain);
    return !m->is_held;
}

apr_size_t queue_turn_count(queue_engine_t *engine, const char *const *names,
                            int name_count, int *is_busy)
{
    *is_busy = engine->is_fetched;
    return strcmp(names[name_count - 1], engine->on_demand ? engine->on_demand
                                                           : "") ? 0 : 2;
}

/** It says something, and goes. */
void queue_turn_begin(queue_engine_t *engine, int fd,
                      const char *const *names, int name_count,
                      const char *address)
{
    char line[256];

    (void)engine;
    apr_snprintf(line, sizeof(line), "SMTP with %s about %d, %s\n", address,
                 name_count, names[0]);
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0) {
        abort();
    }
    close(fd);
}

void queue_engine_counts_get(const queue_engine_t *engine,
                             queue_counts_t *counts)
{
    memset(counts, 0, sizeof(*counts));
    counts->messages = (apr_size_t)engine->count;
    counts->held = 2;
    counts->unread = engine->unread;
}

queue_schedule_t *queue_engine_schedule(const queue_engine_t *engine)
{
    return engine->schedule;
}

/* The store has a fake, too: it is the engine. */
queue_store_t *queue_engine_store(const queue_engine_t *engine)
{
    return (queue_store_t *)engine;
}

#define FAKE_PIECES 300
#define FAKE_PIECE  "Received: a\r\n\tb\\c\r\n\r\n.\r\n\0\xFF" "end\r\n"

typedef struct fake_mail_t {
    queue_mail_t pub;
    queue_engine_t *engine;
    int pieces;
} fake_mail_t;

static apr_status_t fake_content(void *ctx, const char **octets,
                                 apr_size_t *len)
{
    fake_mail_t *mail = ctx;

    *octets = FAKE_PIECE;
    *len = sizeof(FAKE_PIECE) - 1;
    return mail->engine->rv != APR_SUCCESS && mail->pieces == 10
           ? mail->engine->rv
           : mail->pieces++ < FAKE_PIECES ? APR_SUCCESS : APR_EOF;
}

static apr_status_t fake_mail_close(void *data)
{
    ((queue_engine_t *)data)->mails--;
    return APR_SUCCESS;
}

apr_status_t queue_store_mail_open(queue_store_t *store,
                                   const queue_message_t *message,
                                   apr_pool_t *p, queue_mail_t **mail)
{
    queue_engine_t *engine = (queue_engine_t *)store;
    fake_mail_t *fake = apr_pcalloc(p, sizeof(*fake));
    store_envelope_t *envelope = store_envelope_create(p);

    *mail = NULL;
    if (!strcmp(message->id, "unreadable")) {
        return APR_EACCES;
    }
    envelope->id = message->id;
    envelope->login = "bob";
    envelope->flags = STORE_ENVELOPE_REQUIRETLS;
    fake->pub.envelope = envelope;
    fake->pub.content = fake_content;
    fake->pub.content_ctx = fake;
    fake->engine = engine;
    engine->mails++;
    apr_pool_cleanup_register(p, engine, fake_mail_close,
                              apr_pool_cleanup_null);
    *mail = &fake->pub;
    return APR_SUCCESS;
}

#endif
