/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_keyring.h
 * Key files, read again when one of them changes: an issuer that changes its
 * keys needs no restart of httpd. A fault in a changed file keeps the keys
 * that were in it before.
 */
#ifndef OAUTH_KEYRING_H
#define OAUTH_KEYRING_H

#include <apr_pools.h>
#include <apr_time.h>

#include "oauth_keys.h"

/** How often files are looked at, and how long one must have rested: lest its
 *  first half be taken for the whole. */
#define OAUTH_KEYRING_REST apr_time_from_sec(1)

/** Octets of a file. */
#define OAUTH_KEYRING_FILE_MAX (1024 * 1024)

typedef struct oauth_keyring_t oauth_keyring_t;

/** What happened when files were looked at, for the log. */
typedef struct oauth_keyring_news_t {
    int is_read;                 /**< a file has changed; keys are new */
    const char *fault;           /**< NULL, or what is wrong with a file that
                                      has changed, in the caller's pool: its
                                      old keys stay in force */
} oauth_keyring_news_t;

/** An empty one, while the configuration is read. NULL: no memory or mutex. */
oauth_keyring_t *oauth_keyring_create(apr_pool_t *p);

/**
 * Adds a file and reads it, while the configuration is read.
 * @param p     as long as the keyring
 * @param spec  kind:[algorithm:]path, kind one of jwks, pem, secret; a secret's
 *              file must not be readable or writable by all
 * @param root  gives the absolute path of one that may be relative, in @a p;
 *              NULL if it cannot
 * @return NULL, or a message that names trouble and remedy
 */
const char *oauth_keyring_add(oauth_keyring_t *ring, apr_pool_t *p,
                              const char *spec,
                              char *(*root)(apr_pool_t *p, const char *path));

/**
 * The keys as they are now; they stay until oauth_keyring_release(). Any
 * thread; one of them reads the files when it is time.
 * @param p    for the news
 */
const oauth_keys_t *oauth_keyring_acquire(oauth_keyring_t *ring,
                                          apr_pool_t *p, apr_time_t now,
                                          oauth_keyring_news_t *news);

/** Lets go of keys. Any thread. */
void oauth_keyring_release(oauth_keyring_t *ring, const oauth_keys_t *keys);

#endif
