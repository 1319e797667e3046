/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * One step() after the other, as far as they go without waiting: the next
 * host, its next address, connecting, the session; what comes from DNS, the
 * socket or the clock only begins that again. Call-backs of the user are made
 * from there and from queue_connection_abort() alone, so that whoever is
 * called back may do what it likes.
 */
#include "queue_connection.h"

#include <string.h>
#include <unistd.h>

#include <apr_base64.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <http_log.h>

#include "queue_host.h"
#include "queue_log.h"
#include "queue_session.h"
#include "queue_socket.h"
#include "queue_tls.h"

APLOG_USE_MODULE(smtp_queue);

#define TLS_TIMEOUT apr_time_from_sec(300)

/** Octets of randomness in a nonce of SCRAM (RFC 5802 5.1). */
#define NONCE_OCTETS 18

typedef enum {
    STATE_BEGIN = 0,             /**< the loop has not come by yet */
    STATE_HOST,                  /**< the next host is wanted; DNS is asked */
    STATE_ADDRESS,               /**< the next address is wanted */
    STATE_CONNECT,               /**< the peer's system is to answer */
    STATE_SESSION,
    STATE_OVER                   /**< the user knows */
} state_e;

static const char *const state_names[] = {
    "begin", "host", "address", "connect", "session", "over"
};

struct queue_connection_t {
    apr_pool_t *pool;
    queue_network_t *network;
    queue_connection_conf_t conf;
    queue_connection_user_t user;
    void *baton;
    queue_timer_t timer;
    apr_time_t timer_at;         /**< 0: it does not run */
    state_e state;
    unsigned int is_running : 1; /**< in step(): a call-back may have come */
    unsigned int is_offered : 1; /**< ready was told, nothing was sent yet */
    unsigned int is_clear : 1;   /**< this address once more, without TLS */

    queue_hosts_conf_t hosts_conf;
    queue_hosts_t *hosts;
    const queue_host_t *host;    /**< that is tried */
    int address;                 /**< index of the next of its addresses */
    int attempts;                /**< addresses tried */
    queue_tls_facts_t tls_facts;

    apr_pool_t *attempt_pool;    /**< of one address */
    int fd;                      /**< while connecting */
    queue_watch_t *watch;
    queue_session_conf_t session_conf;
    queue_session_t *session;
    apr_time_t deadline;         /**< to connect; of idleness */

    smtp_client_message_t *message; /**< at hand; NULL: none */
    queue_peer_t peer;
    smtp_outcome_t failure;      /**< of a host; pending: none yet */
    queue_peer_t failure_peer;
};

static apr_time_t now_get(const queue_connection_t *c)
{
    return queue_loop_now(c->network->loop);
}

static smtp_client_t *client_get(const queue_connection_t *c)
{
    return queue_session_client(c->session);
}

static void state_set(queue_connection_t *c, state_e state)
{
    ap_log_error(APLOG_MARK, APLOG_TRACE2, 0, c->network->server,
                 "%s: %s -> %s", c->conf.domain, state_names[c->state],
                 state_names[state]);
    c->state = state;
}

/* Failures. */

/** One host or address was of no use. What is temporary counts more than what
 *  is for ever: the mail may be taken there later (RFC 5321 5.1). */
static void failure_note(queue_connection_t *c, const smtp_outcome_t *failure)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->network->server,
                 QUEUE_LOGNO(4150) "mail for %s: %s[%s]:%d is of no use: %s:"
                 " %s", c->conf.domain, c->peer.host, c->peer.address,
                 c->peer.port, smtp_stage_name(failure->stage),
                 failure->text);
    if (c->failure.result == SMTP_OUTCOME_DEFERRED
        && failure->result == SMTP_OUTCOME_FAILED) {
        return;
    }
    c->failure = *failure;
    c->failure.text = apr_pstrdup(c->pool, failure->text);
    c->failure_peer = c->peer;
    if (c->peer.tls != NULL) {
        smtp_tls_info_t *tls = apr_pmemdup(c->pool, c->peer.tls,
                                           sizeof(*tls));

        tls->detail = tls->detail ? apr_pstrdup(c->pool, tls->detail) : NULL;
        c->failure_peer.tls = tls;
    }
}

