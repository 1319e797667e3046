/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include "oauth_jws.h"

/* RFC 7515 A.3, RFC 8037 A.2 */
#define KEYS "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF" \
    "1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpX" \
    "W6pCyStikYjKIWI5a0\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11" \
    "qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"ed\"}]}"
#define SECRET "a secret that has no less than 32 octets"

/* What those keys have signed, as far as the world knows. */
static const char *const known[] = {
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogIm"
    "h0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
};

static oauth_keys_t keys;

/** LeakSanitizer does not see what only a pool knows. */
static void keys_free(void)
{
    apr_pool_destroy(keys.pool);
}

static const oauth_keys_t *keys_get(void)
{
    if (keys.pool == NULL) {
        apr_pool_t *pool;

        apr_pool_create(&pool, NULL);
        atexit(keys_free);
        oauth_keys_init(&keys, pool);
        FUZZ_CHECK(!oauth_keys_add_jwks(&keys, NULL, KEYS, strlen(KEYS)));
        FUZZ_CHECK(!oauth_keys_add_secret(&keys, NULL, SECRET,
                                          strlen(SECRET)));
    }
    return &keys;
}

static int is_known(const oauth_jws_t *jws)
{
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i]) == jws->input_len
            && memcmp(known[i], jws->input, jws->input_len) == 0) {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const oauth_keys_t *given = keys_get();
    const char *token = (const char *)data;
    oauth_jws_t jws;

    if (oauth_jws_parse(p, token, size, &jws) != NULL) {
        return 0;
    }
    FUZZ_CHECK(size <= OAUTH_JWS_MAX_OCTETS);
    FUZZ_CHECK(jws.algorithm != NULL && jws.input == token);
    FUZZ_CHECK(jws.input_len < size && token[jws.input_len] == '.');
    FUZZ_CHECK(jws.payload != NULL && jws.signature != NULL);
    /* Nobody forges a signature. */
    FUZZ_CHECK(oauth_jws_verify(&jws, given) != NULL || is_known(&jws));
    return 0;
}
