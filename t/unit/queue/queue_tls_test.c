/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>

#include <apr_strings.h>

#include "queue_tls.h"

/** What is known, in letters, and what follows. */
typedef struct row_t {
    const char *name;
    smtp_tls_level_e level;      /**< SMTPTLS of the configuration */
    smtp_tlsa_e tlsa;
    queue_sts_mode_e sts;
    /** m: the policy of MTA-STS names the host; s: the host's name is secure;
     *  r: REQUIRETLS; i: implicit TLS; n: names are configured; l: literal;
     *  u: unix socket */
    const char *flags;
    smtp_tls_level_e chosen;
    int is_testing;
    const char *names;           /**< joined by spaces; "": none */
    const char *refusal;         /**< enhanced code; "": none */
} row_t;

#define NONE    SMTP_TLS_NONE
#define MAY     SMTP_TLS_MAY
#define ENCRYPT SMTP_TLS_ENCRYPT
#define VERIFY  SMTP_TLS_VERIFY
#define DANE    SMTP_TLS_DANE
#define NO_TLSA SMTP_TLSA_NONE
#define NO_STS  QUEUE_STS_NONE
#define TESTING QUEUE_STS_TESTING
#define ENFORCE QUEUE_STS_ENFORCE

#define DANE_NAMES "base.example mx.example example.org"

static const row_t rows[] = {
    { "none", NONE, NO_TLSA, NO_STS, "", NONE, 0, "", "" },
    { "may", MAY, NO_TLSA, NO_STS, "", MAY, 0, "", "" },
    { "encrypt", ENCRYPT, NO_TLSA, NO_STS, "", ENCRYPT, 0, "", "" },
    { "verify", VERIFY, NO_TLSA, NO_STS, "", VERIFY, 0,
      "mx.example example.org", "" },
    { "verify, names", VERIFY, NO_TLSA, NO_STS, "n", VERIFY, 0,
      "one.example two.example", "" },
    { "verify, a literal", VERIFY, NO_TLSA, NO_STS, "l", VERIFY, 0,
      "mx.example", "" },
    { "a unix socket", ENCRYPT, NO_TLSA, NO_STS, "u", NONE, 0, "", "" },
    /* RFC 7672 2.2 */
    { "may, TLSA", MAY, SMTP_TLSA_DANE, NO_STS, "s", DANE, 0, DANE_NAMES,
      "" },
    { "encrypt, TLSA", ENCRYPT, SMTP_TLSA_DANE, NO_STS, "s", DANE, 0,
      DANE_NAMES, "" },
    { "may, TLSA that is of no use", MAY, SMTP_TLSA_ENCRYPT, NO_STS, "s",
      ENCRYPT, 0, "", "" },
    { "dane, TLSA", DANE, SMTP_TLSA_DANE, NO_STS, "s", DANE, 0, DANE_NAMES,
      "" },
    { "dane, no TLSA", DANE, NO_TLSA, NO_STS, "s", DANE, 0, "", "4.7.5" },
    { "dane, TLSA that is of no use", DANE, SMTP_TLSA_ENCRYPT, NO_STS, "s",
      DANE, 0, "", "4.7.5" },
    { "verify, TLSA", VERIFY, SMTP_TLSA_DANE, NO_STS, "s", DANE, 0,
      DANE_NAMES, "" },
    { "verify, TLSA that is of no use", VERIFY, SMTP_TLSA_ENCRYPT, NO_STS,
      "s", VERIFY, 0, "mx.example example.org", "" },
    /* RFC 8461 */
    { "may, enforce", MAY, NO_TLSA, ENFORCE, "m", VERIFY, 0, "mx.example",
      "" },
    { "encrypt, enforce", ENCRYPT, NO_TLSA, ENFORCE, "m", VERIFY, 0,
      "mx.example", "" },
    { "enforce, another host", MAY, NO_TLSA, ENFORCE, "", VERIFY, 0,
      "mx.example", "4.7.5" },
    { "may, testing", MAY, NO_TLSA, TESTING, "m", VERIFY, 1, "mx.example",
      "" },
    { "testing, another host", MAY, NO_TLSA, TESTING, "", VERIFY, 1,
      "mx.example", "" },
    { "testing weakens nothing", ENCRYPT, NO_TLSA, TESTING, "m", ENCRYPT, 0,
      "", "" },
    { "DANE comes before MTA-STS", MAY, SMTP_TLSA_DANE, ENFORCE, "s", DANE,
      0, DANE_NAMES, "" },
    { "none: not even MTA-STS", NONE, NO_TLSA, ENFORCE, "", NONE, 0, "", "" },
    { "verify, enforce", VERIFY, NO_TLSA, ENFORCE, "m", VERIFY, 0,
      "mx.example", "" },
    { "verify, enforce, another host", VERIFY, NO_TLSA, ENFORCE, "", VERIFY,
      0, "mx.example", "4.7.5" },
    { "verify: the administrator's names", VERIFY, NO_TLSA, ENFORCE, "n",
      VERIFY, 0, "one.example two.example", "" },
    /* RFC 8689 4.2.1 */
    { "REQUIRETLS, nobody vouches for the name", MAY, NO_TLSA, NO_STS, "r",
      MAY, 0, "", "5.7.30" },
    { "REQUIRETLS, DNSSEC", MAY, NO_TLSA, NO_STS, "rs", VERIFY, 0,
      "mx.example", "" },
    { "REQUIRETLS, MTA-STS", MAY, NO_TLSA, ENFORCE, "rm", VERIFY, 0,
      "mx.example", "" },
    { "REQUIRETLS, MTA-STS is tested, DNSSEC", MAY, NO_TLSA, TESTING, "rsm",
      VERIFY, 0, "mx.example", "" },
    { "REQUIRETLS, DANE", MAY, SMTP_TLSA_DANE, NO_STS, "rs", DANE, 0,
      DANE_NAMES, "" },
    { "REQUIRETLS, though none", NONE, NO_TLSA, NO_STS, "rs", VERIFY, 0,
      "mx.example", "" },
    { "REQUIRETLS, verify", VERIFY, NO_TLSA, NO_STS, "rs", VERIFY, 0,
      "mx.example example.org", "" },
    /* RFC 8314 3 */
    { "implicit, none", NONE, NO_TLSA, NO_STS, "i", ENCRYPT, 0, "", "" },
    { "implicit, may", MAY, NO_TLSA, NO_STS, "i", ENCRYPT, 0, "", "" },
    { "implicit, verify", VERIFY, NO_TLSA, NO_STS, "i", VERIFY, 0,
      "mx.example example.org", "" }
};

