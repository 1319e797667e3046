/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_conf_auth.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <ap_provider.h>
#include <httpd.h>

#include "smtp_config.h"
#include "smtp_sasl.h"
#include "smtp_token.h"
#include "smtpd_conf_directive.h"
#include "smtpd_lookup.h"

#define BIT(mechanism) (1u << (mechanism))

static smtpd_auth_conf_t *auth_of(cmd_parms *cmd)
{
    return &smtpd_conf_get(cmd->server)->auth;
}

static const char *context_fault(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
}

/* Merging two would make it hard to see who may log in. */
const char *smtpd_conf_auth_section(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    smtpd_auth_conf_t *auth = auth_of(cmd);
    const char *fault = smtpd_conf_section_begin(cmd, arg);

    if (fault == NULL && auth->section != NULL) {
        fault = apr_psprintf(cmd->pool, "<SMTPAuth>: there is one already "
                             "(%s:%d); make one of both",
                             auth->directive->filename,
                             auth->directive->line_num);
    }
    if (fault == NULL) {
        auth->directive = cmd->directive;
        /* ACCESS_CONF is what mod_authn_dbd and mod_authz_dbd ask for. */
        fault = smtpd_conf_section_walk(cmd, cmd->directive->first_child,
                                        OR_AUTHCFG | OR_LIMIT | ACCESS_CONF,
                                        &auth->section);
    }
    return fault;
}

/** The mechanisms that may be named. */
static const char *names_write(apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = SMTP_SASL_UNKNOWN + 1; i < SMTP_SASL_COUNT; i++) {
        names = apr_pstrcat(p, names, *names == '\0' ? "" : " ",
                            smtp_sasl_mechanism_name(i), NULL);
    }
    return names;
}

const char *smtpd_conf_auth_mechanism_add(cmd_parms *cmd, void *dir,
                                          const char *arg)
{
    const char *fault = context_fault(cmd);
    smtp_sasl_mechanism_e mechanism =
        smtp_sasl_mechanism_find(arg, strlen(arg));

    if (fault != NULL) {
        return fault;
    }
    if (mechanism == SMTP_SASL_UNKNOWN) {
        return smtp_config_fault(cmd, arg,
                                 apr_pstrcat(cmd->pool, "is no mechanism that "
                                             "is known here; known are ",
                                             names_write(cmd->pool), NULL));
    }
    auth_of(cmd)->mechanisms |= BIT(mechanism);
    return NULL;
}

const char *smtpd_conf_auth_credentials_set(cmd_parms *cmd, void *dir,
                                            const char *arg)
{
    const char *fault = context_fault(cmd);
    smtpd_map_t *map;

    if (fault != NULL) {
        return fault;
    }
    fault = smtpd_lookup_open(cmd->pool, cmd->server, arg,
                              SMTP_LOOKUP_VALUES, &map);
    if (fault != NULL) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", fault, NULL);
    }
    map->where = apr_psprintf(cmd->pool, "%s %s (%s:%d)", cmd->cmd->name,
                              arg, cmd->directive->filename,
                              cmd->directive->line_num);
    auth_of(cmd)->credentials = map;
    return NULL;
}

static int is_variable(const char *s)
{
    while (apr_isalnum(*s) || *s == '_') {
        s++;
    }
    return *s == '\0';
}

const char *smtpd_conf_auth_certificate_name_set(cmd_parms *cmd, void *dir,
                                                 const char *arg)
{
    const char *fault = context_fault(cmd);

    if (fault == NULL
        && (strncmp(arg, "SSL_CLIENT_", 11) != 0 || !is_variable(arg))) {
        fault = smtp_config_fault(cmd, arg, "is no variable of mod_ssl about "
                                  "the client's certificate; give "
                                  "SSL_CLIENT_S_DN_Email, "
                                  "SSL_CLIENT_SAN_Email_0, SSL_CLIENT_S_DN_CN "
                                  "or the like");
    }
    if (fault == NULL) {
        auth_of(cmd)->certificate_name = arg;
    }
    return fault;
}

const char *smtpd_conf_auth_token_set(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    smtpd_auth_conf_t *auth = auth_of(cmd);
    const char *colon = strchr(arg, ':');
    const char *fault = context_fault(cmd);
    const char *name = colon == NULL ? arg
                       : apr_pstrmemdup(cmd->pool, arg, colon - arg);

    if (fault != NULL) {
        return fault;
    }
    auth->token = ap_lookup_provider(SMTP_TOKEN_GROUP, name,
                                     SMTP_TOKEN_VERSION);
    if (auth->token == NULL) {
        return smtp_config_fault(cmd, arg,
                                 apr_psprintf(cmd->pool, "no provider is "
                                              "called \"%s\"; write "
                                              "provider:argument, and put the "
                                              "LoadModule of its module "
                                              "(mod_smtp_oauth) before this "
                                              "line", name));
    }
    fault = auth->token->open(cmd->pool, cmd->server,
                              colon == NULL ? "" : colon + 1,
                              &auth->token_checker);
    return fault == NULL ? NULL : smtp_config_fault(cmd, arg, fault);
}

static const ap_directive_t *find_among(const ap_directive_t *at,
                                        const char *name)
{
    const ap_directive_t *found = NULL;

    for (; at != NULL && found == NULL; at = at->next) {
        found = strcasecmp(at->directive, name) == 0
                ? at : find_among(at->first_child, name);
    }
    return found;
}

const ap_directive_t *smtpd_conf_auth_find(const smtpd_auth_conf_t *auth,
                                           const char *name)
{
    return auth->directive == NULL
           ? NULL : find_among(auth->directive->first_child, name);
}

const char *smtpd_conf_auth_word(apr_pool_t *p,
                                 const smtpd_auth_conf_t *auth,
                                 const char *name)
{
    const ap_directive_t *at = smtpd_conf_auth_find(auth, name);
    const char *args = at == NULL ? NULL : at->args;

    return args == NULL ? NULL : ap_getword_conf(p, &args);
}

void smtpd_conf_auth_complete(apr_pool_t *p, smtpd_conf_t *conf)
{
    smtpd_auth_conf_t *auth = &conf->auth;

    if (auth->section == NULL) {
        return;
    }
    /* mod_ssl's own way to say it works too. */
    if (auth->certificate_name == NULL) {
        auth->certificate_name = smtpd_conf_auth_word(p, auth,
                                                      "SSLUserName");
    }
    if (auth->mechanisms != 0) {
        return;
    }
    if (smtpd_conf_auth_find(auth, "AuthType") != NULL) {
        auth->mechanisms |= BIT(SMTP_SASL_PLAIN) | BIT(SMTP_SASL_LOGIN);
    }
    if (auth->credentials != NULL) {
        auth->mechanisms |= BIT(SMTP_SASL_SCRAM_SHA_256)
                            | BIT(SMTP_SASL_SCRAM_SHA_256_PLUS);
    }
    if (auth->certificate_name != NULL) {
        auth->mechanisms |= BIT(SMTP_SASL_EXTERNAL);
    }
    if (auth->token != NULL) {
        auth->mechanisms |= BIT(SMTP_SASL_OAUTHBEARER)
                            | BIT(SMTP_SASL_XOAUTH2);
    }
}
