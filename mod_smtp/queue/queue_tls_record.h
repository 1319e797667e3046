/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_tls_record.h
 * Who wants reports about TLS to a domain: the TXT record of _smtp._tls.DOMAIN
 * (RFC 8460 3). Whoever owns the domain writes it. Pure: any thread.
 */
#ifndef QUEUE_TLS_RECORD_H
#define QUEUE_TLS_RECORD_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "smtp_dns_answer.h"

/** Those who are told at most; further ones are not. */
#define QUEUE_TLS_RECORD_MAX 5

typedef struct queue_tls_rua_t {
    const char *mailbox;         /**< mailto: without brackets; else NULL */
    const char *url;             /**< https:; else NULL */
} queue_tls_rua_t;

/** Reads one record: "v=TLSRPTv1; rua=mailto:tls@example.com". What is no
 *  mailto: or https: is left out.
 *  @return queue_tls_rua_t, in @a p; NULL: it is none of these records */
apr_array_header_t *queue_tls_record_parse(apr_pool_t *p, const char *text,
                                           apr_size_t len);

/** The same of an answer of DNS; of two records none counts. Never NULL. */
apr_array_header_t *queue_tls_record_find(apr_pool_t *p,
                                          const smtp_dns_answer_t *answer);

#endif
