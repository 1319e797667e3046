/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth_url.h
 * URLs to which tokens are sent. Pure: any thread.
 */
#ifndef OAUTH_URL_H
#define OAUTH_URL_H

/**
 * Why no token may be sent to @a url: it is not https (RFC 7662 4), though
 * http will do where the host is this machine's loopback address; it has a
 * user or password, which would be logged; it has a fragment.
 * @return NULL, or a static text with the remedy
 */
const char *oauth_url_fault(const char *url);

#endif
