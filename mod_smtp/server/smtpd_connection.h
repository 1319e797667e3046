/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_connection.h
 * A session on httpd's connection: reading, writing, waiting, on every MPM.
 */
#ifndef SMTPD_CONNECTION_H
#define SMTPD_CONNECTION_H

#include <util_filter.h>

#include "smtpd_session.h"

/** The process_connection hook: works until the client has to be waited for,
 *  or the session is over. DECLINED when the connection is not ours. */
int smtpd_connection_process(conn_rec *c);

/** Reads what is there into ss->in, without blocking.
 *  @return APR_EAGAIN: nothing; APR_EOF and others: the connection is over */
apr_status_t smtpd_connection_read(smtpd_session_t *ss);

/** Sends queued replies. Never blocks where the MPM waits for us: then
 *  ss->is_blocked tells that some are left. */
void smtpd_connection_push(smtpd_session_t *ss);

/** The same past the filters above @a first: replies in plain text after
 *  TLS's filters have been put in. */
void smtpd_connection_push_through(smtpd_session_t *ss, ap_filter_t *first);

/** Whether the client has sent octets that nobody has read yet; never
 *  blocks. */
int smtpd_connection_has_input(smtpd_session_t *ss);

/** Whether the MPM waits for sessions without a thread. After post_config. */
int smtpd_connection_is_async(void);

/** post_config: asks the MPM what it can; gives SMTP hosts a TimeOut that does
 *  not cut sessions before SMTPTimeout does, and their protocol. */
void smtpd_connection_init(apr_pool_t *pconf, server_rec *s);

#endif
