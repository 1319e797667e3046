/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_claims.h
 * Whether what a token says (RFC 7519 4.1), or what its issuer says of it
 * (RFC 7662 2.2), lets its bearer log in, and as whom. The clock is passed in.
 * Pure: any thread.
 */
#ifndef OAUTH_CLAIMS_H
#define OAUTH_CLAIMS_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include <jansson.h>

/** Octets of a login, as SASL's PLAIN has them (RFC 4616 2). */
#define OAUTH_CLAIMS_LOGIN_MAX 255

/** What is asked of claims. */
typedef struct oauth_rules_t {
    const char *issuer;          /**< "iss" must be it; NULL: any */
    const apr_array_header_t *audiences; /**< "aud" must have one of these
                                      const char *; NULL: is not asked for */
    const apr_array_header_t *scopes;    /**< "scope" must have all of these;
                                      NULL: is not asked for */
    const char *login_claim;     /**< which claim is the login */
    int leeway_sec;              /**< by which clocks may differ */
    int is_token;                /**< 1: the claims are a token's own: iss and
                                      exp must be there. 0: they are an
                                      issuer's answer, where both may be
                                      left out */
} oauth_rules_t;

/**
 * Holds @a claims against @a rules. Beside them: exp, nbf and iat are looked at
 * where they are there; "cnf" (RFC 7800 3.1, RFC 9449 7.2) is refused, for such
 * a token is bound to a key and must not be taken from a mere bearer; so is
 * "token_type" other than Bearer (RFC 7662 2.2). The login is 1 to 255 octets
 * of UTF-8 without control characters; from the claim "email" it is taken only
 * if "email_verified" is true: else a user picks the name.
 * @param user   whom the client says it is, octet for octet; NULL: nobody
 * @param login  out: in @a p; NULL on failure
 * @return NULL, or a static text that continues "the token was refused: "
 */
const char *oauth_claims_check(apr_pool_t *p, const json_t *claims,
                               const oauth_rules_t *rules, apr_time_t now,
                               const char *user, const char **login);

#endif
