/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SMTPAuthToken jwt. The checker that it hands out is nothing: what counts is
 * the configuration of the virtual host that the client talks to.
 */
#include <string.h>

#include "oauth_claims.h"
#include "oauth_config.h"
#include "oauth_json.h"
#include "oauth_jws.h"
#include "oauth_log.h"
#include "oauth_provider.h"

APLOG_USE_MODULE(smtp_oauth);

static const char *jwt_open(apr_pool_t *p, server_rec *s,
                            const char *argument, void **checker)
{
    *checker = NULL;
    if (*argument != '\0') {
        return "jwt takes no argument; name keys by SMTPOAuthKeys";
    }
    oauth_config_ask(p, s, OAUTH_CONFIG_JWT);
    return NULL;
}

static void news_log(request_rec *r, const oauth_keys_t *keys,
                     const oauth_keyring_news_t *news)
{
    if (news->fault != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, OAUTH_LOGNO(3011)
                      "SMTPOAuthKeys: %s; what was read before stays in "
                      "force", news->fault);
    }
    if (news->is_read) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, OAUTH_LOGNO(3012)
                      "SMTPOAuthKeys: read again: %d keys, %d skipped%s%s",
                      keys->list->nelts, keys->skipped,
                      keys->skipped != 0 ? ": " : "",
                      keys->skipped != 0 ? keys->skipped_why : "");
    }
}

/** @return NULL with a login, or why the token is refused */
static const char *token_fault(apr_pool_t *p, const oauth_config_t *config,
                               const oauth_keys_t *keys, const char *token,
                               const char *user, apr_time_t now,
                               const char **login)
{
    oauth_rules_t rules;
    oauth_jws_t jws;
    const json_t *claims;
    const char *fault = oauth_jws_parse(p, token, strlen(token), &jws);

    fault = fault != NULL ? fault : oauth_jws_verify(&jws, keys);
    if (fault != NULL) {
        return fault;
    }
    claims = oauth_json_parse(p, (const char *)jws.payload, jws.payload_len);
    if (claims == NULL) {
        return "its claims are no JSON object, or have a name twice";
    }
    oauth_config_rules(config, OAUTH_CONFIG_JWT, &rules);
    return oauth_claims_check(p, claims, &rules, now, user, login);
}

static apr_status_t jwt_check(apr_pool_t *p, request_rec *r, void *checker,
                              const char *user, const char *token,
                              const char **login)
{
    const oauth_config_t *config = oauth_config_get(r->server);
    const char *fault = oauth_config_fault(config, OAUTH_CONFIG_JWT);
    const oauth_keys_t *keys;
    oauth_keyring_news_t news;
    apr_time_t now = apr_time_now();

    *login = NULL;
    if (fault != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, OAUTH_LOGNO(3010) "%s",
                      fault);
        return APR_EGENERAL;
    }
    keys = oauth_keyring_acquire(config->keys, p, now, &news);
    news_log(r, keys, &news);
    fault = token_fault(p, config, keys, token, user, now, login);
    oauth_keyring_release(config->keys, keys);
    if (fault != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, OAUTH_LOGNO(3013)
                      "the token was refused: %s", fault);
        return APR_EACCES;
    }
    return APR_SUCCESS;
}

const smtp_token_t oauth_jwt = { jwt_open, jwt_check };
