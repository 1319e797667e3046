/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tally.h
 * What a connection has to tell for TLS-RPT (RFC 8460): each session once, with
 * what TLS came to under the policy of its domain. Nothing is told where hosts
 * are not found by MX, or nobody wants to know.
 */
#ifndef QUEUE_TALLY_H
#define QUEUE_TALLY_H

#include "queue_connection_private.h"

/** A host is about to be tried: a policy that could not be had, and TLSA
 *  records that are no good. Of a connection the former is told once. */
void queue_tally_host(queue_connection_t *c);

/** The policy of MTA-STS does not name the host. */
void queue_tally_stranger(const queue_connection_t *c);

/** A session stands (@a failure NULL), or never came to. */
void queue_tally_session(const queue_connection_t *c,
                         const smtp_outcome_t *failure);

#endif
