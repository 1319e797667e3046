/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What can only be judged when all is read. Runs under `httpd -t` too.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_core.h>

#include "smtp_delivery.h"
#include "smtpd_conf_directive.h"
#include "smtpd_conf_auth.h"
#include "smtpd_conf_limit.h"
#include "smtpd_conf_submission.h"
#include "smtpd_domain.h"
#include "smtpd_log.h"
#include "smtpd_on_demand.h"
#include "smtpd_relay_check.h"

APLOG_USE_MODULE(smtp);

/** RFC 5321 4.5.3.1.8: "must be able to buffer at least 100". */
#define RFC_RECIPIENTS 100
/** RFC 5321 4.5.3.1.7: "at least 64K octets". */
#define RFC_MESSAGE_OCTETS (64 * 1024)
/** RFC 5321 4.5.3.2.7: "at least 5 minutes". */
#define RFC_COMMAND_TIMEOUT apr_time_from_sec(300)

/** RFC 5321 4.5.4.2: where servers send to servers. */
#define PORT_SMTP 25u

/** How messages call a virtual host. */
static const char *host_write(apr_pool_t *p, const server_rec *s)
{
    return apr_psprintf(p, "<VirtualHost %s:%u> (%s:%u)",
                        s->addrs != NULL ? s->addrs->virthost : "",
                        s->addrs != NULL ? s->addrs->host_port : 0u,
                        s->defn_name != NULL ? s->defn_name : "?",
                        s->defn_line_number);
}

/** Advice: who chose small limits meant it, and is told once, where he looks:
 *  on the terminal that starts httpd, and by httpd -t. */
static void limits_warn(apr_pool_t *p, server_rec *s,
                        const smtpd_conf_t *conf)
{
    const char *host = host_write(p, s);

    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        return;
    }
    if (conf->max_recipients < RFC_RECIPIENTS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1140)
                     "%s: SMTPMaxRecipients %d: RFC 5321 4.5.3.1.8 asks for "
                     "at least %d, and clients may rely on it", host,
                     conf->max_recipients, RFC_RECIPIENTS);
    }
    if (conf->max_message_octets != 0
        && conf->max_message_octets < RFC_MESSAGE_OCTETS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1141)
                     "%s: SMTPMaxMessageSize %" APR_OFF_T_FMT ": RFC 5321 "
                     "4.5.3.1.7 asks for at least 64K", host,
                     conf->max_message_octets);
    }
    if (conf->timeout_command < RFC_COMMAND_TIMEOUT) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1142)
                     "%s: SMTPTimeout command=%" APR_TIME_T_FMT "ms: RFC "
                     "5321 4.5.3.2.7 asks for at least 300 s; slow clients "
                     "are cut", host,
                     apr_time_as_msec(conf->timeout_command));
    }
}

/** RFC 3207 4: "a publicly-referenced SMTP server MUST NOT require use of the
 *  STARTTLS extension in order to deliver mail locally". */
static void tls_warn(apr_pool_t *p, server_rec *s, const smtpd_conf_t *conf)
{
    if (conf->tls >= SMTPD_TLS_REQUIRED && s->addrs != NULL
        && s->addrs->host_port == PORT_SMTP) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1139)
                     "%s: SMTPTLS required on port %u: RFC 3207 4 forbids it "
                     "to an MX, and mail of servers without TLS is lost; "
                     "write SMTPTLS optional", host_write(p, s), PORT_SMTP);
    }
}

static void domains_warn(apr_pool_t *p, server_rec *s,
                         const smtpd_conf_t *conf)
{
    /* Who only sends, or fetches, needs none. */
    if (conf->sections->nelts == 0
        && (conf->submission.relay_section != NULL || conf->on_demand.atrn)) {
        return;
    }
    if (conf->sections->nelts == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1143)
                     "%s: SMTPEngine On without <SMTPDomain>: every "
                     "recipient will be refused; add a <SMTPDomain> for each "
                     "domain whose mail is taken", host_write(p, s));
    }
    else if (conf->primary == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1144)
                     "%s: RCPT TO:<Postmaster> will be refused (RFC 5321 "
                     "4.5.1), since neither ServerName nor a name in "
                     "<SMTPDomain> is a local domain; add one",
                     host_write(p, s));
    }
}

/** A <SMTPDomain> whose mail is kept needs a module that keeps it. */
static void delivery_warn(apr_pool_t *p, server_rec *s,
                          const smtpd_conf_t *conf)
{
    const apr_array_header_t *deliver = smtp_hook_get_deliver();

    if (conf->sections->nelts > 0
        && (deliver == NULL || deliver->nelts == 0)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1145)
                     "%s: SMTPDeliver maildir: no module delivers, so every "
                     "recipient will be deferred; add LoadModule "
                     "smtp_spool_module modules/mod_smtp_spool.so",
                     host_write(p, s));
    }
}

/** Who can send from here, and where to. */
static const char *relay_check(apr_pool_t *p, server_rec *s,
                               const smtpd_conf_t *conf)
{
    if (conf->service == SMTPD_SERVICE_SUBMISSION
        && conf->auth.section == NULL
        && conf->submission.relay_section == NULL) {
        return "SMTPService submission without <SMTPAuth> and without "
               "<SMTPRelay>: nobody could send; add <SMTPAuth> with who may "
               "log in, and <SMTPRelay> with Require valid-user";
    }
    return smtpd_relay_check(p, s, conf);
}

