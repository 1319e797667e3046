/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * dbd: maps, by mod_dbd. The key comes from the peer: it reaches SQL only as
 * the parameter of a prepared statement, never as text of one.
 */
#include <string.h>

#include <apr_dbd.h>
#include <apr_optional.h>
#include <apr_strings.h>

#include <mod_dbd.h>
#include <util_md5.h>

#include "smtpd_lookup.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

typedef struct dbd_map_t {
    const char *query;
    const char *label;           /**< of the prepared statement */
} dbd_map_t;

/** What is wrong with @a query, or NULL. */
static const char *query_fault(const char *query)
{
    const char *s = query;
    int parameters = 0;

    if (*query == '\0') {
        return "names no query; write \"dbd:SELECT ... WHERE name = %s\"";
    }
    while ((s = strchr(s, '%')) != NULL && s[1] != '\0') {
        if (s[1] == 's' && s > query && strchr("'\"", s[-1]) != NULL) {
            return "has quotes around %s; take them away: it is a "
                   "parameter, not text";
        }
        parameters += s[1] != '%';
        s += 2;
    }
    if (parameters != 1) {
        return "needs exactly one %s, which stands for what is looked up "
               "(a name, name@domain or login); write %% for a per cent sign";
    }
    return NULL;
}

static const char *dbd_open(apr_pool_t *p, server_rec *s,
                            const char *argument,
                            smtp_lookup_content_e content, void **map)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_prepare) *prepare =
        APR_RETRIEVE_OPTIONAL_FN(ap_dbd_prepare);
    const char *fault = query_fault(argument);
    dbd_map_t *dbd = apr_pcalloc(p, sizeof(*dbd));

    *map = dbd;
    if (fault != NULL) {
        return fault;
    }
    if (prepare == NULL) {
        return "mod_dbd is not loaded; put its LoadModule before this line";
    }
    /* Who asks the same shares the statement. PostgreSQL takes the label for
     * an identifier, of 63 octets at most. */
    dbd->query = argument;
    dbd->label = apr_pstrcat(p, "smtp_",
                             ap_md5(p, (const unsigned char *)argument),
                             NULL);
    prepare(s, argument, dbd->label);
    return NULL;
}

/** The first column of all rows, joined by commas; all rows are taken, for
 *  some drivers want that before the next query. */
static apr_status_t rows_read(apr_pool_t *p, const ap_dbd_t *connection,
                              apr_dbd_results_t *results, const char **value)
{
    apr_dbd_row_t *row = NULL;
    int rv;

    while ((rv = apr_dbd_get_row(connection->driver, p, results, &row, -1))
           == 0) {
        const char *entry = apr_dbd_get_entry(connection->driver, row, 0);

        if (*value == NULL) {
            *value = apr_pstrdup(p, entry == NULL ? "" : entry);
        }
        else if (entry != NULL) {
            *value = apr_pstrcat(p, *value, ",", entry, NULL);
        }
    }
    /* -1 is the end of the rows; what else there is only some drivers say. */
    return rv == -1 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t select_run(apr_pool_t *p, ap_dbd_t *connection,
                               const dbd_map_t *dbd, request_rec *r,
                               const char *key, const char **value)
{
    apr_dbd_prepared_t *statement = apr_hash_get(connection->prepared,
                                                 dbd->label,
                                                 APR_HASH_KEY_STRING);
    apr_dbd_results_t *results = NULL;
    const char *argument[1];
    int rv;

    if (statement == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      SMTPD_LOGNO(1120) "mod_dbd has not prepared \"%s\"; its "
                      "log lines at start say why", dbd->query);
        return APR_EGENERAL;
    }
    argument[0] = key;
    /* Random access is not needed, but without it apr_dbd_pgsql only sends the
     * query, and a server that has gone away is a key that is not there. */
    rv = apr_dbd_pselect(connection->driver, p, connection->handle, &results,
                         statement, 1, 1, argument);
    if (rv == 0) {
        return rows_read(p, connection, results, value);
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, SMTPD_LOGNO(1121) "\"%s\": %s",
                  dbd->query, apr_dbd_error(connection->driver,
                                            connection->handle, rv));
    return APR_EGENERAL;
}

/*
 * ap_dbd_acquire() would keep the connection until the request, here the mail
 * transaction, is over: a few slow clients could hold all connections.
 */
static apr_status_t dbd_find(apr_pool_t *p, request_rec *r, void *map,
                             const char *key, const char **value)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *take =
        APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *give_back =
        APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    const dbd_map_t *dbd = map;
    ap_dbd_t *connection;
    apr_pool_t *scratch;
    apr_status_t rv;

    *value = NULL;
    if (r == NULL || take == NULL || give_back == NULL) {
        return APR_ENOTIMPL;     /* mod_dbd has no connection at start */
    }
    connection = take(p, r->server);
    if (connection == NULL) {
        return APR_EGENERAL;     /* mod_dbd has logged why */
    }
    /* A pool of their own: the results go before the connection does. */
    apr_pool_create(&scratch, p);
    rv = select_run(scratch, connection, dbd, r, key, value);
    *value = rv == APR_SUCCESS ? apr_pstrdup(p, *value) : NULL;
    apr_pool_destroy(scratch);
    give_back(r->server, connection);
    return rv;
}

const smtp_lookup_t smtpd_lookup_dbd = { dbd_open, dbd_find, NULL };
