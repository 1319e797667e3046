/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_token.h
 * Who judges bearer tokens (RFC 6750), for AUTH with OAUTHBEARER (RFC 7628)
 * and XOAUTH2: by a signature, or by asking who issued them. A judge is a
 * provider: ap_register_provider(p, SMTP_TOKEN_GROUP, "jwt",
 * SMTP_TOKEN_VERSION, &token). SMTPAuthToken names one as provider:argument.
 */
#ifndef SMTP_TOKEN_H
#define SMTP_TOKEN_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <httpd.h>

#define SMTP_TOKEN_GROUP   "smtp_token"
#define SMTP_TOKEN_VERSION "1"

typedef struct smtp_token_t {
    /**
     * Makes a checker while the configuration is read.
     * @param p        pconf
     * @param argument what follows "provider:" in SMTPAuthToken
     * @param checker  out: the provider's own
     * @return NULL, or a message for the administrator that names the
     *         trouble and the remedy, without the directive
     */
    const char *(*open)(apr_pool_t *p, server_rec *s, const char *argument,
                        void **checker);

    /**
     * Judges a token. Any thread; it may block, and is to limit how long.
     * @param p      for @a login and whatever is needed on the way
     * @param r      a request that stands for the AUTH command: its server,
     *               connection and client address, for logs. It says nothing
     *               of the token, which must not be logged
     * @param user   whose token the client says it is, not empty; NULL when
     *               it did not say. Octets are UTF-8, else any
     * @param token  b64token (RFC 6750 2.1): printable ASCII without blanks
     * @param login  out: who the token's bearer is, when it is good. Must
     *               be @a user if that was given: a checker that finds
     *               another refuses. NULL otherwise
     * @return APR_SUCCESS; APR_EACCES: the token is not good, expired, for
     *         somebody or something else (535 5.7.8); any other: it could
     *         not be judged now (454 4.7.0), and the checker has logged why
     */
    apr_status_t (*check)(apr_pool_t *p, request_rec *r, void *checker,
                          const char *user, const char *token,
                          const char **login);
} smtp_token_t;

#endif
