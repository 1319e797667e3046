/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_sts_policy.h
 * What MTA-STS has to say (RFC 8461 3): the TXT record that announces a
 * policy, and the policy. Whoever owns a domain writes these octets. Pure: any
 * thread.
 */
#ifndef QUEUE_STS_POLICY_H
#define QUEUE_STS_POLICY_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "smtp_dns_answer.h"

/** Octets of a policy at most (RFC 8461 3.3 would have 64 KiB). */
#define QUEUE_STS_POLICY_OCTETS (64 * 1024)

/** Octets of an id at most (3.1), without NUL. */
#define QUEUE_STS_ID_OCTETS 32

/** Patterns of a policy at most; one with more is refused. */
#define QUEUE_STS_MX_MAX 256

/** The highest max_age (3.2): a year. More is taken for that. */
#define QUEUE_STS_MAX_AGE_SEC 31557600

typedef enum {
    QUEUE_STS_NONE = 0,          /**< no policy, or one of mode none */
    QUEUE_STS_TESTING,           /**< judged and told, fails nothing */
    QUEUE_STS_ENFORCE
} queue_sts_mode_e;

typedef struct queue_sts_policy_t {
    queue_sts_mode_e mode;
    int max_age_sec;
    const char **mx;             /**< patterns, ends with NULL */
    int mx_count;
} queue_sts_policy_t;

/**
 * Finds the id that the records of _mta-sts.DOMAIN announce. Other TXT records
 * may stand there; of two that begin with v=STSv1 none counts (3.1).
 * @param id  out: "" when there is none
 * @return whether there is one
 */
int queue_sts_record_find(const smtp_dns_answer_t *answer,
                          char id[QUEUE_STS_ID_OCTETS + 1]);

/** Reads one record: "v=STSv1; id=20160831085700Z;". @return the same */
int queue_sts_record_parse(const char *text, apr_size_t len,
                           char id[QUEUE_STS_ID_OCTETS + 1]);

/**
 * Reads a policy (3.2). Of a key that is there twice the first counts, but for
 * mx; keys that we do not know do not count.
 * @param policy  out: in @a p; all zero on failure
 * @return NULL, or what is wrong, static
 */
const char *queue_sts_policy_parse(apr_pool_t *p, const char *octets,
                                   apr_size_t len,
                                   queue_sts_policy_t *policy);

/** Whether the policy allows a host (4.1). */
int queue_sts_policy_has(const queue_sts_policy_t *policy, const char *host);

/** "enforce", "testing", "none". */
const char *queue_sts_mode_name(queue_sts_mode_e mode);

/** Whether a Content-Type is text/plain, with parameters or without (3.2). */
int queue_sts_is_text_plain(const char *type);

#endif
