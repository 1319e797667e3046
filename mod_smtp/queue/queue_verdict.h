/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_verdict.h
 * What follows from an outcome (smtp_outcome.h): is the recipient over, when
 * is it tried again, what is there to tell (RFC 5321 4.5.4.1, 4.5.5; RFC 3461
 * 5.2). Pure: any thread.
 */
#ifndef QUEUE_VERDICT_H
#define QUEUE_VERDICT_H

#include "queue_retry.h"
#include "smtp_outcome.h"
#include "smtp_report.h"

typedef enum {
    QUEUE_VERDICT_SENT = 0,      /**< over: somebody else's, or delivered */
    QUEUE_VERDICT_FAILED,        /**< over when whoever asks has been told */
    QUEUE_VERDICT_DEFERRED,      /**< tried again at next */
    QUEUE_VERDICT_AGAIN          /**< tried again at once, in this round */
} queue_verdict_e;

/** What is known of the recipient. */
typedef struct queue_verdict_facts_t {
    const queue_retry_t *retry;
    unsigned int attempts;       /**< made, this one included */
    apr_time_t arrived;          /**< the message */
    apr_time_t expires;
    apr_time_t now;
    apr_uint64_t chance;         /**< any number */
    unsigned int is_warned : 1;  /**< a DSN "delayed" was made of him */
    unsigned int may_repeat : 1; /**< AGAIN is possible */
    /** It is fetched (QUEUE_ROUTE_ON_DEMAND): no time brings it further but
     *  that at which it is given up, and nobody is told of a delay. */
    unsigned int is_on_demand : 1;
} queue_verdict_facts_t;

typedef struct queue_verdict_t {
    queue_verdict_e what;
    apr_time_t next;             /**< DEFERRED: when; else 0 */
    /** What could be told; nobody need have asked for it. */
    smtp_report_action_e action;
    unsigned int has_action : 1;
    unsigned int is_expired : 1; /**< FAILED because its time is over: 4.4.7 */
} queue_verdict_t;

/**
 * What the failure of a connection means for the mail of its destination. What
 * DNS says of a domain is so for good (RFC 5321 5.1; 556 of RFC 7505), and 521
 * in a greeting (RFC 7504 4); any other 5xx before there was a mail is about
 * us, a login that is wrong or a list that names us, and may be mended:
 * deferred.
 */
void queue_verdict_connection(smtp_outcome_t *failure);

/** @param verdict  out */
void queue_verdict_make(const queue_verdict_facts_t *facts,
                        const smtp_outcome_t *outcome,
                        queue_verdict_t *verdict);

#endif
