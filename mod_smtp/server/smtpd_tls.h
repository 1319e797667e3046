/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_tls.h
 * TLS by httpd's mod_ssl: STARTTLS (RFC 3207) and implicit TLS (RFC 8314), the
 * handshake without holding a thread, the virtual host by SNI.
 */
#ifndef SMTPD_TLS_H
#define SMTPD_TLS_H

#include "smtpd_session.h"

/** Whether STARTTLS may be offered now: mod_ssl is on for the virtual host,
 *  SMTPTLS allows it, and the session is not under TLS yet. */
int smtpd_tls_is_offered(const smtpd_session_t *ss);

/** Whether mail has to wait for TLS (RFC 3207 4: 530 5.7.0). */
int smtpd_tls_is_missing(const smtpd_session_t *ss);

/**
 * STARTTLS: puts mod_ssl's filters into the connection, sends the 220 and
 * forgets what the client said so far (RFC 3207 4.2). The handshake is next
 * (ss->is_handshaking).
 * @return APR_SUCCESS, or an error: 454 4.7.0, nothing has changed
 */
apr_status_t smtpd_tls_begin(smtpd_session_t *ss);

/** The same for a virtual host whose TLS begins at once (RFC 8314 3.3): mod_ssl
 *  put its filters in when the connection came. An error was logged. */
apr_status_t smtpd_tls_begin_implicit(smtpd_session_t *ss);

/**
 * Goes on with the handshake; never blocks.
 * @return APR_SUCCESS: the session is under TLS, and its virtual host is the
 *         one that SNI named; APR_EAGAIN: octets have to come or go; else the
 *         connection is to be cut, and it was logged
 */
apr_status_t smtpd_tls_handshake(smtpd_session_t *ss);

/** A variable of mod_ssl ("SSL_CLIENT_VERIFY", "SSL_PROTOCOL") of the
 *  session, in @a p; NULL when it has no value. */
const char *smtpd_tls_variable(const smtpd_session_t *ss, apr_pool_t *p,
                               const char *name);

/**
 * Channel binding data (RFC 5056) of the session.
 * @param name  "tls-exporter" (RFC 9266) or "tls-server-end-point" (RFC 5929)
 * @param len   out: octets
 * @return the data in @a p, or NULL: no TLS, or the type is not known or
 *         cannot be had (tls-exporter below TLS 1.3 wants the extended master
 *         secret)
 */
const unsigned char *smtpd_tls_binding(const smtpd_session_t *ss,
                                       apr_pool_t *p, const char *name,
                                       apr_size_t *len);

#endif
