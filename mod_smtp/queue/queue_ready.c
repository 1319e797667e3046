/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A sender is there as long as it has jobs, and its name is that of its first
 * job's message: it costs no memory of its own.
 */
#include "queue_ready.h"

#include <stdint.h>
#include <string.h>

#include "queue_memory.h"

/* Chains at the beginning; a power of 2. */
#define CHAINS_FIRST 256u

APR_RING_HEAD(job_ring_t, queue_job_t);

struct queue_sender_t {
    APR_RING_ENTRY(queue_sender_t) link; /* of its class */
    queue_sender_t *next;        /* of the table */
    queue_ready_t *ready;        /* whose it is */
    struct job_ring_t jobs;
    unsigned int hash;
    unsigned char priority;
};

struct queue_senders_t {
    queue_sender_t **chains;
    unsigned int chain_count;
    unsigned int count;
};

static apr_status_t free_all(void *data)
{
    queue_senders_t *senders = data;
    unsigned int i;

    for (i = 0; i < senders->chain_count; i++) {
        while (senders->chains[i]) {
            queue_sender_t *sender = senders->chains[i];

            senders->chains[i] = sender->next;
            free(sender);
        }
    }
    free(senders->chains);
    return APR_SUCCESS;
}

queue_senders_t *queue_senders_create(apr_pool_t *p)
{
    queue_senders_t *senders = apr_pcalloc(p, sizeof(*senders));

    senders->chain_count = CHAINS_FIRST;
    senders->chains = queue_memory_create(CHAINS_FIRST,
                                          sizeof(queue_sender_t *));
    apr_pool_cleanup_register(p, senders, free_all, apr_pool_cleanup_null);
    return senders;
}

void queue_ready_init(queue_ready_t *ready)
{
    int i;

    memset(ready, 0, sizeof(*ready));
    for (i = 0; i < QUEUE_PRIORITY_COUNT; i++) {
        APR_RING_INIT(&ready->senders[i], queue_sender_t, link);
    }
}

static const char *name_of(const queue_sender_t *sender)
{
    return APR_RING_FIRST(&sender->jobs)->message->sender;
}

static queue_sender_t **chain_of(const queue_senders_t *senders,
                                 unsigned int hash)
{
    return &senders->chains[hash & (senders->chain_count - 1)];
}

/* FNV-1a. */
static unsigned int hash_of(const queue_ready_t *ready, unsigned char priority,
                            const char *name)
{
    unsigned int hash = (2166136261u ^ priority) * 16777619u;
    apr_uint64_t place = (apr_uint64_t)(uintptr_t)ready
        * APR_UINT64_C(0x9E3779B97F4A7C15);

    hash = (hash ^ (unsigned int)(place >> 32)) * 16777619u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}

static queue_sender_t *find(const queue_senders_t *senders,
                            const queue_ready_t *ready,
                            unsigned char priority, const char *name,
                            unsigned int hash)
{
    queue_sender_t *sender = *chain_of(senders, hash);

    while (sender && (sender->hash != hash || sender->ready != ready
                      || sender->priority != priority
                      || strcmp(name_of(sender), name))) {
        sender = sender->next;
    }
    return sender;
}

static void grow(queue_senders_t *senders)
{
    queue_sender_t **old = senders->chains;
    unsigned int old_count = senders->chain_count, i;

    senders->chain_count *= 2;
    senders->chains = queue_memory_create(senders->chain_count,
                                          sizeof(queue_sender_t *));
    for (i = 0; i < old_count; i++) {
        while (old[i]) {
            queue_sender_t *sender = old[i];
            queue_sender_t **chain = chain_of(senders, sender->hash);

            old[i] = sender->next;
            sender->next = *chain;
            *chain = sender;
        }
    }
    free(old);
}

/* A sender whose first job comes: the last in its class. */
static queue_sender_t *sender_begin(queue_senders_t *senders,
                                    queue_ready_t *ready,
                                    unsigned char priority,
                                    unsigned int hash)
{
    queue_sender_t *sender = queue_memory_create(1, sizeof(*sender));
    queue_sender_t **chain;

    if (++senders->count > senders->chain_count) {
        grow(senders);
    }
    sender->ready = ready;
    sender->priority = priority;
    sender->hash = hash;
    APR_RING_INIT(&sender->jobs, queue_job_t, link);
    chain = chain_of(senders, hash);
    sender->next = *chain;
    *chain = sender;
    APR_RING_INSERT_TAIL(&ready->senders[priority], sender, queue_sender_t,
                         link);
    return sender;
}

/* Its last job has gone. */
static void sender_end(queue_senders_t *senders, queue_sender_t *sender)
{
    queue_sender_t **link = chain_of(senders, sender->hash);

    while (*link != sender) {
        link = &(*link)->next;
    }
    *link = sender->next;
    APR_RING_REMOVE(sender, link);
    free(sender);
    senders->count--;
}

void queue_ready_add(queue_senders_t *senders, queue_ready_t *ready,
                     queue_job_t *job, int is_first)
{
    const char *name = job->message->sender;
    unsigned int hash;
    queue_sender_t *sender;

    job->priority = job->message->priority;
    hash = hash_of(ready, job->priority, name);
    sender = find(senders, ready, job->priority, name, hash);
    if (!sender) {
        sender = sender_begin(senders, ready, job->priority, hash);
    }
    if (is_first) {
        APR_RING_INSERT_HEAD(&sender->jobs, job, queue_job_t, link);
    }
    else {
        APR_RING_INSERT_TAIL(&sender->jobs, job, queue_job_t, link);
    }
    ready->count++;
}

static void remove_of(queue_senders_t *senders, queue_sender_t *sender,
                      queue_job_t *job)
{
    sender->ready->count--;
    APR_RING_REMOVE(job, link);
    if (APR_RING_EMPTY(&sender->jobs, queue_job_t, link)) {
        sender_end(senders, sender);
    }
}

void queue_ready_remove(queue_senders_t *senders, queue_ready_t *ready,
                        queue_job_t *job)
{
    const char *name = job->message->sender;

    remove_of(senders, find(senders, ready, job->priority, name,
                            hash_of(ready, job->priority, name)), job);
}

static int is_empty(const queue_ready_t *ready, queue_priority_e priority)
{
    return APR_RING_EMPTY(&ready->senders[priority], queue_sender_t, link);
}

/* Whose turn it is; there are jobs. */
static queue_priority_e class_next(queue_ready_t *ready)
{
    if (!is_empty(ready, QUEUE_PRIORITY_URGENT)) {
        return QUEUE_PRIORITY_URGENT;
    }
    if (is_empty(ready, QUEUE_PRIORITY_BULK)) {
        return QUEUE_PRIORITY_NORMAL;
    }
    if (is_empty(ready, QUEUE_PRIORITY_NORMAL)
        || ready->run >= QUEUE_READY_NORMAL_RUN) {
        ready->run = 0;
        return QUEUE_PRIORITY_BULK;
    }
    ready->run++;
    return QUEUE_PRIORITY_NORMAL;
}

queue_job_t *queue_ready_take(queue_senders_t *senders, queue_ready_t *ready)
{
    struct queue_sender_ring_t *ring;
    queue_sender_t *sender;
    queue_job_t *job;

    if (!ready->count) {
        return NULL;
    }
    ring = &ready->senders[class_next(ready)];
    sender = APR_RING_FIRST(ring);
    job = APR_RING_FIRST(&sender->jobs);
    APR_RING_REMOVE(sender, link);
    APR_RING_INSERT_TAIL(ring, sender, queue_sender_t, link);
    remove_of(senders, sender, job);
    return job;
}
