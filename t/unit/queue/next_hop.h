/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file next_hop.h
 * A next hop in a thread that plays a script on loopback. Each line is one of
 *
 *     ACCEPT n     the next connection, to 127.0.0.n
 *     S octets     says so (CRLF is added); lines in a row in one go
 *     RAW octets   the same without CRLF
 *     C words      the client must say a line that begins so
 *     MAIL         the client sends mail data, up to its end
 *     STARTTLS     shakes hands
 *     TLSFAIL      says what is no TLS
 *     DROP         closes the connection
 *     RESET        the same by RST
 *     STALL        says nothing until the client closes
 *     FLOOD octets says so until the client closes
 *     GONE         reads nothing, until next_hop_end()
 *     WAIT         does nothing, until next_hop_go()
 *     POUR octets  the same, without CRLF
 *     CLOSED       waits until the client closes, which must say nothing more
 *     DEAF         nobody listens at all
 *
 * A connection that is open at the end of the script, or at the next ACCEPT,
 * is closed. Listeners are there for each n that the script names; n may be
 * "unix".
 */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include "../unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <apr_strings.h>
#include <openssl/ssl.h>

/** Nobody waits so long: a test that does has failed. */
#define NEXT_HOP_WAIT_SEC 60

/** 0: the unix socket. */
#define NEXT_HOP_ADDRESSES 10

typedef struct next_hop_t {
    const char *script;
    SSL_CTX *tls;                /**< for STARTTLS; may be NULL */
    const char *path;            /**< of the unix socket */
    int port;                    /**< out */
    char fault[400];             /**< out: what went wrong, or "" */
    /* private */
    pthread_t thread;
    int over[2];                 /**< a pipe: next_hop_end() was called */
    int listeners[NEXT_HOP_ADDRESSES]; /**< -1: none */
    int fd;                      /**< -1: no connection */
    SSL *ssl;
    char line[4096];             /**< of the script */
    char in[65536];              /**< of the client, not looked at yet */
    size_t in_len;
} next_hop_t;

static inline void next_hop_fail(next_hop_t *hop, const char *what,
                                 const char *got)
{
    if (*hop->fault == '\0') {
        snprintf(hop->fault, sizeof(hop->fault), "%.150s: %.150s", what, got);
    }
}

static inline void next_hop_drop(next_hop_t *hop)
{
    SSL_free(hop->ssl);
    hop->ssl = NULL;
    if (hop->fd != -1) {
        close(hop->fd);
    }
    hop->fd = -1;
    hop->in_len = 0;
}

