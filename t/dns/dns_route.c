/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "dns_route.h"

#include <apr_strings.h>

#include "smtp_mx.h"
#include "smtp_tlsa.h"

#define SEED          1
#define ADDRESSES_MAX 5

static const char *const statuses[] = {
    "OK", "ASK", "INVALID", "NXDOMAIN", "NULL", "UNUSABLE", "SELF",
    "TEMPORARY"
};

static const char *addresses_write(apr_pool_t *p,
                                   const smtp_dns_answer_t *answer)
{
    apr_array_header_t *addresses =
        smtp_mx_address_order(p, answer->records,
                              SMTP_MX_FAMILY_IPV4_FIRST, ADDRESSES_MAX, SEED);
    const char *text = "";
    int i;

    for (i = 0; i < addresses->nelts; i++) {
        text = apr_pstrcat(p, text, " ", smtp_dns_address_write(p,
                           &APR_ARRAY_IDX(addresses, i, smtp_dns_address_t)),
                           NULL);
    }
    return i > 0 ? text : apr_pstrcat(p, " ",
                                      smtp_dns_status_text(answer->status),
                                      NULL);
}

/** RFC 7672 2.2: the first name whose TLSA records say something. */
static smtp_tlsa_e tlsa_find(smtp_dns_t *dns, apr_pool_t *p, const char *host,
                             int is_mx_secure,
                             const smtp_dns_answer_t *address)
{
    const smtp_dns_answer_t *alias = smtp_tlsa_needs_alias(address)
        ? smtp_dns_resolve(dns, p, SMTP_DNS_ALIAS, host) : NULL;
    apr_array_header_t *hosts = smtp_tlsa_hosts(p, host, is_mx_secure,
                                                address, alias);
    smtp_tlsa_e policy = SMTP_TLSA_NONE;
    int i;

    for (i = 0; policy == SMTP_TLSA_NONE && i < hosts->nelts; i++) {
        policy = smtp_tlsa_policy(smtp_dns_resolve(dns, p, SMTP_DNS_TLSA,
            smtp_tlsa_owner(p, APR_ARRAY_IDX(hosts, i, const char *), 25)));
    }
    return policy;
}

/** A host with its addresses; NULL if it is us. */
static const char *host_write(smtp_dns_t *dns, apr_pool_t *p,
                              const smtp_mx_t *mx, const smtp_mx_host_t *host,
                              const smtp_mx_self_t *self)
{
    static const char *const policies[] = {
        "", " dane", " encrypt", " defer"
    };
    const smtp_dns_answer_t *address;

    if (host->literal != NULL) {
        return apr_psprintf(p, "%d %s", host->preference, host->name);
    }
    address = smtp_dns_resolve(dns, p, SMTP_DNS_ADDRESS, host->name);
    if (smtp_mx_is_self(self, address->records)) {
        return NULL;
    }
    return apr_psprintf(p, "%d %s%s%s", host->preference, host->name,
                        addresses_write(p, address),
                        policies[tlsa_find(dns, p, host->name, mx->is_secure,
                                           address)]);
}

const char *dns_route(smtp_dns_t *dns, apr_pool_t *p, const char *domain)
{
    const smtp_mx_self_t self = { NULL, NULL, 0 };
    smtp_mx_t *mx = smtp_mx_create(p, domain, &self);
    const char *text = "";
    int i;

    if (mx->status == SMTP_MX_ASK) {
        smtp_mx_answer(mx, smtp_dns_resolve(dns, p, SMTP_DNS_MX, mx->domain),
                       &self, SEED);
    }
    for (i = 0; i < mx->hosts->nelts; i++) {
        const char *host = host_write(dns, p, mx, &APR_ARRAY_IDX(mx->hosts, i,
                                      smtp_mx_host_t), &self);

        if (host == NULL) {
            smtp_mx_discard(mx, i);
            break;
        }
        text = apr_pstrcat(p, text, i ? "; " : ": ", host, NULL);
    }
    return apr_pstrcat(p, statuses[mx->status], text, NULL);
}
