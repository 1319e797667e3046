/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tls_report.h
 * TLS-RPT (RFC 8460): counts how TLS fares with each domain, and tells those
 * domains once a day that want to know. Counts are kept in SPOOL/queue/tlsrpt,
 * a file for each day (UTC) that is appended to, and written anew when most of
 * it counts no more; it goes when reports of the day are over. What is counted
 * since the last time is lost when the process is killed. One thread: the
 * loop's.
 */
#ifndef QUEUE_TLS_REPORT_H
#define QUEUE_TLS_REPORT_H

#include "queue_network.h"
#include "queue_tls_count.h"

/** Counts go to the file so often. */
#define QUEUE_TLS_REPORT_SAVE   apr_time_from_sec(300)
/** Octets that a file may have beyond twice what it would have if it were
 *  written anew. */
#define QUEUE_TLS_REPORT_SLACK  (1024 * 1024)
/** Reports of a day are sent within so long after its end, each domain's at a
 *  time of its own (RFC 8460 4.1). */
#define QUEUE_TLS_REPORT_SPREAD apr_time_from_sec(4 * 3600)
/** What could not be delivered is tried again, so often (5.5). */
#define QUEUE_TLS_REPORT_AGAIN  apr_time_from_sec(3600)
#define QUEUE_TLS_REPORT_TRIES  24
/** Reports on their way at once. */
#define QUEUE_TLS_REPORT_JOBS   4
/** Days whose reports are still sent; what is older is forgotten. */
#define QUEUE_TLS_REPORT_DAYS   3

typedef struct queue_tls_report_t queue_tls_report_t;

typedef struct queue_tls_report_conf_t {
    const char *queue_dir;       /**< SPOOL/queue */
    server_rec *s;               /**< in whose name reports are sent */
    const char *organization;    /**< its name */
    const char *contact;         /**< a mailbox: From */
    const char *ca_file;         /**< as queue_conf_t's tls_ca_file */
    int loopback_is_foreign;     /**< as queue_conf_t has it */
} queue_tls_report_conf_t;

/** @param conf  copied; strings are kept */
apr_status_t queue_tls_report_create(apr_pool_t *p, queue_network_t *network,
                                     const queue_tls_report_conf_t *conf,
                                     queue_tls_report_t **report);

/** Counts a session. NULL does no harm. */
void queue_tls_report_count(queue_tls_report_t *report,
                            const queue_tls_session_t *session);

#endif
