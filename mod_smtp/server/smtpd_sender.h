/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_sender.h
 * Which addresses a login may send as (SMTPSenderLogin; RFC 6409 6.1).
 */
#ifndef SMTPD_SENDER_H
#define SMTPD_SENDER_H

#include "smtpd_session.h"
#include "smtpd_transaction.h"

/** What a login may send as. */
typedef struct smtpd_sender_t smtpd_sender_t;

/**
 * What the session's login may send as; the maps are asked once a
 * transaction, and it lives as long.
 * @param sender  out: NULL when everything may be sent as: nobody logged in
 *                (<SMTPRelay> trusts the network), or SMTPSenderLogin any
 * @return an error when a map could not be asked, which was logged
 */
apr_status_t smtpd_sender_find(smtpd_session_t *ss, smtpd_transaction_t *tx,
                               const smtpd_sender_t **sender);

/** Whether @a address is among it. Domains are compared as A-labels, and
 *  local-parts without regard to the case of ASCII letters. */
int smtpd_sender_owns(smtpd_session_t *ss, smtpd_transaction_t *tx,
                      const smtpd_sender_t *sender,
                      const smtp_address_t *address);

/** The login as an address (login, or login@ORIGIN) in @a p; NULL when nobody
 *  logged in, or no address can have such a name. */
const smtp_address_t *smtpd_sender_login(const smtpd_session_t *ss,
                                         apr_pool_t *p);

/** MAIL: whether the reverse-path may be used, the null one always.
 *  @return 1, or 0 with *reply filled */
int smtpd_sender_allows(smtpd_session_t *ss, smtpd_transaction_t *tx,
                        smtp_reply_t *reply);

#endif
