/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_address_reply.h
 * What the client is told of an address or parameter that does not parse.
 */
#ifndef SMTPD_ADDRESS_REPLY_H
#define SMTPD_ADDRESS_REPLY_H

#include "smtp_address.h"
#include "smtp_params.h"
#include "smtp_reply.h"

/** Fills *reply for @a status, which is not OK.
 *  @param is_reverse  whether it stood in MAIL: 5.1.7, not 5.1.3 */
void smtpd_address_reply(smtp_address_status_e status, int is_reverse,
                         smtp_reply_t *reply);

/** Fills *reply for @a status, which is not OK. @a bad is escaped. */
void smtpd_params_reply(apr_pool_t *p, smtp_params_status_e status,
                        const char *bad, smtp_reply_t *reply);

#endif
