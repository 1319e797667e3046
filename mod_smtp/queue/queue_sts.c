/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A query asks DNS for the id of the domain's policy. If that is not the one
 * that is known, it waits for a fetch, of which there is one for each domain
 * at a time: addresses by DNS, then HTTPS in a thread. A policy that is known
 * counts until it expires, unless a newer one was fetched.
 */
#include "queue_sts.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_ring.h>
#include <apr_strings.h>

#include <http_log.h>

#include "queue_https.h"
#include "queue_log.h"
#include "queue_sts_file.h"
#include "smtp_chars.h"
#include "smtp_mx.h"

APLOG_USE_MODULE(smtp_queue);

#define RECORD_PREFIX "_mta-sts."
#define HOST_PREFIX   "mta-sts."
#define URL_PATH      "/.well-known/mta-sts.txt"
/* Words on why there is no policy, with NUL. */
#define DETAIL_OCTETS 200
/* What a policy takes beside its patterns: a pool. */
#define ENTRY_OCTETS 8192
/* A clock that was set back by so much is no reason to forget a policy. */
#define CLOCK_SLACK apr_time_from_sec(3600)

/* A policy that is known, or a fetch that has failed. */
typedef struct entry_t {
    APR_RING_ENTRY(entry_t) link; /* of sts->entries, the latest used first */
    apr_pool_t *p;
    const char *domain;
    char id[QUEUE_STS_ID_OCTETS + 1]; /* "": there is no policy */
    queue_sts_policy_t policy;
    apr_size_t octets;           /* of memory */
    apr_time_t fetched;
    apr_time_t expires;
    apr_time_t used;             /* asked for */
    /* The last fetch failed: of this id, why, and until when nobody tries. */
    char failed_id[QUEUE_STS_ID_OCTETS + 1];
    apr_time_t failed_until;     /* 0: it did not */
    smtp_tls_result_e result;
    char detail[DETAIL_OCTETS];
} entry_t;

APR_RING_HEAD(entry_ring_t, entry_t);

typedef enum { FETCH_DNS = 0, FETCH_WAITING, FETCH_RUNNING } fetch_state_e;

typedef struct fetch_t {
    APR_RING_ENTRY(fetch_t) link; /* of sts->fetches, in order of beginning */
    queue_sts_t *sts;
    apr_pool_t *p;
    queue_timer_t late;          /* whoever waits has waited long enough */
    fetch_state_e state;
    const char *domain;
    char id[QUEUE_STS_ID_OCTETS + 1];
    APR_RING_HEAD(query_ring_t, queue_sts_query_t) queries;
    queue_https_request_t request;
    /* What came of it; set in a thread. */
    queue_https_answer_t answer;
    queue_sts_policy_t policy;
    apr_time_t fetched;
    smtp_tls_result_e result;
    const char *detail;
} fetch_t;

APR_RING_HEAD(fetch_ring_t, fetch_t);

struct queue_sts_query_t {
    APR_RING_ENTRY(queue_sts_query_t) link; /* of its fetch */
    queue_sts_t *sts;
    apr_pool_t *p;
    const char *domain;
    fetch_t *fetch;              /* NULL: it waits for none */
    queue_sts_answer_t *answer;  /* NULL: not yet */
    int is_asking;               /* in queue_sts_ask(): nobody is woken */
    void (*wake)(void *baton);
    void *baton;
};

struct queue_sts_t {
    apr_pool_t *p;
    queue_network_t *network;
    queue_sts_conf_t conf;
    const char *dir;
    apr_hash_t *by_domain;       /* entry_t */
    struct entry_ring_t entries;
    apr_size_t octets;           /* of them all */
    apr_hash_t *fetch_by_domain; /* fetch_t */
    struct fetch_ring_t fetches;
    int fetch_count;
    int running;                 /* of them, in threads */
    queue_timer_t look;          /* for what is old */
    apr_time_t swept;            /* the last time; 0: it is being done */
    apr_size_t written;          /* octets on disk since then */
};

static apr_time_t now_get(const queue_sts_t *sts)
{
    return queue_loop_now(sts->network->loop);
}

/* ---- What is known ---- */

static void entry_remove(queue_sts_t *sts, entry_t *entry)
{
    APR_RING_REMOVE(entry, link);
    sts->octets -= entry->octets;
    apr_hash_set(sts->by_domain, entry->domain, APR_HASH_KEY_STRING, NULL);
    apr_pool_destroy(entry->p);
}

