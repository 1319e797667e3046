/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_base64url.h"

#include <string.h>

#include <apr_encode.h>

#include "smtp_chars.h"

static int is_alphabet(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (!smtp_chars_is(s[i], SMTP_CHARS_LDH) && s[i] != '_') {
            return 0;
        }
    }
    return 1;
}

/*
 * APR's decoder takes both alphabets, padding and stray bits. A text is strict
 * exactly if it is what its octets are encoded to.
 */
apr_status_t oauth_base64url_parse(apr_pool_t *p, const char *s,
                                   apr_size_t len,
                                   const unsigned char **octets,
                                   apr_size_t *octets_len)
{
    const unsigned char *decoded;
    const char *again;
    apr_size_t decoded_len = 0, again_len = 0;

    *octets = NULL;
    *octets_len = 0;
    if (!is_alphabet(s, len) || len % 4 == 1) {
        return APR_EINVAL;
    }
    if (len == 0) {
        *octets = (const unsigned char *)"";
        return APR_SUCCESS;
    }
    decoded = apr_pdecode_base64_binary(p, s, (apr_ssize_t)len,
                                        APR_ENCODE_NONE, &decoded_len);
    if (decoded == NULL) {
        return APR_EINVAL;
    }
    again = apr_pencode_base64_binary(p, decoded, (apr_ssize_t)decoded_len,
                                      APR_ENCODE_BASE64URL, &again_len);
    if (again == NULL || again_len != len || memcmp(again, s, len) != 0) {
        return APR_EINVAL;
    }
    *octets = decoded;
    *octets_len = decoded_len;
    return APR_SUCCESS;
}
