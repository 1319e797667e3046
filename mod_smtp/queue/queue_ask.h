/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_ask.h
 * What httpd's children ask of the queue process, as the administrator's
 * programs do: by SPOOL/queue/control (queue_control.h). They wait for the
 * answer. Any thread.
 */
#ifndef QUEUE_ASK_H
#define QUEUE_ASK_H

#include <apr_errno.h>
#include <apr_tables.h>
#include <apr_time.h>

/**
 * Has everything for recipients in a domain tried now.
 * @param queue_dir  SPOOL/queue
 * @param domain     A-labels, lower case; ".example.com": below it
 * @param timeout    how long to wait
 * @param count      out: messages that wait for it; 0 on failure
 * @return APR_SUCCESS; APR_TIMEUP: it was asked, and is being done; any other:
 *         there is no queue process, or it has no time for this
 */
apr_status_t queue_ask_flush(const char *queue_dir, const char *domain,
                             apr_interval_time_t timeout, apr_int64_t *count);

/**
 * Fetches the mail of some domains.
 * @param domains  const char *: A-labels; ".example.com": below it
 * @param client   the address of who fetches it, for logs
 * @param fd       out: on it the queue process is an SMTP client that waits to
 *                 be greeted; does not wait, closed on exec, the caller's to
 *                 close; -1 on failure
 * @param count    out: messages there are; 0 on failure
 * @return APR_SUCCESS; APR_NOTFOUND: there is no mail; APR_EBUSY: somebody
 *         fetches it, or the queue process has not read it yet; APR_ENOSPC:
 *         there are too many domains; any other: as queue_ask_flush() has
 *         it
 */
apr_status_t queue_ask_turn(const char *queue_dir,
                            const apr_array_header_t *domains,
                            const char *client, apr_interval_time_t timeout,
                            int *fd, apr_int64_t *count);

#endif
