/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "queue_tls_count.h"

static const char *const policy_lines[] = {
    "version: STSv1", "mode: enforce", "mx: mx.example.com", NULL
};
static const char *const mx[] = { "mx.example.com", NULL };

static queue_tls_session_t session_of(const char *domain,
                                      smtp_tls_result_e result)
{
    queue_tls_session_t session = {
        domain, QUEUE_TLS_STS, NULL, policy_lines, mx, result,
        "mx.example.com", "192.0.2.1", "192.0.2.2", ""
    };

    if (result != SMTP_TLS_RESULT_OK) {
        session.detail = "why\t\\not";
    }
    return session;
}

static void count(queue_tls_day_t *day, const char *domain,
                  smtp_tls_result_e result)
{
    queue_tls_session_t session = session_of(domain, result);

    queue_tls_count(day, &session);
}

static const queue_tls_domain_t *domain_of(const queue_tls_day_t *day,
                                           const char *name)
{
    return apr_hash_get(day->domains, name, APR_HASH_KEY_STRING);
}

/** What was written since the last time, read into another day; and the lines
 *  once more, as they would be written by that. */
static int reread(queue_tls_day_t *from, queue_tls_day_t *to)
{
    store_control_out_t out = { 0 };
    char *line, *lf;
    int lines = 0;

    queue_tls_day_write(from, &out);
    for (line = out.octets; out.len && line < out.octets + out.len;
         line = lf + 1) {
        lf = memchr(line, '\n', out.octets + out.len - line);
        assert_non_null(lf);
        assert_true(queue_tls_day_parse(to, line, lf - line));
        lines++;
    }
    store_control_out_destroy(&out);
    return lines;
}

static void sessions_are_counted_by_domain_and_reason(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    const queue_tls_policy_t *policy;
    int i;

    for (i = 0; i < 100; i++) {
        count(day, "example.com", SMTP_TLS_RESULT_OK);
    }
    count(day, "example.com", SMTP_TLS_RESULT_EXPIRED);
    count(day, "example.com", SMTP_TLS_RESULT_EXPIRED);
    count(day, "example.com", SMTP_TLS_RESULT_HOST_MISMATCH);
    count(day, "example.net", SMTP_TLS_RESULT_OK);
    policy = domain_of(day, "example.com")->policies;
    assert_int_equal(policy->successes, 100);
    assert_int_equal(queue_tls_policy_failures(policy), 3);
    assert_int_equal(policy->failures->count, 2);
    assert_int_equal(policy->failures->next->count, 1);
    assert_null(policy->next);
    assert_int_equal(domain_of(day, "example.net")->policies->successes, 1);
    assert_null(domain_of(day, "example.org"));
}

static void policies_are_told_apart(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    queue_tls_session_t session = session_of("a.example",
                                             SMTP_TLS_RESULT_OK);
    const char *const other[] = { "version: STSv1", "mode: testing", NULL };
    int i, policies = 0;
    const queue_tls_policy_t *policy;

    queue_tls_count(day, &session);
    session.strings = other;
    queue_tls_count(day, &session);
    session.kind = QUEUE_TLS_NO_POLICY;
    session.strings = session.mx = NULL;
    queue_tls_count(day, &session);
    queue_tls_count(day, &session);
    policy = domain_of(day, "a.example")->policies;
    assert_int_equal(policy->next->next->kind, QUEUE_TLS_NO_POLICY);
    assert_int_equal(policy->next->next->successes, 2);
    /* Who changes it all day long takes no memory. */
    for (i = 0; i < 100; i++) {
        const char *const strings[] = { apr_itoa(*state, i), NULL };

        session.kind = QUEUE_TLS_STS;
        session.strings = strings;
        queue_tls_count(day, &session);
    }
    for (; policy; policy = policy->next) {
        policies++;
    }
    assert_int_equal(policies, QUEUE_TLS_COUNT_POLICIES);
}

static const queue_tls_policy_t *policy_of(const queue_tls_day_t *day,
                                           const char *name, int index)
{
    const queue_tls_policy_t *policy = domain_of(day, name)->policies;

    while (policy && policy->index != index) {
        policy = policy->next;
    }
    assert_non_null(policy);
    return policy;
}

