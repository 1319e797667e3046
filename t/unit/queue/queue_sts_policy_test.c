/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "queue_sts_policy.h"

/* ---- The record ---- */

static const struct {
    const char *text;
    const char *id;              /**< "": there is none */
} records[] = {
    { "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
    { "v=STSv1;id=1", "1" },
    { "v=STSv1 ; \tid=1 ;", "1" },
    { "v=STSv1; a=b; id=1", "1" },
    { "v=STSv1; id=1; id=2", "1" },
    { "v=STSv1; id=12345678901234567890123456789012",
      "12345678901234567890123456789012" },
    { "v=STSv1; id=123456789012345678901234567890123", "" },
    { "v=STSv1; id=", "" }, { "v=STSv1; id", "" }, { "v=STSv1;", "" },
    { "v=STSv1", "" }, { "", "" }, { "v=STSv1; id=a-b", "" },
    { "v=STSv1; id=a b", "" }, { "v=STSv2; id=1", "" },
    { "v=stsv1; id=1", "" }, { " v=STSv1; id=1", "" },
    { "id=1; v=STSv1", "" }, { "v=STSv1; ID=1", "" },
    { "v=STSv1; =x; id=1", "" }, { "v=STSv1; id=\xC3\xA9", "" }
};

static void a_policy_is_announced_by_its_id(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(records); i++) {
        const char *text = records[i].text;
        char id[QUEUE_STS_ID_OCTETS + 1];
        int found = queue_sts_record_parse(unit_string(*state, text),
                                           strlen(text), id);

        UNIT_CHECK(text, strcmp(id, records[i].id) == 0);
        UNIT_CHECK(text, found == (*id != '\0'));
    }
}

static smtp_dns_answer_t *txt(apr_pool_t *p, const char *const *texts)
{
    smtp_dns_answer_t *answer = apr_pcalloc(p, sizeof(*answer));

    answer->records = apr_array_make(p, 2, sizeof(smtp_dns_record_t));
    for (; *texts; texts++) {
        smtp_dns_record_t *record = apr_array_push(answer->records);

        record->type = SMTP_DNS_RECORD_TXT;
        record->u.txt.text = *texts;
        record->u.txt.len = strlen(*texts);
    }
    return answer;
}

static const struct {
    const char *texts[4];
    const char *id;
} answers[] = {
    { { "v=STSv1; id=1" }, "1" },
    { { "v=spf1 -all", "v=STSv1; id=1", "x" }, "1" },
    /* RFC 8461 3.1: one, or there is no policy. */
    { { "v=STSv1; id=1", "v=STSv1; id=1" }, "" },
    { { "v=STSv1; id=1", "v=STSv1; broken" }, "" },
    { { "v=STSv1x; id=2", "v=STSv1; id=1" }, "1" },
    { { "v=spf1 -all" }, "" },
    { { NULL }, "" }
};

static void of_two_records_none_counts(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(answers); i++) {
        char id[QUEUE_STS_ID_OCTETS + 1];

        queue_sts_record_find(txt(*state, answers[i].texts), id);
        assert_string_equal(id, answers[i].id);
    }
}

/* ---- The policy ---- */

#define GOOD "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\n" \
             "max_age: 604800\r\n"

static const struct {
    const char *text;
    queue_sts_mode_e mode;
    int max_age_sec;
    const char *mx;              /**< parted by blanks */
} policies[] = {
    { GOOD, QUEUE_STS_ENFORCE, 604800, "mx.example.com" },
    { "version: STSv1\nmode: testing\nmx: a.example\nmx: *.b.example\n"
      "max_age: 1", QUEUE_STS_TESTING, 1, "a.example *.b.example" },
    { "version:STSv1\nmode:none\nmax_age:0\n", QUEUE_STS_NONE, 0, "" },
    { "max_age: 86400 \nmx: \tA.example \nmode: enforce\t\nversion: STSv1\n",
      QUEUE_STS_ENFORCE, 86400, "A.example" },
    { "\r\n" GOOD "\r\n", QUEUE_STS_ENFORCE, 604800, "mx.example.com" },
    { GOOD "mode: none\nmax_age: 5\nversion: STSv2\n", QUEUE_STS_ENFORCE,
      604800, "mx.example.com" },
    { GOOD "later: whatever\nMode: none\n", QUEUE_STS_ENFORCE, 604800,
      "mx.example.com" },
    { "version: STSv1\nmode: none\nmax_age: 9999999999\n", QUEUE_STS_NONE,
      QUEUE_STS_MAX_AGE_SEC, "" }
};

static const char *mx_write(apr_pool_t *p, const queue_sts_policy_t *policy)
{
    const char *text = "";
    int i;

    for (i = 0; i < policy->mx_count; i++) {
        text = apr_pstrcat(p, text, i ? " " : "", policy->mx[i], NULL);
    }
    assert_null(policy->mx[i]);
    return text;
}

static void a_policy_is_understood(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(policies); i++) {
        const char *text = policies[i].text;
        queue_sts_policy_t policy;

        UNIT_CHECK(text, !queue_sts_policy_parse(
            *state, unit_string(*state, text), strlen(text), &policy));
        UNIT_CHECK(text, policy.mode == policies[i].mode);
        UNIT_CHECK(text, policy.max_age_sec == policies[i].max_age_sec);
        UNIT_CHECK(text, !strcmp(mx_write(*state, &policy),
                                 policies[i].mx));
    }
}

