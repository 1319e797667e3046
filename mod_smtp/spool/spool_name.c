/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_name.h"

#include <string.h>

#include <apr_strings.h>

/* Longest: each octet becomes %HH, and a part ends before each 248th. */
#define ENCODED_OCTETS(len) ((len) * 3 + (len) * 3 / (SPOOL_NAME_MAX - 2) * 3)

static int is_plain(unsigned char c, int is_first)
{
    return c > ' ' && c != 0x7f && c != '/' && c != '%'
        && !(c == '.' && is_first);
}

static char *encode_octet(char *out, char octet)
{
    static const char hex[] = "0123456789ABCDEF";

    *out++ = '%';
    *out++ = hex[(unsigned char)octet >> 4];
    *out++ = hex[(unsigned char)octet & 15];
    return out;
}

/* Appends one name; `out` has room for it. */
static char *encode(char *out, const char *name)
{
    const char *at;
    char *part = out;

    if (!*name) {
        memcpy(out, "%-", 2);
        return out + 2;
    }
    for (at = name; *at; at++) {
        if (out - part > SPOOL_NAME_MAX - 3) {
            memcpy(out, "%+/", 3);
            out += 3;
            part = out;
        }
        if (is_plain((unsigned char)*at, out == part)) {
            *out++ = *at;
        }
        else {
            out = encode_octet(out, *at);
        }
    }
    return out;
}

const char *spool_name_path(apr_pool_t *p, const char *domain,
                            const char *name)
{
    apr_size_t domain_len = strlen(domain);
    apr_size_t name_len = strlen(name);
    char *path, *out;

    if (domain_len + name_len > SPOOL_NAME_PATH_MAX) {
        return NULL;
    }
    path = apr_palloc(p, ENCODED_OCTETS(domain_len)
                         + ENCODED_OCTETS(name_len) + sizeof("%-/%-"));
    out = encode(path, domain);
    *out++ = '/';
    out = encode(out, name);
    *out = '\0';
    return out - path > SPOOL_NAME_PATH_MAX ? NULL : path;
}
