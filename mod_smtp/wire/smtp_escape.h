/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_escape.h
 * Octets of a peer on their way into a reply or a header field, where UTF-8
 * may be allowed (RFC 6531 3.7.4, RFC 6532). For logs, which stay in ASCII,
 * there is smtp_chars_escape(). Pure: any thread.
 */
#ifndef SMTP_ESCAPE_H
#define SMTP_ESCAPE_H

#include <apr_pools.h>

/** Octets of a token at most: \\xHH, or a character of UTF-8. */
#define SMTP_ESCAPE_TOKEN_OCTETS 4

/**
 * The next character of @a s, safe: %d32-126 and, with @a utf8, a
 * well-formed sequence above that stand for themselves; each other octet
 * becomes \\xHH. No line may be broken within a token.
 * @param len        octets at @a s, not 0
 * @param token      gets @a *token_len octets, without NUL
 * @return octets of @a s taken, at least 1
 */
apr_size_t smtp_escape_next(const char *s, apr_size_t len, int utf8,
                            char token[SMTP_ESCAPE_TOKEN_OCTETS],
                            apr_size_t *token_len);

/** All of @a len octets so, in @a p, NUL at the end. */
char *smtp_escape_write(apr_pool_t *p, const char *s, apr_size_t len,
                        int utf8);

#endif
