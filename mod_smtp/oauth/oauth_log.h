/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_log.h
 * Log lines of mod_smtp_oauth: numbers SM3001 to SM3999. Tokens and secrets
 * are in none of them.
 */
#ifndef OAUTH_LOG_H
#define OAUTH_LOG_H

#include <httpd.h>
#include <http_log.h>

/** The number of a log line. */
#define OAUTH_LOGNO(n) "SM" #n ": "

#endif
