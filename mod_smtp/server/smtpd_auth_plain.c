/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* PLAIN (RFC 4616), and LOGIN, which has no RFC but many clients. */
#include <string.h>

#include "smtpd_auth_user.h"

/* RFC 4954 4.1: to act for somebody else is not for us to allow. */
static int is_own(const char *authzid, const char *login)
{
    return *authzid == '\0' || strcmp(authzid, login) == 0;
}

smtpd_auth_outcome_e smtpd_auth_plain_step(smtpd_auth_t *auth,
                                           const char *message,
                                           apr_size_t len)
{
    const char *authzid, *login, *password;
    smtpd_auth_outcome_e outcome;

    if (smtp_sasl_plain_parse(auth->pool, message, len, &authzid, &login,
                              &password) != APR_SUCCESS) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (smtpd_auth_claim(auth, login, &outcome)) {
        outcome = is_own(authzid, login)
                  ? smtpd_auth_user_verify(auth, password)
                  : smtpd_auth_refuse(auth, "authorization identity of "
                                            "another");
    }
    explicit_bzero((char *)password, strlen(password));
    return outcome;
}

smtpd_auth_outcome_e smtpd_auth_login_step(smtpd_auth_t *auth,
                                           const char *message,
                                           apr_size_t len)
{
    static const char prompt[] = "Password:";
    smtpd_auth_outcome_e outcome;

    /* Else a NUL would cut it short. */
    if (strlen(message) != len) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (auth->step == 0) {
        return smtpd_auth_claim(auth, message, &outcome)
               ? smtpd_auth_ask(auth, prompt, sizeof(prompt) - 1) : outcome;
    }
    return len == 0 ? smtpd_auth_refuse(auth, "empty password")
                    : smtpd_auth_user_verify(auth, message);
}
