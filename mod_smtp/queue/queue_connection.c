/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * One step() after the other, as far as they go without waiting: the next
 * host, its next address, connecting, the session; what comes from DNS, the
 * socket or the clock only begins that again. Call-backs of the user are made
 * from there and from queue_connection_abort() alone, so that whoever is
 * called back may do what it likes.
 */
#include "queue_connection_private.h"

#include <string.h>

#include <apr_strings.h>

#include <http_log.h>

#include "queue_log.h"
#include "queue_tally.h"

APLOG_USE_MODULE(smtp_queue);

static const char *const state_names[] = {
    "begin", "host", "address", "connect", "session", "over"
};

static apr_time_t now_get(const queue_connection_t *c)
{
    return queue_loop_now(c->network->loop);
}

static smtp_client_t *client_get(const queue_connection_t *c)
{
    return queue_session_client(c->session);
}

void queue_connection_state_set(queue_connection_t *c,
                                queue_state_e state)
{
    ap_log_error(APLOG_MARK, APLOG_TRACE2, 0, c->network->server,
                 "connection %pp: %s -> %s", (void *)c,
                 state_names[c->state], state_names[state]);
    c->state = state;
}

/** The domain is a recipient's: it may be no domain. */
const char *queue_connection_domain_write(const queue_connection_t *c)
{
    return smtp_outcome_text(c->pool, c->conf.domain);
}

const char *queue_connection_peer_write(const queue_connection_t *c)
{
    const queue_peer_t *peer = &c->peer;

    if (*peer->address == '\0') {
        return *peer->host != '\0' ? peer->host : "DNS";
    }
    return apr_psprintf(c->pool, "%s[%s]:%d", c->host->is_literal
                                              ? "" : peer->host,
                        peer->address, peer->port);
}

/* The end. */

static apr_status_t connection_end(void *data)
{
    queue_connection_t *c = data;

    queue_timer_clear(&c->timer);
    queue_attempt_end(c);
    return APR_SUCCESS;
}

/** Tells the user; frees, if nobody on the way here would miss it. */
static void close_tell(queue_connection_t *c, const smtp_outcome_t *failure)
{
    if (APLOGdebug(c->network->server)) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, c->network->server,
                     QUEUE_LOGNO(4153) "mail for %s: connection to %s ends"
                     " after %u messages: %s", queue_connection_domain_write(c),
                     queue_connection_peer_write(c), c->peer.messages,
                     failure ? failure->text : "in good order");
    }
    queue_connection_state_set(c, QUEUE_STATE_OVER);
    c->user.closed(c->baton, c, failure);
    if (!c->is_running) {
        apr_pool_destroy(c->pool);
    }
}

void queue_connection_give_up(queue_connection_t *c)
{
    if (c->failure.result == SMTP_OUTCOME_PENDING) {
        const smtp_status_t no_host = { 4, 4, 4 };

        smtp_outcome_of_status(SMTP_STAGE_CONNECT, no_host,
                               "there is no host to try", &c->failure);
        c->failure_peer = c->peer;
    }
    c->peer = c->failure_peer;
    close_tell(c, &c->failure);
}

static void message_tell(queue_connection_t *c)
{
    smtp_client_message_t *message = c->message;

    c->message = NULL;
    c->user.done(c->baton, c, message);
}

/* The session. */

/** Whether the same address may be tried again in the clear: TLS was not
 *  demanded, and it is TLS that failed (RFC 7435): its handshake, or what some
 *  firewalls do with the first octets after it. */
static int may_try_clear(const queue_connection_t *c,
                         const smtp_outcome_t *failure)
{
    return !c->session_conf.is_implicit_tls
           && c->session_conf.client.tls == SMTP_CLIENT_TLS_MAY
           && queue_session_tls(c->session) != NULL
           && failure->code == 0
           && (failure->stage == SMTP_STAGE_TLS
               || failure->stage == SMTP_STAGE_EHLO);
}

/** RFC 8689 4.2.1: whoever does not know REQUIRETLS is not given such mail. */
static int lacks_requiretls(const queue_connection_t *c)
{
    const smtp_tls_info_t *tls = queue_session_tls(c->session);

    return c->conf.requires_tls
           && (tls == NULL || !tls->is_verified
               || !(smtp_client_offer(client_get(c))->set
                    & SMTP_EXTENSION_REQUIRETLS));
}

