/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * tls_key_update PORT COUNT: a client on 127.0.0.1 that begins TLS 1.3 by
 * STARTTLS and then asks for new keys COUNT times (KeyUpdate with
 * update_requested, RFC 8446 4.6.3) without reading, and sends NOOP in the
 * same segment as the last of them. Perl's OpenSSL has no such call. Prints
 * the reply to NOOP, or "cut".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/ssl.h>

/* Of each call on the socket. */
#define PATIENCE_SEC 20

static void fail(const char *what)
{
    fprintf(stderr, "tls_key_update: %s\n", what);
    exit(1);
}

/* With a small window, so that a server that does not read blocks soon. */
static int connect_to(int port)
{
    struct sockaddr_in address = { 0 };
    struct timeval patience = { PATIENCE_SEC, 0 };
    int octets = 4096;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail("cannot connect");
    }
    return fd;
}

/* Sends @a line, if there is one, and reads a reply, in plain text. */
static void say(int fd, const char *line)
{
    char reply[2048];
    size_t len = 0;

    if (line && write(fd, line, strlen(line)) < 0) {
        fail("cannot write");
    }
    do {
        ssize_t n = read(fd, reply + len, sizeof(reply) - 1 - len);

        if (n <= 0) {
            fail("no reply in plain text");
        }
        len += (size_t)n;
        reply[len] = '\0';
        /* The last line has a space behind its code. */
    } while (reply[len - 1] != '\n'
             || (strrchr(reply, '-') && !strstr(reply, "\n250 ")
                 && !strncmp(reply, "250-", 4)));
}

static SSL *begin_tls(int fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) {
        fail("no handshake");
    }
    return ssl;
}

static void cork(int fd, int is_on)
{
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &is_on, sizeof(is_on));
}

/* @return 1, or 0 when the server took no more */
static int update_keys(SSL *ssl, long count)
{
    while (count-- > 0) {
        if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1
            || SSL_do_handshake(ssl) != 1) {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    char reply[512];
    SSL *ssl;
    int fd, n = -1;

    if (argc != 3) {
        fail("usage: tls_key_update PORT COUNT");
    }
    signal(SIGPIPE, SIG_IGN);
    fd = connect_to(atoi(argv[1]));
    say(fd, NULL);
    say(fd, "EHLO client.test\r\n");
    say(fd, "STARTTLS\r\n");
    ssl = begin_tls(fd);
    cork(fd, 1);
    if (update_keys(ssl, atol(argv[2])) && SSL_write(ssl, "NOOP\r\n", 6) > 0) {
        cork(fd, 0);
        n = SSL_read(ssl, reply, sizeof(reply) - 1);
    }
    printf("%.*s\n", n > 0 ? n : 3, n > 0 ? reply : "cut");
    return 0;
}
