/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * From what the store finds to a message with jobs.
 */
#include <string.h>

#include <apr_strings.h>

#include "queue_engine_private.h"
#include "queue_memory.h"
#include "queue_twin.h"

/** One message on its way in. */
typedef struct intake_t {
    queue_engine_t *engine;
    apr_pool_t *p;
    const queue_found_t *found;
    const store_envelope_t *envelope;
    const queue_vhost_t *vhost;
    const apr_array_header_t *recipients; /* store_queued_recipient_t */
    queue_message_t *message;
} intake_t;

static const store_recipient_t *recipient_of(const intake_t *in, int i)
{
    const store_queued_recipient_t *queued =
        &APR_ARRAY_IDX(in->recipients, i, store_queued_recipient_t);

    return &APR_ARRAY_IDX(in->envelope->recipients, queued->recipient,
                          store_recipient_t);
}

/* NULL: it is relayed. */
static const store_mailbox_t *mailbox_of(const intake_t *in, int i)
{
    int mailbox = APR_ARRAY_IDX(in->recipients, i,
                                store_queued_recipient_t).mailbox;

    return mailbox < 0 ? NULL
         : &APR_ARRAY_IDX(recipient_of(in, i)->mailboxes, mailbox,
                          store_mailbox_t);
}

static const char *address_of(const intake_t *in, int i)
{
    const store_mailbox_t *mailbox = mailbox_of(in, i);

    return mailbox ? mailbox->delivered_to
                   : recipient_of(in, i)->forward_path;
}

/* ---- The message ---- */

/* What rules may ask about, but the recipient. */
static void route_facts_fill(const intake_t *in, queue_route_facts_t *facts)
{
    memset(facts, 0, sizeof(*facts));
    facts->vhost = in->vhost;
    facts->reverse_path = in->envelope->reverse_path;
    facts->login = in->envelope->login;
    facts->client = in->envelope->client;
}

/* RFC 6710: a priority that came with the mail counts before what its header
 * and the configuration say. */
static queue_priority_e priority_of(const intake_t *in)
{
    const store_envelope_t *envelope = in->envelope;
    queue_route_facts_t facts;

    if (in->found->priority >= 0) {
        return (queue_priority_e)in->found->priority;
    }
    if (envelope->flags & STORE_ENVELOPE_HAS_PRIORITY
        && envelope->priority) {
        return envelope->priority > 0 ? QUEUE_PRIORITY_URGENT
                                      : QUEUE_PRIORITY_BULK;
    }
    if (envelope->flags & STORE_ENVELOPE_BULK) {
        return QUEUE_PRIORITY_BULK;
    }
    route_facts_fill(in, &facts);
    return queue_route_priority(in->p, &facts);
}

static void facts_fill(const intake_t *in, queue_message_facts_t *facts)
{
    const store_envelope_t *envelope = in->envelope;
    const char **addresses =
        apr_palloc(in->p, (apr_size_t)in->recipients->nelts
                          * sizeof(*addresses));
    int i;

    for (i = 0; i < in->recipients->nelts; i++) {
        addresses[i] = address_of(in, i);
    }
    facts->id = envelope->id;
    facts->reverse_path = envelope->reverse_path;
    facts->sender = envelope->login;
    facts->vhost = in->vhost;
    facts->segment = in->found->place.segment;
    facts->place = in->found->place.place;
    facts->arrived = envelope->arrived;
    facts->queued = envelope->queued;
    facts->expires = queue_retry_expires(&in->vhost->retry,
                                         envelope->arrived,
                                         !*envelope->reverse_path);
    facts->size_octets = in->found->size_octets;
    facts->priority = priority_of(in);
    facts->addresses = addresses;
    facts->recipient_count = (apr_uint32_t)in->recipients->nelts;
}