static void session_quit(queue_connection_t *c)
{
    c->is_offered = 0;
    smtp_client_quit(client_get(c), now_get(c));
}

static void requiretls_refuse(queue_connection_t *c)
{
    const smtp_status_t unable = { 5, 7, 30 };
    smtp_outcome_t refusal;

    smtp_outcome_of_status(SMTP_STAGE_NEED, unable,
                           "REQUIRETLS is not offered, or the peer is not"
                           " verified", &refusal);
    queue_attempt_failure_note(c, &refusal);
}

static int is_used_up(const queue_connection_t *c)
{
    const int max = c->conf.conf->messages_per_connection;

    return !smtp_client_has_room(client_get(c))
           || (max > 0 && c->peer.messages >= (unsigned int)max);
}

static void ready_log(const queue_connection_t *c)
{
    const smtp_tls_info_t *tls = c->peer.tls;

    if (APLOGdebug(c->network->server)) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, c->network->server,
                     QUEUE_LOGNO(4152) "mail for %s: connected to %s from"
                     " %s, %s%s%s%s%s%s", queue_connection_domain_write(c),
                     queue_connection_peer_write(c),
                     c->peer.source, tls ? tls->protocol : "in the clear",
                     tls ? " " : "", tls ? tls->cipher : "",
                     tls == NULL || !tls->is_verified ? ""
                     : tls->is_dane ? ", verified by DANE" : ", verified",
                     tls && tls->detail ? ", though: " : "",
                     tls && tls->detail ? tls->detail : "");
    }
}

/** The session waits for us. */
static int ready_step(queue_connection_t *c)
{
    if (c->message != NULL) {
        message_tell(c);
        return 1;
    }
    if (c->is_offered) {
        return 0;
    }
    if (c->peer.ready == 0 && lacks_requiretls(c)) {
        requiretls_refuse(c);
        session_quit(c);
        return 1;
    }
    if (c->peer.messages > 0 && is_used_up(c)) {
        session_quit(c);
        return 1;
    }
    if (c->peer.ready == 0) {
        queue_tally_session(c, NULL);
        c->peer.ready = now_get(c);
        ready_log(c);
    }
    c->is_offered = 1;
    c->deadline = now_get(c) + c->conf.conf->idle;
    c->user.ready(c->baton, c);
    return 1;
}

/** A session that never came to take mail: the next address or host, unless
 *  the reason would be the same there. */
static void session_fail(queue_connection_t *c)
{
    const smtp_outcome_t *failure = smtp_client_failure(client_get(c));
    const int is_login = failure != NULL
                         && failure->stage == SMTP_STAGE_AUTH
                         && failure->code >= 500;

    if (failure != NULL) {
        queue_tally_session(c, failure);
    }
    if (failure != NULL && may_try_clear(c, failure)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->network->server,
                     QUEUE_LOGNO(4151) "mail for %s: %s: %s: %s; trying"
                     " without TLS", queue_connection_domain_write(c),
                     queue_connection_peer_write(c),
                     smtp_stage_name(failure->stage), failure->text);
        c->is_clear = 1;
        c->address--;
        c->attempts--;
    }
    else if (failure != NULL && c->conf.requires_tls
             && failure->code == 0
             && failure->stage == SMTP_STAGE_STARTTLS) {
        requiretls_refuse(c);
    }
    else if (failure != NULL) {
        queue_attempt_failure_note(c, failure);
    }
    queue_attempt_end(c);
    if (is_login) {
        /* Each host more would be an attempt more to guess a password. */
        queue_connection_give_up(c);
        return;
    }
    queue_connection_state_set(c, QUEUE_STATE_ADDRESS);
}

/** Whether the end of the session cost somebody an attempt: not when it was
 *  idle, nor when a message met a kept connection that had gone. */
static int has_harmed(const smtp_client_message_t *message,
                      const smtp_outcome_t *failure)
{
    apr_size_t i;

    for (i = 0; message != NULL && i < message->rcpt_count; i++) {
        const smtp_outcome_t *outcome = &message->rcpts[i].outcome;

        if (outcome->result == SMTP_OUTCOME_DEFERRED && !outcome->retry_now
            && outcome->stage == failure->stage
            && outcome->code == failure->code) {
            return 1;
        }
    }
    return 0;
}

