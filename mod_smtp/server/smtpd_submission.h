/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_submission.h
 * What a submission service checks of a message, and what it adds (RFC 6409
 * 6.2, 6.3, 8).
 */
#ifndef SMTPD_SUBMISSION_H
#define SMTPD_SUBMISSION_H

#include "smtpd_session.h"
#include "smtpd_transaction.h"

/**
 * At the end of data, before the message hook: checks From and Sender, and
 * adds Date, Message-ID, From and Sender where they are missing, as fields on
 * top of the mail. What is there is not changed. Does nothing on other
 * services.
 * @return 1, or 0 with *reply filled
 */
int smtpd_submission_complete(smtpd_session_t *ss, smtpd_transaction_t *tx,
                              smtp_reply_t *reply);

/** Mail data comes: whether it needs 8BITMIME is noted. */
void smtpd_submission_look(const smtpd_session_t *ss, smtpd_transaction_t *tx,
                           const char *octets, apr_size_t len);

#endif
