/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_keys.h
 * Sets of keys, and the files in which they come: JWK Sets (RFC 7517 5), PEM,
 * secrets. Octets in, keys out. A set that is complete is not changed: any
 * thread.
 */
#ifndef OAUTH_KEYS_H
#define OAUTH_KEYS_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "oauth_key.h"

/** Keys in a set, all files taken together. */
#define OAUTH_KEYS_MAX 256

typedef struct oauth_keys_t {
    apr_pool_t *pool;            /**< of the set and its keys */
    apr_array_header_t *list;    /**< of oauth_key_t * */
    int skipped;                 /**< keys of JWK Sets that are not taken */
    const char *skipped_why;     /**< the last of them: its place and why */
} oauth_keys_t;

/** Makes @a keys an empty set, with what it will hold in @a p. */
void oauth_keys_init(oauth_keys_t *keys, apr_pool_t *p);

/**
 * Adds the keys of a file's octets.
 * @param algorithm  that the keys are for; NULL: see oauth_key.h
 * @return NULL, or what is wrong with it, in @a keys' pool
 */
typedef const char *oauth_keys_add_t(oauth_keys_t *keys,
                                     const oauth_algorithm_t *algorithm,
                                     const char *octets, apr_size_t len);

/** A JWK Set. Keys that are not taken are skipped and counted, as RFC 7517 5
 *  asks for; one at least must be left. @a algorithm must be NULL: each JWK
 *  speaks for itself. */
oauth_keys_add_t oauth_keys_add_jwks;

/** PEM: public keys and certificates, one at least, nothing else. */
oauth_keys_add_t oauth_keys_add_pem;

/** A secret: the octets of the file, but for an end of line. */
oauth_keys_add_t oauth_keys_add_secret;

#endif
