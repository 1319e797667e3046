/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_date.h
 * date-time (RFC 5322 3.3, obsolete forms of 4.3 when reading).
 * Pure: any thread; the time and its zone are passed in.
 */
#ifndef SMTP_DATE_H
#define SMTP_DATE_H

#include <apr_errno.h>
#include <apr_time.h>

/** "Mon, 23 Nov 2026 09:50:00 +0000" and NUL. */
#define SMTP_DATE_BUFFER_OCTETS 40

/** Writes @a t in the zone @a offset_sec east of Greenwich (a whole number
 *  of minutes within 24 h). Returns octets without NUL. */
apr_size_t smtp_date_write(char buffer[SMTP_DATE_BUFFER_OCTETS],
                           apr_time_t t, int offset_sec);

/** Reads a date-time with comments, folding, two- and three-digit years and
 *  named zones. @return APR_SUCCESS or APR_EINVAL (*t is 0 then) */
apr_status_t smtp_date_parse(const char *s, apr_size_t len, apr_time_t *t,
                             int *offset_sec);

#endif
