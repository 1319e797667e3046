/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_control_request.h
 * What an administrator asks of the queue, as a line of store_control.h: a verb
 * and fields KEY=VALUE, such as
 *
 *     list<TAB>domain=example.com<TAB>older=3600
 *
 * and which messages that is about. Pure: any thread.
 */
#ifndef STORE_CONTROL_REQUEST_H
#define STORE_CONTROL_REQUEST_H

#include <apr_pools.h>
#include <apr_time.h>

#include "store_control.h"

/** Octets of a request at most, LF included. */
#define STORE_CONTROL_REQUEST_OCTETS 8192
/** Ids in a request at most. */
#define STORE_CONTROL_IDS_MAX 64
/** Names in a request at most. */
#define STORE_CONTROL_NAMES_MAX 64
/** The highest age, a century: added to times it does no harm. */
#define STORE_CONTROL_AGE_MAX_SEC (APR_INT64_C(36525) * 86400)

typedef enum {
    STORE_CONTROL_LIST = 0,      /**< lines MESSAGE */
    STORE_CONTROL_SHOW,          /**< MESSAGE, RECIPIENT, ENVELOPE */
    STORE_CONTROL_CAT,           /**< CONTENT: the mail */
    STORE_CONTROL_RETRY,         /**< recipients are tried now */
    STORE_CONTROL_HOLD,          /**< nothing is tried ... */
    STORE_CONTROL_RELEASE,       /**< ... until this */
    STORE_CONTROL_DELETE,        /**< for ever, and nobody is told */
    STORE_CONTROL_FLUSH,         /**< all for a domain is tried now */
    STORE_CONTROL_COUNTS,        /**< lines COUNT */
    STORE_CONTROL_DESTINATIONS,  /**< lines DESTINATION */
    /** Of httpd's children: mail is fetched (queue_turn.h). If END counts
     *  more than 0, what follows on the connection is SMTP, the queue being
     *  the client. */
    STORE_CONTROL_TURN,
    STORE_CONTROL_VERB_COUNT
} store_control_verb_e;

/** What a message is doing. */
typedef enum {
    STORE_CONTROL_READY = 0,     /**< a recipient is to be tried at once */
    STORE_CONTROL_DEFERRED,      /**< all wait for a later time */
    STORE_CONTROL_ACTIVE,        /**< a connection has it */
    STORE_CONTROL_HELD,          /**< the administrator wants it to stay */
    STORE_CONTROL_STATUS_COUNT
} store_control_status_e;

/** Which messages: those that fit all that is given. */
typedef struct store_control_select_t {
    const char *ids[STORE_CONTROL_IDS_MAX];
    int id_count;
    /** A-labels, lower case: of a recipient that is not over; ".example.com":
     *  below it. NULL: any. */
    const char *domain;
    /** An address, in which * and ? stand for any; "" is the null reverse-path.
     *  NULL: any. */
    const char *sender;
    const char *recipient;       /**< of one that is not over */
    apr_int64_t older_sec;       /**< since arrival at least; 0: any */
    apr_int64_t younger_sec;     /**< at most; 0: any */
    unsigned int status;         /**< bits by store_control_status_e; 0: any */
    unsigned int is_all : 1;     /**< all, and that is meant */
} store_control_select_t;

typedef struct store_control_request_t {
    store_control_verb_e verb;
    store_control_select_t select;
    unsigned int with_recipients : 1; /**< LIST: lines RECIPIENT follow each */
    /** TURN: domains, as select.domain; and who fetches their mail. */
    const char *names[STORE_CONTROL_NAMES_MAX];
    int name_count;
    const char *client;          /**< an address; NULL: not said */
} store_control_request_t;

/** "list", "show", ...; of a status "ready", ... */
const char *store_control_verb_name(store_control_verb_e verb);
const char *store_control_status_name(store_control_status_e status);

/** @return the verb or status; their _COUNT when @a name is none */
store_control_verb_e store_control_verb_find(const char *name);
store_control_status_e store_control_status_find(const char *name);

/** What is said of the messages, at least: LIST may be of all, SHOW and CAT
 *  want ids, who changes something wants a criterion or is_all, FLUSH wants a
 *  domain and no more, TURN wants names and a client.
 *  @return NULL, or what is wrong */
const char *store_control_request_check(const store_control_request_t *r);

/**
 * Reads and checks a line, in place (store_control_parse()): @a request has
 * pointers into it.
 * @param p        for a domain in its one form
 * @param request  out: all zero on failure
 * @return NULL, or what is wrong
 */
const char *store_control_request_parse(apr_pool_t *p, char *line,
                                        apr_size_t len,
                                        store_control_request_t *request);

/** Writes it as a line. */
void store_control_request_write(store_control_out_t *out,
                                 const store_control_request_t *request);

/** Whether the message fits what is said of the message itself: all but
 *  recipients (and ids, by which messages are looked up). */
int store_control_select_message(const store_control_select_t *select,
                                 const char *reverse_path,
                                 apr_time_t arrived,
                                 store_control_status_e status,
                                 apr_time_t now);

/** Whether something is said of recipients. */
int store_control_select_has_recipient(const store_control_select_t *select);

/** Whether a recipient fits what is said of recipients.
 *  @param p  cleared by the caller now and then */
int store_control_select_recipient(const store_control_select_t *select,
                                   apr_pool_t *p, const char *address);

#endif
