/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "dns_unit.h"

#include "smtp_mx.h"

static const smtp_mx_self_t nobody = { NULL, NULL, 0 };

static smtp_mx_self_t *self_create(apr_pool_t *p, const char *name,
                                   const char *address)
{
    smtp_mx_self_t *self = apr_pcalloc(p, sizeof(*self));
    apr_array_header_t *names = apr_array_make(p, 2, sizeof(const char *));
    apr_array_header_t *addresses =
        apr_array_make(p, 2, sizeof(smtp_dns_address_t));

    APR_ARRAY_PUSH(names, const char *) = "other.example.org";
    APR_ARRAY_PUSH(names, const char *) = name;
    smtp_dns_address_parse("192.0.2.77", apr_array_push(addresses));
    smtp_dns_address_parse(address, apr_array_push(addresses));
    self->names = names;
    self->addresses = addresses;
    return self;
}

static const char *hosts_write(apr_pool_t *p, const smtp_mx_t *mx)
{
    const char *text = "";
    int i;

    for (i = 0; i < mx->hosts->nelts; i++) {
        const smtp_mx_host_t *host = &APR_ARRAY_IDX(mx->hosts, i,
                                                    smtp_mx_host_t);

        text = apr_psprintf(p, "%s%s%d %s", text, i ? ", " : "",
                            host->preference, host->name);
    }
    return text;
}

static smtp_mx_t *answer_mx(apr_pool_t *p, const smtp_dns_answer_t *answer,
                            const smtp_mx_self_t *self, apr_uint64_t seed)
{
    smtp_mx_t *mx = smtp_mx_create(p, "example.com", self);

    assert_int_equal(mx->status, SMTP_MX_ASK);
    smtp_mx_answer(mx, answer, self, seed);
    return mx;
}

/* RFC 5321 4.1.3, 5.1; RFC 6531 3.2 */
static void a_domain_is_asked_for_in_the_form_of_dns(void **state)
{
    static const struct {
        const char *domain;
        smtp_mx_e status;
        const char *want;
    } rows[] = {
        { "example.com", SMTP_MX_ASK, "example.com" },
        { "EXAMPLE.com", SMTP_MX_ASK, "example.com" },
        { "b\xC3\xBC" "cher.example", SMTP_MX_ASK, "xn--bcher-kva.example" },
        { "B\xC3\x9C" "CHER.example", SMTP_MX_ASK, "xn--bcher-kva.example" },
        { "[192.0.2.1]", SMTP_MX_OK, "192.0.2.1" },
        { "[192.000.002.001]", SMTP_MX_OK, "192.0.2.1" },
        { "[IPv6:2001:DB8:0:0::1]", SMTP_MX_OK, "2001:db8::1" },
        { "[IPv6:::ffff:192.0.2.1]", SMTP_MX_OK, "192.0.2.1" },
        { "[IPv6:2001:db8::9]", SMTP_MX_SELF, NULL },
        { "[127.0.0.1]", SMTP_MX_SELF, NULL },
        { "[0.0.0.0]", SMTP_MX_SELF, NULL },
        { "[IPv6:::ffff:127.0.0.1]", SMTP_MX_SELF, NULL },
        { "[x:y]", SMTP_MX_INVALID, NULL },
        { "[2001:db8::1]", SMTP_MX_INVALID, NULL },
        { "[ipv60:::1]", SMTP_MX_INVALID, NULL },
        { "[192.0.2.256]", SMTP_MX_INVALID, NULL },
        { "192.0.2.1", SMTP_MX_INVALID, NULL },
        { "", SMTP_MX_INVALID, NULL }, { ".", SMTP_MX_INVALID, NULL },
        { "example.com.", SMTP_MX_INVALID, NULL },
        { "a_b.example", SMTP_MX_INVALID, NULL },
        { "a b", SMTP_MX_INVALID, NULL }, { "a\r\nb", SMTP_MX_INVALID, NULL },
        { "\xFF.example", SMTP_MX_INVALID, NULL }
    };
    const smtp_mx_self_t self = *self_create(*state, "me", "2001:db8::9");
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_mx_t *mx = smtp_mx_create(*state, rows[i].domain, &self);

        UNIT_CHECK(rows[i].domain, mx->status == rows[i].status);
        assert_int_equal(mx->hosts->nelts, mx->status == SMTP_MX_OK);
        if (mx->status == SMTP_MX_ASK) {
            assert_string_equal(mx->domain, rows[i].want);
        }
        if (mx->status == SMTP_MX_OK) {
            assert_string_equal(smtp_dns_address_write(*state,
                APR_ARRAY_IDX(mx->hosts, 0, smtp_mx_host_t).literal),
                rows[i].want);
            assert_int_equal(mx->is_secure, 0);
        }
    }
}

