/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Jobs meet connections.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>

#include "queue_engine_private.h"
#include "queue_verdict.h"
#include "store_segment.h"

APLOG_USE_MODULE(smtp_queue);

/* Jobs settled without a connection in one turn of the loop: each may cost a
 * file. */
#define DRAIN_SLICE 100
/* After a failure of our own disk. */
#define POSTPONE    apr_time_from_sec(300)

static void link_feed(queue_link_t *link);

static queue_hop_t *hop_of(const queue_job_t *job)
{
    return queue_destination_baton(job->destination);
}

int queue_delivery_is_on_demand(const queue_job_t *job)
{
    return hop_of(job)->route.kind == QUEUE_ROUTE_ON_DEMAND;
}

static int is_sent_by_connection(const queue_hop_t *hop)
{
    return hop->route.kind <= QUEUE_ROUTE_LMTP_UNIX;
}

/* ---- Jobs that are settled without a connection ---- */

static void drain_begin(queue_engine_t *engine, queue_hop_t *hop)
{
    if (!hop->is_draining) {
        hop->is_draining = 1;
        hop->next_draining = engine->draining;
        engine->draining = hop;
        queue_timer_set(&engine->drain, queue_loop_now(engine->loop));
    }
}

/* The verdict that all ready jobs of the hop share; its text is copied. */
static void drain_with(queue_engine_t *engine, queue_hop_t *hop,
                       const smtp_outcome_t *verdict)
{
    free(hop->verdict_text);
    hop->verdict_text = strdup(verdict->text);
    hop->verdict = *verdict;
    hop->verdict.text = hop->verdict_text ? hop->verdict_text : "no memory";
    drain_begin(engine, hop);
}

/* Routes that lead to no host have their outcome at once; the draining takes
 * the place of the only connection. */
static void serve_route(queue_engine_t *engine, queue_hop_t *hop)
{
    const queue_route_t *route = &hop->route;
    smtp_outcome_t verdict = { 0 };

    if (route->kind == QUEUE_ROUTE_DISCARD) {
        verdict.result = SMTP_OUTCOME_DELIVERED;
        verdict.status = (smtp_status_t){ 2, 0, 0 };
        verdict.text = "discarded: SMTPRoute";
    }
    else if (route->kind == QUEUE_ROUTE_ON_DEMAND) {
        smtp_outcome_of_status(SMTP_STAGE_NONE, (smtp_status_t){ 4, 4, 1 },
                               "nobody has fetched it", &verdict);
    }
    else {
        smtp_outcome_of_status(SMTP_STAGE_NONE, route->status, route->text,
                               &verdict);
    }
    hop->is_served = 1;
    queue_schedule_opened(hop->destination, queue_loop_now(engine->loop));
    drain_with(engine, hop, &verdict);
}

/* RFC 5321 4.5.4.1: who cannot be reached is not tried for each mail anew. */
static void drain_dead(queue_engine_t *engine, queue_hop_t *hop)
{
    queue_destination_info_t info;
    smtp_outcome_t verdict = { 0 };

    queue_destination_info_get(hop->destination, &info);
    apr_pool_clear(engine->scratch);
    verdict.result = SMTP_OUTCOME_DEFERRED;
    verdict.stage = SMTP_STAGE_CONNECT;
    verdict.status = info.reason ? info.reason->status
                                 : (smtp_status_t){ 4, 4, 1 };
    verdict.text = apr_psprintf(engine->scratch, "not tried now: %s",
                                info.reason ? info.reason->text
                                            : "it does not answer");
    drain_with(engine, hop, &verdict);
}

int queue_delivery_is_in_round(const queue_job_t *job, apr_uint32_t i)
{
    const queue_recipient_t *recipient = &job->message->recipients[i];

    return recipient->job == job
           && recipient->state == QUEUE_RECIPIENT_WAITING
           && recipient->attempts < job->attempts;
}

static apr_uint32_t indices_of(const queue_job_t *job, apr_uint32_t *indices)
{
    apr_uint32_t i, count = 0;

    for (i = 0; i < job->message->recipient_count; i++) {
        if (queue_delivery_is_in_round(job, i)) {
            indices[count++] = i;
        }
    }
    return count;
}

