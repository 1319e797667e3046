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

#include <apr_optional_hooks.h>
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
#include <mod_ssl.h>
#include <mod_ssl_openssl.h>
#include <util_filter.h>

#include "smtpd_access.h"
#include "smtpd_connection.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

#define MOD_SSL "mod_ssl.c"

/* Where a hook that runs before there is a session leaves the SSL. */
#define SSL_KEY "smtpd_tls_ssl"
/* ... and that the client offered other protocols only. */
#define FOREIGN_KEY "smtpd_tls_foreign"

/* What a protocol of ours is called in ALPN. Nobody has registered a name for
 * SMTP: clients that offer anything do not offer this one. */
#define ALPN_SMTP "smtp"

static int is_smtp(const conn_rec *c)
{
    return !c->master && !c->outgoing
           && smtpd_conf_get(c->base_server)->engine == 1;
}

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

/* --------------------------------------------------------- httpd's hooks */

/* Else mod_ssl waits for a handshake that no client of SMTP begins. */
static int begin_plain(conn_rec *c, void *csd)
{
    APR_OPTIONAL_FN_TYPE(ssl_engine_disable) *disable =
        APR_RETRIEVE_OPTIONAL_FN(ssl_engine_disable);

    if (disable && is_smtp(c)
        && !smtpd_conf_is_implicit(smtpd_conf_get(c->base_server),
                                   c->local_addr->port)) {
        disable(c);
        /* It takes us for a proxy's client, and says so here. */
        c->outgoing = 0;
    }
    return OK;
}

/* A session keeps its certificate and that it was verified, but not by whom:
 * taken up again at a virtual host that trusts others, or in one with
 * SSLVerifyClient optional_no_ca, it would be verified there, too. mod_ssl ties
 * sessions to a ServerName and a port that it does not always know. So no
 * session with a certificate can be taken up again... */
static int is_not_resumable(SSL *ssl, int is_forward_secure)
{
    return SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
}

/* So many changes of keys without an octet of data are an attack: each costs
 * more than it takes to ask for it. */
#define KEY_UPDATES_MAX 16

/* Counts them, and ends the read when there are too many. */
static void count_key_updates(int is_written, int version, int type,
                              const void *octets, size_t len, SSL *ssl,
                              void *c)
{
    smtpd_session_t *ss = smtpd_session_get(c);

    if (ss && !is_written && type == SSL3_RT_HANDSHAKE && len > 0
        && *(const unsigned char *)octets == SSL3_MT_KEY_UPDATE
        && ++ss->key_updates > KEY_UPDATES_MAX) {
        SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    }
}

int smtpd_tls_is_flooded(const smtpd_session_t *ss)
{
    return ss->key_updates > KEY_UPDATES_MAX;
}

static int asks_certificates(void *baton, conn_rec *c, server_rec *s)
{
    return smtpd_conf_get(s)->asks_certificates;
}

/* ... not by the tickets of TLS 1.3 either, whichever virtual host SNI is going
 * to choose... */
static void forbid_resumption(conn_rec *c, SSL *ssl)
{
    SSL_set_not_resumable_session_callback(ssl, is_not_resumable);
    if (ap_vhost_iterate_given_conn(c, asks_certificates, NULL)) {
        SSL_set_num_tickets(ssl, 0);
    }
}

/* ... and who brings one of a web site's is cut. */
static int is_borrowed(SSL *ssl)
{
    return SSL_session_reused(ssl) && SSL_get0_peer_certificate(ssl);
}

/* What we want of OpenSSL beside what mod_ssl does. RFC 8996, 8997: nothing
 * below TLS 1.2, whatever SSLProtocol says. */
static int before_handshake(conn_rec *c, SSL *ssl, int is_proxy)
{
    if (is_proxy || !is_smtp(c)) {
        return DECLINED;
    }
    if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION) {
        SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
    }
    /* mod_ssl switches it off. Then a record without data (KeyUpdate, RFC 8446
     * 4.6.3) ends a read, and we would wait for what is here already. */
    SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_set_msg_callback(ssl, count_key_updates);
    SSL_set_msg_callback_arg(ssl, c);
    forbid_resumption(c, ssl);
    apr_pool_userdata_setn(ssl, SSL_KEY, NULL, c->pool);
    return OK;
}

/* ALPN (RFC 7301): a browser that was sent here must not find what it takes
 * for HTTP (ALPACA, 2021). A client that offers nothing is welcome, one that
 * offers protocols without ours among them is cut. */

static const char *protocol_get(const conn_rec *c)
{
    return is_smtp(c) ? ALPN_SMTP : NULL;
}

