/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A session on httpd's connection. Two ways of waiting: where the MPM can
 * (event), the session waits without a thread and the loop below is entered
 * anew when there is something to do; elsewhere the thread blocks, in slices
 * short enough to notice a deadline or a graceful stop.
 */
#include "smtpd_connection.h"

#include <fcntl.h>
#include <poll.h>

#include <ap_mmn.h>
#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_support.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mpm_common.h>
#include <scoreboard.h>
#include <util_filter.h>

#include "smtpd_log.h"
#include "smtpd_tls.h"
#include "smtpd_tls_hook.h"
#include "smtpd_tsan.h"
#include "smtpd_turn.h"
#include "smtpd_waiting.h"

APLOG_USE_MODULE(smtp);

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
#define HAVE_WAITIO 1
#endif

/* What is asked of the input filters at once. */
#define READ_OCTETS 65536
/* A read of less emptied the socket: there is no need to ask again. */
#define READ_FULL_OCTETS 8000
/* How long a thread waits for the client's next octets before it gives the
 * session to the MPM: the hand-off and back costs more than all else for a
 * client that answers at once. */
#define SPIN_MSEC 10
/* How soon a blocked thread notices a graceful stop. */
#define SLICE apr_time_from_sec(1)

static int is_async;
static apr_uint32_t spinners_max;
static volatile apr_uint32_t spinners;

int smtpd_connection_is_async(void)
{
    return is_async;
}

void smtpd_connection_init(apr_pool_t *pconf, server_rec *s)
{
    int threads = 1;

#ifdef HAVE_WAITIO
    if (ap_mpm_query(AP_MPMQ_CAN_WAITIO, &is_async) != APR_SUCCESS) {
        is_async = 0;
    }
#endif
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    /* A quarter of the threads is never held by those who may say nothing. */
    spinners_max = (apr_uint32_t)(threads - threads / 4 - 1);
    for (; s; s = s->next) {
        const smtpd_conf_t *conf = smtpd_conf_get(s);

        if (conf->engine == 1) {
            /* TimeOut would cut sessions that SMTPTimeout lets wait; the MPM
             * reads this when it makes its queues. */
            s->timeout = apr_time_from_sec(60)
                         + (conf->timeout_command > conf->timeout_data
                            ? conf->timeout_command : conf->timeout_data);
            smtpd_tls_hook_protocol_set(pconf, s);
        }
    }
}

/* ------------------------------------------------------------- writing */

/* The end of the filter chain: core's output filter. */
static ap_filter_t *core_filter(conn_rec *c)
{
    ap_filter_t *f = c->output_filters;

    while (f->next) {
        f = f->next;
    }
    return f;
}

/* Whoever does not read blocks a thread at most as long as this. */
static void write_blocking(smtpd_session_t *ss, ap_filter_t *first)
{
    conn_rec *c = ss->pub.c;

    apr_socket_timeout_set(ap_get_conn_socket(c), ss->conf->timeout_command);
    APR_BRIGADE_INSERT_TAIL(ss->out,
                            apr_bucket_flush_create(c->bucket_alloc));
    if (ap_pass_brigade(first, ss->out) != APR_SUCCESS) {
        ss->is_aborted = 1;
    }
    apr_brigade_cleanup(ss->out);
}

/* A FLUSH bucket that reached core would block: core is pushed instead. mod_ssl
 * needs one to write its record; smtpd_tls.c drops it below. */
static void write_async(smtpd_session_t *ss, ap_filter_t *first)
{
    conn_rec *c = ss->pub.c;
    ap_filter_t *core = core_filter(c);
    apr_status_t rv = APR_SUCCESS;

    if (!APR_BRIGADE_EMPTY(ss->out)) {
        if (ss->pub.is_tls) {
            APR_BRIGADE_INSERT_TAIL(ss->out,
                                    apr_bucket_flush_create(c->bucket_alloc));
        }
        rv = ap_pass_brigade(first, ss->out);
        apr_brigade_cleanup(ss->out);
    }
    if (rv == APR_SUCCESS) {
        rv = core->frec->filter_func.out_func(core, NULL);
    }
    if (rv != APR_SUCCESS) {
        ss->is_aborted = 1;
    }
    ss->is_blocked = c->data_in_output_filters != 0;
}

