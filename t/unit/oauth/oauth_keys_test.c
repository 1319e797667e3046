/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Key files: JWK Sets, PEM, secrets. */
#include "unit.h"

#include <apr_strings.h>
#include <openssl/pem.h>

#include "oauth_keys.h"

/* RFC 7515 A.3, RFC 8037 A.2 */
#define X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y
#define ED "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
/* RFC 8037 A.1, for key agreement (RFC 8037 3.2) */
#define X25519 "\"kty\":\"OKP\",\"crv\":\"X25519\"," \
    "\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\""
/* RFC 7517 A.1 */
#define RSA2048 "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"0vx7agoebGcQSuuPiLJXZp" \
    "tN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJEC" \
    "PebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4" \
    "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5h" \
    "ajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-" \
    "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\""
/* 512 bits */
#define RSA512 "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNi" \
    "uSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzPw\""

typedef struct jwk_row_t {
    const char *jwk;
    const char *algorithm;       /* NULL: skipped */
    const char *fault;           /* part of why */
} jwk_row_t;

static const jwk_row_t jwks[] = {
    { "{" EC "}", "ES256", NULL },
    { "{" EC ",\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"1\"}", "ES256",
      NULL },
    { "{" EC ",\"key_ops\":[\"verify\"]}", "ES256", NULL },
    { "{" EC ",\"unknown\":{}}", "ES256", NULL },
    { "{" ED "}", "EdDSA", NULL },
    { "{" RSA2048 "}", "RS256", NULL },
    { "{" RSA2048 ",\"alg\":\"PS512\"}", "PS512", NULL },
    { "{" RSA2048 ",\"alg\":\"RS384\"}", "RS384", NULL },

    /* bound to something else */
    { "{" RSA2048 ",\"alg\":\"HS256\"}", NULL, "fit" },
    { "{" RSA2048 ",\"alg\":\"ES256\"}", NULL, "fit" },
    { "{" EC ",\"alg\":\"ES384\"}", NULL, "fit" },
    { "{" EC ",\"alg\":\"EdDSA\"}", NULL, "fit" },
    { "{" ED ",\"alg\":\"ES256\"}", NULL, "fit" },
    { "{" EC ",\"alg\":\"none\"}", NULL, "algorithm" },
    { "{" EC ",\"alg\":7}", NULL, "algorithm" },
    { "{" RSA2048 ",\"alg\":\"RSA-OAEP\"}", NULL, "algorithm" },
    { "{" EC ",\"use\":\"enc\"}", NULL, "signatures" },
    { "{" EC ",\"use\":1}", NULL, "signatures" },
    { "{" EC ",\"key_ops\":[\"sign\"]}", NULL, "signatures" },
    { "{" EC ",\"key_ops\":\"verify\"}", NULL, "signatures" },
    { "{" X25519 "}", NULL, "kind" },

    /* not public */
    { "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKOb"
      "wVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}", NULL,
      "secret" },
    { "{" EC ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}", NULL,
      "private" },

    /* broken */
    { "{}", NULL, "kty" },
    { "{\"kty\":7}", NULL, "kty" },
    { "{\"kty\":\"ec\"}", NULL, "kind" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}", NULL, "kind" },
    { "{\"kty\":\"EC\"," X "," Y "}", NULL, "kind" },
    { "{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y "}", NULL, "kind" },
    { "{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X "," Y "}", NULL, "kind" },
    /* not on the curve */
    { "{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659L"
      "NpXW6pCyStikYjKIWI5a1\"}", NULL, "kind" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"AAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAAAAAAAAAAAAAAAAA\"}", NULL, "kind" },
    /* RFC 7518 6.2.1.2: of full length */
    { "{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"AQ\"}", NULL, "kind" },
    { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", NULL, "kind" },
    { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}", NULL, "kind" },
    { "{" RSA512 "}", NULL, "2048" },
    { "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", NULL, "kind" },
    { "{\"kty\":\"RSA\",\"n\":\"AQ==\",\"e\":\"AQAB\"}", NULL, "kind" },
    { "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQABAQABAQAB\"}", NULL, "kind" },
    { "7", NULL, "kty" },
    { "null", NULL, "kty" }
};

static const char *add(oauth_keys_t *keys, oauth_keys_add_t *how,
                       const oauth_algorithm_t *algorithm, const char *text)
{
    return how(keys, algorithm, unit_string(keys->pool, text), strlen(text));
}

