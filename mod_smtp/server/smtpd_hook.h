/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_hook.h
 * From what a hook returned to what the client is told.
 */
#ifndef SMTPD_HOOK_H
#define SMTPD_HOOK_H

#include "smtpd_session.h"

/**
 * Judges the result @a rv of a hook that had @a reply to fill.
 * @param drop  out: 1 when the connection is to be closed; may be NULL
 * @return 1 when the command goes on; 0 when it is refused, and *reply then
 *         holds a proper 4xx or 5xx reply (451 4.3.0 when the hook left none:
 *         a policy that breaks fails closed)
 */
int smtpd_hook_judge(smtpd_session_t *ss, int rv, smtp_reply_t *reply,
                     int *drop);

#endif
