/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Directives whose value is a number, a word, a time or a rate: the tables
 * say which field it is for.
 */
#include "queue_conf_directive.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_config.h"

/** More is no limit, but a slip. */
#define RATE_MESSAGES_MAX 1000000
#define RATE_INTERVAL_MAX apr_time_from_sec(31 * 24 * 3600)
#define CONNECTIONS_MAX 10000

static int is_in_section(const cmd_parms *cmd)
{
    const ap_directive_t *at = cmd->directive->parent;

    while (at != NULL && strcasecmp(at->directive, "<SMTPDestination") != 0) {
        at = at->parent;
    }
    return at != NULL;
}

const char *queue_conf_part_fault(cmd_parms *cmd, queue_conf_part_e part)
{
    if (part == QUEUE_CONF_WHOLE) {
        return ap_check_cmd_context(cmd, GLOBAL_ONLY);
    }
    if (part == QUEUE_CONF_DESTINATION && is_in_section(cmd)) {
        return NULL;
    }
    /* Other sections have a path, if only their name. */
    return cmd->path == NULL ? ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT)
           : apr_psprintf(cmd->pool, "%s: stands in the main server or a "
                          "virtual host%s", cmd->cmd->name,
                          part == QUEUE_CONF_DESTINATION
                          ? ", or in <SMTPDestination>" : "");
}

/** The struct that a directive of @a part sets a field of. */
static void *base_of(const cmd_parms *cmd, void *dir, queue_conf_part_e part)
{
    queue_server_conf_t *conf = queue_conf_of_server(cmd->server);

    return part == QUEUE_CONF_WHOLE ? (void *)&conf->whole
           : part == QUEUE_CONF_VHOST ? (void *)&conf->vhost : dir;
}

/* ---- Numbers and words ---- */

static const queue_conf_number_t *number_find(const char *directive)
{
    const queue_conf_number_t *number = queue_conf_numbers;

    while (number->directive != NULL
           && strcasecmp(number->directive, directive) != 0) {
        number++;
    }
    ap_assert(number->directive != NULL);
    return number;
}

static void number_store(cmd_parms *cmd, void *dir,
                         const queue_conf_number_t *number, int value)
{
    *queue_conf_number_at(base_of(cmd, dir, number->part), number) = value;
}

int queue_conf_digits_parse(const char *s, int min, int max, int *value)
{
    apr_off_t number;

    if (smtp_chars_number_parse(s, strlen(s), &number) != 1 || number < min
        || number > max) {
        return 0;
    }
    *value = (int)number;
    return 1;
}

const char *queue_conf_number_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const queue_conf_number_t *number = number_find(cmd->cmd->name);
    const char *fault = queue_conf_part_fault(cmd, number->part);
    int value;

    if (fault == NULL) {
        fault = smtp_config_number_read(cmd, arg, number->min, number->max,
                                        number->zero, &value);
    }
    if (fault == NULL) {
        number_store(cmd, dir, number, value);
    }
    return fault;
}

static const smtp_config_word_t words[] = {
    { "SMTPQueue",         "On",        1 },
    { "SMTPQueue",         "Off",       0 },
    { "SMTPDNSLoopback",   "Off",       0 },
    { "SMTPDNSLoopback",   "On",        1 },
    { "SMTPTLSReport",     "Off",       0 },
    { "SMTPTLSReport",     "On",        1 },
    { "SMTPDANE",          "On",        1 },
    { "SMTPDANE",          "Off",       0 },
    { "SMTPMTASTS",        "On",        1 },
    { "SMTPMTASTS",        "Off",       0 },
    { "SMTPAddressFamily", "any",       SMTP_MX_FAMILY_ANY },
    { "SMTPAddressFamily", "ipv6first", SMTP_MX_FAMILY_IPV6_FIRST },
    { "SMTPAddressFamily", "ipv4first", SMTP_MX_FAMILY_IPV4_FIRST },
    { "SMTPAddressFamily", "ipv6",      SMTP_MX_FAMILY_IPV6_ONLY },
    { "SMTPAddressFamily", "ipv4",      SMTP_MX_FAMILY_IPV4_ONLY },
    { NULL, NULL, 0 }
};

