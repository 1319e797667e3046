/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_text.h
 * Values as people read them at a terminal. Nothing that came from a peer
 * reaches it unescaped. Pure but for the locale (LC_CTYPE), which says
 * what can be shown.
 */
#ifndef SMTPQ_TEXT_H
#define SMTPQ_TEXT_H

#include <apr_pools.h>
#include <apr_time.h>

/** Whether the locale's characters are UTF-8. */
int smtpq_text_is_utf8(void);

/**
 * A copy that is safe to print: what is printable ASCII, and with @a utf8 a
 * character that takes up room of its own, stands for itself; each other octet
 * becomes \\xHH. The backslash stays: much that comes here is escaped already.
 */
const char *smtpq_text_escape(apr_pool_t *p, const char *s, int utf8);

/** The same for JSON, which escapes by itself: an octet that is no UTF-8
 *  becomes \\xHH, all else stands for itself. */
const char *smtpq_text_utf8(apr_pool_t *p, const char *s);

/** Columns that an escaped string takes. */
int smtpq_text_columns(const char *s, int utf8);

/** An escaped string in so many columns at most (1 and up); a sign at its end
 *  says that something was cut. @a s itself if it fits. */
const char *smtpq_text_cut(apr_pool_t *p, const char *s, int columns,
                           int utf8);

/** "59s", "12m", "5h", "30d": rounded down, up to 4 columns; "-" for less than
 *  none. */
const char *smtpq_text_interval(apr_pool_t *p, apr_interval_time_t interval);

/** "512", "4.0K", "12M": 4 columns at most, powers of 1024. */
const char *smtpq_text_size(apr_pool_t *p, apr_int64_t octets);

/** "2026-11-23 10:00:00 +0100", of this zone; "-" for 0. */
const char *smtpq_text_time(apr_pool_t *p, apr_time_t time);

/** "2026-11-23T09:00:00Z" (RFC 3339). */
const char *smtpq_text_time_utc(apr_pool_t *p, apr_time_t time);

#endif