/* RFC 8460 1.1 */
static void servers_with_records_of_their_own_are_told_apart(void **state)
{
    static const char *const records[] = { "3 0 1 00", NULL };
    static const char *const renewed[] = { "3 0 1 01", NULL };
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    queue_tls_day_t *again = queue_tls_day_create(*state, 20000);
    queue_tls_session_t session = session_of("a.example",
                                             SMTP_TLS_RESULT_OK);
    int i;

    queue_tls_count(day, &session);
    session.kind = QUEUE_TLS_TLSA;
    session.strings = records;
    session.mx = NULL;
    for (i = 0; i < 20; i++) {
        session.policy_domain = apr_psprintf(*state, "mx%d.b.example",
                                             i % 10);
        queue_tls_count(day, &session);
    }
    /* Of too many the last, but not if there is one of the same server. */
    session.policy_domain = "mx2.b.example";
    session.strings = renewed;
    queue_tls_count(day, &session);
    assert_int_equal(reread(day, again), 2 * QUEUE_TLS_COUNT_POLICIES);
    assert_string_equal(policy_of(again, "a.example", 0)->domain,
                        "a.example");
    for (i = 1; i < QUEUE_TLS_COUNT_POLICIES; i++) {
        const queue_tls_policy_t *policy = policy_of(again, "a.example", i);

        assert_string_equal(policy->domain,
                            apr_psprintf(*state, "mx%d.b.example", i - 1));
        assert_int_equal(policy->successes, i == 3 ? 3 : i == 7 ? 8 : 2);
    }
    assert_null(policy_of(again, "a.example", i - 1)->next);
    /* What is read is known again. */
    session.policy_domain = "mx0.b.example";
    session.strings = records;
    queue_tls_count(again, &session);
    assert_int_equal(policy_of(again, "a.example", 1)->successes, 3);
}

static void failures_without_end_take_no_memory(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    queue_tls_session_t session = session_of("a.example",
                                             SMTP_TLS_RESULT_EXPIRED);
    const queue_tls_policy_t *policy;
    int i;

    for (i = 0; i < 1000; i++) {
        session.detail = apr_itoa(*state, i);
        queue_tls_count(day, &session);
    }
    policy = domain_of(day, "a.example")->policies;
    assert_int_equal(policy->failure_count, QUEUE_TLS_COUNT_FAILURES);
    assert_int_equal(queue_tls_policy_failures(policy), 1000);
}

static void a_day_takes_so_much_memory_and_no_more(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    queue_tls_session_t session = session_of("a.example",
                                             SMTP_TLS_RESULT_EXPIRED);
    const queue_tls_policy_t *policy;

    queue_tls_count(day, &session);
    assert_in_range(day->octets, 200, 2000);
    day->octets = QUEUE_TLS_COUNT_OCTETS;
    queue_tls_count(day, &session);
    session.detail = "another";
    queue_tls_count(day, &session);
    session.kind = QUEUE_TLS_NO_POLICY;
    queue_tls_count(day, &session);
    count(day, "b.example", SMTP_TLS_RESULT_OK);
    policy = domain_of(day, "a.example")->policies;
    assert_null(policy->next);
    assert_int_equal(policy->failures->count, 2);
    assert_int_equal(queue_tls_policy_failures(policy), 4);
    assert_null(domain_of(day, "b.example"));
    assert_int_equal(day->octets, QUEUE_TLS_COUNT_OCTETS);
}

static void what_is_no_domain_is_not_counted(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);

    count(day, "", SMTP_TLS_RESULT_OK);
    count(day, "[192.0.2.1]", SMTP_TLS_RESULT_OK);
    count(day, "../a", SMTP_TLS_RESULT_OK);
    assert_int_equal(apr_hash_count(day->domains), 0);
}

