/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_answer.h
 * What an introspection end point says of a token (RFC 7662 2.2). Pure: any
 * thread.
 */
#ifndef OAUTH_ANSWER_H
#define OAUTH_ANSWER_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <jansson.h>

/** Octets of an answer; more are not read. */
#define OAUTH_ANSWER_MAX_OCTETS (64 * 1024)

/** An HTTP response. */
typedef struct oauth_answer_t {
    int status;                  /**< three digits */
    const char *type;            /**< Content-Type; NULL: none */
    const char *octets;
    apr_size_t len;
} oauth_answer_t;

/**
 * Reads an answer.
 * @param claims  out: of an active token, as long as @a p; else NULL
 * @param fault   out: a static text when it is not APR_SUCCESS
 * @return APR_SUCCESS: the token is active, its claims are to be checked;
 *         APR_EACCES: it is not; APR_EGENERAL: this is no answer to our
 *         question, and says nothing of the token
 */
apr_status_t oauth_answer_parse(apr_pool_t *p, const oauth_answer_t *answer,
                                const json_t **claims, const char **fault);

#endif
