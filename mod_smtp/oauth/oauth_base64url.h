/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_base64url.h
 * base64url without padding, as JOSE writes octets (RFC 7515 2 and C).
 * Pure: any thread.
 */
#ifndef OAUTH_BASE64URL_H
#define OAUTH_BASE64URL_H

#include <apr_errno.h>
#include <apr_pools.h>

/**
 * Reads base64url strictly: its alphabet alone, no padding, no white space, no
 * stray bits. What is lax here gives one signed token several texts.
 * @param octets      out: in @a p, with a NUL behind them; NULL on failure
 * @param octets_len  out: may be 0
 * @return APR_SUCCESS or APR_EINVAL
 */
apr_status_t oauth_base64url_parse(apr_pool_t *p, const char *s,
                                   apr_size_t len,
                                   const unsigned char **octets,
                                   apr_size_t *octets_len);

#endif
