/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_status.h
 * Enhanced mail system status codes (RFC 3463, registry of RFC 5248).
 * Pure: any thread.
 */
#ifndef SMTP_STATUS_H
#define SMTP_STATUS_H

#include <apr.h>

/** class.subject.detail; klass 0 means "none". */
typedef struct smtp_status_t {
    unsigned short klass;        /**< 2, 4 or 5 */
    unsigned short subject;      /**< 0 to 999 */
    unsigned short detail;       /**< 0 to 999 */
} smtp_status_t;

/** Octets that smtp_status_write() needs at most, NUL included. */
#define SMTP_STATUS_BUFFER_OCTETS 12

/** Reads the code at the start of @a s: three numbers without leading zeros,
 *  followed by a space or the end.
 *  @return octets read, or 0 when there is none (*status is all zero) */
apr_size_t smtp_status_parse(const char *s, apr_size_t len,
                             smtp_status_t *status);

/** Writes "5.1.1" and NUL; "" for none. Returns octets without NUL. */
apr_size_t smtp_status_write(char buffer[SMTP_STATUS_BUFFER_OCTETS],
                             smtp_status_t status);

/** The code that goes with reply code @a reply_code when nobody said more:
 *  250 -> 2.0.0, 451 -> 4.3.0, 501 -> 5.5.4 and so on. */
smtp_status_t smtp_status_of_reply(int reply_code);

/** A sentence for the code as registered ("Bad destination mailbox
 *  address"), "Other undefined status" if not registered. */
const char *smtp_status_text(smtp_status_t status);

#endif
