/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What follows from outcomes: for the recipients, for the file or record of
 * the message, for those who want to be told, for the schedule.
 */
#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"
#include "queue_verdict.h"
#include "store_segment.h"

APLOG_USE_MODULE(smtp_queue);

/** A settlement on its way. */
typedef struct work_t {
    const queue_settle_t *settle;
    queue_message_t *message;
    const queue_vhost_t *vhost;
    apr_time_t now;
    apr_array_header_t *notes;   /* store_queued_note_t */
    apr_array_header_t *told;    /* queue_dsn_recipient_t */
    const apr_array_header_t *queued; /* store_queued_recipient_t, or NULL */
    const store_envelope_t *envelope; /* NULL: nobody has asked for it */
    apr_status_t envelope_rv;    /* why it cannot be read */
    const char *host;            /* who said it, for notes and DSNs */
    apr_time_t next;             /* of the job; 0: nobody was deferred */
    queue_sent_e how;            /* what it tells of the destination */
    unsigned int is_repeated : 1; /* somebody is left in this round */
} work_t;

/* ---- What is known ---- */

/* "name[address]:port", as next hops are named everywhere. */
static const char *host_write(apr_pool_t *p, const queue_peer_t *peer)
{
    if (!peer || !*peer->host) {
        return "";
    }
    return *peer->address
         ? apr_psprintf(p, "%s[%s]:%d", peer->host, peer->address, peer->port)
         : peer->host;
}

/* The envelope, which is read again when no mail is open. @return as
 * queue_store_mail_open() */
static apr_status_t envelope_get(work_t *work)
{
    const queue_settle_t *settle = work->settle;
    const queue_mail_t *mail = settle->mail;
    queue_mail_t *opened;

    if (!work->envelope && !mail && !work->envelope_rv) {
        work->envelope_rv =
            queue_store_mail_open(settle->engine->store, work->message,
                                  settle->p, &opened);
        mail = opened;
    }
    if (!work->envelope && mail) {
        work->envelope = mail->envelope;
        work->queued = store_queued_recipients(settle->p, work->envelope);
    }
    return work->envelope_rv;
}

static int is_wanted(work_t *work, apr_uint32_t index,
                     smtp_report_action_e action)
{
    return !work->message->is_report && envelope_get(work) == APR_SUCCESS
        && queue_dsn_is_wanted(work->envelope,
                               &APR_ARRAY_IDX(work->queued, index,
                                              store_queued_recipient_t),
                               action);
}

/* ---- One recipient ---- */

static void log_attempt(const work_t *work, const queue_recipient_t *recipient,
                        const smtp_outcome_t *outcome, apr_time_t next)
{
    const queue_settle_t *settle = work->settle;
    const queue_message_t *message = work->message;
    const queue_peer_t *peer = settle->peer;
    queue_log_entry_t entry = { 0 };

    entry.id = message->id;
    entry.vhost = work->vhost;
    entry.reverse_path = message->reverse_path;
    entry.forward_path = recipient->address;
    entry.destination = queue_destination_key(settle->job->destination);
    entry.peer = peer;
    entry.outcome = outcome;
    entry.attempt = settle->job->attempts;
    entry.size_octets = message->size_octets;
    entry.arrived = message->arrived;
    entry.queued = message->queued;
    entry.taken = settle->taken;
    if (peer && peer->messages <= 1) {
        entry.taken = peer->began;
        entry.connected = peer->ready;
    }
    entry.over = work->now;
    entry.next = next;
    queue_log_write(settle->engine->log, &entry);
}

static void note(work_t *work, store_queued_e what, apr_uint32_t index,
                 const smtp_outcome_t *outcome, apr_time_t next)
{
    store_queued_note_t *n = apr_array_push(work->notes);

    memset(n, 0, sizeof(*n));
    n->what = what;
    n->recipient = index;
    n->time = work->now;
    n->next = next;
    n->attempts = work->settle->job->attempts;
    n->code = (apr_uint32_t)outcome->code;
    n->status = store_queued_status_pack(outcome->status);
    n->host = work->host;
    n->text = outcome->text;
}

static void tell(work_t *work, apr_uint32_t index,
                 const queue_verdict_t *verdict,
                 const smtp_outcome_t *outcome)
{
    queue_dsn_recipient_t *told = apr_array_push(work->told);

    memset(told, 0, sizeof(*told));
    told->recipient = index;
    told->action = verdict->action;
    told->code = outcome->code;
    told->status = verdict->is_expired ? (smtp_status_t){ 5, 4, 7 }
                                       : outcome->status;
    told->host = work->host;
    told->text = outcome->text;
    told->attempt = work->now;
    told->until = work->message->expires;
}

static void reason_set(const work_t *work, queue_recipient_t *recipient,
                       const smtp_outcome_t *outcome)
{
    queue_reasons_t *reasons = work->settle->engine->reasons;

    queue_message_recipient_attempted(
        recipient, reasons,
        queue_reason_get(reasons, outcome->code, outcome->status, work->host,
                         outcome->text));
}

