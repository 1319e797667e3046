/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_relay_check.h"

#include <string.h>

#include <apr_strings.h>

#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "smtpd_access.h"
#include "smtpd_relay.h"

/** Strangers of each family, and how many of them may be let in: whole
 *  networks may, an eighth of the Internet may not. */
#define STRANGERS     64
#define STRANGERS_MAX (STRANGERS / 8)

/** One of them comes by this name, so that Require host need not ask DNS. */
#define STRANGER_NAME "stranger.invalid"

/**
 * Where the registries have given out IPv6 addresses so far: the first 16
 * bits, and how many values of them. Most of 2000::/3 is nobody's, and rules
 * that let in all who exist would pass a spread over that.
 */
static const struct {
    unsigned int first;
    unsigned int count;
} ipv6_blocks[] = {
    { 0x2001, 1 }, { 0x2400, 16 }, { 0x2600, 16 }, { 0x2620, 1 },
    { 0x2800, 16 }, { 0x2a00, 16 }, { 0x2a10, 16 }, { 0x2c00, 16 }
};
#define IPV6_BLOCKS (sizeof(ipv6_blocks) / sizeof(ipv6_blocks[0]))

/** Stranger @a i, from 1.0.0.0 to 223.255.255.255; neither loopback nor
 *  anybody's private network. */
static const char *ipv4_write(apr_pool_t *p, unsigned int i)
{
    unsigned int first = 1 + i * 223 / STRANGERS;

    if (first == 10 || first == 127) {
        first++;
    }
    return apr_psprintf(p, "%u.%u.%u.%u", first, 200 - i, 251 - i, i + 20);
}

static const char *ipv6_write(apr_pool_t *p, unsigned int i)
{
    unsigned int block = i % IPV6_BLOCKS, at = (unsigned int)(i / IPV6_BLOCKS);

    return apr_psprintf(p, "%x:%x:%x::%x",
                        ipv6_blocks[block].first
                        + at * ipv6_blocks[block].count
                          / (STRANGERS / (unsigned int)IPV6_BLOCKS),
                        0x0250 + at * 0x1800, i, i + 1);
}

/** A connection that nobody made. */
static conn_rec *connection_create(apr_pool_t *p, server_rec *s,
                                   const char *ip)
{
    conn_rec *c = apr_pcalloc(p, sizeof(*c));

    c->pool = p;
    c->base_server = s;
    c->client_ip = apr_pstrdup(p, ip);
    c->local_ip = apr_pstrdup(p, "127.0.0.1");
    apr_sockaddr_info_get(&c->client_addr, ip, APR_UNSPEC, 50000, 0, p);
    apr_sockaddr_info_get(&c->local_addr, c->local_ip, APR_INET, 25, 0, p);
    c->remote_host = apr_pstrdup(p, STRANGER_NAME);
    c->double_reverse = 1;
    c->conn_config = ap_create_conn_config(p);
    c->notes = apr_table_make(p, 1);
    c->bucket_alloc = apr_bucket_alloc_create(p);
    return c;
}

/** 1 when a stranger at @a ip may relay. What strangers can say of themselves
 *  counts as said already (smtpd_conf_relay.c). */
static int is_granted(apr_pool_t *p, server_rec *s, const smtpd_conf_t *conf,
                      const char *ip)
{
    static const smtpd_relay_facts_t facts =
        { "", STRANGER_NAME, NULL, NULL, NULL, NULL };
    static struct ap_logconf silence = { NULL, APLOG_EMERG };
    apr_pool_t *scratch;
    request_rec *r;
    int rv;

    apr_pool_create(&scratch, p);
    r = smtpd_access_request(connection_create(scratch, s, ip),
                             conf->submission.relay_strangers);
    r->log = &silence;
    rv = smtpd_relay_judge(r, &facts);
    apr_pool_destroy(scratch);
    return rv == OK;
}

/** Whether too many of one family are let in. */
static int is_open(apr_pool_t *p, server_rec *s, const smtpd_conf_t *conf,
                   const char *(*write)(apr_pool_t *p, unsigned int i))
{
    unsigned int i;
    int granted = 0;

    for (i = 0; i < STRANGERS; i++) {
        granted += is_granted(p, s, conf, write(p, i));
    }
    return granted > STRANGERS_MAX;
}

const char *smtpd_relay_check(apr_pool_t *ptemp, server_rec *s,
                              const smtpd_conf_t *conf)
{
    const ap_directive_t *at = conf->submission.relay_directive;

    if (conf->submission.relay_section == NULL
        || (!is_open(ptemp, s, conf, ipv4_write)
            && !is_open(ptemp, s, conf, ipv6_write))) {
        return NULL;
    }
    return apr_psprintf(ptemp, "<SMTPRelay> (%s:%d): strangers may relay: an "
                        "open relay; let in who logs in (Require "
                        "valid-user), or networks of your own (Require ip), "
                        "and nobody for TLS, or for what he says of himself "
                        "in EHLO or MAIL, unless <RequireAll> asks for more",
                        at->filename, at->line_num);
}

static int needs_login(apr_pool_t *p, const ap_directive_t *at)
{
    static const char *const providers[] =
        { "valid-user", "user", "group", "file-owner", "file-group",
          "ldap-user", "ldap-group", "ldap-dn", "ldap-attribute",
          "ldap-filter", "dbm-group", "dbd-group" };
    const char *args, *provider;
    size_t i;

    for (; at != NULL; at = at->next) {
        args = at->args;
        provider = strcasecmp(at->directive, "Require") == 0
                   ? ap_getword_conf(p, &args) : "";
        for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
            if (strcasecmp(provider, providers[i]) == 0) {
                return 1;
            }
        }
        if (needs_login(p, at->first_child)) {
            return 1;
        }
    }
    return 0;
}

int smtpd_relay_needs_login(apr_pool_t *p, const smtpd_conf_t *conf)
{
    const ap_directive_t *at = conf->submission.relay_directive;

    return at != NULL && needs_login(p, at->first_child);
}
