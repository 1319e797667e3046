/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SMTPTLS, and what mod_ssl was told: its own configuration is not for others
 * to see, but the directives are.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>
#include <ap_listen.h>
#include <http_config.h>
#include <http_core.h>

#include "smtp_config.h"
#include "smtpd_conf_directive.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/** RFC 8314 7.3: submission with TLS from the first octet. */
#define PORT_SUBMISSIONS 465
/** What "Listen PORT smtps" says of such a port. */
#define PROTOCOL_SMTPS "smtps"

static const struct {
    const char *word;
    int value;
    int is_of_domain;            /* may stand in <SMTPDomain> */
} words[] = {
    { "off",      SMTPD_TLS_OFF,      0 },
    { "optional", SMTPD_TLS_OPTIONAL, 1 },
    { "required", SMTPD_TLS_REQUIRED, 1 },
    { "implicit", SMTPD_TLS_IMPLICIT, 0 }
};

const char *smtpd_conf_tls_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const ap_directive_t *at = cmd->directive;
    int is_of_domain;
    size_t i;

    while (at != NULL && strcasecmp(at->directive, "<SMTPDomain") != 0) {
        at = at->parent;
    }
    is_of_domain = at != NULL;
    if (!is_of_domain && ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT)) {
        return ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    }
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(words[i].word, arg) == 0
            && words[i].is_of_domain >= is_of_domain) {
            *(is_of_domain ? &((smtpd_domain_conf_t *)dir)->tls
                           : &smtpd_conf_get(cmd->server)->tls) =
                words[i].value;
            return NULL;
        }
    }
    return smtp_config_fault(cmd, arg, is_of_domain
                             ? "give one of optional, required"
                             : "give one of off, optional, required, "
                               "implicit");
}

/** The <VirtualHost> of @a s in the tree of directives; NULL for the main
 *  server. */
static const ap_directive_t *host_find(const server_rec *s)
{
    const ap_directive_t *at = ap_conftree;

    while (at != NULL
           && (strcasecmp(at->directive, "<VirtualHost") != 0
               || at->line_num != (int)s->defn_line_number
               || s->defn_name == NULL
               || strcmp(at->filename, s->defn_name) != 0)) {
        at = at->next;
    }
    return at;
}

/** The last directive @a name among the siblings of @a at, or NULL. */
static const ap_directive_t *last_find(const ap_directive_t *at,
                                       const char *name)
{
    const ap_directive_t *found = NULL;

    for (; at != NULL; at = at->next) {
        if (strcasecmp(at->directive, name) == 0) {
            found = at;
        }
    }
    return found;
}

const ap_directive_t *smtpd_conf_ssl_find(const server_rec *s,
                                          const char *name)
{
    const ap_directive_t *host = s->is_virtual ? host_find(s) : NULL;
    const ap_directive_t *found =
        host != NULL ? last_find(host->first_child, name) : NULL;

    return found != NULL ? found : last_find(ap_conftree, name);
}

int smtpd_conf_has_ssl(const server_rec *s)
{
    const ap_directive_t *engine = smtpd_conf_ssl_find(s, "SSLEngine");

    return engine != NULL && strcasecmp(engine->args, "on") == 0;
}

/** Whether clients are asked for certificates. */
static int asks_certificates(const server_rec *s)
{
    const ap_directive_t *at = smtpd_conf_ssl_find(s, "SSLVerifyClient");

    return at != NULL && strcasecmp(at->args, "none") != 0;
}

/** Whether TLS begins at once on @a port, whoever has it. */
static int is_smtps(apr_port_t port)
{
    const ap_listen_rec *listener;

    for (listener = ap_listeners; listener != NULL;
         listener = listener->next) {
        if (listener->bind_addr != NULL && listener->bind_addr->port == port
            && listener->protocol != NULL
            && strcasecmp(listener->protocol, PROTOCOL_SMTPS) == 0) {
            return 1;
        }
    }
    return port == PORT_SUBMISSIONS;
}

/** Those ports of @a s on which TLS begins at once. */
static apr_array_header_t *smtps_ports(apr_pool_t *p, const server_rec *s)
{
    apr_array_header_t *ports = apr_array_make(p, 0, sizeof(apr_port_t));
    const server_addr_rec *at;

    for (at = s->addrs; at != NULL; at = at->next) {
        if (is_smtps(at->host_port)) {
            APR_ARRAY_PUSH(ports, apr_port_t) = at->host_port;
        }
    }
    return ports;
}

void smtpd_conf_tls_complete(apr_pool_t *p, server_rec *s,
                             smtpd_conf_t *conf)
{
    conf->has_ssl = smtpd_conf_has_ssl(s);
    conf->smtps_ports = smtps_ports(p, s);
    conf->asks_certificates = asks_certificates(s);
    if (conf->tls == SMTPD_CONF_UNSET) {
        conf->tls = conf->service == SMTPD_SERVICE_SUBMISSION
                    ? SMTPD_TLS_REQUIRED
                    : conf->has_ssl ? SMTPD_TLS_OPTIONAL : SMTPD_TLS_OFF;
    }
}

int smtpd_conf_is_implicit(const smtpd_conf_t *conf, apr_port_t port)
{
    int i;

    for (i = 0; i < conf->smtps_ports->nelts; i++) {
        if (APR_ARRAY_IDX(conf->smtps_ports, i, apr_port_t) == port) {
            return conf->tls != SMTPD_TLS_OFF;
        }
    }
    return conf->tls == SMTPD_TLS_IMPLICIT;
}

static const char *word_of(int tls)
{
    size_t i = 0;

    while (words[i].value != tls) {
        i++;
    }
    return words[i].word;
}

/** A local domain of the host that wants TLS, or NULL. */
static const char *strict_domain(apr_pool_t *p, const smtpd_conf_t *conf)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(p, conf->domains); hi != NULL;
         hi = apr_hash_next(hi)) {
        const smtpd_domain_t *domain = apr_hash_this_val(hi);

        if (domain->conf->tls == SMTPD_TLS_REQUIRED) {
            return domain->name;
        }
    }
    return NULL;
}

const char *smtpd_conf_tls_check(apr_pool_t *p, const smtpd_conf_t *conf)
{
    const char *domain = strict_domain(p, conf);

    if (!conf->has_ssl && conf->tls != SMTPD_TLS_OFF) {
        return apr_psprintf(p, "SMTPTLS %s%s: there is no TLS here; add "
                            "SSLEngine On, SSLCertificateFile and "
                            "SSLCertificateKeyFile, or SMTPTLS off",
                            word_of(conf->tls),
                            conf->service == SMTPD_SERVICE_SUBMISSION
                            ? " (SMTPService submission)" : "");
    }
    if (domain != NULL && conf->tls == SMTPD_TLS_OFF) {
        return apr_psprintf(p, "SMTPTLS required in <SMTPDomain %s>: nobody "
                            "could send to it, since there is no TLS here; "
                            "add SSLEngine On and a certificate, or take it "
                            "away", domain);
    }
    if (conf->tls == SMTPD_TLS_OFF && conf->smtps_ports->nelts > 0) {
        return apr_psprintf(p, "port %u: clients expect TLS there from the "
                            "first octet; add SSLEngine On, "
                            "SSLCertificateFile and SSLCertificateKeyFile, "
                            "or take another port, with Listen PORT smtp",
                            APR_ARRAY_IDX(conf->smtps_ports, 0, apr_port_t));
    }
    return NULL;
}
