/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_json.h"

#include <string.h>

/** The octet behind the string that begins at @a s, with its quote. */
static const char *string_skip(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end) {
            s++;
        }
    }
    return s < end ? s + 1 : end;
}

/** Whether brackets stand too deep in one another: looked at before the
 *  parser, which takes a piece of the thread's stack for each. */
static int is_deep(const char *s, const char *end)
{
    int depth = 0;

    while (s < end && depth <= OAUTH_JSON_DEPTH_MAX) {
        if (*s == '"') {
            s = string_skip(s, end);
            continue;
        }
        depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
        s++;
    }
    return depth > OAUTH_JSON_DEPTH_MAX;
}

static apr_status_t json_release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

const json_t *oauth_json_parse(apr_pool_t *p, const char *octets,
                               apr_size_t len)
{
    json_t *json;

    if (is_deep(octets, octets + len)) {
        return NULL;
    }
    json = json_loadb(octets, len, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL) {
        return NULL;
    }
    apr_pool_cleanup_register(p, json, json_release, apr_pool_cleanup_null);
    return json_is_object(json) ? json : NULL;
}

const char *oauth_json_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int oauth_json_has_string(const json_t *value, const char *s)
{
    int has = 0;
    size_t i;

    if (json_is_string(value)) {
        return strcmp(json_string_value(value), s) == 0;
    }
    for (i = 0; i < json_array_size(value); i++) {
        const char *member = json_string_value(json_array_get(value, i));

        if (member == NULL) {
            return 0;
        }
        has |= strcmp(member, s) == 0;
    }
    return has;
}
