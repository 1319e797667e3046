/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The module: judges the bearer tokens by which clients log in (AUTH
 * OAUTHBEARER and XOAUTH2).
 */
#include <ap_provider.h>
#include <httpd.h>
#include <http_config.h>

#include "mod_smtp.h"
#include "oauth_config.h"
#include "oauth_provider.h"

extern SMTP_DECLARE(module) smtp_oauth_module;

static void register_hooks(apr_pool_t *p)
{
    ap_register_provider(p, SMTP_TOKEN_GROUP, "jwt", SMTP_TOKEN_VERSION,
                         &oauth_jwt);
    ap_register_provider(p, SMTP_TOKEN_GROUP, "introspection",
                         SMTP_TOKEN_VERSION, &oauth_introspection);
    /* Behind whoever opens providers there. */
    ap_hook_check_config(oauth_config_check, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(oauth_introspection_child_init, NULL, NULL,
                       APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(smtp_oauth) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    oauth_config_create,
    oauth_config_merge,
    oauth_config_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
