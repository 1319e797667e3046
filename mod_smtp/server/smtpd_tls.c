/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * mod_ssl is made for servers that know before the first octet whether a
 * connection is TLS. For STARTTLS it is switched off when the connection
 * comes and switched on anew in its midst: there is no call for that, so its
 * note about the connection is taken away and its own pre_connection hook,
 * alone of all, is run again.
 */
#include "smtpd_tls.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <http_vhost.h>
#include <util_filter.h>

#include "smtpd_access.h"
#include "smtpd_connection.h"
#include "smtpd_log.h"
#include "smtpd_tls_hook.h"

APLOG_USE_MODULE(smtp);

/* ------------------------------------------------------------ the offer */

int smtpd_tls_is_offered(const smtpd_session_t *ss)
{
    return !ss->pub.is_tls && ss->conf->has_ssl
           && (ss->conf->tls == SMTPD_TLS_OPTIONAL
               || ss->conf->tls == SMTPD_TLS_REQUIRED);
}

int smtpd_tls_is_missing(const smtpd_session_t *ss)
{
    return !ss->pub.is_tls && ss->conf->tls >= SMTPD_TLS_REQUIRED;
}

/* ---------------------------------------------------------- the upgrade */

/* Runs mod_ssl's pre_connection hook alone: others have seen this connection
 * and would see it twice. @return what it returned */
static int run_mod_ssl(conn_rec *c)
{
    apr_array_header_t *hooks = ap_hook_get_pre_connection();
    int i;

    for (i = 0; hooks && i < hooks->nelts; i++) {
        ap_LINK_pre_connection_t *hook =
            &APR_ARRAY_IDX(hooks, i, ap_LINK_pre_connection_t);

        if (!strcmp(hook->szName, SMTPD_TLS_MOD_SSL)) {
            return hook->pFunc(c, ap_get_conn_socket(c));
        }
    }
    return DECLINED;
}

/* RFC 3207 4.2: what the client said before TLS was never said. */
static void forget(smtpd_session_t *ss)
{
    ss->pub.helo = NULL;
    ss->pub.is_esmtp = 0;
    ss->pub.login = NULL;
    ss->pub.auth_mechanism = NULL;
    smtpd_session_phase_set(ss, SMTPD_PHASE_CONNECTED);
}

/* Makes way for a handshake: mod_ssl's filters are in. */
static apr_status_t prepare(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;

    ss->ssl = smtpd_tls_hook_ssl(c);
    if (!ss->ssl) {
        return APR_ENOTIMPL;
    }
    if (ss->is_async) {
        smtpd_tls_hook_unblock(c);
    }
    ss->is_handshaking = 1;
    smtpd_session_deadline_set(ss);
    return APR_SUCCESS;
}

apr_status_t smtpd_tls_begin_implicit(smtpd_session_t *ss)
{
    apr_status_t rv = prepare(ss);

    if (rv != APR_SUCCESS) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, ss->pub.c, SMTPD_LOGNO(1070)
                      "implicit TLS: mod_ssl did not take the connection");
    }
    return rv;
}

apr_status_t smtpd_tls_begin(smtpd_session_t *ss)
{
    static const smtp_reply_t ready =
        { 220, { 2, 0, 0 }, "Ready to start TLS" };
    conn_rec *c = ss->pub.c;
    ap_filter_t *plain = c->output_filters;
    apr_status_t rv;

    /* What begin_plain() made mod_ssl note. */
    ap_set_module_config(c->conn_config,
                         ap_find_linked_module(SMTPD_TLS_MOD_SSL), NULL);
    if (run_mod_ssl(c) != OK || (rv = prepare(ss)) != APR_SUCCESS) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, c, SMTPD_LOGNO(1071)
                      "STARTTLS: mod_ssl did not take the connection");
        return APR_ENOTIMPL;
    }
    smtpd_session_reply(ss, &ready);
    smtpd_connection_push_through(ss, plain);
    forget(ss);
    return APR_SUCCESS;
}

/* ------------------------------------------------------- the handshake */

static int names_host(const apr_array_header_t *names, const char *name,
                      int is_wild)
{
    int i;

    for (i = 0; names && i < names->nelts; i++) {
        const char *candidate = APR_ARRAY_IDX(names, i, const char *);

        if (is_wild ? !ap_strcasecmp_match(name, candidate)
                    : !strcasecmp(name, candidate)) {
            return 1;
        }
    }
    return 0;
}

typedef struct match_t {
    const char *name;
    server_rec *found;
} match_t;

/* For ap_vhost_iterate_given_conn(): ends at the first that matches, as
 * mod_ssl does when it chooses the certificate. */
static int match_host(void *baton, conn_rec *c, server_rec *s)
{
    match_t *match = baton;

    if (smtpd_conf_get(s)->engine == 1
        && ((s->server_hostname
             && !strcasecmp(match->name, s->server_hostname))
            || names_host(s->names, match->name, 0)
            || names_host(s->wild_names, match->name, 1))) {
        match->found = s;
        return 1;
    }
    return 0;
}

/* RFC 6066 3: the name that the client asked for chooses the virtual host.
 * From here on it is the session's, and its rules are asked: who may not
 * connect to it does not come in by a neighbour's door. */
