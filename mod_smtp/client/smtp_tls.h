/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_tls.h
 * A TLS client without sockets, by OpenSSL: cipher octets of the peer in,
 * plain octets out, and the other way round. It applies a policy
 * (smtp_tls_policy.h) and tells what came of it. One thread at a time for each
 * connection; contexts may be shared once they are made.
 *
 * A driver's loop, beside that of smtp_client.h: what the socket gives goes to
 * smtp_tls_input(); then smtp_tls_handshake() until it is DONE or FAILED,
 * from then on smtp_tls_read() until it says APR_EAGAIN (at once: plain octets
 * may have come with the end of the handshake); smtp_tls_write() takes plain
 * octets; after each of these calls smtp_tls_output() is what the socket must
 * take.
 */
#ifndef SMTP_TLS_H
#define SMTP_TLS_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "smtp_client.h"
#include "smtp_tls_policy.h"

/** What connections share; all zero: the system's CAs, TLS 1.2 and up. */
typedef struct smtp_tls_conf_t {
    const char *ca_file;         /**< PEM; NULL as ca_path: the system's CAs */
    const char *ca_path;         /**< hashed directory */
    const char *cert_file;       /**< client certificate, PEM with chain */
    const char *key_file;        /**< NULL: in cert_file */
    const char *ciphers;         /**< OpenSSL's list; NULL: its default */
    const char *ciphersuites;    /**< the same for TLS 1.3 */
    int min_version;             /**< TLS1_2_VERSION ...; 0: that (RFC 8997) */
} smtp_tls_conf_t;

typedef struct smtp_tls_context_t smtp_tls_context_t;

/**
 * @param p        the context goes with it
 * @param context  out; NULL on failure
 * @param error    out: NULL, or what is wrong, in @a p: which setting, and
 *                 OpenSSL's words
 * @return APR_SUCCESS, or APR_EGENERAL
 */
apr_status_t smtp_tls_context_create(apr_pool_t *p,
                                     const smtp_tls_conf_t *conf,
                                     smtp_tls_context_t **context,
                                     const char **error);

typedef struct smtp_tls_t smtp_tls_t;

/**
 * A connection that has not said anything yet.
 * @param p       the connection goes with it; @a policy and @a context outlive
 *                it
 * @return APR_SUCCESS; APR_EINVAL: a policy that names nobody to verify;
 *         APR_EGENERAL: OpenSSL
 */
apr_status_t smtp_tls_create(apr_pool_t *p, smtp_tls_context_t *context,
                             const smtp_tls_policy_t *policy,
                             smtp_tls_t **tls);

typedef enum {
    SMTP_TLS_MORE = 0,           /**< octets of the peer are needed */
    SMTP_TLS_DONE,
    SMTP_TLS_FAILED              /**< smtp_tls_info() says why; what output
                                      there is is an alert for the peer */
} smtp_tls_status_e;

smtp_tls_status_e smtp_tls_handshake(smtp_tls_t *tls);

/** Cipher octets of the peer; copied.
 *  @return APR_SUCCESS or APR_ENOMEM */
apr_status_t smtp_tls_input(smtp_tls_t *tls, const char *octets,
                            apr_size_t len);

/** Cipher octets for the peer: valid until the next call. */
apr_size_t smtp_tls_output(smtp_tls_t *tls, const char **octets);
void smtp_tls_written(smtp_tls_t *tls, apr_size_t len);

/** Plain octets of the peer.
 *  @return APR_SUCCESS with *len > 0; APR_EAGAIN; APR_EOF: close_notify;
 *          APR_EGENERAL: the connection is broken, trust nothing of it */
apr_status_t smtp_tls_read(smtp_tls_t *tls, char *buffer, apr_size_t size,
                           apr_size_t *len);

/** Plain octets for the peer; all are taken.
 *  @return APR_SUCCESS, or APR_EGENERAL */
apr_status_t smtp_tls_write(smtp_tls_t *tls, const char *octets,
                            apr_size_t len);

/** Says close_notify. */
void smtp_tls_close(smtp_tls_t *tls);

/** What came of the handshake; strings live as long as the connection. */
typedef struct smtp_tls_info_t {
    smtp_tls_result_e result;    /**< also where nothing fails for it: MAY,
                                      ENCRYPT, testing */
    unsigned int is_verified : 1; /**< the peer is who the policy asks for;
                                      never with NONE, MAY, ENCRYPT */
    unsigned int is_dane : 1;    /**< by a TLSA record */
    const char *protocol;        /**< "TLSv1.3"; NULL before DONE */
    const char *cipher;          /**< "TLS_AES_256_GCM_SHA384" */
    int bits;
    const char *detail;          /**< words for a log; NULL: all is well */
} smtp_tls_info_t;

const smtp_tls_info_t *smtp_tls_info(const smtp_tls_t *tls);

/** What smtp_client_tls_done() wants to know, after DONE: the binding is
 *  tls-exporter (RFC 9266), where it binds. Strings live as long as the
 *  connection. */
void smtp_tls_client_get(smtp_tls_t *tls, smtp_client_tls_t *client);

#endif