/* The end. */

static void attempt_end(queue_connection_t *c)
{
    if (c->session == NULL && c->fd != -1) {
        queue_watch_end(c->watch);
        close(c->fd);
    }
    c->fd = -1;
    c->watch = NULL;
    c->session = NULL;
    c->peer.tls = NULL;
    if (c->attempt_pool != NULL) {
        apr_pool_destroy(c->attempt_pool);
        c->attempt_pool = NULL;
    }
}

static apr_status_t connection_end(void *data)
{
    queue_connection_t *c = data;

    queue_timer_clear(&c->timer);
    attempt_end(c);
    return APR_SUCCESS;
}

/** Tells the user; frees, if nobody on the way here would miss it. */
static void close_tell(queue_connection_t *c, const smtp_outcome_t *failure)
{
    state_set(c, STATE_OVER);
    c->user.closed(c->baton, c, failure);
    if (!c->is_running) {
        apr_pool_destroy(c->pool);
    }
}

/** All hosts were of no use. */
static void failure_tell(queue_connection_t *c)
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

/* Hosts. */

static void host_begin(queue_connection_t *c, const queue_host_t *host)
{
    smtp_outcome_t refusal;

    c->host = host;
    c->address = 0;
    c->peer.host = host->name;
    c->peer.address = c->peer.source = "";
    c->peer.port = host->path ? 0 : host->port;
    c->tls_facts.host = host;
    c->tls_facts.domain = queue_hosts_domain(c->hosts);
    queue_tls_choose(c->pool, &c->tls_facts, &c->session_conf.policy,
                     &refusal);
    if (host->failure.result != SMTP_OUTCOME_PENDING) {
        failure_note(c, &host->failure);
    }
    else if (refusal.result != SMTP_OUTCOME_PENDING) {
        failure_note(c, &refusal);
    }
    else {
        state_set(c, STATE_ADDRESS);
    }
}

/** @return whether there is something to go on with */
static int host_step(queue_connection_t *c)
{
    const queue_host_t *host;

    switch (queue_hosts_next(c->hosts, &host)) {
    case QUEUE_HOSTS_WAIT:
        return 0;
    case QUEUE_HOSTS_FOUND:
        host_begin(c, host);
        return 1;
    case QUEUE_HOSTS_END:
        break;
    }
    failure_tell(c);
    return 0;
}

/* Addresses. */

static void attempt_fail(queue_connection_t *c, smtp_loss_e loss,
                         const char *detail)
{
    smtp_outcome_t failure;

    smtp_outcome_of_loss(c->pool, SMTP_STAGE_CONNECT, loss, detail,
                         &failure);
    failure_note(c, &failure);
    attempt_end(c);
    state_set(c, STATE_ADDRESS);
}

static void attempt_error(queue_connection_t *c, apr_status_t rv)
{
    char words[128];

    attempt_fail(c, queue_socket_loss(rv),
                 apr_strerror(rv, words, sizeof(words)));
}

/** Randomness for SCRAM; without any there is none. */
static const char *nonce_make(apr_pool_t *p)
{
    unsigned char octets[NONCE_OCTETS];
    char *nonce = apr_palloc(p, apr_base64_encode_len(sizeof(octets)));

    if (apr_generate_random_bytes(octets, sizeof(octets)) != APR_SUCCESS) {
        return NULL;
    }
    apr_base64_encode_binary(nonce, octets, sizeof(octets));
    return nonce;
}

static void auth_set(queue_connection_t *c, smtp_client_auth_t *to)
{
    const queue_auth_t *auth = c->conf.route->auth;

    memset(to, 0, sizeof(*to));
    if (auth != NULL) {
        to->login = auth->login;
        to->password = auth->password;
        to->without_tls = auth->without_tls;
        to->nonce = nonce_make(c->attempt_pool);
    }
}

