/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_conf_auth.h
 * The directives about AUTH: carried out, inherited, completed, checked.
 */
#ifndef SMTPD_CONF_AUTH_H
#define SMTPD_CONF_AUTH_H

#include <httpd.h>
#include <http_config.h>

#include "smtpd_conf.h"

/** @name Directives of a virtual host
 * @{ */
const char *smtpd_conf_auth_section(cmd_parms *cmd, void *dir,
                                    const char *arg);
const char *smtpd_conf_auth_mechanism_add(cmd_parms *cmd, void *dir,
                                          const char *arg);
const char *smtpd_conf_auth_credentials_set(cmd_parms *cmd, void *dir,
                                            const char *arg);
const char *smtpd_conf_auth_certificate_name_set(cmd_parms *cmd, void *dir,
                                                 const char *arg);
const char *smtpd_conf_auth_token_set(cmd_parms *cmd, void *dir,
                                      const char *arg);
/** @} */

/** What follows from the directives when SMTPAuthMechanisms does not say
 *  it. */
void smtpd_conf_auth_complete(apr_pool_t *p, smtpd_conf_t *conf);

/** NULL, or why nobody could log in, or anybody. When TLS is known. */
const char *smtpd_conf_auth_check(apr_pool_t *p, const server_rec *s,
                                  const smtpd_conf_t *conf);

/** The directive @a name in <SMTPAuth>, at any depth, or NULL. */
const ap_directive_t *smtpd_conf_auth_find(const smtpd_auth_conf_t *auth,
                                           const char *name);

/** The first word of what @a name in <SMTPAuth> says, or NULL. */
const char *smtpd_conf_auth_word(apr_pool_t *p,
                                 const smtpd_auth_conf_t *auth,
                                 const char *name);

#endif
