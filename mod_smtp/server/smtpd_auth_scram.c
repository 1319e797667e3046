/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the server's side.
 *
 * On failure RFC 5802 7 lets a server tell why, by "e=". We do not: 535 alone
 * ends the exchange a round trip earlier, and the log has the reason.
 */
#include "smtpd_auth_scram.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>

#include "smtp_saslprep.h"
#include "smtp_scram.h"
#include "smtpd_auth_user.h"
#include "smtpd_log.h"
#include "smtpd_tls.h"

APLOG_USE_MODULE(smtp);

/** Random octets of our part of the nonce. */
#define NONCE_OCTETS 18
/** Of the client's part: our challenge repeats it. Clients send 16 to 32. */
#define CLIENT_NONCE_MAX_OCTETS 1024

#define SECRET_OCTETS 32

static unsigned char *secret;

/** What the first step leaves to the second. */
typedef struct scram_t {
    smtp_sasl_scram_first_t first;
    const char *nonce;           /**< client's and ours */
    const char *server_first;
    smtp_scram_verifier_t verifier;
    int is_pretended;            /**< the login does not exist */
} scram_t;

apr_status_t smtpd_auth_scram_init(void)
{
    static const char key[] = "smtpd_auth_scram";

    secret = ap_retained_data_get(key);
    if (secret) {
        return APR_SUCCESS;
    }
    secret = ap_retained_data_create(key, SECRET_OCTETS);
    return apr_generate_random_bytes(secret, SECRET_OCTETS);
}

static apr_status_t scram_wipe(void *data)
{
    explicit_bzero(data, sizeof(scram_t));
    return APR_SUCCESS;
}

/* Whether this connection has what a channel could be bound to. */
int smtpd_auth_scram_plus_is_possible(const smtpd_session_t *ss,
                                      apr_pool_t *p)
{
    apr_size_t len;

    return smtpd_tls_binding(ss, p, "tls-exporter", &len)
           || smtpd_tls_binding(ss, p, "tls-server-end-point", &len);
}

static int is_plus(const smtpd_auth_t *auth)
{
    return auth->mechanism->mechanism == SMTP_SASL_SCRAM_SHA_256_PLUS;
}

/* Whether EHLO has offered -PLUS, too. */
static int offers_plus(const smtpd_auth_t *auth)
{
    return (auth->ss->conf->auth.mechanisms
            & (1u << SMTP_SASL_SCRAM_SHA_256_PLUS))
           && smtpd_auth_scram_plus_is_possible(auth->ss, auth->pool);
}

/* RFC 5802 6: what the flag says of channel binding. @return NULL, or why it
 * cannot be */
static const char *binding_fault(const smtpd_auth_t *auth,
                                 const smtp_sasl_scram_first_t *first)
{
    apr_size_t len;

    if (is_plus(auth) != (first->gs2_cbind == 'p')) {
        return "channel binding does not go with the mechanism";
    }
    if (first->gs2_cbind == 'p'
        && !smtpd_tls_binding(auth->ss, auth->pool, first->cbind_name,
                              &len)) {
        return "unsupported channel binding type";
    }
    /* The client could bind, and believes that we cannot: somebody took
     * -PLUS out of what we offered. */
    if (first->gs2_cbind == 'y' && offers_plus(auth)) {
        return "channel binding was taken out of our offer";
    }
    return NULL;
}

/* Who it says it is. @return 1, or 0 with *outcome set */
static int claim(smtpd_auth_t *auth, const scram_t *scram,
                 smtpd_auth_outcome_e *outcome)
{
    const char *login, *authzid, *fault;

    if (smtp_saslprep_create(auth->pool, scram->first.username,
                             SMTP_SASLPREP_QUERY, &login, &fault)
        != APR_SUCCESS) {
        *outcome = smtpd_auth_refuse(auth, "octets that no login has");
        return 0;
    }
    if (!smtpd_auth_claim(auth, login, outcome)) {
        return 0;
    }
    authzid = scram->first.authzid;
    if (*authzid && strcmp(authzid, scram->first.username) != 0) {
        *outcome = smtpd_auth_refuse(auth, "authorization identity of "
                                           "another");
        return 0;
    }
    return 1;
}

/* What SMTPAuthCredentials has of the login. */
static apr_status_t credential_find(smtpd_auth_t *auth, const char **value)
{
    const smtpd_map_t *map = auth->ss->conf->auth.credentials;
    request_rec *r = smtpd_auth_user_request(auth);
    apr_status_t rv = map->lookup->find(auth->pool, r, map->map, auth->login,
                                        value);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, SMTPD_LOGNO(1064)
                      "%s: the map could not be asked", map->where);
    }
    apr_pool_destroy(r->pool);
    return rv;
}

/* The verifier of the login, or one that looks like it: whether the login
 * exists is nobody's business. @return 1, or 0: cannot be judged */
static int verifier_find(smtpd_auth_t *auth, scram_t *scram)
{
    const smtpd_map_t *map = auth->ss->conf->auth.credentials;
    const char *value;

    if (credential_find(auth, &value) != APR_SUCCESS) {
        return 0;
    }
    scram->is_pretended = value == NULL;
    if (scram->is_pretended) {
        return smtp_scram_verifier_pretend(secret, SECRET_OCTETS,
                                           auth->login, &scram->verifier)
               == APR_SUCCESS;
    }
    if (smtp_scram_verifier_parse(value, &scram->verifier) != APR_SUCCESS) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, auth->ss->pub.c,
                      SMTPD_LOGNO(1065) "%s: what it has of a login is no "
                      "credential; make it with smtp-scram", map->where);
        return 0;
    }
    return 1;
}

