/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>

#include <apr_errno.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"
#include "store_segment.h"

/* ---- What httpd, the store, the loop and threads would do ---- */

module AP_MODULE_DECLARE_DATA smtp_queue_module;
AP_DECLARE_DATA server_rec *ap_server_conf;

#define DSN_RECIPIENTS 2

static struct {
    char log[4096];
    apr_time_t now;
    apr_status_t open_rv;        /* of the mail */
    apr_status_t dsn_rv;
    apr_status_t note_rv;
    int dsn_ok;                  /* so many are durable before dsn_rv counts */
    int dsns;                    /* that are */
    int is_wanted;
    int not_wanted;              /* but by this recipient */
    int told[5];                 /* how often, by recipient */
    int mails;                   /* open */
    int mails_damaged;           /* what a rewind says */
    int ended, removed;
    char notes[512];             /* "failed:0 deferred:1 ..." */
    queue_timer_t *timer;
    queue_message_t *message;
    store_envelope_t *envelope;
} world;

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    size_t len = strlen(world.log);
    va_list args;

    (void)file, (void)line, (void)module_index, (void)level;
    (void)status, (void)s;
    va_start(args, fmt);
    vsnprintf(world.log + len, sizeof(world.log) - len, fmt, args);
    va_end(args);
}

static apr_status_t mail_close(void *dummy)
{
    (void)dummy;
    world.mails--;
    return APR_SUCCESS;
}

apr_status_t queue_store_mail_open(queue_store_t *store,
                                   const queue_message_t *message,
                                   apr_pool_t *p, queue_mail_t **mail)
{
    (void)store, (void)message;
    *mail = NULL;
    if (world.open_rv == APR_SUCCESS) {
        *mail = apr_pcalloc(p, sizeof(**mail));
        (*mail)->envelope = world.envelope;
        world.mails++;
        apr_pool_cleanup_register(p, NULL, mail_close, apr_pool_cleanup_null);
    }
    return world.open_rv;
}

apr_status_t queue_mail_rewind(queue_mail_t *mail)
{
    (void)mail;
    return world.mails_damaged ? STORE_EDAMAGED : APR_SUCCESS;
}

apr_status_t queue_store_note(queue_store_t *store, queue_message_t *message,
                              const store_queued_note_t *notes, int count,
                              apr_pool_t *p)
{
    static const char *const names[] = {
        "waiting", "deferred", "sent", "failed", "deleted", "hold", "release",
        "warned", "priority"
    };
    int i;

    (void)store, (void)message, (void)p;
    for (i = 0; world.note_rv == APR_SUCCESS && i < count; i++) {
        size_t len = strlen(world.notes);

        snprintf(world.notes + len, sizeof(world.notes) - len, "%s:%u ",
                 names[notes[i].what], (unsigned int)notes[i].recipient);
    }
    return world.note_rv;
}

apr_status_t queue_store_end(queue_store_t *store, queue_message_t *message)
{
    (void)store, (void)message;
    world.ended++;
    return APR_SUCCESS;
}

void queue_engine_remove(queue_engine_t *engine, queue_message_t *message)
{
    queue_message_free(message, engine->reasons);
    world.removed++;
}

void queue_engine_kick(queue_engine_t *engine)
{
    (void)engine;
}

int queue_delivery_is_on_demand(const queue_job_t *job)
{
    (void)job;
    return 0;
}

void queue_log_write(queue_log_t *log, const queue_log_entry_t *entry)
{
    (void)log, (void)entry;
}

queue_cursor_t *queue_cursor_open(queue_engine_t *engine)
{
    queue_cursor_t *cursor = calloc(1, sizeof(*cursor));

    cursor->engine = engine;
    return cursor;
}

/* The one message there is. */
queue_message_t *queue_cursor_next(queue_cursor_t *cursor)
{
    return cursor->place.tasks++ ? NULL : world.message;
}

void queue_cursor_close(queue_cursor_t *cursor)
{
    free(cursor);
}

apr_time_t queue_loop_now(const queue_loop_t *loop)
{
    (void)loop;
    return world.now;
}

apr_status_t queue_loop_task(queue_loop_t *loop, queue_task_run_t *run,
                             queue_task_done_t *done, void *baton)
{
    (void)loop;
    run(baton);
    done(baton);
    return APR_SUCCESS;
}

void queue_timer_init(queue_timer_t *timer, queue_loop_t *loop,
                      void (*fn)(void *baton), void *baton)
{
    *timer = (queue_timer_t){ { 0, 0 }, loop, fn, baton };
}

void queue_timer_set(queue_timer_t *timer, apr_time_t when)
{
    timer->node.when = when;
    world.timer = timer;
}

