/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tls_json.h
 * A report about TLS to one domain in one day as octets: JSON (RFC 8460 4.4),
 * gzip, and the mail that carries it (5.3). Pure: any thread; time and what
 * makes it unique are passed in.
 */
#ifndef QUEUE_TLS_JSON_H
#define QUEUE_TLS_JSON_H

#include "queue_tls_count.h"

#define QUEUE_TLS_JSON_TYPE "application/tlsrpt+gzip"

/** Who reports about what. */
typedef struct queue_tls_about_t {
    const char *organization;    /**< name of our host */
    const char *contact;         /**< a mailbox */
    apr_int64_t day;
    const char *id;              /**< of the report: unique */
} queue_tls_about_t;

/** The report as JSON text, in @a p. */
const char *queue_tls_json_write(apr_pool_t *p,
                                 const queue_tls_domain_t *domain,
                                 const queue_tls_about_t *about);

/** @a octets by gzip (RFC 1952), in @a p; NULL: no memory. */
const char *queue_tls_gzip(apr_pool_t *p, const char *octets, apr_size_t len,
                           apr_size_t *gzip_len);

/**
 * The mail with the report, header and all, in lines that end in CRLF. It says
 * TLS-Required: No (RFC 8689 5): it is about TLS that fails.
 * @param now  Date
 * @param to   a mailbox
 */
const char *queue_tls_mail_write(apr_pool_t *p,
                                 const queue_tls_domain_t *domain,
                                 const queue_tls_about_t *about,
                                 apr_time_t now, const char *to,
                                 const char *gzip, apr_size_t gzip_len);

#endif
