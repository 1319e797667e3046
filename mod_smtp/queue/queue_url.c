/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_url.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <curl/curl.h>

#include "smtp_domain.h"

static const char *part_get(apr_pool_t *p, CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const char *copy = NULL;

    if (curl_url_get(url, part, &text, 0) == CURLUE_OK && text != NULL) {
        copy = apr_pstrdup(p, text);
    }
    curl_free(text);
    return copy;
}

/** An address, which may be read as the name of a host too: no top-level
 *  domain is a number (RFC 3696 2). libcurl has made four numbers of it. */
static int is_address(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;

    return last[strspn(last, "0123456789")] == '\0';
}

static const char *host_check(apr_pool_t *p, CURLU *url, const char **host,
                              apr_port_t *port)
{
    const char *scheme = part_get(p, url, CURLUPART_SCHEME);
    const char *name = part_get(p, url, CURLUPART_HOST);
    const char *number = part_get(p, url, CURLUPART_PORT);

    if (scheme == NULL || strcmp(scheme, "https") != 0) {
        return "it is not https";
    }
    if (part_get(p, url, CURLUPART_USER) != NULL
        || part_get(p, url, CURLUPART_PASSWORD) != NULL) {
        return "it has a login";
    }
    if (name == NULL || is_address(name)
        || smtp_domain_parse(name, strlen(name), 0) != SMTP_DOMAIN_NAME) {
        return "its host is no name";
    }
    *host = smtp_domain_normalise(p, name);
    *port = number ? (apr_port_t)atoi(number) : 443;
    return *host ? NULL : "its host is no name";
}

/** libcurl takes one slash or three for two, and so another part of the text
 *  for the host than whoever wrote it. */
static int has_two_slashes(const char *url)
{
    const char *at = strchr(url, ':');

    return at != NULL && strncmp(at, "://", 3) == 0 && at[3] != '/';
}

const char *queue_url_host_get(apr_pool_t *p, const char *url,
                               const char **host, apr_port_t *port)
{
    CURLU *parsed = curl_url();
    const char *fault = "it is no URL";

    *host = NULL;
    *port = 0;
    if (parsed != NULL && has_two_slashes(url)
        && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        fault = host_check(p, parsed, host, port);
    }
    curl_url_cleanup(parsed);
    return fault;
}
