/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_client_scram.h"

#include <string.h>

#include <apr_strings.h>

#include <openssl/crypto.h>

#include "smtp_chars.h"
#include "smtp_sasl.h"
#include "smtp_saslprep.h"
#include "smtp_scram.h"

struct smtp_client_scram_t {
    apr_pool_t *pool;
    const char *password;        /**< prepared */
    const char *nonce;
    const char *gs2_header;
    const char *cbind_input;     /**< base64 of gs2-header and binding */
    const char *first_bare;
    unsigned char signature[SMTP_SCRAM_KEY_OCTETS]; /**< the server's */
    int is_answered;
};

/** RFC 5802 5.1: r= of printable characters but comma. */
static int is_nonce(const char *nonce)
{
    const char *c = nonce;

    for (; c != NULL && *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == ',') {
            return 0;
        }
    }
    return c != NULL && c > nonce;
}

/** saslname (RFC 5802 5.1): "=" and "," are escaped. */
static const char *saslname_write(apr_pool_t *p, const char *s)
{
    char *out = apr_palloc(p, 3 * strlen(s) + 1);
    char *to = out;

    for (; *s != '\0'; s++) {
        if (*s == '=' || *s == ',') {
            memcpy(to, *s == '=' ? "=3D" : "=2C", 3);
            to += 3;
        }
        else {
            *to++ = *s;
        }
    }
    *to = '\0';
    return out;
}

static const char *prepare(apr_pool_t *p, const char *s)
{
    const char *prepared, *fault;

    if (s == NULL
        || smtp_saslprep_create(p, s, SMTP_SASLPREP_QUERY, &prepared, &fault)
           != APR_SUCCESS) {
        return NULL;
    }
    return *prepared ? prepared : NULL;
}

static const char *gs2_header_write(apr_pool_t *p,
                                    const smtp_client_scram_conf_t *conf)
{
    const char *authzid = "";

    if (conf->authzid != NULL && *conf->authzid) {
        authzid = apr_pstrcat(p, "a=", saslname_write(p, conf->authzid),
                              NULL);
    }
    if (conf->binding == SMTP_CLIENT_SCRAM_BOUND) {
        return apr_pstrcat(p, "p=", conf->binding_type, ",", authzid, ",",
                           NULL);
    }
    return apr_pstrcat(p, conf->binding == SMTP_CLIENT_SCRAM_UNOFFERED
                          ? "y," : "n,", authzid, ",", NULL);
}

static const char *cbind_input_write(apr_pool_t *p, const char *gs2_header,
                                     const smtp_client_scram_conf_t *conf)
{
    apr_size_t header_len = strlen(gs2_header);
    apr_size_t len = conf->binding == SMTP_CLIENT_SCRAM_BOUND
                     ? conf->binding_len : 0;
    char *octets = apr_palloc(p, header_len + len);

    memcpy(octets, gs2_header, header_len);
    if (len > 0) {
        memcpy(octets + header_len, conf->binding_octets, len);
    }
    return smtp_sasl_base64_write(p, octets, header_len + len);
}

apr_status_t smtp_client_scram_create(apr_pool_t *p,
                                      const smtp_client_scram_conf_t *conf,
                                      smtp_client_scram_t **scram_out,
                                      const char **first)
{
    const char *login = prepare(p, conf->login);
    const char *password = prepare(p, conf->password);
    smtp_client_scram_t *scram;

    *scram_out = NULL;
    *first = NULL;
    if (login == NULL || password == NULL || !is_nonce(conf->nonce)) {
        return APR_EINVAL;
    }
    scram = apr_pcalloc(p, sizeof(*scram));
    scram->pool = p;
    scram->password = password;
    scram->nonce = conf->nonce;
    scram->gs2_header = gs2_header_write(p, conf);
    scram->cbind_input = cbind_input_write(p, scram->gs2_header, conf);
    scram->first_bare = apr_pstrcat(p, "n=", saslname_write(p, login), ",r=",
                                    conf->nonce, NULL);
    *first = apr_pstrcat(p, scram->gs2_header, scram->first_bare, NULL);
    *scram_out = scram;
    return APR_SUCCESS;
}

/** server-first-message, taken apart. */
typedef struct server_first_t {
    const char *nonce;
    apr_size_t nonce_len;
    const char *salt;
    apr_size_t salt_len;
    int iterations;
} server_first_t;

