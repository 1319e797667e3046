/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_escape.h"

#include <string.h>

#include "smtp_chars.h"

static apr_size_t hex_write(char token[SMTP_ESCAPE_TOKEN_OCTETS],
                            unsigned char octet)
{
    static const char hex[] = "0123456789ABCDEF";

    token[0] = '\\';
    token[1] = 'x';
    token[2] = hex[octet >> 4];
    token[3] = hex[octet & 0xF];
    return 4;
}

apr_size_t smtp_escape_next(const char *s, apr_size_t len, int utf8,
                            char token[SMTP_ESCAPE_TOKEN_OCTETS],
                            apr_size_t *token_len)
{
    apr_size_t n = smtp_chars_is(*s, SMTP_CHARS_PRINT) ? 1 : 0;

    if (utf8 && (unsigned char)*s > 127) {
        n = smtp_chars_utf8_len(s, len);
    }
    if (n == 0) {
        *token_len = hex_write(token, (unsigned char)*s);
        return 1;
    }
    memcpy(token, s, n);
    *token_len = n;
    return n;
}

char *smtp_escape_write(apr_pool_t *p, const char *s, apr_size_t len,
                        int utf8)
{
    char *out = apr_palloc(p, len * SMTP_ESCAPE_TOKEN_OCTETS + 1);
    char *o = out;
    apr_size_t token_len;

    while (len > 0) {
        apr_size_t taken = smtp_escape_next(s, len, utf8, o, &token_len);

        o += token_len;
        s += taken;
        len -= taken;
    }
    *o = '\0';
    return out;
}
