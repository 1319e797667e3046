/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_ring.h>

#include "queue_control_work.h"
#include "queue_log.h"
#include "queue_turn.h"
#include "queue_unix.h"

#define BACKLOG 16
/* When there are no file descriptors left. */
#define ACCEPT_AGAIN apr_time_from_sec(1)

/* Somebody who has connected. */
typedef struct client_t {
    APR_RING_ENTRY(client_t) link; /* who was silent the longest is first */
    queue_control_t *control;
    apr_pool_t *p;
    int fd;
    queue_watch_t *watch;
    queue_timer_t timer;
    apr_time_t moved;            /* octets came or went */
    int is_ended;                /* nothing more will come */
    int is_turning;              /* it fetches mail, once it knows so */
    apr_pool_t *work_p;          /* of the request that is being answered */
    queue_control_work_t *work;  /* NULL: none is */
    store_control_request_t request;
    store_control_out_t out;
    apr_size_t line_len;         /* of the request at the front of `in` */
    apr_size_t len;
    char in[STORE_CONTROL_REQUEST_OCTETS];
} client_t;

APR_RING_HEAD(client_ring_t, client_t);

struct queue_control_t {
    apr_pool_t *p;
    queue_loop_t *loop;
    queue_engine_t *engine;
    const store_log_t *log;
    int fd;                      /* -1: closed */
    queue_watch_t *watch;
    queue_timer_t accept_again;
    struct client_ring_t clients;
    int client_count;
};

/* ---- A client ---- */

static void client_close(client_t *client)
{
    APR_RING_REMOVE(client, link);
    client->control->client_count--;
    queue_timer_clear(&client->timer);
    queue_watch_end(client->watch);
    if (client->fd >= 0) {
        close(client->fd);
    }
    store_control_out_destroy(&client->out);
    apr_pool_destroy(client->p);
}

/* It is alive. */
static void client_moved(client_t *client)
{
    queue_control_t *control = client->control;

    client->moved = queue_loop_now(control->loop);
    APR_RING_REMOVE(client, link);
    APR_RING_INSERT_TAIL(&control->clients, client, client_t, link);
    queue_timer_set(&client->timer, client->moved
                    + (client->work || client->out.len
                       ? QUEUE_CONTROL_REPLY : QUEUE_CONTROL_REQUEST));
}

static void on_time(void *baton)
{
    client_close(baton);
}

/* Says no, and that is the last that is said. */
static void client_refuse(client_t *client, const char *why, const char *text)
{
    store_control_refusal_write(&client->out, STORE_CONTROL_ERROR, why, NULL,
                                text);
    client->is_ended = 1;
    client->len = 0;
}

/* ---- Requests ---- */

/* A request that is none is answered; it does no harm to those after it. */
static void request_begin(client_t *client, apr_size_t len)
{
    const char *fault;

    client->line_len = len + 1;
    apr_pool_clear(client->work_p);
    fault = store_control_request_parse(client->work_p, client->in, len,
                                        &client->request);
    if (fault) {
        store_control_refusal_write(&client->out, STORE_CONTROL_ERROR,
                                    STORE_CONTROL_WHY_REQUEST, NULL, fault);
        return;
    }
    client->work = queue_control_work_begin(client->work_p,
                                            client->control->engine,
                                            &client->request);
}

/* The request at the front has been answered. */
static void request_drop(client_t *client)
{
    client->len -= client->line_len;
    memmove(client->in, client->in + client->line_len, client->len);
    client->line_len = 0;
}

/* Returns whether there is a request, or the refusal of what is none. */
static int request_next(client_t *client)
{
    char *lf;

    request_drop(client);
    lf = memchr(client->in, '\n', client->len);
    if (lf) {
        request_begin(client, lf - client->in);
        return 1;
    }
    if (client->len == sizeof(client->in)) {
        client_refuse(client, STORE_CONTROL_WHY_REQUEST, "too long a line");
        return 1;
    }
    return 0;
}

