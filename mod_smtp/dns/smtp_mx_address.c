/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The addresses of one host, in the order in which they are tried.
 */
#include "smtp_mx.h"

#include "smtp_random.h"

static int has_address(const apr_array_header_t *addresses,
                       const smtp_dns_address_t *address)
{
    int i;

    for (i = 0; i < addresses->nelts; i++) {
        if (smtp_dns_address_is_equal(
                &APR_ARRAY_IDX(addresses, i, smtp_dns_address_t), address)) {
            return 1;
        }
    }
    return 0;
}

/** Those of one family, each once, in an order of chance. */
static apr_array_header_t *family_shuffle(apr_pool_t *p,
                                          const apr_array_header_t *records,
                                          smtp_dns_record_e type,
                                          smtp_random_t *random)
{
    apr_array_header_t *addresses =
        apr_array_make(p, 2, sizeof(smtp_dns_address_t));
    int i;

    for (i = 0; i < records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(records, i, smtp_dns_record_t);

        if (record->type == type
            && !has_address(addresses, &record->u.address)) {
            APR_ARRAY_PUSH(addresses, smtp_dns_address_t) =
                record->u.address;
        }
    }
    smtp_random_shuffle(random, addresses->elts, addresses->nelts,
                        addresses->elt_size);
    return addresses;
}

/** One of each by turns, then the rest of the longer list. */
static void interleave(apr_array_header_t *result,
                       const apr_array_header_t *const families[2], int max)
{
    int i;

    for (i = 0; result->nelts < max
                && (i / 2 < families[0]->nelts || i / 2 < families[1]->nelts);
         i++) {
        const apr_array_header_t *family = families[i % 2];

        if (i / 2 < family->nelts) {
            APR_ARRAY_PUSH(result, smtp_dns_address_t) =
                APR_ARRAY_IDX(family, i / 2, smtp_dns_address_t);
        }
    }
}

static int is_ipv6_first(smtp_mx_family_e family, smtp_random_t *random)
{
    if (family == SMTP_MX_FAMILY_ANY) {
        return (int)(smtp_random_next(random) & 1);
    }
    return family == SMTP_MX_FAMILY_IPV6_FIRST
        || family == SMTP_MX_FAMILY_IPV6_ONLY;
}

apr_array_header_t *smtp_mx_address_order(apr_pool_t *p,
                                          const apr_array_header_t *records,
                                          smtp_mx_family_e family, int max,
                                          apr_uint64_t seed)
{
    apr_array_header_t *result =
        apr_array_make(p, 4, sizeof(smtp_dns_address_t));
    const apr_array_header_t *families[2];
    smtp_random_t random = seed;
    int first = is_ipv6_first(family, &random) ? 0 : 1;

    families[first] = family_shuffle(p, records, SMTP_DNS_RECORD_AAAA,
                                     &random);
    families[1 - first] = family_shuffle(p, records, SMTP_DNS_RECORD_A,
                                         &random);
    if (family == SMTP_MX_FAMILY_IPV6_ONLY
        || family == SMTP_MX_FAMILY_IPV4_ONLY) {
        families[1] = apr_array_make(p, 0, sizeof(smtp_dns_address_t));
    }
    interleave(result, families, max);
    return result;
}
