/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_report.h
 * The delivery status notification that NOTIFY=SUCCESS asks for
 * (RFC 3461 4.1, 5.2.3): a message of ours, with the null reverse-path. Only
 * for what is delivered, or expanded, here and now: of what is sent on
 * mod_smtp_queue tells.
 */
#ifndef SMTPD_REPORT_H
#define SMTPD_REPORT_H

#include "smtpd_session.h"
#include "smtpd_transaction.h"

/** Whether a recipient of @a tx that is delivered or expanded here asked to be
 *  told of success, and there is somebody to tell: the reverse-path is not
 *  null (RFC 5321 4.5.5). */
int smtpd_report_is_wanted(const smtpd_transaction_t *tx);

/**
 * Keeps the header section of the mail, which a report gives back. Before the
 * commit, which ends the delivery's hold on the content.
 */
apr_status_t smtpd_report_prepare(smtpd_transaction_t *tx);

/**
 * Sends the report (smtp_own_mail_send), after the commit of what it tells of
 * and before its 250. Every failure is logged; the mail has been taken all the
 * same.
 */
void smtpd_report_send(smtpd_session_t *ss, smtpd_transaction_t *tx);

#endif
