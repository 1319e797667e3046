/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_client_limit.h
 * SMTPMaxConnections: how many connections a client has open, over all
 * children of this httpd. A client is an IPv4 address or an IPv6 /64.
 */
#ifndef SMTPD_CLIENT_LIMIT_H
#define SMTPD_CLIENT_LIMIT_H

#include "smtpd_session.h"

/** post_config: the shared table. @return APR_SUCCESS or why not */
apr_status_t smtpd_client_limit_init(apr_pool_t *pconf);

/** child_init. */
void smtpd_client_limit_child_init(apr_pool_t *pchild);

/** Counts the session's connection until its pool ends.
 *  @return connections of that client, this one included; 0 when the table
 *          had no room to count it */
unsigned int smtpd_client_limit_enter(smtpd_session_t *ss);

#endif
