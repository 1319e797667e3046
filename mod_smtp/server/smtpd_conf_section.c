/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * <SMTPConnect>, <SMTPAuth>, <SMTPRelay>, <SMTPOnDemand> and <SMTPDomain>:
 * containers with a per-directory configuration of their own, as mod_proxy's
 * <Proxy> is.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>

#include "smtp_config.h"
#include "smtpd_conf_directive.h"
#include "smtpd_domain.h"

extern module AP_MODULE_DECLARE_DATA smtp_module;

const char *smtpd_conf_section_walk(cmd_parms *cmd, ap_directive_t *first,
                                    int allowed, ap_conf_vector_t **dir_conf)
{
    return smtp_config_section_walk(cmd, first, allowed, &smtp_module,
                                    dir_conf);
}

/** What httpd allows beside Require and would read without a word, though
 *  here it says nothing, or does harm: an exception that is not heard would be
 *  a hole, and mod_ssl would renegotiate amid a session, holding a thread. */
static const struct {
    const char *directive;
    const char *remedy;
} unheard[] = {
    { "<If", "is not evaluated for mail; use Require expr" },
    { "<ElseIf", "is not evaluated for mail; use Require expr" },
    { "<Else", "is not evaluated for mail; use Require expr" },
    { "<Files", "there are no files in SMTP; take it away" },
    { "<FilesMatch", "there are no files in SMTP; take it away" },
    { "<Limit", "there are no methods of HTTP in SMTP; take it away" },
    { "<LimitExcept", "there are no methods of HTTP in SMTP; take it away" },
    { "Satisfy", "write who is meant with Require" },
    { "Order", "write who is meant with Require" },
    { "Allow", "write who is meant with Require" },
    { "Deny", "write who is meant with Require" },
    { "SSLRequireSSL", "write Require ssl" },
    { "SSLRequire", "write Require expr" },
    { "SSLVerifyClient", "certificates are asked for in the handshake; put "
                         "it outside, into the virtual host" },
    { "SSLVerifyDepth", "certificates are asked for in the handshake; put "
                        "it outside, into the virtual host" },
    { "SSLCipherSuite", "ciphers are agreed on in the handshake; put it "
                        "outside, into the virtual host" },
    { "SSLRenegBufferSize", "there is no renegotiation in SMTP; take it "
                            "away" },
    { "SSLOptions", "is about web sites; take it away" }
};

static const char *unheard_fault(cmd_parms *cmd, ap_directive_t *at)
{
    const char *fault = NULL;
    size_t i;

    for (; fault == NULL && at != NULL; at = at->next) {
        for (i = 0; i < sizeof(unheard) / sizeof(unheard[0]); i++) {
            if (strcasecmp(at->directive, unheard[i].directive) == 0) {
                cmd->err_directive = at;
                return apr_psprintf(cmd->pool, "%s %s in %s>: %s",
                                    at->directive, at->args, cmd->cmd->name,
                                    unheard[i].remedy);
            }
        }
        fault = unheard_fault(cmd, at->first_child);
    }
    return fault;
}

const char *smtpd_conf_section_args(cmd_parms *cmd, const char *arg,
                                    const char **args)
{
    const char *fault = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    *args = NULL;
    if (fault == NULL) {
        fault = smtp_config_section_args(cmd, arg, args);
    }
    return fault != NULL ? fault
                         : unheard_fault(cmd, cmd->directive->first_child);
}

const char *smtpd_conf_section_begin(cmd_parms *cmd, const char *arg)
{
    const char *args;
    const char *fault = smtpd_conf_section_args(cmd, arg, &args);

    if (fault == NULL && args[strspn(args, " \t")] != '\0') {
        fault = apr_psprintf(cmd->pool, "%s> \"%s\": takes no argument, for "
                             "it is for the whole virtual host; write %s>",
                             cmd->cmd->name, args + strspn(args, " \t"),
                             cmd->cmd->name);
    }
    return fault;
}

void smtpd_conf_section_join(apr_pool_t *p, ap_conf_vector_t **present,
                             ap_conf_vector_t *section)
{
    *present = *present == NULL
               ? section : ap_merge_per_dir_configs(p, *present, section);
}

const char *smtpd_conf_connect_section(cmd_parms *cmd, void *dir,
                                       const char *arg)
{
    smtpd_conf_t *conf = smtpd_conf_get(cmd->server);
    ap_conf_vector_t *section;
    const char *fault = smtpd_conf_section_begin(cmd, arg);

    if (fault == NULL) {
        /* What Require and its containers ask for. */
        fault = smtpd_conf_section_walk(cmd, cmd->directive->first_child,
                                        OR_AUTHCFG | OR_LIMIT, &section);
    }
    if (fault == NULL) {
        smtpd_conf_section_join(cmd->pool, &conf->connect_section, section);
    }
    return fault;
}

const char *smtpd_conf_domain_section(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    smtpd_section_t *section = apr_pcalloc(cmd->pool, sizeof(*section));
    const char *args;
    const char *fault = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    if (fault == NULL) {
        fault = smtp_config_section_args(cmd, arg, &args);
    }
    if (fault != NULL) {
        return fault;
    }
    section->file = cmd->directive->filename;
    section->line = cmd->directive->line_num;
    section->names = apr_array_make(cmd->pool, 1, sizeof(const char *));
    while (*args != '\0') {
        const char *name = ap_getword_conf(cmd->pool, &args);

        if (*name != '\0') {
            APR_ARRAY_PUSH(section->names, const char *) = name;
        }
    }
    if (section->names->nelts == 0) {
        return "<SMTPDomain>: names no domain; write <SMTPDomain "
               "example.com>, or * for ServerName and ServerAlias";
    }
    fault = smtpd_domain_names_fault(cmd->pool, section);
    if (fault == NULL) {
        fault = smtpd_conf_section_walk(cmd, cmd->directive->first_child,
                                        ACCESS_CONF, &section->dir_conf);
    }
    APR_ARRAY_PUSH(smtpd_conf_get(cmd->server)->sections,
                   smtpd_section_t *) = section;
    return fault;
}
