/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <apr_strings.h>

/** An address as the system's calls take it. */
typedef struct sockaddr_t {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un path;
    } u;
    socklen_t len;
} sockaddr_t;

static void ip_sockaddr_set(sockaddr_t *to, const smtp_dns_address_t *address,
                            apr_port_t port)
{
    memset(to, 0, sizeof(*to));
    if (address->family == AF_INET6) {
        to->u.ipv6.sin6_family = AF_INET6;
        to->u.ipv6.sin6_addr = address->ip.ipv6;
        to->u.ipv6.sin6_port = htons(port);
        to->len = sizeof(to->u.ipv6);
        return;
    }
    to->u.ipv4.sin_family = AF_INET;
    to->u.ipv4.sin_addr = address->ip.ipv4;
    to->u.ipv4.sin_port = htons(port);
    to->len = sizeof(to->u.ipv4);
}

static apr_status_t path_sockaddr_set(sockaddr_t *to, const char *path)
{
    memset(to, 0, sizeof(*to));
    to->u.path.sun_family = AF_UNIX;
    to->len = sizeof(to->u.path);
    if (strlen(path) >= sizeof(to->u.path.sun_path)) {
        return APR_ENAMETOOLONG;
    }
    strcpy(to->u.path.sun_path, path);
    return APR_SUCCESS;
}

static apr_status_t flags_set(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1
        || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
        return errno;
    }
    return APR_SUCCESS;
}

/** The port is chosen at connect(), where the same one may serve connections
 *  to different hosts: else they run out at 28,000. */
static apr_status_t source_bind(int fd, const smtp_dns_address_t *source)
{
    sockaddr_t from;
#ifdef IP_BIND_ADDRESS_NO_PORT
    int on = 1;

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
#endif
    ip_sockaddr_set(&from, source, 0);
    return bind(fd, &from.u.any, from.len) == 0 ? APR_SUCCESS : errno;
}

/** A command must not wait for the acknowledgement of the last (RFC 896). */
static apr_status_t tcp_prepare(int fd, const smtp_dns_address_t *source)
{
    int on = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return errno;
    }
    return source ? source_bind(fd, source) : APR_SUCCESS;
}

static apr_status_t socket_connect(int fd, const sockaddr_t *to)
{
    int rv;

    do {
        rv = connect(fd, &to->u.any, to->len);
    } while (rv != 0 && errno == EINTR);
    return rv == 0 ? APR_SUCCESS : errno;
}

apr_status_t queue_socket_connect(const queue_endpoint_t *to,
                                  const smtp_dns_address_t *source, int *fd)
{
    apr_status_t rv = APR_SUCCESS;
    sockaddr_t sockaddr;

    *fd = -1;
    if (to->path != NULL) {
        rv = path_sockaddr_set(&sockaddr, to->path);
    }
    else {
        ip_sockaddr_set(&sockaddr, &to->address, to->port);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *fd = socket(sockaddr.u.any.sa_family, SOCK_STREAM, 0);
    if (*fd == -1) {
        return errno;
    }
    rv = flags_set(*fd);
    if (rv == APR_SUCCESS && to->path == NULL) {
        rv = tcp_prepare(*fd, source);
    }
    if (rv == APR_SUCCESS) {
        rv = socket_connect(*fd, &sockaddr);
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EINPROGRESS(rv)) {
        close(*fd);
        *fd = -1;
    }
    return rv;
}

apr_status_t queue_socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error
                                                                   : errno;
}

smtp_loss_e queue_socket_loss(apr_status_t rv)
{
    return APR_STATUS_IS_ECONNREFUSED(rv) ? SMTP_LOSS_REFUSED
         : APR_STATUS_IS_ETIMEDOUT(rv) ? SMTP_LOSS_TIMEOUT
                                       : SMTP_LOSS_UNREACHABLE;
}

const char *queue_socket_source(apr_pool_t *p, int fd)
{
    char text[INET6_ADDRSTRLEN] = "";
    sockaddr_t own;

    own.len = sizeof(own.u);
    if (getsockname(fd, &own.u.any, &own.len) != 0) {
        return "";
    }
    if (own.u.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &own.u.ipv4.sin_addr, text, sizeof(text));
    }
    else if (own.u.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &own.u.ipv6.sin6_addr, text, sizeof(text));
    }
    return apr_pstrdup(p, text);
}

/** The sum of weights of this family. */
static apr_uint64_t weight_sum(const apr_array_header_t *sources, int family)
{
    apr_uint64_t sum = 0;
    int i;

    for (i = 0; i < sources->nelts; i++) {
        const queue_source_t *each =
            &APR_ARRAY_IDX(sources, i, queue_source_t);

        sum += each->address.family == family ? each->weight : 0;
    }
    return sum;
}

int queue_source_choose(const apr_array_header_t *sources, int family,
                        apr_uint64_t chance, const queue_source_t **source)
{
    apr_uint64_t sum, at;
    int i;

    *source = NULL;
    if (sources == NULL || sources->nelts == 0) {
        return 1;
    }
    sum = weight_sum(sources, family);
    at = sum > 0 ? chance % sum : 0;
    for (i = 0; i < sources->nelts; i++) {
        const queue_source_t *each =
            &APR_ARRAY_IDX(sources, i, queue_source_t);

        if (each->address.family != family) {
            continue;
        }
        if (at < each->weight) {
            *source = each;
            return 1;
        }
        at -= each->weight;
    }
    return 0;
}
