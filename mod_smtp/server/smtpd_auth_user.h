/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_auth_user.h
 * What httpd says of a login, by the directives of <SMTPAuth>: its providers
 * of passwords, and its Require. May wait for a directory or a database.
 */
#ifndef SMTPD_AUTH_USER_H
#define SMTPD_AUTH_USER_H

#include <httpd.h>

#include "smtpd_auth.h"

/**
 * Whether @a password is that of auth->login, and Require lets it in. The
 * provider may know the login by another name (AuthLDAPRemoteUserAttribute):
 * then auth->login is that.
 * @return SMTPD_AUTH_PASSED, SMTPD_AUTH_REFUSED, SMTPD_AUTH_UNAVAILABLE
 */
smtpd_auth_outcome_e smtpd_auth_user_verify(smtpd_auth_t *auth,
                                            const char *password);

/** Whether Require lets auth->login in, which the mechanism proved.
 *  @return as smtpd_auth_user_verify() */
smtpd_auth_outcome_e smtpd_auth_user_admit(smtpd_auth_t *auth);

/** A request that stands for the AUTH command, with <SMTPAuth>. It goes with
 *  its pool, which the caller destroys. */
request_rec *smtpd_auth_user_request(smtpd_auth_t *auth);

#endif
