/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "dns_unit.h"

#include "smtp_tlsa.h"

#define D32 "0123456789abcdef0123456789abcdef"

typedef struct row_t {
    int usage, selector, matching;
    const char *data;
    int want;
} row_t;

/* RFC 6698 2.1, RFC 7672 3.1 */
static const row_t rows[] = {
    { 3, 1, 1, D32, 1 }, { 2, 0, 1, D32, 1 }, { 3, 0, 2, D32 D32, 1 },
    { 2, 1, 2, D32 D32, 1 }, { 3, 0, 0, "x", 1 }, { 2, 1, 0, "x", 1 },
    { 0, 0, 1, D32, 0 }, { 1, 1, 1, D32, 0 }, { 4, 1, 1, D32, 0 },
    { 255, 1, 1, D32, 0 }, { 3, 2, 1, D32, 0 }, { 3, 255, 1, D32, 0 },
    { 3, 1, 3, D32, 0 }, { 3, 1, 255, D32, 0 }, { 3, 1, 1, "x", 0 },
    { 3, 1, 1, D32 "x", 0 }, { 3, 1, 1, D32 D32, 0 }, { 3, 1, 2, D32, 0 },
    { 3, 1, 2, D32 D32 "x", 0 }
};

static smtp_dns_record_t record_of(const row_t *row)
{
    smtp_dns_record_t record;

    memset(&record, 0, sizeof(record));
    record.type = SMTP_DNS_RECORD_TLSA;
    record.u.tlsa.usage = (unsigned char)row->usage;
    record.u.tlsa.selector = (unsigned char)row->selector;
    record.u.tlsa.matching = (unsigned char)row->matching;
    record.u.tlsa.data = (const unsigned char *)row->data;
    record.u.tlsa.data_len = strlen(row->data);
    return record;
}

static smtp_dns_answer_t *tlsa_answer(apr_pool_t *p, const row_t *first,
                                      const row_t *second)
{
    smtp_dns_answer_t *answer = dns_unit_answer(p, SMTP_DNS_OK);

    answer->is_secure = 1;
    APR_ARRAY_PUSH(answer->records, smtp_dns_record_t) = record_of(first);
    if (second != NULL) {
        APR_ARRAY_PUSH(answer->records, smtp_dns_record_t) =
            record_of(second);
    }
    return answer;
}

static void a_record_authenticates_or_does_not(void **state)
{
    char text[60];
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_dns_record_t record = record_of(&rows[i]);

        apr_snprintf(text, sizeof(text), "%d %d %d, %d octets",
                     rows[i].usage, rows[i].selector, rows[i].matching,
                     (int)record.u.tlsa.data_len);
        UNIT_CHECK(text, smtp_tlsa_is_usable(&record.u.tlsa)
                         == rows[i].want);
    }
}

/* RFC 7672 2.2 */
static void records_of_no_use_still_demand_tls(void **state)
{
    apr_pool_t *p = *state;
    const row_t *good = &rows[0], *bad = &rows[6];

    assert_int_equal(smtp_tlsa_policy(tlsa_answer(p, good, NULL)),
                     SMTP_TLSA_DANE);
    assert_int_equal(smtp_tlsa_policy(tlsa_answer(p, bad, good)),
                     SMTP_TLSA_DANE);
    assert_int_equal(smtp_tlsa_policy(tlsa_answer(p, bad, bad)),
                     SMTP_TLSA_ENCRYPT);
}

/* RFC 7672 2.1.1: no answer must not look like "no DANE here". */
static void an_attacker_who_keeps_the_answer_from_us_gains_nothing(
    void **state)
{
    static const struct {
        smtp_dns_status_e status;
        smtp_tlsa_e secure, insecure;
    } states[] = {
        { SMTP_DNS_BOGUS, SMTP_TLSA_DEFER, SMTP_TLSA_DEFER },
        { SMTP_DNS_TEMPORARY, SMTP_TLSA_DEFER, SMTP_TLSA_DEFER },
        { SMTP_DNS_NONE, SMTP_TLSA_NONE, SMTP_TLSA_NONE },
        { SMTP_DNS_NXDOMAIN, SMTP_TLSA_NONE, SMTP_TLSA_NONE },
        { SMTP_DNS_UNREADABLE, SMTP_TLSA_ENCRYPT, SMTP_TLSA_NONE },
        { SMTP_DNS_OK, SMTP_TLSA_DANE, SMTP_TLSA_NONE }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(states); i++) {
        smtp_dns_answer_t *answer = tlsa_answer(*state, &rows[0], NULL);

        answer->status = states[i].status;
        if (answer->status != SMTP_DNS_OK) {
            answer->records->nelts = 0;
        }
        assert_int_equal(smtp_tlsa_policy(answer), states[i].secure);
        answer->is_secure = 0;
        assert_int_equal(smtp_tlsa_policy(answer), states[i].insecure);
    }
}

