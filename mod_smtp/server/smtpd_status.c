/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Sessions appear in the scoreboard as requests do; this section adds which
 * virtual hosts speak SMTP and what this child holds.
 */
#include "smtpd_status.h"

#include <httpd.h>
#include <http_config.h>
#include <http_main.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "smtpd_conf.h"
#include "smtpd_waiting.h"

/* Defined by mod_smtp.c. */
extern module AP_MODULE_DECLARE_DATA smtp_module;

static void write_host(request_rec *r, const server_rec *s, int is_short)
{
    const char *name = ap_escape_html(r->pool, s->server_hostname);

    if (is_short) {
        ap_rprintf(r, "SMTPHost: %s:%u\n", s->server_hostname, s->port);
    }
    else {
        ap_rprintf(r, "<tr><td>%s</td><td>%u</td></tr>\n", name, s->port);
    }
}

static int status_hook(request_rec *r, int flags)
{
    int is_short = flags & AP_STATUS_SHORT;
    server_rec *s;

    if (!is_short) {
        ap_rputs("<hr />\n<h2>SMTP</h2>\n<table><tr><th>Virtual host</th>"
                 "<th>Port</th></tr>\n", r);
    }
    for (s = ap_server_conf; s; s = s->next) {
        if (smtpd_conf_get(s)->engine == 1) {
            write_host(r, s, is_short);
        }
    }
    if (is_short) {
        ap_rprintf(r, "SMTPWaiting: %u\n", smtpd_waiting_count());
    }
    else {
        ap_rprintf(r, "</table>\n<p>Sessions of this child that wait for "
                   "their client: %u</p>\n", smtpd_waiting_count());
    }
    return OK;
}

void smtpd_status_register(apr_pool_t *p)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
