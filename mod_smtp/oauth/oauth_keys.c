/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_keys.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "oauth_json.h"

void oauth_keys_init(oauth_keys_t *keys, apr_pool_t *p)
{
    memset(keys, 0, sizeof(*keys));
    keys->pool = p;
    keys->list = apr_array_make(p, 8, sizeof(oauth_key_t *));
}

static const char *key_add(oauth_keys_t *keys, oauth_key_t *key)
{
    if (keys->list->nelts >= OAUTH_KEYS_MAX) {
        return apr_psprintf(keys->pool, "there are more than %d keys",
                            OAUTH_KEYS_MAX);
    }
    APR_ARRAY_PUSH(keys->list, oauth_key_t *) = key;
    return NULL;
}

const char *oauth_keys_add_jwks(oauth_keys_t *keys,
                                const oauth_algorithm_t *algorithm,
                                const char *octets, apr_size_t len)
{
    const json_t *set = oauth_json_parse(keys->pool, octets, len);
    const json_t *list = json_object_get(set, "keys");
    const char *fault = NULL;
    oauth_key_t *key;
    size_t i;
    int before = keys->list->nelts;

    if (algorithm != NULL) {
        return "a JWK Set says itself what its keys are for; take the "
               "algorithm away";
    }
    if (!json_is_array(list)) {
        return "is no JWK Set: a JSON object with an array \"keys\", without "
               "a name that stands twice (RFC 7517 5)";
    }
    for (i = 0; i < json_array_size(list) && fault == NULL; i++) {
        const char *why = oauth_key_of_jwk(keys->pool,
                                           json_array_get(list, i), &key);

        if (why == NULL) {
            fault = key_add(keys, key);
            continue;
        }
        keys->skipped++;
        keys->skipped_why = apr_psprintf(keys->pool, "key %d %s", (int)i + 1,
                                         why);
    }
    if (fault != NULL || keys->list->nelts > before) {
        return fault;
    }
    return i == 0 ? "has no key"
                  : apr_psprintf(keys->pool, "has no key that can be used: %s",
                                 keys->skipped_why);
}

/** Adds the PEM blocks of @a bio. */
static const char *pem_blocks_add(oauth_keys_t *keys,
                                  const oauth_algorithm_t *algorithm,
                                  BIO *bio)
{
    const char *fault = NULL;
    unsigned char *der = NULL;
    char *kind = NULL, *header = NULL;
    long der_len;
    int count = 0;

    while (fault == NULL
           && PEM_read_bio(bio, &kind, &header, &der, &der_len) == 1) {
        oauth_key_t *key;

        count++;
        fault = oauth_key_of_der(keys->pool, kind, algorithm, der, der_len,
                                 &key);
        fault = fault == NULL ? key_add(keys, key)
            : apr_psprintf(keys->pool, "PEM block %d %s", count, fault);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)der_len);
    }
    if (fault == NULL && ERR_GET_REASON(ERR_peek_last_error())
                         != PEM_R_NO_START_LINE) {
        fault = "is not all PEM";
    }
    return fault == NULL && count == 0
        ? "has no PEM block, neither PUBLIC KEY nor CERTIFICATE" : fault;
}

const char *oauth_keys_add_pem(oauth_keys_t *keys,
                               const oauth_algorithm_t *algorithm,
                               const char *octets, apr_size_t len)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(octets, (int)len) : NULL;
    const char *fault = "cannot be read";

    ERR_clear_error();
    if (bio != NULL) {
        fault = pem_blocks_add(keys, algorithm, bio);
    }
    BIO_free(bio);
    ERR_clear_error();
    return fault;
}

const char *oauth_keys_add_secret(oauth_keys_t *keys,
                                  const oauth_algorithm_t *algorithm,
                                  const char *octets, apr_size_t len)
{
    oauth_key_t *key;
    const char *fault;

    if (len > 0 && octets[len - 1] == '\n') {
        len--;
        len -= len > 0 && octets[len - 1] == '\r';
    }
    fault = oauth_key_of_secret(keys->pool, algorithm,
                                (const unsigned char *)octets, len, &key);
    return fault == NULL ? key_add(keys, key) : fault;
}
