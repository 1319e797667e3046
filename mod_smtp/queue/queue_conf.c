/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The configuration as a whole: defaults, merging, and what the rest of the
 * module asks for.
 */
#include "queue_conf_directive.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>

extern module AP_MODULE_DECLARE_DATA smtp_queue_module;

#define UNSET QUEUE_CONF_UNSET
#define WHOLE(name) QUEUE_CONF_WHOLE, offsetof(queue_conf_t, name)
#define VHOST(name) QUEUE_CONF_VHOST, offsetof(queue_vhost_t, name)
#define DESTINATION(name) \
    QUEUE_CONF_DESTINATION, offsetof(queue_destination_conf_t, name)
#define STAGE(name) DESTINATION(timeout[SMTP_STAGE_##name])

#define SEC  ((apr_interval_time_t)APR_USEC_PER_SEC)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

/** More than a header section, less than what would fill a mailbox. */
#define DSN_OCTETS (50 * 1024)

/** Of the package dns-root-data, where it is installed. */
#define TRUST_ANCHORS "/usr/share/dns/root.key"

const queue_conf_number_t queue_conf_numbers[] = {
    { "SMTPQueue", WHOLE(is_on), 1, 0, 0, NULL },
    { "SMTPQueueConnections", WHOLE(connections), 1000, 1, 100000, NULL },
    { "SMTPDNSLoopback", WHOLE(loopback_is_foreign), 0, 0, 0, NULL },
    { "SMTPTLSReport", VHOST(tls_report), 0, 0, 0, NULL },
    { "SMTPMessagesPerConnection", DESTINATION(messages_per_connection),
      100, 1, INT_MAX, "no limit" },
    { "SMTPRecipientsPerMessage", DESTINATION(recipients_per_message),
      100, 1, 100000, NULL },
    { "SMTPOutboundTLS", DESTINATION(tls), SMTP_TLS_MAY, 0, 0, NULL },
    { "SMTPDANE", DESTINATION(dane), 1, 0, 0, NULL },
    { "SMTPMTASTS", DESTINATION(mta_sts), 1, 0, 0, NULL },
    { "SMTPAddressFamily", DESTINATION(family), SMTP_MX_FAMILY_ANY, 0, 0,
      NULL },
    { NULL, QUEUE_CONF_WHOLE, 0, 0, 0, 0, NULL }
};

const queue_conf_time_t queue_conf_times[] = {
    { "SMTPQueueStopTimeout", NULL, WHOLE(stop), 10 * SEC, 0, HOUR, 0 },
    { "SMTPRetryExpire", NULL, VHOST(retry.expire), 5 * DAY, SEC, 365 * DAY,
      0 },
    { "SMTPRetryExpire", "report", VHOST(retry.expire_report), DAY, SEC,
      365 * DAY, 0 },
    { "SMTPDelayWarning", NULL, VHOST(retry.warn), 4 * HOUR, SEC, 365 * DAY,
      1 },
    { "SMTPConnectionIdle", NULL, DESTINATION(idle), 2 * SEC, 0, HOUR, 1 },
    { "SMTPOutboundTimeout", "connect", DESTINATION(timeout_connect),
      30 * SEC, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "greeting", STAGE(GREETING), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "ehlo", STAGE(EHLO), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "tls", STAGE(TLS), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "auth", STAGE(AUTH), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "mail", STAGE(MAIL), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "rcpt", STAGE(RCPT), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "data", STAGE(DATA), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "block", STAGE(BLOCK), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "end", STAGE(END), 0, SEC, HOUR, 0 },
    { "SMTPOutboundTimeout", "quit", STAGE(QUIT), 0, SEC, HOUR, 0 },
    { NULL, NULL, QUEUE_CONF_WHOLE, 0, 0, 0, 0, 0 }
};

int *queue_conf_number_at(void *base, const queue_conf_number_t *number)
{
    return (int *)((char *)base + number->offset);
}