static entry_t *entry_add(queue_sts_t *sts, const char *domain)
{
    entry_t *entry;
    apr_pool_t *p;

    while (apr_hash_count(sts->by_domain) >= QUEUE_STS_POLICIES
           || sts->octets > QUEUE_STS_MEMORY) {
        entry_remove(sts, APR_RING_LAST(&sts->entries));
    }
    apr_pool_create(&p, sts->p);
    entry = apr_pcalloc(p, sizeof(*entry));
    entry->p = p;
    entry->domain = apr_pstrdup(p, domain);
    entry->octets = ENTRY_OCTETS;
    sts->octets += entry->octets;
    APR_RING_ELEM_INIT(entry, link);
    APR_RING_INSERT_HEAD(&sts->entries, entry, entry_t, link);
    apr_hash_set(sts->by_domain, entry->domain, APR_HASH_KEY_STRING, entry);
    return entry;
}

static void policy_copy(apr_pool_t *p, const queue_sts_policy_t *from,
                        queue_sts_policy_t *to)
{
    int i;

    *to = *from;
    to->mx = apr_pcalloc(p, (from->mx_count + 1) * sizeof(*to->mx));
    for (i = 0; i < from->mx_count; i++) {
        to->mx[i] = apr_pstrdup(p, from->mx[i]);
    }
}

static apr_size_t policy_octets(const queue_sts_policy_t *policy)
{
    apr_size_t octets = 0;
    int i;

    for (i = 0; i < policy->mx_count; i++) {
        octets += sizeof(*policy->mx) + strlen(policy->mx[i]) + 1;
    }
    return octets;
}

/** Of a new entry. */
static void entry_set(queue_sts_t *sts, entry_t *entry, const char *id,
                      const queue_sts_policy_t *policy, apr_time_t fetched)
{
    apr_size_t octets = policy_octets(policy);

    entry->octets += octets;
    sts->octets += octets;
    apr_cpystrn(entry->id, id, sizeof(entry->id));
    policy_copy(entry->p, policy, &entry->policy);
    entry->fetched = fetched;
    entry->expires = fetched + apr_time_from_sec(policy->max_age_sec);
}

/** Of an earlier process, or one that had to make room. */
static entry_t *entry_load(queue_sts_t *sts, apr_pool_t *p,
                           const char *domain)
{
    queue_sts_policy_t policy;
    queue_sts_file_t file;
    entry_t *entry;

    if (queue_sts_file_read(p, sts->dir, domain, &file) != APR_SUCCESS) {
        return NULL;
    }
    if (file.fetched > now_get(sts) + CLOCK_SLACK
        || queue_sts_policy_parse(p, file.octets, file.len, &policy)) {
        queue_sts_file_remove(p, sts->dir, domain);
        return NULL;
    }
    entry = entry_add(sts, domain);
    entry_set(sts, entry, file.id, &policy, file.fetched);
    return entry;
}

/** What is known of a domain; NULL: nothing. */
static entry_t *entry_find(queue_sts_t *sts, apr_pool_t *p,
                           const char *domain)
{
    entry_t *entry = apr_hash_get(sts->by_domain, domain,
                                  APR_HASH_KEY_STRING);

    if (!entry) {
        return entry_load(sts, p, domain);
    }
    APR_RING_REMOVE(entry, link);
    APR_RING_INSERT_HEAD(&sts->entries, entry, entry_t, link);
    return entry;
}

/** A policy that counts now. */
static int is_valid(const queue_sts_t *sts, const entry_t *entry)
{
    return entry && *entry->id && entry->expires > now_get(sts);
}

/* ---- Answers ---- */

/** Says what is known. @param result  why that is not all; NONE: what the
 *                                  last fetch came to */
static void query_answer(queue_sts_query_t *query, smtp_tls_result_e result,
                         const char *detail)
{
    entry_t *entry = entry_find(query->sts, query->p, query->domain);
    queue_sts_answer_t *answer = apr_pcalloc(query->p, sizeof(*answer));

    answer->id = "";
    if (entry) {
        entry->used = now_get(query->sts);
    }
    if (is_valid(query->sts, entry)) {
        answer->id = apr_pstrdup(query->p, entry->id);
        answer->mode = entry->policy.mode;
        policy_copy(query->p, &entry->policy, &answer->policy);
    }
    if (result == SMTP_TLS_RESULT_NONE && entry
        && entry->failed_until > now_get(query->sts)) {
        result = entry->result;
        detail = apr_pstrdup(query->p, entry->detail);
    }
    answer->result = result;
    answer->detail = detail;
    query->answer = answer;
    if (!query->is_asking) {
        query->wake(query->baton);
    }
}

