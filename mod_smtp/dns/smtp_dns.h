/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dns.h
 * DNS with validation, by libunbound. A process has one context, made after
 * its last fork(), since a thread of libunbound's belongs to it. A context is
 * used in one of two ways, never in both:
 *
 * - by one thread with a loop (the queue): smtp_dns_ask() and what follows
 *   it; no call waits. smtp_dns_fd() goes into the loop's pollset.
 * - by any number of threads that wait (workers): smtp_dns_resolve().
 *
 * Answers are cached in the context for as long as their TTL allows. Search
 * lists and /etc/hosts play no part: mail goes to full names.
 */
#ifndef SMTP_DNS_H
#define SMTP_DNS_H

#include <apr_tables.h>
#include <apr_time.h>

#include "smtp_dns_answer.h"

/** What is asked, and about what. */
typedef enum {
    SMTP_DNS_MX = 0,      /**< of a domain */
    SMTP_DNS_ADDRESS,     /**< A and AAAA of a host, both at once */
    SMTP_DNS_PTR,         /**< of an address, as inet_ntop() writes it */
    SMTP_DNS_TXT,         /**< of a name */
    SMTP_DNS_TLSA,        /**< of the name that smtp_tlsa_owner() makes */
    SMTP_DNS_ALIAS        /**< CNAME of a name: see smtp_tlsa_needs_alias() */
} smtp_dns_question_e;

/** A zone whose servers are told and not looked for. */
typedef struct smtp_dns_stub_t {
    const char *zone;     /**< "corp.example.com", "." for all */
    const char *server;   /**< "ADDRESS" or "ADDRESS@PORT", authoritative */
} smtp_dns_stub_t;

/** All zero is a good choice. */
typedef struct smtp_dns_options_t {
    /** const char *, "ADDRESS" or "ADDRESS@PORT": resolvers that are asked.
     *  NULL or empty: those of resolv_conf, unless is_recursive. */
    const apr_array_header_t *forwarders;
    /** NULL: /etc/resolv.conf. */
    const char *resolv_conf;
    /** Ask the servers of the zones ourselves, from the root down. */
    unsigned int is_recursive : 1;
    /** A file of root servers for is_recursive; NULL: those built in. */
    const char *root_hints;
    /** smtp_dns_stub_t; may be NULL. */
    const apr_array_header_t *stubs;
    /** A file of DS or DNSKEY records from which on answers are validated,
     *  usually /usr/share/dns/root.key; NULL: nothing is ever secure. With
     *  one, resolvers have to hand out signatures (most do): where they strip
     *  them everything is SMTP_DNS_BOGUS. */
    const char *trust_anchors;
    /** After this an answer is SMTP_DNS_TEMPORARY; 0: 20 seconds. */
    apr_interval_time_t timeout;
    /** Memory of the cache; 0: 8 MiB. */
    apr_size_t cache_octets;
    /** Sockets at once; further questions wait for one; 0: 128. */
    int sockets;
} smtp_dns_options_t;

typedef struct smtp_dns_t smtp_dns_t;

/** A question that has no answer yet. */
typedef struct smtp_dns_query_t smtp_dns_query_t;

/**
 * Takes an answer; it lives as long as the pool given to smtp_dns_ask(). The
 * query is gone. May ask, cancel, and destroy that pool; not the context.
 */
typedef void smtp_dns_done_t(void *baton, const smtp_dns_answer_t *answer);

/**
 * Makes a context in @a p, with which it ends: queries that have no answer
 * then are gone too, and nobody is told. Sends nothing yet.
 * Also the way to find out whether the options are good.
 * @param fault  on failure a message for the administrator, in @a p
 * @return APR_SUCCESS, APR_EINVAL (an option) or APR_ENOMEM
 */
apr_status_t smtp_dns_create(apr_pool_t *p,
                             const smtp_dns_options_t *options,
                             smtp_dns_t **dns, const char **fault);

/**
 * Asks. @a done is called once, from smtp_dns_process(), unless the query is
 * cancelled or @a p destroyed before.
 * @param p      of the query and its answer
 * @param name   not copied beyond this call
 * @param now    from which the timeout counts
 * @param query  for smtp_dns_cancel(); may be NULL
 * @return APR_SUCCESS; APR_EINVAL when @a name cannot be a name of DNS (or,
 *         for SMTP_DNS_PTR, no address); APR_EGENERAL when libunbound fails:
 *         @a done is not called then
 */
apr_status_t smtp_dns_ask(smtp_dns_t *dns, apr_pool_t *p,
                          smtp_dns_question_e question, const char *name,
                          apr_time_t now, smtp_dns_done_t *done, void *baton,
                          smtp_dns_query_t **query);

/** Drops a query that has no answer yet. */
void smtp_dns_cancel(smtp_dns_query_t *query);

/** Readable when smtp_dns_process() has something to do. The same for the
 *  life of the context, which owns it. */
int smtp_dns_fd(const smtp_dns_t *dns);

/** Hands out the answers that have come, and SMTP_DNS_TEMPORARY for queries
 *  whose time is over. Never waits. */
void smtp_dns_process(smtp_dns_t *dns, apr_time_t now);

/** When smtp_dns_process() is to be called at the latest; 0: no query. */
apr_time_t smtp_dns_deadline(const smtp_dns_t *dns);

/**
 * Asks and waits, for the timeout at most. Any thread.
 * @param p  the calling thread's own, for the answer
 * @return never NULL; SMTP_DNS_TEMPORARY also when the question cannot be
 *         asked, with the reason
 */
const smtp_dns_answer_t *smtp_dns_resolve(smtp_dns_t *dns, apr_pool_t *p,
                                          smtp_dns_question_e question,
                                          const char *name);

#endif
