/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_remote.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "queue/control"
#define ROOM_MIN (256u * 1024)
/** No line is longer: what the queue process reads of a mail at once, each
 *  octet escaped. */
#define ROOM_MAX (64u * 1024 * 1024)

struct smtpq_remote_t {
    int fd;
    char *octets;                /**< read, not looked at */
    apr_size_t begin, len;       /**< of them */
    apr_size_t room;
};

static apr_status_t remote_cleanup(void *data)
{
    smtpq_remote_t *remote = data;

    if (remote->fd >= 0) {
        close(remote->fd);
    }
    free(remote->octets);
    return APR_SUCCESS;
}

apr_status_t smtpq_remote_open(apr_pool_t *p, const char *spool,
                               smtpq_remote_t **out)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    smtpq_remote_t *remote = apr_pcalloc(p, sizeof(*remote));
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
                       spool, SOCKET_NAME);

    *out = NULL;
    if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
        return APR_ENAMETOOLONG;
    }
    remote->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    apr_pool_cleanup_register(p, remote, remote_cleanup,
                              apr_pool_cleanup_null);
    if (remote->fd < 0
        || connect(remote->fd, (struct sockaddr *)&address,
                   sizeof(address)) != 0) {
        return errno;
    }
    *out = remote;
    return APR_SUCCESS;
}

static apr_status_t send_all(smtpq_remote_t *remote, const char *octets,
                             apr_size_t len)
{
    while (len > 0) {
        ssize_t n = send(remote->fd, octets, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n > 0) {
            octets += n;
            len -= n;
        }
    }
    return APR_SUCCESS;
}

/** Room for more behind what is there. */
static apr_status_t room_make(smtpq_remote_t *remote)
{
    if (remote->begin > 0) {
        memmove(remote->octets, remote->octets + remote->begin, remote->len);
        remote->begin = 0;
    }
    if (remote->len == remote->room) {
        apr_size_t room = remote->room ? 2 * remote->room : ROOM_MIN;
        char *more = room > ROOM_MAX ? NULL : realloc(remote->octets, room);

        if (more == NULL) {
            return room > ROOM_MAX ? APR_EGENERAL : APR_ENOMEM;
        }
        remote->octets = more;
        remote->room = room;
    }
    return APR_SUCCESS;
}

static apr_status_t wait_readable(int fd)
{
    struct pollfd pollfd = { fd, POLLIN, 0 };
    int n;

    do {
        n = poll(&pollfd, 1, SMTPQ_REMOTE_TIMEOUT_SEC * 1000);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? APR_SUCCESS : n == 0 ? APR_TIMEUP : errno;
}

static apr_status_t read_more(smtpq_remote_t *remote)
{
    apr_status_t rv = room_make(remote);
    ssize_t n;

    if (rv == APR_SUCCESS) {
        rv = wait_readable(remote->fd);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    do {
        n = read(remote->fd, remote->octets + remote->len,
                 remote->room - remote->len);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        remote->len += n;
        return APR_SUCCESS;
    }
    return n == 0 ? APR_EOF : errno;
}

/** Reads a line. @param line  out: in the buffer, until the next */
static apr_status_t line_get(smtpq_remote_t *remote, char **line,
                             apr_size_t *len)
{
    apr_size_t looked = 0;       /* octets that have no LF among them */

    for (;;) {
        char *begin = remote->octets + remote->begin;
        char *lf = remote->len > looked
                   ? memchr(begin + looked, '\n', remote->len - looked)
                   : NULL;
        apr_status_t rv;

        if (lf != NULL) {
            *line = begin;
            *len = lf - begin;
            remote->begin += *len + 1;
            remote->len -= *len + 1;
            return APR_SUCCESS;
        }
        looked = remote->len;
        rv = read_more(remote);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
}

static apr_status_t reply_read(smtpq_remote_t *remote, smtpq_take_fn *take,
                               void *baton)
{
    store_control_reply_t reply;
    apr_size_t len;
    char *line;

    do {
        apr_status_t rv = line_get(remote, &line, &len);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (!store_control_reply_parse(line, len, &reply)) {
            return APR_EGENERAL;
        }
        take(baton, &reply);
    } while (reply.kind != STORE_CONTROL_END
             && reply.kind != STORE_CONTROL_ERROR);
    return APR_SUCCESS;
}

apr_status_t smtpq_remote_ask(smtpq_remote_t *remote,
                              const store_control_request_t *request,
                              smtpq_take_fn *take, void *baton)
{
    store_control_out_t out = { 0 };
    apr_status_t rv;

    store_control_request_write(&out, request);
    rv = send_all(remote, out.octets, out.len);
    store_control_out_destroy(&out);
    return rv == APR_SUCCESS ? reply_read(remote, take, baton) : rv;
}
