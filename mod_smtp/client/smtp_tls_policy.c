/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_tls_policy.h"

#include <string.h>
#include <strings.h>

#include <openssl/x509_vfy.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Levels. */

static const char *const level_names[] = { "none", "may", "encrypt", "verify",
                                           "dane" };

int smtp_tls_level_parse(const char *word, smtp_tls_level_e *level)
{
    apr_size_t i;

    *level = SMTP_TLS_NONE;
    for (i = 0; i < ROWS(level_names); i++) {
        if (strcasecmp(word, level_names[i]) == 0) {
            *level = (smtp_tls_level_e)i;
            return 1;
        }
    }
    return 0;
}

const char *smtp_tls_level_name(smtp_tls_level_e level)
{
    return level_names[level];
}

/** Octets that each matching type has: Full, SHA2-256, SHA2-512 (RFC 6698
 *  2.1.3). */
static int is_data_len(unsigned char matching_type, apr_size_t len)
{
    switch (matching_type) {
    case 0: return len > 0;
    case 1: return len == 32;
    case 2: return len == 64;
    default: return 0;
    }
}

int smtp_tls_tlsa_is_usable(const smtp_tls_tlsa_t *tlsa)
{
    return (tlsa->usage == 2 || tlsa->usage == 3) && tlsa->selector <= 1
           && is_data_len(tlsa->matching_type, tlsa->data_len);
}

static int has_usable_tlsa(const smtp_tls_policy_t *policy)
{
    apr_size_t i;

    for (i = 0; i < policy->tlsa_count; i++) {
        if (smtp_tls_tlsa_is_usable(&policy->tlsa[i])) {
            return 1;
        }
    }
    return 0;
}

smtp_tls_level_e smtp_tls_policy_level(const smtp_tls_policy_t *policy)
{
    if (policy->is_testing && policy->level > SMTP_TLS_MAY) {
        return SMTP_TLS_MAY;
    }
    if (policy->level == SMTP_TLS_DANE && !has_usable_tlsa(policy)) {
        return SMTP_TLS_ENCRYPT;
    }
    return policy->level;
}

smtp_client_tls_e smtp_tls_policy_starttls(const smtp_tls_policy_t *policy)
{
    switch (smtp_tls_policy_level(policy)) {
    case SMTP_TLS_NONE: return SMTP_CLIENT_TLS_NONE;
    case SMTP_TLS_MAY: return SMTP_CLIENT_TLS_MAY;
    default: return SMTP_CLIENT_TLS_MUST;
    }
}

/* Names. */

static apr_size_t name_len(const char *name)
{
    apr_size_t len = strlen(name);

    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

int smtp_tls_pattern_is(const char *pattern, const char *host)
{
    apr_size_t pattern_len = name_len(pattern);
    apr_size_t host_len = name_len(host);

    if (strncmp(pattern, "*.", 2) == 0) {
        apr_size_t label = strcspn(host, ".");

        if (label == 0) {
            return 0;
        }
        pattern++;
        pattern_len--;
        host += label;
        host_len -= label;
    }
    return pattern_len > 1 && pattern_len == host_len
           && memchr(pattern, '*', pattern_len) == NULL
           && strncasecmp(pattern, host, host_len) == 0;
}

/* Results. */

static const char *const result_names[SMTP_TLS_RESULT_COUNT] = {
    NULL, NULL, "starttls-not-supported", "certificate-host-mismatch",
    "certificate-expired", "certificate-not-trusted", "validation-failure",
    "tlsa-invalid", "dnssec-invalid", "dane-required",
    "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"
};

const char *smtp_tls_result_name(smtp_tls_result_e result)
{
    return result_names[result];
}

smtp_tls_result_e smtp_tls_result_of_verify(long verify)
{
    static const struct {
        long verify;
        smtp_tls_result_e result;
    } rows[] = {
        { X509_V_OK, SMTP_TLS_RESULT_OK },
        { X509_V_ERR_HOSTNAME_MISMATCH, SMTP_TLS_RESULT_HOST_MISMATCH },
        { X509_V_ERR_CERT_HAS_EXPIRED, SMTP_TLS_RESULT_EXPIRED },
        { X509_V_ERR_CERT_NOT_YET_VALID, SMTP_TLS_RESULT_EXPIRED },
        { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
          SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
          SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
          SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
          SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
          SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_CERT_UNTRUSTED, SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_CERT_REVOKED, SMTP_TLS_RESULT_NOT_TRUSTED },
        { X509_V_ERR_INVALID_CA, SMTP_TLS_RESULT_NOT_TRUSTED }
    };
    apr_size_t i;

    for (i = 0; i < ROWS(rows); i++) {
        if (rows[i].verify == verify) {
            return rows[i].result;
        }
    }
    return SMTP_TLS_RESULT_VALIDATION_FAILURE;
}