static inline void next_hop_patience(int fd)
{
    const struct timeval wait = { NEXT_HOP_WAIT_SEC, 0 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

static inline int next_hop_slot(const char *name)
{
    return strcmp(name, "unix") == 0 ? 0 : atoi(name);
}

static inline void next_hop_accept(next_hop_t *hop, const char *name)
{
    next_hop_drop(hop);
    hop->fd = accept(hop->listeners[next_hop_slot(name)], NULL, NULL);
    if (hop->fd == -1) {
        next_hop_fail(hop, "no connection", name);
        return;
    }
    next_hop_patience(hop->fd);
}

/** @return whether all was taken */
static inline int next_hop_write(next_hop_t *hop, const char *octets,
                                 size_t len)
{
    while (len > 0) {
        ssize_t n = hop->ssl ? SSL_write(hop->ssl, octets, (int)len)
                             : send(hop->fd, octets, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return 0;
        }
        octets += n;
        len -= (size_t)n;
    }
    return 1;
}

/** More of the client. @return 0 at the end */
static inline int next_hop_read(next_hop_t *hop)
{
    size_t room = sizeof(hop->in) - 1 - hop->in_len;
    ssize_t n = hop->ssl ? SSL_read(hop->ssl, hop->in + hop->in_len,
                                    (int)room)
                         : recv(hop->fd, hop->in + hop->in_len, room, 0);

    if (n > 0) {
        hop->in_len += (size_t)n;
    }
    hop->in[hop->in_len] = '\0';
    return n > 0;
}

static inline void next_hop_take(next_hop_t *hop, size_t len)
{
    hop->in_len -= len;
    memmove(hop->in, hop->in + len, hop->in_len + 1);
}

static inline void next_hop_expect(next_hop_t *hop, const char *words)
{
    char *end;

    hop->in[hop->in_len] = '\0';
    while ((end = strstr(hop->in, "\r\n")) == NULL) {
        if (!next_hop_read(hop)) {
            next_hop_fail(hop, words, "the client has gone");
            return;
        }
    }
    *end = '\0';
    if (strncmp(hop->in, words, strlen(words)) != 0) {
        next_hop_fail(hop, words, hop->in);
    }
    next_hop_take(hop, (size_t)(end - hop->in) + 2);
}

static inline void next_hop_mail(next_hop_t *hop)
{
    char *end;

    hop->in[hop->in_len] = '\0';
    while ((end = strstr(hop->in, "\r\n.\r\n")) == NULL) {
        /* Only the last octets matter. */
        if (hop->in_len > sizeof(hop->in) / 2) {
            next_hop_take(hop, hop->in_len - 8);
        }
        if (!next_hop_read(hop)) {
            next_hop_fail(hop, "MAIL", "the client has gone");
            return;
        }
    }
    next_hop_take(hop, (size_t)(end - hop->in) + 5);
}

static inline void next_hop_stall(next_hop_t *hop)
{
    do {
        hop->in_len = 0;
    } while (next_hop_read(hop));
}

static inline void next_hop_closed(next_hop_t *hop)
{
    if (hop->in_len > 0 || next_hop_read(hop)) {
        next_hop_fail(hop, "CLOSED", hop->in);
    }
}

static inline void next_hop_gone(next_hop_t *hop)
{
    struct pollfd pollfd = { hop->over[0], 0, 0 };

    if (poll(&pollfd, 1, NEXT_HOP_WAIT_SEC * 1000) != 1) {
        next_hop_fail(hop, "GONE", "it is still there");
    }
}

static inline void next_hop_wait(next_hop_t *hop)
{
    struct pollfd pollfd = { hop->over[0], POLLIN, 0 };
    char octet;

    if (poll(&pollfd, 1, NEXT_HOP_WAIT_SEC * 1000) != 1
        || read(hop->over[0], &octet, 1) != 1) {
        next_hop_fail(hop, "WAIT", "nobody says go");
    }
}

static inline void next_hop_flood(next_hop_t *hop, const char *octets,
                                  const char *end)
{
    char line[1024];
    int len = snprintf(line, sizeof(line), "%s%s", octets, end);

    while (next_hop_write(hop, line, (size_t)len)) {
    }
}

static inline void next_hop_starttls(next_hop_t *hop)
{
    hop->ssl = SSL_new(hop->tls);
    SSL_set_fd(hop->ssl, hop->fd);
    /* Failure is the client's to tell. */
    SSL_accept(hop->ssl);
}

static inline void next_hop_reset(next_hop_t *hop)
{
    const struct linger now = { 1, 0 };

    setsockopt(hop->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    next_hop_drop(hop);
}

/** The line of the script at @a script. @return the next, or NULL */
static inline const char *next_hop_line(next_hop_t *hop, const char *script)
{
    size_t len = strcspn(script, "\n");

    snprintf(hop->line, sizeof(hop->line), "%.*s", (int)len, script);
    return script[len] == '\n' ? script + len + 1 : NULL;
}

static inline void next_hop_do(next_hop_t *hop)
{
    char *space = strchr(hop->line, ' ');
    const char *rest = space ? space + 1 : "";
    const char *word = hop->line;

    if (space != NULL) {
        *space = '\0';
    }
    if (strcmp(word, "ACCEPT") == 0) {
        next_hop_accept(hop, rest);
    }
    else if (strcmp(word, "RAW") == 0) {
        next_hop_write(hop, rest, strlen(rest));
    }
    else if (strcmp(word, "C") == 0) {
        next_hop_expect(hop, rest);
    }
    else if (strcmp(word, "MAIL") == 0) {
        next_hop_mail(hop);
    }
    else if (strcmp(word, "STARTTLS") == 0) {
        next_hop_starttls(hop);
    }
    else if (strcmp(word, "TLSFAIL") == 0) {
        next_hop_write(hop, "no TLS here\r\n", 13);
    }
    else if (strcmp(word, "DROP") == 0) {
        next_hop_drop(hop);
    }
    else if (strcmp(word, "RESET") == 0) {
        next_hop_reset(hop);
    }
    else if (strcmp(word, "STALL") == 0) {
        next_hop_stall(hop);
    }
    else if (strcmp(word, "FLOOD") == 0) {
        next_hop_flood(hop, rest, "\r\n");
    }
    else if (strcmp(word, "POUR") == 0) {
        next_hop_flood(hop, rest, "");
    }
    else if (strcmp(word, "GONE") == 0) {
        next_hop_gone(hop);
    }
    else if (strcmp(word, "WAIT") == 0) {
        next_hop_wait(hop);
    }
    else if (strcmp(word, "CLOSED") == 0) {
        next_hop_closed(hop);
    }
    else if (*word != '\0' && strcmp(word, "DEAF") != 0) {
        next_hop_fail(hop, "no such word", word);
    }
}

/** Lines in a row that are said in one go. */
static inline const char *next_hop_say(next_hop_t *hop, const char *script)
{
    char octets[16384];
    size_t len = 0;

    while (script != NULL && strncmp(script, "S ", 2) == 0) {
        script = next_hop_line(hop, script);
        len += (size_t)snprintf(octets + len, sizeof(octets) - len, "%s\r\n",
                                hop->line + 2);
    }
    next_hop_write(hop, octets, len);
    return script;
}

/** What went wrong ends the test soon. */
static inline void next_hop_deafen(next_hop_t *hop)
{
    int slot;

    for (slot = 0; slot < NEXT_HOP_ADDRESSES; slot++) {
        if (hop->listeners[slot] != -1) {
            shutdown(hop->listeners[slot], SHUT_RDWR);
        }
    }
}

static inline void *next_hop_run(void *baton)
{
    next_hop_t *hop = baton;
    const char *script = hop->script;

    while (script != NULL && *hop->fault == '\0') {
        if (strncmp(script, "S ", 2) == 0) {
            script = next_hop_say(hop, script);
            continue;
        }
        script = next_hop_line(hop, script);
        next_hop_do(hop);
    }
    next_hop_drop(hop);
    if (*hop->fault != '\0') {
        next_hop_deafen(hop);
    }
    return NULL;
}

static inline void next_hop_listen(next_hop_t *hop, int slot)
{
    struct sockaddr_in ip;
    struct sockaddr_un path;
    struct sockaddr *to = (struct sockaddr *)&ip;
    socklen_t len = sizeof(ip);
    int on = 1;

    memset(&ip, 0, sizeof(ip));
    memset(&path, 0, sizeof(path));
    ip.sin_family = AF_INET;
    ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (unsigned int)slot);
    ip.sin_port = htons((unsigned short)hop->port);
    if (slot == 0) {
        path.sun_family = AF_UNIX;
        strcpy(path.sun_path, hop->path);
        to = (struct sockaddr *)&path;
        len = sizeof(path);
    }
    hop->listeners[slot] = socket(to->sa_family, SOCK_STREAM, 0);
    setsockopt(hop->listeners[slot], SOL_SOCKET, SO_REUSEADDR, &on,
               sizeof(on));
    assert_int_equal(bind(hop->listeners[slot], to, len), 0);
    assert_int_equal(listen(hop->listeners[slot], 10), 0);
    next_hop_patience(hop->listeners[slot]);
    if (slot > 0 && hop->port == 0) {
        getsockname(hop->listeners[slot], to, &len);
        hop->port = ntohs(ip.sin_port);
    }
}

/** script, and what else it needs, are set; all else is zero. */
static inline void next_hop_begin(next_hop_t *hop)
{
    const char *at = hop->script;
    int slot;

    for (slot = 0; slot < NEXT_HOP_ADDRESSES; slot++) {
        hop->listeners[slot] = -1;
    }
    hop->fd = -1;
    while (at != NULL) {
        at = next_hop_line(hop, at);
        slot = next_hop_slot(hop->line + 7 * (strlen(hop->line) > 7));
        if (strncmp(hop->line, "ACCEPT ", 7) == 0
            && hop->listeners[slot] == -1) {
            next_hop_listen(hop, slot);
        }
    }
    if (hop->port == 0 && hop->listeners[0] == -1) {
        /* A port on which nobody listens. */
        next_hop_listen(hop, 1);
        close(hop->listeners[1]);
        hop->listeners[1] = -1;
    }
    assert_int_equal(pipe(hop->over), 0);
    assert_int_equal(pthread_create(&hop->thread, NULL, next_hop_run, hop),
                     0);
}

/** Ends one WAIT, of now or later. */
static inline void next_hop_go(next_hop_t *hop)
{
    assert_int_equal(write(hop->over[1], "", 1), 1);
}

/** Waits for the end of the script. Fails if a client came whom the script
 *  does not know. */
static inline void next_hop_end(next_hop_t *hop)
{
    const struct timeval none = { 0, 1 };
    int slot;

    close(hop->over[1]);
    pthread_join(hop->thread, NULL);
    close(hop->over[0]);
    for (slot = 0; slot < NEXT_HOP_ADDRESSES; slot++) {
        int fd = hop->listeners[slot];

        if (fd == -1) {
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
        if (accept(fd, NULL, NULL) != -1) {
            next_hop_fail(hop, "one connection too many", "");
        }
        close(fd);
    }
}

#endif