static const char *const broken[] = {
    "", "\n", "<html></html>", "version: STSv1\nmode: enforce\nmax_age: 1\n",
    "version: STSv1\nmode: testing\nmax_age: 1\n",
    "mode: none\nmax_age: 1\n", "version: STSv1\nmax_age: 1\nmx: a.b\n",
    "version: STSv1\nmode: none\n", "version: STSv2\nmode: none\nmax_age: 1",
    "version: stsv1\nmode: none\nmax_age: 1",
    "version: STSv1\nmode: Enforce\nmx: a.b\nmax_age: 1",
    "version: STSv1\nmode: none\nmax_age: -1",
    "version: STSv1\nmode: none\nmax_age: 1d",
    "version: STSv1\nmode: none\nmax_age: ",
    "version: STSv1\nmode: none\nmax_age: 12345678901",
    GOOD "mx: \n", GOOD "mx: *\n", GOOD "mx: *.\n", GOOD "mx: a.*.b\n",
    GOOD "mx: *a.b\n", GOOD "mx: *.*.b\n", GOOD "mx: a b\n", GOOD "mx: a..b\n",
    GOOD "mx: [192.0.2.1]\n", GOOD "mx: b\xC3\xBC.example\n",
    GOOD "mx: a.b.\n", GOOD "no colon\n", GOOD "mx: a.b\r\r\n"
};

static void a_broken_policy_is_none(void **state)
{
    static const queue_sts_policy_t nothing;
    size_t i;

    for (i = 0; i < UNIT_ROWS(broken); i++) {
        queue_sts_policy_t policy;

        UNIT_CHECK(broken[i], queue_sts_policy_parse(
            *state, unit_string(*state, broken[i]), strlen(broken[i]),
            &policy));
        UNIT_CHECK(broken[i], !memcmp(&policy, &nothing, sizeof(policy)));
    }
}

static void a_policy_with_nul_is_none(void **state)
{
    static const char text[] = GOOD "mx: a\0.b\n";
    queue_sts_policy_t policy;

    assert_non_null(queue_sts_policy_parse(
        *state, unit_octets(*state, text, sizeof(text) - 1),
        sizeof(text) - 1, &policy));
}

static void a_policy_has_limits(void **state)
{
    const char *text = GOOD;
    queue_sts_policy_t policy;
    char *large;
    int i;

    for (i = 1; i < QUEUE_STS_MX_MAX; i++) {
        text = apr_pstrcat(*state, text, "mx: a.b\n", NULL);
    }
    assert_null(queue_sts_policy_parse(*state, text, strlen(text), &policy));
    text = apr_pstrcat(*state, text, "mx: a.b\n", NULL);
    assert_non_null(queue_sts_policy_parse(*state, text, strlen(text),
                                           &policy));
    large = apr_palloc(*state, QUEUE_STS_POLICY_OCTETS + 1);
    memset(large, '\n', QUEUE_STS_POLICY_OCTETS + 1);
    memcpy(large, GOOD, strlen(GOOD));
    assert_null(queue_sts_policy_parse(*state, large,
                                       QUEUE_STS_POLICY_OCTETS, &policy));
    assert_non_null(queue_sts_policy_parse(*state, large,
                                           QUEUE_STS_POLICY_OCTETS + 1,
                                           &policy));
}

static void only_hosts_of_the_policy_are_allowed(void **state)
{
    const char *text = GOOD "mx: *.b.example\n";
    queue_sts_policy_t policy, none = { 0 };

    assert_null(queue_sts_policy_parse(*state, text, strlen(text), &policy));
    assert_true(queue_sts_policy_has(&policy, "mx.example.com"));
    assert_true(queue_sts_policy_has(&policy, "MX.example.com"));
    assert_true(queue_sts_policy_has(&policy, "a.b.example"));
    assert_false(queue_sts_policy_has(&policy, "b.example"));
    assert_false(queue_sts_policy_has(&policy, "a.a.b.example"));
    assert_false(queue_sts_policy_has(&policy, "example.com"));
    assert_false(queue_sts_policy_has(&none, "mx.example.com"));
}

static const struct {
    const char *type;
    int is_plain;
} types[] = {
    { "text/plain", 1 }, { "Text/Plain; charset=utf-8", 1 },
    { "text/plain ;x", 1 }, { "text/plainer", 0 }, { "text/html", 0 },
    { "", 0 }, { NULL, 0 }, { " text/plain", 0 }
};

static void only_plain_text_is_a_policy(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(types); i++) {
        assert_int_equal(queue_sts_is_text_plain(types[i].type),
                         types[i].is_plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_policy_is_announced_by_its_id),
        UNIT_TEST(of_two_records_none_counts),
        UNIT_TEST(a_policy_is_understood),
        UNIT_TEST(a_broken_policy_is_none),
        UNIT_TEST(a_policy_with_nul_is_none),
        UNIT_TEST(a_policy_has_limits),
        UNIT_TEST(only_hosts_of_the_policy_are_allowed),
        UNIT_TEST(only_plain_text_is_a_policy)
    };

    return UNIT_RUN(tests);
}