void smtpd_connection_push_through(smtpd_session_t *ss, ap_filter_t *first)
{
    if (ss->is_aborted) {
        return;
    }
    if (ss->is_async) {
        /* A handshake writes to core by itself. */
        if (ss->is_blocked || ss->is_handshaking
            || !APR_BRIGADE_EMPTY(ss->out)) {
            write_async(ss, first);
        }
    }
    else if (!APR_BRIGADE_EMPTY(ss->out)) {
        write_blocking(ss, first);
    }
}

void smtpd_connection_push(smtpd_session_t *ss)
{
    smtpd_connection_push_through(ss, ss->pub.c->output_filters);
}

/* ------------------------------------------------------------- reading */

/* It never blocks: a read of mod_ssl that may goes on until there is data, and
 * a client that sends nothing but changes of keys would keep the thread. */
apr_status_t smtpd_connection_read(smtpd_session_t *ss)
{
    apr_off_t got = 0;
    int tries;

    /* The first read at the end of the stream says SUCCESS with nothing, the
     * second APR_EOF (HTTP needs it so). */
    for (tries = 0; tries < 2; tries++) {
        apr_status_t rv = ap_get_brigade(ss->pub.c->input_filters, ss->in,
                                         AP_MODE_READBYTES,
                                         APR_NONBLOCK_READ, READ_OCTETS);

        if (smtpd_tls_hook_is_flooded(ss)) {
            return APR_ECONNABORTED;
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        apr_brigade_length(ss->in, 0, &got);
        if (got > 0) {
            ss->key_updates = 0;
            ss->may_have_input = ss->pub.is_tls || got >= READ_FULL_OCTETS;
            return APR_SUCCESS;
        }
        apr_brigade_cleanup(ss->in);
    }
    return APR_EAGAIN;
}

int smtpd_connection_has_input(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;
    apr_bucket_brigade *ahead = apr_brigade_create(ss->command_pool,
                                                   c->bucket_alloc);
    apr_off_t octets = 0;

    if (ap_get_brigade(c->input_filters, ahead, AP_MODE_SPECULATIVE,
                       APR_NONBLOCK_READ, 1) == APR_SUCCESS) {
        apr_brigade_length(ahead, 1, &octets);
    }
    apr_brigade_destroy(ahead);
    return octets > 0;
}

static int os_socket(const smtpd_session_t *ss)
{
    apr_os_sock_t fd = -1;

    apr_os_sock_get(&fd, ap_get_conn_socket(ss->pub.c));
    return fd;
}

/* A client in the middle of a dialogue answers within a round trip. */
static int spin(smtpd_session_t *ss)
{
    struct pollfd pfd = { os_socket(ss), POLLIN, 0 };
    int ready = 0;

    if (apr_atomic_inc32(&spinners) < spinners_max) {
        ready = poll(&pfd, 1, SPIN_MSEC) > 0;
    }
    apr_atomic_dec32(&spinners);
    return ready;
}

/* Sets how long the next call may block. @return 0 when time is up */
static int slice_set(smtpd_session_t *ss)
{
    apr_interval_time_t left = ss->deadline - apr_time_now();

    if (left > 0) {
        apr_socket_timeout_set(ap_get_conn_socket(ss->pub.c),
                               left < SLICE ? left : SLICE);
    }
    return left > 0;
}

/* Waits until octets are there, but with the thread for a moment only where a
 * session can wait without one. APR_EAGAIN, APR_TIMEUP: they are not. */
static apr_status_t wait_for_octets(smtpd_session_t *ss)
{
    if (ss->is_async) {
        return spin(ss) ? APR_SUCCESS : APR_EAGAIN;
    }
    return slice_set(ss) ? apr_wait_for_io_or_timeout(
                               NULL, ap_get_conn_socket(ss->pub.c), 1)
                         : APR_TIMEUP;
}

static apr_status_t read_or_wait(smtpd_session_t *ss)
{
    apr_status_t rv = APR_EAGAIN;

    if (ss->may_have_input) {
        ss->may_have_input = 0;
        rv = smtpd_connection_read(ss);
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        rv = wait_for_octets(ss);
        if (rv == APR_SUCCESS) {
            rv = smtpd_connection_read(ss);
        }
    }
    return rv;
}

/* ------------------------------------------------------------- waiting */

/* Once wait_is_over(). RFC 5321 3.8, 4.5.3.2: 421 before the server closes. */
static void end_wait(smtpd_session_t *ss)
{
    static const smtp_reply_t expired =
        { 421, { 4, 4, 2 }, "Timeout, closing" };
    static const smtp_reply_t stopping =
        { 421, { 4, 3, 2 }, "Server is shutting down" };

    /* Amid a handshake there is no way to say it. */
    if (ss->is_blocked || ss->is_handshaking) {
        ss->is_aborted = 1;
    }
    else if (ss->is_expired || apr_time_now() > ss->deadline) {
        smtpd_session_close(ss, &expired);
    }
    else {
        smtpd_session_close(ss, &stopping);
    }
}

static int wait_is_over(const smtpd_session_t *ss)
{
    return ss->is_expired || apr_time_now() > ss->deadline
           || (smtpd_waiting_is_stopping() && !smtpd_session_is_in_data(ss));
}

/* What the connection's allocator keeps for the next command; APR would keep
 * all that a mail ever took, or with nothing to keep call mmap() for each. */
#define KEPT_OCTETS (64 * 1024)
#define TRIM_NODES 8

/* An allocator gives memory back only as it is freed, so what it keeps is
 * taken out and freed again. */
static void trim(apr_allocator_t *allocator)
{
    apr_memnode_t *nodes[TRIM_NODES];
    int i;

    for (i = 0; i < TRIM_NODES; i++) {
        nodes[i] = apr_allocator_alloc(allocator, 1);
    }
    apr_allocator_max_free_set(allocator, 1);
    for (i = 0; i < TRIM_NODES; i++) {
        if (nodes[i]) {
            apr_allocator_free(allocator, nodes[i]);
        }
    }
    apr_allocator_max_free_set(allocator, KEPT_OCTETS);
}

/* Gives memory back while nothing happens: thousands of sessions may wait. A
 * session that has had no mail keeps nothing but its command's memory, and
 * trim() is not cheap. */
static void slim(smtpd_session_t *ss)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(ss->pub.c->pool);

    if (ss->command_pool) {
        apr_allocator_max_free_set(allocator, 1);
        apr_pool_destroy(ss->command_pool);
        ss->command_pool = NULL;
        apr_allocator_max_free_set(allocator, KEPT_OCTETS);
    }
    if (ss->is_fat && !ss->transaction) {
        trim(allocator);
        ss->is_fat = 0;
    }
}

