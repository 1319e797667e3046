/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The configuration as a whole: the command table, defaults, merging.
 */
#include "smtpd_conf.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "smtpd_conf_directive.h"

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
#define IN_SERVER RSRC_CONF
/** ACCESS_CONF is what the section allows; outside, too, our own function is
 *  reached, whose message knows where the directive belongs. */
#define IN_DOMAIN (RSRC_CONF | ACCESS_CONF)

const smtpd_conf_number_t smtpd_conf_numbers[] = {
    { "SMTPBareLF", FIELD(bare_lf), SMTPD_BARE_LF_REJECT, 0, 0, NULL },
    { "SMTPDisclose", FIELD(disclose), 0, 0, 0, NULL },
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
    { NULL, 0, 0 }
};

const command_rec smtpd_conf_directives[] = {
    AP_INIT_FLAG("SMTPEngine", smtpd_conf_engine_set, NULL, IN_SERVER,
                 "On or Off: whether the virtual host speaks SMTP"),
    AP_INIT_TAKE_ARGV("SMTPExtensions", smtpd_conf_extensions_set, NULL,
                      IN_SERVER,
                      "EHLO keywords, each with + or - or all without; "
                      "or All or None"),
    AP_INIT_ITERATE("SMTPTimeout", smtpd_conf_timeout_set, NULL, IN_SERVER,
                    "command=TIME data=TIME total=TIME, in seconds or with "
                    "ms, s, min, h"),
    AP_INIT_TAKE1("SMTPBareLF", smtpd_conf_word_set, NULL, IN_SERVER,
                  "reject or normalise"),
    AP_INIT_TAKE1("SMTPMaxMessageSize", smtpd_conf_size_set, NULL, IN_SERVER,
                  "octets, also with K, M or G; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxRecipients", smtpd_conf_number_set, NULL, IN_SERVER,
                  "recipients per mail transaction"),
    AP_INIT_TAKE1("SMTPMaxMessages", smtpd_conf_number_set, NULL, IN_SERVER,
                  "messages per connection; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxErrors", smtpd_conf_number_set, NULL, IN_SERVER,
                  "refused commands per connection; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxConnections", smtpd_conf_number_set, NULL,
                  IN_SERVER, "connections per client address; 0: no limit"),
    AP_INIT_TAKE1("SMTPMaxReceived", smtpd_conf_number_set, NULL, IN_SERVER,
                  "Received fields beyond which mail is in a loop"),
    AP_INIT_TAKE1("SMTPMaxCommandLine", smtpd_conf_number_set, NULL,
                  IN_SERVER, "octets of a command line, CRLF included"),
    AP_INIT_TAKE1("SMTPMaxTextLine", smtpd_conf_number_set, NULL, IN_SERVER,
                  "octets of a line of mail data, CRLF included; 0: no "
                  "limit"),
    AP_INIT_TAKE1("SMTPDisclose", smtpd_conf_word_set, NULL, IN_SERVER,
                  "none, vrfy, expn or all"),
    AP_INIT_RAW_ARGS("<SMTPConnect", smtpd_conf_connect_section, NULL,
                     IN_SERVER, "Container for Require: who may connect"),
    AP_INIT_RAW_ARGS("<SMTPDomain", smtpd_conf_domain_section, NULL,
                     IN_SERVER, "Container for what concerns local domains"),
    AP_INIT_ITERATE("SMTPRecipients", smtpd_conf_recipients_add, NULL,
                    IN_DOMAIN, "any, or maps as kind:argument"),
    AP_INIT_ITERATE("SMTPAliases", smtpd_conf_aliases_add, NULL, IN_DOMAIN,
                    "maps as kind:argument"),
    AP_INIT_ITERATE2("SMTPAlias", smtpd_conf_alias_add, NULL, IN_DOMAIN,
                     "a name and its targets"),
    AP_INIT_TAKE1("SMTPCatchAll", smtpd_conf_catch_all_set, NULL, IN_DOMAIN,
                  "who gets mail for names that do not exist"),
    AP_INIT_TAKE1("SMTPPostmaster", smtpd_conf_postmaster_set, NULL,
                  IN_DOMAIN, "who gets mail for postmaster"),
    AP_INIT_TAKE1("SMTPRecipientDelimiter", smtpd_conf_delimiter_set, NULL,
                  IN_DOMAIN, "characters that begin an extension, or none"),
    AP_INIT_TAKE1("SMTPDeliver", smtpd_conf_deliver_set, NULL, IN_DOMAIN,
                  "maildir"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
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
    conf->max_message_octets = UNSET;
    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        *number_at(conf, number) = UNSET;
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        *timeout_at(conf, timeout) = UNSET;
    }
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
}

/* SMTPEngine is not inherited: it stands in virtual hosts only. */
void *smtpd_conf_merge_server(apr_pool_t *p, void *base_conf, void *add_conf)
{
    smtpd_conf_t *base = base_conf, *add = add_conf;
    smtpd_conf_t *conf = apr_pmemdup(p, add, sizeof(*add));

    numbers_inherit(conf, base);
    conf->extensions_off = add->extensions_off
                           | (base->extensions_off & ~add->extensions_set);
    conf->extensions_set = add->extensions_set | base->extensions_set;
    if (base->connect_section != NULL) {
        conf->connect_section =
            add->connect_section == NULL ? base->connect_section
            : ap_merge_per_dir_configs(p, base->connect_section,
                                       add->connect_section);
    }
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
    if (conf->delimiter == NULL) {
        conf->delimiter = "";
    }
    if (conf->method == NULL) {
        conf->method = "maildir";
    }
}
