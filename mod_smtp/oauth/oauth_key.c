/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_key.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "oauth_base64url.h"
#include "oauth_json.h"

/* The widest number in a key: an RSA modulus. */
#define NUMBER_MAX_OCTETS (OAUTH_KEY_RSA_MAX_BITS / 8)
/* 0x04, x, y. */
#define POINT_MAX_OCTETS  (1 + 2 * 66)

/* ---- What a key is for ---- */

/** The algorithm to which @a pkey is bound when nobody names one; NULL when
 *  none of ours uses such a key. */
static const oauth_algorithm_t *algorithm_of_pkey(const EVP_PKEY *pkey)
{
    static const struct {
        const char *curve;       /* OpenSSL's name */
        const char *crv;
    } curves[] = {
        { "prime256v1", "P-256" },
        { "secp384r1",  "P-384" },
        { "secp521r1",  "P-521" }
    };
    char name[32];
    size_t i, len;

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        return oauth_algorithm_find("RS256");
    }
    if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448")) {
        return oauth_algorithm_find("EdDSA");
    }
    if (EVP_PKEY_is_a(pkey, "EC")
        && EVP_PKEY_get_group_name(pkey, name, sizeof(name), &len) == 1) {
        for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
            if (strcmp(curves[i].curve, name) == 0) {
                return oauth_algorithm_of_curve(curves[i].crv);
            }
        }
    }
    return NULL;
}

static int is_rsa(const oauth_algorithm_t *algorithm)
{
    return algorithm->kind == OAUTH_ALGORITHM_PKCS1
           || algorithm->kind == OAUTH_ALGORITHM_PSS;
}

/** Binds the key to @a wanted, or to its own algorithm when that is NULL. */
static const char *key_bind(oauth_key_t *key, const oauth_algorithm_t *wanted)
{
    const oauth_algorithm_t *own = algorithm_of_pkey(key->pkey);
    int bits = EVP_PKEY_get_bits(key->pkey);

    if (own == NULL) {
        return "is of a kind or curve that is not supported";
    }
    if (wanted != NULL && wanted != own
        && !(is_rsa(wanted) && is_rsa(own))) {
        return "does not fit its algorithm";
    }
    if (is_rsa(own) && (bits < OAUTH_KEY_RSA_MIN_BITS
                        || bits > OAUTH_KEY_RSA_MAX_BITS)) {
        return "is an RSA key of less than 2048 or more than 8192 bits";
    }
    key->algorithm = wanted != NULL ? wanted : own;
    return NULL;
}

