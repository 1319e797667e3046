/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dns_answer.h
 * What DNS says to one of our questions. Pure: any thread.
 */
#ifndef SMTP_DNS_ANSWER_H
#define SMTP_DNS_ANSWER_H

#include <apr_tables.h>

#include "smtp_dns_record.h"

/** Records of an answer at most: what is more is left out. */
#define SMTP_DNS_ANSWER_RECORDS_MAX 512

/** Look-ups that a question takes at most. */
#define SMTP_DNS_LOOKUPS_MAX 2

typedef enum {
    SMTP_DNS_OK = 0,      /**< there is at least one record */
    SMTP_DNS_UNREADABLE,  /**< there are records, each of them malformed or
                               with a name that is no host's */
    SMTP_DNS_NONE,        /**< the name exists, such a record does not */
    SMTP_DNS_NXDOMAIN,    /**< the name does not exist */
    SMTP_DNS_BOGUS,       /**< the answer is not what its zone has signed (RFC
                               4035 4.3): as good as none, try again later */
    SMTP_DNS_TEMPORARY    /**< no answer: SERVFAIL, time limit, no memory */
} smtp_dns_status_e;

typedef struct smtp_dns_answer_t {
    smtp_dns_status_e status;
    /** smtp_dns_record_t; empty unless SMTP_DNS_OK. */
    apr_array_header_t *records;
    /** Records that were refused (see SMTP_DNS_UNREADABLE). */
    apr_size_t refused;
    /** Seconds for which all of this holds; 0 of a failure. */
    int ttl_sec;
    /** All that is said here was validated up to a trust anchor, what does
     *  not exist and the aliases on the way included. 0 of a failure. */
    unsigned int is_secure : 1;
    /** A question for addresses, and one of the two families has failed:
     *  there may be more than these. */
    unsigned int is_partial : 1;
    /** There were more than SMTP_DNS_ANSWER_RECORDS_MAX. */
    unsigned int is_cut : 1;
    /** The name asked for is an alias (CNAME). */
    unsigned int is_alias : 1;
    /** The host name at the end of the aliases; NULL if there is no alias,
     *  or no host name at its end. */
    const char *canonical;
    /** Of a failure: why, in words for a log, escaped; else NULL. */
    const char *reason;
} smtp_dns_answer_t;

struct ub_result;

/**
 * Makes the answer out of what libunbound has found: one result, or A and
 * AAAA of one name. One of both that has records is an answer; without any, a
 * failure of either is the failure of both.
 * @param results  of @a count look-ups, 1 or 2; NULL for one that failed
 * @param reason   why it failed, where one did; NULL else
 * @return in @a p, with nothing in it that points into @a results
 */
const smtp_dns_answer_t *smtp_dns_answer_create(
    apr_pool_t *p, const struct ub_result *const results[], int count,
    const char *reason);

/** Words for a log, such as "NXDOMAIN". Static. */
const char *smtp_dns_status_text(smtp_dns_status_e status);

#endif