static int has(const row_t *row, char flag)
{
    return strchr(row->flags, flag) != NULL;
}

static const char *names_join(apr_pool_t *p, const smtp_tls_policy_t *policy)
{
    const char *text = "";
    const char *const *name = policy->names;

    for (; name != NULL && *name != NULL; name++) {
        text = apr_pstrcat(p, text, *text ? " " : "", *name, NULL);
    }
    return text;
}

static void row_check(apr_pool_t *p, const row_t *row)
{
    static const char *const told[] = { "one.example", "two.example" };
    apr_array_header_t *names = apr_array_make(p, 2, sizeof(const char *));
    queue_destination_conf_t conf = { .tls = row->level };
    queue_host_t host = { .name = "mx.example", .tlsa = row->tlsa,
                          .tlsa_host = "base.example" };
    const queue_tls_facts_t facts = {
        &conf, &host, has(row, 'l') ? "[192.0.2.1]" : "example.org",
        has(row, 'i'), has(row, 'r'), row->sts, has(row, 'm')
    };
    smtp_tls_policy_t policy;
    smtp_outcome_t refusal;
    char status[32] = "";

    APR_ARRAY_PUSH(names, const char *) = told[0];
    APR_ARRAY_PUSH(names, const char *) = told[1];
    conf.tls_names = has(row, 'n') ? names : NULL;
    host.is_secure = has(row, 's');
    host.path = has(row, 'u') ? "/socket" : NULL;
    queue_tls_choose(p, &facts, &policy, &refusal);
    UNIT_CHECK(row->name, policy.level == row->chosen);
    UNIT_CHECK(row->name, (int)policy.is_testing == row->is_testing);
    UNIT_CHECK(row->name,
               strcmp(names_join(p, &policy), row->names) == 0);
    if (refusal.result != SMTP_OUTCOME_PENDING) {
        snprintf(status, sizeof(status), "%d.%d.%d", refusal.status.klass,
                 refusal.status.subject, refusal.status.detail);
    }
    UNIT_CHECK(row->name, strcmp(status, row->refusal) == 0);
    if (policy.level != SMTP_TLS_NONE) {
        UNIT_CHECK(row->name,
                   strcmp(policy.host, row->tlsa == SMTP_TLSA_DANE
                          ? "base.example" : "mx.example") == 0);
    }
}

static void tls_is_what_the_strongest_word_says(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        row_check(*state, &rows[i]);
    }
}

static void tlsa_is_asked_for_where_it_counts(void **state)
{
    static const struct {
        smtp_tls_level_e level;
        int dane;
        queue_route_e kind;
        int has_names;
        int wants;
    } cases[] = {
        { NONE, 1, QUEUE_ROUTE_MX, 0, 0 }, { MAY, 1, QUEUE_ROUTE_MX, 0, 1 },
        { ENCRYPT, 1, QUEUE_ROUTE_SMTP, 0, 1 },
        { VERIFY, 1, QUEUE_ROUTE_MX, 0, 1 },
        { VERIFY, 1, QUEUE_ROUTE_MX, 1, 0 },
        { MAY, 0, QUEUE_ROUTE_MX, 0, 0 }, { DANE, 0, QUEUE_ROUTE_MX, 0, 1 },
        { MAY, 1, QUEUE_ROUTE_LMTP_UNIX, 0, 0 }
    };
    apr_array_header_t *names = apr_array_make(*state, 1,
                                               sizeof(const char *));
    size_t i;

    APR_ARRAY_PUSH(names, const char *) = "mx.example";
    for (i = 0; i < UNIT_ROWS(cases); i++) {
        const queue_destination_conf_t conf = {
            .tls = cases[i].level, .dane = cases[i].dane,
            .tls_names = cases[i].has_names ? names : NULL
        };
        const queue_route_t route = { .kind = cases[i].kind };

        assert_int_equal(queue_tls_wants_dane(&conf, &route),
                         cases[i].wants);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(tls_is_what_the_strongest_word_says),
        UNIT_TEST(tlsa_is_asked_for_where_it_counts)
    };

    return UNIT_RUN(tests);
}
