/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_origin.h
 * Addresses that people abbreviate, made whole on a submission service
 * (RFC 6409 4.2), by SMTPOriginDomain.
 */
#ifndef SMTPD_ORIGIN_H
#define SMTPD_ORIGIN_H

#include "smtpd_session.h"

/** What paths of the session may be, beside what the verb allows:
 *  SMTP_ADDRESS_ALLOW_BARE, or 0. */
unsigned int smtpd_origin_allow(const smtpd_session_t *ss);

/**
 * Makes @a address whole, in the command pool: bob becomes bob@ORIGIN,
 * bob@host becomes bob@host.ORIGIN. Leaves the null reverse-path alone, and
 * postmaster, when it is a recipient: that is this server's (RFC 5321 4.5.1).
 * @return SMTP_ADDRESS_OK, or that it has become too long
 */
smtp_address_status_e smtpd_origin_complete(const smtpd_session_t *ss,
                                            smtp_address_t *address,
                                            int is_reverse);

#endif
