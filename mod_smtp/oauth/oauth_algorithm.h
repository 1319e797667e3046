/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_algorithm.h
 * The algorithms of JSON Web Signatures (RFC 7518 3.1, RFC 8037 3.1) that are
 * taken. "none" is not among them. Pure: any thread.
 */
#ifndef OAUTH_ALGORITHM_H
#define OAUTH_ALGORITHM_H

typedef enum {
    OAUTH_ALGORITHM_HMAC,        /**< RFC 7518 3.2 */
    OAUTH_ALGORITHM_PKCS1,       /**< RSASSA-PKCS1-v1_5, RFC 7518 3.3 */
    OAUTH_ALGORITHM_PSS,         /**< RSASSA-PSS, RFC 7518 3.5 */
    OAUTH_ALGORITHM_ECDSA,       /**< RFC 7518 3.4 */
    OAUTH_ALGORITHM_EDDSA        /**< RFC 8037 3.1 */
} oauth_algorithm_kind_e;

typedef struct oauth_algorithm_t {
    const char *name;            /**< the value of "alg" */
    oauth_algorithm_kind_e kind;
    const char *digest;          /**< OpenSSL's name; NULL with EdDSA */
    const char *curve;           /**< ECDSA: the JWK's "crv"; else NULL */
    unsigned int half_octets;    /**< ECDSA: octets of r and of s; else 0 */
} oauth_algorithm_t;

/** The algorithm called @a name, letters as they are; NULL when it is none of
 *  ours. Static: two that are equal are the same pointer. */
const oauth_algorithm_t *oauth_algorithm_find(const char *name);

/** The algorithm of ECDSA on the curve that a JWK calls @a crv; NULL. */
const oauth_algorithm_t *oauth_algorithm_of_curve(const char *crv);

#endif
