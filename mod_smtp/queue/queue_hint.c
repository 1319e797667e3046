/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_hint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_ring.h>

#include "queue_log.h"

#define MAGIC "SMQHINT1"
/* Hints that one read takes. */
#define BATCH 64
/* Reads of one connection before others have their turn. */
#define READS 16
#define BACKLOG 512
/* When there are no file descriptors left. */
#define ACCEPT_AGAIN apr_time_from_sec(1)

/* One machine reads and writes them, mostly one program. */
typedef struct frame_t {
    char magic[8];
    smtp_queue_hint_t hint;
} frame_t;

static apr_status_t address_make(const char *dir, const char *name,
                                 struct sockaddr_un *address)
{
    int len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s",
                       dir, name);

    address->sun_family = AF_UNIX;
    return len > 0 && (size_t)len < sizeof(address->sun_path)
         ? APR_SUCCESS : APR_ENAMETOOLONG;
}

static int socket_open(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- A child ---- */

apr_status_t queue_hint_sender_init(queue_hint_sender_t *sender,
                                    const char *queue_dir)
{
    struct sockaddr_un address;
    apr_status_t rv = address_make(queue_dir, QUEUE_HINT_NAME, &address);

    *sender = (queue_hint_sender_t)QUEUE_HINT_SENDER_INIT;
    if (rv == APR_SUCCESS) {
        memcpy(sender->path, address.sun_path, sizeof(sender->path));
    }
    return rv;
}

static void disconnect(queue_hint_sender_t *sender)
{
    if (sender->fd >= 0) {
        close(sender->fd);
        sender->fd = -1;
    }
}

/* A clock that was set back is no reason to wait. */
static int is_too_early(const queue_hint_sender_t *sender, apr_time_t now)
{
    return sender->attempted && now >= sender->attempted
        && now - sender->attempted < QUEUE_HINT_CONNECT;
}

/* Returns whether it is connected. */
static int be_connected(queue_hint_sender_t *sender)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    apr_time_t now;

    if (sender->fd >= 0) {
        return 1;
    }
    now = apr_time_now();
    if (!sender->path[0] || is_too_early(sender, now)) {
        return 0;
    }
    sender->attempted = now;
    sender->fd = socket_open();
    memcpy(address.sun_path, sender->path, sizeof(sender->path));
    if (sender->fd >= 0
        && connect(sender->fd, (struct sockaddr *)&address, sizeof(address))) {
        disconnect(sender);
    }
    return sender->fd >= 0;
}

