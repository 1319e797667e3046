/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_turn.h
 * The roles of client and server are swapped on a connection (ATRN, RFC 2645;
 * TURN of RFC 821): the queue process is the SMTP client of whoever was ours,
 * over a socket; here octets are passed on between the two. A thread is held
 * until all mail is sent, so few may do it at once.
 */
#ifndef SMTPD_TURN_H
#define SMTPD_TURN_H

#include <apr_tables.h>

#include "smtpd_session.h"

/**
 * Asks the queue for the mail of @a domains (const char *, A-labels). Who asks
 * was judged.
 * @param reply  out: 250, after which the session is none of commands any more
 *               (ss->turn); 451; 453
 */
void smtpd_turn_begin(smtpd_session_t *ss, const apr_array_header_t *domains,
                      smtp_reply_t *reply);

/** Once the 250 is on its way: passes octets on until either side has ended
 *  it. Then the session closes, or is aborted. */
void smtpd_turn_run(smtpd_session_t *ss);

#endif