/* What the notes say of a recipient. */
static void state_restore(const intake_t *in, int i)
{
    queue_message_t *message = in->message;
    queue_recipient_t *recipient = &message->recipients[i];
    const store_queued_state_t *state = &in->found->states[i];

    recipient->attempts = (unsigned char)(state->attempts < 255
                                          ? state->attempts : 255);
    recipient->is_warned = in->found->warned[i];
    switch (state->what) {
    case STORE_QUEUED_SENT:
        queue_message_recipient_end(message, recipient,
                                    QUEUE_RECIPIENT_SENT);
        break;
    case STORE_QUEUED_FAILED:
        queue_message_recipient_end(message, recipient,
                                    QUEUE_RECIPIENT_FAILED);
        break;
    case STORE_QUEUED_DELETED:
        queue_message_recipient_end(message, recipient,
                                    QUEUE_RECIPIENT_DELETED);
        break;
    case STORE_QUEUED_DEFERRED:
        recipient->reason =
            queue_reason_get(in->engine->reasons, (int)state->code,
                             store_queued_status_unpack(state->status),
                             state->host, state->text);
        break;
    default:
        break;
    }
}

/* Where no alias is, there are as many as the client asked for; a mailing need
 * not be looked through. */
static int has_twins(const intake_t *in, const queue_message_facts_t *facts)
{
    int i;

    for (i = 0; i < in->recipients->nelts; i++) {
        if (mailbox_of(in, i)) {
            return queue_twin_is_any(in->p, facts->addresses,
                                     facts->recipient_count);
        }
    }
    return 0;
}

static void message_make(intake_t *in)
{
    queue_message_facts_t facts = { 0 };
    int i;

    facts_fill(in, &facts);
    in->message = queue_message_create(&facts);
    in->message->has_twins = has_twins(in, &facts) != 0;
    in->message->is_held = in->found->is_held;
    for (i = 0; in->found->states && i < in->recipients->nelts; i++) {
        state_restore(in, i);
    }
}

/* ---- Routes and destinations ---- */

/* A copy of a string behind *@a room; NULL stays NULL. */
static const char *copy(char **room, const char *s)
{
    char *at = *room;

    if (!s) {
        return NULL;
    }
    *room += strlen(s) + 1;
    return strcpy(at, s);
}

static apr_size_t room_for(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

/* One block, since there may be hundreds of thousands. Who logs in, and what
 * is written in the configuration, lives as long as that. */
static queue_hop_t *hop_create(const queue_found_route_t *found,
                               const queue_vhost_t *vhost, apr_int64_t flags)
{
    const queue_route_t *route = found->route;
    queue_hop_t *hop =
        queue_memory_create(1, sizeof(*hop) + room_for(found->domain)
                               + room_for(route->spec)
                               + room_for(route->host)
                               + room_for(route->path)
                               + room_for(route->text));
    char *room = (char *)(hop + 1);

    hop->route = *route;
    hop->route.spec = copy(&room, route->spec);
    hop->route.host = copy(&room, route->host);
    hop->route.path = copy(&room, route->path);
    hop->route.text = copy(&room, route->text);
    hop->domain = copy(&room, found->domain);
    hop->conf = found->conf;
    hop->helo = vhost->s->server_hostname;
    hop->requires_tls = (flags & STORE_ENVELOPE_REQUIRETLS) != 0;
    hop->is_tls_optional = (flags & STORE_ENVELOPE_TLS_OPTIONAL) != 0;
    /* Policies do not count for such mail, and reports themselves are (RFC
     * 8460 3: not told in the next report). */
    hop->reports_tls = vhost->tls_report && !hop->is_tls_optional;
    return hop;
}

/* Mail that requires TLS (RFC 8689) never goes over a connection that was made
 * for other mail: it has a destination of its own. The same of mail for which
 * TLS may fail. */
static const char *key_make(const intake_t *in,
                            const queue_found_route_t *found)
{
    apr_int64_t flags = in->envelope->flags;

    return flags & STORE_ENVELOPE_REQUIRETLS
           ? apr_pstrcat(in->p, found->key, " requiretls", NULL)
         : flags & STORE_ENVELOPE_TLS_OPTIONAL
           ? apr_pstrcat(in->p, found->key, " tls-optional", NULL)
         : found->key;
}

static queue_destination_t *destination_get(const intake_t *in,
                                            const queue_found_route_t *found)
{
    const char *key = key_make(in, found);
    queue_schedule_t *schedule = in->engine->schedule;
    apr_time_t now = queue_loop_now(in->engine->loop);
    queue_destination_t *destination = queue_schedule_find(schedule, key);

    if (!destination) {
        queue_hop_t *hop = hop_create(found, in->vhost, in->envelope->flags);
        queue_limits_t limits = found->conf->limits;

        /* Who fetches it has one connection; so nobody else gets any. */
        if (hop->route.kind == QUEUE_ROUTE_ON_DEMAND) {
            limits = (queue_limits_t){ .connections = 1 };
        }
        destination = queue_schedule_destination(schedule, key, &limits, hop,
                                                 now);
        hop->destination = destination;
    }
    return destination;
}

static queue_destination_t *destination_of(const intake_t *in, int i)
{
    const store_mailbox_t *mailbox = mailbox_of(in, i);
    queue_found_route_t found = { 0 };
    queue_route_facts_t facts;

    route_facts_fill(in, &facts);
    facts.forward_path = address_of(in, i);
    /* Where an alias leads to is as good as any address elsewhere. */
    if (mailbox && strcmp(mailbox->method, SMTP_MAILBOX_FORWARD)) {
        facts.method = mailbox->method;
        facts.argument = mailbox->argument;
    }
    queue_route_find(in->p, &facts, &found);
    return destination_get(in, &found);
}

static void jobs_make(const intake_t *in)
{
    queue_message_t *message = in->message;
    queue_destination_t **destinations =
        apr_pcalloc(in->p, message->recipient_count
                           * sizeof(*destinations));
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].state == QUEUE_RECIPIENT_WAITING) {
            destinations[i] = destination_of(in, (int)i);
        }
    }
    queue_message_jobs_make(message, destinations);
}

