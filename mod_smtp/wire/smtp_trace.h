/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_trace.h
 * Trace header fields (RFC 5321 4.4, RFC 3848, RFC 6531 4.3).
 * Pure: any thread.
 */
#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include <apr_pools.h>
#include <apr_time.h>

/** What a Received field says. Strings from a peer are given raw: the writer
 *  escapes them. NULL: left out. */
typedef struct smtp_trace_t {
    const char *helo;            /**< argument of EHLO or HELO */
    const char *client_name;     /**< verified host name, or NULL */
    const char *client_ip;       /**< IPv4 or IPv6 text; IPv6 gets its tag */
    const char *server_name;     /**< by */
    const char *id;              /**< queue id */
    const char *recipient;       /**< for: only when there is one recipient */
    const char *tls_version;     /**< "TLSv1.3"; NULL: no TLS */
    const char *tls_cipher;
    unsigned int esmtp : 1;      /**< EHLO was used */
    unsigned int auth : 1;       /**< the client was authenticated */
    unsigned int lmtp : 1;
    unsigned int smtputf8 : 1;   /**< MAIL had SMTPUTF8 */
    apr_time_t time;
    int offset_sec;              /**< local zone, seconds east */
} smtp_trace_t;

/** "ESMTPSA", "UTF8SMTPS", "LMTP", ...: the registered transmission type. */
const char *smtp_trace_with(const smtp_trace_t *trace);

/** The Received field, folded, ending in CRLF; no line over 78 octets
 *  unless a single word is longer. */
char *smtp_trace_write_received(apr_pool_t *p, const smtp_trace_t *trace);

/** "Return-Path: <text>" CRLF; @a reverse_path is smtp_address_t.text. */
char *smtp_trace_write_return_path(apr_pool_t *p, const char *reverse_path);

/** "Delivered-To: text" CRLF. */
char *smtp_trace_write_delivered_to(apr_pool_t *p, const char *mailbox);

#endif