static apr_status_t pkey_free(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

/** Puts @a pkey, which goes with @a p from now on, into a key. */
static oauth_key_t *key_create(apr_pool_t *p, EVP_PKEY *pkey)
{
    oauth_key_t *key = apr_pcalloc(p, sizeof(*key));

    key->pkey = pkey;
    if (pkey != NULL) {
        apr_pool_cleanup_register(p, pkey, pkey_free, apr_pool_cleanup_null);
    }
    return key;
}

/* ---- JWK ---- */

/** Reads the octets of member @a name. @return 0 when there are none, or more
 *  than @a max */
static int member_parse(apr_pool_t *p, const json_t *jwk, const char *name,
                        apr_size_t max, const unsigned char **octets,
                        apr_size_t *len)
{
    const char *text = oauth_json_string(jwk, name);

    return text != NULL
           && oauth_base64url_parse(p, text, strlen(text), octets, len)
              == APR_SUCCESS
           && *len > 0 && *len <= max;
}

static EVP_PKEY *pkey_create(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/** RFC 7518 6.3.1. */
static EVP_PKEY *rsa_parse(apr_pool_t *p, const json_t *jwk)
{
    const unsigned char *n, *e;
    apr_size_t n_len, e_len;
    OSSL_PARAM_BLD *builder;
    OSSL_PARAM *params = NULL;
    BIGNUM *modulus, *exponent;
    EVP_PKEY *pkey;

    /* An exponent of more than 64 bits only makes checking slow. */
    if (!member_parse(p, jwk, "n", NUMBER_MAX_OCTETS, &n, &n_len)
        || !member_parse(p, jwk, "e", 8, &e, &e_len)) {
        return NULL;
    }
    builder = OSSL_PARAM_BLD_new();
    modulus = BN_bin2bn(n, (int)n_len, NULL);
    exponent = BN_bin2bn(e, (int)e_len, NULL);
    if (builder != NULL && modulus != NULL && exponent != NULL
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        params = OSSL_PARAM_BLD_to_param(builder);
    }
    pkey = pkey_create("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return pkey;
}

/** RFC 7518 6.2.1: x and y have the full length of the curve. That the point
 *  lies on the curve is looked at by OpenSSL. */
static EVP_PKEY *ec_parse(apr_pool_t *p, const json_t *jwk)
{
    const char *crv = oauth_json_string(jwk, "crv");
    const oauth_algorithm_t *algorithm =
        crv == NULL ? NULL : oauth_algorithm_of_curve(crv);
    const unsigned char *x, *y;
    apr_size_t x_len, y_len, half;
    unsigned char point[POINT_MAX_OCTETS] = { 0x04 };
    OSSL_PARAM params[3];

    if (algorithm == NULL) {
        return NULL;
    }
    half = algorithm->half_octets;
    if (!member_parse(p, jwk, "x", half, &x, &x_len) || x_len != half
        || !member_parse(p, jwk, "y", half, &y, &y_len) || y_len != half) {
        return NULL;
    }
    memcpy(point + 1, x, half);
    memcpy(point + 1 + half, y, half);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *)crv, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, 1 + 2 * half);
    params[2] = OSSL_PARAM_construct_end();
    return pkey_create("EC", params);
}

/** RFC 8037 2. */
static EVP_PKEY *okp_parse(apr_pool_t *p, const json_t *jwk)
{
    const char *crv = oauth_json_string(jwk, "crv");
    const unsigned char *x;
    apr_size_t x_len;

    if (crv == NULL
        || (strcmp(crv, "Ed25519") != 0 && strcmp(crv, "Ed448") != 0)
        || !member_parse(p, jwk, "x", 57, &x, &x_len)) {
        return NULL;
    }
    return EVP_PKEY_new_raw_public_key_ex(NULL, crv, NULL, x, x_len);
}

/** Whether "key_ops" allows to check signatures (RFC 7517 4.3). */
static int is_for_verify(const json_t *jwk)
{
    const json_t *operations = json_object_get(jwk, "key_ops");

    return operations == NULL || (json_is_array(operations)
                                  && oauth_json_has_string(operations,
                                                           "verify"));
}

/** Why the JWK is none for us whatever its numbers are, or NULL. */
static const char *jwk_fault(const json_t *jwk)
{
    const char *kty = oauth_json_string(jwk, "kty");
    const char *use = oauth_json_string(jwk, "use");

    if (kty == NULL) {
        return "has no \"kty\"";
    }
    if (strcmp(kty, "oct") == 0) {
        return "is a secret, which does not belong among public keys; "
               "put it into a file of its own";
    }
    if (json_object_get(jwk, "d") != NULL) {
        return "is a private key, which does not belong here; give the "
               "public one";
    }
    if ((json_object_get(jwk, "use") != NULL
         && (use == NULL || strcmp(use, "sig") != 0))
        || !is_for_verify(jwk)) {
        return "is not for checking signatures";
    }
    return NULL;
}

/** The algorithm in "alg" (RFC 7517 4.4); NULL without one. */
static const char *jwk_algorithm(const json_t *jwk,
                                 const oauth_algorithm_t **algorithm)
{
    const char *name = oauth_json_string(jwk, "alg");

    *algorithm = name == NULL ? NULL : oauth_algorithm_find(name);
    return *algorithm == NULL && json_object_get(jwk, "alg") != NULL
        ? "is for an algorithm that is not supported" : NULL;
}

static EVP_PKEY *jwk_parse(apr_pool_t *p, const json_t *jwk)
{
    static const struct {
        const char *kty;
        EVP_PKEY *(*parse)(apr_pool_t *p, const json_t *jwk);
    } kinds[] = {
        { "RSA", rsa_parse }, { "EC", ec_parse }, { "OKP", okp_parse }
    };
    const char *kty = oauth_json_string(jwk, "kty");
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kty, kty) == 0) {
            return kinds[i].parse(p, jwk);
        }
    }
    return NULL;
}