static void relay_warn(apr_pool_t *p, server_rec *s,
                       const smtpd_conf_t *conf)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        return;
    }
    if (conf->service == SMTPD_SERVICE_SUBMISSION
        && conf->submission.relay_section == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1162)
                     "%s: SMTPService submission without <SMTPRelay>: "
                     "logged-in users reach only local domains; add "
                     "<SMTPRelay> with Require valid-user",
                     host_write(p, s));
    }
    if (conf->auth.section == NULL && smtpd_relay_needs_login(p, conf)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1163)
                     "%s: <SMTPRelay> has a Require that needs a login, and "
                     "without <SMTPAuth> nobody can log in; add <SMTPAuth>, "
                     "or take the rule away", host_write(p, s));
    }
}

static int is_same_address(const server_addr_rec *a, const server_addr_rec *b)
{
    return a->host_port == b->host_port && a->host_addr != NULL
           && b->host_addr != NULL
           && apr_sockaddr_equal(a->host_addr, b->host_addr);
}

static int shares_address(const server_rec *a, const server_rec *b)
{
    const server_addr_rec *mine, *theirs;

    for (mine = a->addrs; mine != NULL; mine = mine->next) {
        for (theirs = b->addrs; theirs != NULL; theirs = theirs->next) {
            if (is_same_address(mine, theirs)) {
                return 1;
            }
        }
    }
    return 0;
}

/** SMTP has no Host header: one address and port is one virtual host's. */
static int http_neighbours_check(apr_pool_t *p, server_rec *s,
                                 server_rec *main_server)
{
    server_rec *other;
    int rv = OK;

    for (other = main_server->next; other != NULL; other = other->next) {
        if (smtpd_conf_get(other)->engine != 1 && shares_address(s, other)) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, SMTPD_LOGNO(1101)
                         "%s: SMTPEngine On: %s has the same address and "
                         "port without SMTPEngine On; give one of them "
                         "another port", host_write(p, s),
                         host_write(p, other));
            rv = HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return rv;
}

static void smtp_neighbours_warn(apr_pool_t *p, server_rec *s)
{
    server_rec *other;

    for (other = s->next; other != NULL; other = other->next) {
        /* By SNI both are reached. */
        if (smtpd_conf_get(other)->engine == 1 && shares_address(s, other)
            && !(smtpd_conf_get(s)->has_ssl
                 && smtpd_conf_get(other)->has_ssl)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1146)
                         "%s and %s speak SMTP on the same address and port: "
                         "only one of them is reached; give the other "
                         "another port, make one of both, or give both "
                         "TLS (SSLEngine On)",
                         host_write(p, s), host_write(p, other));
        }
    }
}

/** What directives of several levels came to together. */
static const char *extensions_check(apr_pool_t *p, const smtpd_conf_t *conf)
{
    const char *fault =
        smtpd_conf_extensions_fault(p, SMTPD_CONF_EXTENSIONS
                                       & ~conf->extensions_off,
                                    conf->extensions_set);

    return fault == NULL ? NULL
                         : apr_pstrcat(p, "SMTPExtensions: ", fault, NULL);
}

static int host_complete(apr_pool_t *p, apr_pool_t *ptemp, server_rec *s,
                         server_rec *main_server)
{
    smtpd_conf_t *conf = smtpd_conf_get(s);
    const char *fault = extensions_check(ptemp, conf);
    const char *warning = NULL;

    if (fault == NULL) {
        fault = smtpd_domain_build(p, ptemp, s, conf);
    }
    smtpd_conf_submission_complete(p, s, conf);
    if (fault == NULL) {
        fault = smtpd_domain_check(ptemp, conf);
    }
    if (fault == NULL) {
        fault = relay_check(ptemp, s, conf);
    }
    if (fault == NULL) {
        fault = smtpd_conf_on_demand_check(ptemp, conf);
    }
    if (fault == NULL) {
        fault = smtpd_conf_limit_check(p, ptemp, conf, &warning);
    }
    if (fault == NULL) {
        fault = smtpd_conf_tls_check(ptemp, conf);
    }
    if (fault == NULL) {
        fault = smtpd_conf_auth_check(ptemp, s, conf);
    }
    if (fault != NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, SMTPD_LOGNO(1100)
                     "%s: %s", host_write(ptemp, s), fault);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (warning != NULL
        && ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, SMTPD_LOGNO(1147)
                     "%s: %s", host_write(ptemp, s), warning);
    }
    limits_warn(ptemp, s, conf);
    tls_warn(ptemp, s, conf);
    domains_warn(ptemp, s, conf);
    delivery_warn(ptemp, s, conf);
    relay_warn(ptemp, s, conf);
    smtp_neighbours_warn(ptemp, s);
    return http_neighbours_check(ptemp, s, main_server);
}

int smtpd_conf_complete(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *main_server)
{
    server_rec *s;
    int rv = OK;

    for (s = main_server; s != NULL; s = s->next) {
        smtpd_conf_complete_server(smtpd_conf_get(s));
        smtpd_conf_tls_complete(pconf, s, smtpd_conf_get(s));
        smtpd_conf_auth_complete(pconf, smtpd_conf_get(s));
    }
    for (s = main_server; s != NULL; s = s->next) {
        if (smtpd_conf_get(s)->engine == 1
            && host_complete(pconf, ptemp, s, main_server) != OK) {
            rv = HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return rv;
}
