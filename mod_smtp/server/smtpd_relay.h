/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_relay.h
 * Who may send to domains that are not ours: <SMTPRelay>. Nobody, unless it
 * says so.
 */
#ifndef SMTPD_RELAY_H
#define SMTPD_RELAY_H

#include "smtpd_session.h"
#include "smtpd_transaction.h"

/** What rules may ask about, beside the client's address: variables of the
 *  request (SMTP_FROM, ...). NULL: not there. Raw, as they came from the
 *  client. */
typedef struct smtpd_relay_facts_t {
    const char *from;            /**< SMTP_FROM: reverse-path, "" when null */
    const char *helo;            /**< SMTP_CLIENT_HELO */
    const char *login;           /**< SMTP_LOGIN, and the request's user */
    const char *mechanism;       /**< SMTP_AUTH_MECHANISM */
    const char *tls_version;     /**< SMTP_TLS */
    const char *tls_cipher;      /**< SMTP_TLS_CIPHER */
} smtpd_relay_facts_t;

/** Whether <SMTPRelay> lets the client of @a tx send anywhere. Asked once a
 *  transaction; what it finds out is logged. */
int smtpd_relay_allows(smtpd_session_t *ss, smtpd_transaction_t *tx);

/** What @a r is told by its section (smtpd_access_judge()) when these are the
 *  facts. That mod_authz_core denies strangers is no error that is logged. */
int smtpd_relay_judge(request_rec *r, const smtpd_relay_facts_t *facts);

#endif
