/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_step.h
 * In a unit test: each system call that changes a file is a step. The process
 * can be killed before any of them, or amid a write; they are noted in their
 * order; a sync can fail, and tells the test when it was good. The program's
 * own definitions come before the C library's. Include in one file of it.
 */
#ifndef QUEUE_STEP_H
#define QUEUE_STEP_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct queue_step_t {
    int count;                   /**< steps so far */
    int kill_at;                 /**< the process dies before this one */
    int is_torn;                 /**< or amid it, if it writes */
    int sync_error;              /**< of syncfs(); 0: it works at once */
    int fsync_error;             /**< the same of fsync() */
    int rename_error;            /**< of renameat() */
    int truncate_error;          /**< of ftruncate() */
    int copy_error;              /**< of copy_file_range() */
    int write_error;             /**< of the write number write_at, which
                                      writes half */
    int write_at;                /**< 1: the next; 0: none */
    void (*synced)(void);        /**< after syncfs() */
    unsigned int log_len;
    char log[65536];             /**< "CALL NAME\n" each */
} queue_step_t;

static queue_step_t queue_step;

static inline void queue_step_note(const char *call, const char *name)
{
    const char *base = strrchr(name, '/');
    int n = snprintf(queue_step.log + queue_step.log_len,
                     sizeof(queue_step.log) - queue_step.log_len,
                     "%s %s\n", call, base ? base + 1 : name);

    if (n > 0 && queue_step.log_len + (unsigned int)n
                 < sizeof(queue_step.log)) {
        queue_step.log_len += (unsigned int)n;
    }
}

/* Before a step. Returns whether it shall be done by half. */
static inline int queue_step_begin(const char *call, const char *name)
{
    queue_step_note(call, name);
    if (++queue_step.count == queue_step.kill_at) {
        if (queue_step.is_torn) {
            return 1;
        }
        raise(SIGKILL);
    }
    return 0;
}

static inline int queue_step_fd(const char *call, int fd)
{
    char link[64], path[4096];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return queue_step_begin(call, path);
}

/* For a step that cannot be done by half. */
#define QUEUE_STEP(call, name, error, expression)   \
    do {                                            \
        if (queue_step_begin(call, name)) {         \
            raise(SIGKILL);                         \
        }                                           \
        if (error) {                                \
            errno = error;                          \
            return -1;                              \
        }                                           \
        return (int)(expression);                   \
    } while (0)

int openat(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;

    va_list args;

    if (!(flags & O_CREAT)) {
        return (int)syscall(SYS_openat, dir, name, flags, 0);
    }
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    QUEUE_STEP("open", name, 0, syscall(SYS_openat, dir, name, flags, mode));
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    QUEUE_STEP("mkdir", name, 0, syscall(SYS_mkdirat, dir, name, mode));
}

int renameat(int from, const char *old, int to, const char *name)
{
    QUEUE_STEP("rename", name, queue_step.rename_error,
               syscall(SYS_renameat2, from, old, to, name, 0));
}

int unlinkat(int dir, const char *name, int flags)
{
    QUEUE_STEP("unlink", name, 0, syscall(SYS_unlinkat, dir, name, flags));
}

int ftruncate(int fd, off_t octets)
{
    if (queue_step_fd("ftruncate", fd)) {
        raise(SIGKILL);
    }
    if (queue_step.truncate_error) {
        errno = queue_step.truncate_error;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, octets);
}

/* Whether this write fails, with errno set. */
static inline int queue_step_write_fails(void)
{
    if (queue_step.write_at && --queue_step.write_at == 0) {
        errno = queue_step.write_error;
        return 1;
    }
    return 0;
}

ssize_t pwrite(int fd, const void *octets, size_t len, off_t at)
{
    int is_torn = queue_step_fd("pwrite", fd);

    if (queue_step_write_fails()) {
        syscall(SYS_pwrite64, fd, octets, len / 2, at);
        return -1;
    }
    if (is_torn) {
        syscall(SYS_pwrite64, fd, octets, len / 2, at);
        raise(SIGKILL);
    }
    return syscall(SYS_pwrite64, fd, octets, len, at);
}

/* Amid its second piece: the envelope of a file. */
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
    int is_torn = queue_step_fd("pwritev", fd);
    int fails = queue_step_write_fails();

    if (is_torn || fails) {
        struct iovec half[2];
        int n = count < 2 ? count : 2;

        memcpy(half, pieces, (size_t)n * sizeof(*half));
        half[n - 1].iov_len /= 2;
        syscall(SYS_pwritev, fd, half, (long)n, (long)at, 0L);
        if (is_torn) {
            raise(SIGKILL);
        }
        return -1;
    }
    return syscall(SYS_pwritev, fd, pieces, (long)count, (long)at, 0L);
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at,
                        size_t len, unsigned int flags)
{
    if (queue_step_fd("copy", to)) {
        syscall(SYS_copy_file_range, from, from_at, to, to_at, len / 2,
                flags);
        raise(SIGKILL);
    }
    if (queue_step.copy_error) {
        errno = queue_step.copy_error;
        return -1;
    }
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, len, flags);
}

/* What is durable is for the test to say: nobody waits for the disk. */
int fsync(int fd)
{
    if (queue_step_fd("fsync", fd)) {
        raise(SIGKILL);
    }
    if (queue_step.fsync_error) {
        errno = queue_step.fsync_error;
        return -1;
    }
    return 0;
}

int fdatasync(int fd)
{
    if (queue_step_fd("fdatasync", fd)) {
        raise(SIGKILL);
    }
    return 0;
}

int syncfs(int fd)
{
    if (queue_step_fd("syncfs", fd)) {
        raise(SIGKILL);
    }
    if (queue_step.sync_error) {
        errno = queue_step.sync_error;
        return -1;
    }
    if (queue_step.synced) {
        queue_step.synced();
    }
    return 0;
}

/** Forgets which steps there were. */
static inline void queue_step_clear(void)
{
    queue_step.count = 0;
    queue_step.log_len = 0;
    queue_step.log[0] = '\0';
}

/** A test's setup: no kill, no fault, an empty log. */
static inline int queue_step_setup(void **state)
{
    memset(&queue_step, 0, sizeof(queue_step));
    return unit_pool_setup(state);
}

#define QUEUE_STEP_TEST(name) \
    cmocka_unit_test_setup_teardown(name, queue_step_setup, \
                                    unit_pool_teardown)

#endif
