/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_log.h
 * How the parts of the spool that know nothing of httpd log: through a
 * function that mod_smtp_spool.c gives them. Numbers are SM2001 to SM2999.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <apr_errno.h>

/** The number of a log line. */
#define STORE_LOGNO(n) "SM" #n ": "

/** Levels; the numbers are httpd's. */
typedef enum {
    STORE_LOG_ERR = 3,
    STORE_LOG_WARNING = 4,
    STORE_LOG_NOTICE = 5,
    STORE_LOG_INFO = 6,
    STORE_LOG_DEBUG = 7
} store_log_level_e;

/** Where lines go. Any thread. */
typedef struct store_log_t {
    void (*write)(void *ctx, store_log_level_e level, apr_status_t rv,
                  const char *line);
    void *ctx;
} store_log_t;

/** Writes a line; @a rv is APR_SUCCESS where no error belongs to it. Nothing
 *  from a peer goes in unescaped. */
void store_log(const store_log_t *log, store_log_level_e level,
               apr_status_t rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
