/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_control_row.h
 * What the queue process knows, as lines for an administrator
 * (store_control_reply.h). Rows have pointers into what they tell of. The
 * loop's thread.
 */
#ifndef QUEUE_CONTROL_ROW_H
#define QUEUE_CONTROL_ROW_H

#include "queue_engine.h"
#include "store_control_reply.h"

/** What the message is doing, all in all. */
store_control_status_e queue_control_row_status(const queue_message_t *m);

/** @param p  as long as the row */
void queue_control_row_recipient(apr_pool_t *p,
                                 const queue_recipient_t *recipient,
                                 store_control_recipient_t *row);

/** @param select  whose first recipient is told of */
void queue_control_row_message(apr_pool_t *p, const queue_message_t *message,
                               const store_control_select_t *select,
                               store_control_message_t *row);

/** Writes lines ENVELOPE. */
void queue_control_row_envelope(const store_envelope_t *envelope,
                                store_control_out_t *out);

/** Writes lines COUNT. */
void queue_control_row_counts(const queue_counts_t *counts,
                              store_control_out_t *out);

/** Writes a line DESTINATION. */
void queue_control_row_destination(const queue_destination_t *destination,
                                   store_control_out_t *out);

#endif
