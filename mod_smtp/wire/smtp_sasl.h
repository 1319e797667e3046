/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_sasl.h
 * AUTH's framing (RFC 4954) and the messages of SASL mechanisms: PLAIN
 * (RFC 4616), LOGIN, EXTERNAL (RFC 4422 A), SCRAM (RFC 5802, 7677), OAUTHBEARER
 * (RFC 7628), XOAUTH2. Messages only: no secrets are checked, no digests made
 * here. Pure: any thread.
 */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include <apr_errno.h>
#include <apr_pools.h>

/** RFC 4954 4: octets of a base64 line, CRLF included. */
#define SMTP_SASL_LINE_MAX_OCTETS 12288

typedef enum {
    SMTP_SASL_UNKNOWN = 0, SMTP_SASL_PLAIN, SMTP_SASL_LOGIN,
    SMTP_SASL_EXTERNAL, SMTP_SASL_SCRAM_SHA_256, SMTP_SASL_SCRAM_SHA_256_PLUS,
    SMTP_SASL_OAUTHBEARER, SMTP_SASL_XOAUTH2, SMTP_SASL_COUNT
} smtp_sasl_mechanism_e;

/** Mechanism names are 1 to 20 of A-Z 0-9 - _ (RFC 4422 3.1); any case is
 *  taken. */
smtp_sasl_mechanism_e smtp_sasl_mechanism_find(const char *s, apr_size_t len);
const char *smtp_sasl_mechanism_name(smtp_sasl_mechanism_e mechanism);

/** The argument of AUTH: mechanism [SP initial-response]. */
typedef struct smtp_sasl_command_t {
    smtp_sasl_mechanism_e mechanism;
    const char *name;            /**< as it came; into the line, no NUL */
    apr_size_t name_len;
    int has_initial;             /**< "=" too: then the response is empty */
    const char *initial;         /**< base64, into the line; no NUL */
    apr_size_t initial_len;
} smtp_sasl_command_t;

/** @return APR_SUCCESS or APR_EINVAL: 501 5.5.4 */
apr_status_t smtp_sasl_command_parse(const char *arg, apr_size_t len,
                                     smtp_sasl_command_t *command);

/** Strict base64 (RFC 4648 3: no white space, right padding, no stray bits).
 *  *out has *out_len octets and a NUL behind them, in @a p.
 *  @return APR_SUCCESS or APR_EINVAL: 501 5.5.2 */
apr_status_t smtp_sasl_base64_parse(apr_pool_t *p, const char *s,
                                    apr_size_t len, const char **out,
                                    apr_size_t *out_len);
char *smtp_sasl_base64_write(apr_pool_t *p, const char *s, apr_size_t len);

/** PLAIN: [authzid] NUL authcid NUL passwd; UTF-8, 255 octets each at most,
 *  authcid and passwd not empty. Strings in @a p; authzid "" if absent. */
apr_status_t smtp_sasl_plain_parse(apr_pool_t *p, const char *s,
                                   apr_size_t len, const char **authzid,
                                   const char **authcid, const char **passwd);

/** client-first-message of SCRAM (RFC 5802 7). */
typedef struct smtp_sasl_scram_first_t {
    char gs2_cbind;              /**< 'n', 'y' or 'p' */
    const char *cbind_name;      /**< with 'p': "tls-exporter", ... */
    const char *authzid;         /**< decoded saslname, or "" */
    const char *username;        /**< decoded saslname */
    const char *nonce;           /**< the client's */
    const char *gs2_header;      /**< as it came, with its last comma */
    const char *bare;            /**< client-first-message-bare */
} smtp_sasl_scram_first_t;

/** client-final-message of SCRAM. */
typedef struct smtp_sasl_scram_final_t {
    const char *cbind_data;      /**< decoded c=: gs2 header and binding */
    apr_size_t cbind_data_len;
    const char *nonce;           /**< client's and server's */
    const char *proof;           /**< decoded p= */
    apr_size_t proof_len;
    const char *without_proof;   /**< message up to ",p=" */
} smtp_sasl_scram_final_t;

/** @return APR_SUCCESS or APR_EINVAL. Unknown mandatory extensions (m=) are
 *  an error, optional ones are skipped. */
apr_status_t smtp_sasl_scram_first_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len,
                                         smtp_sasl_scram_first_t *first);
apr_status_t smtp_sasl_scram_final_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len,
                                         smtp_sasl_scram_final_t *last);

/** OAUTHBEARER and XOAUTH2: a user and a bearer token. */
apr_status_t smtp_sasl_oauth_parse(apr_pool_t *p,
                                   smtp_sasl_mechanism_e mechanism,
                                   const char *s, apr_size_t len,
                                   const char **user, const char **token);

#endif
