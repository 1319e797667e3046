/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_errand.h
 * Calls that may never return, as those to a cache on another machine: a
 * thread of their own makes them, one after the other, and whoever wants one
 * waits for a moment and no longer. So a machine that hangs holds none of the
 * threads that serve clients.
 */
#ifndef SMTPD_ERRAND_H
#define SMTPD_ERRAND_H

#include <apr_errno.h>
#include <apr_pools.h>

/** child_init: starts the thread, which lives as long as the process.
 *  @return APR_SUCCESS or why it could not be started */
apr_status_t smtpd_errand_child_init(void);

/**
 * Has @a run called with a copy of @a baton, and copies it back. Any thread
 * but that one.
 * @param run    is given the copy and a pool that is cleared afterwards; must
 *               touch nothing else of the caller's, who may be gone by then
 * @param size   octets of @a baton, at most SMTPD_ERRAND_MAX_OCTETS
 * @return APR_SUCCESS: it was called. APR_TIMEUP: it did not come back in
 *         time, or one before it has not; *baton is as it was, though @a run
 *         may be called yet. APR_ENOMEM
 */
apr_status_t smtpd_errand_run(void (*run)(void *baton, apr_pool_t *p),
                              void *baton, apr_size_t size);

#define SMTPD_ERRAND_MAX_OCTETS 256

#endif
