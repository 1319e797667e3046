/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Sessions appear in the scoreboard as requests do; this section adds which
 * virtual hosts speak SMTP and what this child holds.
 */
#include "smtpd_status.h"

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_main.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "smtp_chars.h"
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

/* Rows of the table at most: this child may hold thousands. */
#define SHOWN_SESSIONS 100

typedef struct rows_t {
    apr_pool_t *p;
    apr_time_t now;
    apr_array_header_t *rows;     /* const char * */
} rows_t;

static void add_row(void *ctx, const smtpd_session_t *ss)
{
    rows_t *rows = ctx;
    const char *helo = ss->pub.helo ? ss->pub.helo : "";

    APR_ARRAY_PUSH(rows->rows, const char *) = apr_psprintf(
        rows->p, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td>"
        "<td>%u</td><td>%" APR_TIME_T_FMT "</td></tr>\n",
        ap_escape_html(rows->p, ss->pub.client_ip),
        ap_escape_html(rows->p, ss->pub.s->server_hostname),
        ap_escape_html(rows->p, smtp_chars_escape(rows->p, helo,
                                                  strlen(helo), 64)),
        smtpd_session_phase_name(ss), ss->pub.messages,
        apr_time_sec(rows->now - ss->pub.began));
}

/* A session that waits has no thread, hence no row in httpd's own table. */
static void write_sessions(request_rec *r)
{
    rows_t rows;

    rows.p = r->pool;
    rows.now = apr_time_now();
    rows.rows = apr_array_make(r->pool, 16, sizeof(const char *));
    smtpd_waiting_each(add_row, &rows, SHOWN_SESSIONS);
    ap_rprintf(r, "<p>Sessions of this child that wait for their client: "
               "%u</p>\n<table><tr><th>Client</th><th>Virtual host</th>"
               "<th>HELO</th><th>SMTP phase</th><th>Messages</th>"
               "<th>Seconds</th></tr>\n%s</table>\n",
               smtpd_waiting_count(),
               apr_array_pstrcat(r->pool, rows.rows, 0));
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
        ap_rputs("</table>\n", r);
        write_sessions(r);
    }
    return OK;
}

void smtpd_status_register(apr_pool_t *p)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
