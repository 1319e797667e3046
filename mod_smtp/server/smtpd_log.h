/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_log.h
 * Log lines: numbers of ours, the formats %{...}^SM, the dialogue.
 */
#ifndef SMTPD_LOG_H
#define SMTPD_LOG_H

#include <httpd.h>
#include <http_log.h>

#include "smtpd_session.h"

/** The number of a log line: SM1001 to SM1999 are mod_smtp's. */
#define SMTPD_LOGNO(n) "SM" #n ": "

/** Registers the formats for CustomLog; in pre_config. */
void smtpd_log_register(apr_pool_t *p);

/** One CustomLog line for the transaction that ends with @a reply; counts it
 *  for server-status. */
void smtpd_log_transaction(smtpd_session_t *ss, smtpd_transaction_t *tx,
                           const smtp_reply_t *reply);

/** @a s for a line that programs read: escaped, and between quotes, which
 *  nothing within ends. NULL is "". */
const char *smtpd_log_quote(apr_pool_t *p, const char *s);

/** The dialogue, at LogLevel debug: a command line of the client, escaped,
 *  without what could be a credential; nothing of it if @a is_hidden. */
void smtpd_log_command(const smtpd_session_t *ss, const char *line,
                       apr_size_t len, int is_hidden);

/** The dialogue, at LogLevel debug: a reply, as written. */
void smtpd_log_reply(const smtpd_session_t *ss, const char *octets,
                     apr_size_t len);

#endif
