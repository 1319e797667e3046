/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_tls.h"

#include <string.h>

#include <apr_strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define BINDING_OCTETS 32

struct smtp_tls_context_t {
    SSL_CTX *ssl_ctx;
};

struct smtp_tls_t {
    apr_pool_t *pool;
    const smtp_tls_policy_t *policy;
    smtp_tls_level_e level;      /**< what the policy comes to */
    SSL *ssl;
    BIO *in;                     /**< the peer's octets; the SSL's */
    BIO *out;                    /**< for the peer; the SSL's */
    smtp_tls_info_t info;
    char binding[BINDING_OCTETS];
};

/** OpenSSL's words for what went wrong, its queue drained; NULL if it has
 *  none. */
static const char *error_take(apr_pool_t *p)
{
    const char *words = NULL;
    unsigned long error;

    while ((error = ERR_get_error()) != 0) {
        const char *reason = ERR_reason_error_string(error);

        /* The first is the cause. */
        if (words == NULL) {
            words = reason ? apr_pstrdup(p, reason)
                           : apr_psprintf(p, "error %08lx", error);
        }
    }
    return words;
}

/* Contexts. */

static apr_status_t context_free(void *data)
{
    smtp_tls_context_t *context = data;

    SSL_CTX_free(context->ssl_ctx);
    return APR_SUCCESS;
}

static int cas_load(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf)
{
    if (conf->ca_file == NULL && conf->ca_path == NULL) {
        return SSL_CTX_set_default_verify_paths(ssl_ctx);
    }
    return SSL_CTX_load_verify_locations(ssl_ctx, conf->ca_file,
                                         conf->ca_path);
}

static int certificate_load(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf)
{
    const char *key = conf->key_file ? conf->key_file : conf->cert_file;

    return conf->cert_file == NULL
           || (SSL_CTX_use_certificate_chain_file(ssl_ctx, conf->cert_file)
                  == 1
               && SSL_CTX_use_PrivateKey_file(ssl_ctx, key, SSL_FILETYPE_PEM)
                  == 1
               && SSL_CTX_check_private_key(ssl_ctx) == 1);
}

/** Renegotiation would let the peer begin a handshake amid the dialogue. */
static int version_set(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf)
{
    SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION);
    return SSL_CTX_set_min_proto_version(
        ssl_ctx, conf->min_version ? conf->min_version : TLS1_2_VERSION);
}

static int ciphers_set(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf)
{
    return (conf->ciphers == NULL
            || SSL_CTX_set_cipher_list(ssl_ctx, conf->ciphers) == 1)
           && (conf->ciphersuites == NULL
               || SSL_CTX_set_ciphersuites(ssl_ctx, conf->ciphersuites) == 1);
}

/** RFC 7672 3.1.1: DANE-EE looks at the key alone, at neither name nor
 *  expiry. */
static int dane_enable(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf)
{
    (void)conf;
    if (SSL_CTX_dane_enable(ssl_ctx) <= 0) {
        return 0;
    }
    SSL_CTX_dane_set_flags(ssl_ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    return 1;
}

static const struct setting_t {
    const char *name;
    int (*set)(SSL_CTX *ssl_ctx, const smtp_tls_conf_t *conf);
} settings[] = {
    { "certificates of CAs", cas_load },
    { "client certificate or its key", certificate_load },
    { "lowest protocol", version_set },
    { "ciphers", ciphers_set },
    { "DANE", dane_enable }
};

apr_status_t smtp_tls_context_create(apr_pool_t *p,
                                     const smtp_tls_conf_t *conf,
                                     smtp_tls_context_t **context_out,
                                     const char **error)
{
    smtp_tls_context_t *context = apr_pcalloc(p, sizeof(*context));
    apr_size_t i;

    *context_out = NULL;
    *error = NULL;
    ERR_clear_error();
    context->ssl_ctx = SSL_CTX_new(TLS_client_method());
    if (context->ssl_ctx == NULL) {
        *error = error_take(p);
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(p, context, context_free,
                              apr_pool_cleanup_null);
    SSL_CTX_set_mode(context->ssl_ctx, SSL_MODE_RELEASE_BUFFERS);
    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (settings[i].set(context->ssl_ctx, conf) != 1) {
            const char *words = error_take(p);

            *error = apr_pstrcat(p, settings[i].name, ": ",
                                 words ? words : "refused", NULL);
            return APR_EGENERAL;
        }
    }
    *context_out = context;
    return APR_SUCCESS;
}

/* Connections. */

static apr_status_t tls_free(void *data)
{
    smtp_tls_t *tls = data;

    SSL_free(tls->ssl);
    return APR_SUCCESS;
}

/** SNI and TLSA base domain. */
static const char *host_get(const smtp_tls_policy_t *policy)
{
    return policy->host ? policy->host
         : policy->names ? policy->names[0] : NULL;
}

/** RFC 9525 6.3: a wildcard is a whole label, and the subject's common name
 *  is no reference. */
static int names_set(SSL *ssl, const smtp_tls_policy_t *policy)
{
    const char *const *name = policy->names;

    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                           | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    for (; name != NULL && *name != NULL; name++) {
        if (SSL_add1_host(ssl, *name) != 1) {
            return 0;
        }
    }
    return 1;
}

/** Sets all records that are usable. @return how many; -1: OpenSSL failed */
static int tlsa_add(SSL *ssl, const smtp_tls_policy_t *policy)
{
    apr_size_t i;
    int count = 0;

    for (i = 0; i < policy->tlsa_count; i++) {
        const smtp_tls_tlsa_t *tlsa = &policy->tlsa[i];
        int rv;

        if (!smtp_tls_tlsa_is_usable(tlsa)) {
            continue;
        }
        rv = SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector,
                               tlsa->matching_type, tlsa->data,
                               tlsa->data_len);
        if (rv < 0) {
            return -1;
        }
        count += rv;
    }
    return count;
}

