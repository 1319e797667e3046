/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Signatures by keys that are made here, one for each algorithm. */
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "oauth_signature.h"

#define TEXT "header.payload"

/* Octets of the largest signature: RSA, 2048 bits. */
#define ROOM 256

typedef struct kind_t {
    const char *name;            /* of the algorithm */
    const char *key;             /* as EVP_PKEY_Q_keygen() calls it */
    const char *curve;
} kind_t;

static const kind_t kinds[] = {
    { "RS256", "RSA", NULL }, { "RS384", "RSA", NULL },
    { "RS512", "RSA", NULL }, { "PS256", "RSA", NULL },
    { "PS384", "RSA", NULL }, { "PS512", "RSA", NULL },
    { "ES256", "EC", "P-256" }, { "ES384", "EC", "P-384" },
    { "ES512", "EC", "P-521" },
    { "EdDSA", "ED25519", NULL }, { "EdDSA", "ED448", NULL }
};

typedef struct signed_t {
    oauth_key_t key;
    unsigned char octets[ROOM];
    size_t len;
} signed_t;

static apr_status_t pkey_free(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

/** One of two RSA keys, which are made once: that takes its time. */
static EVP_PKEY *rsa_get(int which)
{
    static EVP_PKEY *keys[2];

    if (!keys[which]) {
        keys[which] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    }
    EVP_PKEY_up_ref(keys[which]);
    return keys[which];
}

/** @param which  0 or 1: another one */
static EVP_PKEY *pkey_make(apr_pool_t *p, const kind_t *kind, int which)
{
    EVP_PKEY *pkey = kind->curve
        ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->curve)
        : !strcmp(kind->key, "RSA") ? rsa_get(which)
        : EVP_PKEY_Q_keygen(NULL, NULL, kind->key);

    UNIT_CHECK(kind->name, pkey);
    apr_pool_cleanup_register(p, pkey, pkey_free, apr_pool_cleanup_null);
    return pkey;
}

/** Signs TEXT; with ECDSA in DER. @param salt of PSS */
static size_t sign(const oauth_key_t *key, int salt, unsigned char *octets)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key;
    size_t len = ROOM;

    assert_int_equal(EVP_DigestSignInit_ex(ctx, &of_key,
                                           key->algorithm->digest, NULL,
                                           NULL, key->pkey, NULL), 1);
    if (key->algorithm->kind == OAUTH_ALGORITHM_PSS) {
        EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, salt);
    }
    assert_int_equal(EVP_DigestSign(ctx, octets, &len,
                                    (const unsigned char *)TEXT,
                                    strlen(TEXT)), 1);
    EVP_MD_CTX_free(ctx);
    return len;
}

/** r and s at their full length (RFC 7518 3.4). */
static void raw_write(const oauth_key_t *key, signed_t *made)
{
    const unsigned char *der = made->octets;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)made->len);
    int half = (int)key->algorithm->half_octets;

    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), made->octets, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), made->octets + half, half);
    made->len = 2 * (size_t)half;
    ECDSA_SIG_free(pair);
}

static signed_t make(apr_pool_t *p, const kind_t *kind, int which)
{
    signed_t made = { { NULL, oauth_algorithm_find(kind->name),
                        pkey_make(p, kind, which), NULL, 0 }, { 0 }, 0 };

    made.len = sign(&made.key, RSA_PSS_SALTLEN_DIGEST, made.octets);
    if (kind->curve) {
        raw_write(&made.key, &made);
    }
    return made;
}

static int is_good(apr_pool_t *p, const oauth_key_t *key, const char *text,
                   const unsigned char *octets, size_t len)
{
    int good = oauth_signature_is_good(key, unit_string(p, text),
                                       strlen(text),
                                       (unsigned char *)unit_octets(p, octets,
                                                                    len),
                                       len);

    assert_int_equal(ERR_peek_error(), 0);
    return good;
}

static void each_algorithm_takes_what_its_key_signed(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        signed_t made = make(*state, &kinds[i], 0);

        UNIT_CHECK(kinds[i].name, is_good(*state, &made.key, TEXT,
                                          made.octets, made.len));
        UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, TEXT "x",
                                           made.octets, made.len));
        UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, "",
                                           made.octets, made.len));
        made.octets[made.len / 2] ^= 0x40;
        UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, TEXT,
                                           made.octets, made.len));
    }
}

/** Zeros, which some libraries took (CVE-2022-21449), ones, and each length. */
static void a_made_up_signature_is_refused(void **state)
{
    size_t i, len;

    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        signed_t made = make(*state, &kinds[i], 0);
        unsigned char fake[ROOM];
        int fill;

        for (len = 0; len < made.len; len++) {
            UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, TEXT,
                                               made.octets, len));
        }
        for (fill = 0; fill <= 0xFF; fill += 0xFF) {
            memset(fake, fill, sizeof(fake));
            UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, TEXT, fake,
                                               made.len));
        }
    }
}

/** RFC 7518 3.4: DER is not the form. */
static void an_ecdsa_signature_in_der_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        signed_t made;

        if (!kinds[i].curve) {
            continue;
        }
        made = make(*state, &kinds[i], 0);
        made.len = sign(&made.key, 0, made.octets);
        UNIT_CHECK(kinds[i].name, !is_good(*state, &made.key, TEXT,
                                           made.octets, made.len));
    }
}

/** One RSA key, but what it is bound to decides. */
static void rsa_paddings_do_not_stand_for_each_other(void **state)
{
    signed_t pkcs1 = make(*state, &kinds[0], 0);
    oauth_key_t pss = pkcs1.key;
    unsigned char octets[ROOM];

    pss.algorithm = oauth_algorithm_find("PS256");
    assert_false(is_good(*state, &pss, TEXT, pkcs1.octets, pkcs1.len));
    sign(&pss, RSA_PSS_SALTLEN_DIGEST, octets);
    assert_true(is_good(*state, &pss, TEXT, octets, ROOM));
    assert_false(is_good(*state, &pkcs1.key, TEXT, octets, ROOM));
    /* RFC 7518 3.5: the salt is as long as the digest. */
    sign(&pss, 0, octets);
    assert_false(is_good(*state, &pss, TEXT, octets, ROOM));
    sign(&pss, 20, octets);
    assert_false(is_good(*state, &pss, TEXT, octets, ROOM));
    pss.algorithm = oauth_algorithm_find("PS384");
    sign(&pss, RSA_PSS_SALTLEN_DIGEST, octets);
    pss.algorithm = oauth_algorithm_find("PS256");
    assert_false(is_good(*state, &pss, TEXT, octets, ROOM));
}

static void one_key_does_not_stand_for_another(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(kinds); i++) {
        signed_t one = make(*state, &kinds[i], 0);
        signed_t other = make(*state, &kinds[i], 1);

        UNIT_CHECK(kinds[i].name, !is_good(*state, &other.key, TEXT,
                                           one.octets, one.len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_algorithm_takes_what_its_key_signed),
        UNIT_TEST(a_made_up_signature_is_refused),
        UNIT_TEST(an_ecdsa_signature_in_der_is_refused),
        UNIT_TEST(rsa_paddings_do_not_stand_for_each_other),
        UNIT_TEST(one_key_does_not_stand_for_another)
    };

    return UNIT_RUN(tests);
}
