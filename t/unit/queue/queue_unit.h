/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_unit.h
 * Messages of one recipient and one job, for tests of what is scheduled.
 */
#ifndef QUEUE_UNIT_H
#define QUEUE_UNIT_H

#include "../unit.h"

#include "queue_message.h"

/** A job of a new message. @param tag  comes back as job->message->place */
static inline queue_job_t *unit_job(struct queue_destination_t *destination,
                                    const char *sender,
                                    queue_priority_e priority, int tag)
{
    static const char *const address = "bob@example.net";
    queue_message_facts_t facts = { 0 };
    queue_message_t *message;

    facts.id = "id";
    facts.reverse_path = sender;
    facts.priority = priority;
    facts.addresses = &address;
    facts.recipient_count = 1;
    facts.place = (apr_uint64_t)tag;
    message = queue_message_create(&facts);
    queue_message_jobs_make(message, &destination);
    return message->jobs;
}

static inline int unit_tag(const queue_job_t *job)
{
    return (int)job->message->place;
}

static inline void unit_job_free(queue_job_t *job)
{
    queue_message_free(job->message, NULL);
}

#endif
