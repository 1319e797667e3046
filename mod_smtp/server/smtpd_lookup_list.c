/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "smtp_address.h"
#include "smtpd_lookup.h"
#include "smtpd_lookup_table.h"

static const char *list_open(apr_pool_t *p, server_rec *s,
                             const char *argument,
                             smtp_lookup_content_e content, void **map)
{
    apr_hash_t *table = apr_hash_make(p);
    apr_array_header_t *names;
    const char *fault;
    int i;

    *map = table;
    if (content == SMTP_LOOKUP_VALUES) {
        return "holds names without values; write txt:path, dbm:path or "
               "dbd:query";
    }
    fault = smtpd_lookup_targets(p, argument, &names);
    for (i = 0; fault == NULL && i < names->nelts; i++) {
        const smtp_address_t *name = APR_ARRAY_IDX(names, i,
                                                   const smtp_address_t *);

        fault = smtpd_lookup_table_add(p, table, name->text, "");
    }
    if (fault == NULL && names->nelts == 0) {
        return "names nobody; write list:name,name";
    }
    return fault;
}

static apr_status_t list_find(apr_pool_t *p, request_rec *r, void *map,
                              const char *key, const char **value)
{
    *value = apr_hash_get(map, key, APR_HASH_KEY_STRING);
    return APR_SUCCESS;
}

static apr_status_t list_each(apr_pool_t *p, void *map,
                              apr_status_t (*visit)(void *ctx,
                                                    const char *key,
                                                    const char *value),
                              void *ctx)
{
    apr_hash_index_t *hi;
    apr_status_t rv = APR_SUCCESS;

    for (hi = apr_hash_first(p, map); hi != NULL && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        rv = visit(ctx, apr_hash_this_key(hi), apr_hash_this_val(hi));
    }
    return rv;
}

const smtp_lookup_t smtpd_lookup_list = { list_open, list_find, list_each };
