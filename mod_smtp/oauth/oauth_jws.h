/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_jws.h
 * JSON Web Signatures in compact form (RFC 7515 3.1, 7.1), with what RFC 8725
 * asks of who takes them. Pure: any thread.
 *
 * Faults are static texts that continue "the token was refused: ".
 */
#ifndef OAUTH_JWS_H
#define OAUTH_JWS_H

#include <apr_pools.h>

#include "oauth_keys.h"

/** Octets of a token. AUTH's lines (RFC 4954 4) have room for some more. */
#define OAUTH_JWS_MAX_OCTETS 8192

/** Keys that a token may be tried with, when several could have made it. */
#define OAUTH_JWS_MAX_TRIES 8

typedef struct oauth_jws_t {
    const oauth_algorithm_t *algorithm;
    const char *kid;             /**< which key; NULL: it does not say */
    const char *input;           /**< what is signed, within the token */
    apr_size_t input_len;
    const unsigned char *payload;
    apr_size_t payload_len;
    const unsigned char *signature;
    apr_size_t signature_len;
} oauth_jws_t;

/**
 * Takes a token apart. Nothing of it is to be believed before
 * oauth_jws_verify().
 *
 * Refused are: other than three parts of strict base64url; a header that is no
 * JSON object or has a name twice; "alg" that is "none" or unknown; "crit"
 * (RFC 7515 4.1.11: no extension is understood here); a "typ" other than JWT
 * or at+jwt (RFC 8725 3.11, RFC 9068 2.1); a "cty", as only nested tokens have
 * (RFC 7519 5.2). What the header says of keys (jku, jwk, x5u, x5c) is not
 * looked at (RFC 8725 3.10).
 * @return NULL, or a fault
 */
const char *oauth_jws_parse(apr_pool_t *p, const char *token, apr_size_t len,
                            oauth_jws_t *jws);

/**
 * Checks the signature by the keys of that algorithm and, where both sides
 * name one, that kid.
 * @return NULL, or a fault
 */
const char *oauth_jws_verify(const oauth_jws_t *jws,
                             const oauth_keys_t *keys);

#endif