/** The session is over. */
static int closed_step(queue_connection_t *c)
{
    const smtp_outcome_t *failure = smtp_client_failure(client_get(c));
    smtp_outcome_t copy;

    if (c->peer.ready == 0) {
        session_fail(c);
        return 1;
    }
    if (failure != NULL && has_harmed(c->message, failure)) {
        copy = *failure;
        failure = &copy;
    }
    else {
        failure = NULL;
    }
    if (c->message != NULL) {
        message_tell(c);
    }
    if (c->state != QUEUE_STATE_OVER) {
        close_tell(c, failure);
    }
    return 0;
}

static int session_step(queue_connection_t *c)
{
    queue_session_write(c->session);
    c->peer.tls = queue_session_tls(c->session);
    switch (smtp_client_state(client_get(c))) {
    case SMTP_CLIENT_READY:
        return ready_step(c);
    case SMTP_CLIENT_CLOSED:
        return closed_step(c);
    case SMTP_CLIENT_BUSY:
    case SMTP_CLIENT_TLS:
        break;
    }
    return 0;
}

/* Steps. */

static int step(queue_connection_t *c)
{
    switch (c->state) {
    case QUEUE_STATE_BEGIN:
        if (c->conf.is_connected) {
            queue_attempt_adopt(c);
        }
        else {
            queue_connection_state_set(c, QUEUE_STATE_HOST);
        }
        return 1;
    case QUEUE_STATE_HOST:
        return queue_attempt_host_step(c);
    case QUEUE_STATE_ADDRESS:
        return queue_attempt_address_step(c);
    case QUEUE_STATE_SESSION:
        return session_step(c);
    case QUEUE_STATE_CONNECT:
    case QUEUE_STATE_OVER:
        break;
    }
    return 0;
}

/** When timer_fire() has something to do; 0: never. */
static apr_time_t deadline_get(const queue_connection_t *c)
{
    switch (c->state) {
    case QUEUE_STATE_BEGIN:
        return now_get(c);
    case QUEUE_STATE_CONNECT:
        return c->deadline;
    case QUEUE_STATE_SESSION:
        break;
    default:
        return 0;
    }
    switch (smtp_client_state(client_get(c))) {
    case SMTP_CLIENT_READY:
        return c->is_offered ? c->deadline : now_get(c);
    case SMTP_CLIENT_CLOSED:
        return now_get(c);
    default:
        return queue_session_deadline(c->session);
    }
}

/** A timer that fires too early is set again then: cheaper than to move it
 *  with each reply. */
static void timer_adjust(queue_connection_t *c)
{
    apr_time_t deadline = deadline_get(c);

    if (deadline != 0 && (c->timer_at == 0 || deadline < c->timer_at)) {
        c->timer_at = deadline;
        queue_timer_set(&c->timer, deadline);
    }
}

static void run(queue_connection_t *c)
{
    if (c->is_running) {
        return;
    }
    c->is_running = 1;
    while (step(c)) {
    }
    c->is_running = 0;
    if (c->state == QUEUE_STATE_OVER) {
        apr_pool_destroy(c->pool);
        return;
    }
    timer_adjust(c);
}

/* What wakes it. */

static void host_wake(void *baton)
{
    run(baton);
}

/** The policy is that of the next hop's domain (RFC 8461 2). */
static void sts_begin(queue_connection_t *c)
{
    const char *domain = queue_hosts_domain(c->hosts);

    if (c->network->sts != NULL && !c->conf.is_tls_optional
        && *domain != '\0' && *domain != '['
        && queue_tls_wants_sts(c->conf.conf, c->conf.route)) {
        c->sts = queue_sts_ask(c->network->sts, c->pool, domain, host_wake,
                               c);
    }
}

void queue_connection_event(void *baton, int events)
{
    queue_connection_t *c = baton;

    if (c->state == QUEUE_STATE_SESSION) {
        queue_session_events(c->session, events);
    }
    else if (c->state == QUEUE_STATE_CONNECT) {
        queue_attempt_connected(c);
    }
    run(c);
}

