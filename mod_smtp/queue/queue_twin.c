/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_twin.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "smtp_domain.h"

const char *queue_twin_key(apr_pool_t *p, const char *address)
{
    /* In a quoted local-part there may be further ones. */
    const char *at = strrchr(address, '@');
    const char *domain = at ? smtp_domain_normalise(p, at + 1) : NULL;

    if (!domain) {
        return address;
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, address,
                                         (apr_size_t)(at - address)),
                       "@", domain, NULL);
}

int queue_twin_is_any(apr_pool_t *p, const char *const *addresses,
                      apr_uint32_t count)
{
    apr_hash_t *seen = apr_hash_make(p);
    apr_uint32_t i;

    for (i = 0; i < count; i++) {
        const char *key = queue_twin_key(p, addresses[i]);

        if (apr_hash_get(seen, key, APR_HASH_KEY_STRING)) {
            return 1;
        }
        apr_hash_set(seen, key, APR_HASH_KEY_STRING, key);
    }
    return 0;
}
