/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_access.h
 * httpd's authorization for sections that hold Require.
 */
#ifndef SMTPD_ACCESS_H
#define SMTPD_ACCESS_H

#include "smtpd_session.h"

/** Whether the Require directives of @a section let the session in; 1 when
 *  there is no section. What needs a user fails: nobody has logged in. */
int smtpd_access_allows(smtpd_session_t *ss, ap_conf_vector_t *section);

/**
 * A request on @a c that stands for what @a section is asked about. It goes
 * with its pool. Require method never applies: SMTP has none.
 */
request_rec *smtpd_access_request(conn_rec *c, ap_conf_vector_t *section);

/**
 * Asks httpd's authorization about @a r: its user, if it has one, was
 * authenticated. Fails closed: a section without Require, too, is no grant.
 * @return OK, HTTP_FORBIDDEN, HTTP_UNAUTHORIZED (a user is needed), or
 *         HTTP_INTERNAL_SERVER_ERROR: a provider failed
 */
int smtpd_access_judge(request_rec *r);

/** Keeps mod_authz_core from taking a denial of @a r for an error, unless
 *  LogLevel asks for more of it. */
void smtpd_access_hush(request_rec *r);

#endif
