/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_saslprep.h
 * SASLprep (RFC 4013): the one form of a login or a password, whatever
 * keyboard it was typed on. By libidn: its tables of Unicode 3.2 are those
 * that RFC 3454 names. No I/O: any thread.
 */
#ifndef SMTP_SASLPREP_H
#define SMTP_SASLPREP_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Octets of a login or a password, before and after; RFC 4616 2 has 255 for
 *  PLAIN. */
#define SMTP_SASLPREP_MAX_OCTETS 255

typedef enum {
    SMTP_SASLPREP_QUERY,         /**< compared with what is stored */
    SMTP_SASLPREP_STORED         /**< RFC 3454 7: no unassigned code points,
                                      which could mean another thing later */
} smtp_saslprep_use_e;

/**
 * @param s         octets that should be UTF-8
 * @param prepared  out: in @a p, wiped when the pool goes; NULL on failure.
 *                  "" where nothing is left of @a s: that is for the caller
 *                  to judge
 * @param fault     out: NULL, or what is wrong as the rest of a sentence
 *                  ("is not UTF-8"), a constant
 * @return APR_SUCCESS; APR_ENAMETOOLONG; APR_EINVAL when it is no such string
 *         for another reason; APR_ENOMEM
 */
apr_status_t smtp_saslprep_create(apr_pool_t *p, const char *s,
                                  smtp_saslprep_use_e use,
                                  const char **prepared, const char **fault);

#endif