static void a_key_is_bound_to_one_algorithm(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(jwks); i++) {
        const jwk_row_t *row = &jwks[i];
        const char *set = apr_pstrcat(*state, "{\"keys\":[", row->jwk, "]}",
                                      NULL);
        const char *fault;
        oauth_keys_t keys;

        oauth_keys_init(&keys, *state);
        fault = add(&keys, oauth_keys_add_jwks, NULL, set);
        UNIT_CHECK(row->jwk, !fault == (row->algorithm != NULL));
        UNIT_CHECK(row->jwk, !fault || strstr(fault, row->fault));
        UNIT_CHECK(row->jwk, keys.list->nelts == !fault);
        UNIT_CHECK(row->jwk, keys.skipped == (fault != NULL));
        UNIT_CHECK(row->jwk, fault
                   || !strcmp(APR_ARRAY_IDX(keys.list, 0, oauth_key_t *)
                              ->algorithm->name, row->algorithm));
    }
}

/** RFC 7517 5: what is not understood is ignored. */
static void one_strange_key_does_not_lose_the_others(void **state)
{
    oauth_keys_t keys;

    oauth_keys_init(&keys, *state);
    assert_null(add(&keys, oauth_keys_add_jwks, NULL,
                    "{\"keys\":[{\"kty\":\"new\"},{" EC ",\"kid\":\"a\"},{},{"
                    ED ",\"kid\":\"b\"}],\"more\":1}"));
    assert_int_equal(keys.list->nelts, 2);
    assert_int_equal(keys.skipped, 2);
    assert_string_equal(keys.skipped_why, "key 3 has no \"kty\"");
    assert_string_equal(APR_ARRAY_IDX(keys.list, 1, oauth_key_t *)->kid, "b");
}

static void what_is_no_jwk_set_is_refused(void **state)
{
    static const char *const sets[] = {
        "", "{}", "[]", "{\"keys\":[]}", "{\"keys\":{}}",
        "{\"keys\":[{" EC "}],\"keys\":[]}", "{\"keys\":[{" EC "}]", "{" EC "}"
    };
    oauth_keys_t keys;
    size_t i;

    oauth_keys_init(&keys, *state);
    for (i = 0; i < UNIT_ROWS(sets); i++) {
        UNIT_CHECK(sets[i], add(&keys, oauth_keys_add_jwks, NULL, sets[i]));
    }
    assert_non_null(add(&keys, oauth_keys_add_jwks,
                        oauth_algorithm_find("ES256"),
                        "{\"keys\":[{" EC "}]}"));
    assert_int_equal(keys.list->nelts, 0);
}

static void a_set_has_an_end(void **state)
{
    const char *set = "{\"keys\":[{" ED "},{" ED "},{" ED "},{" ED "}]}";
    oauth_keys_t keys;
    int i;

    oauth_keys_init(&keys, *state);
    for (i = 0; i < OAUTH_KEYS_MAX / 4; i++) {
        assert_null(add(&keys, oauth_keys_add_jwks, NULL, set));
    }
    assert_string_equal(add(&keys, oauth_keys_add_jwks, NULL, set),
                        "there are more than 256 keys");
}

/* ---- PEM ---- */

static char *bio_text(apr_pool_t *p, BIO *bio)
{
    char *octets;
    long len = BIO_get_mem_data(bio, &octets);
    char *text = apr_pstrmemdup(p, octets, (apr_size_t)len);

    BIO_free(bio);
    return text;
}

/** A new key in PEM. @param is_private  1: the private key */
static char *pem_make(apr_pool_t *p, const char *curve, int is_private)
{
    EVP_PKEY *pkey = curve ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve)
                           : EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
                                               (size_t)2048);
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(is_private
                     ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0,
                                                NULL, NULL)
                     : PEM_write_bio_PUBKEY(bio, pkey), 1);
    EVP_PKEY_free(pkey);
    return bio_text(p, bio);
}