/* RFC 5321 5.1, RFC 7505 3 */
static void hosts_are_tried_from_the_best(void **state)
{
    static const struct {
        const char *records;
        smtp_mx_e status;
        const char *want;
    } rows[] = {
        { "10 a", SMTP_MX_OK, "10 a" },
        { "30 c, 10 a, 20 b", SMTP_MX_OK, "10 a, 20 b, 30 c" },
        { "65535 b, 0 a", SMTP_MX_OK, "0 a, 65535 b" },
        /* a host named twice */
        { "10 a, 20 a, 30 b", SMTP_MX_OK, "10 a, 30 b" },
        { "10 a, 10 a", SMTP_MX_OK, "10 a" },
        { "0 .", SMTP_MX_NULL, "" },
        /* not alone, or not 0: no null MX, and no host either */
        { "0 ., 10 a", SMTP_MX_OK, "10 a" },
        { "10 a, 20 .", SMTP_MX_OK, "10 a" },
        { "0 ., 0 .", SMTP_MX_UNUSABLE, "" },
        { "10 .", SMTP_MX_UNUSABLE, "" },
        /* us, me.example.org, and what is no better */
        { "10 a, 20 me.example.org, 30 b", SMTP_MX_OK, "10 a" },
        { "10 a, 20 me.example.org, 20 b", SMTP_MX_OK, "10 a" },
        { "10 a, 10 me.example.org", SMTP_MX_SELF, "" },
        { "10 me.example.org, 20 a", SMTP_MX_SELF, "" },
        { "10 me.example.org", SMTP_MX_SELF, "" },
        { "5 a, 10 other.example.org, 7 me.example.org, 6 b", SMTP_MX_OK,
          "5 a, 6 b" }
    };
    apr_pool_t *p = *state;
    const smtp_mx_self_t *self = self_create(p, "me.example.org",
                                             "192.0.2.9");
    size_t i;
    apr_uint64_t seed;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        for (seed = 0; seed < 20; seed++) {
            smtp_mx_t *mx = answer_mx(p, dns_unit_records(p, rows[i].records,
                                                          dns_unit_add_mx),
                                      self, seed);

            UNIT_CHECK(rows[i].records, mx->status == rows[i].status);
            assert_string_equal(hosts_write(p, mx), rows[i].want);
        }
    }
}

/* RFC 5321 5.1: "MUST randomize them to spread the load" */
static void equal_hosts_share_the_load(void **state)
{
    static const char *const orders[] = {
        "1 z, 5 a, 5 b, 5 c", "1 z, 5 a, 5 c, 5 b", "1 z, 5 b, 5 a, 5 c",
        "1 z, 5 b, 5 c, 5 a", "1 z, 5 c, 5 a, 5 b", "1 z, 5 c, 5 b, 5 a"
    };
    apr_pool_t *p = *state;
    const smtp_dns_answer_t *answer =
        dns_unit_records(p, "5 a, 5 b, 1 z, 5 c", dns_unit_add_mx);
    int count[UNIT_ROWS(orders)] = { 0 };
    apr_uint64_t seed;
    size_t i;

    for (seed = 0; seed < 3000; seed++) {
        const char *hosts = hosts_write(p, answer_mx(p, answer, &nobody,
                                                     seed));

        for (i = 0; i < UNIT_ROWS(orders); i++) {
            count[i] += strcmp(hosts, orders[i]) == 0;
        }
    }
    for (i = 0; i < UNIT_ROWS(orders); i++) {
        UNIT_CHECK(orders[i], count[i] > 410 && count[i] < 590);
    }
}