/* A round begins: each recipient that waits has its turn in it. 255 rounds are
 * as good as any number: from then on the one before counts again. */
static void round_begin(queue_job_t *job)
{
    queue_message_t *message = job->message;
    apr_uint32_t i;

    if (job->attempts < 255) {
        job->attempts++;
        return;
    }
    for (i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].job == job) {
            message->recipients[i].attempts = 254;
        }
    }
}

/* All that is left of the job's round comes to @a outcome. */
static void settle_unsent(queue_engine_t *engine, queue_job_t *job,
                          const smtp_outcome_t *outcome,
                          const queue_peer_t *peer)
{
    queue_settle_t settle = { 0 };
    const smtp_outcome_t **outcomes;
    apr_uint32_t *indices;
    apr_uint32_t i;

    apr_pool_clear(engine->scratch);
    settle.p = engine->scratch;
    settle.engine = engine;
    settle.job = job;
    settle.peer = peer;
    settle.taken = queue_loop_now(engine->loop);
    indices = apr_palloc(settle.p, job->message->recipient_count
                                   * sizeof(*indices));
    outcomes = apr_palloc(settle.p, job->message->recipient_count
                                    * sizeof(*outcomes));
    settle.count = indices_of(job, indices);
    for (i = 0; i < settle.count; i++) {
        outcomes[i] = outcome;
    }
    settle.indices = indices;
    settle.outcomes = outcomes;
    queue_settle(&settle);
}

/* Mail that is fetched, and was not: nothing has happened to it, unless its
 * time is over. */
static int waits_on(queue_engine_t *engine, queue_job_t *job)
{
    if (!queue_delivery_is_on_demand(job)
        || job->message->expires <= queue_loop_now(engine->loop)) {
        return 0;
    }
    queue_schedule_defer(engine->schedule, job, job->message->expires);
    return 1;
}

static int hop_drain(queue_engine_t *engine, queue_hop_t *hop)
{
    int i;

    for (i = 0; i < DRAIN_SLICE; i++) {
        queue_job_t *job = queue_schedule_take_dead(hop->destination);

        if (!job) {
            return 0;
        }
        if (!waits_on(engine, job)) {
            round_begin(job);
            settle_unsent(engine, job, &hop->verdict, NULL);
        }
    }
    return 1;
}

void queue_delivery_drain(queue_engine_t *engine)
{
    queue_hop_t **at = &engine->draining;

    while (*at && !engine->is_stopping) {
        queue_hop_t *hop = *at;

        if (hop_drain(engine, hop)) {
            at = &hop->next_draining;
        }
        else {
            *at = hop->next_draining;
            hop->is_draining = 0;
            if (hop->is_served) {
                hop->is_served = 0;
                queue_schedule_closed(hop->destination, QUEUE_CONNECTION_OK,
                                      NULL, queue_loop_now(engine->loop));
            }
        }
    }
}

void queue_delivery_hop_free(void *baton)
{
    queue_hop_t *hop = baton;

    free(hop->verdict_text);
    free(hop);
}

/* ---- A message for a connection ---- */

/* The mail cannot be read. What was damaged is set aside and gone; the rest
 * waits for better days. */
static void mail_failed(queue_link_t *link, apr_status_t rv)
{
    queue_job_t *job = link->job;
    queue_engine_t *engine = link->engine;
    unsigned int left_out;

    link->job = NULL;
    if (rv == STORE_EDAMAGED
        || queue_owed_say(engine, &engine->mail_said, &left_out)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     QUEUE_LOGNO(4060) "%s: the mail cannot be read",
                     job->message->id);
    }
    if (rv == STORE_EDAMAGED) {
        queue_settle_damaged(engine, job);
    }
    else {
        queue_settle_postpone(engine, job, POSTPONE);
    }
}

/* The next transaction of the job's round. @return 0: nobody is left in it */
static int link_send_round(queue_link_t *link)
{
    if (!queue_transaction_next(link)) {
        return 0;
    }
    queue_connection_send(link->connection, &link->message);
    return 1;
}

