/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_secret.h
 * Files with a password of ours. While the configuration is read.
 */
#ifndef OAUTH_SECRET_H
#define OAUTH_SECRET_H

#include <apr_pools.h>

/** Octets of a secret. */
#define OAUTH_SECRET_MAX 1024

/**
 * Reads the secret in the first and only line of the file @a path, which must
 * not be readable or writable by all.
 * @param secret  out: in @a p, wiped when that is destroyed; NULL on failure
 * @return NULL, or a static text with trouble and remedy, without the secret
 */
const char *oauth_secret_read(apr_pool_t *p, const char *path,
                              const char **secret);

#endif
