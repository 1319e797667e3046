/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_tlsa.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_dns_name.h"

/* RFC 6698 7.2, in the words of RFC 7218 */
#define USAGE_DANE_TA    2
#define USAGE_DANE_EE    3
#define SELECTOR_SPKI    1
#define MATCHING_FULL    0
#define MATCHING_SHA2_256 1
#define MATCHING_SHA2_512 2

int smtp_tlsa_needs_alias(const smtp_dns_answer_t *address)
{
    return address->status == SMTP_DNS_OK && address->is_alias
        && !address->is_secure;
}

apr_array_header_t *smtp_tlsa_hosts(apr_pool_t *p, const char *host,
                                    int is_mx_secure,
                                    const smtp_dns_answer_t *address,
                                    const smtp_dns_answer_t *alias)
{
    apr_array_header_t *hosts = apr_array_make(p, 2, sizeof(const char *));

    if (!is_mx_secure || address->status != SMTP_DNS_OK) {
        return hosts;
    }
    /* Where the aliases end the administrator of the server is at home. */
    if (address->is_secure && address->canonical != NULL
        && strcmp(address->canonical, host) != 0) {
        APR_ARRAY_PUSH(hosts, const char *) = address->canonical;
    }
    if (address->is_secure
        || (smtp_tlsa_needs_alias(address) && alias != NULL
            && alias->status == SMTP_DNS_OK && alias->is_secure)) {
        APR_ARRAY_PUSH(hosts, const char *) = host;
    }
    return hosts;
}

const char *smtp_tlsa_owner(apr_pool_t *p, const char *host, int port)
{
    const char *owner = apr_psprintf(p, "_%d._tcp.%s", port, host);

    return strlen(owner) <= SMTP_DNS_NAME_TEXT_OCTETS ? owner : NULL;
}

int smtp_tlsa_is_usable(const smtp_dns_tlsa_t *tlsa)
{
    if ((tlsa->usage != USAGE_DANE_TA && tlsa->usage != USAGE_DANE_EE)
        || tlsa->selector > SELECTOR_SPKI) {
        return 0;
    }
    switch (tlsa->matching) {
    case MATCHING_FULL:
        return tlsa->data_len > 0;
    case MATCHING_SHA2_256:
        return tlsa->data_len == 32;
    case MATCHING_SHA2_512:
        return tlsa->data_len == 64;
    default:
        return 0;
    }
}

static int has_usable(const apr_array_header_t *records)
{
    int i;

    for (i = 0; i < records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(records, i, smtp_dns_record_t);

        if (record->type == SMTP_DNS_RECORD_TLSA
            && smtp_tlsa_is_usable(&record->u.tlsa)) {
            return 1;
        }
    }
    return 0;
}

smtp_tlsa_e smtp_tlsa_policy(const smtp_dns_answer_t *answer)
{
    switch (answer->status) {
    case SMTP_DNS_BOGUS:
    case SMTP_DNS_TEMPORARY:
        return SMTP_TLSA_DEFER;
    case SMTP_DNS_NONE:
    case SMTP_DNS_NXDOMAIN:
        return SMTP_TLSA_NONE;
    case SMTP_DNS_OK:
    case SMTP_DNS_UNREADABLE:
        break;
    }
    /* Records that anybody on the way could have made say nothing. */
    if (!answer->is_secure) {
        return SMTP_TLSA_NONE;
    }
    return has_usable(answer->records) ? SMTP_TLSA_DANE : SMTP_TLSA_ENCRYPT;
}
