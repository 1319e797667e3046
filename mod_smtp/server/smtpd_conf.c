/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The configuration as a whole: defaults and merging.
 */
#include "smtpd_conf.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "smtpd_conf_directive.h"
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
    { "SMTPETRN", FIELD(on_demand.etrn), 0, 0, 0, NULL },
    { "SMTPATRN", FIELD(on_demand.atrn), 0, 0, 0, NULL },
    { "SMTPTURN", FIELD(on_demand.turn), 0, 0, 0, NULL },
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

int *smtpd_conf_number_at(void *conf, const smtpd_conf_number_t *number)
{
    return (int *)((char *)conf + number->offset);
}

apr_interval_time_t *
smtpd_conf_timeout_at(void *conf, const smtpd_conf_timeout_t *timeout)
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
        *smtpd_conf_number_at(conf, number) = UNSET;
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        *smtpd_conf_timeout_at(conf, timeout) = UNSET;
    }
    smtpd_conf_limit_unset(conf);
    conf->sections = apr_array_make(p, 0, sizeof(smtpd_section_t *));
    conf->on_demand.sections = apr_array_make(p, 0,
                                              sizeof(smtpd_on_demand_t));
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
        if (*smtpd_conf_number_at(conf, number) == UNSET) {
            *smtpd_conf_number_at(conf, number) = number->fallback;
        }
    }
    for (timeout = smtpd_conf_timeouts; timeout->key != NULL; timeout++) {
        if (*smtpd_conf_timeout_at(conf, timeout) == UNSET) {
            *smtpd_conf_timeout_at(conf, timeout) = timeout->fallback;
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
    if (conf->on_demand.etrn == 1) {
        set |= SMTP_EXTENSION_ETRN;
    }
    if (conf->on_demand.atrn == 1) {
        set |= SMTP_EXTENSION_ATRN;
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
