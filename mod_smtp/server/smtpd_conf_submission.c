/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_conf_submission.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_config.h"
#include "smtp_domain.h"
#include "smtpd_conf_directive.h"
#include "smtpd_lookup.h"

void smtpd_conf_submission_complete(apr_pool_t *p, server_rec *s,
                                    smtpd_conf_t *conf)
{
    smtpd_submission_conf_t *submission = &conf->submission;

    if (!smtpd_conf_says_sender(submission)) {
        submission->sender_own = conf->service == SMTPD_SERVICE_SUBMISSION;
        submission->sender_any = !submission->sender_own;
    }
    if (submission->origin_domain == NULL && conf->primary != NULL) {
        submission->origin_domain = conf->primary->name;
    }
    if (submission->origin_domain == NULL && s->server_hostname != NULL) {
        submission->origin_domain =
            smtp_domain_normalise(p, s->server_hostname);
    }
    /* A ServerName that is none: completed addresses are nobody's. */
    if (submission->origin_domain == NULL) {
        submission->origin_domain = "invalid";
    }
}

const char *smtpd_conf_sender_login_add(cmd_parms *cmd, void *dir,
                                        const char *arg)
{
    smtpd_submission_conf_t *conf =
        &smtpd_conf_get(cmd->server)->submission;
    const char *fault = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    smtpd_map_t *map;

    if (fault != NULL) {
        return fault;
    }
    if (strcasecmp(arg, "any") == 0) {
        conf->sender_any = 1;
        return NULL;
    }
    if (strcasecmp(arg, "own") == 0) {
        conf->sender_own = 1;
        return NULL;
    }
    fault = smtpd_lookup_open(cmd->pool, cmd->server, arg,
                              SMTP_LOOKUP_VALUES, &map);
    if (fault != NULL) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", fault,
                           "; or write own, or any", NULL);
    }
    map->where = apr_psprintf(cmd->pool, "%s %s (%s:%d)", cmd->cmd->name, arg,
                              cmd->directive->filename,
                              cmd->directive->line_num);
    if (conf->sender_maps == NULL) {
        conf->sender_maps = apr_array_make(cmd->pool, 1,
                                           sizeof(smtpd_map_t *));
    }
    APR_ARRAY_PUSH(conf->sender_maps, smtpd_map_t *) = map;
    return NULL;
}

const char *smtpd_conf_origin_domain_set(cmd_parms *cmd, void *dir,
                                         const char *arg)
{
    const char *fault = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    const char *domain;

    if (fault != NULL) {
        return fault;
    }
    domain = smtp_domain_normalise(cmd->pool, arg);
    if (domain == NULL || *domain == '[' || strchr(domain, '.') == NULL) {
        return smtp_config_fault(cmd, arg, "give a domain with a dot, as "
                                 "example.com: what stands behind the @ of "
                                 "addresses that people abbreviate");
    }
    smtpd_conf_get(cmd->server)->submission.origin_domain = domain;
    return NULL;
}