/* ---- Octets ---- */

static apr_status_t client_read(client_t *client)
{
    ssize_t n;

    do {
        n = read(client->fd, client->in + client->len,
                 sizeof(client->in) - client->len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno;
    }
    if (n == 0) {
        return APR_EOF;
    }
    client->len += n;
    client_moved(client);
    return APR_SUCCESS;
}

/* Sends what can be sent. @return APR_EAGAIN: there is a rest */
static apr_status_t client_write(client_t *client)
{
    apr_size_t sent = 0;
    apr_status_t rv = APR_SUCCESS;

    while (sent < client->out.len && rv == APR_SUCCESS) {
        ssize_t n = send(client->fd, client->out.octets + sent,
                         client->out.len - sent, MSG_NOSIGNAL);

        if (n > 0) {
            sent += n;
        }
        else if (errno != EINTR) {
            rv = errno;
        }
    }
    if (sent) {
        store_control_out_consume(&client->out, sent);
        client_moved(client);
    }
    return rv;
}

/* The request has its answer. Mail that is fetched follows on the connection,
 * which is none of an administrator's any more. */
static void work_end(client_t *client)
{
    client->is_turning = client->request.verb == STORE_CONTROL_TURN
        && queue_control_work_count(client->work) > 0;
    client->work = NULL;
    if (!client->is_turning) {
        apr_pool_clear(client->work_p);
    }
}

/* What is to be done of the request at hand. @return whether there was one */
static int client_work(client_t *client)
{
    if (!client->work && !request_next(client)) {
        return 0;
    }
    if (client->work
        && !queue_control_work_turn(client->work, &client->out,
                                    queue_loop_now(client->control->loop))) {
        work_end(client);
    }
    return 1;
}

/* Who turns has been told so. Octets behind his request are none of SMTP:
 * we have not been greeted yet, because he had no word of us. */
static void client_turn(client_t *client)
{
    const store_control_request_t *request = &client->request;
    queue_engine_t *engine = client->control->engine;
    int fd = client->fd;

    if (client->len > client->line_len) {
        client_close(client);
        return;
    }
    queue_watch_end(client->watch);
    client->fd = -1;
    queue_turn_begin(engine, fd, request->names, request->name_count,
                     request->client);
    client_close(client);
}

/* One turn of work, then others have theirs: the socket is asked whether it
 * takes more even if it would. */
static void client_go(client_t *client)
{
    apr_status_t rv = client_write(client);
    int is_busy = 1;

    if (rv == APR_SUCCESS && !client->is_turning) {
        is_busy = client_work(client);
        rv = client_write(client);
    }
    if (rv == APR_SUCCESS && client->is_turning) {
        client_turn(client);
        return;
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        client_close(client);
        return;
    }
    if (!is_busy && client->is_ended) {
        client_close(client);
        return;
    }
    queue_watch_change(client->watch, is_busy ? APR_POLLOUT : APR_POLLIN);
}

static void on_client(void *baton, int events)
{
    client_t *client = baton;
    apr_status_t rv = APR_SUCCESS;

    /* Nothing is read while a request is at hand: who sends many waits. */
    if (events & APR_POLLIN) {
        rv = client_read(client);
    }
    else if (!(events & APR_POLLOUT)) {
        rv = ECONNRESET;
    }
    if (rv == APR_EOF) {
        client->is_ended = 1;
    }
    else if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        client_close(client);
        return;
    }
    client_go(client);
}

/* ---- Who connects ---- */

static void client_open(queue_control_t *control, int fd)
{
    client_t *client;
    apr_pool_t *p;

    apr_pool_create(&p, control->p);
    client = apr_pcalloc(p, sizeof(*client));
    client->control = control;
    client->p = p;
    client->fd = fd;
    apr_pool_create(&client->work_p, p);
    queue_timer_init(&client->timer, control->loop, on_time, client);
    APR_RING_ELEM_INIT(client, link);
    APR_RING_INSERT_TAIL(&control->clients, client, client_t, link);
    control->client_count++;
    client_moved(client);
    if (queue_watch_begin(control->loop, p, fd, APR_POLLIN, on_client, client,
                          &client->watch) != APR_SUCCESS) {
        client_close(client);
    }
}

