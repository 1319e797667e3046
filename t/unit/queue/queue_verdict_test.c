/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "queue_verdict.h"

#define HOUR apr_time_from_sec(3600)
#define T0   apr_time_from_sec(1000000)

/** The retry curve 5 m, 1 h; 5 days; a warning after 4 hours. */
static const queue_retry_t *curve(apr_pool_t *p, apr_interval_time_t warn)
{
    queue_retry_t *retry = apr_pcalloc(p, sizeof(*retry));

    assert_null(queue_retry_parse(p, "5m 1h", &retry->intervals));
    retry->expire = 120 * HOUR;
    retry->expire_report = 24 * HOUR;
    retry->warn = warn;
    return retry;
}

static const struct row_t {
    smtp_outcome_e result;
    unsigned int retry_now, may_repeat, is_warned;
    apr_interval_time_t age, warn;
    queue_verdict_e what;
    int action;                  /* -1: nothing to tell */
    unsigned int is_expired;
} rows[] = {
    /* RFC 3461 5.2.2: who knows DSN reports itself; who does not, we say so */
    { SMTP_OUTCOME_DELIVERED, 0, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_SENT,
      SMTP_REPORT_DELIVERED, 0 },
    { SMTP_OUTCOME_PASSED_ON, 0, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_SENT, -1,
      0 },
    { SMTP_OUTCOME_RELAYED, 0, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_SENT,
      SMTP_REPORT_RELAYED, 0 },
    /* what was taken is sent, however old it is */
    { SMTP_OUTCOME_RELAYED, 0, 1, 0, 999 * HOUR, 4 * HOUR,
      QUEUE_VERDICT_SENT, SMTP_REPORT_RELAYED, 0 },
    { SMTP_OUTCOME_FAILED, 0, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_FAILED,
      SMTP_REPORT_FAILED, 0 },
    { SMTP_OUTCOME_FAILED, 1, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_FAILED,
      SMTP_REPORT_FAILED, 0 },
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_DEFERRED,
      -1, 0 },
    { SMTP_OUTCOME_DEFERRED, 1, 1, 0, 0, 4 * HOUR, QUEUE_VERDICT_AGAIN, -1,
      0 },
    { SMTP_OUTCOME_DEFERRED, 1, 0, 0, 0, 4 * HOUR, QUEUE_VERDICT_DEFERRED,
      -1, 0 },
    /* a DSN "delayed" once, after the time for it, if there is one */
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 4 * HOUR - 1, 4 * HOUR,
      QUEUE_VERDICT_DEFERRED, -1, 0 },
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 4 * HOUR, 4 * HOUR,
      QUEUE_VERDICT_DEFERRED, SMTP_REPORT_DELAYED, 0 },
    { SMTP_OUTCOME_DEFERRED, 0, 1, 1, 5 * HOUR, 4 * HOUR,
      QUEUE_VERDICT_DEFERRED, -1, 0 },
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 5 * HOUR, 0, QUEUE_VERDICT_DEFERRED,
      -1, 0 },
    /* RFC 5321 4.5.4.1: the time is over */
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 120 * HOUR - 1, 0,
      QUEUE_VERDICT_DEFERRED, -1, 0 },
    { SMTP_OUTCOME_DEFERRED, 0, 1, 0, 120 * HOUR, 4 * HOUR,
      QUEUE_VERDICT_FAILED, SMTP_REPORT_FAILED, 1 }
};

static void each_outcome_has_one_consequence(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row_t *row = &rows[i];
        smtp_outcome_t outcome = { 0 };
        queue_verdict_facts_t facts = { 0 };
        queue_verdict_t verdict;

        outcome.result = row->result;
        outcome.retry_now = row->retry_now;
        facts.retry = curve(*state, row->warn);
        facts.attempts = 1;
        facts.arrived = T0;
        facts.expires = T0 + 120 * HOUR;
        facts.now = T0 + row->age;
        facts.is_warned = row->is_warned;
        facts.may_repeat = row->may_repeat;
        queue_verdict_make(&facts, &outcome, &verdict);
        assert_int_equal(verdict.what, row->what);
        assert_int_equal(verdict.has_action, row->action >= 0);
        if (row->action >= 0) {
            assert_int_equal(verdict.action, row->action);
        }
        assert_int_equal(verdict.is_expired, row->is_expired);
        assert_int_equal(verdict.next != 0,
                         row->what == QUEUE_VERDICT_DEFERRED);
        assert_true(!verdict.next || verdict.next > facts.now);
        assert_true(verdict.next <= facts.expires);
    }
}

/* It waits for whoever fetches it, not for us; its sender is told when nobody
 * did. */
static void mail_that_is_fetched_waits_to_its_end(void **state)
{
    smtp_outcome_t outcome = { 0 };
    queue_verdict_facts_t facts = { 0 };
    queue_verdict_t verdict;

    outcome.result = SMTP_OUTCOME_DEFERRED;
    facts.retry = curve(*state, 4 * HOUR);
    facts.arrived = T0;
    facts.expires = T0 + 120 * HOUR;
    facts.now = T0 + 5 * HOUR;
    facts.is_on_demand = 1;
    queue_verdict_make(&facts, &outcome, &verdict);
    assert_int_equal(verdict.what, QUEUE_VERDICT_DEFERRED);
    assert_int_equal(verdict.next, facts.expires);
    assert_int_equal(verdict.has_action, 0);
    facts.now = facts.expires;
    queue_verdict_make(&facts, &outcome, &verdict);
    assert_int_equal(verdict.what, QUEUE_VERDICT_FAILED);
    assert_int_equal(verdict.has_action, 1);
}

/* A 5xx before there was a mail is no word about it. */
static void a_wrong_login_fails_no_mail(void **state)
{
    static const struct {
        smtp_outcome_e before;
        int code;
        smtp_outcome_e after;
    } cases[] = {
        { SMTP_OUTCOME_FAILED, 0, SMTP_OUTCOME_FAILED },   /* DNS */
        { SMTP_OUTCOME_FAILED, 521, SMTP_OUTCOME_FAILED }, /* RFC 7504 */
        { SMTP_OUTCOME_FAILED, 556, SMTP_OUTCOME_FAILED }, /* null MX */
        { SMTP_OUTCOME_FAILED, 554, SMTP_OUTCOME_DEFERRED },
        { SMTP_OUTCOME_FAILED, 535, SMTP_OUTCOME_DEFERRED },
        { SMTP_OUTCOME_DEFERRED, 421, SMTP_OUTCOME_DEFERRED },
        { SMTP_OUTCOME_DEFERRED, 0, SMTP_OUTCOME_DEFERRED }
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        smtp_outcome_t failure = { 0 };

        failure.result = cases[i].before;
        failure.code = cases[i].code;
        failure.status.klass = failure.result == SMTP_OUTCOME_FAILED ? 5 : 4;
        queue_verdict_connection(&failure);
        assert_int_equal(failure.result, cases[i].after);
        assert_int_equal(failure.status.klass,
                         cases[i].after == SMTP_OUTCOME_FAILED ? 5 : 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_outcome_has_one_consequence),
        UNIT_TEST(mail_that_is_fetched_waits_to_its_end),
        UNIT_TEST(a_wrong_login_fails_no_mail)
    };

    return UNIT_RUN(tests);
}
