/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_data.h
 * Mail data on its way from the socket to the delivery, for DATA and BDAT.
 */
#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include "smtpd_session.h"
#include "smtpd_transaction.h"

/** Mail data begins: runs the data hook.
 *  @return 1, or 0 with *reply filled when it is refused */
int smtpd_data_begin(smtpd_session_t *ss, smtp_reply_t *reply, int *drop);

/** Octets after DATA. @return octets consumed; at the end of data the reply
 *  is queued and pushed. */
apr_size_t smtpd_data_push(smtpd_session_t *ss, const char *octets,
                           apr_size_t len);

/** Octets of a BDAT chunk. @return octets consumed */
apr_size_t smtpd_data_push_chunk(smtpd_session_t *ss, const char *octets,
                                 apr_size_t len);

/** The chunk is complete (also when it is empty): replies. */
void smtpd_data_end_chunk(smtpd_session_t *ss);

#endif
