/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_tls_hook.h
 * Where httpd and mod_ssl ask us about a connection, and what we make of
 * OpenSSL's SSL there: versions, ALPN, resumption, and that nothing blocks.
 */
#ifndef SMTPD_TLS_HOOK_H
#define SMTPD_TLS_HOOK_H

#include <openssl/ssl.h>

#include "smtpd_session.h"

/** What mod_ssl is called among modules and hooks. */
#define SMTPD_TLS_MOD_SSL "mod_ssl.c"

/** register_hooks. */
void smtpd_tls_hook_register(apr_pool_t *p);

/** post_config: what virtual host @a s agrees to by ALPN. */
void smtpd_tls_hook_protocol_set(apr_pool_t *p, server_rec *s);

/** The SSL that mod_ssl has made for @a c, or NULL. */
SSL *smtpd_tls_hook_ssl(conn_rec *c);

/** From here on nothing that is written to @a c blocks: what cannot be sent is
 *  kept, and who lets too much of it pile up is cut. Above core, below mod_ssl;
 *  after whose filters are in. */
void smtpd_tls_hook_unblock(conn_rec *c);

/** Whether a handshake that mod_ssl says has ended came to what we want. */
int smtpd_tls_hook_is_good(conn_rec *c, SSL *ssl);

/** Whether the client changes keys without end instead of sending anything:
 *  it is to be cut. */
int smtpd_tls_hook_is_flooded(const smtpd_session_t *ss);

#endif
