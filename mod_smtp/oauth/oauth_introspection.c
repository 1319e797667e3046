/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SMTPAuthToken introspection. Nothing is remembered of an answer: a token
 * that was revoked logs nobody in.
 */
#include <string.h>

#include "oauth_answer.h"
#include "oauth_claims.h"
#include "oauth_config.h"
#include "oauth_http.h"
#include "oauth_jws.h"
#include "oauth_log.h"
#include "oauth_provider.h"
#include "smtp_chars.h"

APLOG_USE_MODULE(smtp_oauth);

/** Octets of libcurl's words that a log line takes. */
#define REASON_MAX 200

/* This process's; NULL: nobody asks. */
static oauth_http_t *http;

static const char *introspection_open(apr_pool_t *p, server_rec *s,
                                      const char *argument, void **checker)
{
    *checker = NULL;
    if (*argument != '\0') {
        return "introspection takes no argument; name the end point by "
               "SMTPOAuthIntrospection";
    }
    oauth_config_ask(p, s, OAUTH_CONFIG_INTROSPECTION);
    return NULL;
}

/** Whether some virtual host asks an end point. */
static int is_needed(const server_rec *s)
{
    for (; s != NULL; s = s->next) {
        if ((oauth_config_get(s)->asked & OAUTH_CONFIG_INTROSPECTION) != 0) {
            return 1;
        }
    }
    return 0;
}

void oauth_introspection_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    http = NULL;
    if (!is_needed(s)) {
        return;
    }
    rv = oauth_http_create(pchild,
                           oauth_config_max_requests(oauth_config_get(s)),
                           &http);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, OAUTH_LOGNO(3020)
                     "this process cannot ask introspection end points");
    }
}

static apr_status_t endpoint_fail(request_rec *r, apr_pool_t *p,
                                  const oauth_config_t *config,
                                  apr_status_t rv, const char *fault)
{
    /* SMTPOAuthMaxRequests is reached by strangers with tokens of no worth. */
    int level = APR_STATUS_IS_EAGAIN(rv) ? APLOG_INFO : APLOG_ERR;

    ap_log_rerror(APLOG_MARK, level, 0, r, OAUTH_LOGNO(3022)
                  "SMTPOAuthIntrospection %s: %s", config->introspection,
                  smtp_chars_escape(p, fault, strlen(fault), REASON_MAX));
    return rv;
}

static apr_status_t token_refuse(request_rec *r, const char *fault)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, OAUTH_LOGNO(3023)
                  "the token was refused: %s", fault);
    return APR_EACCES;
}

/** Asks, and reads the answer. Logs what is not APR_SUCCESS. */
static apr_status_t claims_get(apr_pool_t *p, request_rec *r,
                               const oauth_config_t *config,
                               const char *token, const json_t **claims)
{
    oauth_http_endpoint_t endpoint;
    oauth_answer_t answer;
    const char *fault;
    apr_status_t rv;

    oauth_config_endpoint(config, &endpoint);
    rv = oauth_http_ask(http, p, &endpoint, token, &answer, &fault);
    if (rv != APR_SUCCESS) {
        return endpoint_fail(r, p, config, rv,
                             fault != NULL ? fault : "no memory");
    }
    rv = oauth_answer_parse(p, &answer, claims, &fault);
    if (rv == APR_EACCES) {
        return token_refuse(r, fault);
    }
    return rv == APR_SUCCESS ? rv : endpoint_fail(r, p, config, rv, fault);
}

static apr_status_t introspection_check(apr_pool_t *p, request_rec *r,
                                        void *checker, const char *user,
                                        const char *token,
                                        const char **login)
{
    const oauth_config_t *config = oauth_config_get(r->server);
    const char *fault = oauth_config_fault(config,
                                           OAUTH_CONFIG_INTROSPECTION);
    const json_t *claims;
    oauth_rules_t rules;
    apr_status_t rv;

    *login = NULL;
    if (fault != NULL || http == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, OAUTH_LOGNO(3021) "%s",
                      fault != NULL ? fault : "this process cannot ask");
        return APR_EGENERAL;
    }
    if (strlen(token) > OAUTH_JWS_MAX_OCTETS) {
        return token_refuse(r, "it is too large");
    }
    rv = claims_get(p, r, config, token, &claims);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    oauth_config_rules(config, OAUTH_CONFIG_INTROSPECTION, &rules);
    fault = oauth_claims_check(p, claims, &rules, apr_time_now(), user,
                               login);
    return fault == NULL ? APR_SUCCESS : token_refuse(r, fault);
}

const smtp_token_t oauth_introspection = {
    introspection_open, introspection_check
};