const char *oauth_key_of_jwk(apr_pool_t *p, const json_t *jwk,
                             oauth_key_t **key)
{
    const char *fault = jwk_fault(jwk), *kid = oauth_json_string(jwk, "kid");
    const oauth_algorithm_t *algorithm;
    EVP_PKEY *pkey;

    *key = NULL;
    fault = fault != NULL ? fault : jwk_algorithm(jwk, &algorithm);
    if (fault != NULL) {
        return fault;
    }
    pkey = jwk_parse(p, jwk);
    ERR_clear_error();
    if (pkey == NULL) {
        return "is no public key of a kind that is supported: RSA, EC with "
               "P-256, P-384 or P-521, OKP with Ed25519 or Ed448";
    }
    *key = key_create(p, pkey);
    (*key)->kid = apr_pstrdup(p, kid);
    fault = key_bind(*key, algorithm);
    *key = fault == NULL ? *key : NULL;
    return fault;
}

/* ---- PEM and secrets ---- */

static EVP_PKEY *certificate_parse(const unsigned char *der, long der_len)
{
    X509 *certificate = d2i_X509(NULL, &der, der_len);
    EVP_PKEY *pkey = certificate == NULL ? NULL
                                         : X509_get_pubkey(certificate);

    X509_free(certificate);
    return pkey;
}

const char *oauth_key_of_der(apr_pool_t *p, const char *kind,
                             const oauth_algorithm_t *algorithm,
                             const unsigned char *der, long der_len,
                             oauth_key_t **key)
{
    EVP_PKEY *pkey;
    const char *fault;

    *key = NULL;
    if (strcmp(kind, "PUBLIC KEY") == 0) {
        pkey = d2i_PUBKEY(NULL, &der, der_len);
    }
    else if (strcmp(kind, "CERTIFICATE") == 0) {
        pkey = certificate_parse(der, der_len);
    }
    else {
        return "is neither a PUBLIC KEY nor a CERTIFICATE";
    }
    ERR_clear_error();
    if (pkey == NULL) {
        return "cannot be read";
    }
    *key = key_create(p, pkey);
    fault = key_bind(*key, algorithm);
    *key = fault == NULL ? *key : NULL;
    return fault;
}

static apr_status_t secret_wipe(void *key)
{
    OPENSSL_cleanse((void *)((oauth_key_t *)key)->secret,
                    ((oauth_key_t *)key)->secret_len);
    return APR_SUCCESS;
}

const char *oauth_key_of_secret(apr_pool_t *p,
                                const oauth_algorithm_t *algorithm,
                                const unsigned char *secret, apr_size_t len,
                                oauth_key_t **key)
{
    *key = NULL;
    if (algorithm == NULL) {
        algorithm = oauth_algorithm_find("HS256");
    }
    if (algorithm->kind != OAUTH_ALGORITHM_HMAC) {
        return "a secret is for HS256, HS384 or HS512";
    }
    if (len < (apr_size_t)EVP_MD_get_size(
            EVP_get_digestbyname(algorithm->digest))) {
        return "the secret is shorter than the digest: take 32 random octets "
               "for HS256, 48 for HS384, 64 for HS512 (RFC 7518 3.2)";
    }
    *key = key_create(p, NULL);
    (*key)->algorithm = algorithm;
    (*key)->secret = apr_pmemdup(p, secret, len);
    (*key)->secret_len = len;
    apr_pool_cleanup_register(p, *key, secret_wipe, apr_pool_cleanup_null);
    return NULL;
}
