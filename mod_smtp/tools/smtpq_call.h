/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_call.h
 * smtpq's command line: what is asked for, of which messages. Pure.
 */
#ifndef SMTPQ_CALL_H
#define SMTPQ_CALL_H

#include <apr_getopt.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "store_control_request.h"

typedef struct smtpq_call_t {
    /** But for ids: there may be more than one request takes. */
    store_control_request_t request;
    apr_array_header_t *ids;     /**< const char * */
    const char *spool;           /**< --spool, or NULL */
    unsigned int is_json : 1;
    unsigned int is_sure : 1;    /**< --yes */
    unsigned int wants_help : 1;
    unsigned int wants_version : 1;
} smtpq_call_t;

/** What there is, for the help. */
extern const apr_getopt_option_t smtpq_call_options[];

/**
 * Reads the command line.
 * @param call  out
 * @return NULL, or what is wrong, in @a p; "" when @a opt has said it by its
 *         errfn
 */
const char *smtpq_call_parse(apr_pool_t *p, apr_getopt_t *opt,
                             smtpq_call_t *call);

/** "90s", "15m", "1h", "2d", "1w"; a number alone is of seconds.
 *  @return whether it is an age of a second at least */
int smtpq_call_age_parse(const char *s, apr_int64_t *sec);

#endif