/** What the session is to be like, but for the TLS policy: that is the
 *  host's. */
static void session_conf_set(queue_connection_t *c,
                             const queue_source_t *source)
{
    const queue_destination_conf_t *conf = c->conf.conf;
    const queue_route_t *route = c->conf.route;
    smtp_client_conf_t *client = &c->session_conf.client;
    apr_interval_time_t tls_timeout = conf->timeout[SMTP_STAGE_TLS];

    client->helo = source != NULL && source->helo ? source->helo
                                                  : c->conf.helo;
    client->lmtp = route->kind == QUEUE_ROUTE_LMTP
                   || route->kind == QUEUE_ROUTE_LMTP_UNIX;
    client->tls = c->is_clear ? SMTP_CLIENT_TLS_NONE
        : smtp_tls_policy_starttls(&c->session_conf.policy);
    auth_set(c, &client->auth);
    memcpy(client->timeout, conf->timeout, sizeof(client->timeout));
    c->session_conf.tls = c->network->tls;
    c->session_conf.is_implicit_tls = c->tls_facts.is_implicit_tls;
    c->session_conf.timeout_tls = tls_timeout > 0 ? tls_timeout : TLS_TIMEOUT;
}

static void session_begin(queue_connection_t *c)
{
    apr_status_t rv;

    c->peer.source = queue_socket_source(c->pool, c->fd);
    rv = queue_session_create(c->attempt_pool, c->network->loop, c->fd,
                              c->watch, &c->session_conf, &c->session);
    if (rv != APR_SUCCESS) {
        attempt_fail(c, SMTP_LOSS_STOPPED, "the session cannot be begun:"
                     " our name, a login or TLS is not as it must be");
        return;
    }
    state_set(c, STATE_SESSION);
}

static void connect_event(void *baton, int events);

/** @param rv  of connect(): APR_SUCCESS or APR_EINPROGRESS */
static void connect_begin(queue_connection_t *c, apr_status_t begun)
{
    const int is_there = begun == APR_SUCCESS;
    apr_status_t rv = queue_watch_begin(c->network->loop, c->attempt_pool,
                                        c->fd, is_there ? APR_POLLIN
                                                        : APR_POLLOUT,
                                        connect_event, c, &c->watch);

    if (rv != APR_SUCCESS) {
        attempt_error(c, rv);
    }
    else if (is_there) {
        session_begin(c);
    }
    else {
        c->deadline = now_get(c) + c->conf.conf->timeout_connect;
        state_set(c, STATE_CONNECT);
    }
}

/** The address or socket at hand. */
static void connect_try(queue_connection_t *c, const queue_source_t *source,
                        const queue_endpoint_t *endpoint)
{
    apr_status_t rv;

    c->attempts++;
    apr_pool_create(&c->attempt_pool, c->pool);
    session_conf_set(c, source);
    rv = queue_socket_connect(endpoint, source ? &source->address : NULL,
                              &c->fd);
    if (rv == APR_SUCCESS || APR_STATUS_IS_EINPROGRESS(rv)) {
        connect_begin(c, rv);
    }
    else {
        attempt_error(c, rv);
    }
}

static void ip_try(queue_connection_t *c)
{
    const queue_source_t *source;
    queue_endpoint_t endpoint = { NULL, { 0 }, c->host->port };

    endpoint.address = APR_ARRAY_IDX(c->host->addresses, c->address,
                                     smtp_dns_address_t);
    c->address++;
    c->peer.address = smtp_dns_address_write(c->pool, &endpoint.address);
    c->peer.source = "";
    if (queue_source_choose(c->conf.conf->sources, endpoint.address.family,
                            smtp_random_next(&c->network->random),
                            &source)) {
        connect_try(c, source, &endpoint);
    }
    else {
        attempt_fail(c, SMTP_LOSS_UNREACHABLE, "there is no address of this"
                     " family to send from");
    }
}

