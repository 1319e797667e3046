/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file identity.h
 * Keys and certificates for tests of TLS, made in memory.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "unit.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define DAY_SEC (24 * 60 * 60L)

typedef struct identity_t {
    EVP_PKEY *key;
    X509 *cert;
} identity_t;

static inline void identity_extension_add(X509 *cert, int nid,
                                          const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/** @param san     "DNS:mx.example.com"; NULL: a CA
 *  @param issuer  NULL: itself
 *  @param from_sec, to_sec  when it is good, from now on */
static inline identity_t identity_make(const char *name, const char *san,
                                       const identity_t *issuer,
                                       long from_sec, long to_sec)
{
    static long serial = 1;
    identity_t id;
    X509_NAME *subject;

    id.key = EVP_EC_gen("P-256");
    id.cert = X509_new();
    assert_non_null(id.key);
    X509_set_version(id.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), from_sec);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), to_sec);
    X509_set_pubkey(id.cert, id.key);
    subject = X509_get_subject_name(id.cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(id.cert, issuer
                         ? X509_get_subject_name(issuer->cert) : subject);
    identity_extension_add(id.cert, NID_basic_constraints,
                           san ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (san != NULL) {
        identity_extension_add(id.cert, NID_subject_alt_name, san);
    }
    assert_true(X509_sign(id.cert, issuer ? issuer->key : id.key,
                          EVP_sha256()) > 0);
    return id;
}

static inline void identity_free(identity_t *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
}

#endif
