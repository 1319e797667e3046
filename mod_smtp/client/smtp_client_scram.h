/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_client_scram.h
 * The client's side of SCRAM-SHA-256 and -PLUS (RFC 5802, 7677): messages in,
 * messages out, without base64 and without AUTH's framing. Asks for no chance:
 * the nonce is given. One thread at a time for each object.
 */
#ifndef SMTP_CLIENT_SCRAM_H
#define SMTP_CLIENT_SCRAM_H

#include <apr_errno.h>
#include <apr_pools.h>

/** A server may ask for no more: it would choose how long this process, which
 *  serves all destinations, computes. */
#define SMTP_CLIENT_SCRAM_ITERATIONS_MAX 1000000

typedef enum {
    SMTP_CLIENT_SCRAM_UNBOUND = 0, /**< "n": this side has no binding */
    SMTP_CLIENT_SCRAM_UNOFFERED, /**< "y": it has, the server offers no -PLUS
                                      (RFC 5802 6: tells a downgrade) */
    SMTP_CLIENT_SCRAM_BOUND      /**< "p": -PLUS */
} smtp_client_scram_binding_e;

/** Strings are kept, not copied. */
typedef struct smtp_client_scram_conf_t {
    const char *login;           /**< UTF-8 */
    const char *password;        /**< UTF-8 */
    const char *authzid;         /**< NULL or "": none */
    const char *nonce;           /**< of %d33-126 without comma */
    smtp_client_scram_binding_e binding;
    const char *binding_type;    /**< with BOUND: "tls-exporter" */
    const char *binding_octets;  /**< with BOUND: what it says */
    apr_size_t binding_len;
} smtp_client_scram_conf_t;

typedef struct smtp_client_scram_t smtp_client_scram_t;

/**
 * Begins an exchange. Login and password go through SASLprep.
 * @param first  out: client-first-message, in @a p
 * @return APR_SUCCESS, or APR_EINVAL: login, password or nonce is none
 */
apr_status_t smtp_client_scram_create(apr_pool_t *p,
                                      const smtp_client_scram_conf_t *conf,
                                      smtp_client_scram_t **scram,
                                      const char **first);

/**
 * @param server_first  r=, s=, i= as it came
 * @param last          out: client-final-message
 * @return APR_SUCCESS; APR_EINVAL: malformed, a nonce that does not begin
 *         with ours, iterations below 4096 or above the maximum; APR_EGENERAL
 *         when OpenSSL fails
 */
apr_status_t smtp_client_scram_answer(smtp_client_scram_t *scram,
                                      const char *server_first,
                                      apr_size_t len, const char **last);

/** Whether server-final-message proves that the server knows the password:
 *  v= with its signature, after smtp_client_scram_answer(). */
int smtp_client_scram_is_server(const smtp_client_scram_t *scram,
                                const char *server_final, apr_size_t len);

#endif