/** Whoever waits is told, and may end other queries of the fetch. */
static void queries_answer(fetch_t *fetch, smtp_tls_result_e result,
                           const char *detail)
{
    while (!APR_RING_EMPTY(&fetch->queries, queue_sts_query_t, link)) {
        queue_sts_query_t *query = APR_RING_FIRST(&fetch->queries);

        APR_RING_REMOVE(query, link);
        query->fetch = NULL;
        query_answer(query, result, detail);
    }
}

/** It goes on, for those who ask later. */
static void on_late(void *baton)
{
    queries_answer(baton, SMTP_TLS_RESULT_STS_FETCH_ERROR,
                   "it takes too long");
}

static void fetch_end(fetch_t *fetch)
{
    queue_sts_t *sts = fetch->sts;

    queries_answer(fetch, SMTP_TLS_RESULT_NONE, NULL);
    queue_timer_clear(&fetch->late);
    APR_RING_REMOVE(fetch, link);
    sts->fetch_count--;
    apr_hash_set(sts->fetch_by_domain, fetch->domain, APR_HASH_KEY_STRING,
                 NULL);
    apr_pool_destroy(fetch->p);
}

/* ---- Fetching ---- */

static void fetch_failed_note(fetch_t *fetch)
{
    queue_sts_t *sts = fetch->sts;
    entry_t *entry = entry_find(sts, fetch->p, fetch->domain);

    ap_log_error(APLOG_MARK, APLOG_INFO, 0, sts->network->server,
                 QUEUE_LOGNO(4450) "MTA-STS: the policy of %s cannot be had: "
                 "%s%s", fetch->domain, fetch->detail,
                 is_valid(sts, entry) ? "; the one before still counts" : "");
    if (!entry) {
        entry = entry_add(sts, fetch->domain);
    }
    apr_cpystrn(entry->failed_id, fetch->id, sizeof(entry->failed_id));
    entry->failed_until = now_get(sts) + QUEUE_STS_AGAIN;
    entry->result = fetch->result;
    apr_cpystrn(entry->detail, fetch->detail, sizeof(entry->detail));
}

static void fetched_note(fetch_t *fetch)
{
    queue_sts_t *sts = fetch->sts;
    entry_t *entry = apr_hash_get(sts->by_domain, fetch->domain,
                                  APR_HASH_KEY_STRING);
    apr_time_t used = entry ? entry->used : now_get(sts);

    if (entry) {
        entry_remove(sts, entry);
    }
    entry = entry_add(sts, fetch->domain);
    entry_set(sts, entry, fetch->id, &fetch->policy, fetch->fetched);
    entry->used = used;
    sts->written += queue_sts_file_octets(fetch->answer.len);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, sts->network->server,
                 QUEUE_LOGNO(4451) "MTA-STS: policy %s of %s: %s, %d mx, for "
                 "%d seconds", fetch->id, fetch->domain,
                 queue_sts_mode_name(fetch->policy.mode),
                 fetch->policy.mx_count, fetch->policy.max_age_sec);
}

static void fetch_fail(fetch_t *fetch, smtp_tls_result_e result,
                       const char *detail)
{
    fetch->result = result;
    fetch->detail = smtp_chars_escape(fetch->p, detail, strlen(detail),
                                      DETAIL_OCTETS / 2);
}

/** RFC 8461 3.3: nothing but 200 counts, and text/plain. */
static void answer_judge(fetch_t *fetch)
{
    const queue_https_answer_t *answer = &fetch->answer;
    const char *fault;

    if (answer->fault) {
        fetch_fail(fetch, answer->is_untrusted
                          ? SMTP_TLS_RESULT_STS_WEBPKI_INVALID
                          : SMTP_TLS_RESULT_STS_FETCH_ERROR, answer->fault);
    }
    else if (answer->status != 200) {
        fetch_fail(fetch, SMTP_TLS_RESULT_STS_FETCH_ERROR,
                   apr_psprintf(fetch->p, "HTTP says %d", answer->status));
    }
    else if (!queue_sts_is_text_plain(answer->type)) {
        fetch_fail(fetch, SMTP_TLS_RESULT_STS_INVALID,
                   "its type is not text/plain");
    }
    else {
        fault = queue_sts_policy_parse(fetch->p, answer->octets, answer->len,
                                       &fetch->policy);
        if (fault) {
            fetch_fail(fetch, SMTP_TLS_RESULT_STS_INVALID, fault);
        }
    }
}

