/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_mx.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "smtp_dns_name.h"
#include "smtp_domain.h"
#include "smtp_random.h"

/* As smtp_domain_normalise() writes them. */
#define LITERAL_TAG      "["
#define LITERAL_IPV6_TAG "[ipv6:"

/** A host among others of its preference. */
typedef struct candidate_t {
    smtp_mx_host_t host;
    apr_uint64_t chance;
} candidate_t;

static smtp_mx_host_t *host_get(const smtp_mx_t *mx, int i)
{
    return &APR_ARRAY_IDX(mx->hosts, i, smtp_mx_host_t);
}

static int is_own_name(const smtp_mx_self_t *self, const char *name)
{
    int i;

    for (i = 0; self->names != NULL && i < self->names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(self->names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_own_address(const smtp_mx_self_t *self,
                          const smtp_dns_address_t *address)
{
    const apr_array_header_t *own = self->addresses;
    int i;

    if (!self->is_loopback_foreign && smtp_dns_address_is_loopback(address)) {
        return 1;
    }
    for (i = 0; own != NULL && i < own->nelts; i++) {
        if (smtp_dns_address_is_equal(
                &APR_ARRAY_IDX(own, i, smtp_dns_address_t), address)) {
            return 1;
        }
    }
    return 0;
}

/* RFC 5321 4.1.3, 5.1: mail goes to that address, DNS is not asked. */
static void literal_answer(smtp_mx_t *mx, const smtp_mx_self_t *self)
{
    smtp_domain_e kind = smtp_domain_parse(mx->domain, strlen(mx->domain),
                                           SMTP_DOMAIN_ALLOW_LITERAL);
    apr_size_t tag_len = kind == SMTP_DOMAIN_IPV6
        ? sizeof(LITERAL_IPV6_TAG) - 1 : sizeof(LITERAL_TAG) - 1;
    smtp_dns_address_t *address = apr_palloc(mx->p, sizeof(*address));
    char *text = apr_pstrdup(mx->p, mx->domain + tag_len);
    smtp_mx_host_t host = { mx->domain, address, 0, 0 };

    text[strlen(text) - 1] = '\0';
    /* Of the literals to come (RFC 5321 4.1.3) we know no address. */
    if (kind == SMTP_DOMAIN_GENERAL
        || smtp_dns_address_parse(text, address) != APR_SUCCESS) {
        return;
    }
    if (is_own_address(self, address)) {
        mx->status = SMTP_MX_SELF;
        return;
    }
    APR_ARRAY_PUSH(mx->hosts, smtp_mx_host_t) = host;
    mx->status = SMTP_MX_OK;
}

smtp_mx_t *smtp_mx_create(apr_pool_t *p, const char *domain,
                          const smtp_mx_self_t *self)
{
    smtp_mx_t *mx = apr_pcalloc(p, sizeof(*mx));

    mx->p = p;
    mx->hosts = apr_array_make(p, 1, sizeof(smtp_mx_host_t));
    mx->domain = smtp_domain_normalise(p, domain);
    mx->status = SMTP_MX_INVALID;
    if (mx->domain != NULL && *mx->domain == '[') {
        literal_answer(mx, self);
    }
    /* 192.0.2.1 without brackets is no domain, though its syntax is. */
    else if (mx->domain != NULL && smtp_dns_name_is_host(mx->domain)) {
        mx->status = SMTP_MX_ASK;
    }
    return mx;
}

int smtp_mx_is_self(const smtp_mx_self_t *self,
                    const apr_array_header_t *records)
{
    int i;

    for (i = 0; i < records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(records, i, smtp_dns_record_t);

        if ((record->type == SMTP_DNS_RECORD_A
             || record->type == SMTP_DNS_RECORD_AAAA)
            && is_own_address(self, &record->u.address)) {
            return 1;
        }
    }
    return 0;
}

static int candidate_compare(const void *left, const void *right)
{
    const candidate_t *a = left;
    const candidate_t *b = right;

    if (a->host.preference != b->host.preference) {
        return a->host.preference < b->host.preference ? -1 : 1;
    }
    return a->chance < b->chance ? -1 : a->chance > b->chance;
}

static int has_host(const smtp_mx_t *mx, const char *name)
{
    int i;

    for (i = 0; i < mx->hosts->nelts; i++) {
        if (strcmp(host_get(mx, i)->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

/** Hosts of the records, best first. The root among others is no host: RFC
 *  7505 3 forbids it there. @return how many */
static int candidates_sort(const apr_array_header_t *records,
                           apr_uint64_t seed, candidate_t *candidates)
{
    smtp_random_t random = seed;
    int count = 0;
    int i;

    for (i = 0; i < records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(records, i, smtp_dns_record_t);
        candidate_t candidate = {
            { record->u.mx.host, NULL, record->u.mx.preference, 0 }, 0
        };

        if (record->type == SMTP_DNS_RECORD_MX
            && *record->u.mx.host != '\0') {
            candidate.chance = smtp_random_next(&random);
            candidates[count++] = candidate;
        }
    }
    qsort(candidates, count, sizeof(*candidates), candidate_compare);
    return count;
}

/** The first preference at which mail would come back to us. */
static int self_preference(const candidate_t *candidates, int count,
                           const smtp_mx_self_t *self)
{
    int i;

    for (i = 0; i < count; i++) {
        if (is_own_name(self, candidates[i].host.name)) {
            return candidates[i].host.preference;
        }
    }
    return 65536;
}

static void hosts_answer(smtp_mx_t *mx, const apr_array_header_t *records,
                         const smtp_mx_self_t *self, apr_uint64_t seed)
{
    candidate_t *candidates = apr_palloc(mx->p, (records->nelts + 1)
                                                * sizeof(*candidates));
    int count = candidates_sort(records, seed, candidates);
    int end = self_preference(candidates, count, self);
    int i;

    for (i = 0; i < count && candidates[i].host.preference < end; i++) {
        if (has_host(mx, candidates[i].host.name)) {
            continue;
        }
        if (mx->hosts->nelts == SMTP_MX_HOSTS_MAX) {
            mx->is_cut = 1;
            break;
        }
        APR_ARRAY_PUSH(mx->hosts, smtp_mx_host_t) = candidates[i].host;
    }
    mx->status = mx->hosts->nelts > 0 ? SMTP_MX_OK
        : count > 0 ? SMTP_MX_SELF : SMTP_MX_UNUSABLE;
}

/* RFC 5321 5.1: no MX record is one with preference 0 and the domain. */
static void implicit_answer(smtp_mx_t *mx, const smtp_dns_answer_t *answer,
                            const smtp_mx_self_t *self)
{
    const char *name = answer->canonical != NULL ? answer->canonical
                                                 : mx->domain;
    smtp_mx_host_t host = { name, NULL, 0, 1 };

    if (is_own_name(self, mx->domain) || is_own_name(self, name)) {
        mx->status = SMTP_MX_SELF;
        return;
    }
    APR_ARRAY_PUSH(mx->hosts, smtp_mx_host_t) = host;
    mx->status = SMTP_MX_OK;
}

/* RFC 7505 3: one record, preference 0, no host. */
static int is_null_mx(const smtp_dns_answer_t *answer)
{
    const smtp_dns_record_t *record;

    if (answer->records->nelts != 1 || answer->refused > 0) {
        return 0;
    }
    record = &APR_ARRAY_IDX(answer->records, 0, smtp_dns_record_t);
    return record->type == SMTP_DNS_RECORD_MX
        && record->u.mx.preference == 0 && *record->u.mx.host == '\0';
}

void smtp_mx_answer(smtp_mx_t *mx, const smtp_dns_answer_t *answer,
                    const smtp_mx_self_t *self, apr_uint64_t seed)
{
    mx->is_secure = answer->is_secure;
    switch (answer->status) {
    case SMTP_DNS_OK:
        if (is_null_mx(answer)) {
            mx->status = SMTP_MX_NULL;
            return;
        }
        hosts_answer(mx, answer->records, self, seed);
        mx->is_cut |= answer->is_cut;
        return;
    case SMTP_DNS_NONE:
        implicit_answer(mx, answer, self);
        return;
    case SMTP_DNS_UNREADABLE:
        mx->status = SMTP_MX_UNUSABLE;
        return;
    case SMTP_DNS_NXDOMAIN:
        mx->status = SMTP_MX_NXDOMAIN;
        return;
    case SMTP_DNS_BOGUS:
    case SMTP_DNS_TEMPORARY:
        break;
    }
    mx->status = SMTP_MX_TEMPORARY;
}

void smtp_mx_discard(smtp_mx_t *mx, int i)
{
    int preference = host_get(mx, i)->preference;

    while (i > 0 && host_get(mx, i - 1)->preference == preference) {
        i--;
    }
    mx->hosts->nelts = i;
    if (i == 0) {
        mx->status = SMTP_MX_SELF;
    }
}
