/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What a virtual host gets from the main server, and a section from those that
 * are less specific.
 */
#include <string.h>

#include <apr_strings.h>

#include "smtpd_conf_directive.h"
#include "smtpd_conf_limit.h"
#include "smtpd_conf_submission.h"

#define UNSET SMTPD_CONF_UNSET

/** Fills what is unset in @a conf from @a base. */
static void numbers_inherit(smtpd_conf_t *conf, smtpd_conf_t *base)
{
    const smtpd_conf_number_t *number;
    const smtpd_conf_timeout_t *timeout;

    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        int *value = smtpd_conf_number_at(conf, number);

        if (*value == UNSET) {
            *value = *smtpd_conf_number_at(base, number);
        }
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        apr_interval_time_t *value = smtpd_conf_timeout_at(conf, timeout);

        if (*value == UNSET) {
            *value = *smtpd_conf_timeout_at(base, timeout);
        }
    }
    if (conf->max_message_octets == UNSET) {
        conf->max_message_octets = base->max_message_octets;
    }
    if (conf->tls == UNSET) {
        conf->tls = base->tls;
    }
}

/** <SMTPAuth> only for submission, so that an MX takes no passwords unless it
 *  says so itself. The service is known already. */
static void auth_inherit(smtpd_conf_t *conf, const smtpd_conf_t *base)
{
    smtpd_auth_conf_t *auth = &conf->auth;

    if (auth->section == NULL
        && conf->service == SMTPD_SERVICE_SUBMISSION) {
        auth->section = base->auth.section;
        auth->directive = base->auth.directive;
    }
    if (auth->mechanisms == 0) {
        auth->mechanisms = base->auth.mechanisms;
    }
    if (auth->credentials == NULL) {
        auth->credentials = base->auth.credentials;
    }
    if (auth->certificate_name == NULL) {
        auth->certificate_name = base->auth.certificate_name;
    }
    if (auth->token == NULL) {
        auth->token = base->auth.token;
        auth->token_checker = base->auth.token_checker;
    }
}

int smtpd_conf_says_sender(const smtpd_submission_conf_t *conf)
{
    return conf->sender_any || conf->sender_own || conf->sender_maps != NULL;
}

static void relay_inherit(apr_pool_t *p, smtpd_submission_conf_t *conf,
                          const smtpd_submission_conf_t *base)
{
    if (base->relay_section == NULL) {
        return;
    }
    if (conf->relay_section == NULL) {
        conf->relay_section = base->relay_section;
        conf->relay_strangers = base->relay_strangers;
        conf->relay_directive = base->relay_directive;
        return;
    }
    conf->relay_section = ap_merge_per_dir_configs(p, base->relay_section,
                                                   conf->relay_section);
    conf->relay_strangers = ap_merge_per_dir_configs(p, base->relay_strangers,
                                                     conf->relay_strangers);
}

static void submission_inherit(apr_pool_t *p, smtpd_submission_conf_t *conf,
                               const smtpd_submission_conf_t *base)
{
    relay_inherit(p, conf, base);
    if (!smtpd_conf_says_sender(conf)) {
        conf->sender_any = base->sender_any;
        conf->sender_own = base->sender_own;
        conf->sender_maps = base->sender_maps;
    }
    if (conf->origin_domain == NULL) {
        conf->origin_domain = base->origin_domain;
    }
}

/* SMTPEngine is not inherited: it stands in virtual hosts only. */
void *smtpd_conf_merge_server(apr_pool_t *p, void *base_conf, void *add_conf)
{
    smtpd_conf_t *base = base_conf, *add = add_conf;
    smtpd_conf_t *conf = apr_pmemdup(p, add, sizeof(*add));

    numbers_inherit(conf, base);
    auth_inherit(conf, base);
    smtpd_conf_limit_inherit(conf, base);
    conf->extensions_off = add->extensions_off
                           | (base->extensions_off & ~add->extensions_set);
    conf->extensions_set = add->extensions_set | base->extensions_set;
    if (base->connect_section != NULL) {
        conf->connect_section =
            add->connect_section == NULL ? base->connect_section
            : ap_merge_per_dir_configs(p, base->connect_section,
                                       add->connect_section);
    }
    submission_inherit(p, &conf->submission, &base->submission);
    conf->sections = apr_array_append(p, base->sections, add->sections);
    conf->on_demand.sections = apr_array_append(p, base->on_demand.sections,
                                                add->on_demand.sections);
    return conf;
}

/** The maps of @a first, then those of @a then that are not among them. */
static apr_array_header_t *maps_join(apr_pool_t *p,
                                     const apr_array_header_t *first,
                                     const apr_array_header_t *then)
{
    apr_array_header_t *joined;
    int i, j;

    if (first == NULL || then == NULL) {
        return (apr_array_header_t *)(first != NULL ? first : then);
    }
    joined = apr_array_copy(p, first);
    for (i = 0; i < then->nelts; i++) {
        const smtpd_map_t *map = APR_ARRAY_IDX(then, i, const smtpd_map_t *);

        for (j = 0; j < first->nelts
                    && APR_ARRAY_IDX(first, j, const smtpd_map_t *) != map;
             j++) {
            continue;
        }
        if (j == first->nelts) {
            APR_ARRAY_PUSH(joined, const smtpd_map_t *) = map;
        }
    }
    return joined;
}

/* Who exists is said whole by the most specific section; aliases add up, and
 * the more specific are asked first. */
void *smtpd_conf_merge_dir(apr_pool_t *p, void *base_conf, void *add_conf)
{
    const smtpd_domain_conf_t *base = base_conf, *add = add_conf;
    smtpd_domain_conf_t *conf = apr_pmemdup(p, base, sizeof(*base));

    if (add->recipients_any != UNSET) {
        conf->recipients_any = add->recipients_any;
        conf->recipients = add->recipients;
    }
    conf->aliases = maps_join(p, add->aliases, base->aliases);
    conf->inline_aliases = NULL;
    if (add->catch_all != NULL) {
        conf->catch_all = add->catch_all;
    }
    if (add->postmaster != NULL) {
        conf->postmaster = add->postmaster;
    }
    if (add->delimiter != NULL) {
        conf->delimiter = add->delimiter;
    }
    if (add->tls != UNSET) {
        conf->tls = add->tls;
    }
    if (add->method != NULL) {
        conf->method = add->method;
        conf->argument = add->argument;
    }
    return conf;
}
