/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_listen.h
 * Listeners that were not told that SMTP is spoken on them.
 */
#ifndef SMTPD_LISTEN_H
#define SMTPD_LISTEN_H

#include <httpd.h>

/** post_config: SMTP clients wait for the greeting, so a listener must not
 *  wait for their first octet (TCP_DEFER_ACCEPT): mends `Listen 25` without
 *  `smtp` and warns. */
void smtpd_listen_mend(server_rec *s);

#endif