static int link_send(queue_link_t *link, queue_job_t *job)
{
    apr_status_t rv;

    link->job = job;
    link->taken = queue_loop_now(link->engine->loop);
    apr_pool_clear(link->mail_pool);
    rv = queue_store_mail_open(link->engine->store, job->message,
                               link->mail_pool, &link->mail);
    if (rv != APR_SUCCESS) {
        mail_failed(link, rv);
        return 0;
    }
    round_begin(job);
    return link_send_round(link);
}

/* ---- Connections ---- */

static void idle_add(queue_link_t *link)
{
    link->is_idle = 1;
    link->next_idle = link->hop->idle;
    link->hop->idle = link;
}

static void idle_remove(queue_link_t *link)
{
    queue_link_t **at = &link->hop->idle;

    if (!link->is_idle) {
        return;
    }
    while (*at != link) {
        at = &(*at)->next_idle;
    }
    *at = link->next_idle;
    link->is_idle = 0;
}

/* Gives the connection the next job, or lets it wait. */
static void link_feed(queue_link_t *link)
{
    apr_time_t now = queue_loop_now(link->engine->loop);
    queue_job_t *job;

    if (link->engine->is_stopping) {
        queue_connection_quit(link->connection);
        return;
    }
    do {
        while ((job = queue_schedule_take(link->hop->destination, now))) {
            if (link_send(link, job)) {
                return;
            }
        }
    } while (queue_turn_next(link));
    if (link->turn || queue_schedule_is_short(link->engine->schedule)) {
        queue_connection_quit(link->connection);
        return;
    }
    idle_add(link);
    queue_engine_kick(link->engine);
}

static void on_ready(void *baton, queue_connection_t *connection)
{
    queue_link_t *link = baton;

    link->connection = connection;
    if (link->job && queue_mail_rewind(link->mail) == APR_SUCCESS
        && link_send_round(link)) {
        return;
    }
    link_feed(link);
}

static void on_done(void *baton, queue_connection_t *connection,
                    smtp_client_message_t *message)
{
    queue_link_t *link = baton;
    queue_settle_t settle = { 0 };

    (void)message;
    settle.engine = link->engine;
    settle.job = link->job;
    settle.p = link->mail_pool;
    queue_transaction_outcomes(link, &settle);
    settle.peer = queue_connection_peer(connection);
    settle.mail = link->mail;
    settle.taken = link->taken;
    settle.may_repeat = 1;
    if (settle.count && !queue_settle(&settle)) {
        link->job = NULL;
    }
}

/* Why a connection failed, in the words that are kept. */
static const queue_reason_t *reason_of(queue_engine_t *engine,
                                       const smtp_outcome_t *failure,
                                       const char *host)
{
    return queue_reason_get(engine->reasons, failure->code, failure->status,
                            host, failure->text);
}

/* The connection never took mail. What is true of the destination for ever is
 * true for all that waits for it; else one job has had its attempt. */
static void link_failed(queue_link_t *link, const smtp_outcome_t *failure)
{
    queue_engine_t *engine = link->engine;
    queue_hop_t *hop = link->hop;
    const queue_peer_t *peer = queue_connection_peer(link->connection);
    apr_time_t now = queue_loop_now(engine->loop);
    queue_job_t *job;

    if (failure->result == SMTP_OUTCOME_FAILED) {
        drain_with(engine, hop, failure);
        return;
    }
    job = queue_schedule_take_dead(hop->destination);
    if (job) {
        round_begin(job);
        settle_unsent(engine, job, failure, peer);
    }
    if (queue_destination_is_dead(hop->destination, now)) {
        drain_dead(engine, hop);
    }
}

static void link_end(queue_link_t *link)
{
    APR_RING_REMOVE(link, ring);
    apr_pool_destroy(link->pool);
}

