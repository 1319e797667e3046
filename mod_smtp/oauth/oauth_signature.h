/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_signature.h
 * Signatures and MACs of JWS (RFC 7518 3, RFC 8037 3.1). Pure: any thread.
 */
#ifndef OAUTH_SIGNATURE_H
#define OAUTH_SIGNATURE_H

#include <apr_pools.h>

#include "oauth_key.h"

/**
 * Whether @a signature over @a text was made with @a key and its algorithm.
 * Leaves OpenSSL's queue of errors empty.
 * @return 1 or 0
 */
int oauth_signature_is_good(const oauth_key_t *key, const char *text,
                            apr_size_t text_len,
                            const unsigned char *signature,
                            apr_size_t signature_len);

#endif
