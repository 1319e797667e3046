/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_queued.h
 * A file of SPOOL/queue: one message that waits to be sent on, and what has
 * happened to each of its recipients. Pure: any thread.
 *
 * SPOOL/queue/HH/ID, where HH are two hex digits of a hash of the queue id;
 * while it is written ID.new. It has a header (magic, version, lengths,
 * checksum), the envelope (store_envelope.h), the trace fields, the mail
 * data, and then notes, which are appended and never changed: the last one
 * about a recipient counts. A torn note at the end never happened.
 */
#ifndef STORE_QUEUED_H
#define STORE_QUEUED_H

#include "store_envelope.h"

/** What a note says of a recipient. */
typedef enum {
    STORE_QUEUED_WAITING = 0,    /**< nothing yet */
    STORE_QUEUED_DEFERRED,
    STORE_QUEUED_SENT,           /**< the next hop or mailbox has it */
    STORE_QUEUED_FAILED,         /**< for ever, and whoever had to be told is
                                      told */
    STORE_QUEUED_DELETED,        /**< by the administrator */
    /** Notes about the whole message: recipient is not used. */
    STORE_QUEUED_HOLD, STORE_QUEUED_RELEASE, STORE_QUEUED_WARNED,
    STORE_QUEUED_PRIORITY        /**< code: queue_priority_e */
} store_queued_e;

typedef struct store_queued_note_t {
    store_queued_e what;
    apr_uint32_t recipient;      /**< index, see store_queued_recipients() */
    apr_int64_t time;            /**< apr_time_t of the attempt */
    apr_int64_t next;            /**< of the next one; 0: none */
    apr_uint32_t attempts;       /**< so far */
    apr_uint32_t code;           /**< reply code, or 0 */
    apr_uint32_t status;         /**< class * 1000000 + subject * 1000 +
                                      detail */
    const char *host;            /**< "name[address]:port"; "" */
    const char *text;            /**< printable ASCII, one line; "" */
} store_queued_note_t;

/** The last note about a recipient; what WAITING when there is none. */
typedef store_queued_note_t store_queued_state_t;

/** One who is sent to: a recipient that is relayed, or a mailbox of a
 *  recipient whose method is not "maildir". Both by index in the envelope. */
typedef struct store_queued_recipient_t {
    int recipient;
    int mailbox;                 /**< -1: relayed */
} store_queued_recipient_t;

/** All of them in the order of the envelope (store_queued_recipient_t). Notes
 *  and messages count recipients by this. */
apr_array_header_t *store_queued_recipients(apr_pool_t *p,
                                            const store_envelope_t *envelope);

#endif
