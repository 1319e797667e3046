/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_transaction.h
 * A mail transaction (RFC 5321 3.3) from MAIL to its last reply.
 */
#ifndef SMTPD_TRANSACTION_H
#define SMTPD_TRANSACTION_H

#include "smtpd_session.h"

struct smtpd_transaction_t {
    smtp_transaction_t pub;       /**< what other modules see; first */
    smtp_delivery_t *delivery;    /**< who takes it; NULL before RCPT */
    smtp_header_t header;
    smtp_dot_t dot;
    int asked;                    /**< recipients so far, refused ones too */
    apr_status_t write_rv;        /**< first error of delivery->write */
    const char *report_header;    /**< header section for a DSN, or NULL */
    apr_size_t report_header_len;
    unsigned int is_too_big : 1;
    unsigned int has_data : 1;    /**< DATA or the first BDAT went through */
    unsigned int is_delivered : 1;
    unsigned int is_relay_asked : 1; /**< may_relay is known */
    unsigned int may_relay : 1;   /**< what <SMTPRelay> said */
    unsigned int has_8bit : 1;    /**< seen by a submission service */
    struct smtpd_sender_t *sender; /**< what the login may send as, once it was
                                       asked for */
    unsigned int counted_messages; /**< by SMTPLoginLimit: 0 or 1 */
    unsigned int counted_recipients; /**< by SMTPLoginLimit */
    unsigned int counted_last;    /**< of them the one of RCPT at hand */
    const char *last_reply;       /**< for the log: code and status */
};

/** Offers the optional functions of mod_smtp.h; in pre_config. */
void smtpd_transaction_register(void);

/** Begins one, with a request and pool of its own. Nothing is announced to
 *  hooks yet. */
smtpd_transaction_t *smtpd_transaction_create(smtpd_session_t *ss,
                                              const smtp_address_t *from,
                                              const smtp_mail_params_t *params);

/**
 * Asks the hooks for one more recipient: route, deliver, rcpt; adds it when
 * all agree.
 * @return 1 when added, 0 when refused with *reply filled
 */
int smtpd_transaction_recipient_add(smtpd_transaction_t *tx,
                                    const smtp_address_t *forward_path,
                                    const smtp_rcpt_params_t *params,
                                    smtp_reply_t *reply, int *drop);

/**
 * Ends the session's transaction, if there is one: what was not committed is
 * aborted, hooks hear of it, the log line is written, the pool destroyed.
 * @param reply  the reply that ended it
 */
void smtpd_transaction_end(smtpd_session_t *ss, const smtp_reply_t *reply);

#endif
