/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_unix.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static apr_status_t address_make(const char *dir, const char *name,
                                 const char *suffix,
                                 struct sockaddr_un *address)
{
    int len = snprintf(address->sun_path, sizeof(address->sun_path),
                       "%s/%s%s", dir, name, suffix);

    address->sun_family = AF_UNIX;
    return len > 0 && (size_t)len < sizeof(address->sun_path)
         ? APR_SUCCESS : APR_ENAMETOOLONG;
}

/* By a rename: who connects meets the one before or this one, and nobody
 * before the socket is closed to others. */
static apr_status_t bind_to(int fd, const struct sockaddr_un *address,
                            const struct sockaddr_un *temporary, int backlog)
{
    if (unlink(temporary->sun_path) && errno != ENOENT) {
        return errno;
    }
    if (bind(fd, (const struct sockaddr *)temporary, sizeof(*temporary))
        || chmod(temporary->sun_path, 0600)
        || listen(fd, backlog)
        || rename(temporary->sun_path, address->sun_path)) {
        return errno;
    }
    return APR_SUCCESS;
}

apr_status_t queue_unix_listen(const char *dir, const char *name,
                               int backlog, int *fd)
{
    struct sockaddr_un address, temporary;
    apr_status_t rv = address_make(dir, name, "", &address);

    *fd = -1;
    if (rv == APR_SUCCESS) {
        rv = address_make(dir, name, ".new", &temporary);
    }
    if (rv == APR_SUCCESS) {
        *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        rv = *fd < 0 ? errno : bind_to(*fd, &address, &temporary, backlog);
    }
    if (rv != APR_SUCCESS && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rv;
}

apr_status_t queue_unix_connect(const char *dir, const char *name, int *fd)
{
    struct sockaddr_un address;
    apr_status_t rv = address_make(dir, name, "", &address);

    *fd = -1;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0
        && !connect(*fd, (struct sockaddr *)&address, sizeof(address))) {
        return APR_SUCCESS;
    }
    rv = errno;
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rv;
}
