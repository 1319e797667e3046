/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_OCTETS 1024

void spool_log(const spool_log_t *log, spool_log_level_e level,
               apr_status_t rv, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->write(log->ctx, level, rv, line);
}
