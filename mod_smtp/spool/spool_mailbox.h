/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_mailbox.h
 * The directories of Maildirs, kept open so that a delivery walks no path. At
 * most SPOOL_MAILBOX_OPEN_MAX that nobody uses stay open, fewer where a process
 * may open few files (ulimit -n), each for SPOOL_MAILBOX_KEEP: who moves a
 * mailbox away waits for no restart.
 * Any thread.
 */
#ifndef SPOOL_MAILBOX_H
#define SPOOL_MAILBOX_H

#include <apr_pools.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>

#define SPOOL_MAILBOX_OPEN_MAX 256
#define SPOOL_MAILBOX_KEEP apr_time_from_sec(10)

/** A Maildir in use. */
typedef struct spool_mailbox_dirs_t {
    int temp;                    /**< tmp/ */
    int fresh;                   /**< new/ */
    /* private to spool_mailbox.c */
    APR_RING_ENTRY(spool_mailbox_dirs_t) link;
    unsigned int users;
    unsigned int is_dropped : 1; /* left the cache: its last user closes it */
    apr_time_t opened;
    unsigned int hash;           /* of the path */
    char path[1];
} spool_mailbox_dirs_t;

/** A file system with mailboxes. */
typedef struct spool_mailbox_device_t {
    struct spool_mailbox_device_t *next;
    apr_uint64_t device;
    int fd;                      /* open since before the first delivery */
} spool_mailbox_device_t;

typedef struct spool_mailbox_cache_t {
    /* private to spool_mailbox.c */
    int mail;
    apr_thread_mutex_t *mutex;   /* for all below */
    APR_RING_HEAD(spool_mailbox_ring_t, spool_mailbox_dirs_t) recent;
    unsigned int open;           /* in the ring */
    unsigned int open_max;
    spool_mailbox_device_t *devices;
    unsigned int failures;       /* syncs that failed so far */
    apr_status_t failure;        /* the last of them */
} spool_mailbox_cache_t;

/** @param mail  SPOOL/mail, the caller's. Goes with @a p. */
apr_status_t spool_mailbox_cache_create(apr_pool_t *p, int mail,
                                        spool_mailbox_cache_t **cache);

/** The Maildir at @a path (spool_name_path()), made if missing. Give it back
 *  by spool_mailbox_close(). */
apr_status_t spool_mailbox_open(spool_mailbox_cache_t *cache,
                                const char *path,
                                spool_mailbox_dirs_t **dirs);

/** @param is_bad  it is not what it should be: opened anew next time */
void spool_mailbox_close(spool_mailbox_cache_t *cache,
                         spool_mailbox_dirs_t *dirs, int is_bad);

/** Opens subdirectory @a name ("cur") of the Maildir. */
apr_status_t spool_mailbox_subdir_open(spool_mailbox_cache_t *cache,
                                       const char *path, const char *name,
                                       int *fd);

/**
 * syncfs() on each file system that holds mailboxes that were opened. The
 * kernel tells of a failure once, but it may be about what several wrote: so
 * each caller is told of every failure since its last call, whoever's call
 * met it.
 * @param seen  the caller's own count of failures, 0 at first
 * @return an error, after all were tried: what this caller wrote since its
 *         last call may not be durable
 */
apr_status_t spool_mailbox_sync(spool_mailbox_cache_t *cache,
                                unsigned int *seen);

#endif
