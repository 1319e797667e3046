/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_sts.h
 * MTA-STS (RFC 8461): which hosts of a domain mail may go to, and that their
 * certificates are to be verified. A policy is fetched when DNS announces one
 * that is not known yet, and kept in memory and in SPOOL/queue/sts as long as
 * it says: what is known counts also while DNS or HTTPS say nothing (5.1). One
 * thread: the loop's; policies are fetched, and files swept away, in threads.
 */
#ifndef QUEUE_STS_H
#define QUEUE_STS_H

#include "queue_network.h"
#include "queue_sts_policy.h"

/** HTTPS may take so long, and who asks waits so long at most, others' fetches
 *  included; then there is no (new) policy. */
#define QUEUE_STS_FETCH apr_time_from_sec(30)
#define QUEUE_STS_WAIT  apr_time_from_sec(60)
/** A fetch that failed is not tried again before (RFC 8461 3.3). */
#define QUEUE_STS_AGAIN apr_time_from_sec(300)
/** A policy in use is fetched anew, whatever DNS says, when it is so old, or
 *  half as old as it may become: so that it does not expire amid an attack
 *  (RFC 8461 10.2). One that nobody has asked for in so long is not in use. */
#define QUEUE_STS_REFRESH apr_time_from_sec(86400)
#define QUEUE_STS_IDLE    apr_time_from_sec(30 * 86400)
/** How often old ones are looked for; how often what has expired on disk. */
#define QUEUE_STS_LOOK    apr_time_from_sec(3600)
#define QUEUE_STS_SWEEP   apr_time_from_sec(86400)
/** Fetches at once, and fetches that wait for one of these to end; who comes
 *  when there are more has no new policy. */
#define QUEUE_STS_FETCHES 2
#define QUEUE_STS_FETCHES_WAIT 1000
/** Policies in memory, and octets of memory for them, about; those on disk, in
 *  blocks, as far as a sweep leaves them: the oldest go. */
#define QUEUE_STS_POLICIES 10000
#define QUEUE_STS_MEMORY   (128 * 1024 * 1024)
#define QUEUE_STS_DISK     (256 * 1024 * 1024)

typedef struct queue_sts_t queue_sts_t;

typedef struct queue_sts_conf_t {
    const char *queue_dir;       /**< SPOOL/queue */
    const char *ca_file;         /**< as queue_conf_t's tls_ca_file */
    apr_port_t port;             /**< 443 */
    int loopback_is_foreign;     /**< as queue_conf_t has it */
} queue_sts_conf_t;

/** @param conf  copied; strings are kept */
apr_status_t queue_sts_create(apr_pool_t *p, queue_network_t *network,
                              const queue_sts_conf_t *conf,
                              queue_sts_t **sts);

/** What holds for a domain. Lives as long as the question's pool. */
typedef struct queue_sts_answer_t {
    queue_sts_mode_e mode;
    queue_sts_policy_t policy;   /**< all zero where there is none */
    const char *id;              /**< "" where there is none */
    /** Of a policy that is announced and cannot be had: FETCH_ERROR, INVALID,
     *  WEBPKI_INVALID; else NONE. */
    smtp_tls_result_e result;
    const char *detail;          /**< of it, for a log; else NULL */
} queue_sts_answer_t;

typedef struct queue_sts_query_t queue_sts_query_t;

/**
 * Asks for the policy of a domain (A-labels, lower case: the next hop's, RFC
 * 8461 2).
 * @param p     of the query and its answer; destroyed, it ends the query
 * @param wake  called once by the loop when there is an answer; not where
 *              there is one at once
 */
queue_sts_query_t *queue_sts_ask(queue_sts_t *sts, apr_pool_t *p,
                                 const char *domain,
                                 void (*wake)(void *baton), void *baton);

/** The answer, or NULL: not yet. */
const queue_sts_answer_t *queue_sts_answer_get(
    const queue_sts_query_t *query);

#endif