/* RFC 5321 5.1: with no MX at all the domain is its own host; with MX that
 * cannot be used it is not, and SERVFAIL says nothing. */
static void what_dns_did_not_say_is_not_made_up(void **state)
{
    static const struct {
        smtp_dns_status_e dns;
        smtp_mx_e status;
        const char *want;
    } rows[] = {
        { SMTP_DNS_NONE, SMTP_MX_OK, "0 example.com" },
        { SMTP_DNS_UNREADABLE, SMTP_MX_UNUSABLE, "" },
        { SMTP_DNS_NXDOMAIN, SMTP_MX_NXDOMAIN, "" },
        { SMTP_DNS_BOGUS, SMTP_MX_TEMPORARY, "" },
        { SMTP_DNS_TEMPORARY, SMTP_MX_TEMPORARY, "" }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_mx_t *mx = answer_mx(p, dns_unit_answer(p, rows[i].dns),
                                  &nobody, 1);

        assert_int_equal(mx->status, rows[i].status);
        assert_string_equal(hosts_write(p, mx), rows[i].want);
    }
}

/* A record that was refused stands beside it: it is not the only one. */
static void a_null_mx_beside_another_is_none(void **state)
{
    apr_pool_t *p = *state;
    smtp_dns_answer_t *answer = dns_unit_records(p, "0 .", dns_unit_add_mx);

    answer->refused = 1;
    assert_int_equal(answer_mx(p, answer, &nobody, 1)->status,
                     SMTP_MX_UNUSABLE);
}

static void a_domain_without_mx_is_its_own_host(void **state)
{
    apr_pool_t *p = *state;
    smtp_dns_answer_t *none = dns_unit_answer(p, SMTP_DNS_NONE);
    smtp_mx_t *mx = answer_mx(p, none, &nobody, 1);

    assert_int_equal(APR_ARRAY_IDX(mx->hosts, 0, smtp_mx_host_t).is_implicit,
                     1);
    assert_int_equal(answer_mx(p, none, self_create(p, "example.com", "::1"),
                               1)->status, SMTP_MX_SELF);
    /* An alias: "the resulting name is processed as if it were the initial
     * name". */
    none->is_alias = 1;
    none->canonical = "real.example.net";
    mx = answer_mx(p, none, &nobody, 1);
    assert_string_equal(hosts_write(p, mx), "0 real.example.net");
    assert_int_equal(answer_mx(p, none,
                               self_create(p, "real.example.net", "::1"),
                               1)->status, SMTP_MX_SELF);
    assert_int_equal(answer_mx(p, none, self_create(p, "example.com", "::1"),
                               1)->status, SMTP_MX_SELF);
}

static void a_secure_answer_stays_secure(void **state)
{
    apr_pool_t *p = *state;
    smtp_dns_answer_t *answer = dns_unit_records(p, "1 a", dns_unit_add_mx);

    assert_int_equal(answer_mx(p, answer, &nobody, 1)->is_secure, 0);
    answer->is_secure = 1;
    assert_int_equal(answer_mx(p, answer, &nobody, 1)->is_secure, 1);
}

static void a_domain_of_very_many_hosts_is_not_tried_for_ever(void **state)
{
    apr_pool_t *p = *state;
    smtp_dns_answer_t *answer = dns_unit_answer(p, SMTP_DNS_OK);
    smtp_mx_t *mx;
    int i;

    for (i = 0; i < SMTP_DNS_ANSWER_RECORDS_MAX; i++) {
        dns_unit_add_mx(answer, apr_psprintf(p, "%d h%d", 1000 - i, i));
    }
    mx = answer_mx(p, answer, &nobody, 1);
    assert_int_equal(mx->hosts->nelts, SMTP_MX_HOSTS_MAX);
    assert_int_equal(mx->is_cut, 1);
    for (i = 0; i < SMTP_MX_HOSTS_MAX; i++) {
        assert_int_equal(APR_ARRAY_IDX(mx->hosts, i,
                                       smtp_mx_host_t).preference, 489 + i);
    }
    /* As many as are allowed are all, if DNS has not left out more. */
    answer->records->nelts = SMTP_MX_HOSTS_MAX;
    assert_int_equal(answer_mx(p, answer, &nobody, 1)->is_cut, 0);
    answer->is_cut = 1;
    assert_int_equal(answer_mx(p, answer, &nobody, 1)->is_cut, 1);
}