int queue_dsn_is_wanted(const store_envelope_t *envelope,
                        const store_queued_recipient_t *recipient,
                        smtp_report_action_e action)
{
    (void)envelope, (void)action;
    return world.is_wanted && recipient->recipient != world.not_wanted;
}

/* Two recipients in each. */
apr_status_t queue_dsn_send(apr_pool_t *p, const queue_vhost_t *vhost,
                            queue_mail_t *mail,
                            queue_dsn_recipient_t *recipients, int count,
                            int first, int *end)
{
    int i;

    (void)p, (void)vhost;
    assert_non_null(mail);
    *end = first;
    if (world.dsn_rv != APR_SUCCESS && world.dsns >= world.dsn_ok) {
        return world.dsn_rv;
    }
    for (i = 0; i < DSN_RECIPIENTS && *end < count; i++) {
        assert_false(recipients[*end].is_told);
        world.told[recipients[*end].recipient]++;
        recipients[(*end)++].is_told = 1;
    }
    world.dsns++;
    return APR_SUCCESS;
}

/* ---- A message that has been tried ---- */

typedef struct scene_t {
    queue_engine_t engine;
    queue_network_t network;
    queue_vhost_t vhost;
    queue_destination_t *destination;
    queue_message_t *message;
    apr_pool_t *p;
} scene_t;

#define RECIPIENTS 5

static scene_t *begin(apr_pool_t *p)
{
    static const queue_limits_t limits = { .connections = 1 };
    static const char *const addresses[RECIPIENTS] = {
        "a@example.org", "b@example.org", "c@example.org", "d@example.org",
        "e@example.org"
    };
    scene_t *s = apr_pcalloc(p, sizeof(*s));
    queue_destination_t *to[RECIPIENTS];
    queue_message_facts_t facts = { 0 };
    int i;

    memset(&world, 0, sizeof(world));
    world.now = apr_time_from_sec(1795427400);
    world.is_wanted = 1;
    world.not_wanted = -1;
    world.envelope = store_envelope_create(p);
    s->p = p;
    assert_null(queue_retry_parse(p, "5m", &s->vhost.retry.intervals));
    s->engine.pool = p;
    s->engine.network = &s->network;
    s->engine.reasons = queue_reasons_create(p);
    s->engine.schedule = queue_schedule_create(p, 10, s->engine.reasons);
    s->destination = queue_schedule_destination(s->engine.schedule,
                                                "example.org", &limits, s,
                                                world.now);
    facts.id = "0650c1f2a3b4c00001001";
    facts.reverse_path = "sender@example.com";
    facts.vhost = &s->vhost;
    facts.arrived = facts.queued = world.now;
    facts.expires = world.now + apr_time_from_sec(1000000);
    facts.addresses = addresses;
    facts.recipient_count = RECIPIENTS;
    s->message = world.message = queue_message_create(&facts);
    queue_timer_init(&s->engine.owed_timer, NULL, queue_owed_write,
                     &s->engine);
    apr_pool_create(&s->engine.scratch, p);
    for (i = 0; i < RECIPIENTS; i++) {
        store_recipient_t *recipient =
            store_envelope_recipient_add(p, world.envelope);

        recipient->forward_path = addresses[i];
        recipient->is_relayed = 1;
        to[i] = s->destination;
    }
    queue_message_jobs_make(s->message, to);
    return s;
}

/* An attempt: the first @a count of those that wait have @a outcome. */
static void settle(scene_t *s, apr_uint32_t count, const char *reply)
{
    apr_uint32_t indices[RECIPIENTS], i, n = 0;
    const smtp_outcome_t *outcomes[RECIPIENTS];
    queue_settle_t settlement = { 0 };
    smtp_outcome_t outcome = { 0 };
    queue_job_t *job;

    queue_schedule_add(s->engine.schedule, s->message->jobs, world.now);
    queue_schedule_opened(s->destination, world.now);
    job = queue_schedule_take_dead(s->destination);
    assert_ptr_equal(job, s->message->jobs);
    job->attempts++;
    outcome.code = atoi(reply);
    outcome.result = outcome.code / 100 == 2 ? SMTP_OUTCOME_PASSED_ON
                   : outcome.code / 100 == 5 ? SMTP_OUTCOME_FAILED
                                             : SMTP_OUTCOME_DEFERRED;
    outcome.status.klass = (unsigned short)(outcome.code / 100);
    outcome.text = reply + 4;
    for (i = 0; i < RECIPIENTS && n < count; i++) {
        if (s->message->recipients[i].job == job) {
            outcomes[n] = &outcome;
            indices[n++] = i;
        }
    }
    settlement.engine = &s->engine;
    settlement.job = job;
    settlement.p = s->p;
    settlement.indices = indices;
    settlement.outcomes = outcomes;
    settlement.count = n;
    settlement.taken = world.now;
    assert_false(queue_settle(&settlement));
    queue_schedule_closed(s->destination, QUEUE_CONNECTION_OK, NULL,
                          world.now);
}