/* In a thread. What is not on disk is fetched again by the next process. */
static void fetch_run(void *baton)
{
    fetch_t *fetch = baton;
    queue_sts_file_t file = { "", 0, NULL, 0 };

    queue_https_run(fetch->p, &fetch->request, &fetch->answer);
    answer_judge(fetch);
    fetch->fetched = apr_time_now();
    if (!fetch->detail) {
        apr_cpystrn(file.id, fetch->id, sizeof(file.id));
        file.fetched = fetch->fetched;
        file.octets = fetch->answer.octets;
        file.len = fetch->answer.len;
        queue_sts_file_write(fetch->p, fetch->sts->dir, fetch->domain, &file);
    }
}

static void fetches_run(queue_sts_t *sts);

static void fetch_over(fetch_t *fetch)
{
    queue_sts_t *sts = fetch->sts;

    if (fetch->detail) {
        fetch_failed_note(fetch);
    }
    else {
        fetched_note(fetch);
    }
    fetch_end(fetch);
    fetches_run(sts);
}

static void fetch_done(void *baton)
{
    fetch_t *fetch = baton;

    fetch->sts->running--;
    fetch_over(fetch);
}

/** Those whose turn it is. */
static void fetches_run(queue_sts_t *sts)
{
    fetch_t *fetch = APR_RING_FIRST(&sts->fetches);

    while (fetch != APR_RING_SENTINEL(&sts->fetches, fetch_t, link)
           && sts->running < QUEUE_STS_FETCHES) {
        fetch_t *next = APR_RING_NEXT(fetch, link);

        if (fetch->state == FETCH_WAITING) {
            fetch->state = FETCH_RUNNING;
            sts->running++;
            if (queue_loop_task(sts->network->loop, fetch_run, fetch_done,
                                fetch) != APR_SUCCESS) {
                fetch_fail(fetch, SMTP_TLS_RESULT_STS_FETCH_ERROR,
                           "no thread can be had");
                fetch_done(fetch);
                return;
            }
        }
        fetch = next;
    }
}

/** A stranger's zone leads nobody to our own loopback. */
static apr_array_header_t *addresses_make(fetch_t *fetch,
                                          const smtp_dns_answer_t *answer)
{
    apr_array_header_t *addresses =
        apr_array_make(fetch->p, 4, sizeof(smtp_dns_address_t));
    int i;

    for (i = 0; i < answer->records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(answer->records, i, smtp_dns_record_t);

        if ((record->type == SMTP_DNS_RECORD_A
             || record->type == SMTP_DNS_RECORD_AAAA)
            && (fetch->sts->conf.loopback_is_foreign
                || !smtp_dns_address_is_loopback(&record->u.address))) {
            APR_ARRAY_PUSH(addresses, smtp_dns_address_t) =
                record->u.address;
        }
    }
    return addresses;
}

static void request_make(fetch_t *fetch, apr_array_header_t *addresses)
{
    const queue_sts_conf_t *conf = &fetch->sts->conf;
    queue_https_request_t *request = &fetch->request;

    request->host = apr_pstrcat(fetch->p, HOST_PREFIX, fetch->domain, NULL);
    request->port = conf->port;
    request->url = conf->port == 443
        ? apr_pstrcat(fetch->p, "https://", request->host, URL_PATH, NULL)
        : apr_psprintf(fetch->p, "https://%s:%d" URL_PATH, request->host,
                       conf->port);
    request->addresses = addresses;
    request->ca_file = conf->ca_file;
    request->timeout = QUEUE_STS_FETCH;
    request->max_octets = QUEUE_STS_POLICY_OCTETS;
}

static void address_done(void *baton, const smtp_dns_answer_t *answer)
{
    fetch_t *fetch = baton;
    apr_array_header_t *addresses = addresses_make(fetch, answer);

    if (addresses->nelts) {
        request_make(fetch, addresses);
        fetch->state = FETCH_WAITING;
        fetches_run(fetch->sts);
        return;
    }
    fetch_fail(fetch, SMTP_TLS_RESULT_STS_FETCH_ERROR,
               apr_pstrcat(fetch->p, "no address of its host: ",
                           smtp_dns_status_text(answer->status), NULL));
    fetch_over(fetch);
}

