/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * System calls are what a small message costs. So: what can be written is
 * written at once and not when the loop says so; a short read is the last; the
 * watch changes only while the socket is full.
 */
#include "queue_session.h"

#include <errno.h>
#include <unistd.h>

#include <sys/socket.h>

#include <apr_strings.h>

/** Octets of one read: more than all replies to a group of commands. */
#define READ_OCTETS 16384

/** In one turn of the loop at most: others wait. */
#define READS_MAX  8
#define WRITES_MAX 16

struct queue_session_t {
    apr_pool_t *pool;
    queue_loop_t *loop;
    const queue_session_conf_t *conf;
    int fd;
    queue_watch_t *watch;
    int events;                  /**< that are watched */
    smtp_client_t *client;
    smtp_tls_t *tls;             /**< NULL: in the clear */
    unsigned int is_handshaking : 1;
    unsigned int is_deaf : 1;    /**< the peer takes no more octets */
    apr_time_t tls_deadline;
};

static apr_time_t now_get(const queue_session_t *session)
{
    return queue_loop_now(session->loop);
}

static int is_closed(const queue_session_t *session)
{
    return smtp_client_state(session->client) == SMTP_CLIENT_CLOSED;
}

static void lost(queue_session_t *session, smtp_loss_e loss,
                 apr_status_t rv)
{
    char words[128];

    smtp_client_lost(session->client, loss,
                     rv == APR_SUCCESS
                     ? NULL : apr_strerror(rv, words, sizeof(words)));
}

static void lost_tls(queue_session_t *session)
{
    const smtp_tls_info_t *info = smtp_tls_info(session->tls);

    smtp_client_lost(session->client, SMTP_LOSS_TLS,
                     info->detail == NULL ? NULL
                     : apr_pstrcat(session->pool, "TLS failed: ",
                                   info->detail, NULL));
}

/* Reading. */

/** Plain octets out of TLS. */
static void plain_read(queue_session_t *session)
{
    char octets[READ_OCTETS];
    apr_size_t len;

    while (!is_closed(session)) {
        apr_status_t rv = smtp_tls_read(session->tls, octets, sizeof(octets),
                                        &len);

        if (rv == APR_SUCCESS) {
            smtp_client_input(session->client, octets, len,
                              now_get(session));
        }
        else if (APR_STATUS_IS_EAGAIN(rv)) {
            return;
        }
        else if (APR_STATUS_IS_EOF(rv)) {
            lost(session, SMTP_LOSS_CLOSED, APR_SUCCESS);
        }
        else {
            lost_tls(session);
        }
    }
}

static void handshake_end(queue_session_t *session)
{
    smtp_client_tls_t tls;

    session->is_handshaking = 0;
    smtp_tls_client_get(session->tls, &tls);
    smtp_client_tls_done(session->client, &tls, now_get(session));
    plain_read(session);
}

static void handshake_continue(queue_session_t *session)
{
    switch (smtp_tls_handshake(session->tls)) {
    case SMTP_TLS_MORE:
        return;
    case SMTP_TLS_DONE:
        handshake_end(session);
        return;
    case SMTP_TLS_FAILED:
        lost_tls(session);
        return;
    }
}

/** Octets of the socket. */
static void octets_take(queue_session_t *session, const char *octets,
                        apr_size_t len)
{
    if (session->tls == NULL) {
        smtp_client_input(session->client, octets, len, now_get(session));
        return;
    }
    if (smtp_tls_input(session->tls, octets, len) != APR_SUCCESS) {
        lost_tls(session);
    }
    else if (session->is_handshaking) {
        handshake_continue(session);
    }
    else {
        plain_read(session);
    }
}

static void input_read(queue_session_t *session)
{
    char octets[READ_OCTETS];
    int reads;

    for (reads = 0; reads < READS_MAX && !is_closed(session); reads++) {
        ssize_t len = recv(session->fd, octets, sizeof(octets), 0);

        if (len > 0) {
            octets_take(session, octets, (apr_size_t)len);
        }
        else if (len == 0) {
            lost(session, SMTP_LOSS_CLOSED, APR_SUCCESS);
        }
        else if (APR_STATUS_IS_EAGAIN(errno)) {
            return;
        }
        else if (errno != EINTR) {
            lost(session, SMTP_LOSS_CLOSED, errno);
        }
        /* What comes after a short read the loop tells. */
        if (len > 0 && len < (ssize_t)sizeof(octets)) {
            return;
        }
    }
}

/* Writing. */

/** What the socket is to take. Under TLS plain octets become cipher octets
 *  when the last of these are gone, so that few are held. */
static apr_size_t output_get(queue_session_t *session, const char **octets)
{
    apr_size_t len;

    if (session->tls == NULL) {
        return smtp_client_output(session->client, now_get(session), octets);
    }
    len = smtp_tls_output(session->tls, octets);
    if (len > 0 || session->is_handshaking) {
        return len;
    }
    len = smtp_client_output(session->client, now_get(session), octets);
    if (len > 0
        && smtp_tls_write(session->tls, *octets, len) != APR_SUCCESS) {
        lost_tls(session);
        return 0;
    }
    smtp_client_written(session->client, len, now_get(session));
    return smtp_tls_output(session->tls, octets);
}

