/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Queries: from a question to libunbound's look-ups, and from their results
 * to one answer. Answers are handed out here, not within libunbound's call
 * back: who takes one may do what it likes.
 */
#include "smtp_dns.h"

#include <signal.h>
#include <stdlib.h>

#include <pthread.h>

#include <unbound.h>

#include "smtp_dns_context.h"
#include "smtp_dns_name.h"

#define CLASS_IN 1

/** The look-ups of each question; 0: no more. */
static const int types[][SMTP_DNS_LOOKUPS_MAX] = {
    [SMTP_DNS_MX]      = { SMTP_DNS_RECORD_MX, 0 },
    [SMTP_DNS_ADDRESS] = { SMTP_DNS_RECORD_A, SMTP_DNS_RECORD_AAAA },
    [SMTP_DNS_PTR]     = { SMTP_DNS_RECORD_PTR, 0 },
    [SMTP_DNS_TXT]     = { SMTP_DNS_RECORD_TXT, 0 },
    [SMTP_DNS_TLSA]    = { SMTP_DNS_RECORD_TLSA, 0 },
    [SMTP_DNS_ALIAS]   = { SMTP_DNS_RECORD_CNAME, 0 }
};

static void lookup_free(smtp_dns_lookup_t *lookup)
{
    APR_RING_REMOVE(lookup, link);
    ub_resolve_free(lookup->result);
    free(lookup);
}

/** Called by libunbound, from ub_process(). */
static void lookup_done(void *data, int error, struct ub_result *result)
{
    smtp_dns_lookup_t *lookup = data;
    smtp_dns_query_t *query = lookup->query;

    lookup->result = result;
    lookup->is_done = 1;
    if (error != 0) {
        ub_resolve_free(result);
        lookup->result = NULL;
    }
    if (query == NULL) {
        lookup_free(lookup);
    }
    else if (--query->open == 0) {
        APR_RING_REMOVE(query, link);
        APR_RING_INSERT_TAIL(&query->dns->answered, query, smtp_dns_query_t,
                             link);
    }
}

/** The first look-up makes libunbound's thread. Signals are not for it, but
 *  for the threads that httpd has chosen. */