const char *queue_conf_word_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const queue_conf_number_t *number = number_find(cmd->cmd->name);
    const char *fault = queue_conf_part_fault(cmd, number->part);
    int value;

    if (fault == NULL) {
        fault = smtp_config_word_read(cmd, words, arg, &value);
    }
    if (fault == NULL) {
        number_store(cmd, dir, number, value);
    }
    return fault;
}

/* ---- Times ---- */

/* As httpd writes times, and as a retry curve is written. */
int queue_conf_time_parse(apr_pool_t *p, const char *s,
                          apr_interval_time_t min, apr_interval_time_t max,
                          apr_interval_time_t *value)
{
    if (queue_retry_interval_parse(p, s, value) != NULL
        && (!apr_isdigit(*s)
            || ap_timeout_parameter_parse(s, value, "s") != APR_SUCCESS)) {
        return 0;
    }
    return *value >= min && *value <= max;
}

static const char *time_write(apr_pool_t *p, apr_interval_time_t time)
{
    static const struct {
        const char *unit;
        apr_interval_time_t time;
    } units[] = {
        { "d", apr_time_from_sec(24 * 3600) },
        { "h", apr_time_from_sec(3600) },
        { "m", apr_time_from_sec(60) }
    };
    size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (time >= units[i].time && time % units[i].time == 0) {
            return apr_psprintf(p, "%" APR_TIME_T_FMT "%s",
                                time / units[i].time, units[i].unit);
        }
    }
    return apr_psprintf(p, "%" APR_TIME_T_FMT "s", apr_time_sec(time));
}

/** The row for @a arg, of which *value is what follows "="; NULL: none. */
static const queue_conf_time_t *time_find(const char *directive,
                                          const char *arg,
                                          const char **value)
{
    const queue_conf_time_t *time;

    for (time = queue_conf_times; time->directive != NULL; time++) {
        size_t len = time->key == NULL ? 0 : strlen(time->key);

        if (strcasecmp(time->directive, directive) != 0) {
            continue;
        }
        *value = time->key == NULL ? arg : arg + len + 1;
        if (time->key == NULL
            ? strchr(arg, '=') == NULL
            : strncasecmp(arg, time->key, len) == 0 && arg[len] == '=') {
            return time;
        }
    }
    return NULL;
}

static const char *keys_write(apr_pool_t *p, const char *directive)
{
    const char *known = "";
    const queue_conf_time_t *time;

    for (time = queue_conf_times; time->directive != NULL; time++) {
        if (strcasecmp(time->directive, directive) == 0) {
            known = apr_pstrcat(p, known, *known ? ", " : "",
                                time->key ? time->key : "",
                                time->key ? "=TIME" : "TIME", NULL);
        }
    }
    return apr_pstrcat(p, "give ", known, ", without blanks around =", NULL);
}

const char *queue_conf_time_set(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *value;
    const queue_conf_time_t *time = time_find(cmd->cmd->name, arg, &value);
    apr_interval_time_t interval = 0;
    const char *fault;

    if (time == NULL) {
        return smtp_config_fault(cmd, arg, keys_write(cmd->pool,
                                                      cmd->cmd->name));
    }
    fault = queue_conf_part_fault(cmd, time->part);
    if (fault != NULL) {
        return fault;
    }
    if (!(time->can_be_off && strcasecmp(value, "off") == 0)
        && !queue_conf_time_parse(cmd->pool, value, time->min, time->max,
                                  &interval)) {
        fault = apr_psprintf(cmd->pool, "the time is seconds, or a number "
                             "with s, m, h or d, from %s to %s%s",
                             time_write(cmd->pool, time->min),
                             time_write(cmd->pool, time->max),
                             time->can_be_off ? "; or off" : "");
        return smtp_config_fault(cmd, arg, fault);
    }
    *queue_conf_time_at(base_of(cmd, dir, time->part), time) = interval;
    return NULL;
}