/* What a deferral says of the destination. A 4xx about one mailbox or one mail
 * is no word about how much it can take. */
static queue_sent_e how_of(const smtp_outcome_t *outcome)
{
    if (!outcome->code) {
        return QUEUE_SENT_LOST;
    }
    return outcome->code == 421 || outcome->stage <= SMTP_STAGE_MAIL
           || outcome->status.subject == 3 ? QUEUE_SENT_THROTTLED
                                           : QUEUE_SENT_OK;
}

static void settle_sent(work_t *work, apr_uint32_t index,
                        const queue_verdict_t *verdict,
                        const smtp_outcome_t *outcome)
{
    note(work, STORE_QUEUED_SENT, index, outcome, 0);
    queue_message_recipient_end(work->message,
                                &work->message->recipients[index],
                                QUEUE_RECIPIENT_SENT);
    if (verdict->has_action && is_wanted(work, index, verdict->action)) {
        tell(work, index, verdict, outcome);
    }
}

/* RFC 5321 4.5.5, 6.1: whoever took responsibility reports what it could not
 * do. The recipient is over when the report is durable. */
static void settle_failed(work_t *work, apr_uint32_t index,
                          const queue_verdict_t *verdict,
                          const smtp_outcome_t *outcome)
{
    queue_recipient_t *recipient = &work->message->recipients[index];

    if (is_wanted(work, index, SMTP_REPORT_FAILED)) {
        reason_set(work, recipient, outcome);
        queue_message_recipient_end(work->message, recipient,
                                    QUEUE_RECIPIENT_REPORTING);
        tell(work, index, verdict, outcome);
        return;
    }
    note(work, STORE_QUEUED_FAILED, index, outcome, 0);
    queue_message_recipient_end(work->message, recipient,
                                QUEUE_RECIPIENT_FAILED);
}

/* Each recipient once: those who wait for another host may have been told of
 * before. Who does not want to hear of it is not asked again either. */
static void warn(work_t *work, apr_uint32_t index,
                 const queue_verdict_t *verdict,
                 const smtp_outcome_t *outcome)
{
    if (is_wanted(work, index, SMTP_REPORT_DELAYED)) {
        tell(work, index, verdict, outcome);
    }
    work->message->recipients[index].is_warned =
        work->envelope_rv == APR_SUCCESS;
}

static void settle_deferred(work_t *work, apr_uint32_t index,
                            const queue_verdict_t *verdict,
                            const smtp_outcome_t *outcome)
{
    note(work, STORE_QUEUED_DEFERRED, index, outcome, verdict->next);
    reason_set(work, &work->message->recipients[index], outcome);
    if (how_of(outcome) > work->how) {
        work->how = how_of(outcome);
    }
    if (!work->next || verdict->next < work->next) {
        work->next = verdict->next;
    }
    if (verdict->has_action) {
        warn(work, index, verdict, outcome);
    }
}

static void verdict_make(const work_t *work,
                         const queue_recipient_t *recipient,
                         const smtp_outcome_t *outcome,
                         queue_verdict_t *verdict)
{
    const queue_message_t *message = work->message;
    queue_verdict_facts_t facts = { 0 };

    facts.retry = &work->vhost->retry;
    facts.attempts = work->settle->job->attempts;
    facts.arrived = message->arrived;
    facts.expires = message->expires;
    facts.now = work->now;
    facts.chance =
        smtp_random_next(&work->settle->engine->network->random);
    facts.is_warned = recipient->is_warned;
    facts.may_repeat = work->settle->may_repeat;
    facts.is_on_demand = queue_delivery_is_on_demand(work->settle->job);
    queue_verdict_make(&facts, outcome, verdict);
}

/* A failure that nobody can be told of now is none yet: to be silent of it
 * would lose the mail. */
static void verdict_check(work_t *work, queue_verdict_t *verdict)
{
    apr_status_t rv;

    if (verdict->what != QUEUE_VERDICT_FAILED || work->message->is_report) {
        return;
    }
    rv = envelope_get(work);
    if (rv == STORE_EDAMAGED) {
        queue_told_lost(work->message, 1);
    }
    else if (rv != APR_SUCCESS) {
        memset(verdict, 0, sizeof(*verdict));
        verdict->what = QUEUE_VERDICT_DEFERRED;
        verdict->next = work->now + QUEUE_TOLD_AGAIN;
    }
}

static void settle_recipient(work_t *work, apr_uint32_t index,
                             const smtp_outcome_t *outcome)
{
    queue_recipient_t *recipient = &work->message->recipients[index];
    queue_verdict_t verdict;

    verdict_make(work, recipient, outcome, &verdict);
    if (verdict.what == QUEUE_VERDICT_AGAIN) {
        work->is_repeated = 1;
        return;
    }
    verdict_check(work, &verdict);
    log_attempt(work, recipient, outcome, verdict.next);
    switch (verdict.what) {
    case QUEUE_VERDICT_SENT:
        settle_sent(work, index, &verdict, outcome);
        break;
    case QUEUE_VERDICT_FAILED:
        settle_failed(work, index, &verdict, outcome);
        break;
    default:
        settle_deferred(work, index, &verdict, outcome);
        break;
    }
    recipient->attempts = work->settle->job->attempts;
}