#ifdef HAVE_WAITIO
static int wait_async(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;

    slim(ss);
    c->cs->sense = ss->is_blocked ? CONN_SENSE_WANT_WRITE
                                  : CONN_SENSE_WANT_READ;
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    smtpd_waiting_enter(ss);
    return OK;
}
#else
static int wait_async(smtpd_session_t *ss)
{
    return DECLINED;             /* never called: is_async is 0 */
}
#endif

/* ------------------------------------------------------------ the loop */

/* Lets mod_ssl say close_notify (RFC 8446 6.1), so that the client knows that
 * nothing was cut off. It ends the SSL. */
static void end_tls(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;

    if (ss->pub.is_tls && !ss->is_aborted && !ss->is_blocked) {
        APR_BRIGADE_INSERT_TAIL(ss->out,
                                ap_bucket_eoc_create(c->bucket_alloc));
        smtpd_connection_push(ss);
    }
    ss->ssl = NULL;
}

/* The session is over: @return for process_connection. */
static int finish(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;

    smtpd_connection_push(ss);
    end_tls(ss);
    /* A reader who does not read is not waited for: closing would block. */
    if (ss->is_aborted || ss->is_blocked || ss->has_quit) {
        c->aborted = 1;
    }
    c->keepalive = AP_CONN_CLOSE;
    if (c->cs) {
        c->cs->state = CONN_STATE_LINGER;
    }
    return OK;
}

/* Each of these two does what there is to do. @return APR_SUCCESS: there is
 * more; APR_EAGAIN or APR_TIMEUP: the client has to be waited for; else the
 * connection is over */

static apr_status_t shake_hands(smtpd_session_t *ss)
{
    apr_status_t rv = smtpd_tls_handshake(ss);

    if (rv == APR_SUCCESS && !ss->is_greeted) {
        smtpd_session_greet(ss);
    }
    if (APR_STATUS_IS_EAGAIN(rv) && !ss->is_blocked) {
        rv = wait_for_octets(ss);
    }
    return rv;
}

static apr_status_t converse(smtpd_session_t *ss)
{
    smtpd_session_consume(ss);
    smtpd_connection_push(ss);
    if (ss->is_closing || ss->is_aborted || ss->is_handshaking || ss->turn) {
        return APR_SUCCESS;
    }
    if (ss->is_blocked) {
        return APR_EAGAIN;
    }
    if (!APR_BRIGADE_EMPTY(ss->in)) {
        return APR_SUCCESS;
    }
    return read_or_wait(ss);
}

