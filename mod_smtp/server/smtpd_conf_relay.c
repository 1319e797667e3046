/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPRelay>. It is read twice: as it stands, and as the strangers meet it
 * by whom smtpd_relay_check.c tries whether it is an open relay.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>

#include "smtpd_conf_directive.h"

/** What httpd allows beside Require, and what for us would say nothing: an
 *  exception that is not heard would be a hole. */
static const struct {
    const char *directive;
    const char *fault;
} refused[] = {
    { "<If", "is not looked at for mail; write its condition as Require expr" },
    { "<ElseIf", "is not looked at for mail; write its condition as Require "
                 "expr" },
    { "<Else", "is not looked at for mail; write its condition as Require "
               "expr" },
    { "<Limit", "is about methods of HTTP; take it away" },
    { "<LimitExcept", "is about methods of HTTP; take it away" }
};

/**
 * Providers of which a stranger, or the check, cannot be asked: what stands
 * for them then. Anybody can speak TLS, and SMTP has no method.
 */
static const struct {
    const char *provider;
    const char *stranger;
} replaced[] = {
    { "ssl", "all granted" },
    { "method", "all granted" },
    { "forward-dns", "all denied" }, /* else each address would ask DNS */
    { "ldap-search", "all denied" }  /* else it would ask the directory */
};

static const char *refused_fault(cmd_parms *cmd, ap_directive_t *at)
{
    const char *fault = NULL;
    size_t i;

    for (; fault == NULL && at != NULL; at = at->next) {
        for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
            if (strcasecmp(at->directive, refused[i].directive) == 0) {
                cmd->err_directive = at;
                return apr_psprintf(cmd->pool, "%s> within <SMTPRelay>: %s",
                                    at->directive, refused[i].fault);
            }
        }
        fault = refused_fault(cmd, at->first_child);
    }
    return fault;
}

/** The provider that a name stands for: <AuthzProviderAlias NAME ALIAS ARG>
 *  gives one another name. */
static const char *provider_of(apr_pool_t *p, const char *name)
{
    const ap_directive_t *at;

    for (at = ap_conftree; at != NULL; at = at->next) {
        const char *args = at->args;
        const char *provider;

        if (strcasecmp(at->directive, "<AuthzProviderAlias") != 0) {
            continue;
        }
        provider = ap_getword_conf(p, &args);
        if (strcasecmp(ap_getword_conf(p, &args), name) == 0) {
            return provider;
        }
    }
    return name;
}

/** The arguments of Require as a stranger meets them. */
static const char *stranger_args(apr_pool_t *p, const char *args)
{
    const char *rest = args;
    const char *word = ap_getword_conf(p, &rest);
    int is_negated = strcasecmp(word, "not") == 0;
    size_t i;

    if (is_negated) {
        word = ap_getword_conf(p, &rest);
    }
    word = provider_of(p, word);
    for (i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        if (strcasecmp(word, replaced[i].provider) == 0) {
            return apr_pstrcat(p, is_negated ? "not " : "",
                               replaced[i].stranger, NULL);
        }
    }
    return args;
}

/** A copy of the directives from @a at on, as a stranger meets them. */
static ap_directive_t *stranger_copy(apr_pool_t *p, const ap_directive_t *at,
                                     ap_directive_t *parent)
{
    ap_directive_t *first = NULL, **link = &first;

    for (; at != NULL; at = at->next) {
        ap_directive_t *copy = apr_pmemdup(p, at, sizeof(*at));

        if (strcasecmp(at->directive, "Require") == 0) {
            copy->args = stranger_args(p, at->args);
        }
        copy->parent = parent;
        copy->next = NULL;
        copy->first_child = stranger_copy(p, at->first_child, copy);
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
        fault = refused_fault(cmd, first);
    }
    if (fault == NULL) {
        fault = smtpd_conf_section_walk(cmd, first, OR_AUTHCFG, &section);
    }
    if (fault == NULL) {
        first = stranger_copy(cmd->pool, first, NULL);
        fault = smtpd_conf_section_walk(cmd, first, OR_AUTHCFG, &strangers);
    }
    if (fault == NULL) {
        smtpd_conf_section_join(cmd->pool, &conf->relay_section, section);
        smtpd_conf_section_join(cmd->pool, &conf->relay_strangers, strangers);
        conf->relay_directive = cmd->directive;
    }
    return fault;
}
