/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * httpd's chain of authentication and authorization on a request that stands
 * for the AUTH command.
 *
 * What we hold of a password is wiped. mod_auth_basic decodes it once more,
 * into the pool of the request, which is out of our reach.
 */
#include "smtpd_auth_user.h"

#include <string.h>

#include <apr_strings.h>
#include <http_request.h>

#include "smtpd_access.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

request_rec *smtpd_auth_user_request(smtpd_auth_t *auth)
{
    smtpd_session_t *ss = auth->ss;
    request_rec *r = smtpd_access_request(ss->pub.c,
                                          ss->conf->auth.section);

    r->server = ss->pub.s;
    r->method = "AUTH";
    r->the_request = apr_pstrcat(r->pool, "AUTH ",
                                 smtp_sasl_mechanism_name(
                                     auth->mechanism->mechanism), NULL);
    /* mod_authn_socache looks for a slash, without which it crashes, and what
     * stands before tells its entries apart: those of another port are of
     * another <SMTPAuth>, maybe. */
    r->uri = r->unparsed_uri =
        apr_psprintf(r->pool, "/smtp:%u/",
                     (unsigned int)ss->pub.c->local_addr->port);
    return r;
}

/* Of the states of httpd's hooks; what is neither yes nor no (500 of a
 * provider that failed, or that nobody felt responsible) is no answer. */
static smtpd_auth_outcome_e outcome_of(smtpd_auth_t *auth, int status,
                                       const char *reason)
{
    switch (status) {
    case OK:
        return SMTPD_AUTH_PASSED;
    case HTTP_UNAUTHORIZED:
    case HTTP_FORBIDDEN:
        return smtpd_auth_refuse(auth, reason);
    default:
        return SMTPD_AUTH_UNAVAILABLE;
    }
}

/* What denies whoever comes (Require ip) is asked before any password, as
 * httpd does: a client that may not log in is told nothing of passwords. */
static smtpd_auth_outcome_e ask_about_client(smtpd_auth_t *auth,
                                             request_rec *r)
{
    int status = smtpd_access_judge(r);

    return status == HTTP_UNAUTHORIZED   /* it depends on the login */
           ? SMTPD_AUTH_PASSED
           : outcome_of(auth, status, "Require denies the client");
}

static smtpd_auth_outcome_e ask_about_password(smtpd_auth_t *auth,
                                               request_rec *r)
{
    int status = ap_run_check_user_id(r);

    if (status != OK) {
        return outcome_of(auth, status, "wrong login or password");
    }
    /* mod_authn_core says OK to anybody when there is no AuthType. */
    if (!r->user || !r->ap_auth_type) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, SMTPD_LOGNO(1063)
                      "<SMTPAuth>: nobody checked the password: is AuthType "
                      "Basic there?");
        return SMTPD_AUTH_UNAVAILABLE;
    }
    return smtpd_auth_login_set(auth, r->user)
           ? SMTPD_AUTH_PASSED
           : smtpd_auth_refuse(auth, "the provider's name of the login is "
                                     "none");
}

static smtpd_auth_outcome_e ask_about_login(smtpd_auth_t *auth,
                                            request_rec *r)
{
    return outcome_of(auth, ap_run_auth_checker(r),
                      "Require denies the login");
}

/* The value of an Authorization field (RFC 7617 2), in @a p. */
static char *basic_write(apr_pool_t *p, const char *login,
                         const char *password)
{
    char *pair = apr_pstrcat(p, login, ":", password, NULL);
    char *encoded = smtp_sasl_base64_write(p, pair, strlen(pair));
    char *value = apr_pstrcat(p, "Basic ", encoded, NULL);

    explicit_bzero(pair, strlen(pair));
    explicit_bzero(encoded, strlen(encoded));
    return value;
}

smtpd_auth_outcome_e smtpd_auth_user_verify(smtpd_auth_t *auth,
                                            const char *password)
{
    request_rec *r;
    smtpd_auth_outcome_e outcome;
    char *value;

    /* RFC 7617 2: a colon would end the login, and begin the password. */
    if (strchr(auth->login, ':')) {
        return smtpd_auth_refuse(auth, "colon in the login");
    }
    r = smtpd_auth_user_request(auth);
    value = basic_write(r->pool, auth->login, password);
    apr_table_setn(r->headers_in, "Authorization", value);
    outcome = ask_about_client(auth, r);
    if (outcome == SMTPD_AUTH_PASSED) {
        outcome = ask_about_password(auth, r);
    }
    if (outcome == SMTPD_AUTH_PASSED) {
        outcome = ask_about_login(auth, r);
    }
    explicit_bzero(value, strlen(value));
    apr_pool_destroy(r->pool);
    return outcome;
}

smtpd_auth_outcome_e smtpd_auth_user_admit(smtpd_auth_t *auth)
{
    request_rec *r = smtpd_auth_user_request(auth);
    smtpd_auth_outcome_e outcome = ask_about_client(auth, r);

    if (outcome == SMTPD_AUTH_PASSED) {
        r->user = apr_pstrdup(r->pool, auth->login);
        r->ap_auth_type = apr_pstrdup(r->pool, smtp_sasl_mechanism_name(
                                          auth->mechanism->mechanism));
        outcome = ask_about_login(auth, r);
    }
    apr_pool_destroy(r->pool);
    return outcome;
}