/* Goes on until there is nothing to read or no way to go on.
 * @return 1 when the session has to wait for the client */
static int work(smtpd_session_t *ss)
{
    while (!ss->is_closing && !ss->is_aborted) {
        apr_status_t rv = APR_SUCCESS;

        if (ss->turn) {
            smtpd_turn_run(ss);
        }
        else {
            rv = ss->is_handshaking ? shake_hands(ss) : converse(ss);
        }
        if (APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_TIMEUP(rv)) {
            return 1;
        }
        ss->is_aborted |= rv != APR_SUCCESS;
    }
    return 0;
}

/* When httpd is told to stop at once, event closes the sockets that its threads
 * work on (close_worker_sockets()), and a poll() at hand does not notice. */
static int is_torn(const smtpd_session_t *ss)
{
    return smtpd_waiting_is_stopping()
           && fcntl(os_socket(ss), F_GETFD) == -1;
}

static int run(smtpd_session_t *ss)
{
    for (;;) {
        if (wait_is_over(ss)) {
            end_wait(ss);
        }
        if (ss->is_closing || ss->is_aborted || !work(ss)) {
            return finish(ss);
        }
        ss->is_aborted |= is_torn(ss);
        if (ss->is_async && !ss->is_aborted && !wait_is_over(ss)) {
            return wait_async(ss);
        }
    }
}

static apr_status_t leave_list(void *data)
{
    smtpd_waiting_leave(data);
    return APR_SUCCESS;
}

#ifdef HAVE_WAITIO
/* event waits by the main server's TimeOut until it has seen a request; its
 * own hook, given one, takes the virtual host's (mpm/event/event.c). */
static void adopt_timeout(smtpd_session_t *ss)
{
    apr_array_header_t *hooks = ap_hook_get_post_read_request();
    int i;

    for (i = 0; hooks && i < hooks->nelts; i++) {
        ap_LINK_post_read_request_t *hook =
            &APR_ARRAY_IDX(hooks, i, ap_LINK_post_read_request_t);

        if (!strcmp(hook->szName, "event.c")) {
            request_rec r = { 0 };

            r.pool = ss->pub.c->pool;
            r.connection = ss->pub.c;
            r.server = ss->pub.s;
            hook->pFunc(&r);
        }
    }
}
#else
static void adopt_timeout(smtpd_session_t *ss)
{
}
#endif

/* Allocators are used again, for HTTP too. */
static apr_status_t restore_allocator(void *data)
{
    apr_allocator_max_free_set(data, ap_max_mem_free);
    return APR_SUCCESS;
}

/* The first clean-up registered is the last one run. */
static apr_status_t hand_over_pool(void *data)
{
    SMTPD_TSAN_RELEASE(data);
    return APR_SUCCESS;
}

static smtpd_session_t *begin(conn_rec *c)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(c->pool);
    smtpd_session_t *ss;

    SMTPD_TSAN_ACQUIRE(c->pool);
    apr_pool_cleanup_register(c->pool, c->pool, hand_over_pool,
                              apr_pool_cleanup_null);
    ss = smtpd_session_create(c);
    ss->is_async = is_async && c->cs != NULL;
    if (ss->is_async) {
        adopt_timeout(ss);
        /* Before the socket is closed, which is a clean-up too. */
        apr_pool_pre_cleanup_register(c->pool, ss, leave_list);
        apr_allocator_max_free_set(allocator, KEPT_OCTETS);
        apr_pool_cleanup_register(c->pool, allocator, restore_allocator,
                                  apr_pool_cleanup_null);
    }
    ap_update_child_status_from_conn(c->sbh, SERVER_BUSY_READ, c);
    if (!smtpd_conf_is_implicit(ss->conf, c->local_addr->port)) {
        smtpd_session_greet(ss);
    }
    /* A handshake is not worth its price for one who will be sent away. */
    else if (ss->is_one_too_many
             || smtpd_tls_begin_implicit(ss) != APR_SUCCESS) {
        ss->is_aborted = 1;
    }
    return ss;
}

int smtpd_connection_process(conn_rec *c)
{
    smtpd_session_t *ss = smtpd_session_get(c);

    if (ss) {
        smtpd_waiting_leave(ss);
        ap_update_child_status_from_conn(c->sbh, SERVER_BUSY_READ, c);
        ss->may_have_input = 1;
    }
    else {
        if (smtpd_conf_get(c->base_server)->engine != 1 || c->master) {
            return DECLINED;
        }
        ss = begin(c);
    }
    return run(ss);
}
