/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Reads and checks SMTPAuthLimit and SMTPLoginLimit.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "smtp_config.h"
#include "smtpd_conf_directive.h"
#include "smtpd_conf_limit.h"
#include "smtpd_state.h"
#include "smtpd_window.h"

#define AUTH "SMTPAuthLimit"
#define LOGIN "SMTPLoginLimit"

/** More is no limit, but a slip. */
#define COUNT_MAX 1000000
#define DELAY_MAX apr_time_from_sec(60)

/** Reads digits up to @a end. */
static int count_parse(const char *s, const char *end, int *count)
{
    apr_int64_t value;

    if (end == s || end - s > 9
        || strspn(s, "0123456789") < (size_t)(end - s)) {
        return 0;
    }
    value = apr_strtoi64(s, NULL, 10);
    *count = (int)value;
    return value > 0 && value <= COUNT_MAX;
}

static int time_parse(const char *s, apr_interval_time_t *time)
{
    return apr_isdigit(*s)
           && ap_timeout_parameter_parse(s, time, "s") == APR_SUCCESS;
}

static const char *rate_parse(const char *s, smtpd_conf_limit_value_t *value)
{
    const char *slash = strchr(s, '/');

    if (slash == NULL || !count_parse(s, slash, &value->count)
        || !time_parse(slash + 1, &value->time)
        || value->time < SMTPD_WINDOW_INTERVAL_MIN
        || value->time > SMTPD_WINDOW_INTERVAL_MAX) {
        return "give a number (1 to 1000000), / and a time (1s to 744h), as "
               "in 20/10min, or off";
    }
    return NULL;
}

/** @return NULL, or what is wrong */
static const char *value_parse(const smtpd_conf_limit_t *limit, const char *s,
                               smtpd_conf_limit_value_t *value)
{
    *value = (smtpd_conf_limit_value_t){ 0, 0 };
    if (strcasecmp(s, "off") == 0) {
        return NULL;
    }
    switch (limit->kind) {
    case SMTPD_CONF_LIMIT_RATE:
        return rate_parse(s, value);
    case SMTPD_CONF_LIMIT_COUNT:
        return count_parse(s, s + strlen(s), &value->count) ? NULL
               : "give a number (1 to 1000000), or off";
    case SMTPD_CONF_LIMIT_DELAY:
        return time_parse(s, &value->time) && value->time <= DELAY_MAX ? NULL
               : "give a time of a minute at most, as in 2s or 500ms, or "
                 "off";
    }
    return NULL;
}

/** What may be given, for a message. */
static const char *keys_write(apr_pool_t *p, const char *directive)
{
    const char *known = "";
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        if (strcmp(limit->directive, directive) == 0) {
            known = apr_pstrcat(p, known, *known ? ", " : "", limit->key,
                                "=", NULL);
        }
    }
    return apr_pstrcat(p, "give ", known, " without blanks around =", NULL);
}

static const smtpd_conf_limit_t *limit_find(const char *directive,
                                            const char *arg)
{
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        size_t len = strlen(limit->key);

        if (strcasecmp(limit->directive, directive) == 0
            && strncasecmp(arg, limit->key, len) == 0
            && arg[len] == '=') {
            return limit;
        }
    }
    return NULL;
}

/** Reads KEY=VALUE of SMTPAuthLimit or SMTPLoginLimit. */
static const char *limit_set(cmd_parms *cmd, const char *arg,
                             const char *directive)
{
    const smtpd_conf_limit_t *limit = limit_find(directive, arg);
    const char *fault = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    smtpd_conf_limit_value_t value;

    if (fault != NULL) {
        return fault;
    }
    fault = limit == NULL ? keys_write(cmd->pool, directive)
            : value_parse(limit, strchr(arg, '=') + 1, &value);
    if (fault != NULL) {
        return smtp_config_fault(cmd, arg, fault);
    }
    smtpd_conf_limit_set(smtpd_conf_get(cmd->server), limit, value);
    return NULL;
}

const char *smtpd_conf_auth_limit_set(cmd_parms *cmd, void *dir,
                                      const char *arg)
{
    smtpd_conf_get(cmd->server)->auth.is_limited = 1;
    return limit_set(cmd, arg, AUTH);
}

const char *smtpd_conf_login_limit_set(cmd_parms *cmd, void *dir,
                                       const char *arg)
{
    return limit_set(cmd, arg, LOGIN);
}

/* ------------------------------------------------------------ checking */

/** Whether @a directive has a limit that children have to share. */
static int wants_cache(const smtpd_conf_t *conf, const char *directive)
{
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        if (limit->kind == SMTPD_CONF_LIMIT_RATE
            && strcmp(limit->directive, directive) == 0
            && smtpd_conf_limit_get(conf, limit).count > 0) {
            return 1;
        }
    }
    return 0;
}

const char *smtpd_conf_limit_check(apr_pool_t *pconf, apr_pool_t *ptemp,
                                   const smtpd_conf_t *conf,
                                   const char **warning)
{
    int by_auth = conf->auth.section != NULL && wants_cache(conf, AUTH);
    int by_login = wants_cache(conf, LOGIN);
    const char *missing;

    *warning = NULL;
    if ((!by_auth && !by_login)
        || (missing = smtpd_state_want(pconf, ptemp)) == NULL) {
        return NULL;
    }
    if (by_login || conf->auth.is_limited) {
        return apr_pstrcat(ptemp, by_login ? LOGIN : AUTH, ": there is no "
                           "cache for what is counted; ", missing, NULL);
    }
    *warning = apr_pstrcat(ptemp, AUTH ": failures are counted per "
                           "connection only, not per address and login; ",
                           missing, NULL);
    return NULL;
}
