/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* EXTERNAL (RFC 4422 A): the login stands in the certificate that the client
 * showed in the handshake. */
#include <string.h>

#include "smtpd_auth_user.h"
#include "smtpd_tls.h"

/* Only a chain that mod_ssl verified counts: with SSLVerifyClient
 * optional_no_ca it would say GENEROUS. */
static const char *login_of(const smtpd_session_t *ss, apr_pool_t *p)
{
    const char *verified = smtpd_tls_variable(ss, p, "SSL_CLIENT_VERIFY");

    return verified && strcmp(verified, "SUCCESS") == 0
           ? smtpd_tls_variable(ss, p, ss->conf->auth.certificate_name)
           : NULL;
}

int smtpd_auth_external_is_possible(const smtpd_session_t *ss, apr_pool_t *p)
{
    return login_of(ss, p) != NULL;
}

/* The message is the authorization identity; empty: that of the
 * certificate. */
smtpd_auth_outcome_e smtpd_auth_external_step(smtpd_auth_t *auth,
                                              const char *message,
                                              apr_size_t len)
{
    const char *login = login_of(auth->ss, auth->pool);
    smtpd_auth_outcome_e outcome;

    if (strlen(message) != len) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (!login) {
        return smtpd_auth_refuse(auth, "no certificate");
    }
    if (!smtpd_auth_claim(auth, login, &outcome)) {
        return outcome;
    }
    return len == 0 || strcmp(message, login) == 0
           ? smtpd_auth_user_admit(auth)
           : smtpd_auth_refuse(auth, "authorization identity of another");
}
