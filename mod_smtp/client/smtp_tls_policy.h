/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_tls_policy.h
 * What TLS towards a next hop must be, and what a handshake came to: levels,
 * reference identities, TLSA records (RFC 7672), and the result types of
 * TLS-RPT (RFC 8460 4.3). Pure: any thread. smtp_tls.h applies it.
 */
#ifndef SMTP_TLS_POLICY_H
#define SMTP_TLS_POLICY_H

#include <apr.h>

#include "smtp_client.h"

typedef enum {
    SMTP_TLS_NONE = 0,           /**< never */
    SMTP_TLS_MAY,                /**< if offered, whoever it is (RFC 7435) */
    SMTP_TLS_ENCRYPT,            /**< always, whoever it is */
    SMTP_TLS_VERIFY,             /**< always; a certificate of a trusted CA for
                                      one of the names */
    SMTP_TLS_DANE                /**< always; as the TLSA records say */
} smtp_tls_level_e;

/** Reads the configuration's word, in any case: none, may, encrypt, verify,
 *  dane. @return 1; 0: none of these, *level is NONE */
int smtp_tls_level_parse(const char *word, smtp_tls_level_e *level);
const char *smtp_tls_level_name(smtp_tls_level_e level);

/** A TLSA record (RFC 6698 2.1). */
typedef struct smtp_tls_tlsa_t {
    unsigned char usage;
    unsigned char selector;
    unsigned char matching_type;
    const unsigned char *data;
    apr_size_t data_len;
} smtp_tls_tlsa_t;

/** Whether it may count (RFC 7672 3.1): usage 2 or 3, selector 0 or 1,
 *  matching type 0, 1 or 2, and data of that digest's length. */
int smtp_tls_tlsa_is_usable(const smtp_tls_tlsa_t *tlsa);

/** Of one connection. Names are A-labels without a dot at the end. All that
 *  it points to outlives the connection. */
typedef struct smtp_tls_policy_t {
    smtp_tls_level_e level;
    /** MTA-STS in mode testing (RFC 8461 5): what level says is judged and
     *  told, but fails nothing. */
    unsigned int is_testing : 1;
    /** SNI, and with DANE the TLSA base domain (RFC 7672 2.2.3, 8.1). NULL:
     *  names[0]. */
    const char *host;
    /** Names of which the certificate must have one: for MTA-STS the MX host
     *  (RFC 8461 4.1), for DANE-TA also the next-hop domain (RFC 7672 3.2.2).
     *  Ends with NULL; may itself be NULL. */
    const char *const *names;
    const smtp_tls_tlsa_t *tlsa; /**< with DANE: as DNS gave them */
    apr_size_t tlsa_count;
} smtp_tls_policy_t;

/** What the level comes to: DANE without a usable record is ENCRYPT (RFC
 *  7672 2.2), testing is at most MAY. */
smtp_tls_level_e smtp_tls_policy_level(const smtp_tls_policy_t *policy);

/** What it means for STARTTLS. */
smtp_client_tls_e smtp_tls_policy_starttls(const smtp_tls_policy_t *policy);

/** Whether a policy of MTA-STS allows @a host as an MX by @a pattern: the
 *  name itself, or "*." and a name, where the star stands for exactly one
 *  label (RFC 8461 4.1, RFC 9525 6.3). Case does not matter, nor a dot at the
 *  end. */
int smtp_tls_pattern_is(const char *pattern, const char *host);

/** What TLS came to, in the words of RFC 8460 4.3. */
typedef enum {
    SMTP_TLS_RESULT_NONE = 0,    /**< not tried */
    SMTP_TLS_RESULT_OK,
    SMTP_TLS_RESULT_STARTTLS_NOT_SUPPORTED,
    SMTP_TLS_RESULT_HOST_MISMATCH,
    SMTP_TLS_RESULT_EXPIRED,
    SMTP_TLS_RESULT_NOT_TRUSTED,
    SMTP_TLS_RESULT_VALIDATION_FAILURE, /**< anything else */
    SMTP_TLS_RESULT_TLSA_INVALID,
    SMTP_TLS_RESULT_DNSSEC_INVALID,
    SMTP_TLS_RESULT_DANE_REQUIRED,
    SMTP_TLS_RESULT_STS_FETCH_ERROR,
    SMTP_TLS_RESULT_STS_INVALID,
    SMTP_TLS_RESULT_STS_WEBPKI_INVALID,
    SMTP_TLS_RESULT_COUNT
} smtp_tls_result_e;

/** "certificate-expired"; NULL for NONE and OK, which no report names. */
const char *smtp_tls_result_name(smtp_tls_result_e result);

/** Of OpenSSL's X509_V_* (X509_V_OK is OK). */
smtp_tls_result_e smtp_tls_result_of_verify(long verify);

#endif
