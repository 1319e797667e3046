/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "dns_unit.h"

#include <arpa/inet.h>

#include "smtp_mx.h"

#define ANY       SMTP_MX_FAMILY_ANY
#define V6_FIRST  SMTP_MX_FAMILY_IPV6_FIRST
#define V4_FIRST  SMTP_MX_FAMILY_IPV4_FIRST
#define V6_ONLY   SMTP_MX_FAMILY_IPV6_ONLY
#define V4_ONLY   SMTP_MX_FAMILY_IPV4_ONLY

/** The families of the addresses in their order, "646". */
static const char *families_write(apr_pool_t *p,
                                  const apr_array_header_t *addresses)
{
    const char *text = "";
    int i;

    for (i = 0; i < addresses->nelts; i++) {
        text = apr_pstrcat(p, text,
                           APR_ARRAY_IDX(addresses, i, smtp_dns_address_t)
                           .family == AF_INET6 ? "6" : "4", NULL);
    }
    return text;
}

static apr_array_header_t *order(apr_pool_t *p, const char *list,
                                 smtp_mx_family_e family, int max,
                                 apr_uint64_t seed)
{
    return smtp_mx_address_order(p, dns_unit_records(p, list,
                                     dns_unit_add_address)->records,
                                 family, max, seed);
}

/* RFC 8305 4 */
static void a_family_that_does_not_work_costs_one_attempt(void **state)
{
    static const struct {
        const char *addresses;
        smtp_mx_family_e family;
        int max;
        const char *want;
    } rows[] = {
        { "::1, ::2, ::3, 1.0.0.1, 1.0.0.2", V6_FIRST, 9, "64646" },
        { "::1, ::2, ::3, 1.0.0.1, 1.0.0.2", V4_FIRST, 9, "46466" },
        { "1.0.0.1, 1.0.0.2, 1.0.0.3, ::1", V6_FIRST, 9, "6444" },
        { "1.0.0.1, 1.0.0.2, 1.0.0.3, ::1", V6_FIRST, 2, "64" },
        { "1.0.0.1, 1.0.0.2, 1.0.0.3, ::1", V4_FIRST, 1, "4" },
        { "1.0.0.1", V6_FIRST, 9, "4" }, { "::1", V4_FIRST, 9, "6" },
        { "::1, 1.0.0.1, ::2", V6_ONLY, 9, "66" },
        { "::1, 1.0.0.1, ::2", V4_ONLY, 9, "4" },
        { "::1", V4_ONLY, 9, "" }, { "1.0.0.1", V6_ONLY, 9, "" },
        { "1.0.0.1, 1.0.0.1, ::1, ::1", V4_FIRST, 9, "46" },
        { "", V6_FIRST, 9, "" }
    };
    size_t i;
    apr_uint64_t seed;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        for (seed = 0; seed < 10; seed++) {
            assert_string_equal(
                families_write(*state, order(*state, rows[i].addresses,
                                             rows[i].family, rows[i].max,
                                             seed)), rows[i].want);
        }
    }
}

/* RFC 5321 5.1: several addresses of a host. */
static void the_addresses_of_a_host_share_the_load(void **state)
{
    apr_pool_t *p = *state;
    int six = 0;
    int last[3] = { 0 };
    apr_uint64_t seed;
    int i;

    for (seed = 0; seed < 3000; seed++) {
        apr_array_header_t *got = order(p, "::1, 1.0.0.0, 1.0.0.1, 1.0.0.2",
                                        ANY, 9, seed);
        const smtp_dns_address_t *first =
            &APR_ARRAY_IDX(got, 0, smtp_dns_address_t);

        assert_int_equal(got->nelts, 4);
        if (first->family == AF_INET6) {
            six++;
            first++;
        }
        last[ntohl(first->ip.ipv4.s_addr) & 3]++;
    }
    assert_true(six > 1380 && six < 1620);
    for (i = 0; i < 3; i++) {
        assert_true(last[i] > 880 && last[i] < 1120);
    }
}

static void what_is_no_address_is_passed_over(void **state)
{
    apr_pool_t *p = *state;
    smtp_dns_answer_t *answer = dns_unit_records(p, "10 a, 20 b",
                                                 dns_unit_add_mx);

    dns_unit_add_address(answer, "192.0.2.1");
    assert_string_equal(families_write(p,
        smtp_mx_address_order(p, answer->records, ANY, 9, 1)), "4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_family_that_does_not_work_costs_one_attempt),
        UNIT_TEST(the_addresses_of_a_host_share_the_load),
        UNIT_TEST(what_is_no_address_is_passed_over)
    };
    return UNIT_RUN(tests);
}
