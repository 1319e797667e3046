/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_config.h
 * What the directives of mod_smtp_oauth set, for a server or virtual host:
 * each that a virtual host does not set is taken from the main server.
 * Read-only after start: any thread.
 */
#ifndef OAUTH_CONFIG_H
#define OAUTH_CONFIG_H

#include <apr_tables.h>
#include <apr_time.h>

#include <httpd.h>
#include <http_config.h>

#include "oauth_claims.h"
#include "oauth_http.h"
#include "oauth_keyring.h"

/** Who can be named by SMTPAuthToken. */
typedef enum {
    OAUTH_CONFIG_JWT = 1 << 0,
    OAUTH_CONFIG_INTROSPECTION = 1 << 1
} oauth_config_provider_e;

#define OAUTH_CONFIG_UNSET (-1)

typedef struct oauth_config_t {
    oauth_keyring_t *keys;               /**< SMTPOAuthKeys, or NULL */
    const char *issuer;                  /**< SMTPOAuthIssuer, or NULL */
    apr_array_header_t *audiences;       /**< const char *, or NULL */
    apr_array_header_t *scopes;          /**< const char *, or NULL */
    const char *login_claim;             /**< NULL: the provider's default */
    int leeway_sec;                      /**< OAUTH_CONFIG_UNSET: not set */
    const char *introspection;           /**< a URL, or NULL */
    const char *client_id;               /**< SMTPOAuthClient, or NULL */
    const char *client_secret;           /**< never logged */
    const char *ca_file;                 /**< SMTPOAuthCAFile, or NULL */
    apr_interval_time_t connect_timeout; /**< 0: not set */
    apr_interval_time_t timeout;         /**< 0: not set */
    int max_requests;                    /**< of the main server alone; 0: not
                                              set */
    unsigned int asked;                  /**< oauth_config_provider_e: whom
                                              SMTPAuthToken names here or in
                                              the main server */
} oauth_config_t;

extern const command_rec oauth_config_directives[];

/** @name Functions for the module's record
 * @{ */
void *oauth_config_create(apr_pool_t *p, server_rec *s);
void *oauth_config_merge(apr_pool_t *p, void *base, void *add);
/** @} */

oauth_config_t *oauth_config_get(const server_rec *s);

/** Notes that SMTPAuthToken of @a s names @a provider. While the
 *  configuration is read. @param p  pconf */
void oauth_config_ask(apr_pool_t *p, server_rec *s,
                      oauth_config_provider_e provider);

/** Why @a provider cannot judge tokens by this configuration, or NULL. What is
 *  missing makes it refuse: a token that was made for another service must
 *  not log in here by omission. */
const char *oauth_config_fault(const oauth_config_t *config,
                               oauth_config_provider_e provider);

/** What claims are held against. */
void oauth_config_rules(const oauth_config_t *config,
                        oauth_config_provider_e provider,
                        oauth_rules_t *rules);

/** Whom to ask. */
void oauth_config_endpoint(const oauth_config_t *config,
                           oauth_http_endpoint_t *endpoint);

/** SMTPOAuthMaxRequests, from the main server's configuration. */
int oauth_config_max_requests(const oauth_config_t *config);

/** check_config: what can only be judged when all is read. Under httpd -t
 *  too. */
int oauth_config_check(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s);

#endif
