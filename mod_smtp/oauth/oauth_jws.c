/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_jws.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "oauth_base64url.h"
#include "oauth_json.h"
#include "oauth_signature.h"

#define PARTS 3

/** One of the parts between the dots. */
typedef struct part_t {
    const char *at;
    apr_size_t len;
} part_t;

/** @return whether there are just three parts. Five are an encrypted token
 *  (RFC 7516 9). */
static int parts_find(const char *token, apr_size_t len, part_t *parts)
{
    const char *end = token + len;
    int i;

    for (i = 0; i < PARTS; i++) {
        const char *dot = memchr(token, '.', (size_t)(end - token));

        if ((dot == NULL) != (i == PARTS - 1)) {
            return 0;
        }
        parts[i].at = token;
        parts[i].len = (apr_size_t)((dot != NULL ? dot : end) - token);
        token = dot != NULL ? dot + 1 : end;
    }
    return 1;
}

static int part_parse(apr_pool_t *p, part_t part,
                      const unsigned char **octets, apr_size_t *len)
{
    return oauth_base64url_parse(p, part.at, part.len, octets, len)
           == APR_SUCCESS;
}

/** Whether @a typ is that of a token for access. As a media type it is without
 *  case, and "application/" may stand before it (RFC 7515 4.1.9). */
static int is_type(const json_t *typ)
{
    static const char *const types[] = { "JWT", "at+jwt" };
    static const char prefix[] = "application/";
    const char *name = json_string_value(typ);
    size_t i;

    if (name == NULL) {
        return typ == NULL;
    }
    if (strncasecmp(name, prefix, sizeof(prefix) - 1) == 0) {
        name += sizeof(prefix) - 1;
    }
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(name, types[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *header_parse(apr_pool_t *p, const json_t *header,
                                oauth_jws_t *jws)
{
    const char *alg = oauth_json_string(header, "alg");
    const json_t *kid = json_object_get(header, "kid");

    if (header == NULL) {
        return "its header is no JSON object, or has a name twice";
    }
    if (alg == NULL || (jws->algorithm = oauth_algorithm_find(alg)) == NULL) {
        return "its algorithm is none of those that are taken";
    }
    if (json_object_get(header, "crit") != NULL) {
        return "it has an extension that must be understood (crit)";
    }
    if (!is_type(json_object_get(header, "typ"))) {
        return "its type is neither JWT nor at+jwt";
    }
    if (json_object_get(header, "cty") != NULL) {
        return "it is nested";
    }
    if (kid != NULL && !json_is_string(kid)) {
        return "its kid is no string";
    }
    jws->kid = apr_pstrdup(p, json_string_value(kid));
    return NULL;
}

const char *oauth_jws_parse(apr_pool_t *p, const char *token, apr_size_t len,
                            oauth_jws_t *jws)
{
    const unsigned char *header;
    apr_size_t header_len;
    part_t parts[PARTS];

    memset(jws, 0, sizeof(*jws));
    if (len > OAUTH_JWS_MAX_OCTETS) {
        return "it is too large";
    }
    if (!parts_find(token, len, parts)
        || !part_parse(p, parts[0], &header, &header_len)
        || !part_parse(p, parts[1], &jws->payload, &jws->payload_len)
        || !part_parse(p, parts[2], &jws->signature, &jws->signature_len)) {
        return "it is no signed token in compact form";
    }
    jws->input = token;
    jws->input_len = parts[0].len + 1 + parts[1].len;
    return header_parse(p, oauth_json_parse(p, (const char *)header,
                                            header_len), jws);
}

/** Whether the token may have been made with @a key. */
static int is_candidate(const oauth_key_t *key, const oauth_jws_t *jws)
{
    return key->algorithm == jws->algorithm
           && (key->kid == NULL || jws->kid == NULL
               || strcmp(key->kid, jws->kid) == 0);
}

const char *oauth_jws_verify(const oauth_jws_t *jws,
                             const oauth_keys_t *keys)
{
    int tries = 0, i;

    for (i = 0; i < keys->list->nelts; i++) {
        const oauth_key_t *key = APR_ARRAY_IDX(keys->list, i, oauth_key_t *);

        if (!is_candidate(key, jws)) {
            continue;
        }
        if (tries++ == OAUTH_JWS_MAX_TRIES) {
            return "too many keys could have signed it; name them by kid";
        }
        if (oauth_signature_is_good(key, jws->input, jws->input_len,
                                    jws->signature, jws->signature_len)) {
            return NULL;
        }
    }
    return tries == 0 ? "no key has its kid and algorithm"
                      : "its signature is not good";
}
