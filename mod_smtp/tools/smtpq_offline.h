/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_offline.h
 * Requests answered from the spool, where no queue process does.
 */
#ifndef SMTPQ_OFFLINE_H
#define SMTPQ_OFFLINE_H

#include "smtpq_reply.h"
#include "smtpq_spool.h"

/**
 * Answers as a queue process would, as far as the files tell. Records of
 * journals are shown, but not changed; destinations are not known.
 * @param now   the time
 * @param take  gets each line, the last (END, ERROR) included
 */
void smtpq_offline_ask(apr_pool_t *p, smtpq_spool_t *spool,
                       const store_control_request_t *request,
                       apr_time_t now, smtpq_take_fn *take, void *baton);

#endif
