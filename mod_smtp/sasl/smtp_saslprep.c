/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_saslprep.h"

#include <string.h>

#include <apr_strings.h>

#include <openssl/crypto.h>

#include <stringprep.h>

#include "smtp_chars.h"

#define TOO_LONG "is longer than 255 octets"

/** What libidn's codes mean to who typed the string. */
static const struct {
    int code;
    const char *fault;
} faults[] = {
    { STRINGPREP_CONTAINS_UNASSIGNED,
      "has a character that SASLprep (RFC 4013) does not know: it came after "
      "Unicode 3.2" },
    { STRINGPREP_CONTAINS_PROHIBITED,
      "has a character that SASLprep (RFC 4013 2.3) prohibits, such as a "
      "control character" },
    { STRINGPREP_BIDI_BOTH_L_AND_RAL,
      "mixes writing from left to right with writing from right to left "
      "(RFC 4013 2.4)" },
    { STRINGPREP_BIDI_LEADTRAIL_NOT_RAL,
      "is written from right to left, but does not begin and end so "
      "(RFC 4013 2.4)" },
    { STRINGPREP_BIDI_CONTAINS_PROHIBITED,
      "has a character that changes the direction of writing (RFC 4013 2.3)" },
    /* Normalisation may make a string longer. */
    { STRINGPREP_TOO_SMALL_BUFFER, TOO_LONG }
};

static const char *fault_of(int code)
{
    size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (faults[i].code == code) {
            return faults[i].fault;
        }
    }
    return "cannot be prepared by SASLprep (RFC 4013)";
}

/** A string in a pool that is wiped before it goes. */
typedef struct secret_t {
    char s[SMTP_SASLPREP_MAX_OCTETS + 1];
} secret_t;

static apr_status_t secret_wipe(void *data)
{
    OPENSSL_cleanse(data, sizeof(secret_t));
    return APR_SUCCESS;
}

static secret_t *secret_create(apr_pool_t *p, const char *s)
{
    secret_t *secret = apr_pcalloc(p, sizeof(*secret));

    apr_pool_cleanup_register(p, secret, secret_wipe, apr_pool_cleanup_null);
    strcpy(secret->s, s);
    return secret;
}

apr_status_t smtp_saslprep_create(apr_pool_t *p, const char *s,
                                  smtp_saslprep_use_e use,
                                  const char **prepared, const char **fault)
{
    apr_size_t len = strlen(s);
    secret_t *secret;
    int code;

    *prepared = *fault = NULL;
    if (len > SMTP_SASLPREP_MAX_OCTETS) {
        *fault = TOO_LONG;
        return APR_ENAMETOOLONG;
    }
    if (!smtp_chars_is_utf8(s, len)) {
        *fault = "is not UTF-8";
        return APR_EINVAL;
    }
    secret = secret_create(p, s);
    code = stringprep(secret->s, sizeof(secret->s),
                      use == SMTP_SASLPREP_STORED ? STRINGPREP_NO_UNASSIGNED
                                                  : 0,
                      stringprep_saslprep);
    if (code == STRINGPREP_MALLOC_ERROR) {
        return APR_ENOMEM;
    }
    if (code != STRINGPREP_OK) {
        *fault = fault_of(code);
        return code == STRINGPREP_TOO_SMALL_BUFFER ? APR_ENAMETOOLONG
                                                   : APR_EINVAL;
    }
    *prepared = secret->s;
    return APR_SUCCESS;
}
