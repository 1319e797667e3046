/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file httpd_stub.h
 * The little of httpd that the units under test call, for programs that run
 * without it. Included once, by the test program itself.
 */
#ifndef HTTPD_STUB_H
#define HTTPD_STUB_H

#include <stdio.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

module AP_MODULE_DECLARE_DATA smtp_module;

/** What was logged last, and how often at level error or above. */
static char stub_log[1024];
static int stub_log_errors;

static void stub_log_add(int level, const char *fmt, va_list args)
{
    if ((level & APLOG_LEVELMASK) <= APLOG_ERR) {
        stub_log_errors++;
    }
    vsnprintf(stub_log, sizeof(stub_log), fmt, args);
}

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    va_list args;

    (void)file, (void)line, (void)module_index, (void)status, (void)s;
    va_start(args, fmt);
    stub_log_add(level, fmt, args);
    va_end(args);
}

void ap_log_rerror_(const char *file, int line, int module_index, int level,
                    apr_status_t status, const request_rec *r,
                    const char *fmt, ...)
{
    va_list args;

    (void)file, (void)line, (void)module_index, (void)status, (void)r;
    va_start(args, fmt);
    stub_log_add(level, fmt, args);
    va_end(args);
}

char *ap_server_root_relative(apr_pool_t *p, const char *file)
{
    return apr_pstrdup(p, file);
}

/** Told apart from both by being neither. */
ap_conf_vector_t *ap_merge_per_dir_configs(apr_pool_t *p,
                                           ap_conf_vector_t *base,
                                           ap_conf_vector_t *add)
{
    (void)base, (void)add;
    return apr_pcalloc(p, 1);
}

/** A virtual host whose log level lets everything through. */
static inline server_rec *stub_server(apr_pool_t *p)
{
    server_rec *s = apr_pcalloc(p, sizeof(*s));

    s->log.level = APLOG_TRACE8;
    s->module_config = apr_pcalloc(p, sizeof(void *));
    s->names = apr_array_make(p, 1, sizeof(char *));
    s->wild_names = apr_array_make(p, 1, sizeof(char *));
    s->server_hostname = (char *)"mx.example.com";
    smtp_module.module_index = 0;
    stub_log_errors = 0;
    *stub_log = '\0';
    return s;
}

/** A request on a connection to @a local_ip. */
static inline request_rec *stub_request(apr_pool_t *p, server_rec *s,
                                        const char *local_ip)
{
    request_rec *r = apr_pcalloc(p, sizeof(*r));

    r->pool = p;
    r->server = s;
    r->connection = apr_pcalloc(p, sizeof(*r->connection));
    r->connection->pool = p;
    r->connection->base_server = s;
    r->connection->local_ip = apr_pstrdup(p, local_ip);
    return r;
}

#endif
