/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_control_reply.h
 * What the queue process says to an administrator, as lines of
 * store_control.h: the first field is the kind of line. The last line of a
 * reply is END or ERROR. Times are apr_time_t. Pure: any thread.
 */
#ifndef STORE_CONTROL_REPLY_H
#define STORE_CONTROL_REPLY_H

#include "store_control_request.h"

typedef enum {
    STORE_CONTROL_UNKNOWN = 0,   /**< of a later version: skip it */
    STORE_CONTROL_MESSAGE,
    STORE_CONTROL_RECIPIENT,     /**< of the message before */
    STORE_CONTROL_ENVELOPE,      /**< pair: more of the message before */
    STORE_CONTROL_CONTENT,       /**< the next octets of the mail */
    STORE_CONTROL_DESTINATION,
    STORE_CONTROL_COUNT,         /**< pair: a number and what it is of */
    STORE_CONTROL_REFUSED,       /**< a message that fitted, and nothing was
                                      done with it */
    STORE_CONTROL_PROGRESS,      /**< end: so far, of a number */
    STORE_CONTROL_END,
    STORE_CONTROL_ERROR,         /**< nothing (more) is done */
    STORE_CONTROL_REPLY_COUNT
} store_control_reply_e;

/** What has become of a recipient. */
typedef enum {
    STORE_CONTROL_WAITING = 0, STORE_CONTROL_SENT, STORE_CONTROL_FAILED,
    STORE_CONTROL_DELETED, STORE_CONTROL_FATE_COUNT
} store_control_fate_e;

/** "waiting", "sent", ... */
const char *store_control_fate_name(store_control_fate_e fate);

/** Strings are never NULL after reading; NULL is written as "". */
typedef struct store_control_recipient_t {
    const char *address;         /**< without brackets */
    apr_int64_t fate;            /**< store_control_fate_e */
    apr_int64_t status;          /**< store_control_status_e, while it waits */
    apr_int64_t attempts;
    apr_int64_t next;            /**< attempt; 0: none is planned */
    const char *destination;     /**< its key; "": none */
    apr_int64_t code;            /**< of the last attempt: reply code, or 0 */
    const char *enhanced;        /**< status code, or "" */
    const char *host;            /**< who said it, or "" */
    const char *text;
} store_control_recipient_t;

typedef struct store_control_message_t {
    const char *id;
    const char *reverse_path;    /**< without brackets; "": the null one */
    apr_int64_t status;          /**< store_control_status_e */
    apr_int64_t priority;        /**< 0: urgent, 1: normal, 2: bulk */
    apr_int64_t size_octets;
    apr_int64_t arrived;
    apr_int64_t expires;         /**< 0: not known */
    apr_int64_t next;            /**< attempt, of any recipient; 0: none */
    apr_int64_t recipients;
    apr_int64_t open;            /**< of them, not over */
    const char *vhost;           /**< "ServerName:port" */
    const char *where;           /**< "journal" or "file" */
    /** The first that is not over and was asked for. */
    store_control_recipient_t first;
} store_control_message_t;

typedef struct store_control_destination_t {
    const char *key;
    apr_int64_t ready, deferred, active, held; /**< jobs: of each message
                                                    one */
    apr_int64_t connections;
    apr_int64_t window;          /**< connections it may have now */
    apr_int64_t failures;        /**< in a row */
    apr_int64_t dead_until;      /**< 0: it is not dead */
    apr_int64_t code;            /**< of the last failure */
    const char *enhanced, *host, *text;
} store_control_destination_t;

typedef struct store_control_pair_t {
    const char *name;
    const char *value;
} store_control_pair_t;

/** A COUNT that any reply about messages may have: of those that are not known
 *  yet, since the queue process has just started. */
#define STORE_CONTROL_UNREAD "unread"

/** @name Why
 * @{ */
#define STORE_CONTROL_WHY_REQUEST "request"  /**< none that we understand */
#define STORE_CONTROL_WHY_NONE    "none"     /**< no such message */
#define STORE_CONTROL_WHY_BUSY    "busy"     /**< a connection has it */
#define STORE_CONTROL_WHY_HELD    "held"     /**< it cannot be retried */
#define STORE_CONTROL_WHY_OTHERS  "others"   /**< more recipients than those who
                                                  were meant */
#define STORE_CONTROL_WHY_JOURNAL "journal"  /**< no queue process, and only
                                                  that can change it */
#define STORE_CONTROL_WHY_OFFLINE "offline"  /**< no queue process, and only
                                                  that knows */
#define STORE_CONTROL_WHY_SYSTEM  "system"   /**< disk, memory, ... */
#define STORE_CONTROL_WHY_LIMIT   "limit"    /**< too many, too slow */
/** @} */

/** REFUSED, ERROR. */
typedef struct store_control_refusal_t {
    const char *why;             /**< STORE_CONTROL_WHY_* */
    const char *id;              /**< "": of no message */
    const char *text;            /**< for people */
} store_control_refusal_t;

/** PROGRESS, END. */
typedef struct store_control_end_t {
    apr_int64_t count;           /**< messages that fitted, and were listed or
                                      changed */
    apr_int64_t seen;            /**< messages that were looked at so far */
    apr_int64_t all;             /**< that there are, about */
} store_control_end_t;

/** A line. */
typedef struct store_control_reply_t {
    store_control_reply_e kind;
    store_control_message_t message;
    store_control_recipient_t recipient;
    store_control_destination_t destination;
    store_control_pair_t pair;
    store_control_refusal_t refusal;
    store_control_end_t end;
    store_control_field_t content;
} store_control_reply_t;

/**
 * Reads a line, in place (store_control_parse()): @a reply has pointers into
 * it. Only what belongs to reply->kind is set.
 * @return whether it is one; reply->kind is UNKNOWN if not
 */
int store_control_reply_parse(char *line, apr_size_t len,
                              store_control_reply_t *reply);

/** @name Each writes a line
 * @{ */
void store_control_message_write(store_control_out_t *out,
                                 const store_control_message_t *message);
void store_control_recipient_write(store_control_out_t *out,
                                   const store_control_recipient_t *recipient);
void store_control_destination_write(store_control_out_t *out,
                                     const store_control_destination_t *d);
/** @param kind  ENVELOPE, COUNT */
void store_control_pair_write(store_control_out_t *out,
                              store_control_reply_e kind, const char *name,
                              const char *value);
void store_control_count_write(store_control_out_t *out, const char *name,
                               apr_int64_t number);
void store_control_content_write(store_control_out_t *out,
                                 const char *octets, apr_size_t len);
/** @param kind  REFUSED, ERROR */
void store_control_refusal_write(store_control_out_t *out,
                                 store_control_reply_e kind, const char *why,
                                 const char *id, const char *text);
/** @param kind  PROGRESS, END */
void store_control_end_write(store_control_out_t *out,
                             store_control_reply_e kind,
                             const store_control_end_t *end);
/** @} */

#endif