apr_interval_time_t *queue_conf_time_at(void *base,
                                        const queue_conf_time_t *time)
{
    return (apr_interval_time_t *)((char *)base + time->offset);
}

queue_server_conf_t *queue_conf_of_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &smtp_queue_module);
}

/* ---- Every field at once: UNSET, merging, defaults ---- */

static void unset(void *base, queue_conf_part_e part)
{
    const queue_conf_number_t *number;
    const queue_conf_time_t *time;

    for (number = queue_conf_numbers; number->directive; number++) {
        if (number->part == part) {
            *queue_conf_number_at(base, number) = UNSET;
        }
    }
    for (time = queue_conf_times; time->directive; time++) {
        if (time->part == part) {
            *queue_conf_time_at(base, time) = UNSET;
        }
    }
}

/** Fills what is unset in @a conf from @a from. */
static void inherit(void *conf, void *from, queue_conf_part_e part)
{
    const queue_conf_number_t *number;
    const queue_conf_time_t *time;

    for (number = queue_conf_numbers; number->directive; number++) {
        if (number->part == part
            && *queue_conf_number_at(conf, number) == UNSET) {
            *queue_conf_number_at(conf, number) =
                *queue_conf_number_at(from, number);
        }
    }
    for (time = queue_conf_times; time->directive; time++) {
        if (time->part == part && *queue_conf_time_at(conf, time) == UNSET) {
            *queue_conf_time_at(conf, time) =
                *queue_conf_time_at(from, time);
        }
    }
}

static void complete(void *conf, queue_conf_part_e part)
{
    const queue_conf_number_t *number;
    const queue_conf_time_t *time;

    for (number = queue_conf_numbers; number->directive; number++) {
        if (number->part == part
            && *queue_conf_number_at(conf, number) == UNSET) {
            *queue_conf_number_at(conf, number) = number->fallback;
        }
    }
    for (time = queue_conf_times; time->directive; time++) {
        if (time->part == part && *queue_conf_time_at(conf, time) == UNSET) {
            *queue_conf_time_at(conf, time) = time->fallback;
        }
    }
}

#define TAKE(field, unset_value) \
    (conf->field = conf->field != (unset_value) ? conf->field : base->field)

/* ---- Destinations: our part of a per-directory configuration ---- */

void *queue_conf_create_dir(apr_pool_t *p, char *path)
{
    queue_destination_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    unset(conf, QUEUE_CONF_DESTINATION);
    return conf;
}

static void limits_inherit(queue_limits_t *conf, const queue_limits_t *base)
{
    TAKE(connections, 0);
    TAKE(connections_first, 0);
    if (conf->rate_interval == 0) {
        conf->rate_interval = base->rate_interval;
        conf->rate_messages = base->rate_messages;
    }
    TAKE(failures, 0);
    TAKE(backoff_first, 0);
    TAKE(backoff_last, 0);
}

/* Lists are said whole by the most specific section. */
void *queue_conf_merge_dir(apr_pool_t *p, void *base_conf, void *add_conf)
{
    const queue_destination_conf_t *base = base_conf, *add = add_conf;
    queue_destination_conf_t *conf = apr_pmemdup(p, add, sizeof(*add));

    TAKE(routes, NULL);
    TAKE(sources, NULL);
    if (conf->tls == UNSET) {
        conf->tls_names = base->tls_names;
    }
    limits_inherit(&conf->limits, &base->limits);
    inherit(conf, base_conf, QUEUE_CONF_DESTINATION);
    return conf;
}

