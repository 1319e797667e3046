/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

/** An octet string of somebody else's. */
typedef struct octets_t {
    const unsigned char *at;
    apr_size_t len;
} octets_t;

static int hmac_is_good(const oauth_key_t *key, octets_t text,
                        octets_t signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t mac_len;

    /* The length is no secret; what is compared must not tell where it
     * differs. */
    return EVP_Q_mac(NULL, "HMAC", NULL, key->algorithm->digest, NULL,
                     key->secret, key->secret_len, text.at, text.len,
                     mac, sizeof(mac), &mac_len) != NULL
           && mac_len == signature.len
           && CRYPTO_memcmp(mac, signature.at, mac_len) == 0;
}

/** RFC 7518 3.5: MGF1 with the same digest, a salt as long as it. */
static int pss_set(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST)
              == 1;
}

static int digest_is_good(const oauth_key_t *key, octets_t text,
                          octets_t signature)
{
    const oauth_algorithm_t *algorithm = key->algorithm;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key = NULL;
    int is_good = ctx != NULL
        && EVP_DigestVerifyInit_ex(ctx, &of_key, algorithm->digest, NULL,
                                   NULL, key->pkey, NULL) == 1
        && (algorithm->kind != OAUTH_ALGORITHM_PSS || pss_set(of_key))
        && EVP_DigestVerify(ctx, signature.at, signature.len, text.at,
                            text.len) == 1;

    EVP_MD_CTX_free(ctx);
    return is_good;
}

/** The signature in DER, as OpenSSL wants it; to be freed by OPENSSL_free().
 *  NULL when memory is short. */
static unsigned char *der_write(octets_t raw, int *der_len)
{
    int half = (int)(raw.len / 2);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.at, half, NULL);
    BIGNUM *s = BN_bin2bn(raw.at + half, half, NULL);
    unsigned char *der = NULL;

    if (pair == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return NULL;
    }
    *der_len = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    return *der_len > 0 ? der : NULL;
}

/** RFC 7518 3.4: r and s, each of the full length, one behind the other. */
static int ecdsa_is_good(const oauth_key_t *key, octets_t text,
                         octets_t signature)
{
    unsigned char *der;
    octets_t in_der;
    int der_len = 0, is_good;

    if (signature.len != 2 * (apr_size_t)key->algorithm->half_octets) {
        return 0;
    }
    der = der_write(signature, &der_len);
    in_der.at = der;
    in_der.len = (apr_size_t)der_len;
    is_good = der != NULL && digest_is_good(key, text, in_der);
    OPENSSL_free(der);
    return is_good;
}

int oauth_signature_is_good(const oauth_key_t *key, const char *text,
                            apr_size_t text_len,
                            const unsigned char *signature,
                            apr_size_t signature_len)
{
    static int (*const is_good[])(const oauth_key_t *, octets_t, octets_t) = {
        [OAUTH_ALGORITHM_HMAC] = hmac_is_good,
        [OAUTH_ALGORITHM_PKCS1] = digest_is_good,
        [OAUTH_ALGORITHM_PSS] = digest_is_good,
        [OAUTH_ALGORITHM_ECDSA] = ecdsa_is_good,
        [OAUTH_ALGORITHM_EDDSA] = digest_is_good
    };
    octets_t of_text = { (const unsigned char *)text, text_len };
    octets_t of_signature = { signature, signature_len };
    int result;

    ERR_clear_error();
    result = is_good[key->algorithm->kind](key, of_text, of_signature);
    ERR_clear_error();
    return result;
}
