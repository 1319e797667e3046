/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tls_count.h
 * How TLS fared in one day, by the domain of the recipients and the policy that
 * applied (RFC 8460 4): numbers of sessions that came to be as the policy
 * wants, and of those that did not, with the reasons; and these as lines of a
 * file, so that they outlive the process. Pure: one thread at a time.
 */
#ifndef QUEUE_TLS_COUNT_H
#define QUEUE_TLS_COUNT_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "smtp_tls_policy.h"
#include "store_control.h"

/** Domains of a day at most: what is more is not counted. */
#define QUEUE_TLS_COUNT_DOMAINS  100000
/** Octets of memory for a day, about: then there are no more domains, policies
 *  and failures that are told apart. */
#define QUEUE_TLS_COUNT_OCTETS   (64 * 1024 * 1024)
/** Policies of a domain in a day, failures of a policy that are told apart;
 *  others are counted together. */
#define QUEUE_TLS_COUNT_POLICIES 8
#define QUEUE_TLS_COUNT_FAILURES 50
/** Lines of a policy, and patterns of hosts, that are told. */
#define QUEUE_TLS_COUNT_STRINGS  40

typedef enum {
    QUEUE_TLS_NO_POLICY = 0,     /**< no-policy-found */
    QUEUE_TLS_TLSA,
    QUEUE_TLS_STS,
    QUEUE_TLS_KIND_COUNT
} queue_tls_kind_e;

/** "no-policy-found", "tlsa", "sts" (RFC 8460 4.2). */
const char *queue_tls_kind_name(queue_tls_kind_e kind);

/** One session, or the attempt at one. Strings may hold anything. */
typedef struct queue_tls_session_t {
    const char *domain;          /**< of the recipients; A-labels */
    queue_tls_kind_e kind;
    const char *policy_domain;   /**< of TLSA: the base domain (RFC 7672
                                      2.2.3); NULL: domain */
    const char *const *strings;  /**< of the policy; ends with NULL; NULL: not
                                      known */
    const char *const *mx;       /**< patterns of an STS policy; the same */
    smtp_tls_result_e result;    /**< OK, or what failed; not NONE */
    const char *host;            /**< name of the MX, or "" */
    const char *source;          /**< our address, or "" */
    const char *address;         /**< of the host, or "" */
    const char *detail;          /**< words on the failure, or "" */
} queue_tls_session_t;

typedef struct queue_tls_failure_t {
    struct queue_tls_failure_t *next;
    smtp_tls_result_e result;
    const char *host, *source, *address, *detail;
    apr_int64_t count;
    unsigned int is_dirty : 1;   /* not in a line yet */
} queue_tls_failure_t;

typedef struct queue_tls_policy_t {
    struct queue_tls_policy_t *next;
    int index;                   /**< in its domain */
    queue_tls_kind_e kind;
    const char *domain;          /**< Policy Domain (RFC 8460 1.1) */
    const char *const *strings;  /**< ends with NULL */
    const char *const *mx;       /**< ends with NULL */
    apr_int64_t successes;
    apr_int64_t others;          /**< failures that are not told apart */
    queue_tls_failure_t *failures; /**< in order of appearance */
    int failure_count;
    unsigned int is_new : 1, is_dirty : 1; /* not in a line yet */
} queue_tls_policy_t;

typedef struct queue_tls_domain_t {
    struct queue_tls_domain_t *next_dirty;
    const char *domain;
    queue_tls_policy_t *policies;
    apr_array_header_t *done;    /**< const char *: those who are told */
    unsigned int is_dirty : 1;
} queue_tls_domain_t;

typedef struct queue_tls_day_t {
    apr_pool_t *p;
    apr_int64_t number;          /**< days since 1970, UTC */
    apr_hash_t *domains;         /**< name -> queue_tls_domain_t */
    queue_tls_domain_t *dirty;
    apr_size_t octets;           /**< taken, about */
    /** For whoever keeps it in a file: octets of that when it was last written
     *  whole, and since then. */
    apr_size_t file_octets, file_added;
} queue_tls_day_t;

/** The day of a time, and its first moment. */
apr_int64_t queue_tls_day_of(apr_time_t time);
apr_time_t queue_tls_day_begin(apr_int64_t number);

/** @param p  of the day; nobody else's */
queue_tls_day_t *queue_tls_day_create(apr_pool_t *p, apr_int64_t number);

void queue_tls_count(queue_tls_day_t *day,
                     const queue_tls_session_t *session);

/** Notes that @a who, of those who want the report, has it. */
void queue_tls_done_note(queue_tls_day_t *day, queue_tls_domain_t *domain,
                         const char *who);
int queue_tls_is_done(const queue_tls_domain_t *domain, const char *who);

/** Writes what has changed since the last call, as lines. */
void queue_tls_day_write(queue_tls_day_t *day, store_control_out_t *out);

/** Has the next queue_tls_day_write() write all there is. */
void queue_tls_day_dirty(queue_tls_day_t *day);

/** Reads a line, in place (store_control_parse()); later ones count before
 *  earlier ones, and what is none of ours counts not.
 *  @return whether it was one */
int queue_tls_day_parse(queue_tls_day_t *day, char *line, apr_size_t len);

/** Failures of the policy, all together. */
apr_int64_t queue_tls_policy_failures(const queue_tls_policy_t *policy);

#endif