static void choose_host(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;
    match_t match = { SSL_get_servername(ss->ssl, TLSEXT_NAMETYPE_host_name),
                      NULL };

    if (match.name) {
        ap_vhost_iterate_given_conn(c, match_host, &match);
    }
    if (!match.found || match.found == ss->pub.s) {
        return;
    }
    c->base_server = match.found;
    smtpd_session_host_set(ss, match.found);
    if (!smtpd_access_allows(ss, ss->conf->connect_section)) {
        smtpd_session_phase_set(ss, SMTPD_PHASE_REFUSED);
    }
}

/* What forbid_resumption() held back goes to who has shown no certificate, with
 * the next reply: two tickets, as OpenSSL sends by itself. */
static void give_tickets(const smtpd_session_t *ss)
{
    int i;

    if (SSL_version(ss->ssl) >= TLS1_3_VERSION
        && SSL_get_num_tickets(ss->ssl) == 0
        && !SSL_get0_peer_certificate(ss->ssl)
        && !(SSL_get_options(ss->ssl) & SSL_OP_NO_TICKET)) {
        for (i = 0; i < 2; i++) {
            SSL_new_session_ticket(ss->ssl);
        }
    }
}

static void established(smtpd_session_t *ss)
{
    SSL *ssl = ss->ssl;

    ss->is_handshaking = 0;
    ss->pub.is_tls = 1;
    ss->pub.tls_version = SSL_get_version(ssl);
    ss->pub.tls_cipher = SSL_get_cipher_name(ssl);
    ss->may_have_input = 1;
    give_tickets(ss);
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, ss->pub.c, SMTPD_LOGNO(1072)
                  "TLS: %s %s%s", ss->pub.tls_version, ss->pub.tls_cipher,
                  SSL_session_reused(ssl) ? ", resumed" : "");
    choose_host(ss);
    smtpd_session_extensions_set(ss);
    smtpd_session_deadline_set(ss);
}

apr_status_t smtpd_tls_handshake(smtpd_session_t *ss)
{
    conn_rec *c = ss->pub.c;
    apr_status_t rv = ap_get_brigade(c->input_filters, ss->in, AP_MODE_INIT,
                                     APR_NONBLOCK_READ, 0);

    apr_brigade_cleanup(ss->in);
    smtpd_connection_push(ss);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return APR_EAGAIN;
    }
    if (rv != APR_SUCCESS || c->aborted
        || !smtpd_tls_hook_is_good(c, ss->ssl)) {
        ap_log_cerror(APLOG_MARK, APLOG_INFO, rv, c, SMTPD_LOGNO(1073)
                      "TLS handshake failed");
        ss->ssl = NULL;
        return APR_ECONNABORTED;
    }
    established(ss);
    return APR_SUCCESS;
}

/* ------------------------------------------------------ what is known */

const char *smtpd_tls_variable(const smtpd_session_t *ss, apr_pool_t *p,
                               const char *name)
{
    const char *value = NULL;

    if (ss->pub.is_tls) {
        value = ap_ssl_var_lookup(p, ss->pub.s, ss->pub.c, NULL, name);
    }
    return value && *value ? value : NULL;
}

/* RFC 9266 4.2: below TLS 1.3 the exporter is bound to the connection only
 * with the extended master secret (RFC 7627). */
static const unsigned char *binding_exporter(SSL *ssl, apr_pool_t *p,
                                             apr_size_t *len)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    unsigned char *data = apr_palloc(p, 32);

    if ((SSL_version(ssl) < TLS1_3_VERSION
         && SSL_get_extms_support(ssl) != 1)
        || SSL_export_keying_material(ssl, data, 32, label,
                                      sizeof(label) - 1,
                                      (const unsigned char *)"", 0, 1) != 1) {
        return NULL;
    }
    *len = 32;
    return data;
}

/* RFC 5929 4.1: the hash of the certificate's signature, SHA-256 in place of
 * MD5 and SHA-1. */
static const unsigned char *binding_end_point(SSL *ssl, apr_pool_t *p,
                                              apr_size_t *len)
{
    unsigned char *data = apr_palloc(p, EVP_MAX_MD_SIZE);
    X509 *certificate = SSL_get_certificate(ssl);
    const EVP_MD *digest;
    unsigned int n;
    int nid;

    if (!certificate
        || !X509_get_signature_info(certificate, &nid, NULL, NULL, NULL)) {
        return NULL;
    }
    digest = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256()
                                               : EVP_get_digestbynid(nid);
    if (!digest || X509_digest(certificate, digest, data, &n) != 1) {
        return NULL;
    }
    *len = n;
    return data;
}

const unsigned char *smtpd_tls_binding(const smtpd_session_t *ss,
                                       apr_pool_t *p, const char *name,
                                       apr_size_t *len)
{
    *len = 0;
    if (!ss->ssl || !ss->pub.is_tls) {
        return NULL;
    }
    ERR_clear_error();
    if (!strcmp(name, "tls-exporter")) {
        return binding_exporter(ss->ssl, p, len);
    }
    if (!strcmp(name, "tls-server-end-point")) {
        return binding_end_point(ss->ssl, p, len);
    }
    return NULL;
}
