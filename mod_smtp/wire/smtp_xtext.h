/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_xtext.h
 * xtext (RFC 3461 4) and utf-8-addr-xtext, utf-8-addr-unitext (RFC 6533 3).
 * Pure: any thread.
 */
#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Whether @a s is well-formed xtext: xchars and "+HH" with upper-case
 *  hexadecimal digits. */
int smtp_xtext_is(const char *s, apr_size_t len);

/** Decodes into @a p. *out ends in NUL; a decoded NUL, CR or LF is refused.
 *  @return APR_SUCCESS or APR_EINVAL (*out is NULL then) */
apr_status_t smtp_xtext_parse(apr_pool_t *p, const char *s, apr_size_t len,
                              const char **out);

/** Encodes any octets. */
char *smtp_xtext_write(apr_pool_t *p, const char *s, apr_size_t len);

/** Decodes RFC 6533 3 utf-8 addresses with \x{HEX}; result is UTF-8, and
 *  holds neither NUL, CR nor LF. Raw UTF-8 is taken too
 *  (utf-8-addr-unitext).
 *  @return APR_SUCCESS or APR_EINVAL (*out is NULL then) */
apr_status_t smtp_xtext_parse_utf8(apr_pool_t *p, const char *s,
                                   apr_size_t len, const char **out);

/** Encodes UTF-8 as utf-8-addr-xtext (ASCII only, \x{HEX}). NULL when @a s
 *  is not UTF-8. */
char *smtp_xtext_write_utf8(apr_pool_t *p, const char *s, apr_size_t len);

#endif
