/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dns_context.h
 * Private to dns/: the context, and queries between question and answer.
 */
#ifndef SMTP_DNS_CONTEXT_H
#define SMTP_DNS_CONTEXT_H

#include <apr_ring.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "smtp_dns.h"

struct ub_ctx;
struct ub_result;

/** One look-up of libunbound's. Not of a pool: libunbound may call back with
 *  it after the query is gone. */
typedef struct smtp_dns_lookup_t smtp_dns_lookup_t;
struct smtp_dns_lookup_t {
    APR_RING_ENTRY(smtp_dns_lookup_t) link;  /**< in dns->lookups */
    smtp_dns_query_t *query;      /**< NULL: nobody waits for it any more */
    struct ub_result *result;     /**< ours to free; NULL: none */
    int id;                       /**< libunbound's number for it */
    unsigned int is_done : 1;
};

struct smtp_dns_query_t {
    APR_RING_ENTRY(smtp_dns_query_t) link;   /**< in waiting or in answered */
    smtp_dns_t *dns;
    apr_pool_t *p;
    smtp_dns_lookup_t *lookups[SMTP_DNS_LOOKUPS_MAX];
    int count;                    /**< of lookups */
    int open;                     /**< of them without an answer */
    apr_time_t deadline;
    smtp_dns_done_t *done;        /**< NULL: a thread waits */
    void *baton;
};

APR_RING_HEAD(smtp_dns_queries_t, smtp_dns_query_t);
APR_RING_HEAD(smtp_dns_lookups_t, smtp_dns_lookup_t);

struct smtp_dns_t {
    struct ub_ctx *ub;
    apr_interval_time_t timeout;
    /** In the order of their deadlines, as all have the same timeout. */
    struct smtp_dns_queries_t waiting;
    /** All look-ups have come back. */
    struct smtp_dns_queries_t answered;
    /** All of which libunbound knows. */
    struct smtp_dns_lookups_t lookups;
    unsigned int is_started : 1;  /**< libunbound's thread has been made */

    /* Of threads that wait. */
    apr_thread_mutex_t *mutex;    /**< held for everything but poll() */
    apr_thread_cond_t *turn;      /**< answers have come, or nobody polls */
    unsigned int is_polled : 1;   /**< one of the threads is in poll() */
};

/** A query in dns->waiting. As smtp_dns_ask(). */
apr_status_t smtp_dns_query_begin(smtp_dns_t *dns, apr_pool_t *p,
                                  smtp_dns_question_e question,
                                  const char *name, apr_time_t now,
                                  smtp_dns_query_t **query);

/** Takes @a query out of its ring; the answer made of what has come back. */
const smtp_dns_answer_t *smtp_dns_query_end(smtp_dns_query_t *query);

/** The context ends: @a query is in no ring and no pool any more. Its look-ups
 *  stay in dns->lookups. */
void smtp_dns_query_forget(smtp_dns_query_t *query);

/** Lets libunbound call back: queries move from waiting to answered. */
void smtp_dns_collect(smtp_dns_t *dns);

#endif
