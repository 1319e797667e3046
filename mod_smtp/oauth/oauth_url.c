/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_url.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

/** A part of a URL, to be freed by curl_free(); NULL: there is none. */
static char *part_get(CURLU *url, CURLUPart which)
{
    char *part = NULL;

    return curl_url_get(url, which, &part, 0) == CURLUE_OK ? part : NULL;
}

static int has_part(CURLU *url, CURLUPart which)
{
    char *part = part_get(url, which);
    int has = part != NULL;

    curl_free(part);
    return has;
}

static int part_is(CURLU *url, CURLUPart which, const char *value)
{
    char *part = part_get(url, which);
    int is = part != NULL && strcasecmp(part, value) == 0;

    curl_free(part);
    return is;
}

/** Addresses, not names: of those somebody else may be in charge. libcurl has
 *  normalised the many ways to write an IPv4 address. */
static int is_loopback(CURLU *url)
{
    char *host = part_get(url, CURLUPART_HOST);
    int is = host != NULL && strncmp(host, "127.", 4) == 0
             && strspn(host, "0123456789.") == strlen(host);

    curl_free(host);
    return is || part_is(url, CURLUPART_HOST, "[::1]");
}

static const char *fault_of(CURLU *url)
{
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)) {
        return "has a user or password in it; give them by SMTPOAuthClient";
    }
    if (has_part(url, CURLUPART_FRAGMENT)) {
        return "has a fragment; take away what stands behind the #";
    }
    if (part_is(url, CURLUPART_SCHEME, "https")
        || (part_is(url, CURLUPART_SCHEME, "http") && is_loopback(url))) {
        return NULL;
    }
    return "is neither https nor http to 127.0.0.1 or [::1]: tokens must not "
           "be seen on their way; write https://...";
}

const char *oauth_url_fault(const char *url)
{
    CURLU *parts = curl_url();
    const char *fault = "is no URL; write https://host/path";

    if (parts != NULL
        && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        fault = fault_of(parts);
    }
    curl_url_cleanup(parts);
    return fault;
}