/* RFC 5321 5.1: mail that comes back for ever. */
static void a_host_at_our_address_is_us(void **state)
{
    static const struct {
        const char *addresses;
        int want;
    } rows[] = {
        { "192.0.2.1", 0 }, { "192.0.2.9", 1 }, { "192.0.2.1, 192.0.2.9", 1 },
        { "192.0.2.77", 1 }, { "2001:db8::9", 0 }
    };
    apr_pool_t *p = *state;
    const smtp_mx_self_t *self = self_create(p, "me", "192.0.2.9");
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const smtp_dns_answer_t *answer =
            dns_unit_records(p, rows[i].addresses, dns_unit_add_address);

        UNIT_CHECK(rows[i].addresses,
                   smtp_mx_is_self(self, answer->records) == rows[i].want);
        assert_int_equal(smtp_mx_is_self(&nobody, answer->records), 0);
    }
    assert_int_equal(smtp_mx_is_self(self, dns_unit_records(p,
                         "10 me", dns_unit_add_mx)->records), 0);
}

/* A zone that names what listens on loopback only, and trusts it. */
static void a_stranger_does_not_lead_us_to_our_own_loopback(void **state)
{
    static const char *const addresses[] = {
        "127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::1", "::",
        "192.0.2.1, 127.0.0.1"
    };
    apr_pool_t *p = *state;
    smtp_mx_self_t self = { NULL, NULL, 0 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(addresses); i++) {
        const smtp_dns_answer_t *answer =
            dns_unit_records(p, addresses[i], dns_unit_add_address);

        self.is_loopback_foreign = 0;
        UNIT_CHECK(addresses[i], smtp_mx_is_self(&self, answer->records));
        self.is_loopback_foreign = 1;
        UNIT_CHECK(addresses[i], !smtp_mx_is_self(&self, answer->records));
    }
}

static void what_is_no_better_than_us_is_not_tried(void **state)
{
    static const struct {
        int i;
        const char *want;
    } rows[] = {
        { 4, "1 a, 2 b, 2 c, 2 d" }, { 3, "1 a" }, { 2, "1 a" },
        { 1, "1 a" }, { 0, "" }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_mx_t *mx = answer_mx(p, dns_unit_records(p,
            "1 a, 2 b, 2 c, 2 d, 3 e", dns_unit_add_mx), &nobody, 0);
        const char *before = hosts_write(p, mx);

        smtp_mx_discard(mx, rows[i].i);
        assert_int_equal(strncmp(before, hosts_write(p, mx),
                                 strlen(rows[i].want)), 0);
        assert_int_equal(strlen(hosts_write(p, mx)), strlen(rows[i].want));
        assert_int_equal(mx->status, rows[i].i == 0 ? SMTP_MX_SELF
                                                    : SMTP_MX_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_domain_is_asked_for_in_the_form_of_dns),
        UNIT_TEST(hosts_are_tried_from_the_best),
        UNIT_TEST(equal_hosts_share_the_load),
        UNIT_TEST(what_dns_did_not_say_is_not_made_up),
        UNIT_TEST(a_null_mx_beside_another_is_none),
        UNIT_TEST(a_domain_without_mx_is_its_own_host),
        UNIT_TEST(a_secure_answer_stays_secure),
        UNIT_TEST(a_domain_of_very_many_hosts_is_not_tried_for_ever),
        UNIT_TEST(a_host_at_our_address_is_us),
        UNIT_TEST(a_stranger_does_not_lead_us_to_our_own_loopback),
        UNIT_TEST(what_is_no_better_than_us_is_not_tried)
    };
    return UNIT_RUN(tests);
}
