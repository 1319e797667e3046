/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_provider.h
 * The two who judge tokens for SMTPAuthToken.
 */
#ifndef OAUTH_PROVIDER_H
#define OAUTH_PROVIDER_H

#include <httpd.h>

#include "smtp_token.h"

/** jwt: signed tokens (RFC 7519, RFC 9068), by keys in files. */
extern const smtp_token_t oauth_jwt;

/** introspection: asks who issued the token (RFC 7662). */
extern const smtp_token_t oauth_introspection;

/** child_init: what introspection needs in a process, before its threads. */
void oauth_introspection_child_init(apr_pool_t *pchild, server_rec *s);

#endif