/** NULL: there are too many, or DNS cannot be asked. */
static fetch_t *fetch_begin(queue_sts_t *sts, const char *domain,
                            const char *id)
{
    fetch_t *fetch;
    apr_pool_t *p;

    if (sts->fetch_count >= QUEUE_STS_FETCHES_WAIT) {
        return NULL;
    }
    apr_pool_create(&p, sts->p);
    fetch = apr_pcalloc(p, sizeof(*fetch));
    fetch->sts = sts;
    fetch->p = p;
    fetch->domain = apr_pstrdup(p, domain);
    apr_cpystrn(fetch->id, id, sizeof(fetch->id));
    APR_RING_INIT(&fetch->queries, queue_sts_query_t, link);
    APR_RING_ELEM_INIT(fetch, link);
    if (queue_network_ask(sts->network, p, SMTP_DNS_ADDRESS,
                          apr_pstrcat(p, HOST_PREFIX, domain, NULL),
                          address_done, fetch) != APR_SUCCESS) {
        apr_pool_destroy(p);
        return NULL;
    }
    queue_timer_init(&fetch->late, sts->network->loop, on_late, fetch);
    queue_timer_set(&fetch->late, now_get(sts) + QUEUE_STS_WAIT);
    APR_RING_INSERT_TAIL(&sts->fetches, fetch, fetch_t, link);
    apr_hash_set(sts->fetch_by_domain, fetch->domain, APR_HASH_KEY_STRING,
                 fetch);
    sts->fetch_count++;
    return fetch;
}

static fetch_t *fetch_get(queue_sts_t *sts, const char *domain,
                          const char *id)
{
    fetch_t *fetch = apr_hash_get(sts->fetch_by_domain, domain,
                                  APR_HASH_KEY_STRING);

    return fetch ? fetch : fetch_begin(sts, domain, id);
}

/* ---- Queries ---- */

/** Whether a policy has to be fetched before there is an answer. */
static int is_new(const queue_sts_t *sts, const entry_t *entry,
                  const char *id)
{
    if (is_valid(sts, entry) && !strcmp(entry->id, id)) {
        return 0;
    }
    return !entry || entry->failed_until <= now_get(sts)
           || strcmp(entry->failed_id, id) != 0;
}

/** Whether it is time to fetch what is known once more. */
static int is_old(const queue_sts_t *sts, const entry_t *entry)
{
    apr_interval_time_t half;

    if (!is_valid(sts, entry) || entry->failed_until > now_get(sts)) {
        return 0;
    }
    half = (entry->expires - entry->fetched) / 2;
    return entry->fetched + (half < QUEUE_STS_REFRESH ? half
                                                      : QUEUE_STS_REFRESH)
           <= now_get(sts);
}

static void query_announced(queue_sts_query_t *query, const char *id)
{
    queue_sts_t *sts = query->sts;
    entry_t *entry = entry_find(sts, query->p, query->domain);

    if (is_new(sts, entry, id)) {
        query->fetch = fetch_get(sts, query->domain, id);
        if (query->fetch) {
            APR_RING_INSERT_TAIL(&query->fetch->queries, query,
                                 queue_sts_query_t, link);
            return;
        }
    }
    else if (is_old(sts, entry)) {
        fetch_get(sts, query->domain, id);
    }
    query_answer(query, SMTP_TLS_RESULT_NONE, NULL);
}

/** Who holds back the record does not keep the policy from being refreshed. */
static void query_not_announced(queue_sts_query_t *query)
{
    entry_t *entry = entry_find(query->sts, query->p, query->domain);

    if (is_old(query->sts, entry)) {
        fetch_get(query->sts, entry->domain, entry->id);
    }
    query_answer(query, SMTP_TLS_RESULT_NONE, NULL);
}

static void record_done(void *baton, const smtp_dns_answer_t *answer)
{
    queue_sts_query_t *query = baton;
    char id[QUEUE_STS_ID_OCTETS + 1];

    if (answer->status == SMTP_DNS_OK && queue_sts_record_find(answer, id)) {
        query_announced(query, id);
    }
    else {
        query_not_announced(query);
    }
}

static apr_status_t query_end(void *data)
{
    queue_sts_query_t *query = data;

    if (query->fetch) {
        APR_RING_REMOVE(query, link);
        query->fetch = NULL;
    }
    return APR_SUCCESS;
}

