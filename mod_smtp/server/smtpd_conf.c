/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The configuration as a whole: defaults and merging.
 */
#include "smtpd_conf.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "smtpd_conf_directive.h"
#include "smtpd_conf_auth.h"
#include "smtpd_conf_limit.h"
#include "smtpd_conf_submission.h"

extern module AP_MODULE_DECLARE_DATA smtp_module;

/** RFC 5321 4.5.3.1.4 says 512; extensions lengthen it: by 26 (SIZE), 500
 *  (AUTH=), 100 (ENVID=), 500 (ORCPT=) and others. */
#define COMMAND_LINE_OCTETS     2048
#define COMMAND_LINE_MAX_OCTETS 65536

/** RFC 5321 4.5.3.1.6, CRLF included. */
#define TEXT_LINE_OCTETS 1000

/** Mail that people send is smaller. */
#define MESSAGE_OCTETS ((apr_off_t)50 * 1024 * 1024)

#define UNSET SMTPD_CONF_UNSET
#define FIELD(name) offsetof(smtpd_conf_t, name)

const smtpd_conf_number_t smtpd_conf_numbers[] = {
    { "SMTPBareLF", FIELD(bare_lf), SMTPD_BARE_LF_REJECT, 0, 0, NULL },
    { "SMTPDisclose", FIELD(disclose), 0, 0, 0, NULL },
    { "SMTPService", FIELD(service), SMTPD_SERVICE_MX, 0, 0, NULL },
    { "SMTPAuthWithoutTLS", FIELD(auth.without_tls), 0, 0, 0, NULL },
    { "SMTPTraceClient", FIELD(submission.trace_client), 1, 0, 0, NULL },
    { "SMTPMaxRecipients", FIELD(max_recipients), 1000, 1, 1000000, NULL },
    { "SMTPMaxMessages", FIELD(max_messages), 0, 1, INT_MAX, "no limit" },
    { "SMTPMaxErrors", FIELD(max_errors), 20, 1, INT_MAX, "no limit" },
    { "SMTPMaxConnections", FIELD(max_connections), 50, 1, INT_MAX,
      "no limit" },
    { "SMTPMaxReceived", FIELD(max_received), 100, 1, INT_MAX, NULL },
    { "SMTPMaxCommandLine", FIELD(max_command_octets), COMMAND_LINE_OCTETS,
      COMMAND_LINE_OCTETS, COMMAND_LINE_MAX_OCTETS, NULL },
    { "SMTPMaxTextLine", FIELD(max_text_line_octets), 0, TEXT_LINE_OCTETS,
      INT_MAX, "no limit" },
    { NULL, 0, 0, 0, 0, NULL }
};

/* RFC 5321 4.5.3.2.7 wants five minutes at least. */
const smtpd_conf_timeout_t smtpd_conf_timeouts[] = {
    { "command", FIELD(timeout_command), 300 * APR_USEC_PER_SEC },
    { "data", FIELD(timeout_data), 300 * APR_USEC_PER_SEC },
    { "total", FIELD(timeout_total), 3600 * APR_USEC_PER_SEC },
    { "handshake", FIELD(timeout_handshake), 60 * APR_USEC_PER_SEC },
    { NULL, 0, 0 }
};

static int *number_at(void *conf, const smtpd_conf_number_t *number)
{
    return (int *)((char *)conf + number->offset);
}

static apr_interval_time_t *timeout_at(void *conf,
                                       const smtpd_conf_timeout_t *timeout)
{
    return (apr_interval_time_t *)((char *)conf + timeout->offset);
}

smtpd_conf_t *smtpd_conf_get(server_rec *s)
{
    return ap_get_module_config(s->module_config, &smtp_module);
}

void *smtpd_conf_create_server(apr_pool_t *p, server_rec *s)
{
    smtpd_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    const smtpd_conf_number_t *number;
    const smtpd_conf_timeout_t *timeout;

    conf->engine = UNSET;
    conf->tls = UNSET;
    conf->max_message_octets = UNSET;
    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        *number_at(conf, number) = UNSET;
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        *timeout_at(conf, timeout) = UNSET;
    }
    smtpd_conf_limit_unset(conf);
    conf->sections = apr_array_make(p, 0, sizeof(smtpd_section_t *));
    return conf;
}

/** Fills what is unset in @a conf from @a base. */
static void numbers_inherit(smtpd_conf_t *conf, smtpd_conf_t *base)
{
    const smtpd_conf_number_t *number;
    const smtpd_conf_timeout_t *timeout;

    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        if (*number_at(conf, number) == UNSET) {
            *number_at(conf, number) = *number_at(base, number);
        }
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        if (*timeout_at(conf, timeout) == UNSET) {
            *timeout_at(conf, timeout) = *timeout_at(base, timeout);
        }
    }
    if (conf->max_message_octets == UNSET) {
        conf->max_message_octets = base->max_message_octets;
    }
    if (conf->tls == UNSET) {
        conf->tls = base->tls;
    }
}

/* SMTPEngine is not inherited: it stands in virtual hosts only. */
void *smtpd_conf_merge_server(apr_pool_t *p, void *base_conf, void *add_conf)
{
    smtpd_conf_t *base = base_conf, *add = add_conf;
    smtpd_conf_t *conf = apr_pmemdup(p, add, sizeof(*add));

    numbers_inherit(conf, base);
    smtpd_conf_auth_inherit(conf, base);
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
    smtpd_conf_submission_inherit(p, &conf->submission, &base->submission);
    conf->sections = apr_array_append(p, base->sections, add->sections);
    return conf;
}

void smtpd_conf_complete_server(smtpd_conf_t *conf)
{
    const smtpd_conf_number_t *number;
    const smtpd_conf_timeout_t *timeout;

    if (conf->engine == UNSET) {
        conf->engine = 0;
    }
    if (conf->max_message_octets == UNSET) {
        conf->max_message_octets = MESSAGE_OCTETS;
    }
    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        if (*number_at(conf, number) == UNSET) {
            *number_at(conf, number) = number->fallback;
        }
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        if (*timeout_at(conf, timeout) == UNSET) {
            *timeout_at(conf, timeout) = timeout->fallback;
        }
    }
    smtpd_conf_limit_complete(conf);
}

/* A server that would expand lists must say so, one that verifies may
 * (RFC 5321 3.5.2). */
smtp_extension_set_t smtpd_conf_extensions(const smtpd_conf_t *conf)
{
    smtp_extension_set_t set = SMTPD_CONF_EXTENSIONS & ~conf->extensions_off;

    if (conf->disclose & SMTPD_DISCLOSE_VRFY) {
        set |= SMTP_EXTENSION_VRFY;
    }
    if (conf->disclose & SMTPD_DISCLOSE_EXPN) {
        set |= SMTP_EXTENSION_EXPN;
    }
    return smtp_extension_complete(set);
}

void *smtpd_conf_create_dir(apr_pool_t *p, char *path)
{
    smtpd_domain_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->recipients_any = UNSET;
    conf->tls = UNSET;
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

void smtpd_conf_complete_dir(smtpd_domain_conf_t *conf)
{
    if (conf->recipients_any == UNSET) {
        conf->recipients_any = 0;
    }
    if (conf->tls == UNSET) {
        conf->tls = SMTPD_TLS_OPTIONAL;
    }
    if (conf->delimiter == NULL) {
        conf->delimiter = "";
    }
    if (conf->method == NULL) {
        conf->method = "maildir";
    }
}
