/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_conf_submission.h
 * Configuration of relaying and submission: merging, defaults, directives.
 */
#ifndef SMTPD_CONF_SUBMISSION_H
#define SMTPD_CONF_SUBMISSION_H

#include "smtpd_conf.h"

/** Whether a SMTPSenderLogin was there. */
int smtpd_conf_says_sender(const smtpd_submission_conf_t *conf);

/** Defaults into what is unset, once the domains of virtual host @a s are
 *  built: whom logins may send as, and the origin domain. */
void smtpd_conf_submission_complete(apr_pool_t *p, server_rec *s,
                                    smtpd_conf_t *conf);

/** @name Directives
 * @{ */
const char *smtpd_conf_sender_login_add(cmd_parms *cmd, void *dir,
                                        const char *arg);
const char *smtpd_conf_origin_domain_set(cmd_parms *cmd, void *dir,
                                         const char *arg);
/** @} */

#endif
