/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * dbm: maps. Opened for each look-up, as mod_authn_dbm does: a handle must
 * not be shared by threads, and a file that was replaced is seen at once.
 */
#include <string.h>

#include <apr_dbm.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>

#include "smtpd_lookup.h"

typedef struct dbm_map_t {
    const char *type;
    const char *path;
} dbm_map_t;

/** Takes a type off the front of the argument, if one stands there. */
static const char *type_take(const char **argument)
{
    static const char *const types[] =
        { "default", "sdbm", "gdbm", "ndbm", "db" };
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        apr_size_t len = strlen(types[i]);

        if (strncmp(*argument, types[i], len) == 0
            && (*argument)[len] == ':') {
            *argument += len + 1;
            return types[i];
        }
    }
    return "default";
}

static apr_status_t dbm_begin(apr_pool_t *p, const dbm_map_t *dbm,
                              apr_dbm_t **handle)
{
    return apr_dbm_open_ex(handle, dbm->type, dbm->path, APR_DBM_READONLY,
                           APR_OS_DEFAULT, p);
}

/** Why the file cannot be opened. Some types of APR say nothing of use. */
static const char *open_fault(apr_pool_t *p, const dbm_map_t *dbm,
                              apr_status_t rv)
{
    const char *used, *other;
    apr_finfo_t info;
    char reason[120];

    if (apr_dbm_get_usednames_ex(p, dbm->type, dbm->path, &used, &other)
        == APR_SUCCESS) {
        apr_status_t found = apr_stat(&info, used, APR_FINFO_MIN, p);

        rv = found != APR_SUCCESS ? found : rv;
    }
    return apr_psprintf(p, "cannot open %s as a DBM file of type %s: %s; "
                        "make it with httxt2dbm, or name its type as in "
                        "dbm:sdbm:path", dbm->path, dbm->type,
                        apr_strerror(rv, reason, sizeof(reason)));
}

static const char *dbm_open(apr_pool_t *p, server_rec *s,
                            const char *argument,
                            smtp_lookup_content_e content, void **map)
{
    dbm_map_t *dbm = apr_pcalloc(p, sizeof(*dbm));
    apr_dbm_t *handle;
    apr_status_t rv;

    *map = dbm;
    dbm->type = type_take(&argument);
    dbm->path = *argument == '\0' ? NULL : ap_server_root_relative(p, argument);
    if (dbm->path == NULL) {
        return "names no file; write dbm:path or dbm:type:path";
    }
    rv = dbm_begin(p, dbm, &handle);
    if (rv != APR_SUCCESS) {
        return open_fault(p, dbm, rv);
    }
    apr_dbm_close(handle);
    return NULL;
}

/** The text of a datum: some tools write the NUL at its end, too. */
static const char *datum_text(apr_pool_t *p, apr_datum_t datum)
{
    apr_size_t len = datum.dsize;

    while (len > 0 && datum.dptr[len - 1] == '\0') {
        len--;
    }
    return apr_pstrmemdup(p, datum.dptr == NULL ? "" : datum.dptr, len);
}

/** Fetches @a key as it stands, or with a NUL at its end. */
static apr_status_t fetch(apr_pool_t *p, apr_dbm_t *handle, const char *key,
                          const char **value)
{
    apr_datum_t name, datum;
    apr_status_t rv = APR_SUCCESS;
    int with_nul;

    for (with_nul = 0; with_nul <= 1 && *value == NULL; with_nul++) {
        name.dptr = (char *)key;
        name.dsize = strlen(key) + with_nul;
        memset(&datum, 0, sizeof(datum));
        rv = apr_dbm_fetch(handle, name, &datum);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
            return rv;
        }
        if (datum.dptr != NULL) {
            *value = datum_text(p, datum);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t dbm_find(apr_pool_t *p, request_rec *r, void *map,
                             const char *key, const char **value)
{
    apr_dbm_t *handle;
    apr_status_t rv;

    *value = NULL;
    rv = dbm_begin(p, map, &handle);
    if (rv == APR_SUCCESS) {
        rv = fetch(p, handle, key, value);
        apr_dbm_close(handle);
    }
    return rv;
}

static apr_status_t dbm_each(apr_pool_t *p, void *map,
                             apr_status_t (*visit)(void *ctx, const char *key,
                                                   const char *value),
                             void *ctx)
{
    apr_dbm_t *handle;
    apr_datum_t key, value;
    apr_status_t rv, visited = APR_SUCCESS;

    rv = dbm_begin(p, map, &handle);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_dbm_firstkey(handle, &key);
    while (rv == APR_SUCCESS && key.dptr != NULL && visited == APR_SUCCESS) {
        const char *name = datum_text(p, key);

        rv = apr_dbm_fetch(handle, key, &value);
        if (rv == APR_SUCCESS) {
            visited = visit(ctx, name, datum_text(p, value));
            rv = apr_dbm_nextkey(handle, &key);
        }
    }
    apr_dbm_close(handle);
    return visited != APR_SUCCESS ? visited : rv;
}

const smtp_lookup_t smtpd_lookup_dbm = { dbm_open, dbm_find, dbm_each };