/* DONE keeps others from proposing. Refusing the switch would be the proper
 * way, if httpd did not log it as an error of the server's: so the handshake
 * goes on and is_established() sees the note. */
static int protocol_propose(conn_rec *c, request_rec *r, server_rec *s,
                            const apr_array_header_t *offered,
                            apr_array_header_t *proposals)
{
    if (!is_smtp(c)) {
        return DECLINED;
    }
    if (!ap_array_str_contains(offered, ALPN_SMTP)) {
        apr_pool_userdata_setn(c, FOREIGN_KEY, NULL, c->pool);
    }
    return DONE;
}

static int is_foreign(conn_rec *c)
{
    void *note = NULL;

    apr_pool_userdata_get(&note, FOREIGN_KEY, c->pool);
    return note != NULL;
}

/* More than this unsent, and core would block (FlushMaxThreshold, 64 KB). Our
 * own replies pause long before; OpenSSL's answers to a client that asks for
 * new keys again and again, and does not read, know no pause. */
#define UNSENT_MAX_OCTETS (48 * 1024)

static int is_too_much(conn_rec *c, apr_bucket_brigade *bb)
{
    smtpd_session_t *ss = smtpd_session_get(c);
    apr_off_t octets = 0;

    if (!ss) {
        return 0;
    }
    apr_brigade_length(bb, 0, &octets);
    if (!c->data_in_output_filters) {
        ss->tls_unsent_octets = 0;
    }
    ss->tls_unsent_octets += octets;
    return ss->tls_unsent_octets > UNSENT_MAX_OCTETS;
}

/* A FLUSH bucket that reaches core would block the thread until the client
 * reads; core is pushed instead (smtpd_connection.c). mod_ssl, above, needs
 * them all the same to write its last record. Nor may anything else block. */
static apr_status_t drop_flush(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *b, *next;

    if (is_too_much(f->c, bb)) {
        apr_brigade_cleanup(bb);
        f->c->aborted = 1;
        return APR_ECONNABORTED;
    }

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = next) {
        next = APR_BUCKET_NEXT(b);
        if (APR_BUCKET_IS_FLUSH(b)) {
            apr_bucket_delete(b);
        }
    }
    return APR_BRIGADE_EMPTY(bb) ? APR_SUCCESS : ap_pass_brigade(f->next, bb);
}

static ap_filter_rec_t *drop_flush_filter;

/* Where no Protocols directive stands, httpd asks nobody what to answer to
 * ALPN: it chooses http/1.1. An SMTP host speaks SMTP, whatever Protocols
 * says. */
void smtpd_tls_protocol_set(apr_pool_t *p, server_rec *s)
{
    core_server_config *core = ap_get_core_module_config(s->module_config);

    core->protocols = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(core->protocols, const char *) = ALPN_SMTP;
}

void smtpd_tls_register(apr_pool_t *p)
{
    static const char *const ssl[] = { MOD_SSL, NULL };

    ap_hook_pre_connection(begin_plain, NULL, ssl, APR_HOOK_FIRST);
    ap_hook_protocol_get(protocol_get, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_protocol_propose(protocol_propose, NULL, NULL,
                             APR_HOOK_REALLY_FIRST);
    APR_OPTIONAL_HOOK(ssl, pre_handshake, before_handshake, NULL, NULL,
                      APR_HOOK_MIDDLE);
    /* Between mod_ssl's (+5) and core. */
    drop_flush_filter = ap_register_output_filter("SMTPD_DROP_FLUSH",
                                                  drop_flush, NULL,
                                                  AP_FTYPE_CONNECTION + 6);
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

        if (!strcmp(hook->szName, MOD_SSL)) {
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

    ss->ssl = NULL;
    apr_pool_userdata_get(&ss->ssl, SSL_KEY, c->pool);
    if (!ss->ssl) {
        return APR_ENOTIMPL;
    }
    if (ss->is_async) {
        ap_add_output_filter_handle(drop_flush_filter, NULL, NULL, c);
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
    ap_set_module_config(c->conn_config, ap_find_linked_module(MOD_SSL),
                         NULL);
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

/* mod_ssl turns itself off when the client speaks HTTP, and what follows
 * would be plain text: success is what OpenSSL says. SNI may have brought
 * a virtual host whose SSLProtocol allows what before_handshake() forbade. */
static int is_established(const smtpd_session_t *ss)
{
    return SSL_is_init_finished(ss->ssl) && !is_foreign(ss->pub.c)
           && !is_borrowed(ss->ssl)
           && SSL_version(ss->ssl) >= TLS1_2_VERSION;
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
    if (rv != APR_SUCCESS || c->aborted || !is_established(ss)) {
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
