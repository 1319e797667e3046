/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_delay.h
 * Makes a client wait, which takes a thread: httpd 2.4 wakes no session by
 * the clock. So there are few seats, and who finds none is not made to wait:
 * an eighth of the threads of each child, or on prefork of all children, and
 * one at least.
 */
#ifndef SMTPD_DELAY_H
#define SMTPD_DELAY_H

#include "smtpd_session.h"

/** post_config: the seats that children share. @return APR_SUCCESS or why
 *  not */
apr_status_t smtpd_delay_init(apr_pool_t *pconf);

/** child_init: the seats of a child. */
void smtpd_delay_child_init(apr_pool_t *pchild);

/**
 * Keeps the calling thread, which works on @a ss, for @a time; less when the
 * client goes away or the child is about to stop.
 * @return 1, or 0 at once: no seat was free
 */
int smtpd_delay(smtpd_session_t *ss, apr_interval_time_t time);

#endif
