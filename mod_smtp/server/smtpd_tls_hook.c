/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_tls_hook.h"

#include <string.h>

#include <apr_optional_hooks.h>

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

#include "smtpd_session.h"

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

int smtpd_tls_hook_is_flooded(const smtpd_session_t *ss)
{
    return ss->key_updates > KEY_UPDATES_MAX;
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
void smtpd_tls_hook_protocol_set(apr_pool_t *p, server_rec *s)
{
    core_server_config *core = ap_get_core_module_config(s->module_config);

    core->protocols = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(core->protocols, const char *) = ALPN_SMTP;
}

void smtpd_tls_hook_register(apr_pool_t *p)
{
    static const char *const ssl[] = { SMTPD_TLS_MOD_SSL, NULL };

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

SSL *smtpd_tls_hook_ssl(conn_rec *c)
{
    void *ssl = NULL;

    apr_pool_userdata_get(&ssl, SSL_KEY, c->pool);
    return ssl;
}

void smtpd_tls_hook_unblock(conn_rec *c)
{
    ap_add_output_filter_handle(drop_flush_filter, NULL, NULL, c);
}

/* mod_ssl turns itself off when the client speaks HTTP, and what follows
 * would be plain text: success is what OpenSSL says. SNI may have brought
 * a virtual host whose SSLProtocol allows what before_handshake() forbade. */
int smtpd_tls_hook_is_good(conn_rec *c, SSL *ssl)
{
    return SSL_is_init_finished(ssl) && !is_foreign(c) && !is_borrowed(ssl)
           && SSL_version(ssl) >= TLS1_2_VERSION;
}
