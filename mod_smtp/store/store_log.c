/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_OCTETS 1024

void store_log(const store_log_t *log, store_log_level_e level,
               apr_status_t rv, const char *format, ...)
{
    char line[LINE_OCTETS];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->write(log->ctx, level, rv, line);
}
