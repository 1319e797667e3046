/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_remote.h
 * The queue process, asked by SPOOL/queue/control.
 */
#ifndef SMTPQ_REMOTE_H
#define SMTPQ_REMOTE_H

#include "smtpq_reply.h"

/** A queue process that says nothing for so long does not answer. */
#define SMTPQ_REMOTE_TIMEOUT_SEC 30

typedef struct smtpq_remote_t smtpq_remote_t;

/** @param remote  out; closed with @a p
 *  @return ENOENT, ECONNREFUSED: no queue process runs; else why it cannot be
 *          reached */
apr_status_t smtpq_remote_open(apr_pool_t *p, const char *spool,
                               smtpq_remote_t **remote);

/** Asks, and hands each line to @a take, the last (END, ERROR) included.
 *  @return APR_TIMEUP; APR_EOF: it ended amid the reply; APR_EGENERAL: what it
 *          says is no reply; else why it cannot be read */
apr_status_t smtpq_remote_ask(smtpq_remote_t *remote,
                              const store_control_request_t *request,
                              smtpq_take_fn *take, void *baton);

#endif
