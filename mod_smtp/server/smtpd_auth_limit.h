/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_auth_limit.h
 * SMTPAuthLimit: what slows down and stops who guesses passwords. Failures
 * are counted per connection, and by smtpd_counter.h per client address and
 * per login; each is answered late.
 *
 * Nobody can lock another out for long: a login whose limit is reached is
 * still taken from where it succeeded within the last weeks (the IPv4 address
 * or IPv6 /64). And nobody learns whether a login exists: logins that do not
 * are counted alike, and over the limit no provider is asked.
 *
 * When the counters cannot be asked the password still decides, and the limit
 * per connection holds: nobody's mail waits for a cache.
 *
 * Called by the thread that works on the session.
 */
#ifndef SMTPD_AUTH_LIMIT_H
#define SMTPD_AUTH_LIMIT_H

#include "smtpd_session.h"

/**
 * Before credentials are looked at: whether they may be. What it refuses it
 * logs, and answers as smtpd_auth_limit_answer() does: neither that one nor
 * smtpd_auth_limit_count() is for such an attempt.
 * @param login  as the client gave it, raw; NULL or "": not known
 * @return 1, or 0 with *reply filled: 421 4.7.0 (too many failures from the
 *         address) or 454 4.7.0 (too many for the login)
 */
int smtpd_auth_limit_allows(smtpd_session_t *ss, const char *login,
                            smtp_reply_t *reply);

/** Credentials were refused: counts that for address and login, as soon as it
 *  is known, whether the client waits for the reply or not. */
void smtpd_auth_limit_count(smtpd_session_t *ss, const char *login);

/**
 * Before a refusal is told: counts it for the connection, and keeps the thread
 * for the delay.
 * @param reply  in: 535. Out: the same; or 421 4.7.0, which closes, when the
 *               connection has had enough failures (the 535 is queued before
 *               it), or too many clients are being delayed already. code 0:
 *               the session closes and nothing more is to be said
 */
void smtpd_auth_limit_answer(smtpd_session_t *ss, const char *login,
                             smtp_reply_t *reply);

/** The client is logged in as @a login: it may again from there. */
void smtpd_auth_limit_succeeded(smtpd_session_t *ss, const char *login);

#endif
