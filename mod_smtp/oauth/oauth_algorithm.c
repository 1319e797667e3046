/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "oauth_algorithm.h"

#include <stddef.h>
#include <string.h>

static const oauth_algorithm_t algorithms[] = {
    { "HS256", OAUTH_ALGORITHM_HMAC,  "SHA256", NULL,    0 },
    { "HS384", OAUTH_ALGORITHM_HMAC,  "SHA384", NULL,    0 },
    { "HS512", OAUTH_ALGORITHM_HMAC,  "SHA512", NULL,    0 },
    { "RS256", OAUTH_ALGORITHM_PKCS1, "SHA256", NULL,    0 },
    { "RS384", OAUTH_ALGORITHM_PKCS1, "SHA384", NULL,    0 },
    { "RS512", OAUTH_ALGORITHM_PKCS1, "SHA512", NULL,    0 },
    { "PS256", OAUTH_ALGORITHM_PSS,   "SHA256", NULL,    0 },
    { "PS384", OAUTH_ALGORITHM_PSS,   "SHA384", NULL,    0 },
    { "PS512", OAUTH_ALGORITHM_PSS,   "SHA512", NULL,    0 },
    { "ES256", OAUTH_ALGORITHM_ECDSA, "SHA256", "P-256", 32 },
    { "ES384", OAUTH_ALGORITHM_ECDSA, "SHA384", "P-384", 48 },
    { "ES512", OAUTH_ALGORITHM_ECDSA, "SHA512", "P-521", 66 },
    { "EdDSA", OAUTH_ALGORITHM_EDDSA, NULL,     NULL,    0 }
};

#define COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

const oauth_algorithm_t *oauth_algorithm_find(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

const oauth_algorithm_t *oauth_algorithm_of_curve(const char *crv)
{
    size_t i;

    for (i = 0; i < COUNT; i++) {
        if (algorithms[i].curve && strcmp(algorithms[i].curve, crv) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}