static void timer_fire(void *baton)
{
    queue_connection_t *c = baton;
    apr_time_t deadline = deadline_get(c);

    c->timer_at = 0;
    if (deadline == 0 || deadline > now_get(c)) {
        timer_adjust(c);
        return;
    }
    if (c->state == QUEUE_STATE_CONNECT) {
        queue_attempt_fail(c, SMTP_LOSS_TIMEOUT, NULL);
    }
    else if (c->state == QUEUE_STATE_SESSION) {
        if (c->is_offered) {
            session_quit(c);
        }
        else if (queue_session_deadline(c->session) != 0) {
            queue_session_late(c->session);
        }
    }
    run(c);
}

/* What others call. */

queue_connection_t *queue_connection_open(apr_pool_t *p,
                                          queue_network_t *network,
                                          const queue_connection_conf_t *conf,
                                          const queue_connection_user_t *user,
                                          void *baton)
{
    queue_connection_t *c;
    apr_pool_t *pool;

    apr_pool_create(&pool, p);
    c = apr_pcalloc(pool, sizeof(*c));
    c->pool = pool;
    c->network = network;
    c->conf = *conf;
    c->user = *user;
    c->baton = baton;
    c->fd = conf->is_connected ? conf->fd : -1;
    c->peer.host = c->peer.address = c->peer.source = "";
    c->peer.began = now_get(c);
    c->hosts_conf.route = conf->route;
    c->hosts_conf.conf = conf->conf;
    c->hosts_conf.domain = conf->domain;
    c->hosts_conf.has_dane = queue_tls_wants_dane(conf->conf, conf->route)
                             && (!conf->is_tls_optional
                                 || conf->conf->tls == SMTP_TLS_DANE);
    if (!conf->is_connected) {
        c->hosts = queue_hosts_create(pool, network, &c->hosts_conf,
                                      host_wake, c);
        sts_begin(c);
    }
    c->tls_facts.conf = conf->conf;
    c->tls_facts.is_implicit_tls = conf->route->is_implicit_tls;
    c->tls_facts.requires_tls = conf->requires_tls;
    queue_timer_init(&c->timer, network->loop, timer_fire, c);
    apr_pool_pre_cleanup_register(pool, c, connection_end);
    timer_adjust(c);
    return c;
}

/** Outside of step() nobody is called back: what follows comes by the
 *  timer. */
static void session_go_on(queue_connection_t *c)
{
    if (!c->is_running) {
        queue_session_write(c->session);
        timer_adjust(c);
    }
}

void queue_connection_send(queue_connection_t *c,
                           smtp_client_message_t *message)
{
    c->is_offered = 0;
    c->message = message;
    c->peer.message = now_get(c);
    c->peer.messages++;
    smtp_client_begin(client_get(c), message, now_get(c));
    session_go_on(c);
}

int queue_connection_is_ready(const queue_connection_t *c)
{
    return c->state == QUEUE_STATE_SESSION && c->is_offered;
}

void queue_connection_quit(queue_connection_t *c)
{
    if (queue_connection_is_ready(c)) {
        session_quit(c);
        session_go_on(c);
    }
}

void queue_connection_abort(queue_connection_t *c, const char *why)
{
    smtp_outcome_t failure;

    if (c->state == QUEUE_STATE_OVER) {
        return;
    }
    smtp_outcome_of_loss(c->pool, SMTP_STAGE_NONE, SMTP_LOSS_STOPPED, why,
                         &failure);
    if (c->session != NULL) {
        failure.stage = smtp_client_stage(client_get(c));
        smtp_client_lost(client_get(c), SMTP_LOSS_STOPPED, why);
    }
    queue_connection_state_set(c, QUEUE_STATE_OVER);
    if (c->message != NULL) {
        message_tell(c);
    }
    close_tell(c, &failure);
}

int queue_connection_is_harmless(const queue_connection_t *c)
{
    smtp_stage_e stage;

    if (c->message == NULL || c->session == NULL) {
        return 1;
    }
    stage = smtp_client_stage(client_get(c));
    return stage != SMTP_STAGE_END
           && (stage != SMTP_STAGE_BLOCK
               || queue_session_has_output(c->session));
}

const queue_peer_t *queue_connection_peer(const queue_connection_t *c)
{
    return &c->peer;
}
