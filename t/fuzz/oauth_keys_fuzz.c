/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <openssl/err.h>

#include "oauth_keys.h"
#include "oauth_signature.h"

/** What holds for each key that is taken. */
static void check_key(const oauth_key_t *key)
{
    static const unsigned char signature[132];
    int is_secret = key->algorithm->kind == OAUTH_ALGORITHM_HMAC;

    FUZZ_CHECK((key->pkey == NULL) == is_secret);
    FUZZ_CHECK((key->secret != NULL) == is_secret);
    FUZZ_CHECK(!is_secret || key->secret_len >= 32);
    /* Whatever key: nothing is signed by zeros. */
    FUZZ_CHECK(!oauth_signature_is_good(key, "text", 4, signature,
                                        2 * key->algorithm->half_octets));
}

static void check(const char *octets, size_t len, oauth_keys_add_t *add,
                  int is_of_secrets)
{
    oauth_keys_t keys;
    const char *fault;
    int i;

    oauth_keys_init(&keys, fuzz_pool());
    fault = add(&keys, NULL, octets, len);
    FUZZ_CHECK(ERR_peek_error() == 0);
    FUZZ_CHECK(fault != NULL || keys.list->nelts > 0);
    FUZZ_CHECK(keys.list->nelts <= OAUTH_KEYS_MAX);
    FUZZ_CHECK((keys.skipped == 0) == (keys.skipped_why == NULL));
    for (i = 0; i < keys.list->nelts; i++) {
        const oauth_key_t *key = APR_ARRAY_IDX(keys.list, i, oauth_key_t *);

        FUZZ_CHECK((key->secret != NULL) == is_of_secrets);
        check_key(key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *octets = (const char *)data;

    check(octets, size, oauth_keys_add_jwks, 0);
    check(octets, size, oauth_keys_add_pem, 0);
    check(octets, size, oauth_keys_add_secret, 1);
    return 0;
}
