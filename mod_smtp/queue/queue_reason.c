/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_reason.h"

#include <string.h>

#include "queue_memory.h"

/* Chains at the beginning; a power of 2. The table doubles when there are as
 * many reasons: a host that puts a time or an id into each reply makes one
 * reason of each. */
#define CHAINS_FIRST 64u

struct queue_reasons_t {
    queue_reason_t **chains;
    unsigned int chain_count;
    unsigned int count;
};

static apr_status_t free_all(void *data)
{
    queue_reasons_t *reasons = data;
    unsigned int i;

    for (i = 0; i < reasons->chain_count; i++) {
        while (reasons->chains[i]) {
            queue_reason_t *reason = reasons->chains[i];

            reasons->chains[i] = reason->next;
            free(reason);
        }
    }
    free(reasons->chains);
    return APR_SUCCESS;
}

queue_reasons_t *queue_reasons_create(apr_pool_t *p)
{
    queue_reasons_t *reasons = apr_pcalloc(p, sizeof(*reasons));

    reasons->chain_count = CHAINS_FIRST;
    reasons->chains = queue_memory_create(CHAINS_FIRST,
                                          sizeof(queue_reason_t *));
    apr_pool_cleanup_register(p, reasons, free_all, apr_pool_cleanup_null);
    return reasons;
}

apr_size_t queue_reasons_count(const queue_reasons_t *reasons)
{
    return reasons->count;
}

/* FNV-1a, NUL included. */
static unsigned int hash_string(unsigned int hash, const char *s)
{
    do {
        hash = (hash ^ (unsigned char)*s) * 16777619u;
    } while (*s++);
    return hash;
}

static unsigned int hash_values(int code, smtp_status_t status,
                                const char *host, const char *text)
{
    unsigned int hash = 2166136261u;

    hash = (hash ^ (unsigned int)code) * 16777619u;
    hash = (hash ^ (status.klass * 1000000u + status.subject * 1000u
                    + status.detail)) * 16777619u;
    return hash_string(hash_string(hash, host), text);
}

static queue_reason_t **chain_of(const queue_reasons_t *reasons,
                                 unsigned int hash)
{
    return &reasons->chains[hash & (reasons->chain_count - 1)];
}

static void grow(queue_reasons_t *reasons)
{
    queue_reason_t **old = reasons->chains;
    unsigned int old_count = reasons->chain_count, i;

    reasons->chain_count *= 2;
    reasons->chains = queue_memory_create(reasons->chain_count,
                                          sizeof(queue_reason_t *));
    for (i = 0; i < old_count; i++) {
        while (old[i]) {
            queue_reason_t *reason = old[i];
            queue_reason_t **chain = chain_of(reasons, reason->hash);

            old[i] = reason->next;
            reason->next = *chain;
            *chain = reason;
        }
    }
    free(old);
}

static int is_same(const queue_reason_t *a, const queue_reason_t *b)
{
    return a->hash == b->hash && a->code == b->code
        && a->status.klass == b->status.klass
        && a->status.subject == b->status.subject
        && a->status.detail == b->status.detail
        && !strcmp(a->host, b->host) && !strcmp(a->text, b->text);
}

/* A copy in one block, strings behind. */
static queue_reason_t *copy_of(const queue_reason_t *values)
{
    size_t host_len = strlen(values->host) + 1;
    size_t text_len = strlen(values->text) + 1;
    queue_reason_t *reason = queue_memory_create(1, sizeof(*reason) + host_len
                                                 + text_len);
    char *strings = (char *)(reason + 1);

    *reason = *values;
    reason->host = memcpy(strings, values->host, host_len);
    reason->text = memcpy(strings + host_len, values->text, text_len);
    return reason;
}

static queue_reason_t *add(queue_reasons_t *reasons,
                           const queue_reason_t *values)
{
    queue_reason_t *reason = copy_of(values), **chain;

    if (++reasons->count > reasons->chain_count) {
        grow(reasons);
    }
    chain = chain_of(reasons, reason->hash);
    reason->next = *chain;
    *chain = reason;
    return reason;
}

const queue_reason_t *queue_reason_get(queue_reasons_t *reasons, int code,
                                       smtp_status_t status,
                                       const char *host, const char *text)
{
    queue_reason_t values = { NULL, 0, 0, code, status, host, text };
    queue_reason_t *reason;

    values.hash = hash_values(code, status, host, text);
    reason = *chain_of(reasons, values.hash);
    while (reason && !is_same(reason, &values)) {
        reason = reason->next;
    }
    if (!reason) {
        reason = add(reasons, &values);
    }
    reason->users++;
    return reason;
}

const queue_reason_t *queue_reason_share(const queue_reason_t *reason)
{
    if (reason) {
        ((queue_reason_t *)reason)->users++;
    }
    return reason;
}

void queue_reason_release(queue_reasons_t *reasons,
                          const queue_reason_t *reason)
{
    queue_reason_t *last = (queue_reason_t *)reason, **link;

    if (!last || --last->users) {
        return;
    }
    link = chain_of(reasons, last->hash);
    while (*link != last) {
        link = &(*link)->next;
    }
    *link = last->next;
    free(last);
    reasons->count--;
}