static void on_closed(void *baton, queue_connection_t *connection,
                      const smtp_outcome_t *failure)
{
    queue_link_t *link = baton;
    queue_engine_t *engine = link->engine;
    apr_time_t now = queue_loop_now(engine->loop);
    queue_destination_t *destination = link->hop->destination;
    const queue_peer_t *peer = queue_connection_peer(connection);
    const queue_reason_t *reason = NULL;
    smtp_outcome_t why;

    link->connection = connection;
    idle_remove(link);
    if (link->job) {
        queue_settle_return(engine, link->job);
        link->job = NULL;
    }
    if (link->is_stopping) {
        queue_schedule_closed(destination, QUEUE_CONNECTION_STOPPED, NULL,
                              now);
    }
    /* Who fetches his mail and goes is not gone for good. */
    else if (!failure || peer->ready || link->turn) {
        queue_schedule_closed(destination, QUEUE_CONNECTION_OK, NULL, now);
    }
    else {
        why = *failure;
        queue_verdict_connection(&why);
        reason = reason_of(engine, &why, peer->host);
        queue_schedule_closed(destination, QUEUE_CONNECTION_FAILED, reason,
                              now);
        link_failed(link, &why);
        queue_reason_release(engine->reasons, reason);
    }
    link_end(link);
    queue_engine_kick(engine);
}

static const queue_connection_user_t user = { on_ready, on_done, on_closed };

queue_link_t *queue_delivery_link_create(queue_engine_t *engine,
                                         queue_hop_t *hop)
{
    apr_pool_t *pool;
    queue_link_t *link;

    apr_pool_create(&pool, engine->pool);
    link = apr_pcalloc(pool, sizeof(*link));
    link->pool = pool;
    apr_pool_create(&link->mail_pool, pool);
    link->engine = engine;
    link->hop = hop;
    APR_RING_ELEM_INIT(link, ring);
    APR_RING_INSERT_TAIL(&engine->links, link, queue_link_t, ring);
    return link;
}

void queue_delivery_link_open(queue_link_t *link,
                              const queue_connection_conf_t *conf)
{
    queue_engine_t *engine = link->engine;

    link->connection = queue_connection_open(engine->pool, engine->network,
                                             conf, &user, link);
}

static void link_open(queue_engine_t *engine, queue_hop_t *hop)
{
    queue_connection_conf_t conf = { 0 };

    conf.route = &hop->route;
    conf.conf = hop->conf;
    conf.domain = hop->domain;
    conf.helo = hop->helo;
    conf.requires_tls = hop->requires_tls;
    conf.is_tls_optional = hop->is_tls_optional;
    conf.reports_tls = hop->reports_tls;
    queue_delivery_link_open(queue_delivery_link_create(engine, hop), &conf);
}

/* ---- What the scheduler wants ---- */

/* An idle connection takes the destination's next job, if it has not ended
 * itself meanwhile. */
static int feed_idle(queue_hop_t *hop)
{
    queue_link_t *link = hop->idle;

    while (link && !queue_connection_is_ready(link->connection)) {
        idle_remove(link);
        link = hop->idle;
    }
    if (!link) {
        return 0;
    }
    idle_remove(link);
    link_feed(link);
    return !link->is_idle;
}

static void serve(queue_engine_t *engine, queue_hop_t *hop)
{
    if (!is_sent_by_connection(hop)) {
        serve_route(engine, hop);
    }
    else if (!feed_idle(hop)) {
        queue_schedule_opened(hop->destination,
                              queue_loop_now(engine->loop));
        link_open(engine, hop);
    }
}

/* Others need them. */
static void idle_close(queue_engine_t *engine)
{
    queue_link_t *link = APR_RING_FIRST(&engine->links);

    while (link != APR_RING_SENTINEL(&engine->links, queue_link_t, ring)) {
        queue_link_t *next = APR_RING_NEXT(link, ring);

        if (link->is_idle) {
            idle_remove(link);
            queue_connection_quit(link->connection);
        }
        link = next;
    }
}

void queue_delivery_run(queue_engine_t *engine)
{
    apr_time_t now = queue_loop_now(engine->loop);
    queue_destination_t *destination;

    while ((destination = queue_schedule_next(engine->schedule, now))) {
        serve(engine, queue_destination_baton(destination));
    }
    if (queue_schedule_is_short(engine->schedule)) {
        idle_close(engine);
    }
}

void queue_delivery_offer(queue_engine_t *engine, queue_job_t *job)
{
    queue_hop_t *hop = hop_of(job);

    if (queue_destination_is_dead(job->destination,
                                  queue_loop_now(engine->loop))) {
        drain_dead(engine, hop);
    }
    else if (!feed_idle(hop)) {
        queue_engine_kick(engine);
    }
}
