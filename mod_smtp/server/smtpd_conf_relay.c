/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPRelay>. It is read twice: as it stands, and as the strangers meet it
 * by whom smtpd_relay_check.c tries whether it is an open relay.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>

#include "smtpd_conf_directive.h"

/** What Require and its providers ask for: of those of DBD some want the
 *  last. */
#define ALLOWED (OR_AUTHCFG | ACCESS_CONF)

/** What a rule of Require comes to when a stranger is asked about it. */
typedef enum {
    RULE_ASKED = 0,              /**< httpd answers */
    RULE_CLAIMED,                /**< as the stranger likes: whoever wants can
                                      speak TLS, and say what he will */
    RULE_UNKNOWN                 /**< no: else each of them would be looked up
                                      in DNS or a directory */
} rule_e;

static const struct {
    const char *provider;
    rule_e rule;
} rules[] = {
    { "ssl", RULE_CLAIMED },
    { "method", RULE_CLAIMED },
    { "forward-dns", RULE_UNKNOWN },
    { "ldap-search", RULE_UNKNOWN }
};

/** Variables of "Require expr" and "Require env" by which strangers vouch for
 *  themselves. */
static const char *const claims[] = {
    "HTTPS", "REQUEST_SCHEME", "SMTP_FROM", "SMTP_CLIENT_HELO", "SMTP_TLS"
};

/** Whether @a text asks that mod_ssl has verified a certificate, and nothing
 *  that would do instead. */
static int is_verified(const char *text)
{
    return strcasestr(text, "SSL_CLIENT_VERIFY") != NULL
           && strstr(text, "SUCCESS") != NULL && strchr(text, '!') == NULL
           && strstr(text, "||") == NULL && strstr(text, " ne ") == NULL;
}

/** Whether @a text, of an expression, asks what strangers may claim. */
static int is_claim(const char *text)
{
    size_t i;

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (strcasestr(text, claims[i]) != NULL) {
            return 1;
        }
    }
    return strcasestr(text, "SSL_") != NULL && !is_verified(text);
}

/** Sets provider and argument to those that the provider stands for when
 *  <AuthzProviderAlias PROVIDER ALIAS ARGUMENT> made it. */
static void alias_follow(apr_pool_t *p, const char **provider,
                         const char **argument)
{
    const ap_directive_t *at;

    for (at = ap_conftree; at != NULL; at = at->next) {
        const char *args = at->args;
        const char *name;

        if (strcasecmp(at->directive, "<AuthzProviderAlias") != 0) {
            continue;
        }
        name = ap_getword_conf(p, &args);
        if (strcasecmp(ap_getword_conf(p, &args), *provider) == 0) {
            *provider = name;
            *argument = args;
            return;
        }
    }
}

static rule_e rule_of(apr_pool_t *p, const char *provider,
                      const char *argument)
{
    size_t i;

    alias_follow(p, &provider, &argument);
    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcasecmp(provider, rules[i].provider) == 0) {
            return rules[i].rule;
        }
    }
    return (strcasecmp(provider, "expr") == 0
            || strcasecmp(provider, "env") == 0) && is_claim(argument)
           ? RULE_CLAIMED : RULE_ASKED;
}

/** The arguments of Require as a stranger meets them.
 *  @param is_denial  it stands in <RequireNone>: what it says counts against
 *                    whom it is said of */
static const char *stranger_args(apr_pool_t *p, const char *args,
                                 int is_denial)
{
    const char *rest = args;
    const char *word = ap_getword_conf(p, &rest);
    int is_negated = strcasecmp(word, "not") == 0;
    int is_true;

    if (is_negated) {
        word = ap_getword_conf(p, &rest);
    }
    switch (rule_of(p, word, rest)) {
    case RULE_CLAIMED:
        /* The stranger claims what serves him. */
        is_true = is_negated == is_denial;
        break;
    case RULE_UNKNOWN:
        is_true = 0;
        break;
    default:
        return args;
    }
    return apr_pstrcat(p, is_negated ? "not " : "", "all ",
                       is_true ? "granted" : "denied", NULL);
}

/** A copy of the directives from @a at on, as a stranger meets them. */
static ap_directive_t *stranger_copy(apr_pool_t *p, const ap_directive_t *at,
                                     ap_directive_t *parent, int is_denial)
{
    ap_directive_t *first = NULL, **link = &first;

    for (; at != NULL; at = at->next) {
        ap_directive_t *copy = apr_pmemdup(p, at, sizeof(*at));

        if (strcasecmp(at->directive, "Require") == 0) {
            copy->args = stranger_args(p, at->args, is_denial);
        }
        copy->parent = parent;
        copy->next = NULL;
        copy->first_child =
            stranger_copy(p, at->first_child, copy,
                          is_denial ^ (strcasecmp(at->directive,
                                                  "<RequireNone") == 0));
        *link = copy;
        link = &copy->next;
    }
    return first;
}

const char *smtpd_conf_relay_section(cmd_parms *cmd, void *dir,
                                     const char *arg)
{
    smtpd_submission_conf_t *conf =
        &smtpd_conf_get(cmd->server)->submission;
    ap_directive_t *first = cmd->directive->first_child;
    ap_conf_vector_t *section, *strangers;
    const char *fault = smtpd_conf_section_begin(cmd, arg);

    if (fault == NULL) {
        fault = smtpd_conf_section_walk(cmd, first, ALLOWED, &section);
    }
    if (fault == NULL) {
        first = stranger_copy(cmd->pool, first, NULL, 0);
        fault = smtpd_conf_section_walk(cmd, first, ALLOWED, &strangers);
    }
    if (fault == NULL) {
        smtpd_conf_section_join(cmd->pool, &conf->relay_section, section);
        smtpd_conf_section_join(cmd->pool, &conf->relay_strangers, strangers);
        conf->relay_directive = cmd->directive;
    }
    return fault;
}