static int address_step(queue_connection_t *c)
{
    const queue_endpoint_t endpoint = { c->host->path, { 0 }, 0 };

    if (c->attempts >= QUEUE_CONNECTION_ATTEMPTS_MAX) {
        failure_tell(c);
        return 0;
    }
    if (c->host->path == NULL && c->address < c->host->addresses->nelts) {
        ip_try(c);
    }
    else if (c->host->path != NULL && c->address++ == 0) {
        connect_try(c, NULL, &endpoint);
    }
    else {
        state_set(c, STATE_HOST);
    }
    c->is_clear = 0;
    return 1;
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
    failure_note(c, &refusal);
}

static int is_used_up(const queue_connection_t *c)
{
    const int max = c->conf.conf->messages_per_connection;

    return !smtp_client_has_room(client_get(c))
           || (max > 0 && c->peer.messages >= (unsigned int)max);
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
        c->peer.ready = now_get(c);
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

    if (failure != NULL && may_try_clear(c, failure)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->network->server,
                     QUEUE_LOGNO(4151) "mail for %s: %s[%s]:%d: %s; trying"
                     " without TLS", c->conf.domain, c->peer.host,
                     c->peer.address, c->peer.port, failure->text);
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
        failure_note(c, failure);
    }
    attempt_end(c);
    if (is_login) {
        /* Each host more would be an attempt more to guess a password. */
        failure_tell(c);
        return;
    }
    state_set(c, STATE_ADDRESS);
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
    if (c->state != STATE_OVER) {
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
    case STATE_BEGIN:
        state_set(c, STATE_HOST);
        return 1;
    case STATE_HOST:
        return host_step(c);
    case STATE_ADDRESS:
        return address_step(c);
    case STATE_SESSION:
        return session_step(c);
    case STATE_CONNECT:
    case STATE_OVER:
        break;
    }
    return 0;
}

/** When timer_fire() has something to do; 0: never. */
static apr_time_t deadline_get(const queue_connection_t *c)
{
    switch (c->state) {
    case STATE_BEGIN:
        return now_get(c);
    case STATE_CONNECT:
        return c->deadline;
    case STATE_SESSION:
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
    if (c->state == STATE_OVER) {
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

static void connect_event(void *baton, int events)
{
    queue_connection_t *c = baton;
    apr_status_t rv;

    if (c->state == STATE_SESSION) {
        queue_session_events(c->session, events);
    }
    else if (c->state == STATE_CONNECT) {
        rv = queue_socket_error(c->fd);
        if (rv == APR_SUCCESS) {
            session_begin(c);
        }
        else {
            attempt_error(c, rv);
        }
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
    if (c->state == STATE_CONNECT) {
        attempt_fail(c, SMTP_LOSS_TIMEOUT, NULL);
    }
    else if (c->state == STATE_SESSION) {
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
    c->fd = -1;
    c->peer.host = c->peer.address = c->peer.source = "";
    c->peer.began = now_get(c);
    c->hosts_conf.route = conf->route;
    c->hosts_conf.conf = conf->conf;
    c->hosts_conf.domain = conf->domain;
    c->hosts_conf.has_dane = queue_tls_wants_dane(conf->conf, conf->route);
    c->hosts = queue_hosts_create(pool, network, &c->hosts_conf, host_wake,
                                  c);
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
    return c->state == STATE_SESSION && c->is_offered;
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

    if (c->state == STATE_OVER) {
        return;
    }
    smtp_outcome_of_loss(c->pool, SMTP_STAGE_NONE, SMTP_LOSS_STOPPED, why,
                         &failure);
    if (c->session != NULL) {
        failure.stage = smtp_client_stage(client_get(c));
        smtp_client_lost(client_get(c), SMTP_LOSS_STOPPED, why);
    }
    state_set(c, STATE_OVER);
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
