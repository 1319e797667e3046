/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_access.h"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

/* Fails closed: only what says OK lets in. DECLINED of access_checker_ex
 * means "a user is needed", or that mod_authz_core is absent. Who the user is
 * we say: mod_ssl, asked first, makes one of SSLUserName, which may be any
 * variable that each client has. */
static int ask(request_rec *r)
{
    char *user = r->user, *type = r->ap_auth_type;
    int rv = ap_run_access_checker(r);

    r->user = user;
    r->ap_auth_type = type;
    if (rv != OK && rv != DECLINED) {
        return rv;
    }
    return ap_run_access_checker_ex(r);
}

request_rec *smtpd_access_request(conn_rec *c, ap_conf_vector_t *section)
{
    request_rec *r = ap_create_request(c);

    r->method = "CONNECT";
    r->method_number = M_INVALID;
    r->protocol = "SMTP";
    r->uri = r->unparsed_uri = "";
    r->filename = "";
    r->the_request = "";
    r->per_dir_config = ap_merge_per_dir_configs(r->pool,
                                                 r->server->lookup_defaults,
                                                 section);
    return r;
}

/* mod_authz_core takes each denial for an error worth a line. Here it is what
 * every stranger gets who tries; who wants to know why asks for LogLevel
 * authz_core:debug. */
void smtpd_access_hush(request_rec *r)
{
    const module *core = ap_find_linked_module("mod_authz_core.c");
    struct ap_logconf *log;

    if (core && ap_get_request_module_loglevel(r, core->module_index)
                < APLOG_INFO) {
        log = ap_new_log_config(r->pool, ap_get_request_logconf(r));
        ap_set_module_loglevel(r->pool, log, core->module_index,
                               APLOG_EMERG);
        r->log = log;
    }
}

int smtpd_access_allows(smtpd_session_t *ss, ap_conf_vector_t *section)
{
    request_rec *r;
    int rv;

    if (!section) {
        return 1;
    }
    r = smtpd_access_request(ss->pub.c, section);
    smtpd_access_hush(r);
    rv = ask(r);
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, ss->pub.c, SMTPD_LOGNO(1022)
                  "<SMTPConnect>: %s", rv == OK ? "granted" : "denied");
    apr_pool_destroy(r->pool);
    return rv == OK;
}

int smtpd_access_judge(request_rec *r)
{
    APR_OPTIONAL_FN_TYPE(authz_some_auth_required) *is_said =
        APR_RETRIEVE_OPTIONAL_FN(authz_some_auth_required);
    int rv;

    /* mod_authz_core grants what no Require speaks of. */
    if (!is_said || !is_said(r)) {
        return HTTP_FORBIDDEN;
    }
    rv = ask(r);
    return rv == DECLINED ? HTTP_UNAUTHORIZED : rv;
}
