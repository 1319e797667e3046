/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * How next hops are spoken to: TLS, our own addresses, and what all
 * connections share (DNS, certificates, the log).
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>

#include "queue_conf_directive.h"
#include "queue_conf_file.h"
#include "queue_log.h"
#include "smtp_chars.h"
#include "smtp_config.h"
#include "smtp_domain.h"

#define WEIGHT_MAX 1000
#define PORT_MAX 65535

/** The array at @a *list, made when it is NULL. */
static apr_array_header_t *list_get(apr_pool_t *p,
                                    const apr_array_header_t **list,
                                    int element_octets)
{
    if (*list == NULL) {
        *list = apr_array_make(p, 2, element_octets);
    }
    return (apr_array_header_t *)*list;
}

/* ---- TLS ---- */

static const char *tls_name_add(cmd_parms *cmd,
                                queue_destination_conf_t *conf,
                                const char *name)
{
    const char *domain = smtp_domain_normalise(cmd->pool, name);

    if (conf->tls != SMTP_TLS_VERIFY && conf->tls != SMTP_TLS_DANE) {
        return smtp_config_fault(cmd, name, "names count with verify and dane "
                                 "only; whoever it is may answer otherwise");
    }
    if (domain == NULL || *domain == '[') {
        return smtp_config_fault(cmd, name, "is no name that a certificate "
                                 "could have; give a domain");
    }
    APR_ARRAY_PUSH(list_get(cmd->pool, &conf->tls_names,
                            sizeof(const char *)), const char *) = domain;
    return NULL;
}

const char *queue_conf_tls_set(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    queue_destination_conf_t *conf = dir;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    smtp_tls_level_e level;
    int i;

    if (fault != NULL) {
        return fault;
    }
    if (argc == 0 || !smtp_tls_level_parse(argv[0], &level)) {
        return smtp_config_fault(cmd, argc == 0 ? "" : argv[0],
                                 "give one of none, may, encrypt, verify, "
                                 "dane");
    }
    conf->tls = level;
    conf->tls_names = NULL;
    for (i = 1; fault == NULL && i < argc; i++) {
        fault = tls_name_add(cmd, conf, argv[i]);
    }
    return fault;
}

/* ---- SMTPSource ---- */

#define HELO "helo="

static const char *source_add(cmd_parms *cmd, apr_array_header_t *sources,
                              const char *arg)
{
    char *address = apr_pstrdup(cmd->pool, arg);
    char *weight = strchr(address, '=');
    queue_source_t source = { .weight = 1 };
    int number = 1;

    if (weight != NULL) {
        *weight++ = '\0';
    }
    if (smtp_dns_address_parse(address, &source.address) != APR_SUCCESS
        || (weight != NULL
            && !queue_conf_digits_parse(weight, 1, WEIGHT_MAX, &number))) {
        return smtp_config_fault(cmd, arg, "give an address of this machine, "
                                 "and its weight (1 to 1000) if you like, as "
                                 "in 192.0.2.1=3, or any");
    }
    source.weight = (unsigned int)number;
    APR_ARRAY_PUSH(sources, queue_source_t) = source;
    return NULL;
}

/** Of the address before it. */
static const char *helo_set(cmd_parms *cmd, apr_array_header_t *sources,
                            const char *arg)
{
    const char *name = smtp_domain_normalise(cmd->pool, arg + strlen(HELO));

    if (sources->nelts == 0) {
        return smtp_config_fault(cmd, arg, "stands behind an address, whose "
                                 "name it is");
    }
    if (name == NULL) {
        return smtp_config_fault(cmd, arg, "give a domain, or an address "
                                 "literal as in " HELO "[192.0.2.1]");
    }
    APR_ARRAY_IDX(sources, sources->nelts - 1, queue_source_t).helo = name;
    return NULL;
}

const char *queue_conf_source_add(cmd_parms *cmd, void *dir, int argc,
                                  char *const argv[])
{
    queue_destination_conf_t *conf = dir;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    apr_array_header_t *sources;
    int i;

    if (fault != NULL) {
        return fault;
    }
    if (argc == 0) {
        return "SMTPSource: names no address; give some, or any";
    }
    sources = list_get(cmd->pool, &conf->sources, sizeof(queue_source_t));
    if (argc == 1 && strcasecmp(argv[0], "any") == 0) {
        apr_array_clear(sources);
        return NULL;
    }
    for (i = 0; fault == NULL && i < argc; i++) {
        fault = strncasecmp(argv[i], HELO, strlen(HELO)) == 0
                ? helo_set(cmd, sources, argv[i])
                : source_add(cmd, sources, argv[i]);
    }
    return fault;
}

/* ---- Of the whole server ---- */

static queue_conf_t *whole_of(const cmd_parms *cmd)
{
    return &queue_conf_of_server(cmd->server)->whole;
}

