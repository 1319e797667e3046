/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_unix.h
 * A unix socket of the queue process's in SPOOL/queue, that others of the
 * same user connect to.
 */
#ifndef QUEUE_UNIX_H
#define QUEUE_UNIX_H

#include <apr_errno.h>

/**
 * Listens on DIR/NAME (0600), without waiting; who connects from now on no
 * longer meets whoever listened there before.
 * @param fd  out: -1 on failure
 * @return APR_ENAMETOOLONG: no unix socket can be in that directory
 */
apr_status_t queue_unix_listen(const char *dir, const char *name,
                               int backlog, int *fd);

/**
 * Connects to DIR/NAME.
 * @param fd  out: does not wait, is closed on exec; the caller closes it; -1
 *            on failure
 * @return APR_EAGAIN: too many do so at once; ECONNREFUSED, ENOENT: nobody
 *         listens
 */
apr_status_t queue_unix_connect(const char *dir, const char *name, int *fd);

#endif
