/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_turn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_portable.h>
#include <http_core.h>
#include <httpd.h>

#include "smtp_queue.h"
#include "smtpd_connection.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/* Octets passed on at once. */
#define PIECE_OCTETS 16384
/* How soon it is noticed that httpd has closed the socket. */
#define SLICE_MSEC 1000
/* No octet either way for so long: the queue would have ended it by itself
 * (RFC 5321 4.5.3.2 has ten minutes at most). */
#define SILENCE apr_time_from_sec(900)
/* The queue process reads whenever something comes. */
#define QUEUE_MSEC 60000

struct smtpd_turn_t {
    int fd;                      /* to the queue process */
    int is_over;                 /* it has ended */
    apr_time_t moved;            /* octets, either way */
};

/* Of this child. */
static volatile apr_uint32_t turns;

/* A quarter of the threads, but one at least. */
static apr_uint32_t turns_max(void)
{
    int threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return threads < 4 ? 1 : (apr_uint32_t)threads / 4;
}

static apr_status_t turn_end(void *data)
{
    smtpd_turn_t *turn = data;

    close(turn->fd);
    apr_atomic_dec32(&turns);
    return APR_SUCCESS;
}

static void turn_create(smtpd_session_t *ss, int fd)
{
    ss->turn = apr_pcalloc(ss->pub.c->pool, sizeof(*ss->turn));
    ss->turn->fd = fd;
    apr_pool_cleanup_register(ss->pub.c->pool, ss->turn, turn_end,
                              apr_pool_cleanup_null);
}

static apr_status_t ask(smtpd_session_t *ss,
                        const apr_array_header_t *domains, int *fd,
                        apr_int64_t *count)
{
    APR_OPTIONAL_FN_TYPE(smtp_queue_turn) *queue_turn =
        APR_RETRIEVE_OPTIONAL_FN(smtp_queue_turn);

    *fd = -1;
    *count = 0;
    return queue_turn == NULL ? APR_ENOTIMPL
           : queue_turn(ss->command_pool, domains, ss->pub.client_ip, fd,
                        count);
}

/* RFC 2645 5.2. */
static void reply_set(apr_status_t rv, smtp_reply_t *reply)
{
    if (rv == APR_SUCCESS) {
        *reply = (smtp_reply_t){ 250, { 2, 0, 0 },
                                 "OK now reversing the connection" };
    }
    else if (rv == APR_NOTFOUND) {
        *reply = (smtp_reply_t){ 453, { 4, 0, 0 }, "You have no mail" };
    }
    else if (APR_STATUS_IS_ENOSPC(rv)) {
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 },
                                 "Too many domains at once, name some" };
    }
    else {
        *reply = (smtp_reply_t){ 451, { 4, 3, 0 },
                                 "Unable to process the request now" };
    }
}

void smtpd_turn_begin(smtpd_session_t *ss, const apr_array_header_t *domains,
                      smtp_reply_t *reply)
{
    apr_status_t rv = APR_EBUSY;
    apr_int64_t count = 0;
    int fd = -1;

    if (apr_atomic_inc32(&turns) < turns_max()) {
        rv = ask(ss, domains, &fd, &count);
    }
    if (rv == APR_SUCCESS) {
        turn_create(ss, fd);
    }
    else {
        apr_atomic_dec32(&turns);
    }
    reply_set(rv, reply);
    ap_log_cerror(APLOG_MARK, APLOG_INFO, rv == APR_NOTFOUND ? 0 : rv,
                  ss->pub.c, SMTPD_LOGNO(1173) "%s fetches %" APR_INT64_T_FMT
                  " messages of %d domains", ss->pub.login, count,
                  domains->nelts);
}

/* ---- Passing octets on. Each returns whether some were. ---- */

static int queue_send(smtpd_session_t *ss, const char *octets,
                      apr_size_t len)
{
    struct pollfd pollfd = { ss->turn->fd, POLLOUT, 0 };

    while (len) {
        ssize_t n = send(ss->turn->fd, octets, len, MSG_NOSIGNAL);

        if (n > 0) {
            octets += n;
            len -= (apr_size_t)n;
        }
        else if (errno == EAGAIN) {
            if (poll(&pollfd, 1, QUEUE_MSEC) <= 0) {
                return 0;
            }
        }
        else if (errno != EINTR) {
            return 0;
        }
    }
    return 1;
}

/* What the queue process does not take any more it does not want. */
static void to_queue(smtpd_session_t *ss)
{
    while (!APR_BRIGADE_EMPTY(ss->in)) {
        apr_bucket *b = APR_BRIGADE_FIRST(ss->in);
        const char *octets;
        apr_size_t len;

        if (apr_bucket_read(b, &octets, &len, APR_BLOCK_READ)
            != APR_SUCCESS) {
            ss->is_aborted = 1;
        }
        else if (!ss->turn->is_over && !queue_send(ss, octets, len)) {
            ss->turn->is_over = 1;
        }
        apr_bucket_delete(b);
    }
}

static int from_client(smtpd_session_t *ss)
{
    apr_status_t rv = smtpd_connection_read(ss);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return 0;
    }
    if (rv != APR_SUCCESS) {
        ss->is_aborted = 1;
        return 0;
    }
    to_queue(ss);
    return 1;
}

static int from_queue(smtpd_session_t *ss)
{
    char octets[PIECE_OCTETS];
    ssize_t n = recv(ss->turn->fd, octets, sizeof(octets), 0);

    if (n > 0) {
        apr_brigade_write(ss->out, NULL, NULL, octets, (apr_size_t)n);
        smtpd_connection_push(ss);
        return 1;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        ss->turn->is_over = 1;
    }
    return 0;
}

/* A client that does not read is not written to; but what it says is heard. */
static int pass_on(smtpd_session_t *ss)
{
    int has_moved;

    if (ss->is_blocked) {
        smtpd_connection_push(ss);
    }
    has_moved = !ss->is_blocked && !ss->is_aborted && from_queue(ss);
    if (!ss->is_aborted) {
        has_moved |= from_client(ss);
    }
    return has_moved;
}

/* Waits until there is something to pass on. */
static void wait_for_octets(smtpd_session_t *ss)
{
    struct pollfd pollfds[2] = {
        { -1, POLLIN, 0 }, { ss->turn->fd, POLLIN, 0 }
    };
    apr_os_sock_t fd;

    apr_os_sock_get(&fd, ap_get_conn_socket(ss->pub.c));
    pollfds[0].fd = fd;
    if (ss->is_blocked) {
        pollfds[0].events |= POLLOUT;
        pollfds[1].fd = -1;
    }
    if (poll(pollfds, 2, SLICE_MSEC) > 0
        && (pollfds[0].revents & POLLNVAL)) {
        /* httpd was told to stop at once. */
        ss->is_aborted = 1;
    }
    if (apr_time_now() - ss->turn->moved > SILENCE) {
        ss->is_aborted = 1;
    }
}

void smtpd_turn_run(smtpd_session_t *ss)
{
    smtpd_turn_t *turn = ss->turn;

    turn->moved = apr_time_now();
    while (!turn->is_over && !ss->is_aborted) {
        if (pass_on(ss)) {
            turn->moved = apr_time_now();
        }
        else if (!turn->is_over && !ss->is_aborted) {
            wait_for_octets(ss);
        }
    }
    ss->is_closing = 1;
    apr_pool_cleanup_run(ss->pub.c->pool, turn, turn_end);
}
