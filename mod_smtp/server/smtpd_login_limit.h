/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_login_limit.h
 * SMTPLoginLimit: how many messages and recipients a login may send in a
 * time, over all its sessions. Each is counted before the reply that accepts
 * it, and taken back when the message does not come about: parallel sessions
 * cannot pass the limit together, and refused mail does not count.
 *
 * Sessions without a login have no limit here. When the counters cannot be
 * asked mail passes: who logged in is known, and a cache that is down shall
 * not stop a site's mail.
 *
 * Called by the thread that works on the session.
 */
#ifndef SMTPD_LOGIN_LIMIT_H
#define SMTPD_LOGIN_LIMIT_H

#include "smtpd_transaction.h"

/** MAIL: counts the message of @a tx.
 *  @return 1, or 0 with *reply filled: 450 4.7.1 */
int smtpd_login_limit_message(smtpd_transaction_t *tx, smtp_reply_t *reply);

/** RCPT, before hooks are asked: counts one more recipient.
 *  @return 1, or 0 with *reply filled: 450 4.7.1 */
int smtpd_login_limit_recipient(smtpd_transaction_t *tx, smtp_reply_t *reply);

/** RCPT was refused after all: takes its recipient back. */
void smtpd_login_limit_recipient_refused(smtpd_transaction_t *tx);

/** The transaction ended without a message: takes all of it back. */
void smtpd_login_limit_refused(smtpd_transaction_t *tx);

#endif