/* When the earliest recipient of the job is tried again; 0: now. The job has
 * made as many rounds as the one of them who was tried most. */
static apr_time_t job_restore(const intake_t *in, queue_job_t *job)
{
    queue_message_t *message = in->message;
    apr_time_t first = 0;
    int is_first = 1;
    apr_uint32_t i;

    for (i = 0; in->found->states && i < message->recipient_count; i++) {
        apr_time_t next = in->found->states[i].next;

        if (message->recipients[i].job == job) {
            if (message->recipients[i].attempts > job->attempts) {
                job->attempts = message->recipients[i].attempts;
            }
            if (is_first || next < first) {
                first = next;
                is_first = 0;
            }
        }
    }
    return first;
}

static void jobs_schedule(const intake_t *in)
{
    queue_engine_t *engine = in->engine;
    apr_time_t now = queue_loop_now(engine->loop);
    apr_uint32_t i;

    for (i = 0; i < in->message->job_count; i++) {
        queue_job_t *job = &in->message->jobs[i];
        apr_time_t when = job_restore(in, job);

        if (queue_delivery_is_on_demand(job)) {
            when = in->message->expires;
        }
        if (in->message->is_held) {
            queue_schedule_hold(engine->schedule, job);
        }
        else if (when > now) {
            queue_schedule_defer(engine->schedule, job, when);
            queue_engine_kick(engine);
        }
        else {
            queue_schedule_add(engine->schedule, job, now);
            queue_delivery_offer(engine, job);
        }
    }
}

void queue_intake_found(void *baton, const queue_found_t *found)
{
    queue_engine_t *engine = baton;
    intake_t in = { 0 };

    if (queue_engine_find(engine, found->envelope->id)) {
        queue_store_forget(engine->store, &found->place);
        return;
    }
    in.engine = engine;
    in.p = found->pool;
    in.found = found;
    in.envelope = found->envelope;
    in.vhost = queue_conf_vhost_find(engine->conf, found->envelope->vhost);
    in.recipients = store_queued_recipients(in.p, in.envelope);
    message_make(&in);
    queue_engine_insert(engine, in.message);
    jobs_make(&in);
    /* A job may be over as soon as it is known. */
    in.message->tasks++;
    jobs_schedule(&in);
    in.message->tasks--;
    queue_settle_message_check(engine, in.message);
}
