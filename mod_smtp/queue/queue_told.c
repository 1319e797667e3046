/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * DSNs are made in threads, one after the other for a message. A recipient
 * that failed is over when its DSN is durable.
 */
#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"
#include "store_segment.h"

APLOG_USE_MODULE(smtp_queue);

/* The administrator finds the rest in SPOOL/damaged, if there is any. */
void queue_told_lost(const queue_message_t *message, int count)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf, QUEUE_LOGNO(4073)
                 "%s: the mail is damaged or gone: nobody is told that it "
                 "failed for %d of its recipients", message->id, count);
}

/** DSNs about one message, which a thread makes, one after the other. */
typedef struct report_t {
    apr_pool_t *pool;            /* its own */
    apr_pool_t *mail_pool;       /* goes with the mail, when it is closed */
    queue_engine_t *engine;
    queue_message_t *message;
    const queue_vhost_t *vhost;
    queue_mail_t *mail;          /* NULL: closed */
    queue_dsn_recipient_t *told;
    int count;
    int first;                   /* those before are told, and it is noted */
    int end;                     /* of what the thread looked at */
    apr_status_t rv;
    queue_timer_t again;
} report_t;

static void report_run(void *baton)
{
    report_t *report = baton;

    report->rv = queue_dsn_send(report->mail_pool, report->vhost,
                                report->mail, report->told, report->count,
                                report->first, &report->end);
}

static void told_note(const report_t *report,
                      const queue_dsn_recipient_t *told,
                      store_queued_note_t *n)
{
    memset(n, 0, sizeof(*n));
    n->recipient = told->recipient;
    n->time = told->attempt;
    n->host = n->text = "";
    if (told->action != SMTP_REPORT_FAILED) {
        n->what = STORE_QUEUED_WARNED;
        return;
    }
    n->what = STORE_QUEUED_FAILED;
    n->attempts = report->message->recipients[told->recipient].attempts;
    n->code = (apr_uint32_t)told->code;
    n->status = store_queued_status_pack(told->status);
    n->host = told->host;
    n->text = told->text;
}

static int is_over(const report_t *report, const queue_dsn_recipient_t *told)
{
    return told->is_told && told->action == SMTP_REPORT_FAILED
        && report->message->recipients[told->recipient].state
           == QUEUE_RECIPIENT_REPORTING;
}

/* Who is told now of a failure is over; who is told of a delay is told once
 * (RFC 3461 5.2.5 lets us).
 * @return notes that say so (store_queued_note_t) */
static apr_array_header_t *told_end(report_t *report, apr_pool_t *p)
{
    queue_message_t *message = report->message;
    apr_array_header_t *notes = apr_array_make(p, 16,
                                               sizeof(store_queued_note_t));
    int i;

    for (i = report->first; i < report->end; i++) {
        queue_dsn_recipient_t *told = &report->told[i];

        if (is_over(report, told)) {
            told_note(report, told, apr_array_push(notes));
            queue_message_recipient_end(message,
                                        &message->recipients[told->recipient],
                                        QUEUE_RECIPIENT_FAILED);
        }
        else if (told->is_told && told->action == SMTP_REPORT_DELAYED) {
            told_note(report, told, apr_array_push(notes));
        }
    }
    while (report->first < report->end
           && report->told[report->first].is_told) {
        report->first++;
    }
    return notes;
}

/* On disk, too, before the next DSN is made: whoever comes after us tells
 * nobody twice. */
static void report_note(report_t *report)
{
    queue_message_t *message = report->message;
    apr_array_header_t *notes;
    apr_pool_t *p;

    apr_pool_create(&p, report->pool);
    notes = told_end(report, p);
    if (message->open && notes->nelts) {
        queue_owed_note(report->engine, message, notes, p);
    }
    apr_pool_destroy(p);
}

static void report_begin(report_t *report);

static void report_again(void *baton)
{
    report_begin(baton);
}

static void mail_close(report_t *report)
{
    apr_pool_clear(report->mail_pool);
    report->mail = NULL;
}

/* Not durable: the recipients wait, in memory, for another time; on disk they
 * are as before the attempt. Meanwhile no file stays open. But of mail that is
 * damaged we have what can be told, and once it is closed it is set aside. */
static void report_failed(report_t *report)
{
    queue_engine_t *engine = report->engine;
    unsigned int left_out;

    if (queue_owed_say(engine, &engine->dsn_said, &left_out)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, report->rv, ap_server_conf,
                     QUEUE_LOGNO(4070) "%s: a DSN could not be stored; it is "
                     "tried again (as are %u more since this was said last)",
                     report->message->id, left_out);
    }
    if (report->mail && queue_mail_rewind(report->mail) != STORE_EDAMAGED) {
        mail_close(report);
    }
    queue_timer_init(&report->again, engine->loop, report_again, report);
    queue_timer_set(&report->again,
                    queue_loop_now(engine->loop) + QUEUE_TOLD_AGAIN);
}

static void report_end(report_t *report)
{
    queue_engine_t *engine = report->engine;
    queue_message_t *message = report->message;

    message->tasks--;
    apr_pool_destroy(report->pool);
    queue_settle_message_check(engine, message);
}

/* There is no mail any more that a DSN could be about: it was set aside, and
 * no later attempt finds it again. */
static void report_lost(report_t *report)
{
    queue_message_t *message = report->message;
    int i, count = 0;

    for (i = report->first; i < report->count; i++) {
        report->told[i].is_told = 1;
        if (is_over(report, &report->told[i])) {
            count++;
            queue_message_recipient_end(
                message, &message->recipients[report->told[i].recipient],
                QUEUE_RECIPIENT_FAILED);
        }
    }
    if (count) {
        queue_told_lost(message, count);
    }
    report_end(report);
}

static void report_done(void *baton)
{
    report_t *report = baton;

    if (report->rv == STORE_EDAMAGED) {
        report_lost(report);
        return;
    }
    if (report->rv != APR_SUCCESS) {
        report_failed(report);
        return;
    }
    report_note(report);
    if (report->first < report->count) {
        report_begin(report);
    }
    else {
        report_end(report);
    }
}

/* From the task on report->rv is the thread's. */
static void report_begin(report_t *report)
{
    apr_status_t rv = APR_SUCCESS;

    if (!report->mail) {
        rv = queue_store_mail_open(report->engine->store, report->message,
                                   report->mail_pool, &report->mail);
    }
    if (rv == APR_SUCCESS) {
        rv = queue_loop_task(report->engine->loop, report_run, report_done,
                             report);
    }
    if (rv != APR_SUCCESS) {
        report->rv = rv;
        report_done(report);
    }
}

static queue_dsn_recipient_t *told_copy(apr_pool_t *p,
                                        const apr_array_header_t *from)
{
    queue_dsn_recipient_t *told =
        apr_pmemdup(p, from->elts, (apr_size_t)from->nelts * sizeof(*told));
    int i;

    for (i = 0; i < from->nelts; i++) {
        told[i].host = apr_pstrdup(p, told[i].host);
        told[i].text = apr_pstrdup(p, told[i].text);
    }
    return told;
}

void queue_told_begin(queue_engine_t *engine, queue_message_t *message,
                      const apr_array_header_t *told)
{
    report_t *report;
    apr_pool_t *pool;

    apr_pool_create(&pool, engine->pool);
    report = apr_pcalloc(pool, sizeof(*report));
    report->pool = pool;
    apr_pool_create(&report->mail_pool, pool);
    report->engine = engine;
    report->message = message;
    report->vhost = message->vhost;
    report->told = told_copy(pool, told);
    report->count = told->nelts;
    message->tasks++;
    report_begin(report);
}
