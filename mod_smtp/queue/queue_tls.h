/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tls.h
 * What TLS towards one host must be: from the configuration, DANE (RFC 7672),
 * MTA-STS (RFC 8461) and REQUIRETLS (RFC 8689) to one policy. Pure: any
 * thread.
 */
#ifndef QUEUE_TLS_H
#define QUEUE_TLS_H

#include "queue_conf.h"
#include "queue_host.h"
#include "queue_sts_policy.h"

typedef struct queue_tls_facts_t {
    const queue_destination_conf_t *conf;
    const queue_host_t *host;
    const char *domain;          /**< the next hop's, in A-labels, or "" */
    unsigned int is_implicit_tls : 1;
    unsigned int requires_tls : 1;
    queue_sts_mode_e sts;
    unsigned int is_sts_host : 1; /**< the policy names this host */
} queue_tls_facts_t;

/** Whether TLSA records are to be looked up: DANE is wanted, and the
 *  administrator said neither "none" nor which names he trusts. */
int queue_tls_wants_dane(const queue_destination_conf_t *conf,
                         const queue_route_t *route);

/** Whether MTA-STS is to be asked: hosts are found by MX, and the
 *  administrator said neither "none" nor which names he trusts. */
int queue_tls_wants_sts(const queue_destination_conf_t *conf,
                        const queue_route_t *route);

/**
 * The policy. DANE comes before MTA-STS (RFC 8461 2), both before "may" and
 * "encrypt", DANE also before "verify" without names: whom records name that
 * are validated is who he should be.
 * @param p        what the policy points to; or it lives as long as the facts
 * @param policy   out
 * @param refusal  out: pending, or why this host is not to be used
 */
void queue_tls_choose(apr_pool_t *p, const queue_tls_facts_t *facts,
                      smtp_tls_policy_t *policy, smtp_outcome_t *refusal);

#endif
