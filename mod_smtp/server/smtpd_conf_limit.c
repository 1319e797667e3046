/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * SMTPAuthLimit and SMTPLoginLimit: a table of their keys, which reading,
 * merging and defaults share.
 */
#include "smtpd_conf_limit.h"

#define UNSET SMTPD_CONF_UNSET
#define COUNT(name) SMTPD_CONF_LIMIT_COUNT, offsetof(smtpd_conf_t, name)
#define RATE(name)  SMTPD_CONF_LIMIT_RATE, offsetof(smtpd_conf_t, name)
#define DELAY(name) SMTPD_CONF_LIMIT_DELAY, offsetof(smtpd_conf_t, name)

const smtpd_conf_limit_t smtpd_conf_limits[] = {
    { "SMTPAuthLimit", "connection", COUNT(auth.max_failures), 3, 0 },
    { "SMTPAuthLimit", "address", RATE(auth.address_failures), 20, 600 },
    { "SMTPAuthLimit", "login", RATE(auth.login_failures), 10, 600 },
    { "SMTPAuthLimit", "delay", DELAY(auth.delay), 0, 1 },
    { "SMTPLoginLimit", "messages", RATE(submission.login_messages), 0, 0 },
    { "SMTPLoginLimit", "recipients", RATE(submission.login_recipients),
      0, 0 },
    { NULL, NULL, SMTPD_CONF_LIMIT_COUNT, 0, 0, 0 }
};

typedef smtpd_conf_limit_value_t value_t;

value_t smtpd_conf_limit_get(const smtpd_conf_t *conf,
                             const smtpd_conf_limit_t *limit)
{
    const char *field = (const char *)conf + limit->offset;
    value_t value = { 0, 0 };

    switch (limit->kind) {
    case SMTPD_CONF_LIMIT_COUNT:
        value.count = *(const int *)field;
        break;
    case SMTPD_CONF_LIMIT_RATE:
        value.count = ((const smtpd_rate_t *)field)->count;
        value.time = ((const smtpd_rate_t *)field)->interval;
        break;
    case SMTPD_CONF_LIMIT_DELAY:
        value.time = *(const apr_interval_time_t *)field;
        break;
    }
    return value;
}

void smtpd_conf_limit_set(smtpd_conf_t *conf, const smtpd_conf_limit_t *limit,
                          value_t value)
{
    char *field = (char *)conf + limit->offset;

    switch (limit->kind) {
    case SMTPD_CONF_LIMIT_COUNT:
        *(int *)field = value.count;
        break;
    case SMTPD_CONF_LIMIT_RATE:
        *(smtpd_rate_t *)field = (smtpd_rate_t){ value.count, value.time };
        break;
    case SMTPD_CONF_LIMIT_DELAY:
        *(apr_interval_time_t *)field = value.time;
        break;
    }
}

static int is_unset(const smtpd_conf_t *conf, const smtpd_conf_limit_t *limit)
{
    value_t value = smtpd_conf_limit_get(conf, limit);

    return limit->kind == SMTPD_CONF_LIMIT_DELAY
           ? value.time == UNSET : value.count == UNSET;
}

void smtpd_conf_limit_unset(smtpd_conf_t *conf)
{
    static const value_t unset = { UNSET, UNSET };
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        smtpd_conf_limit_set(conf, limit, unset);
    }
}

void smtpd_conf_limit_inherit(smtpd_conf_t *conf, const smtpd_conf_t *base)
{
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        if (is_unset(conf, limit)) {
            smtpd_conf_limit_set(conf, limit,
                                 smtpd_conf_limit_get(base, limit));
        }
    }
    conf->auth.is_limited |= base->auth.is_limited;
}

void smtpd_conf_limit_complete(smtpd_conf_t *conf)
{
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        if (is_unset(conf, limit)) {
            value_t value = { limit->count,
                              apr_time_from_sec(limit->seconds) };

            smtpd_conf_limit_set(conf, limit, value);
        }
    }
}
