/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_relay_check.h
 * No configuration that starts is an open relay. In check_config, after
 * mod_authz_core's own check; runs under `httpd -t` too.
 */
#ifndef SMTPD_RELAY_CHECK_H
#define SMTPD_RELAY_CHECK_H

#include <httpd.h>

#include "smtpd_conf.h"

/**
 * Whether strangers could relay by <SMTPRelay>: its rules are asked about
 * clients at addresses all over the Internet who are not logged in, but may
 * use TLS and lie in EHLO and MAIL.
 * @return NULL, or a message for the administrator
 */
const char *smtpd_relay_check(apr_pool_t *ptemp, server_rec *s,
                              const smtpd_conf_t *conf);

/** Whether a rule of <SMTPRelay> needs a login. */
int smtpd_relay_needs_login(apr_pool_t *ptemp, const smtpd_conf_t *conf);

#endif
