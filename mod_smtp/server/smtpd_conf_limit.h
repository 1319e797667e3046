/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_conf_limit.h
 * The limits of SMTPAuthLimit and SMTPLoginLimit in the configuration: what
 * smtpd_conf.c does to a whole one.
 */
#ifndef SMTPD_CONF_LIMIT_H
#define SMTPD_CONF_LIMIT_H

#include <stddef.h>

#include "smtpd_conf.h"

/** The type of a limit's field, and the form of its value. */
typedef enum {
    SMTPD_CONF_LIMIT_COUNT,      /**< int: 3 */
    SMTPD_CONF_LIMIT_RATE,       /**< smtpd_rate_t: 20/10min */
    SMTPD_CONF_LIMIT_DELAY       /**< apr_interval_time_t: 1s */
} smtpd_conf_limit_kind_e;

/** A limit. */
typedef struct smtpd_conf_limit_t {
    const char *directive;       /**< that sets it */
    const char *key;             /**< in KEY=VALUE */
    smtpd_conf_limit_kind_e kind;
    size_t offset;               /**< of its field in smtpd_conf_t */
    int count;                   /**< the default; 0: no limit */
    int seconds;                 /**< the default's time */
} smtpd_conf_limit_t;

/** All of them; ends with a row without key. */
extern const smtpd_conf_limit_t smtpd_conf_limits[];

/** A value of any kind. */
typedef struct smtpd_conf_limit_value_t {
    int count;                   /**< SMTPD_CONF_UNSET: not set; not used by
                                      SMTPD_CONF_LIMIT_DELAY */
    apr_interval_time_t time;    /**< SMTPD_CONF_UNSET: a delay not set; not
                                      used by SMTPD_CONF_LIMIT_COUNT */
} smtpd_conf_limit_value_t;

/** The value of a field, and changing it. */
smtpd_conf_limit_value_t smtpd_conf_limit_get(const smtpd_conf_t *conf,
                                              const smtpd_conf_limit_t *limit);
void smtpd_conf_limit_set(smtpd_conf_t *conf, const smtpd_conf_limit_t *limit,
                          smtpd_conf_limit_value_t value);

/** Makes all limits of @a conf unset. */
void smtpd_conf_limit_unset(smtpd_conf_t *conf);

/** Fills what is unset in @a conf from @a base. */
void smtpd_conf_limit_inherit(smtpd_conf_t *conf, const smtpd_conf_t *base);

/** Defaults into what is unset. */
void smtpd_conf_limit_complete(smtpd_conf_t *conf);

/**
 * check_config, once @a conf, of a virtual host with SMTPEngine On, is
 * complete: asks for the cache where limits are shared, if it needs one.
 * @param warning  out: what the administrator should know, or NULL
 * @return NULL, or what is wrong: names directive, value and remedy
 */
const char *smtpd_conf_limit_check(apr_pool_t *pconf, apr_pool_t *ptemp,
                                   const smtpd_conf_t *conf,
                                   const char **warning);

#endif
