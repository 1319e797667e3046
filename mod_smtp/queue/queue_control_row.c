/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_control_row.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_params.h"

/* ---- A recipient ---- */

/* Of a job, in the words of who asks. */
static store_control_status_e job_status(const queue_job_t *job)
{
    switch (job->state) {
    case QUEUE_JOB_ACTIVE:
        return STORE_CONTROL_ACTIVE;
    case QUEUE_JOB_HELD:
        return STORE_CONTROL_HELD;
    case QUEUE_JOB_DEFERRED:
        return STORE_CONTROL_DEFERRED;
    default:
        return STORE_CONTROL_READY;
    }
}

static store_control_fate_e fate_of(const queue_recipient_t *recipient)
{
    switch (recipient->state) {
    case QUEUE_RECIPIENT_SENT:
        return STORE_CONTROL_SENT;
    case QUEUE_RECIPIENT_REPORTING:
    case QUEUE_RECIPIENT_FAILED:
        return STORE_CONTROL_FAILED;
    case QUEUE_RECIPIENT_DELETED:
        return STORE_CONTROL_DELETED;
    default:
        return STORE_CONTROL_WAITING;
    }
}

static const char *enhanced_of(apr_pool_t *p, smtp_status_t status)
{
    char *text = apr_palloc(p, SMTP_STATUS_BUFFER_OCTETS);

    smtp_status_write(text, status);
    return text;
}

static void row_job(const queue_job_t *job, store_control_recipient_t *row)
{
    row->status = job_status(job);
    if (job->state == QUEUE_JOB_DEFERRED) {
        row->next = job->node.when;
    }
    if (job->destination) {
        row->destination = queue_destination_key(job->destination);
    }
}

void queue_control_row_recipient(apr_pool_t *p,
                                 const queue_recipient_t *recipient,
                                 store_control_recipient_t *row)
{
    const queue_reason_t *reason = recipient->reason;

    memset(row, 0, sizeof(*row));
    row->address = recipient->address;
    row->fate = fate_of(recipient);
    row->attempts = recipient->attempts;
    if (recipient->job) {
        row_job(recipient->job, row);
    }
    if (reason) {
        row->code = reason->code;
        row->enhanced = enhanced_of(p, reason->status);
        row->host = reason->host;
        row->text = reason->text;
    }
}

/* ---- A message ---- */

/* It is held as a whole, but a connection may have it still. */
store_control_status_e queue_control_row_status(const queue_message_t *m)
{
    unsigned int seen = 0;
    apr_uint32_t i;

    for (i = 0; i < m->job_count; i++) {
        if (m->jobs[i].state != QUEUE_JOB_OVER) {
            seen |= 1u << job_status(&m->jobs[i]);
        }
    }
    /* Over but for a DSN: in hands too. */
    return seen & 1u << STORE_CONTROL_ACTIVE || m->tasks
               ? STORE_CONTROL_ACTIVE
           : m->is_held ? STORE_CONTROL_HELD
           : seen == 1u << STORE_CONTROL_DEFERRED ? STORE_CONTROL_DEFERRED
           : STORE_CONTROL_READY;
}

static apr_time_t next_of(const queue_message_t *message)
{
    apr_time_t next = 0;
    apr_uint32_t i;

    for (i = 0; i < message->job_count; i++) {
        const queue_job_t *job = &message->jobs[i];

        if (job->state == QUEUE_JOB_DEFERRED
            && (!next || job->node.when < next)) {
            next = job->node.when;
        }
    }
    return next;
}

/* Of whom is told where there is room for one. */
static const queue_recipient_t *
first_of(apr_pool_t *p, const queue_message_t *message,
         const store_control_select_t *select)
{
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        const queue_recipient_t *recipient = &message->recipients[i];

        if (recipient->state == QUEUE_RECIPIENT_WAITING
            && store_control_select_recipient(select, p,
                                              recipient->address)) {
            return recipient;
        }
    }
    return message->recipient_count ? &message->recipients[0] : NULL;
}

void queue_control_row_message(apr_pool_t *p, const queue_message_t *message,
                               const store_control_select_t *select,
                               store_control_message_t *row)
{
    const queue_vhost_t *vhost = message->vhost;
    const queue_recipient_t *first = first_of(p, message, select);

    memset(row, 0, sizeof(*row));
    row->id = message->id;
    row->reverse_path = message->reverse_path;
    row->status = queue_control_row_status(message);
    row->priority = message->priority;
    row->size_octets = message->size_octets;
    row->arrived = message->arrived;
    row->expires = message->expires;
    row->next = next_of(message);
    row->recipients = message->recipient_count;
    row->open = message->open;
    row->vhost = vhost ? vhost->name : NULL;
    row->where = message->segment ? "journal" : "file";
    if (first) {
        queue_control_row_recipient(p, first, &row->first);
    }
}

/* ---- The rest ---- */

static void envelope_write(store_control_out_t *out, const char *name,
                           const char *value)
{
    if (value) {
        store_control_pair_write(out, STORE_CONTROL_ENVELOPE, name, value);
    }
}

void queue_control_row_envelope(const store_envelope_t *envelope,
                                store_control_out_t *out)
{
    static const struct {
        apr_int64_t flag;
        const char *name;
    } flags[] = {
        { STORE_ENVELOPE_SMTPUTF8, "smtputf8" },
        { STORE_ENVELOPE_REQUIRETLS, "requiretls" },
        { STORE_ENVELOPE_TLS_OPTIONAL, "tls-optional" },
        { STORE_ENVELOPE_HAS_8BIT, "8bit" },
        { STORE_ENVELOPE_BULK, "bulk" }
    };
    size_t i;

    envelope_write(out, "login", envelope->login);
    envelope_write(out, "client", envelope->client);
    envelope_write(out, "envid", envelope->envid);
    envelope_write(out, "auth", envelope->auth);
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        envelope_write(out, flags[i].name,
                       envelope->flags & flags[i].flag ? "yes" : NULL);
    }
}

void queue_control_row_counts(const queue_counts_t *counts,
                              store_control_out_t *out)
{
    const struct {
        const char *name;
        apr_size_t count;
    } rows[] = {
        { "messages", counts->messages }, { "recipients", counts->recipients },
        { "ready", counts->ready }, { "deferred", counts->deferred },
        { "active", counts->active }, { "held", counts->held },
        { "connections", counts->connections },
        { STORE_CONTROL_UNREAD, counts->unread }
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        store_control_count_write(out, rows[i].name,
                                  (apr_int64_t)rows[i].count);
    }
}

void queue_control_row_destination(const queue_destination_t *destination,
                                   store_control_out_t *out)
{
    char enhanced[SMTP_STATUS_BUFFER_OCTETS];
    store_control_destination_t row = { 0 };
    queue_destination_info_t info;

    queue_destination_info_get(destination, &info);
    row.key = queue_destination_key(destination);
    row.ready = info.ready;
    row.deferred = info.deferred;
    row.active = info.active;
    row.held = info.held;
    row.connections = info.connections;
    row.window = info.window;
    row.failures = info.failures;
    row.dead_until = info.dead_until;
    if (info.reason) {
        smtp_status_write(enhanced, info.reason->status);
        row.code = info.reason->code;
        row.enhanced = enhanced;
        row.host = info.reason->host;
        row.text = info.reason->text;
    }
    store_control_destination_write(out, &row);
}
