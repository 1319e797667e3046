/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_counter.h
 * How many events of a kind somebody had lately, counted over all children,
 * and all machines that share a SMTPStateCache. How exactly: smtpd_window.h;
 * machines that count the same at the same moment may count one event for
 * both.
 *
 * Any thread. Errors are logged, once a minute, where they come about; who
 * counts goes on without: APR_ENOTIMPL means that there is no cache at all.
 * Out parameters are 0 on errors.
 */
#ifndef SMTPD_COUNTER_H
#define SMTPD_COUNTER_H

#include <httpd.h>

#include "smtpd_conf.h"

/** What is counted. */
typedef struct smtpd_counter_t {
    const char *kind;             /**< a word of ours: "login" */
    const void *who;              /**< octets of a peer, as they came */
    apr_size_t who_len;
    apr_interval_time_t interval; /**< counters of the same events over
                                       another interval are others */
    const char *host;             /**< whose logins: a ServerName; NULL: it
                                       is the same everywhere */
} smtpd_counter_t;

/**
 * @a login as it is counted: LDAP and SQL take "Bob" and "b ob" for bob, so
 * that one user would have as many counters as there are spellings.
 * @return in @a p
 */
const char *smtpd_counter_fold(apr_pool_t *p, const char *login,
                               apr_size_t *len);

/** Events within the last interval. */
apr_status_t smtpd_counter_get(server_rec *s, apr_pool_t *p,
                               const smtpd_counter_t *counter,
                               apr_uint32_t *count);

/**
 * Counts @a amount more; less than 0: takes back what was counted.
 * @param count  out: events within the last interval, these included
 */
apr_status_t smtpd_counter_add(server_rec *s, apr_pool_t *p,
                               const smtpd_counter_t *counter, int amount,
                               apr_uint32_t *count);

/**
 * Counts one more unless that makes more than @a max: sessions that ask at
 * the same moment cannot pass the limit together.
 * @return APR_EGENERAL: the limit is reached, and nothing was counted
 */
apr_status_t smtpd_counter_take(server_rec *s, apr_pool_t *p,
                                const smtpd_counter_t *counter,
                                apr_uint32_t max);

#endif
