/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_route.h
 * mod_smtp's own answer to the route hook: local domains.
 */
#ifndef SMTPD_ROUTE_H
#define SMTPD_ROUTE_H

#include "mod_smtp.h"

/** The route hook: mailboxes of <SMTPDomain>, or a refusal; DECLINED when the
 *  domain is not local. */
int smtpd_route(smtp_transaction_t *transaction, smtp_recipient_t *recipient,
                smtp_reply_t *reply);

#endif