static void output_written(queue_session_t *session, apr_size_t len)
{
    if (session->tls == NULL) {
        smtp_client_written(session->client, len, now_get(session));
    }
    else {
        smtp_tls_written(session->tls, len);
    }
}

/** The peer reads no more. What it said before it went counts: 421, or the
 *  replies that refuse what is being sent. */
static void write_failed(queue_session_t *session, apr_status_t rv)
{
    session->is_deaf = 1;
    input_read(session);
    lost(session, SMTP_LOSS_CLOSED, rv);
}

static apr_status_t socket_write(queue_session_t *session,
                                 const char *octets, apr_size_t *len)
{
    ssize_t sent;

    do {
        sent = send(session->fd, octets, *len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    *len = sent < 0 ? 0 : (apr_size_t)sent;
    return sent < 0 ? errno : APR_SUCCESS;
}

/** @return whether octets are left that the socket does not take now */
static int output_write(queue_session_t *session)
{
    const char *octets;
    int writes;

    for (writes = 0; writes < WRITES_MAX && !session->is_deaf; writes++) {
        apr_size_t wanted = output_get(session, &octets);
        apr_size_t len = wanted;
        apr_status_t rv;

        if (wanted == 0) {
            return 0;
        }
        rv = socket_write(session, octets, &len);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
            write_failed(session, rv);
            return 0;
        }
        output_written(session, len);
        if (len < wanted) {
            return 1;
        }
    }
    return !session->is_deaf;
}

/* TLS. */

static void tls_begin(queue_session_t *session)
{
    apr_status_t rv = smtp_tls_create(session->pool, session->conf->tls,
                                      &session->conf->policy, &session->tls);

    if (rv != APR_SUCCESS) {
        smtp_client_lost(session->client, SMTP_LOSS_TLS,
                         "TLS cannot be begun");
        return;
    }
    session->is_handshaking = 1;
    session->tls_deadline = now_get(session) + session->conf->timeout_tls;
    handshake_continue(session);
}

/* What others call. */

void queue_session_write(queue_session_t *session)
{
    int events = APR_POLLIN;

    if (output_write(session)) {
        events |= APR_POLLOUT;
    }
    if (smtp_client_state(session->client) == SMTP_CLIENT_TLS
        && session->tls == NULL) {
        tls_begin(session);
        events |= output_write(session) ? APR_POLLOUT : 0;
    }
    if (events != session->events) {
        session->events = events;
        queue_watch_change(session->watch, events);
    }
}

void queue_session_events(queue_session_t *session, int events)
{
    if (events & (APR_POLLIN | APR_POLLHUP | APR_POLLERR)) {
        input_read(session);
    }
    queue_session_write(session);
}

smtp_client_t *queue_session_client(const queue_session_t *session)
{
    return session->client;
}

apr_time_t queue_session_deadline(const queue_session_t *session)
{
    return session->is_handshaking && !is_closed(session)
           ? session->tls_deadline : smtp_client_deadline(session->client);
}

void queue_session_late(queue_session_t *session)
{
    lost(session, SMTP_LOSS_TIMEOUT, APR_SUCCESS);
}

int queue_session_has_output(const queue_session_t *session)
{
    return (session->events & APR_POLLOUT) != 0;
}

const smtp_tls_info_t *queue_session_tls(const queue_session_t *session)
{
    return session->tls ? smtp_tls_info(session->tls) : NULL;
}

/** Says close_notify where there is room for it; nobody waits. */
static void tls_end(queue_session_t *session)
{
    const char *octets;
    apr_size_t len;

    if (session->tls == NULL || session->is_handshaking || session->is_deaf
        || smtp_tls_output(session->tls, &octets) > 0) {
        return;
    }
    smtp_tls_close(session->tls);
    len = smtp_tls_output(session->tls, &octets);
    if (len > 0) {
        socket_write(session, octets, &len);
    }
}

/** Before TLS is freed, which was made later. */
static apr_status_t session_end(void *data)
{
    queue_session_t *session = data;

    tls_end(session);
    queue_watch_end(session->watch);
    close(session->fd);
    return APR_SUCCESS;
}

apr_status_t queue_session_create(apr_pool_t *p, queue_loop_t *loop, int fd,
                                  queue_watch_t *watch,
                                  const queue_session_conf_t *conf,
                                  queue_session_t **made)
{
    queue_session_t *session = apr_pcalloc(p, sizeof(*session));
    apr_status_t rv;

    *made = NULL;
    session->pool = p;
    session->loop = loop;
    session->conf = conf;
    session->fd = fd;
    session->watch = watch;
    rv = smtp_client_create(p, &conf->client, queue_loop_now(loop),
                            &session->client);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_pre_cleanup_register(p, session, session_end);
    if (conf->is_implicit_tls) {
        tls_begin(session);
    }
    queue_session_write(session);
    *made = session;
    return APR_SUCCESS;
}