/** Takes "@a name=value" and the comma behind it. */
static int attribute_take(const char **at, const char *end, char name,
                          const char **value, apr_size_t *len)
{
    const char *comma;

    if (end - *at < 2 || (*at)[0] != name || (*at)[1] != '=') {
        return 0;
    }
    *value = *at + 2;
    comma = memchr(*value, ',', (apr_size_t)(end - *value));
    *len = (apr_size_t)((comma ? comma : end) - *value);
    *at = comma ? comma + 1 : end;
    return 1;
}

static int iterations_parse(const char *s, apr_size_t len, int *iterations)
{
    apr_off_t number;

    if (smtp_chars_number_parse(s, len, &number) != 1
        || number < SMTP_SCRAM_ITERATIONS_MIN
        || number > SMTP_CLIENT_SCRAM_ITERATIONS_MAX) {
        return 0;
    }
    *iterations = (int)number;
    return 1;
}

/** Whether the server's nonce is ours and something more: else what it says
 *  may have been said to somebody before. */
static int is_our_nonce(const smtp_client_scram_t *scram,
                        const server_first_t *first)
{
    apr_size_t len = strlen(scram->nonce);

    return first->nonce_len > len
           && memcmp(first->nonce, scram->nonce, len) == 0;
}

/** RFC 5802 7. Extensions at the end are passed over; a mandatory one (m=)
 *  comes first and is refused by its name. */
static int server_first_parse(const smtp_client_scram_t *scram,
                              const char *s, apr_size_t len,
                              server_first_t *first)
{
    const char *end = s + len;
    const char *salt, *iterations;
    apr_size_t salt_len, iterations_len;

    return memchr(s, '\0', len) == NULL
           && attribute_take(&s, end, 'r', &first->nonce, &first->nonce_len)
           && is_our_nonce(scram, first)
           && attribute_take(&s, end, 's', &salt, &salt_len)
           && smtp_sasl_base64_parse(scram->pool, salt, salt_len,
                                     &first->salt, &first->salt_len)
              == APR_SUCCESS
           && attribute_take(&s, end, 'i', &iterations, &iterations_len)
           && iterations_parse(iterations, iterations_len,
                               &first->iterations);
}

apr_status_t smtp_client_scram_answer(smtp_client_scram_t *scram,
                                      const char *server_first,
                                      apr_size_t len, const char **last)
{
    unsigned char proof[SMTP_SCRAM_KEY_OCTETS];
    apr_pool_t *p = scram->pool;
    server_first_t first;
    const char *without_proof, *auth_message;
    apr_status_t rv;

    *last = NULL;
    if (!server_first_parse(scram, server_first, len, &first)) {
        return APR_EINVAL;
    }
    without_proof = apr_pstrcat(p, "c=", scram->cbind_input, ",r=",
                                apr_pstrmemdup(p, first.nonce,
                                               first.nonce_len), NULL);
    auth_message = apr_pstrcat(p, scram->first_bare, ",",
                               apr_pstrmemdup(p, server_first, len), ",",
                               without_proof, NULL);
    rv = smtp_scram_proof_create(scram->password, first.iterations,
                                 (const unsigned char *)first.salt,
                                 first.salt_len, auth_message, proof,
                                 scram->signature);
    if (rv == APR_SUCCESS) {
        scram->is_answered = 1;
        *last = apr_pstrcat(p, without_proof, ",p=",
                            smtp_sasl_base64_write(p, (const char *)proof,
                                                   sizeof(proof)), NULL);
    }
    OPENSSL_cleanse(proof, sizeof(proof));
    return rv;
}

int smtp_client_scram_is_server(const smtp_client_scram_t *scram,
                                const char *server_final, apr_size_t len)
{
    const char *end = server_final + len;
    const char *value, *signature;
    apr_size_t value_len, signature_len;

    return scram->is_answered
           && attribute_take(&server_final, end, 'v', &value, &value_len)
           && smtp_sasl_base64_parse(scram->pool, value, value_len,
                                     &signature, &signature_len)
              == APR_SUCCESS
           && signature_len == SMTP_SCRAM_KEY_OCTETS
           && CRYPTO_memcmp(signature, scram->signature, signature_len) == 0;
}
