/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_delivery.h
 * The delivery that mod_smtp_spool hands out (smtp_delivery.h): envelope and
 * content are collected, written to the journal at commit, and to the
 * Maildirs after the 250. One record holds the mail for all recipients, those
 * who are sent to included: it is handed over to the queue (spool_queue.h).
 */
#ifndef SPOOL_DELIVERY_H
#define SPOOL_DELIVERY_H

#include "smtp_delivery.h"
#include "spool_journal.h"
#include "spool_maildir.h"

/** What deliveries of this process share. */
typedef struct spool_delivery_conf_t {
    spool_journal_t *journal;
    spool_maildir_t *maildir;
    const store_log_t *log;
    /** Signals end a process of this MPM wherever it is (prefork): they wait
     *  while the journal is written. */
    int has_signals;
} spool_delivery_conf_t;

/** Whether somebody is sent to: the recipient is relayed, or has a mailbox that
 *  is no Maildir. */
int spool_delivery_is_sent(const smtp_recipient_t *recipient);

extern const smtp_delivery_class_t spool_delivery_class;

/** A delivery for the transaction, in its pool. */
smtp_delivery_t *spool_delivery_create(smtp_transaction_t *transaction,
                                       const spool_delivery_conf_t *conf);

#endif