/** A record may look usable and not be: a certificate (matching type 0) that
 *  is none. Without any other there is nothing to hold the peer against. */
static int dane_set(smtp_tls_t *tls)
{
    int count;

    if (SSL_dane_enable(tls->ssl, host_get(tls->policy)) != 1) {
        return 0;
    }
    count = tlsa_add(tls->ssl, tls->policy);
    if (count == 0) {
        tls->level = SMTP_TLS_ENCRYPT;
        tls->info.detail = "no TLSA record is usable";
    }
    return count >= 0;
}

/** RFC 6066 3: no IP address in SNI. */
static int sni_set(SSL *ssl, const char *host)
{
    ASN1_OCTET_STRING *ip;

    if (host == NULL) {
        return 1;
    }
    ip = a2i_IPADDRESS(host);
    if (ip != NULL) {
        ASN1_OCTET_STRING_free(ip);
        return 1;
    }
    return SSL_set_tlsext_host_name(ssl, host) == 1;
}

/** What of the policy is OpenSSL's to judge. A level that asks for nothing is
 *  judged all the same, for TLS-RPT, where there are names. */
static int policy_set(smtp_tls_t *tls)
{
    const char *host = host_get(tls->policy);
    const smtp_tls_level_e judged = tls->policy->is_testing
                                    ? tls->policy->level : tls->level;
    int verify = SSL_VERIFY_NONE;

    if (!sni_set(tls->ssl, host)) {
        return 0;
    }
    if (judged == SMTP_TLS_DANE && !dane_set(tls)) {
        return 0;
    }
    if (tls->level == SMTP_TLS_VERIFY || tls->level == SMTP_TLS_DANE) {
        verify = SSL_VERIFY_PEER;
    }
    SSL_set_verify(tls->ssl, verify, NULL);
    return names_set(tls->ssl, tls->policy);
}

apr_status_t smtp_tls_create(apr_pool_t *p, smtp_tls_context_t *context,
                             const smtp_tls_policy_t *policy,
                             smtp_tls_t **tls_out)
{
    smtp_tls_t *tls = apr_pcalloc(p, sizeof(*tls));

    *tls_out = NULL;
    tls->pool = p;
    tls->policy = policy;
    tls->level = smtp_tls_policy_level(policy);
    if (policy->level >= SMTP_TLS_VERIFY
        && (host_get(policy) == NULL
            || (policy->level == SMTP_TLS_VERIFY && policy->names == NULL))) {
        return APR_EINVAL;
    }
    ERR_clear_error();
    tls->ssl = SSL_new(context->ssl_ctx);
    if (tls->ssl == NULL) {
        error_take(p);
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(p, tls, tls_free, apr_pool_cleanup_null);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    if (tls->in == NULL || tls->out == NULL || !policy_set(tls)) {
        error_take(p);
        return APR_EGENERAL;
    }
    SSL_set_connect_state(tls->ssl);
    *tls_out = tls;
    return APR_SUCCESS;
}

/* The handshake. */

/** Why it failed. The certificate's fault comes before the protocol's, which
 *  is only that there was one. */
static void failure_note(smtp_tls_t *tls)
{
    long verify = SSL_get_verify_result(tls->ssl);
    const char *words = error_take(tls->pool);

    tls->info.result = verify == X509_V_OK
                       ? SMTP_TLS_RESULT_VALIDATION_FAILURE
                       : smtp_tls_result_of_verify(verify);
    tls->info.detail = verify == X509_V_OK
                       ? (words ? words : "handshake broken off")
                       : X509_verify_cert_error_string(verify);
}

/** What was judged though it fails nothing: a certificate of MAY and ENCRYPT
 *  need not be anybody's. */
static void success_note(smtp_tls_t *tls)
{
    const int is_judged = tls->policy->level >= SMTP_TLS_VERIFY
                          && (tls->policy->is_testing
                              || tls->level >= SMTP_TLS_VERIFY);
    long verify = SSL_get_verify_result(tls->ssl);

    tls->info.protocol = SSL_get_version(tls->ssl);
    tls->info.cipher = SSL_get_cipher_name(tls->ssl);
    tls->info.bits = SSL_get_cipher_bits(tls->ssl, NULL);
    tls->info.result = SMTP_TLS_RESULT_OK;
    if (!is_judged) {
        return;
    }
    tls->info.result = smtp_tls_result_of_verify(verify);
    if (verify != X509_V_OK) {
        tls->info.detail = X509_verify_cert_error_string(verify);
        return;
    }
    tls->info.is_verified = SSL_get0_peer_certificate(tls->ssl) != NULL;
    tls->info.is_dane = SSL_get0_dane_authority(tls->ssl, NULL, NULL) >= 0;
}

smtp_tls_status_e smtp_tls_handshake(smtp_tls_t *tls)
{
    int rv, error;

    if (tls->info.protocol != NULL) {
        return SMTP_TLS_DONE;
    }
    ERR_clear_error();
    rv = SSL_do_handshake(tls->ssl);
    if (rv == 1) {
        success_note(tls);
        return SMTP_TLS_DONE;
    }
    error = SSL_get_error(tls->ssl, rv);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return SMTP_TLS_MORE;
    }
    failure_note(tls);
    return SMTP_TLS_FAILED;
}

