/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_mime.h
 * Text beyond ASCII for mail that may pass servers without 8BITMIME and
 * SMTPUTF8: quoted-printable (RFC 2045 6.7), encoded-words (RFC 2047). Pure:
 * any thread.
 */
#ifndef SMTP_MIME_H
#define SMTP_MIME_H

#include <apr_pools.h>

/** Lines of @a text, which end in CRLF, as quoted-printable in @a p: printable
 *  ASCII in lines of 76 octets at most, NUL at the end. */
char *smtp_mime_write_quoted(apr_pool_t *p, const char *text);

/**
 * The body of a field in @a p: @a text itself if it is printable ASCII and
 * cannot be taken for something encoded, else encoded-words of UTF-8, of 75
 * octets at most, with blanks between them. Octets that are no UTF-8 become
 * \\xHH first.
 */
char *smtp_mime_write_words(apr_pool_t *p, const char *text);

#endif