/* Returns whether all of it is on its way. */
static int frame_send(queue_hint_sender_t *sender,
                      const smtp_queue_hint_t *hint)
{
    frame_t frame = { MAGIC, *hint };
    ssize_t sent;

    do {
        sent = send(sender->fd, &frame, sizeof(frame),
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(frame);
}

static int hint_send(queue_hint_sender_t *sender,
                     const smtp_queue_hint_t *hint)
{
    static const smtp_queue_hint_t lost;

    if (sender->has_lost) {
        if (!frame_send(sender, &lost)) {
            return 0;
        }
        sender->has_lost = 0;
    }
    return frame_send(sender, hint);
}

/* A queue process that went is followed by another, which may be there
 * already: a second attempt. One that does not keep up sees the connection
 * end, behind all hints that are in it, and looks for itself. */
void queue_hint_send(queue_hint_sender_t *sender,
                     const smtp_queue_hint_t *hint)
{
    int is_sent = 0, i;

    pthread_mutex_lock(&sender->mutex);
    for (i = 0; i < 2 && !is_sent && be_connected(sender); i++) {
        is_sent = hint_send(sender, hint);
        if (!is_sent) {
            disconnect(sender);
        }
    }
    sender->has_lost |= !is_sent;
    pthread_mutex_unlock(&sender->mutex);
}

void queue_hint_sender_close(queue_hint_sender_t *sender)
{
    pthread_mutex_lock(&sender->mutex);
    disconnect(sender);
    pthread_mutex_unlock(&sender->mutex);
}

/* ---- The queue process ---- */

/* A child. */
typedef struct child_t {
    APR_RING_ENTRY(child_t) link;
    queue_hint_listener_t *listener;
    apr_pool_t *p;
    int fd;
    queue_watch_t *watch;
    size_t len;                  /* octets in frames */
    frame_t frames[BATCH];
} child_t;

APR_RING_HEAD(child_ring_t, child_t);

struct queue_hint_listener_t {
    apr_pool_t *p;
    queue_loop_t *loop;
    queue_hint_user_t user;
    const store_log_t *log;
    int fd;                      /* -1: closed */
    queue_watch_t *watch;
    queue_timer_t accept_again;
    queue_timer_t lost;
    apr_time_t lost_last;        /* when the user was told */
    struct child_ring_t children;
};

static void on_lost(void *baton)
{
    queue_hint_listener_t *listener = baton;

    listener->lost_last = queue_loop_now(listener->loop);
    listener->user.lost(listener->user.baton);
}

/* Children may all come to an end at once: one look is enough. */
static void lost(queue_hint_listener_t *listener)
{
    if (!listener->lost.node.slot) {
        queue_timer_set(&listener->lost,
                        listener->lost_last
                        ? listener->lost_last + QUEUE_HINT_LOST : 0);
    }
}

static void child_close(child_t *child)
{
    APR_RING_REMOVE(child, link);
    queue_watch_end(child->watch);
    close(child->fd);
    apr_pool_destroy(child->p);
}

static int is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/* A file name, not hidden, which is a path nowhere else. */
static int is_dir(const char *dir, size_t size)
{
    size_t i = 0;

    while (i < size && is_name_char(dir[i])) {
        i++;
    }
    return i > 0 && i < size && dir[i] == '\0' && dir[0] != '.';
}

/* Returns 0 for what no child of ours sends. */
static int frame_take(queue_hint_listener_t *listener, const frame_t *frame)
{
    if (memcmp(frame->magic, MAGIC, sizeof(frame->magic))) {
        return 0;
    }
    if (!frame->hint.dir[0]) {
        lost(listener);
        return 1;
    }
    if (!is_dir(frame->hint.dir, sizeof(frame->hint.dir))) {
        return 0;
    }
    listener->user.hint(listener->user.baton, &frame->hint);
    return 1;
}

/* The user may close the listener, and with it this child. */
static int frames_take(child_t *child)
{
    queue_hint_listener_t *listener = child->listener;
    size_t count = child->len / sizeof(frame_t), i;
    size_t rest = child->len % sizeof(frame_t);

    for (i = 0; i < count; i++) {
        if (!frame_take(listener, &child->frames[i])) {
            store_log(listener->log, STORE_LOG_WARNING, APR_SUCCESS,
                      QUEUE_LOGNO(4001) "who writes to the socket of hints "
                      "is no httpd of this version: connection closed");
            return 0;
        }
        if (listener->fd < 0) {
            return 1;
        }
    }
    memmove(child->frames, &child->frames[count], rest);
    child->len = rest;
    return 1;
}

static ssize_t child_read(child_t *child)
{
    ssize_t n;

    do {
        n = read(child->fd, (char *)child->frames + child->len,
                 sizeof(child->frames) - child->len);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void on_child(void *baton, int events)
{
    child_t *child = baton;
    queue_hint_listener_t *listener = child->listener;
    int i;

    (void)events;
    for (i = 0; i < READS; i++) {
        ssize_t n = child_read(child);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (n > 0) {
            child->len += (size_t)n;
        }
        if (n <= 0 || !frames_take(child)) {
            child_close(child);
            lost(listener);
            return;
        }
        if (listener->fd < 0) {
            return;
        }
    }
}

static apr_status_t child_open(queue_hint_listener_t *listener, int fd)
{
    child_t *child;
    apr_pool_t *p;
    apr_status_t rv = apr_pool_create(&p, listener->p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    child = apr_palloc(p, sizeof(*child));
    child->listener = listener;
    child->p = p;
    child->fd = fd;
    child->len = 0;
    rv = queue_watch_begin(listener->loop, p, fd, APR_POLLIN, on_child, child,
                           &child->watch);
    if (rv == APR_SUCCESS) {
        APR_RING_INSERT_TAIL(&listener->children, child, child_t, link);
    }
    else {
        apr_pool_destroy(p);
    }
    return rv;
}

static void on_accept_again(void *baton)
{
    queue_hint_listener_t *listener = baton;

    queue_watch_change(listener->watch, APR_POLLIN);
}

static void on_connect(void *baton, int events)
{
    queue_hint_listener_t *listener = baton;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    apr_status_t rv = fd < 0 ? errno : child_open(listener, fd);

    (void)events;
    if (rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv)
        || APR_STATUS_IS_EINTR(rv) || rv == ECONNABORTED) {
        return;
    }
    if (fd >= 0) {
        close(fd);
        lost(listener);
    }
    store_log(listener->log, STORE_LOG_WARNING, rv, QUEUE_LOGNO(4002)
              "a process's hints cannot be heard now");
    queue_watch_change(listener->watch, 0);
    queue_timer_set(&listener->accept_again,
                    queue_loop_now(listener->loop) + ACCEPT_AGAIN);
}

/* By a rename: who connects meets the one before or this one. */
static apr_status_t socket_bind(int fd, const char *queue_dir)
{
    struct sockaddr_un address, temporary;
    apr_status_t rv = address_make(queue_dir, QUEUE_HINT_NAME, &address);

    if (rv == APR_SUCCESS) {
        rv = address_make(queue_dir, QUEUE_HINT_NAME ".new", &temporary);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (unlink(temporary.sun_path) && errno != ENOENT) {
        return errno;
    }
    if (bind(fd, (struct sockaddr *)&temporary, sizeof(temporary))
        || chmod(temporary.sun_path, 0600)
        || listen(fd, BACKLOG)
        || rename(temporary.sun_path, address.sun_path)) {
        return errno;
    }
    return APR_SUCCESS;
}

static apr_status_t listener_cleanup(void *data)
{
    queue_hint_listener_close(data);
    return APR_SUCCESS;
}

static queue_hint_listener_t *listener_create(apr_pool_t *p,
                                              queue_loop_t *loop,
                                              const queue_hint_user_t *user,
                                              const store_log_t *log)
{
    queue_hint_listener_t *listener = apr_pcalloc(p, sizeof(*listener));

    listener->p = p;
    listener->loop = loop;
    listener->user = *user;
    listener->log = log;
    listener->fd = socket_open();
    APR_RING_INIT(&listener->children, child_t, link);
    queue_timer_init(&listener->accept_again, loop, on_accept_again,
                     listener);
    queue_timer_init(&listener->lost, loop, on_lost, listener);
    /* Before pools below go: the children's. */
    apr_pool_pre_cleanup_register(p, listener, listener_cleanup);
    return listener;
}

apr_status_t queue_hint_listen(apr_pool_t *p, queue_loop_t *loop,
                               const char *queue_dir,
                               const queue_hint_user_t *user,
                               const store_log_t *log,
                               queue_hint_listener_t **out)
{
    queue_hint_listener_t *listener = listener_create(p, loop, user, log);
    apr_status_t rv = listener->fd < 0 ? errno
                                       : socket_bind(listener->fd, queue_dir);

    *out = NULL;
    if (rv == APR_SUCCESS) {
        rv = queue_watch_begin(loop, p, listener->fd, APR_POLLIN, on_connect,
                               listener, &listener->watch);
    }
    if (rv == APR_SUCCESS) {
        *out = listener;
    }
    else {
        queue_hint_listener_close(listener);
    }
    return rv;
}

void queue_hint_listener_close(queue_hint_listener_t *listener)
{
    while (!APR_RING_EMPTY(&listener->children, child_t, link)) {
        child_close(APR_RING_FIRST(&listener->children));
    }
    queue_timer_clear(&listener->accept_again);
    queue_timer_clear(&listener->lost);
    queue_watch_end(listener->watch);
    listener->watch = NULL;
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}