static int resolve(smtp_dns_t *dns, const char *name, int type,
                   smtp_dns_lookup_t *lookup)
{
    sigset_t all, before;
    int error;

    if (dns->is_started) {
        return ub_resolve_async(dns->ub, name, type, CLASS_IN, lookup,
                                lookup_done, &lookup->id);
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = ub_resolve_async(dns->ub, name, type, CLASS_IN, lookup,
                             lookup_done, &lookup->id);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    dns->is_started = error == 0;
    return error;
}

static int lookup_begin(smtp_dns_query_t *query, const char *name, int type)
{
    smtp_dns_lookup_t *lookup = calloc(1, sizeof(*lookup));

    if (lookup == NULL) {
        return 0;
    }
    lookup->query = query;
    APR_RING_INSERT_TAIL(&query->dns->lookups, lookup, smtp_dns_lookup_t,
                         link);
    if (resolve(query->dns, name, type, lookup) != 0) {
        lookup_free(lookup);
        return 0;
    }
    query->lookups[query->count++] = lookup;
    query->open++;
    return 1;
}

/** Nobody waits for it any more. */
static void lookup_abandon(smtp_dns_lookup_t *lookup, struct ub_ctx *ub)
{
    /* Where it cannot be cancelled, lookup_done() frees it. */
    lookup->query = NULL;
    if (lookup->is_done || ub_cancel(ub, lookup->id) == 0) {
        lookup_free(lookup);
    }
}

static apr_status_t query_cleanup(void *data)
{
    smtp_dns_query_t *query = data;
    int i;

    APR_RING_REMOVE(query, link);
    for (i = 0; i < query->count; i++) {
        lookup_abandon(query->lookups[i], query->dns->ub);
    }
    return APR_SUCCESS;
}

apr_status_t smtp_dns_query_begin(smtp_dns_t *dns, apr_pool_t *p,
                                  smtp_dns_question_e question,
                                  const char *name, apr_time_t now,
                                  smtp_dns_query_t **begun)
{
    smtp_dns_query_t *query;
    int i;

    *begun = NULL;
    if (question == SMTP_DNS_PTR) {
        name = smtp_dns_name_reverse(p, name);
    }
    if (name == NULL || !smtp_dns_name_is_askable(name)) {
        return APR_EINVAL;
    }
    query = apr_pcalloc(p, sizeof(*query));
    query->dns = dns;
    query->p = p;
    query->deadline = now + dns->timeout;
    APR_RING_INSERT_TAIL(&dns->waiting, query, smtp_dns_query_t, link);
    apr_pool_cleanup_register(p, query, query_cleanup,
                              apr_pool_cleanup_null);
    for (i = 0; i < SMTP_DNS_LOOKUPS_MAX && types[question][i] != 0; i++) {
        if (!lookup_begin(query, name, types[question][i])) {
            smtp_dns_cancel(query);
            return APR_EGENERAL;
        }
    }
    *begun = query;
    return APR_SUCCESS;
}

const smtp_dns_answer_t *smtp_dns_query_end(smtp_dns_query_t *query)
{
    const struct ub_result *results[SMTP_DNS_LOOKUPS_MAX];
    const smtp_dns_answer_t *answer;
    int i;

    for (i = 0; i < query->count; i++) {
        results[i] = query->lookups[i]->result;
    }
    answer = smtp_dns_answer_create(query->p, results, query->count,
                                    query->open > 0
                                    ? "no answer within the time limit"
                                    : "the look-up failed");
    smtp_dns_cancel(query);
    return answer;
}

void smtp_dns_cancel(smtp_dns_query_t *query)
{
    apr_pool_cleanup_run(query->p, query, query_cleanup);
}

void smtp_dns_query_forget(smtp_dns_query_t *query)
{
    APR_RING_REMOVE(query, link);
    apr_pool_cleanup_kill(query->p, query, query_cleanup);
}

void smtp_dns_collect(smtp_dns_t *dns)
{
    /* It can only fail where the pipe to its thread does; then no answer
     * comes, and queries end by their deadlines. */
    ub_process(dns->ub);
}

apr_status_t smtp_dns_ask(smtp_dns_t *dns, apr_pool_t *p,
                          smtp_dns_question_e question, const char *name,
                          apr_time_t now, smtp_dns_done_t *done, void *baton,
                          smtp_dns_query_t **query)
{
    smtp_dns_query_t *begun;
    apr_status_t rv = smtp_dns_query_begin(dns, p, question, name, now,
                                           &begun);

    if (rv == APR_SUCCESS) {
        begun->done = done;
        begun->baton = baton;
    }
    if (query != NULL) {
        *query = begun;
    }
    return rv;
}

int smtp_dns_fd(const smtp_dns_t *dns)
{
    return ub_fd(dns->ub);
}

static void hand_out(smtp_dns_query_t *query)
{
    smtp_dns_done_t *done = query->done;
    void *baton = query->baton;

    done(baton, smtp_dns_query_end(query));
}

static int has_expired(const smtp_dns_t *dns, apr_time_t now)
{
    return !APR_RING_EMPTY(&dns->waiting, smtp_dns_query_t, link)
        && APR_RING_FIRST(&dns->waiting)->deadline <= now;
}

void smtp_dns_process(smtp_dns_t *dns, apr_time_t now)
{
    smtp_dns_collect(dns);
    /* Each call back may change both rings: look at the first again. */
    while (!APR_RING_EMPTY(&dns->answered, smtp_dns_query_t, link)) {
        hand_out(APR_RING_FIRST(&dns->answered));
    }
    while (has_expired(dns, now)) {
        hand_out(APR_RING_FIRST(&dns->waiting));
    }
}

apr_time_t smtp_dns_deadline(const smtp_dns_t *dns)
{
    return APR_RING_EMPTY(&dns->waiting, smtp_dns_query_t, link)
        ? 0 : APR_RING_FIRST(&dns->waiting)->deadline;
}
