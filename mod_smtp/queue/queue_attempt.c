/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* How a connection comes by a session: hosts, their addresses, connecting. */
#include "queue_connection_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_base64.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <http_log.h>

#include "queue_log.h"
#include "queue_socket.h"
#include "queue_tally.h"

APLOG_USE_MODULE(smtp_queue);

#define TLS_TIMEOUT apr_time_from_sec(300)

/** Octets of randomness in a nonce of SCRAM (RFC 5802 5.1). */
#define NONCE_OCTETS 18

static apr_time_t now_get(const queue_connection_t *c)
{
    return queue_loop_now(c->network->loop);
}

/* Failures. */

static void failure_log(const queue_connection_t *c,
                        const smtp_outcome_t *failure)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->network->server,
                 QUEUE_LOGNO(4150) "mail for %s: not by %s: %s: %s",
                 queue_connection_domain_write(c),
                 queue_connection_peer_write(c),
                 smtp_stage_name(failure->stage), failure->text);
}

static void failure_keep(queue_connection_t *c,
                         const smtp_outcome_t *failure)
{
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

void queue_attempt_failure_note(queue_connection_t *c,
                                const smtp_outcome_t *failure)
{
    failure_log(c, failure);
    if (c->is_failure_ours || c->failure.result != SMTP_OUTCOME_DEFERRED
        || failure->result == SMTP_OUTCOME_DEFERRED) {
        failure_keep(c, failure);
        c->is_failure_ours = 0;
    }
}

/** This machine has no way there, for want of IPv6 or of IPv4: that says
 *  nothing of the next hop, and counts least. */
static void no_way_note(queue_connection_t *c, const smtp_outcome_t *failure)
{
    failure_log(c, failure);
    c->attempts--;
    if (c->failure.result == SMTP_OUTCOME_PENDING) {
        failure_keep(c, failure);
        c->is_failure_ours = 1;
    }
}

static int is_no_way(apr_status_t rv)
{
    return rv == ENETUNREACH || rv == EADDRNOTAVAIL || rv == EAFNOSUPPORT;
}

void queue_attempt_end(queue_connection_t *c)
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

/* Hosts. */

/** What MTA-STS says of the host. */
static void sts_set(queue_connection_t *c, const queue_host_t *host)
{
    const queue_sts_answer_t *sts = c->sts ? queue_sts_answer_get(c->sts)
                                           : NULL;

    if (sts != NULL) {
        c->tls_facts.sts = sts->mode;
        c->tls_facts.is_sts_host = queue_sts_policy_has(&sts->policy,
                                                        host->name);
    }
}

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
    sts_set(c, host);
    queue_tls_choose(c->pool, &c->tls_facts, &c->session_conf.policy,
                     &refusal);
    queue_tally_host(c);
    if (host->failure.result != SMTP_OUTCOME_PENDING) {
        queue_attempt_failure_note(c, &host->failure);
    }
    else if (refusal.result != SMTP_OUTCOME_PENDING) {
        queue_tally_stranger(c);
        queue_attempt_failure_note(c, &refusal);
    }
    else {
        queue_connection_state_set(c, QUEUE_STATE_ADDRESS);
    }
}

/** Hosts and the policy are asked for at the same time. */
static int is_sts_known(const queue_connection_t *c)
{
    return c->sts == NULL || queue_sts_answer_get(c->sts) != NULL;
}

int queue_attempt_host_step(queue_connection_t *c)
{
    const queue_host_t *host = c->next_host;

    if (host == NULL) {
        switch (queue_hosts_next(c->hosts, &host)) {
        case QUEUE_HOSTS_WAIT:
            return 0;
        case QUEUE_HOSTS_FOUND:
            break;
        case QUEUE_HOSTS_END:
            queue_connection_give_up(c);
            return 0;
        }
    }
    if (!is_sts_known(c)) {
        c->next_host = host;
        return 0;
    }
    c->next_host = NULL;
    host_begin(c, host);
    return 1;
}

/* Addresses. */

/** On to the next address. */
static void attempt_leave(queue_connection_t *c)
{
    queue_attempt_end(c);
    queue_connection_state_set(c, QUEUE_STATE_ADDRESS);
}

void queue_attempt_fail(queue_connection_t *c, smtp_loss_e loss,
                        const char *detail)
{
    smtp_outcome_t failure;

    smtp_outcome_of_loss(c->pool, SMTP_STAGE_CONNECT, loss, detail,
                         &failure);
    queue_attempt_failure_note(c, &failure);
    attempt_leave(c);
}

/** The system's word. */
static void attempt_error(queue_connection_t *c, apr_status_t rv)
{
    smtp_outcome_t failure;
    char words[128];

    smtp_outcome_of_loss(c->pool, SMTP_STAGE_CONNECT, queue_socket_loss(rv),
                         apr_strerror(rv, words, sizeof(words)), &failure);
    if (is_no_way(rv)) {
        no_way_note(c, &failure);
    }
    else {
        queue_attempt_failure_note(c, &failure);
    }
    attempt_leave(c);
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
        queue_attempt_fail(c, SMTP_LOSS_STOPPED, "the session cannot be begun:"
                     " our name, a login or TLS is not as it must be");
        return;
    }
    queue_connection_state_set(c, QUEUE_STATE_SESSION);
}

void queue_attempt_connected(queue_connection_t *c)
{
    apr_status_t rv = queue_socket_error(c->fd);

    if (rv == APR_SUCCESS) {
        session_begin(c);
    }
    else {
        attempt_error(c, rv);
    }
}

/** @param begun  of connect(): APR_SUCCESS or APR_EINPROGRESS */
static void connect_begin(queue_connection_t *c, apr_status_t begun)
{
    const int is_there = begun == APR_SUCCESS;
    apr_status_t rv = queue_watch_begin(c->network->loop, c->attempt_pool,
                                        c->fd, is_there ? APR_POLLIN
                                                        : APR_POLLOUT,
                                        queue_connection_event, c, &c->watch);

    if (rv != APR_SUCCESS) {
        attempt_error(c, rv);
    }
    else if (is_there) {
        session_begin(c);
    }
    else {
        c->deadline = now_get(c) + c->conf.conf->timeout_connect;
        queue_connection_state_set(c, QUEUE_STATE_CONNECT);
    }
}

void queue_attempt_adopt(queue_connection_t *c)
{
    static const queue_host_t nobody = { .name = "", .is_literal = 1 };

    c->host = &nobody;
    c->peer.address = c->conf.address;
    apr_pool_create(&c->attempt_pool, c->pool);
    session_conf_set(c, NULL);
    connect_begin(c, APR_SUCCESS);
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
        queue_attempt_fail(c, SMTP_LOSS_UNREACHABLE, "there is no address of"
                           " this family to send from");
    }
}

int queue_attempt_address_step(queue_connection_t *c)
{
    const queue_endpoint_t endpoint = { c->host->path, { 0 }, 0 };

    if (c->conf.is_connected
        || c->attempts >= QUEUE_CONNECTION_ATTEMPTS_MAX) {
        queue_connection_give_up(c);
        return 0;
    }
    if (c->host->path == NULL && c->address < c->host->addresses->nelts) {
        ip_try(c);
    }
    else if (c->host->path != NULL && c->address++ == 0) {
        connect_try(c, NULL, &endpoint);
    }
    else {
        queue_connection_state_set(c, QUEUE_STATE_HOST);
    }
    c->is_clear = 0;
    return 1;
}
