/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_connection.h
 * A session on httpd's connection: reading, writing, waiting, on every MPM.
 */
#ifndef SMTPD_CONNECTION_H
#define SMTPD_CONNECTION_H

#include "smtpd_session.h"

/** The process_connection hook: works until the client has to be waited for,
 *  or the session is over. DECLINED when the connection is not ours. */
int smtpd_connection_process(conn_rec *c);

/** The pre_connection hook, before mod_ssl's: a session begins in plain text,
 *  whatever SSLEngine says. */
int smtpd_connection_begin_plain(conn_rec *c, void *csd);

/** Sends queued replies. Never blocks where the MPM waits for us: then
 *  ss->is_blocked tells that some are left. */
void smtpd_connection_push(smtpd_session_t *ss);

/** Whether the MPM waits for sessions without a thread. After post_config. */
int smtpd_connection_is_async(void);

/** post_config: asks the MPM what it can; gives SMTP hosts a TimeOut that does
 *  not cut sessions before SMTPTimeout does. */
void smtpd_connection_init(server_rec *s);

#endif
