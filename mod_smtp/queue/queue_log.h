/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_log.h
 * One line for each recipient of each attempt, in a format that the
 * administrator chooses (SMTPQueueLogFormat), to a file, a pipe or httpd's
 * error log; and the numbers of this module's lines in the error log, SM4001
 * to SM4999.
 */
#ifndef QUEUE_LOG_H
#define QUEUE_LOG_H

#include "queue_connection.h"

/** The number of a line in the error log. */
#define QUEUE_LOGNO(n) "SM" #n ": "

/** What a line may tell. Strings may hold anything. */
typedef struct queue_log_entry_t {
    const char *id;
    const queue_vhost_t *vhost;
    const char *reverse_path;
    const char *forward_path;
    const char *destination;     /**< its key */
    const queue_peer_t *peer;    /**< NULL: no connection was made */
    const smtp_outcome_t *outcome;
    unsigned int attempt;        /**< 1: the first */
    apr_off_t size_octets;
    apr_time_t arrived;          /**< MAIL command */
    apr_time_t queued;           /**< commit; arrived to here: "before queue" */
    apr_time_t taken;            /**< off the queue; here to the next: */
    apr_time_t connected;        /**< ready for mail; 0 if it was kept open */
    apr_time_t over;
    apr_time_t next;             /**< next attempt; 0: none */
} queue_log_entry_t;

typedef struct queue_log_t queue_log_t;

/**
 * Checks a format: %{name} for each item that the manual lists, %t (the time,
 * as CustomLog has it), %%, and \n \r \t \" \\.
 * @return NULL, or what is wrong and what there is, in @a p
 */
const char *queue_log_format_check(apr_pool_t *p, const char *format);

/**
 * In the parent, as root where it is root: opens file or pipe ("|program").
 * A failure is logged.
 * @param file    NULL: httpd's error log at level info, in a fixed form
 * @param format  NULL: the default
 * @param log     out; lives as long as @a p; NULL on failure
 */
apr_status_t queue_log_open(apr_pool_t *p, server_rec *s, const char *file,
                            const char *format, queue_log_t **log);

/** Writes a line, by one write(). Whatever came from a peer is escaped: no
 *  value but %{text} has a blank, none a double quote or a control. */
void queue_log_write(queue_log_t *log, const queue_log_entry_t *entry);

#endif
