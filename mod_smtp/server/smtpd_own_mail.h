/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_own_mail.h
 * Messages of this server's own (smtp_queue.h): transactions of a session
 * that has no client, on a connection that nobody made.
 */
#ifndef SMTPD_OWN_MAIL_H
#define SMTPD_OWN_MAIL_H

#include "smtp_queue.h"

/** Offers smtp_own_mail_send; in pre_config. */
void smtpd_own_mail_register(void);

/** As smtp_queue.h has it; for this module without the detour. */
apr_status_t smtp_own_mail_send(apr_pool_t *p, server_rec *s,
                                const smtp_own_mail_t *mail, const char **id,
                                smtp_reply_t *reply);

#endif
