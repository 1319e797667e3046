/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file scram_password.h
 * Where a password comes from: the terminal, standard input.
 */
#ifndef SCRAM_PASSWORD_H
#define SCRAM_PASSWORD_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Asks at the terminal, without echo, and once more with @a is_new.
 *  @return APR_SUCCESS; APR_ENAMETOOLONG; APR_EMISMATCH when the two differ;
 *          another when there is nobody to ask */
apr_status_t scram_password_ask(apr_pool_t *p, int is_new,
                                const char **password);

/** The first line of standard input, without its end.
 *  @return APR_SUCCESS; APR_EOF when there is none; APR_EINVAL when it has an
 *          octet of zero */
apr_status_t scram_password_read(apr_pool_t *p, const char **password);

#endif