static void counts_outlive_the_process(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    queue_tls_day_t *again = queue_tls_day_create(*state, 20000);
    const queue_tls_policy_t *policy;
    queue_tls_domain_t *domain;

    count(day, "example.com", SMTP_TLS_RESULT_OK);
    count(day, "example.com", SMTP_TLS_RESULT_EXPIRED);
    assert_int_equal(reread(day, again), 3);
    count(day, "example.com", SMTP_TLS_RESULT_OK);
    count(day, "example.com", SMTP_TLS_RESULT_EXPIRED);
    count(day, "example.com", SMTP_TLS_RESULT_OK);
    assert_int_equal(reread(day, again), 2);
    assert_int_equal(reread(day, again), 0);
    policy = domain_of(again, "example.com")->policies;
    assert_int_equal(policy->kind, QUEUE_TLS_STS);
    assert_int_equal(policy->successes, 3);
    assert_int_equal(policy->failures->count, 2);
    assert_int_equal(policy->failures->result, SMTP_TLS_RESULT_EXPIRED);
    assert_string_equal(policy->failures->detail, "why\t\\not");
    assert_string_equal(policy->failures->host, "mx.example.com");
    assert_string_equal(policy->strings[1], "mode: enforce");
    assert_null(policy->strings[3]);
    assert_string_equal(policy->mx[0], "mx.example.com");
    domain = (queue_tls_domain_t *)domain_of(day, "example.com");
    queue_tls_done_note(day, domain, "tls@example.com");
    queue_tls_done_note(day, domain, "tls@example.com");
    assert_int_equal(reread(day, again), 1);
    domain = (queue_tls_domain_t *)domain_of(again, "example.com");
    assert_true(queue_tls_is_done(domain, "tls@example.com"));
    assert_false(queue_tls_is_done(domain, "*"));
    /* All of it, once more. */
    again = queue_tls_day_create(*state, 20000);
    queue_tls_day_dirty(day);
    queue_tls_day_dirty(day);
    assert_int_equal(reread(day, again), 4);
    assert_int_equal(reread(day, again), 0);
    /* And it goes on from there. */
    count(again, "example.com", SMTP_TLS_RESULT_OK);
    assert_int_equal(domain_of(again, "example.com")->policies->successes,
                     4);
}

static const char *const junk[] = {
    "", "policy", "policy\ta.example", "policy\ta.example\t0",
    "policy\ta.example\t1\tsts\ta.example\t0",
    "policy\ta.example\t0\tstss\ta.example\t0",
    "policy\ta.example\t0\tsts\ta.example\t-1",
    "policy\ta.example\t0\tsts\ta.example\t5\tx",
    "policy\ta.example\t0\tsts\ta.example\t99999999999",
    "policy\t../a\t0\tsts\ta.example\t0",
    "policy\ta.example\t0\tsts\ta.example\t41",
    "policy\ta.example\t0\tsts\ta.example", "policy\ta.example\t0\tsts",
    "policy\ta.example\t0\tsts\t0", "success\ta.example\t0\t1\t1",
    "failure\ta.example\t0\t1\tcertificate-expired\t\t\t\t",
    "success\tb.example\t0\t1", "success\tb.example\t1\t1\t1",
    "success\tb.example\t0\tx\t1",
    "failure\tb.example\t0\t1\tcertificate-expired\t\t\t",
    "failure\tb.example\t0\t1\tno-such-result\t\t\t\t",
    "failure\tb.example\t0\t1\t\t\t\t\t", "done\ta.example", "what\ta\tb",
    "done\tb.example\t\\x00", "policy\tb.example\t0\tsts\tb.example\t0"
};

static void junk_in_a_file_counts_not(void **state)
{
    queue_tls_day_t *day = queue_tls_day_create(*state, 20000);
    char line[] = "policy\tb.example\t0\tsts\tb.example\t1\tx\ty";
    size_t i;

    assert_true(queue_tls_day_parse(day, line, strlen(line)));
    for (i = 0; i < UNIT_ROWS(junk); i++) {
        char *copy = unit_octets(*state, junk[i], strlen(junk[i]) + 1);

        UNIT_CHECK(junk[i], !queue_tls_day_parse(day, copy,
                                                 strlen(junk[i])));
    }
    assert_null(domain_of(day, "b.example")->policies->next);
    assert_int_equal(domain_of(day, "b.example")->policies->successes, 0);
}

static void days_are_of_utc(void **state)
{
    (void)state;
    assert_int_equal(queue_tls_day_of(0), 0);
    assert_int_equal(queue_tls_day_of(apr_time_from_sec(86400) - 1), 0);
    assert_int_equal(queue_tls_day_of(apr_time_from_sec(86400)), 1);
    assert_int_equal(queue_tls_day_begin(1), apr_time_from_sec(86400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(sessions_are_counted_by_domain_and_reason),
        UNIT_TEST(policies_are_told_apart),
        UNIT_TEST(servers_with_records_of_their_own_are_told_apart),
        UNIT_TEST(failures_without_end_take_no_memory),
        UNIT_TEST(a_day_takes_so_much_memory_and_no_more),
        UNIT_TEST(what_is_no_domain_is_not_counted),
        UNIT_TEST(counts_outlive_the_process),
        UNIT_TEST(junk_in_a_file_counts_not),
        UNIT_TEST(days_are_of_utc)
    };

    return UNIT_RUN(tests);
}
