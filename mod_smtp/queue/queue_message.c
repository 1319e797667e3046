/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The block of a message: the message, room for one job (most have one),
 * its recipients, strings. A message of several jobs has those in a second
 * block.
 */
#include "queue_message.h"

#include <stdint.h>
#include <string.h>

#include "queue_memory.h"

/* Recipients are found by their index plus 1, so that 0 is a free place. */
typedef struct job_index_t {
    apr_uint32_t *places;
    apr_size_t mask;
} job_index_t;

typedef struct block_t {
    queue_message_t message;
    queue_job_t job;
    queue_recipient_t recipients[];
} block_t;

static const char *sender_of(const queue_message_facts_t *facts)
{
    return facts->sender ? facts->sender : facts->reverse_path;
}

/* The null reverse-path and most others are a sender of their own: one string
 * for both. */
static int has_own_sender(const char *sender, const char *reverse_path)
{
    return strcmp(sender, reverse_path) != 0;
}

static size_t block_octets(const queue_message_facts_t *facts)
{
    size_t octets = sizeof(block_t) + strlen(facts->id) + 1
        + strlen(facts->reverse_path) + 1;
    apr_uint32_t i;

    if (has_own_sender(sender_of(facts), facts->reverse_path)) {
        octets += strlen(facts->sender) + 1;
    }
    for (i = 0; i < facts->recipient_count; i++) {
        octets += sizeof(queue_recipient_t)
            + strlen(facts->addresses[i]) + 1;
    }
    return octets;
}

static const char *put_string(char **strings, const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = memcpy(*strings, s, len);

    *strings += len;
    return copy;
}

static void put_strings(queue_message_t *message, char *strings,
                        const queue_message_facts_t *facts)
{
    const char *sender = sender_of(facts);
    apr_uint32_t i;

    message->id = put_string(&strings, facts->id);
    message->reverse_path = put_string(&strings, facts->reverse_path);
    message->sender = has_own_sender(sender, message->reverse_path)
        ? put_string(&strings, sender) : message->reverse_path;
    for (i = 0; i < facts->recipient_count; i++) {
        message->recipients[i].address = put_string(&strings,
                                                    facts->addresses[i]);
    }
}

queue_message_t *queue_message_create(const queue_message_facts_t *facts)
{
    block_t *block = queue_memory_create(1, block_octets(facts));
    queue_message_t *message = &block->message;

    message->segment = facts->segment;
    message->place = facts->place;
    message->arrived = facts->arrived;
    message->queued = facts->queued;
    message->expires = facts->expires;
    message->vhost = facts->vhost;
    message->recipients = block->recipients;
    message->recipient_count = facts->recipient_count;
    message->open = facts->recipient_count;
    message->size_octets = facts->size_octets < (apr_off_t)UINT32_MAX
        ? (apr_uint32_t)facts->size_octets : UINT32_MAX;
    message->priority = (unsigned char)facts->priority;
    message->is_report = !*facts->reverse_path;
    put_strings(message,
                (char *)(block->recipients + facts->recipient_count), facts);
    return message;
}

/* Room for @a count destinations without crowding. */
static void index_create(job_index_t *index, apr_uint32_t count)
{
    apr_size_t room = 4;

    while (room < (apr_size_t)count * 2) {
        room *= 2;
    }
    index->places = queue_memory_create(room, sizeof(apr_uint32_t));
    index->mask = room - 1;
}

/* The place of the first recipient of @a destination, or the free one where it
 * shall be. */
static apr_uint32_t *index_find(const job_index_t *index,
                                struct queue_destination_t **destinations,
                                struct queue_destination_t *destination)
{
    apr_size_t i = (apr_size_t)((apr_uint64_t)(uintptr_t)destination
                                * APR_UINT64_C(0x9E3779B97F4A7C15) >> 32);

    for (;; i++) {
        apr_uint32_t *place = &index->places[i & index->mask];

        if (!*place || destinations[*place - 1] == destination) {
            return place;
        }
    }
}

/* Notes the first recipient of each destination. @return destinations */
static apr_uint32_t index_fill(const job_index_t *index,
                               const queue_message_t *message,
                               struct queue_destination_t **destinations)
{
    apr_uint32_t i, count = 0;

    for (i = 0; i < message->recipient_count; i++) {
        if (destinations[i]) {
            apr_uint32_t *place = index_find(index, destinations,
                                             destinations[i]);

            if (!*place) {
                *place = i + 1;
                count++;
            }
        }
    }
    return count;
}

static queue_job_t *jobs_create(queue_message_t *message, apr_uint32_t count)
{
    message->job_count = count;
    return count > 1 ? queue_memory_create(count, sizeof(queue_job_t))
                     : &((block_t *)message)->job;
}

void queue_message_jobs_make(queue_message_t *message,
                             struct queue_destination_t **destinations)
{
    queue_job_t *job;
    job_index_t index;
    apr_uint32_t i;

    index_create(&index, message->recipient_count);
    job = message->jobs = jobs_create(message, index_fill(&index, message,
                                                          destinations));
    for (i = 0; i < message->recipient_count; i++) {
        apr_uint32_t first;

        if (!destinations[i]) {
            continue;
        }
        first = *index_find(&index, destinations, destinations[i]) - 1;
        if (first == i) {
            job->message = message;
            job->destination = destinations[i];
            message->recipients[i].job = job++;
        }
        message->recipients[i].job = message->recipients[first].job;
        message->recipients[i].job->recipients++;
    }
    free(index.places);
}

void queue_message_recipient_end(queue_message_t *message,
                                 queue_recipient_t *recipient,
                                 queue_recipient_e state)
{
    if (recipient->job) {
        recipient->job->recipients--;
        recipient->job = NULL;
    }
    recipient->state = (unsigned char)state;
    if (state != QUEUE_RECIPIENT_REPORTING) {
        message->open--;
    }
}

void queue_message_recipient_attempted(queue_recipient_t *recipient,
                                       queue_reasons_t *reasons,
                                       const queue_reason_t *reason)
{
    if (recipient->attempts < UINT8_MAX) {
        recipient->attempts++;
    }
    queue_reason_release(reasons, recipient->reason);
    recipient->reason = reason;
}

/* What malloc() makes of it: a word of its own, in steps of two. */
static apr_size_t with_overhead(apr_size_t octets)
{
    return APR_ALIGN(octets + sizeof(void *), 2 * sizeof(void *));
}

apr_size_t queue_message_octets(const queue_message_t *message)
{
    const char *last = message->recipient_count
        ? message->recipients[message->recipient_count - 1].address
        : message->sender;
    apr_size_t octets = with_overhead((apr_size_t)(last - (char *)message)
                                      + strlen(last) + 1);

    if (message->job_count > 1) {
        octets += with_overhead(message->job_count * sizeof(queue_job_t));
    }
    return octets;
}

void queue_message_free(queue_message_t *message, queue_reasons_t *reasons)
{
    apr_uint32_t i;

    for (i = 0; i < message->recipient_count; i++) {
        queue_reason_release(reasons, message->recipients[i].reason);
    }
    if (message->job_count > 1) {
        free(message->jobs);
    }
    free(message);
}