static void time_passes(void)
{
    queue_timer_t *timer = world.timer;

    assert_non_null(timer);
    world.timer = NULL;
    world.now = timer->node.when;
    timer->fn(timer->baton);
}

static void who_fails_is_over_when_the_dsn_is_durable(void **state)
{
    scene_t *s = begin(*state);

    world.dsn_rv = APR_ENOSPC;
    settle(s, RECIPIENTS, "550 No");
    assert_int_equal(s->message->open, RECIPIENTS);
    assert_string_equal(world.notes, "");
    assert_int_equal(world.mails, 1); /* of the settlement's pool */
    world.dsn_rv = APR_SUCCESS;
    time_passes();
    assert_int_equal(world.dsns, 3);
    assert_int_equal(world.ended, 1);
    assert_int_equal(world.removed, 1);
    assert_null(world.timer);
}

static void who_was_told_is_noted_before_the_next_is_told(void **state)
{
    scene_t *s = begin(*state);

    world.dsn_rv = APR_ENOSPC;
    world.dsn_ok = 1;
    settle(s, RECIPIENTS, "550 No");
    assert_string_equal(world.notes, "failed:0 failed:1 ");
    assert_int_equal(s->message->open, 3);
    world.dsn_rv = APR_SUCCESS;
    time_passes();
    /* The last of all is noted by the end. */
    assert_string_equal(world.notes, "failed:0 failed:1 failed:2 failed:3 ");
    assert_int_equal(world.dsns, 3);
    assert_int_equal(world.removed, 1);
}

static void mail_found_damaged_when_it_is_told_of_ends(void **state)
{
    scene_t *s = begin(*state);

    world.dsn_rv = APR_ENOSPC;
    settle(s, RECIPIENTS, "550 No");
    world.open_rv = STORE_EDAMAGED;
    time_passes();
    assert_int_equal(world.removed, 1);
    assert_null(world.timer);
    assert_non_null(strstr(world.log, "SM4073: 0650c1f2a3b4c00001001: the "
                           "mail is damaged or gone: nobody is told that it "
                           "failed for 5 of its recipients"));
}