/* server-first-message (RFC 5802 7). @return 1, or 0: no random octets */
static int answer_write(smtpd_auth_t *auth, scram_t *scram)
{
    const smtp_scram_verifier_t *verifier = &scram->verifier;
    unsigned char octets[NONCE_OCTETS];

    if (apr_generate_random_bytes(octets, sizeof(octets)) != APR_SUCCESS) {
        return 0;
    }
    scram->nonce =
        apr_pstrcat(auth->pool, scram->first.nonce,
                    smtp_sasl_base64_write(auth->pool, (char *)octets,
                                           sizeof(octets)), NULL);
    scram->server_first =
        apr_psprintf(auth->pool, "r=%s,s=%s,i=%d", scram->nonce,
                     smtp_sasl_base64_write(auth->pool,
                                            (const char *)verifier->salt,
                                            verifier->salt_len),
                     verifier->iterations);
    return 1;
}

static smtpd_auth_outcome_e take_first(smtpd_auth_t *auth,
                                       const char *message, apr_size_t len)
{
    scram_t *scram = apr_pcalloc(auth->pool, sizeof(*scram));
    smtpd_auth_outcome_e outcome;
    const char *fault;

    auth->ctx = scram;
    apr_pool_cleanup_register(auth->pool, scram, scram_wipe,
                              apr_pool_cleanup_null);
    if (smtp_sasl_scram_first_parse(auth->pool, message, len, &scram->first)
        != APR_SUCCESS
        || strlen(scram->first.nonce) > CLIENT_NONCE_MAX_OCTETS) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (!claim(auth, scram, &outcome)) {
        return outcome;
    }
    fault = binding_fault(auth, &scram->first);
    if (fault) {
        return smtpd_auth_refuse(auth, fault);
    }
    if (!verifier_find(auth, scram) || !answer_write(auth, scram)) {
        return SMTPD_AUTH_UNAVAILABLE;
    }
    return smtpd_auth_ask(auth, scram->server_first,
                          strlen(scram->server_first));
}

/* c= repeats the first message's header, and the binding behind it
 * (RFC 5802 5.1). */
static int is_bound(smtpd_auth_t *auth, const scram_t *scram,
                    const smtp_sasl_scram_final_t *last)
{
    const char *header = scram->first.gs2_header;
    apr_size_t header_len = strlen(header), len = 0;
    const unsigned char *data = NULL;

    if (scram->first.gs2_cbind == 'p') {
        data = smtpd_tls_binding(auth->ss, auth->pool,
                                 scram->first.cbind_name, &len);
        if (!data) {
            return 0;
        }
    }
    return last->cbind_data_len == header_len + len
           && memcmp(last->cbind_data, header, header_len) == 0
           && (len == 0
               || memcmp(last->cbind_data + header_len, data, len) == 0);
}

static const char *auth_message_write(smtpd_auth_t *auth,
                                      const scram_t *scram,
                                      const smtp_sasl_scram_final_t *last)
{
    return apr_pstrcat(auth->pool, scram->first.bare, ",",
                       scram->server_first, ",", last->without_proof, NULL);
}

/* server-final-message: that we know the password, too. */
static smtpd_auth_outcome_e prove(smtpd_auth_t *auth,
                                  const unsigned char *signature)
{
    const char *message =
        apr_pstrcat(auth->pool, "v=",
                    smtp_sasl_base64_write(auth->pool,
                                           (const char *)signature,
                                           SMTP_SCRAM_KEY_OCTETS), NULL);

    return smtpd_auth_ask(auth, message, strlen(message));
}

static smtpd_auth_outcome_e take_final(smtpd_auth_t *auth,
                                       const char *message, apr_size_t len)
{
    scram_t *scram = auth->ctx;
    smtp_sasl_scram_final_t last;
    unsigned char signature[SMTP_SCRAM_KEY_OCTETS];
    smtpd_auth_outcome_e outcome;
    int is_good;

    if (smtp_sasl_scram_final_parse(auth->pool, message, len, &last)
        != APR_SUCCESS) {
        return SMTPD_AUTH_MALFORMED;
    }
    if (strcmp(last.nonce, scram->nonce) != 0) {
        return smtpd_auth_refuse(auth, "another nonce");
    }
    if (!is_bound(auth, scram, &last)) {
        return smtpd_auth_refuse(auth, "channel bindings don't match");
    }
    is_good = smtp_scram_proof_is_good(&scram->verifier,
                                       auth_message_write(auth, scram, &last),
                                       last.proof, last.proof_len, signature);
    if (!is_good || scram->is_pretended) {
        return smtpd_auth_refuse(auth, "wrong login or password");
    }
    outcome = smtpd_auth_user_admit(auth);
    return outcome == SMTPD_AUTH_PASSED ? prove(auth, signature) : outcome;
}

/* RFC 4954 4: our proof goes in a challenge, whose answer is empty. */
static smtpd_auth_outcome_e take_end(smtpd_auth_t *auth, const char *message,
                                     apr_size_t len)
{
    return len == 0 ? SMTPD_AUTH_PASSED : SMTPD_AUTH_MALFORMED;
}

smtpd_auth_outcome_e smtpd_auth_scram_step(smtpd_auth_t *auth,
                                           const char *message,
                                           apr_size_t len)
{
    static smtpd_auth_outcome_e (*const steps[])(smtpd_auth_t *, const char *,
                                                 apr_size_t) =
        { take_first, take_final, take_end };

    return steps[auth->step](auth, message, len);
}
