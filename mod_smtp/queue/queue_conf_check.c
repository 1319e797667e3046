/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What can only be judged when all is read. Runs under `httpd -t` too.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_core.h>
#include <http_log.h>

#include "mod_smtp.h"
#include "queue_conf_directive.h"
#include "queue_log.h"

extern module AP_MODULE_DECLARE_DATA smtp_queue_module;
APLOG_USE_MODULE(smtp_queue);

/** What queue_conf_get() gives; made anew whenever httpd reads its
 *  configuration. */
static queue_conf_t *current;

const queue_conf_t *queue_conf_get(void)
{
    return current;
}

/* ---- Making it ---- */

/** SMTPSpool is mod_smtp_spool's, but the directive is for all to see. */
static const char *spool_find(apr_pool_t *p)
{
    const ap_directive_t *at, *found = NULL;
    const char *args;

    for (at = ap_conftree; at != NULL; at = at->next) {
        if (strcasecmp(at->directive, "SMTPSpool") == 0) {
            found = at;
        }
    }
    if (found == NULL) {
        return NULL;
    }
    args = found->args;
    return ap_server_root_relative(p, ap_getword_conf(p, &args));
}

static queue_vhost_t *vhost_create(apr_pool_t *p, server_rec *s)
{
    const queue_server_conf_t *conf = queue_conf_of_server(s);
    queue_vhost_t *vhost = apr_pmemdup(p, &conf->vhost, sizeof(*vhost));

    vhost->s = s;
    vhost->name = apr_psprintf(p, "%s:%u",
                               s->server_hostname ? s->server_hostname : "",
                               s->addrs != NULL ? s->addrs->host_port : 0u);
    queue_conf_complete_vhost(p, vhost);
    queue_conf_build(p, vhost, ap_get_module_config(s->lookup_defaults,
                                                    &smtp_queue_module),
                     conf->sections);
    return vhost;
}

/** Of two with one name the first counts. */
static void vhost_add(apr_pool_t *p, queue_conf_t *conf, server_rec *s)
{
    queue_vhost_t *vhost = vhost_create(p, s);

    APR_ARRAY_PUSH(conf->vhosts, queue_vhost_t *) = vhost;
    apr_hash_set(conf->vhosts_by_server, &vhost->s, sizeof(vhost->s), vhost);
    if (apr_hash_get(conf->vhosts_by_name, vhost->name, APR_HASH_KEY_STRING)
        == NULL) {
        apr_hash_set(conf->vhosts_by_name, vhost->name, APR_HASH_KEY_STRING,
                     vhost);
    }
}

static int speaks_smtp(const queue_vhost_t *vhost)
{
    APR_OPTIONAL_FN_TYPE(smtp_engine_is_on) *is_on =
        APR_RETRIEVE_OPTIONAL_FN(smtp_engine_is_on);

    return is_on != NULL && is_on(vhost->s);
}

static queue_conf_t *conf_create(apr_pool_t *p, server_rec *main_server)
{
    queue_conf_t *conf =
        apr_pmemdup(p, &queue_conf_of_server(main_server)->whole,
                    sizeof(*conf));
    server_rec *s;

    queue_conf_complete_whole(p, conf);
    conf->spool = spool_find(p);
    conf->vhosts = apr_array_make(p, 4, sizeof(queue_vhost_t *));
    conf->vhosts_by_name = apr_hash_make(p);
    conf->vhosts_by_server = apr_hash_make(p);
    for (s = main_server; s != NULL; s = s->next) {
        vhost_add(p, conf, s);
    }
    queue_conf_tags_set(p, conf->vhosts, speaks_smtp);
    return conf;
}

/* ---- Judging it ---- */

static int is_directory(apr_pool_t *p, const char *path)
{
    apr_finfo_t info;

    return path != NULL
           && apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS
           && info.filetype == APR_DIR;
}

/** What was said, if it was. */
static const char *said_write(apr_pool_t *p, const char *directive,
                              const char *value)
{
    return value == NULL ? ""
           : apr_pstrcat(p, directive, " \"", value, "\": ", NULL);
}

/** Makes conf->tls. OpenSSL does not say which file it means. */
static const char *tls_create(apr_pool_t *p, apr_pool_t *ptemp,
                              queue_conf_t *conf)
{
    smtp_tls_conf_t options = { 0 };
    const char *fault;

    if (is_directory(ptemp, conf->tls_ca_file)) {
        options.ca_path = conf->tls_ca_file;
    }
    else {
        options.ca_file = conf->tls_ca_file;
    }
    options.cert_file = conf->tls_cert_file;
    options.key_file = conf->tls_key_file;
    if (smtp_tls_context_create(p, &options, &conf->tls, &fault)
        == APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrcat(ptemp, said_write(ptemp, "SMTPOutboundCA",
                                         conf->tls_ca_file),
                       said_write(ptemp, "SMTPOutboundCertificate",
                                  conf->tls_cert_file),
                       fault, "; give files in PEM, a key that is the "
                       "certificate's", NULL);
}

void queue_conf_dns_get(const queue_conf_t *conf,
                        smtp_dns_options_t *options)
{
    memset(options, 0, sizeof(*options));
    options->forwarders = conf->dns_servers;
    options->stubs = conf->dns_stubs;
    options->trust_anchors = conf->dns_trust_anchors;
}

static const char *dns_check(apr_pool_t *ptemp, const queue_conf_t *conf)
{
    smtp_dns_options_t options;
    const char *fault;
    smtp_dns_t *dns;

    queue_conf_dns_get(conf, &options);
    return smtp_dns_create(ptemp, &options, &dns, &fault) == APR_SUCCESS
           ? NULL
           : apr_pstrcat(ptemp, "SMTPDNSTrustAnchor, SMTPDNSStub, "
                         "SMTPDNSServer: ", fault, NULL);
}

int queue_conf_complete(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    queue_conf_t *conf = conf_create(pconf, s);
    const char *fault = tls_create(pconf, ptemp, conf);

    if (fault == NULL) {
        fault = dns_check(ptemp, conf);
    }
    if (fault == NULL) {
        fault = queue_conf_faults_find(ptemp, conf);
    }
    if (fault == NULL) {
        fault = queue_conf_chroot_check(ptemp, conf);
    }
    if (fault != NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, QUEUE_LOGNO(4301) "%s",
                     fault);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    queue_conf_warn(ptemp, conf, speaks_smtp);
    current = conf;
    return OK;
}

/* ---- Finding in it ---- */

/** The main server stands in for what is not there any more. */
static const queue_vhost_t *or_main(const queue_conf_t *conf,
                                    const queue_vhost_t *vhost)
{
    return vhost != NULL ? vhost
                         : APR_ARRAY_IDX(conf->vhosts, 0, queue_vhost_t *);
}

const queue_vhost_t *queue_conf_vhost_find(const queue_conf_t *conf,
                                           const char *name)
{
    return or_main(conf, name == NULL ? NULL
                         : apr_hash_get(conf->vhosts_by_name, name,
                                        APR_HASH_KEY_STRING));
}

const queue_vhost_t *queue_conf_vhost_of(const queue_conf_t *conf,
                                         const server_rec *s)
{
    return or_main(conf, apr_hash_get(conf->vhosts_by_server, &s,
                                      sizeof(s)));
}