const char *queue_conf_retry_set(cmd_parms *cmd, void *dir, const char *args)
{
    queue_server_conf_t *conf = queue_conf_of_server(cmd->server);
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_VHOST);

    if (fault != NULL) {
        return fault;
    }
    fault = queue_retry_parse(cmd->pool, args, &conf->vhost.retry.intervals);
    return fault == NULL ? NULL : smtp_config_fault(cmd, args, fault);
}

/* ---- Limits of destinations ---- */

const char *queue_conf_concurrency_set(cmd_parms *cmd, void *dir,
                                       const char *arg, const char *first)
{
    queue_limits_t *limits = &((queue_destination_conf_t *)dir)->limits;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    int most, begin = 0;

    if (fault != NULL) {
        return fault;
    }
    if (!queue_conf_digits_parse(arg, 1, CONNECTIONS_MAX, &most)) {
        return smtp_config_fault(cmd, arg, "give a number of connections from "
                                 "1 to 10000");
    }
    if (first != NULL
        && (strncasecmp(first, "first=", 6) != 0
            || !queue_conf_digits_parse(first + 6, 1, most, &begin))) {
        return smtp_config_fault(cmd, first, "give first=NUMBER, from 1 to the "
                                 "number before it");
    }
    limits->connections = (unsigned int)most;
    limits->connections_first = (unsigned int)begin;
    return NULL;
}

const char *queue_conf_rate_set(cmd_parms *cmd, void *dir, const char *arg)
{
    queue_limits_t *limits = &((queue_destination_conf_t *)dir)->limits;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    const char *slash = strchr(arg, '/');
    apr_interval_time_t interval;
    int messages;

    if (fault != NULL) {
        return fault;
    }
    if (strcasecmp(arg, "off") == 0) {
        limits->rate_messages = 0;
        limits->rate_interval = QUEUE_CONF_RATE_OFF;
        return NULL;
    }
    if (slash == NULL
        || !queue_conf_digits_parse(apr_pstrmemdup(cmd->temp_pool, arg,
                                                   slash - arg),
                                    1, RATE_MESSAGES_MAX, &messages)
        || !queue_conf_time_parse(cmd->pool, slash + 1, apr_time_from_sec(1),
                                  RATE_INTERVAL_MAX, &interval)) {
        return smtp_config_fault(cmd, arg, "give a number of messages (1 to "
                                 "1000000), / and a time (1s to 31d), as in "
                                 "100/1m, or off");
    }
    limits->rate_messages = (unsigned int)messages;
    limits->rate_interval = interval;
    return NULL;
}

static const char *backoff_failures_set(cmd_parms *cmd,
                                        queue_limits_t *limits,
                                        const char *arg)
{
    int value;

    if (!queue_conf_digits_parse(strchr(arg, '=') + 1, 1, CONNECTIONS_MAX,
                                 &value)) {
        return smtp_config_fault(cmd, arg, "give a number of failures from 1 "
                                 "to 10000");
    }
    limits->failures = (unsigned int)value;
    return NULL;
}

const char *queue_conf_backoff_set(cmd_parms *cmd, void *dir,
                                   const char *arg)
{
    queue_limits_t *limits = &((queue_destination_conf_t *)dir)->limits;
    const char *fault = queue_conf_part_fault(cmd, QUEUE_CONF_DESTINATION);
    apr_interval_time_t *field;

    if (fault != NULL) {
        return fault;
    }
    if (strncasecmp(arg, "failures=", 9) == 0) {
        return backoff_failures_set(cmd, limits, arg);
    }
    field = strncasecmp(arg, "first=", 6) == 0 ? &limits->backoff_first
            : strncasecmp(arg, "last=", 5) == 0 ? &limits->backoff_last
            : NULL;
    if (field == NULL) {
        return smtp_config_fault(cmd, arg, "give failures=NUMBER, first=TIME, "
                                 "last=TIME, without blanks around =");
    }
    if (!queue_conf_time_parse(cmd->pool, strchr(arg, '=') + 1,
                               apr_time_from_sec(1),
                               apr_time_from_sec(24 * 3600), field)) {
        return smtp_config_fault(cmd, arg, "the time is seconds, or a number "
                                 "with s, m or h, from 1s to 24h");
    }
    return NULL;
}
