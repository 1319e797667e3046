/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SMTPRoute and SMTPPriority: targets and when they are meant.
 */
#include <string.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_core.h>
#include <http_log.h>

#include "queue_conf_directive.h"
#include "queue_conf_file.h"
#include "queue_route.h"
#include "smtp_config.h"
#include "smtp_domain.h"

APLOG_USE_MODULE(smtp_queue);

#define EXPR "expr="

/** An option of SMTPRoute.
 *  @param value  what follows "=", or "" @return NULL, or what is wrong */
typedef const char *option_read_t(cmd_parms *cmd, const char *value,
                                  queue_route_t *route);

static const char *sender_read(cmd_parms *cmd, const char *value,
                               queue_route_t *route)
{
    const char *domain;

    if (strcmp(value, "<>") == 0) {
        route->sender_domain = "";
        return NULL;
    }
    domain = smtp_domain_normalise(cmd->pool, value + (*value == '.'));
    if (domain == NULL) {
        return "give sender=DOMAIN, sender=.DOMAIN for what is below it, or "
               "sender=<> for the null reverse-path";
    }
    route->sender_domain = *value == '.'
                           ? apr_pstrcat(cmd->pool, ".", domain, NULL)
                           : domain;
    return NULL;
}

/* Variables that would look at httpd's files on behalf of a peer are not to
 * be had. */
static const char *expr_read(cmd_parms *cmd, const char *value,
                             const ap_expr_info_t **condition)
{
    const char *fault = NULL;

    *condition = ap_expr_parse_cmd(cmd, value,
                                   AP_EXPR_FLAG_RESTRICTED
                                   | AP_EXPR_FLAG_DONT_VARY,
                                   &fault, NULL);
    return fault == NULL ? NULL
           : apr_pstrcat(cmd->pool, "is no expression: ", fault,
                         "; variables of mail are written "
                         "%{reqenv:SMTP_FROM}", NULL);
}

static const char *condition_read(cmd_parms *cmd, const char *value,
                                  queue_route_t *route)
{
    return expr_read(cmd, value, &route->condition);
}

static const char *auth_read(cmd_parms *cmd, const char *value,
                             queue_route_t *route)
{
    const char *colon = strchr(value, ':');
    queue_auth_t *auth = apr_pcalloc(cmd->pool, sizeof(*auth));
    const char *fault;

    if (colon == NULL || colon == value || colon[1] == '\0') {
        return "give auth=LOGIN:FILE, where FILE holds the password and "
               "nothing else";
    }
    auth->login = apr_pstrmemdup(cmd->pool, value, colon - value);
    fault = queue_conf_secret_read(cmd->pool, colon + 1, &auth->password);
    route->auth = auth;
    return fault;
}

static const char *tls_read(cmd_parms *cmd, const char *value,
                            queue_route_t *route)
{
    smtp_tls_level_e level;

    if (!smtp_tls_level_parse(value, &level)) {
        return "give tls=none, tls=may, tls=encrypt, tls=verify or tls=dane";
    }
    route->tls = level;
    return NULL;
}

/* Behind auth=, whose object is still only ours. */
static const char *plaintext_read(cmd_parms *cmd, const char *value,
                                  queue_route_t *route)
{
    if (route->auth == NULL) {
        return "stands behind auth=";
    }
    ((queue_auth_t *)route->auth)->without_tls = 1;
    return NULL;
}

static const struct {
    const char *word;
    option_read_t *read;
} options[] = {
    { "sender=", sender_read },
    { EXPR, condition_read },
    { "auth=", auth_read },
    { "tls=", tls_read },
    { "auth-without-tls", plaintext_read }
};

static const char *option_set(cmd_parms *cmd, const char *arg,
                              queue_route_t *route)
{
    size_t i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t len = strlen(options[i].word);

        if (strncasecmp(arg, options[i].word, len) == 0
            && (options[i].word[len - 1] == '=' || arg[len] == '\0')) {
            return options[i].read(cmd, arg + len, route);
        }
    }
    return "is no option; known are sender=DOMAIN, \"" EXPR "EXPRESSION\", "
           "auth=LOGIN:FILE, auth-without-tls, tls=LEVEL";
}

/** NULL, or that two things do not go together. */
static const char *route_fault(const queue_route_t *route)
{
    if (route->auth != NULL && route->kind != QUEUE_ROUTE_SMTP) {
        return "auth= is for one host: smtp: or smtps:";
    }
    return NULL;
}

const char *queue_conf_route_add(cmd_parms *cmd, void *dir, int argc,
                                 char *const argv[])
{
    queue_destination_conf_t *conf = dir;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    queue_route_t route;
    int i;

    if (fault != NULL) {
        return fault;
    }
    if (argc == 0) {
        return "SMTPRoute: names no target; write SMTPRoute mx, or SMTPRoute "
               "smtp:HOST:PORT";
    }
    fault = queue_route_parse(cmd->pool, argv[0], &route);
    for (i = 1; fault == NULL && i < argc; i++) {
        fault = option_set(cmd, argv[i], &route);
    }
    if (fault == NULL) {
        fault = route_fault(&route);
        i = 1;
    }
    if (fault != NULL) {
        return smtp_config_fault(cmd, argv[i - 1], fault);
    }
    if (conf->routes == NULL) {
        conf->routes = apr_array_make(cmd->pool, 1, sizeof(route));
    }
    APR_ARRAY_PUSH((apr_array_header_t *)conf->routes, queue_route_t) = route;
    return NULL;
}

/* ---- SMTPPriority ---- */

static int priority_parse(const char *word, queue_priority_e *priority)
{
    static const struct {
        const char *word;
        queue_priority_e priority;
    } known[] = {
        { "urgent", QUEUE_PRIORITY_URGENT },
        { "normal", QUEUE_PRIORITY_NORMAL },
        { "bulk",   QUEUE_PRIORITY_BULK }
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(known[i].word, word) == 0) {
            *priority = known[i].priority;
            return 1;
        }
    }
    return 0;
}

static const char *rule_add(cmd_parms *cmd, queue_vhost_t *conf,
                            queue_priority_e priority, const char *arg)
{
    queue_priority_rule_t rule = { priority, NULL };
    const char *fault =
        strncasecmp(arg, EXPR, strlen(EXPR)) != 0
        ? "give \"" EXPR "EXPRESSION\", or nothing"
        : expr_read(cmd, arg + strlen(EXPR), &rule.condition);

    if (fault != NULL) {
        return smtp_config_fault(cmd, arg, fault);
    }
    if (conf->priorities == NULL) {
        conf->priorities = apr_array_make(cmd->pool, 1, sizeof(rule));
    }
    APR_ARRAY_PUSH((apr_array_header_t *)conf->priorities,
                   queue_priority_rule_t) = rule;
    return NULL;
}

const char *queue_conf_priority_add(cmd_parms *cmd, void *dir,
                                    const char *word, const char *condition)
{
    queue_vhost_t *conf = &queue_conf_of_server(cmd->server)->vhost;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);
    queue_priority_e priority;

    if (fault != NULL) {
        return fault;
    }
    if (!priority_parse(word, &priority)) {
        return smtp_config_fault(cmd, word, "give one of urgent, normal, "
                                 "bulk");
    }
    if (condition != NULL) {
        return rule_add(cmd, conf, priority, condition);
    }
    conf->priority = priority;
    return NULL;
}