/* Those who wait find it damaged when they are tried again. */
static void others_of_a_damaged_mail_have_their_turn(void **state)
{
    scene_t *s = begin(*state);

    world.dsn_rv = APR_ENOSPC;
    settle(s, 2, "550 No");
    world.open_rv = STORE_EDAMAGED;
    time_passes();
    assert_int_equal(world.removed, 0);
    assert_int_equal(s->message->open, 3);
    assert_int_equal(s->message->tasks, 0);
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

static void damage_that_a_thread_finds_is_told_of_all_the_same(void **state)
{
    scene_t *s = begin(*state);
    int mails;

    world.dsn_rv = APR_ENOSPC;
    world.mails_damaged = 1;
    settle(s, RECIPIENTS, "550 No");
    mails = world.mails;
    world.open_rv = STORE_EDAMAGED; /* were it opened again */
    world.dsn_rv = APR_SUCCESS;
    time_passes();
    assert_int_equal(world.dsns, 3);
    assert_int_equal(world.removed, 1);
    assert_int_equal(world.mails, mails - 1);
}

static void a_failure_that_cannot_be_told_now_is_none_yet(void **state)
{
    scene_t *s = begin(*state);
    queue_job_t *job = s->message->jobs;

    world.open_rv = APR_EMFILE;
    settle(s, 2, "550 No");
    assert_string_equal(world.notes, "deferred:0 deferred:1 ");
    assert_int_equal(s->message->open, RECIPIENTS);
    assert_int_equal(job->state, QUEUE_JOB_DEFERRED);
    assert_int_equal(job->node.when, world.now + QUEUE_TOLD_AGAIN);
    world.open_rv = APR_SUCCESS;
    settle(s, RECIPIENTS, "550 No");
    assert_int_equal(world.dsns, 3);
    assert_int_equal(world.removed, 1);
}

static void a_failure_of_damaged_mail_is_in_the_log(void **state)
{
    scene_t *s = begin(*state);

    world.open_rv = STORE_EDAMAGED;
    settle(s, RECIPIENTS, "550 No");
    assert_int_equal(world.removed, 1);
    assert_int_equal(world.dsns, 0);
    assert_non_null(strstr(world.log, "SM4073: 0650c1f2a3b4c00001001: "));
}

static void each_who_waits_is_warned_of_once(void **state)
{
    scene_t *s = begin(*state);
    int i;

    s->vhost.retry.warn = apr_time_from_sec(14400);
    world.not_wanted = 2;
    settle(s, RECIPIENTS, "451 Later");
    assert_int_equal(world.dsns, 0);
    world.now += s->vhost.retry.warn;
    settle(s, 1, "451 Later");
    *world.notes = '\0';
    /* Those whose turn comes later are told of, too. */
    settle(s, RECIPIENTS, "451 Later");
    assert_string_equal(world.notes, "deferred:0 deferred:1 deferred:2 "
                        "deferred:3 deferred:4 warned:1 warned:3 warned:4 ");
    settle(s, RECIPIENTS, "451 Later");
    for (i = 0; i < RECIPIENTS; i++) {
        assert_int_equal(world.told[i], i != 2);
    }
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

/* A process that comes later tells of the delay again. */
static void a_warning_is_noted_when_it_is_durable(void **state)
{
    scene_t *s = begin(*state);

    s->vhost.retry.warn = apr_time_from_sec(14400);
    world.now += s->vhost.retry.warn;
    world.dsn_rv = APR_ENOSPC;
    settle(s, 1, "451 Later");
    settle(s, 1, "451 Later");
    assert_string_equal(world.notes, "deferred:0 deferred:0 ");
    world.dsn_rv = APR_SUCCESS;
    time_passes();
    assert_string_equal(world.notes, "deferred:0 deferred:0 warned:0 ");
    assert_int_equal(world.told[0], 1);
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

static void nobody_is_warned_of_mail_with_the_null_reverse_path(void **state)
{
    scene_t *s = begin(*state);

    s->vhost.retry.warn = apr_time_from_sec(14400);
    s->message->is_report = 1;
    world.now += s->vhost.retry.warn;
    settle(s, RECIPIENTS, "451 Later");
    settle(s, RECIPIENTS, "550 No");
    assert_int_equal(world.dsns, 0);
    assert_int_equal(world.removed, 1);
}

static void what_a_full_disk_did_not_take_is_written_later(void **state)
{
    scene_t *s = begin(*state);

    world.note_rv = APR_ENOSPC;
    settle(s, 2, "250 Taken");
    settle(s, 1, "451 Later");
    assert_string_equal(world.notes, "");
    assert_int_equal(s->engine.owed, 1);
    time_passes();               /* it is full still */
    assert_string_equal(world.notes, "");
    world.note_rv = APR_SUCCESS;
    time_passes();
    assert_string_equal(world.notes, "sent:0 sent:1 ");
    assert_int_equal(s->engine.owed, 0);
    assert_non_null(strstr(world.log, "SM4074"));
    assert_null(world.timer);
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

static void the_next_note_says_what_is_owed(void **state)
{
    scene_t *s = begin(*state);

    world.note_rv = APR_ENOSPC;
    settle(s, 1, "250 Taken");
    world.note_rv = APR_SUCCESS;
    settle(s, 1, "451 Later");
    assert_string_equal(world.notes, "sent:0 deferred:1 ");
    assert_int_equal(s->engine.owed, 0);
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

static void a_full_disk_does_not_fill_the_log(void **state)
{
    scene_t *s = begin(*state);
    const char *line;
    int i;

    world.note_rv = APR_ENOSPC;
    for (i = 0; i < 1000; i++) {
        settle(s, 1, "451 Later");
        world.now += 1000;       /* a millisecond */
    }
    line = strstr(world.log, "SM4071");
    assert_non_null(line);
    assert_null(strstr(line + 1, "SM4071"));
    world.now += apr_time_from_sec(10);
    settle(s, 1, "451 Later");
    assert_non_null(strstr(line + 1, "(and that of 999 more"));
    queue_schedule_remove(s->engine.schedule, s->message->jobs);
    queue_message_free(s->message, s->engine.reasons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_fails_is_over_when_the_dsn_is_durable),
        UNIT_TEST(who_was_told_is_noted_before_the_next_is_told),
        UNIT_TEST(mail_found_damaged_when_it_is_told_of_ends),
        UNIT_TEST(others_of_a_damaged_mail_have_their_turn),
        UNIT_TEST(damage_that_a_thread_finds_is_told_of_all_the_same),
        UNIT_TEST(a_failure_that_cannot_be_told_now_is_none_yet),
        UNIT_TEST(a_failure_of_damaged_mail_is_in_the_log),
        UNIT_TEST(each_who_waits_is_warned_of_once),
        UNIT_TEST(a_warning_is_noted_when_it_is_durable),
        UNIT_TEST(nobody_is_warned_of_mail_with_the_null_reverse_path),
        UNIT_TEST(what_a_full_disk_did_not_take_is_written_later),
        UNIT_TEST(the_next_note_says_what_is_owed),
        UNIT_TEST(a_full_disk_does_not_fill_the_log)
    };

    return UNIT_RUN(tests);
}