queue_sts_query_t *queue_sts_ask(queue_sts_t *sts, apr_pool_t *p,
                                 const char *domain,
                                 void (*wake)(void *baton), void *baton)
{
    queue_sts_query_t *query = apr_pcalloc(p, sizeof(*query));

    query->sts = sts;
    query->p = p;
    query->domain = apr_pstrdup(p, domain);
    query->wake = wake;
    query->baton = baton;
    APR_RING_ELEM_INIT(query, link);
    apr_pool_cleanup_register(p, query, query_end, apr_pool_cleanup_null);
    query->is_asking = 1;
    if (queue_network_ask(sts->network, p, SMTP_DNS_TXT,
                          apr_pstrcat(p, RECORD_PREFIX, domain, NULL),
                          record_done, query) != APR_SUCCESS) {
        query_answer(query, SMTP_TLS_RESULT_NONE, NULL);
    }
    query->is_asking = 0;
    return query;
}

const queue_sts_answer_t *queue_sts_answer_get(
    const queue_sts_query_t *query)
{
    return query->answer;
}

/* ---- The whole ---- */

/* In a thread. */
static void sweep_run(void *baton)
{
    queue_sts_t *sts = baton;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    queue_sts_file_sweep(p, sts->dir, apr_time_now(), QUEUE_STS_DISK);
    apr_pool_destroy(p);
}

static void sweep_done(void *baton)
{
    queue_sts_t *sts = baton;

    sts->swept = now_get(sts);
}

static apr_status_t sweep_begin(queue_sts_t *sts)
{
    apr_status_t rv = queue_loop_task(sts->network->loop, sweep_run,
                                      sweep_done, sts);

    if (rv == APR_SUCCESS) {
        sts->swept = 0;
        sts->written = 0;
    }
    return rv;
}

static int is_sweep_due(const queue_sts_t *sts)
{
    return sts->swept && (sts->swept + QUEUE_STS_SWEEP <= now_get(sts)
                          || sts->written > QUEUE_STS_DISK / 4);
}

/** Those in use, as far as there is room for fetches beside those that mail
 *  waits for. */
static void refresh(queue_sts_t *sts)
{
    entry_t *entry = APR_RING_FIRST(&sts->entries);

    while (entry != APR_RING_SENTINEL(&sts->entries, entry_t, link)
           && sts->fetch_count < QUEUE_STS_FETCHES_WAIT / 2) {
        entry_t *next = APR_RING_NEXT(entry, link);

        if (entry->used + QUEUE_STS_IDLE > now_get(sts)
            && is_old(sts, entry)) {
            fetch_get(sts, entry->domain, entry->id);
        }
        entry = next;
    }
}

static void on_look(void *baton)
{
    queue_sts_t *sts = baton;

    refresh(sts);
    if (is_sweep_due(sts)) {
        sweep_begin(sts);
    }
    queue_timer_set(&sts->look, now_get(sts) + QUEUE_STS_LOOK);
}

static apr_status_t sts_end(void *data)
{
    queue_timer_clear(&((queue_sts_t *)data)->look);
    return APR_SUCCESS;
}

apr_status_t queue_sts_create(apr_pool_t *p, queue_network_t *network,
                              const queue_sts_conf_t *conf,
                              queue_sts_t **out)
{
    queue_sts_t *sts = apr_pcalloc(p, sizeof(*sts));
    apr_status_t rv;

    *out = NULL;
    sts->p = p;
    sts->network = network;
    sts->conf = *conf;
    sts->dir = apr_pstrcat(p, conf->queue_dir, "/sts", NULL);
    sts->by_domain = apr_hash_make(p);
    sts->fetch_by_domain = apr_hash_make(p);
    APR_RING_INIT(&sts->entries, entry_t, link);
    APR_RING_INIT(&sts->fetches, fetch_t, link);
    rv = queue_sts_file_begin(sts->dir);
    if (rv == APR_SUCCESS) {
        rv = sweep_begin(sts);
    }
    if (rv == APR_SUCCESS) {
        queue_timer_init(&sts->look, network->loop, on_look, sts);
        queue_timer_set(&sts->look, now_get(sts) + QUEUE_STS_LOOK);
        apr_pool_pre_cleanup_register(p, sts, sts_end);
        *out = sts;
    }
    return rv;
}