/** Whether @a arg is ADDRESS or ADDRESS@PORT. */
static int is_dns_server(apr_pool_t *p, const char *arg)
{
    const char *at = strchr(arg, '@');
    smtp_dns_address_t address;
    int port;

    if (at != NULL
        && !queue_conf_digits_parse(at + 1, 1, PORT_MAX, &port)) {
        return 0;
    }
    if (at != NULL) {
        arg = apr_pstrmemdup(p, arg, at - arg);
    }
    return smtp_dns_address_parse(arg, &address) == APR_SUCCESS;
}

#define SERVER_REMEDY "is no name server; give an address, and its port if " \
    "you like, as in 192.0.2.53 or 192.0.2.53@5353"

const char *queue_conf_dns_server_add(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);

    if (fault != NULL) {
        return fault;
    }
    if (!is_dns_server(cmd->temp_pool, arg)) {
        return smtp_config_fault(cmd, arg, SERVER_REMEDY);
    }
    APR_ARRAY_PUSH(list_get(cmd->pool, &whole_of(cmd)->dns_servers,
                            sizeof(const char *)), const char *) = arg;
    return NULL;
}

const char *queue_conf_dns_stub_add(cmd_parms *cmd, void *dir,
                                    const char *zone, const char *server)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);
    smtp_dns_stub_t stub = { zone, server };

    if (fault != NULL) {
        return fault;
    }
    if (strcmp(zone, ".") != 0) {
        stub.zone = smtp_domain_normalise(cmd->pool, zone);
    }
    if (stub.zone == NULL || *stub.zone == '[') {
        return smtp_config_fault(cmd, zone, "is no zone; give a domain, or . "
                                 "for all");
    }
    if (!is_dns_server(cmd->temp_pool, server)) {
        return smtp_config_fault(cmd, server, SERVER_REMEDY);
    }
    APR_ARRAY_PUSH(list_get(cmd->pool, &whole_of(cmd)->dns_stubs,
                            sizeof(stub)), smtp_dns_stub_t) = stub;
    return NULL;
}

/** A path below ServerRoot at which something is. */
static const char *path_set(cmd_parms *cmd, const char *arg,
                            const char **path)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);

    if (fault != NULL) {
        return fault;
    }
    *path = ap_server_root_relative(cmd->pool, arg);
    fault = *path == NULL ? "is no path"
                          : queue_conf_file_fault(cmd->temp_pool, *path);
    return fault == NULL ? NULL : smtp_config_fault(cmd, arg, fault);
}

/* "": no validation, which is not the same as nothing said. */
const char *queue_conf_trust_anchor_set(cmd_parms *cmd, void *dir,
                                        const char *arg)
{
    const char **anchors = &whole_of(cmd)->dns_trust_anchors;

    if (strcasecmp(arg, "none") == 0) {
        *anchors = "";
        return queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);
    }
    return path_set(cmd, arg, anchors);
}

const char *queue_conf_ca_set(cmd_parms *cmd, void *dir, const char *arg)
{
    return path_set(cmd, arg, &whole_of(cmd)->tls_ca_file);
}

const char *queue_conf_certificate_set(cmd_parms *cmd, void *dir,
                                       const char *certificate,
                                       const char *key)
{
    const char *fault = path_set(cmd, certificate,
                                 &whole_of(cmd)->tls_cert_file);

    return fault != NULL || key == NULL ? fault
           : path_set(cmd, key, &whole_of(cmd)->tls_key_file);
}

const char *queue_conf_own_host_add(cmd_parms *cmd, void *dir,
                                    const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);
    smtp_dns_address_t address;
    const char *host = arg;

    if (fault != NULL) {
        return fault;
    }
    if (smtp_dns_address_parse(arg, &address) == APR_SUCCESS) {
        host = apr_pstrcat(cmd->temp_pool, strchr(arg, ':') ? "[IPv6:" : "[",
                           arg, "]", NULL);
    }
    host = smtp_domain_normalise(cmd->pool, host);
    if (host == NULL) {
        return smtp_config_fault(cmd, arg, "is neither a host name nor an "
                                 "address");
    }
    APR_ARRAY_PUSH(list_get(cmd->pool, &whole_of(cmd)->own_hosts,
                            sizeof(const char *)), const char *) = host;
    return NULL;
}

/* As CustomLog has it: a pipe stays as it is. */
const char *queue_conf_log_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);

    if (fault != NULL) {
        return fault;
    }
    whole_of(cmd)->log_file = *arg == '|'
                              ? arg : ap_server_root_relative(cmd->pool, arg);
    return whole_of(cmd)->log_file != NULL ? NULL
           : smtp_config_fault(cmd, arg, "is no path");
}

const char *queue_conf_log_format_set(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_WHOLE);

    if (fault != NULL) {
        return fault;
    }
    whole_of(cmd)->log_format = arg;
    fault = queue_log_format_check(cmd->pool, arg);
    return fault == NULL ? NULL : smtp_config_fault(cmd, arg, fault);
}
