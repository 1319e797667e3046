/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_turn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_portable.h>
#include <http_core.h>
#include <httpd.h>

#include "smtp_chars.h"
#include "smtp_queue.h"
#include "smtpd_connection.h"
#include "smtpd_log.h"
#include "smtpd_waiting.h"

APLOG_USE_MODULE(smtp);

/* Octets passed on at once. */
#define PIECE_OCTETS 16384
/* How soon it is noticed that httpd has closed the socket. */
#define SLICE_MSEC 1000
/* No octet either way for so long: the queue would have ended it by itself
 * (RFC 5321 4.5.3.2 has ten minutes at most). */
#define SILENCE apr_time_from_sec(900)
/* The same while this child stops, which the queue process does not learn as
 * long as there are children: for a client that may be about to answer for
 * mail data, which is sent twice if he is not heard; and for one who does not
 * read. */
#define SILENCE_STOPPING apr_time_from_sec(60)
#define SILENCE_FULL     apr_time_from_sec(5)
/* The queue process reads whenever something comes. */
#define QUEUE_MSEC 60000

struct smtpd_turn_t {
    int fd;                      /* to the queue process */
    int is_over;                 /* it has ended */
    int is_full;                 /* the client takes no more just now */
    int has_begun;               /* it has said something: was greeted */
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
                  " messages of %d domains",
                  smtp_chars_escape(ss->command_pool, ss->pub.login,
                                    strlen(ss->pub.login), 120),
                  count, domains->nelts);
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
            if (poll(&pollfd, 1, QUEUE_MSEC) == 0) {
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
        ss->turn->has_begun = 1;
        apr_brigade_write(ss->out, NULL, NULL, octets, (apr_size_t)n);
        smtpd_connection_push(ss);
        return 1;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        ss->turn->is_over = 1;
    }
    return 0;
}

static int client_fd(const smtpd_session_t *ss)
{
    apr_os_sock_t fd = -1;

    apr_os_sock_get(&fd, ap_get_conn_socket(ss->pub.c));
    return fd;
}

/* Whether the client takes octets at once. Where writing blocks, a thread that
 * waits for him would not hear that the queue process has ended. */
static int is_writable(const smtpd_session_t *ss)
{
    struct pollfd pollfd = { client_fd(ss), POLLOUT, 0 };

    return ss->is_async ? !ss->is_blocked : poll(&pollfd, 1, 0) > 0;
}

/* A client that has gone may have said something before, such as a reply that
 * refuses what was being sent to him. Whoever could not write is taken by
 * mod_ssl for one who cannot read. */
static void last_words(smtpd_session_t *ss)
{
    ss->pub.c->aborted = 0;
    from_client(ss);
    ss->pub.c->aborted = 1;
    ss->is_aborted = 1;
}

/* What the client says is heard first; and if he does not read, all the
 * same. */
static int pass_on(smtpd_session_t *ss)
{
    smtpd_turn_t *turn = ss->turn;
    int has_moved = from_client(ss);

    if (ss->is_aborted || turn->is_over) {
        return has_moved;
    }
    if (ss->is_blocked) {
        smtpd_connection_push(ss);
    }
    turn->is_full = !ss->is_aborted && !is_writable(ss);
    if (!ss->is_aborted && !turn->is_full) {
        has_moved |= from_queue(ss);
    }
    if (ss->is_aborted) {
        last_words(ss);
    }
    return has_moved;
}

static apr_interval_time_t silence_max(const smtpd_turn_t *turn)
{
    if (!smtpd_waiting_is_stopping()) {
        return SILENCE;
    }
    return !turn->has_begun ? 0
           : turn->is_full ? SILENCE_FULL : SILENCE_STOPPING;
}

/* Waits until there is something to pass on. */
static void wait_for_octets(smtpd_session_t *ss)
{
    smtpd_turn_t *turn = ss->turn;
    struct pollfd pollfds[2] = {
        { client_fd(ss), POLLIN, 0 }, { turn->fd, POLLIN, 0 }
    };

    if (turn->is_full) {
        pollfds[0].events |= POLLOUT;
        pollfds[1].events = 0;   /* but its end is told */
    }
    (void)poll(pollfds, 2, SLICE_MSEC);
    turn->is_over = apr_time_now() - turn->moved > silence_max(turn);
    /* httpd was told to stop at once; or nobody waits any more until a client
     * reads. */
    ss->is_aborted = (pollfds[0].revents & POLLNVAL)
        || (turn->is_full && (turn->is_over
                              || (pollfds[1].revents
                                  & (POLLHUP | POLLERR))));
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
