/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_log.h
 * How the parts of the spool that know nothing of httpd log: through a
 * function that mod_smtp_spool.c gives them. Numbers are SM2001 to SM2999.
 */
#ifndef SPOOL_LOG_H
#define SPOOL_LOG_H

#include <apr_errno.h>

/** The number of a log line. */
#define SPOOL_LOGNO(n) "SM" #n ": "

/** Levels; the numbers are httpd's. */
typedef enum {
    SPOOL_LOG_ERR = 3,
    SPOOL_LOG_WARNING = 4,
    SPOOL_LOG_NOTICE = 5,
    SPOOL_LOG_INFO = 6,
    SPOOL_LOG_DEBUG = 7
} spool_log_level_e;

/** Where lines go. Any thread. */
typedef struct spool_log_t {
    void (*write)(void *ctx, spool_log_level_e level, apr_status_t rv,
                  const char *line);
    void *ctx;
} spool_log_t;

/** Writes a line; @a rv is APR_SUCCESS where no error belongs to it. Nothing
 *  from a peer goes in unescaped. */
void spool_log(const spool_log_t *log, spool_log_level_e level,
               apr_status_t rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
