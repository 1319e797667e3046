/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* OAUTHBEARER (RFC 7628) and XOAUTH2: a provider judges the token. */
#include <string.h>

#include <httpd.h>

#include "smtp_token.h"
#include "smtpd_auth_user.h"

/* RFC 7628 3.2.2. No scope and no place to get a token: that is known to
 * whoever set up the client. XOAUTH2 has the status of HTTP. */
static const char bearer_error[] = "{\"status\":\"invalid_token\"}";
static const char xoauth2_error[] =
    "{\"status\":\"401\",\"schemes\":\"bearer\"}";

/* RFC 7628 3.2.3: the client answers the error, and then 535 comes. */
static smtpd_auth_outcome_e tell(smtpd_auth_t *auth)
{
    return auth->mechanism->mechanism == SMTP_SASL_XOAUTH2
           ? smtpd_auth_ask(auth, xoauth2_error, sizeof(xoauth2_error) - 1)
           : smtpd_auth_ask(auth, bearer_error, sizeof(bearer_error) - 1);
}

/* The provider's word. @a user: whose token it is said to be, or NULL. */
static smtpd_auth_outcome_e judge(smtpd_auth_t *auth, const char *user,
                                  const char *token)
{
    const smtpd_auth_conf_t *conf = &auth->ss->conf->auth;
    request_rec *r = smtpd_auth_user_request(auth);
    const char *login = NULL;
    apr_status_t rv = conf->token->check(auth->pool, r, conf->token_checker,
                                         user, token, &login);

    apr_pool_destroy(r->pool);
    if (rv == APR_EACCES) {
        return smtpd_auth_refuse(auth, "the token is not good");
    }
    if (rv != APR_SUCCESS || !login) {
        return SMTPD_AUTH_UNAVAILABLE;
    }
    if (user && strcmp(user, login) != 0) {
        return smtpd_auth_refuse(auth, "the token of another");
    }
    return smtpd_auth_login_set(auth, login)
           ? smtpd_auth_user_admit(auth)
           : smtpd_auth_refuse(auth, "octets that no login has");
}

static smtpd_auth_outcome_e take_token(smtpd_auth_t *auth,
                                       const char *message, apr_size_t len)
{
    const char *user, *token;
    smtpd_auth_outcome_e outcome;

    if (smtp_sasl_oauth_parse(auth->pool, auth->mechanism->mechanism,
                              message, len, &user, &token) != APR_SUCCESS) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (user && *user == '\0') {
        user = NULL;
    }
    if (smtpd_auth_claim(auth, user, &outcome)) {
        outcome = judge(auth, user, token);
    }
    explicit_bzero((char *)token, strlen(token));
    return outcome;
}

smtpd_auth_outcome_e smtpd_auth_token_step(smtpd_auth_t *auth,
                                           const char *message,
                                           apr_size_t len)
{
    smtpd_auth_outcome_e outcome;

    if (auth->step > 0) {
        return SMTPD_AUTH_REFUSED;   /* what the first step found */
    }
    outcome = take_token(auth, message, len);
    return outcome == SMTPD_AUTH_REFUSED ? tell(auth) : outcome;
}