/* A place for one more. */
static int room_make(queue_control_t *control)
{
    client_t *first = APR_RING_FIRST(&control->clients);

    if (control->client_count < QUEUE_CONTROL_CLIENTS) {
        return 1;
    }
    if (queue_loop_now(control->loop) - first->moved
        < QUEUE_CONTROL_SILENCE) {
        return 0;
    }
    client_close(first);
    return 1;
}

static void turn_away(int fd)
{
    store_control_out_t out = { 0 };

    store_control_refusal_write(&out, STORE_CONTROL_ERROR,
                                STORE_CONTROL_WHY_LIMIT, NULL,
                                "too many programs ask at once");
    /* It is the first that is sent there: there is room. */
    (void)!send(fd, out.octets, out.len, MSG_NOSIGNAL);
    store_control_out_destroy(&out);
    close(fd);
}

static void on_accept_again(void *baton)
{
    queue_control_t *control = baton;

    queue_watch_change(control->watch, APR_POLLIN);
}

static void on_connect(void *baton, int events)
{
    queue_control_t *control = baton;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    apr_status_t rv = fd < 0 ? errno : APR_SUCCESS;

    (void)events;
    if (rv == APR_SUCCESS) {
        if (room_make(control)) {
            client_open(control, fd);
        }
        else {
            turn_away(fd);
        }
        return;
    }
    if (APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_EINTR(rv)
        || rv == ECONNABORTED) {
        return;
    }
    store_log(control->log, STORE_LOG_WARNING, rv, QUEUE_LOGNO(4400)
              "smtpq cannot be answered now");
    queue_watch_change(control->watch, 0);
    queue_timer_set(&control->accept_again,
                    queue_loop_now(control->loop) + ACCEPT_AGAIN);
}

/* ---- The socket ---- */

static apr_status_t control_cleanup(void *data)
{
    queue_control_close(data);
    return APR_SUCCESS;
}

apr_status_t queue_control_open(apr_pool_t *p, queue_loop_t *loop,
                                const char *queue_dir,
                                queue_engine_t *engine,
                                const store_log_t *log, queue_control_t **out)
{
    queue_control_t *control = apr_pcalloc(p, sizeof(*control));
    apr_status_t rv;

    *out = NULL;
    control->p = p;
    control->loop = loop;
    control->engine = engine;
    control->log = log;
    APR_RING_INIT(&control->clients, client_t, link);
    queue_timer_init(&control->accept_again, loop, on_accept_again, control);
    rv = queue_unix_listen(queue_dir, QUEUE_CONTROL_NAME, BACKLOG,
                           &control->fd);
    if (rv == APR_SUCCESS) {
        rv = queue_watch_begin(loop, p, control->fd, APR_POLLIN, on_connect,
                               control, &control->watch);
    }
    if (rv != APR_SUCCESS) {
        queue_control_close(control);
        return rv;
    }
    /* Before pools below go: the clients'. */
    apr_pool_pre_cleanup_register(p, control, control_cleanup);
    *out = control;
    return APR_SUCCESS;
}

/* The name stays: it may be another process's by now, and who connects where
 * nobody listens is refused. */
void queue_control_close(queue_control_t *control)
{
    while (!APR_RING_EMPTY(&control->clients, client_t, link)) {
        client_close(APR_RING_FIRST(&control->clients));
    }
    queue_timer_clear(&control->accept_again);
    queue_watch_end(control->watch);
    control->watch = NULL;
    if (control->fd >= 0) {
        close(control->fd);
        control->fd = -1;
    }
}