/* RFC 7672 2.2.1 to 2.2.3 */
static void dane_is_sought_where_the_chain_is_validated(void **state)
{
    static const struct {
        const char *name;
        int is_mx_secure, is_secure;
        const char *canonical;
        int is_alias_secure;         /* -1: not asked for */
        const char *want[2];
    } cases[] = {
        { "all secure", 1, 1, NULL, -1, { "mx.example.com", NULL } },
        { "MX insecure", 0, 1, NULL, -1, { NULL, NULL } },
        { "address insecure", 1, 0, NULL, -1, { NULL, NULL } },
        { "secure alias", 1, 1, "real.example.net", -1,
          { "real.example.net", "mx.example.com" } },
        { "MX insecure, secure alias", 0, 1, "real.example.net", -1,
          { NULL, NULL } },
        { "its end insecure", 1, 0, "real.example.net", 1,
          { "mx.example.com", NULL } },
        { "alias insecure", 1, 0, "real.example.net", 0, { NULL, NULL } },
        { "alias not asked for", 1, 0, "real.example.net", -1,
          { NULL, NULL } }
    };
    apr_pool_t *p = *state;
    size_t i;
    int j;

    for (i = 0; i < UNIT_ROWS(cases); i++) {
        smtp_dns_answer_t *address = dns_unit_records(p, "192.0.2.1",
                                                      dns_unit_add_address);
        smtp_dns_answer_t *alias = dns_unit_answer(p, SMTP_DNS_OK);
        apr_array_header_t *hosts;

        address->is_secure = cases[i].is_secure;
        address->canonical = cases[i].canonical;
        address->is_alias = cases[i].canonical != NULL;
        alias->is_secure = cases[i].is_alias_secure == 1;
        hosts = smtp_tlsa_hosts(p, "mx.example.com", cases[i].is_mx_secure,
                                address, cases[i].is_alias_secure < 0
                                         ? NULL : alias);
        for (j = 0; j < 2; j++) {
            const char *got = j < hosts->nelts
                ? APR_ARRAY_IDX(hosts, j, const char *) : "";

            UNIT_CHECK(cases[i].name,
                       strcmp(got, cases[i].want[j] ? cases[i].want[j] : "")
                       == 0);
        }
        UNIT_CHECK(cases[i].name, smtp_tlsa_needs_alias(address)
                                  == (cases[i].canonical != NULL
                                      && !cases[i].is_secure));
        /* That there is no alias does not vouch for one. */
        alias->status = SMTP_DNS_NONE;
        UNIT_CHECK(cases[i].name,
                   address->is_secure
                   || smtp_tlsa_hosts(p, "mx.example.com", 1, address,
                                      alias)->nelts == 0);
        address->status = SMTP_DNS_TEMPORARY;
        assert_int_equal(smtp_tlsa_hosts(p, "mx.example.com", 1, address,
                                         alias)->nelts, 0);
    }
}

/* RFC 6698 3 */
static void records_are_sought_where_they_stand(void **state)
{
    char host[254];

    assert_string_equal(smtp_tlsa_owner(*state, "mx.example.com", 25),
                        "_25._tcp.mx.example.com");
    memset(host, 'a', sizeof(host));
    host[244] = '\0';
    assert_non_null(smtp_tlsa_owner(*state, host, 25));
    host[244] = 'a';
    host[245] = '\0';
    assert_null(smtp_tlsa_owner(*state, host, 25));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_record_authenticates_or_does_not),
        UNIT_TEST(records_of_no_use_still_demand_tls),
        UNIT_TEST(an_attacker_who_keeps_the_answer_from_us_gains_nothing),
        UNIT_TEST(dane_is_sought_where_the_chain_is_validated),
        UNIT_TEST(records_are_sought_where_they_stand)
    };
    return UNIT_RUN(tests);
}