/* ---- The job and the message ---- */

/* Writes what has happened, unless all is over: then the end says so. */
static void notes_write(work_t *work)
{
    if (work->message->open && work->notes->nelts) {
        queue_owed_note(work->settle->engine, work->message, work->notes,
                        work->settle->p);
    }
}

/** Recipients of a job that wait. */
typedef struct waiting_t {
    apr_uint32_t all;
    apr_uint32_t round;          /* not tried in this round */
} waiting_t;

static waiting_t waiting_count(const queue_job_t *job)
{
    const queue_message_t *message = job->message;
    waiting_t waiting = { 0, 0 };
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        const queue_recipient_t *recipient = &message->recipients[i];

        if (recipient->job == job
            && recipient->state == QUEUE_RECIPIENT_WAITING) {
            waiting.all++;
            waiting.round += recipient->attempts < job->attempts;
        }
    }
    return waiting;
}

/* When the job comes back, with nobody deferred just now: somebody was, in
 * an earlier transaction of the round. */
static apr_time_t next_of(const work_t *work)
{
    if (work->next) {
        return work->next;
    }
    if (queue_delivery_is_on_demand(work->settle->job)) {
        return work->message->expires;
    }
    return queue_retry_next(&work->vhost->retry, work->settle->job->attempts,
                            work->now, work->message->expires, 0);
}

/* @return whether the round goes on */
static int job_settle(work_t *work)
{
    const queue_settle_t *settle = work->settle;
    queue_job_t *job = settle->job;
    queue_schedule_t *schedule = settle->engine->schedule;
    waiting_t waiting = waiting_count(job);

    if (waiting.round && settle->may_repeat) {
        return 1;
    }
    queue_schedule_sent(job, work->how, work->now);
    if (!waiting.all) {
        queue_schedule_remove(schedule, job);
    }
    else if (work->message->is_held) {
        queue_schedule_hold(schedule, job);
    }
    else {
        queue_schedule_defer(schedule, job, next_of(work));
    }
    return 0;
}

static void work_begin(work_t *work, const queue_settle_t *settle)
{
    memset(work, 0, sizeof(*work));
    work->settle = settle;
    work->message = settle->job->message;
    work->vhost = work->message->vhost;
    work->now = queue_loop_now(settle->engine->loop);
    work->host = host_write(settle->p, settle->peer);
    work->notes = apr_array_make(settle->p, (int)settle->count + 1,
                                 sizeof(store_queued_note_t));
    work->told = apr_array_make(settle->p, 1, sizeof(queue_dsn_recipient_t));
}

int queue_settle(queue_settle_t *settle)
{
    work_t work;
    apr_size_t i;
    int goes_on;

    work_begin(&work, settle);
    for (i = 0; i < settle->count; i++) {
        settle_recipient(&work, settle->indices[i], settle->outcomes[i]);
    }
    notes_write(&work);
    goes_on = job_settle(&work);
    if (work.told->nelts) {
        /* A report may be over at once. */
        work.message->tasks++;
        queue_told_begin(settle->engine, work.message, work.told);
        work.message->tasks--;
    }
    if (!goes_on) {
        queue_settle_message_check(settle->engine, work.message);
    }
    return goes_on;
}

void queue_settle_return(queue_engine_t *engine, queue_job_t *job)
{
    apr_time_t now = queue_loop_now(engine->loop);

    if (job->attempts) {
        job->attempts--;
    }
    queue_schedule_sent(job, QUEUE_SENT_LOST, now);
    if (job->message->is_held) {
        queue_schedule_hold(engine->schedule, job);
        return;
    }
    queue_schedule_add(engine->schedule, job, now);
    queue_engine_kick(engine);
}

void queue_settle_postpone(queue_engine_t *engine, queue_job_t *job,
                           apr_interval_time_t delay)
{
    apr_time_t now = queue_loop_now(engine->loop);

    queue_schedule_sent(job, QUEUE_SENT_LOST, now);
    queue_schedule_defer(engine->schedule, job, now + delay);
    queue_engine_kick(engine);
}

void queue_settle_damaged(queue_engine_t *engine, queue_job_t *job)
{
    queue_message_t *message = job->message;
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].job == job) {
            queue_message_recipient_end(message, &message->recipients[i],
                                        QUEUE_RECIPIENT_DELETED);
        }
    }
    queue_schedule_sent(job, QUEUE_SENT_LOST, queue_loop_now(engine->loop));
    queue_schedule_remove(engine->schedule, job);
    queue_settle_message_check(engine, message);
}

void queue_settle_message_check(queue_engine_t *engine,
                                queue_message_t *message)
{
    int is_file = message->segment == NULL;

    if (message->open || message->tasks) {
        return;
    }
    if (queue_store_end(engine->store, message) != APR_SUCCESS && is_file) {
        queue_owed_end(engine, message);
    }
    queue_engine_remove(engine, message);
}
