/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_message.h
 * A message that waits to be sent, as the queue process remembers it: only
 * what scheduling, lists and retries need, since there may be a million; all
 * else is on disk (queue_store.h). One block of memory each. Pure: one thread
 * at a time.
 *
 * A message has recipients; those that go to the same destination are a job,
 * which is what is scheduled, and what one SMTP transaction is made of.
 */
#ifndef QUEUE_MESSAGE_H
#define QUEUE_MESSAGE_H

#include <apr_ring.h>
#include <apr_time.h>

#include "queue_heap.h"
#include "queue_reason.h"

typedef struct queue_message_t queue_message_t;
typedef struct queue_job_t queue_job_t;
struct queue_destination_t;
struct queue_segment_t;

typedef enum {
    QUEUE_PRIORITY_URGENT = 0, QUEUE_PRIORITY_NORMAL, QUEUE_PRIORITY_BULK,
    QUEUE_PRIORITY_COUNT
} queue_priority_e;

typedef enum {
    QUEUE_RECIPIENT_WAITING = 0, /**< no attempt, or deferred */
    QUEUE_RECIPIENT_REPORTING,   /**< failed; a DSN is being made: not over */
    QUEUE_RECIPIENT_SENT,        /**< the next hop has it, or the mailbox */
    QUEUE_RECIPIENT_FAILED,      /**< for ever; its DSN is on its way or not
                                      asked for */
    QUEUE_RECIPIENT_DELETED      /**< by the administrator */
} queue_recipient_e;

typedef struct queue_recipient_t {
    const char *address;         /**< in the message's block; no brackets */
    queue_job_t *job;            /**< NULL: over */
    const queue_reason_t *reason; /**< of the last attempt; NULL: none */
    unsigned char state;         /**< queue_recipient_e */
    unsigned char attempts;      /**< stays at 255 */
    unsigned char is_warned;     /**< a DSN "delayed" was or is being made */
} queue_recipient_t;

typedef enum {
    QUEUE_JOB_NEW = 0,           /**< known to no scheduler */
    QUEUE_JOB_READY,             /**< to be sent as soon as can be */
    QUEUE_JOB_DEFERRED,          /**< not before node.when */
    QUEUE_JOB_ACTIVE,            /**< a connection has it */
    QUEUE_JOB_HELD,              /**< by the administrator */
    QUEUE_JOB_OVER
} queue_job_e;

struct queue_job_t {
    queue_heap_node_t node;      /**< when deferred; first */
    APR_RING_ENTRY(queue_job_t) link; /**< of the scheduler, when ready */
    queue_message_t *message;
    struct queue_destination_t *destination;
    apr_uint32_t recipients;     /**< that are not over */
    unsigned char state;         /**< queue_job_e */
    unsigned char attempts;      /**< stays at 255 */
    unsigned char priority;      /* of the scheduler, when ready */
    unsigned char is_settling;   /* of the scheduler, when active */
};

struct queue_message_t {
    queue_message_t *next;       /**< of the engine's table of ids */
    APR_RING_ENTRY(queue_message_t) all; /**< of the engine, by age */
    struct queue_segment_t *segment; /**< of the journal; NULL: a file */
    apr_uint64_t place;          /**< in the segment */
    apr_time_t arrived;          /**< MAIL command */
    apr_time_t queued;           /**< commit */
    apr_time_t expires;          /**< DSNs go out then */
    /** This and the next in the block. NULL: no message, but a place in the
     *  ring that a list has reached. */
    const char *id;
    const char *reverse_path;
    const char *sender;          /**< whom fairness is about: login, else
                                      reverse-path */
    const void *vhost;           /**< queue_vhost_t of queue_conf.h */
    queue_job_t *jobs;
    queue_recipient_t *recipients;
    apr_uint32_t job_count;
    apr_uint32_t recipient_count;
    apr_uint32_t open;           /**< recipients that are not over */
    apr_uint32_t size_octets;    /**< stays at its maximum */
    apr_uint32_t tasks;          /**< threads that read it: it cannot go */
    unsigned char priority;      /**< queue_priority_e */
    unsigned int is_held : 1;
    unsigned int is_owed : 1;    /**< it is not all on disk */
    unsigned int is_report : 1;  /**< null reverse-path */
    unsigned int has_twins : 1;  /**< some recipients are the same address
                                      (queue_twin.h) */
};

/** What a message is made of; all of it is copied. */
typedef struct queue_message_facts_t {
    const char *id;
    const char *reverse_path;
    const char *sender;          /**< NULL: the reverse-path */
    const void *vhost;
    struct queue_segment_t *segment;
    apr_uint64_t place;
    apr_time_t arrived, queued, expires;
    apr_off_t size_octets;
    queue_priority_e priority;
    const char *const *addresses; /**< of each recipient */
    apr_uint32_t recipient_count;
} queue_message_facts_t;

/** A message without jobs, in one block from malloc(); its recipients wait.
 *  Aborts the process when there is no memory, as APR's pools do in httpd. */
queue_message_t *queue_message_create(const queue_message_facts_t *facts);

/**
 * Makes its jobs, of recipients that wait: @a destinations has one for each
 * recipient (those that are over: NULL). Jobs are in the order of their first
 * recipients. Once only.
 */
void queue_message_jobs_make(queue_message_t *message,
                             struct queue_destination_t **destinations);

/** Nothing more is sent to the recipient: its job has one less. It is over,
 *  and its message has one less, unless @a state is REPORTING: then it is so
 *  by a second call. */
void queue_message_recipient_end(queue_message_t *message,
                                 queue_recipient_t *recipient,
                                 queue_recipient_e state);

/** One attempt more, which ended for @a reason, whose count the recipient
 *  takes over; what it had is released. */
void queue_message_recipient_attempted(queue_recipient_t *recipient,
                                       queue_reasons_t *reasons,
                                       const queue_reason_t *reason);

/** Octets of memory that it takes, jobs and the allocator's own included; for
 *  figures and tests. */
apr_size_t queue_message_octets(const queue_message_t *message);

/** Releases reasons; no job of it may be with a scheduler. */
void queue_message_free(queue_message_t *message, queue_reasons_t *reasons);

#endif
