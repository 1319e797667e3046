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

#endif
