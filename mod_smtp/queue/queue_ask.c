/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue_control.h"
#include "queue_unix.h"
#include "store_control_reply.h"

/* Of the lines that are awaited; longer ones are not meant for us. */
#define LINE_OCTETS 4096

typedef struct ask_t {
    int fd;
    apr_time_t deadline;
    int is_refused;              /* it could not be done */
    apr_size_t len;              /* octets in line */
    char line[LINE_OCTETS];
} ask_t;

/* @return APR_SUCCESS: @a events, or an error that the next call tells */
static apr_status_t wait_for(const ask_t *ask, short events)
{
    struct pollfd pollfd = { ask->fd, events, 0 };

    for (;;) {
        apr_interval_time_t left = ask->deadline - apr_time_now();
        int n = left > 0 ? poll(&pollfd, 1, (int)apr_time_as_msec(left) + 1)
                         : 0;

        if (n > 0) {
            return APR_SUCCESS;
        }
        if (n == 0) {
            return APR_TIMEUP;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
}

static apr_status_t send_all(const ask_t *ask, const char *octets,
                             apr_size_t len)
{
    while (len) {
        ssize_t n = send(ask->fd, octets, len, MSG_NOSIGNAL);
        apr_status_t rv = APR_SUCCESS;

        if (n > 0) {
            octets += n;
            len -= (apr_size_t)n;
        }
        else if (errno == EAGAIN) {
            rv = wait_for(ask, POLLOUT);
        }
        else if (errno != EINTR) {
            rv = errno;
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t ask_begin(ask_t *ask, const char *queue_dir,
                              const store_control_request_t *request,
                              apr_interval_time_t timeout)
{
    store_control_out_t out = { 0 };
    apr_status_t rv = queue_unix_connect(queue_dir, QUEUE_CONTROL_NAME,
                                         &ask->fd);

    ask->deadline = apr_time_now() + timeout;
    ask->is_refused = 0;
    ask->len = 0;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    store_control_request_write(&out, request);
    rv = send_all(ask, out.octets, out.len);
    store_control_out_destroy(&out);
    return rv;
}

static void ask_end(ask_t *ask)
{
    if (ask->fd >= 0) {
        close(ask->fd);
    }
}

/* More octets of a line. */
static apr_status_t fill(ask_t *ask)
{
    apr_status_t rv = wait_for(ask, POLLIN);
    ssize_t n;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (ask->len == sizeof(ask->line)) {
        return APR_EGENERAL;
    }
    n = recv(ask->fd, ask->line + ask->len, sizeof(ask->line) - ask->len, 0);
    if (n > 0) {
        ask->len += (apr_size_t)n;
        return APR_SUCCESS;
    }
    return n == 0 ? APR_EOF
         : errno == EAGAIN || errno == EINTR ? APR_SUCCESS : errno;
}

/* Takes a line off the front. @return whether it is the last of the reply;
 * then *rv says how that ended */
static int line_take(ask_t *ask, char *lf, apr_int64_t *count,
                     apr_status_t *rv)
{
    apr_size_t len = (apr_size_t)(lf - ask->line);
    store_control_reply_t reply;
    int is_last;

    store_control_reply_parse(ask->line, len, &reply);
    is_last = reply.kind == STORE_CONTROL_END
        || reply.kind == STORE_CONTROL_ERROR;
    ask->is_refused |= reply.kind == STORE_CONTROL_REFUSED;
    if (reply.kind == STORE_CONTROL_END) {
        *count = reply.end.count;
    }
    *rv = reply.kind == STORE_CONTROL_ERROR ? APR_EGENERAL : APR_SUCCESS;
    ask->len -= len + 1;
    memmove(ask->line, lf + 1, ask->len);
    return is_last;
}

/* Reads to the last line of the reply. */
static apr_status_t ask_read(ask_t *ask, apr_int64_t *count)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        char *lf = memchr(ask->line, '\n', ask->len);

        if (!lf) {
            rv = fill(ask);
        }
        else if (line_take(ask, lf, count, &rv)) {
            return rv;
        }
    }
    return rv;
}

apr_status_t queue_ask_flush(const char *queue_dir, const char *domain,
                             apr_interval_time_t timeout, apr_int64_t *count)
{
    store_control_request_t request = { .verb = STORE_CONTROL_FLUSH };
    apr_status_t rv;
    ask_t ask;

    *count = 0;
    request.select.domain = domain;
    rv = ask_begin(&ask, queue_dir, &request, timeout);
    if (rv == APR_SUCCESS) {
        rv = ask_read(&ask, count);
    }
    ask_end(&ask);
    return rv;
}

/* Of a request, for what is not names. */
#define REST_OCTETS 256

static apr_status_t names_set(store_control_request_t *request,
                              const apr_array_header_t *domains)
{
    apr_size_t octets = REST_OCTETS;
    int i;

    if (domains->nelts > STORE_CONTROL_NAMES_MAX) {
        return APR_ENOSPC;
    }
    for (i = 0; i < domains->nelts; i++) {
        request->names[i] = APR_ARRAY_IDX(domains, i, const char *);
        octets += strlen("\tname=") + strlen(request->names[i]);
    }
    if (octets > STORE_CONTROL_REQUEST_OCTETS) {
        return APR_ENOSPC;
    }
    request->name_count = domains->nelts;
    return APR_SUCCESS;
}

apr_status_t queue_ask_turn(const char *queue_dir,
                            const apr_array_header_t *domains,
                            const char *client, apr_interval_time_t timeout,
                            int *fd, apr_int64_t *count)
{
    store_control_request_t request = { .verb = STORE_CONTROL_TURN };
    apr_status_t rv = names_set(&request, domains);
    ask_t ask = { .fd = -1 };

    *fd = -1;
    *count = 0;
    request.client = client;
    if (rv == APR_SUCCESS) {
        rv = ask_begin(&ask, queue_dir, &request, timeout);
    }
    if (rv == APR_SUCCESS) {
        rv = ask_read(&ask, count);
    }
    if (rv == APR_SUCCESS && *count <= 0) {
        rv = ask.is_refused ? APR_EBUSY : APR_NOTFOUND;
    }
    /* The queue is greeted before it says anything. */
    if (rv == APR_SUCCESS && ask.len) {
        rv = APR_EGENERAL;
    }
    if (rv == APR_SUCCESS) {
        *fd = ask.fd;
        return APR_SUCCESS;
    }
    *count = 0;
    ask_end(&ask);
    return rv;
}
