/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_config.h"

#include <apr_strings.h>

#include "oauth_log.h"

#define LEEWAY_SEC       60
#define CONNECT_TIMEOUT  apr_time_from_sec(3)
#define TIMEOUT          apr_time_from_sec(5)
#define MAX_REQUESTS     8

extern module AP_MODULE_DECLARE_DATA smtp_oauth_module;
APLOG_USE_MODULE(smtp_oauth);

oauth_config_t *oauth_config_get(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &smtp_oauth_module);
}

void *oauth_config_create(apr_pool_t *p, server_rec *s)
{
    oauth_config_t *config = apr_pcalloc(p, sizeof(*config));

    config->leeway_sec = OAUTH_CONFIG_UNSET;
    return config;
}

#define MERGE(field, unset) \
    (merged->field = add->field != (unset) ? add->field : base->field)

void *oauth_config_merge(apr_pool_t *p, void *base_config, void *add_config)
{
    const oauth_config_t *base = base_config, *add = add_config;
    oauth_config_t *merged = apr_pmemdup(p, add, sizeof(*add));

    MERGE(keys, NULL);
    MERGE(issuer, NULL);
    MERGE(audiences, NULL);
    MERGE(scopes, NULL);
    MERGE(login_claim, NULL);
    MERGE(leeway_sec, OAUTH_CONFIG_UNSET);
    MERGE(introspection, NULL);
    MERGE(client_id, NULL);
    MERGE(client_secret, NULL);
    MERGE(ca_file, NULL);
    MERGE(connect_timeout, 0);
    MERGE(timeout, 0);
    MERGE(max_requests, 0);
    merged->asked |= base->asked;
    return merged;
}

void oauth_config_ask(apr_pool_t *p, server_rec *s,
                      oauth_config_provider_e provider)
{
    oauth_config_t *config = oauth_config_get(s);

    /* httpd makes a virtual host's at the first directive of ours in it. */
    if (config == NULL) {
        config = oauth_config_create(p, s);
        ap_set_module_config(s->module_config, &smtp_oauth_module, config);
    }
    config->asked |= provider;
}

/* ---- What must be there ---- */

static int has_keys(const oauth_config_t *config)
{
    return config->keys != NULL;
}

static int has_issuer(const oauth_config_t *config)
{
    return config->issuer != NULL;
}

static int has_audience(const oauth_config_t *config)
{
    return config->audiences != NULL;
}

static int has_introspection(const oauth_config_t *config)
{
    return config->introspection != NULL;
}

static int has_client(const oauth_config_t *config)
{
    return config->client_id != NULL;
}

static int has_aim(const oauth_config_t *config)
{
    return config->audiences != NULL || config->scopes != NULL;
}

static const struct {
    unsigned int provider;
    int (*has)(const oauth_config_t *config);
    const char *fault;
} needs[] = {
    { OAUTH_CONFIG_JWT, has_keys,
      "SMTPAuthToken jwt needs SMTPOAuthKeys: the keys of who signs tokens" },
    { OAUTH_CONFIG_JWT, has_issuer,
      "SMTPAuthToken jwt needs SMTPOAuthIssuer: who signs tokens; without it "
      "the token of another would log in" },
    { OAUTH_CONFIG_JWT, has_audience,
      "SMTPAuthToken jwt needs SMTPOAuthAudience: what tokens call this "
      "server; without it a token for another service would log in" },
    { OAUTH_CONFIG_INTROSPECTION, has_introspection,
      "SMTPAuthToken introspection needs SMTPOAuthIntrospection: the URL of "
      "the end point" },
    { OAUTH_CONFIG_INTROSPECTION, has_client,
      "SMTPAuthToken introspection needs SMTPOAuthClient: the end point "
      "answers only those that it knows (RFC 7662 2.1)" },
    { OAUTH_CONFIG_INTROSPECTION, has_aim,
      "SMTPAuthToken introspection needs SMTPOAuthAudience or SMTPOAuthScope; "
      "without both a token for another service would log in" }
};

const char *oauth_config_fault(const oauth_config_t *config,
                               oauth_config_provider_e provider)
{
    size_t i;

    for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if ((needs[i].provider & provider) != 0 && !needs[i].has(config)) {
            return needs[i].fault;
        }
    }
    return NULL;
}

/** Whether all is there that the providers which @a s asks for need. */
static int is_complete(server_rec *s, const oauth_config_t *config)
{
    static const oauth_config_provider_e providers[] =
        { OAUTH_CONFIG_JWT, OAUTH_CONFIG_INTROSPECTION };
    const char *fault = NULL;
    size_t i;

    for (i = 0; i < sizeof(providers) / sizeof(providers[0])
                && fault == NULL; i++) {
        if ((config->asked & providers[i]) != 0) {
            fault = oauth_config_fault(config, providers[i]);
        }
    }
    if (fault != NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, OAUTH_LOGNO(3001)
                     "<VirtualHost %s:%u> (%s:%u): %s", s->addrs->virthost,
                     s->addrs->host_port, s->defn_name,
                     s->defn_line_number, fault);
    }
    return fault == NULL;
}

int oauth_config_check(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    const oauth_config_t *of_main = oauth_config_get(s);
    int rv = OK;

    for (; s != NULL; s = s->next) {
        const oauth_config_t *config = oauth_config_get(s);

        /* A virtual host that only inherits may speak HTTP, and need
         * nothing. */
        if (s->is_virtual && config != of_main && !is_complete(s, config)) {
            rv = HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return rv;
}

/* ---- Values, with what holds when nothing is set ---- */

void oauth_config_rules(const oauth_config_t *config,
                        oauth_config_provider_e provider,
                        oauth_rules_t *rules)
{
    int is_token = provider == OAUTH_CONFIG_JWT;

    rules->issuer = config->issuer;
    rules->audiences = config->audiences;
    rules->scopes = config->scopes;
    rules->login_claim = config->login_claim != NULL ? config->login_claim
                         : is_token ? "sub" : "username";
    rules->leeway_sec = config->leeway_sec == OAUTH_CONFIG_UNSET
                        ? LEEWAY_SEC : config->leeway_sec;
    rules->is_token = is_token;
}

void oauth_config_endpoint(const oauth_config_t *config,
                           oauth_http_endpoint_t *endpoint)
{
    endpoint->url = config->introspection;
    endpoint->client_id = config->client_id;
    endpoint->client_secret = config->client_secret;
    endpoint->ca_file = config->ca_file;
    endpoint->connect_timeout = config->connect_timeout != 0
                                ? config->connect_timeout : CONNECT_TIMEOUT;
    endpoint->timeout = config->timeout != 0 ? config->timeout : TIMEOUT;
}

int oauth_config_max_requests(const oauth_config_t *config)
{
    return config->max_requests != 0 ? config->max_requests : MAX_REQUESTS;
}
