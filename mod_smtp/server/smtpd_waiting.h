/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_waiting.h
 * The sessions of this child that wait without a thread (event MPM): so that
 * deadlines of ours end them and a graceful stop reaches them. All functions
 * may be called from any thread.
 */
#ifndef SMTPD_WAITING_H
#define SMTPD_WAITING_H

#include "smtpd_session.h"

/** child_init: the list, and the thread that sweeps it. */
void smtpd_waiting_init(apr_pool_t *pchild, server_rec *s);

/** child_stopping: those that wait for a command are woken; each says 421. */
void smtpd_waiting_stop(void);

/** Whether this child is stopping. */
int smtpd_waiting_is_stopping(void);

/** The session is about to wait until ss->deadline. */
void smtpd_waiting_enter(smtpd_session_t *ss);

/** How many wait in this child. */
unsigned int smtpd_waiting_count(void);

/** Calls @a visit for at most @a max of those that wait, the longest first.
 *  None of them wakes meanwhile, so @a visit is quick and does no I/O. */
void smtpd_waiting_each(void (*visit)(void *ctx, const smtpd_session_t *ss),
                        void *ctx, unsigned int max);

/** The session woke, or is going away: its socket is left alone from now. */
void smtpd_waiting_leave(smtpd_session_t *ss);

#endif
