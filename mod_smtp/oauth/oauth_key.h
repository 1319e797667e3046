/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_key.h
 * One key that checks signatures, out of a JWK (RFC 7517, RFC 7518 6,
 * RFC 8037 2), a PEM block or a file with a secret. Each key is bound to
 * exactly one algorithm (RFC 8725 3.1), so that what a token says of its
 * algorithm can select a key but never change how it is used: a public key
 * never serves as the secret of an HMAC. Pure: any thread.
 */
#ifndef OAUTH_KEY_H
#define OAUTH_KEY_H

#include <apr_pools.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "oauth_algorithm.h"

/** RSA keys (RFC 7518 3.3 asks for the least); beyond the most a signature
 *  costs more than a login is worth. */
#define OAUTH_KEY_RSA_MIN_BITS 2048
#define OAUTH_KEY_RSA_MAX_BITS 8192

typedef struct oauth_key_t {
    const char *kid;             /**< its name; NULL: none */
    const oauth_algorithm_t *algorithm;
    EVP_PKEY *pkey;              /**< public; NULL with HMAC */
    const unsigned char *secret; /**< HMAC; else NULL */
    apr_size_t secret_len;
} oauth_key_t;

/**
 * Makes a key of a JWK. It is bound to its "alg"; without one RSA is bound to
 * RS256, EC and OKP to the algorithm of their curve.
 * @param key  out: in @a p, as is all that it holds; NULL on failure
 * @return NULL, or why it is not taken: among others a secret ("oct"), which
 *         is never taken from a set of public keys; a private key; one that
 *         is for encryption; an RSA key that is too small
 */
const char *oauth_key_of_jwk(apr_pool_t *p, const json_t *jwk,
                             oauth_key_t **key);

/**
 * Makes a key of the content of a PEM block.
 * @param kind       what stands behind BEGIN: "PUBLIC KEY" or "CERTIFICATE";
 *                   of a certificate nothing but its key is looked at
 * @param algorithm  NULL: as with a JWK without "alg"
 */
const char *oauth_key_of_der(apr_pool_t *p, const char *kind,
                             const oauth_algorithm_t *algorithm,
                             const unsigned char *der, long der_len,
                             oauth_key_t **key);

/** Makes a key of a secret. @param algorithm  NULL: HS256. A secret must be as
 *  long as the digest at least (RFC 7518 3.2). */
const char *oauth_key_of_secret(apr_pool_t *p,
                                const oauth_algorithm_t *algorithm,
                                const unsigned char *secret, apr_size_t len,
                                oauth_key_t **key);

#endif
