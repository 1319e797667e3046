/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Expressions of the configuration, asked about mail: where it is read and in
 * the queue process there is no request of httpd's, and they want one.
 */
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "queue_log.h"
#include "queue_route.h"

APLOG_USE_MODULE(smtp_queue);

/** Of mail that no client brought. */
#define NO_CLIENT "0.0.0.0"

/** A connection that nobody made: enough for httpd's variables. */
static conn_rec *connection_create(apr_pool_t *p, server_rec *s,
                                   const char *client)
{
    conn_rec *c = apr_pcalloc(p, sizeof(*c));

    c->pool = p;
    c->base_server = s;
    c->client_ip = apr_pstrdup(p, client);
    if (apr_sockaddr_info_get(&c->client_addr, client, APR_UNSPEC, 0, 0, p)
        != APR_SUCCESS) {
        apr_sockaddr_info_get(&c->client_addr, NO_CLIENT, APR_INET, 0, 0, p);
    }
    c->local_ip = apr_pstrdup(p, NO_CLIENT);
    apr_sockaddr_info_get(&c->local_addr, NO_CLIENT, APR_INET, 0, 0, p);
    /* Known already, and unknown: %{REMOTE_HOST} asks no DNS. */
    c->remote_host = apr_pstrdup(p, "");
    c->double_reverse = -1;
    c->conn_config = ap_create_conn_config(p);
    c->notes = apr_table_make(p, 1);
    c->bucket_alloc = apr_bucket_alloc_create(p);
    return c;
}

static request_rec *request_create(apr_pool_t *p,
                                   const queue_route_facts_t *facts)
{
    const char *client = facts->client != NULL ? facts->client : NO_CLIENT;
    request_rec *r =
        ap_create_request(connection_create(p, facts->vhost->s, client));
    apr_table_t *env = r->subprocess_env;

    r->method = "MAIL";
    r->method_number = M_INVALID;
    r->protocol = "SMTP";
    r->uri = r->unparsed_uri = "";
    r->filename = "";
    r->the_request = "";
    apr_table_setn(env, "SMTP_FROM", facts->reverse_path);
    if (facts->forward_path != NULL) {
        apr_table_setn(env, "SMTP_TO", facts->forward_path);
    }
    if (facts->login != NULL) {
        apr_table_setn(env, "SMTP_LOGIN", facts->login);
        r->user = apr_pstrdup(p, facts->login);
    }
    return r;
}

int queue_route_condition(apr_pool_t *p, const queue_route_facts_t *facts,
                          const ap_expr_info_t *condition)
{
    const char *fault = NULL;
    apr_pool_t *scratch;
    int rv;

    apr_pool_create(&scratch, p);
    rv = ap_expr_exec(request_create(scratch, facts), condition, &fault);
    if (rv < 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, facts->vhost->s,
                     QUEUE_LOGNO(4300) "%s:%u: the expression fails: %s",
                     condition->filename, condition->line_number,
                     fault != NULL ? fault : "no reason is given");
    }
    apr_pool_destroy(scratch);
    return rv > 0 ? 1 : rv < 0 ? -1 : 0;
}