void queue_conf_complete_destination(queue_destination_conf_t *conf)
{
    /* A password is for one host alone. */
    conf->tls_auth = conf->tls != UNSET ? conf->tls : SMTP_TLS_VERIFY;
    complete(conf, QUEUE_CONF_DESTINATION);
    /* Stages that have no word of their own. */
    conf->timeout[SMTP_STAGE_CONNECT] = conf->timeout_connect;
    conf->timeout[SMTP_STAGE_HELO] = conf->timeout[SMTP_STAGE_EHLO];
    conf->timeout[SMTP_STAGE_STARTTLS] = conf->timeout[SMTP_STAGE_TLS];
    conf->timeout[SMTP_STAGE_RSET] = conf->timeout[SMTP_STAGE_MAIL];
    if (conf->limits.rate_interval == QUEUE_CONF_RATE_OFF) {
        conf->limits.rate_interval = 0;
    }
    if (conf->sources != NULL && conf->sources->nelts == 0) {
        conf->sources = NULL;
    }
    conf->tag = "";
}

/* ---- Virtual hosts ---- */

void *queue_conf_create_server(apr_pool_t *p, server_rec *s)
{
    queue_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    unset(&conf->whole, QUEUE_CONF_WHOLE);
    unset(&conf->vhost, QUEUE_CONF_VHOST);
    conf->vhost.priority = UNSET;
    conf->vhost.dsn_max_octets = UNSET;
    conf->sections = apr_array_make(p, 0, sizeof(queue_section_t *));
    return conf;
}

static void vhost_inherit(apr_pool_t *p, queue_vhost_t *conf,
                          const queue_vhost_t *base)
{
    inherit(conf, (void *)base, QUEUE_CONF_VHOST);
    TAKE(retry.intervals, NULL);
    if (conf->priority == UNSET && conf->priorities == NULL) {
        conf->priority = base->priority;
        conf->priorities = base->priorities;
    }
    TAKE(verp, NULL);
    TAKE(postmaster, NULL);
    TAKE(dsn_copy, NULL);
    TAKE(dsn_max_octets, UNSET);
    if (conf->dsn_templates == NULL) {
        conf->dsn_templates = base->dsn_templates;
    }
    else if (base->dsn_templates != NULL) {
        conf->dsn_templates = apr_hash_overlay(p, conf->dsn_templates,
                                               base->dsn_templates);
    }
}

void *queue_conf_merge_server(apr_pool_t *p, void *base_conf, void *add_conf)
{
    const queue_server_conf_t *base = base_conf, *add = add_conf;
    queue_server_conf_t *conf = apr_pmemdup(p, add, sizeof(*add));

    vhost_inherit(p, &conf->vhost, &base->vhost);
    conf->sections = apr_array_append(p, base->sections, add->sections);
    return conf;
}

void queue_conf_complete_vhost(apr_pool_t *p, queue_vhost_t *vhost)
{
    static const char intervals[] = "5m 15m 30m 1h 2h 4h";

    complete(vhost, QUEUE_CONF_VHOST);
    if (vhost->retry.intervals == NULL) {
        ap_assert(queue_retry_parse(p, intervals, &vhost->retry.intervals)
                  == NULL);
    }
    if (vhost->priority == UNSET) {
        vhost->priority = QUEUE_PRIORITY_NORMAL;
    }
    if (vhost->dsn_max_octets == UNSET) {
        vhost->dsn_max_octets = DSN_OCTETS;
    }
    if (vhost->verp != NULL && *vhost->verp == '\0') {
        vhost->verp = NULL;
    }
    if (vhost->dsn_copy != NULL && *vhost->dsn_copy == '\0') {
        vhost->dsn_copy = NULL;
    }
    if (vhost->dsn_templates == NULL) {
        vhost->dsn_templates = apr_hash_make(p);
    }
}

void queue_conf_complete_whole(apr_pool_t *p, queue_conf_t *conf)
{
    apr_finfo_t info;

    complete(conf, QUEUE_CONF_WHOLE);
    if (conf->dns_trust_anchors == NULL
        && apr_stat(&info, TRUST_ANCHORS, APR_FINFO_TYPE, p) == APR_SUCCESS) {
        conf->dns_trust_anchors = TRUST_ANCHORS;
    }
    if (conf->dns_trust_anchors != NULL
        && *conf->dns_trust_anchors == '\0') {
        conf->dns_trust_anchors = NULL;
    }
}