static void pem_brings_public_keys_and_nothing_else(void **state)
{
    char *ec = pem_make(*state, "P-384", 0), *rsa = pem_make(*state, NULL, 0);
    const oauth_algorithm_t *ps256 = oauth_algorithm_find("PS256");
    oauth_keys_t keys;

    oauth_keys_init(&keys, *state);
    assert_null(add(&keys, oauth_keys_add_pem, NULL,
                    apr_pstrcat(*state, "a comment\n", ec, rsa, NULL)));
    assert_int_equal(keys.list->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(keys.list, 0, oauth_key_t *)
                        ->algorithm->name, "ES384");
    assert_string_equal(APR_ARRAY_IDX(keys.list, 1, oauth_key_t *)
                        ->algorithm->name, "RS256");
    assert_null(add(&keys, oauth_keys_add_pem, ps256, rsa));
    assert_ptr_equal(APR_ARRAY_IDX(keys.list, 2, oauth_key_t *)->algorithm,
                     ps256);
    assert_non_null(add(&keys, oauth_keys_add_pem, ps256, ec));
    assert_non_null(add(&keys, oauth_keys_add_pem,
                        oauth_algorithm_find("HS256"), rsa));
}

static void what_is_no_pem_of_public_keys_is_refused(void **state)
{
    char *ec = pem_make(*state, "P-256", 0);
    const char *texts[] = {
        "", "x", "-----BEGIN PUBLIC KEY-----\n", NULL, NULL, NULL, NULL,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"
    };
    oauth_keys_t keys;
    size_t i;

    texts[3] = pem_make(*state, "P-256", 1);
    texts[4] = pem_make(*state, "secp256k1", 0);
    texts[5] = apr_pstrcat(*state, ec, "-----BEGIN PUBLIC KEY-----\n", NULL);
    texts[6] = apr_pstrcat(*state, ec, texts[3], NULL);
    oauth_keys_init(&keys, *state);
    for (i = 0; i < UNIT_ROWS(texts); i++) {
        UNIT_CHECK(texts[i], add(&keys, oauth_keys_add_pem, NULL, texts[i]));
    }
}

/* ---- Secrets ---- */

static void a_secret_is_as_long_as_its_digest(void **state)
{
    static const struct {
        const char *algorithm;
        size_t least;
    } rows[] = { { "HS256", 32 }, { "HS384", 48 }, { "HS512", 64 } };
    char secret[66];
    oauth_keys_t keys;
    size_t i;

    oauth_keys_init(&keys, *state);
    memset(secret, 's', sizeof(secret));
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const oauth_algorithm_t *algorithm =
            oauth_algorithm_find(rows[i].algorithm);
        const oauth_key_t *key;

        UNIT_CHECK(rows[i].algorithm,
                   oauth_keys_add_secret(&keys, algorithm, secret,
                                         rows[i].least - 1));
        UNIT_CHECK(rows[i].algorithm,
                   !oauth_keys_add_secret(&keys, algorithm, secret,
                                          rows[i].least));
        key = APR_ARRAY_IDX(keys.list, (int)i, oauth_key_t *);
        UNIT_CHECK(rows[i].algorithm, key->algorithm == algorithm
                   && key->secret_len == rows[i].least && !key->pkey);
    }
    assert_non_null(oauth_keys_add_secret(&keys,
                                          oauth_algorithm_find("RS256"),
                                          secret, 64));
}

static void an_end_of_line_is_no_part_of_a_secret(void **state)
{
    static const char *const ends[] = { "", "\n", "\r\n" };
    oauth_keys_t keys;
    size_t i;

    oauth_keys_init(&keys, *state);
    for (i = 0; i < UNIT_ROWS(ends); i++) {
        char *text = apr_pstrcat(*state, "0123456789abcdef0123456789abcdef",
                                 ends[i], NULL);

        assert_null(add(&keys, oauth_keys_add_secret, NULL, text));
        assert_int_equal(APR_ARRAY_IDX(keys.list, (int)i, oauth_key_t *)
                         ->secret_len, 32);
    }
    assert_non_null(add(&keys, oauth_keys_add_secret, NULL,
                        "0123456789abcdef0123456789abcde\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_key_is_bound_to_one_algorithm),
        UNIT_TEST(one_strange_key_does_not_lose_the_others),
        UNIT_TEST(what_is_no_jwk_set_is_refused),
        UNIT_TEST(a_set_has_an_end),
        UNIT_TEST(pem_brings_public_keys_and_nothing_else),
        UNIT_TEST(what_is_no_pem_of_public_keys_is_refused),
        UNIT_TEST(a_secret_is_as_long_as_its_digest),
        UNIT_TEST(an_end_of_line_is_no_part_of_a_secret)
    };

    return UNIT_RUN(tests);
}
