/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <apr_strings.h>

#include "queue_socket.h"

static smtp_dns_address_t address_of(const char *text)
{
    smtp_dns_address_t address;

    assert_int_equal(smtp_dns_address_parse(text, &address), APR_SUCCESS);
    return address;
}

static void source_add(apr_array_header_t *sources, const char *address,
                       unsigned int weight)
{
    queue_source_t *source = apr_array_push(sources);

    memset(source, 0, sizeof(*source));
    source->address = address_of(address);
    source->weight = weight;
}

/** Reputation is shared out as the administrator says. */
static void sources_are_chosen_by_weight(void **state)
{
    apr_array_header_t *sources = apr_array_make(*state, 4,
                                                 sizeof(queue_source_t));
    int seen[4] = { 0, 0, 0, 0 };
    const queue_source_t *source;
    int i;

    source_add(sources, "192.0.2.1", 1);
    source_add(sources, "2001:db8::1", 7);
    source_add(sources, "192.0.2.2", 3);
    source_add(sources, "2001:db8::2", 1);
    for (i = 0; i < 400; i++) {
        assert_int_equal(queue_source_choose(sources, AF_INET, i, &source),
                         1);
        seen[source - (queue_source_t *)sources->elts]++;
    }
    assert_int_equal(seen[0], 100);
    assert_int_equal(seen[2], 300);
    for (i = 0; i < 80; i++) {
        assert_int_equal(queue_source_choose(sources, AF_INET6, i, &source),
                         1);
        seen[source - (queue_source_t *)sources->elts]++;
    }
    assert_int_equal(seen[1], 70);
    assert_int_equal(seen[3], 10);
}

static void without_sources_the_system_chooses(void **state)
{
    apr_array_header_t *sources = apr_array_make(*state, 1,
                                                 sizeof(queue_source_t));
    const queue_source_t *source;

    assert_int_equal(queue_source_choose(NULL, AF_INET, 1, &source), 1);
    assert_null(source);
    assert_int_equal(queue_source_choose(sources, AF_INET, 1, &source), 1);
    assert_null(source);
    /* Not by an address that the administrator did not name. */
    source_add(sources, "2001:db8::1", 1);
    assert_int_equal(queue_source_choose(sources, AF_INET, 1, &source), 0);
    assert_null(source);
}

/** A listener on loopback. */
static int listener_open(const char *address, apr_port_t *port)
{
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in ipv4 = { .sin_family = AF_INET };
    const int is_ipv6 = strchr(address, ':') != NULL;
    struct sockaddr *to = is_ipv6 ? (struct sockaddr *)&ipv6
                                  : (struct sockaddr *)&ipv4;
    socklen_t len = is_ipv6 ? sizeof(ipv6) : sizeof(ipv4);
    int fd = socket(to->sa_family, SOCK_STREAM, 0);

    inet_pton(to->sa_family, address,
              is_ipv6 ? (void *)&ipv6.sin6_addr : (void *)&ipv4.sin_addr);
    if (bind(fd, to, len) != 0 || listen(fd, 1) != 0
        || getsockname(fd, to, &len) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(is_ipv6 ? ipv6.sin6_port : ipv4.sin_port);
    return fd;
}

static apr_status_t connected(int fd, apr_status_t begun)
{
    struct pollfd pollfd = { fd, POLLOUT, 0 };

    if (!APR_STATUS_IS_EINPROGRESS(begun)) {
        return begun;
    }
    assert_int_equal(poll(&pollfd, 1, 60000), 1);
    return queue_socket_error(fd);
}

static void a_connection_comes_from_the_source(void **state)
{
    static const struct { const char *to, *from; } rows[] = {
        { "127.0.0.1", "127.0.0.77" }, { "127.0.0.1", NULL }, { "::1", "::1" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        queue_endpoint_t to = { NULL, address_of(rows[i].to), 0 };
        smtp_dns_address_t from = address_of(rows[i].from ? rows[i].from
                                                          : "127.0.0.1");
        int listener = listener_open(rows[i].to, &to.port);
        apr_status_t rv;
        int fd;

        if (listener == -1) {
            continue;            /* no IPv6 here */
        }
        rv = queue_socket_connect(&to, rows[i].from ? &from : NULL, &fd);
        assert_int_equal(connected(fd, rv), APR_SUCCESS);
        assert_string_equal(queue_socket_source(*state, fd),
                            rows[i].from ? rows[i].from : "127.0.0.1");
        close(fd);
        close(listener);
    }
}

static void what_cannot_be_is_told(void **state)
{
    queue_endpoint_t refused = { NULL, address_of("127.0.0.1"), 0 };
    const smtp_dns_address_t foreign = address_of("192.0.2.1");
    queue_endpoint_t nowhere = { "/nonexistent/socket", { 0 }, 0 };
    queue_endpoint_t too_long = {
        "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789"
        "/0123456789/0123456789/0123456789/0123456789", { 0 }, 0
    };
    int listener = listener_open("127.0.0.1", &refused.port);
    apr_status_t rv;
    int fd;

    (void)state;
    assert_int_equal(queue_socket_connect(&refused, &foreign, &fd),
                     EADDRNOTAVAIL);
    assert_int_equal(fd, -1);
    close(listener);
    rv = queue_socket_connect(&refused, NULL, &fd);
    assert_int_equal(connected(fd, rv), ECONNREFUSED);
    if (fd != -1) {
        close(fd);
    }
    assert_int_equal(queue_socket_connect(&nowhere, NULL, &fd), ENOENT);
    assert_int_equal(fd, -1);
    assert_int_equal(queue_socket_connect(&too_long, NULL, &fd),
                     APR_ENAMETOOLONG);
    assert_int_equal(queue_socket_loss(ECONNREFUSED), SMTP_LOSS_REFUSED);
    assert_int_equal(queue_socket_loss(ETIMEDOUT), SMTP_LOSS_TIMEOUT);
    assert_int_equal(queue_socket_loss(EHOSTUNREACH), SMTP_LOSS_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(sources_are_chosen_by_weight),
        UNIT_TEST(without_sources_the_system_chooses),
        UNIT_TEST(a_connection_comes_from_the_source),
        UNIT_TEST(what_cannot_be_is_told)
    };

    return UNIT_RUN(tests);
}
