/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_row.h
 * A message that was found in the spool, as the queue process would tell of
 * it. Pure.
 */
#ifndef SMTPQ_ROW_H
#define SMTPQ_ROW_H

#include "smtpq_spool.h"
#include "store_control_reply.h"

/** What the message would be doing. */
store_control_status_e smtpq_row_status(const smtpq_found_t *found,
                                        apr_time_t now);

/** Whether recipient @a i is not over, and its address. */
int smtpq_row_is_open(const smtpq_found_t *found, int i);
const char *smtpq_row_address(const smtpq_found_t *found, int i);

/** Recipients that are not over. */
int smtpq_row_open(const smtpq_found_t *found);

/** @param p  as long as the row */
void smtpq_row_recipient(apr_pool_t *p, const smtpq_found_t *found, int i,
                         apr_time_t now, store_control_recipient_t *row);

/** @param select  whose first recipient is told of */
void smtpq_row_message(apr_pool_t *p, const smtpq_found_t *found,
                       const store_control_select_t *select, apr_time_t now,
                       store_control_message_t *row);

#endif
