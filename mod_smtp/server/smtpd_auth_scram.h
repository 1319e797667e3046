/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_auth_scram.h
 * What SCRAM needs before there are children.
 */
#ifndef SMTPD_AUTH_SCRAM_H
#define SMTPD_AUTH_SCRAM_H

#include <apr_errno.h>

/**
 * post_config: makes the secret from which what is said of logins that don't
 * exist is derived. It outlives restarts: else their salts would change, and
 * those of others not.
 */
apr_status_t smtpd_auth_scram_init(void);

#endif
