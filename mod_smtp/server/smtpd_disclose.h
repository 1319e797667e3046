/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_disclose.h
 * Whom VRFY and EXPN tell of (RFC 5321 3.5): look-ups outside of a mail
 * transaction.
 */
#ifndef SMTPD_DISCLOSE_H
#define SMTPD_DISCLOSE_H

#include "smtpd_domain.h"
#include "smtpd_session.h"

/**
 * Where @a address, with ServerName for its domain when it has none, leads.
 * @param mailbox  out, in the command's pool: the mailbox as text; "" when it
 *                 is not exactly one
 */
smtpd_route_e smtpd_disclose_mailbox(smtpd_session_t *ss,
                                     const smtp_address_t *address,
                                     const char **mailbox);

/** The members of alias @a address, each in < and >, separated by LF, in the
 *  command's pool; NULL when it is no alias. */
const char *smtpd_disclose_members(smtpd_session_t *ss,
                                   const smtp_address_t *address);

#endif
