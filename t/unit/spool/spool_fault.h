/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_fault.h
 * In a unit test: system calls that fail when they are told to. The program's
 * own definitions come before the C library's. Include in one file of it.
 */
#ifndef SPOOL_FAULT_H
#define SPOOL_FAULT_H

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct spool_fault_call_t {
    int calls;                   /**< so far */
    int error;                   /**< 0: it works */
    int is_deadly;               /**< the process is killed before it */
    int deadly_call;             /**< the process is killed before the call of
                                      this number, from 1 on; 0: not */
    int once;                    /**< it fails by itself once, then works */
    int is_faked;                /**< success without doing anything */
} spool_fault_call_t;

typedef struct spool_fault_t {
    spool_fault_call_t fdatasync;
    spool_fault_call_t syncfs;
    spool_fault_call_t fsync;
    spool_fault_call_t linkat;
    spool_fault_call_t pwrite;
    spool_fault_call_t renameat;
} spool_fault_t;

/** Set it in a test; cleared by spool_fault_setup(). */
static spool_fault_t spool_fault;

/* Returns whether the real call is to be made; else *rc is its result. */
static inline int spool_fault_pass(spool_fault_call_t *call, int *rc)
{
    int error = call->error;

    if (__sync_add_and_fetch(&call->calls, 1) == call->deadly_call
        || call->is_deadly) {
        raise(SIGKILL);
    }
    if (call->once) {
        call->error = 0;
    }
    *rc = error ? -1 : 0;
    if (error) {
        errno = error;
    }
    return !error && !call->is_faked;
}

int fdatasync(int fd)
{
    int rc;

    return spool_fault_pass(&spool_fault.fdatasync, &rc)
        ? (int)syscall(SYS_fdatasync, fd) : rc;
}

int fsync(int fd)
{
    int rc;

    return spool_fault_pass(&spool_fault.fsync, &rc)
        ? (int)syscall(SYS_fsync, fd) : rc;
}

int syncfs(int fd)
{
    int rc;

    return spool_fault_pass(&spool_fault.syncfs, &rc)
        ? (int)syscall(SYS_syncfs, fd) : rc;
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    int rc;

    return spool_fault_pass(&spool_fault.linkat, &rc)
        ? (int)syscall(SYS_linkat, from, old, to, new, flags) : rc;
}

ssize_t pwrite(int fd, const void *octets, size_t len, off_t at)
{
    int rc;

    return spool_fault_pass(&spool_fault.pwrite, &rc)
        ? (ssize_t)syscall(SYS_pwrite64, fd, octets, len, at) : rc;
}

int renameat(int from, const char *old, int to, const char *new)
{
    int rc;

    return spool_fault_pass(&spool_fault.renameat, &rc)
        ? (int)syscall(SYS_renameat2, from, old, to, new, 0) : rc;
}

/** A test's setup: a pool, no faults; and no waiting for the disk. */
static inline int spool_fault_setup(void **state)
{
    memset(&spool_fault, 0, sizeof(spool_fault));
    spool_fault.syncfs.is_faked = 1;
    spool_fault.fdatasync.is_faked = 1;
    return unit_pool_setup(state);
}

#define SPOOL_FAULT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, spool_fault_setup, \
                                    unit_pool_teardown)

#endif