/* Octets. */

apr_status_t smtp_tls_input(smtp_tls_t *tls, const char *octets,
                            apr_size_t len)
{
    size_t written;

    if (len == 0) {
        return APR_SUCCESS;
    }
    ERR_clear_error();
    if (BIO_write_ex(tls->in, octets, len, &written) != 1 || written != len) {
        error_take(tls->pool);
        return APR_ENOMEM;
    }
    return APR_SUCCESS;
}

apr_size_t smtp_tls_output(smtp_tls_t *tls, const char **octets)
{
    char *data = NULL;
    long len = BIO_get_mem_data(tls->out, &data);

    *octets = data;
    return len > 0 ? (apr_size_t)len : 0;
}

void smtp_tls_written(smtp_tls_t *tls, apr_size_t len)
{
    char dropped[4096];
    size_t taken = 1;

    while (len > 0 && taken > 0) {
        if (BIO_read_ex(tls->out, dropped,
                        len < sizeof(dropped) ? len : sizeof(dropped),
                        &taken) != 1) {
            return;
        }
        len -= taken;
    }
}

apr_status_t smtp_tls_read(smtp_tls_t *tls, char *buffer, apr_size_t size,
                           apr_size_t *len)
{
    size_t taken = 0;
    int rv;

    *len = 0;
    ERR_clear_error();
    rv = SSL_read_ex(tls->ssl, buffer, size, &taken);
    if (rv == 1) {
        *len = taken;
        return APR_SUCCESS;
    }
    switch (SSL_get_error(tls->ssl, rv)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return APR_EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return APR_EOF;
    default:
        tls->info.detail = error_take(tls->pool);
        return APR_EGENERAL;
    }
}

apr_status_t smtp_tls_write(smtp_tls_t *tls, const char *octets,
                            apr_size_t len)
{
    size_t written;

    if (len == 0) {
        return APR_SUCCESS;
    }
    ERR_clear_error();
    /* A memory BIO takes all of it. */
    if (SSL_write_ex(tls->ssl, octets, len, &written) != 1
        || written != len) {
        tls->info.detail = error_take(tls->pool);
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

void smtp_tls_close(smtp_tls_t *tls)
{
    ERR_clear_error();
    if (tls->info.protocol != NULL) {
        SSL_shutdown(tls->ssl);
    }
    error_take(tls->pool);
}

/* What is known of it. */

const smtp_tls_info_t *smtp_tls_info(const smtp_tls_t *tls)
{
    return &tls->info;
}

/** RFC 9266 4.2: below TLS 1.3 only the extended master secret (RFC 7627)
 *  binds the exporter to this connection. */
static int binding_write(smtp_tls_t *tls)
{
    static const char label[] = "EXPORTER-Channel-Binding";

    if (SSL_version(tls->ssl) < TLS1_3_VERSION
        && SSL_get_extms_support(tls->ssl) != 1) {
        return 0;
    }
    return SSL_export_keying_material(tls->ssl,
                                      (unsigned char *)tls->binding,
                                      BINDING_OCTETS, label,
                                      sizeof(label) - 1,
                                      (const unsigned char *)"", 0, 1) == 1;
}

void smtp_tls_client_get(smtp_tls_t *tls, smtp_client_tls_t *client)
{
    memset(client, 0, sizeof(*client));
    client->is_verified = tls->info.is_verified;
    ERR_clear_error();
    if (tls->info.protocol != NULL && binding_write(tls)) {
        client->binding_type = "tls-exporter";
        client->binding = tls->binding;
        client->binding_len = BINDING_OCTETS;
    }
    error_take(tls->pool);
}
