/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_dir.h
 * The spool directory, made by the parent process (as root where it is root),
 * owned by the user of the children:
 *
 *     SPOOL/lock      pid of the httpd that has the spool, which holds flock()
 *     SPOOL/journal/  one directory for each process (spool_journal.h)
 *     SPOOL/mail/     DOMAIN/NAME/{tmp,new,cur} (spool_maildir.h)
 *     SPOOL/damaged/  what was found and is not ours (store_damaged.h)
 */
#ifndef SPOOL_DIR_H
#define SPOOL_DIR_H

#include <sys/types.h>

#include <apr_pools.h>

typedef struct spool_dir_t {
    const char *path;
    int root;
    int journal;
    int mail;
    int damaged;
} spool_dir_t;

/**
 * Opens the spool and makes what is missing. Closed with @a p.
 * @param uid, gid  who shall own it; changed only by root, and only of a
 *                  directory that is empty
 * @param complaint  on failure: what is wrong and what helps, in @a p
 */
apr_status_t spool_dir_open(apr_pool_t *p, const char *path, uid_t uid,
                            gid_t gid, spool_dir_t **dir,
                            const char **complaint);

/**
 * Locks the spool for this httpd: the lock is inherited by its children and
 * goes when the last of them is gone.
 * @param fd         out: keep it open as long as the lock shall last
 * @param complaint  on failure, in @a p: names the process that has it
 */
apr_status_t spool_dir_lock(apr_pool_t *p, const spool_dir_t *dir, int *fd,
                            const char **complaint);

/** Whether @a fd locks this spool. */
int spool_dir_is_locked_by(const spool_dir_t *dir, int fd);

#endif
