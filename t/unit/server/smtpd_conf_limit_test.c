/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "httpd_stub.h"
#include "smtpd_conf_limit.h"

static smtpd_conf_t *conf_unset(apr_pool_t *p)
{
    smtpd_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    smtpd_conf_limit_unset(conf);
    return conf;
}

static const smtpd_conf_limit_t *limit_named(const char *key)
{
    const smtpd_conf_limit_t *limit = smtpd_conf_limits;

    while (strcmp(limit->key, key) != 0) {
        limit++;
    }
    return limit;
}

static void guessers_are_limited_when_nothing_is_said(void **state)
{
    smtpd_conf_t *conf = conf_unset(*state);

    smtpd_conf_limit_complete(conf);
    assert_int_equal(conf->auth.max_failures, 3);
    assert_int_equal(conf->auth.address_failures.count, 20);
    assert_int_equal(conf->auth.address_failures.interval,
                     apr_time_from_sec(600));
    assert_int_equal(conf->auth.login_failures.count, 10);
    assert_int_equal(conf->auth.login_failures.interval,
                     apr_time_from_sec(600));
    assert_int_equal(conf->auth.delay, apr_time_from_sec(1));
}

static void mail_is_not_limited_when_nothing_is_said(void **state)
{
    smtpd_conf_t *conf = conf_unset(*state);

    smtpd_conf_limit_complete(conf);
    assert_int_equal(conf->submission.login_messages.count, 0);
    assert_int_equal(conf->submission.login_recipients.count, 0);
}

static void every_limit_is_read_back_as_it_was_set(void **state)
{
    const smtpd_conf_limit_t *limit;

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        smtpd_conf_t *conf = conf_unset(*state);
        smtpd_conf_limit_value_t value = { 7, 9 };

        smtpd_conf_limit_set(conf, limit, value);
        value = smtpd_conf_limit_get(conf, limit);
        UNIT_CHECK(limit->key, limit->kind == SMTPD_CONF_LIMIT_DELAY
                               || value.count == 7);
        UNIT_CHECK(limit->key, limit->kind == SMTPD_CONF_LIMIT_COUNT
                               || value.time == 9);
    }
}

static void a_virtual_host_inherits_what_it_does_not_say(void **state)
{
    smtpd_conf_t *base = conf_unset(*state), *conf = conf_unset(*state);

    smtpd_conf_limit_set(base, limit_named("address"),
                         (smtpd_conf_limit_value_t){ 5, 60 });
    smtpd_conf_limit_set(base, limit_named("delay"),
                         (smtpd_conf_limit_value_t){ 0, 70 });
    base->auth.is_limited = 1;
    smtpd_conf_limit_set(conf, limit_named("connection"),
                         (smtpd_conf_limit_value_t){ 1, 0 });
    smtpd_conf_limit_inherit(conf, base);
    smtpd_conf_limit_complete(conf);
    assert_int_equal(conf->auth.max_failures, 1);
    assert_int_equal(conf->auth.address_failures.count, 5);
    assert_int_equal(conf->auth.address_failures.interval, 60);
    assert_int_equal(conf->auth.delay, 70);
    assert_int_equal(conf->auth.login_failures.count, 10);
    assert_int_equal(conf->auth.is_limited, 1);
}

static void what_a_virtual_host_turns_off_stays_off(void **state)
{
    const smtpd_conf_limit_t *limit;
    smtpd_conf_t *base = conf_unset(*state), *conf = conf_unset(*state);

    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        smtpd_conf_limit_set(base, limit,
                             (smtpd_conf_limit_value_t){ 5, 60 });
        smtpd_conf_limit_set(conf, limit,
                             (smtpd_conf_limit_value_t){ 0, 0 });
    }
    smtpd_conf_limit_inherit(conf, base);
    smtpd_conf_limit_complete(conf);
    for (limit = smtpd_conf_limits; limit->key != NULL; limit++) {
        smtpd_conf_limit_value_t value = smtpd_conf_limit_get(conf, limit);

        UNIT_CHECK(limit->key, value.count == 0 && value.time == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(guessers_are_limited_when_nothing_is_said),
        UNIT_TEST(mail_is_not_limited_when_nothing_is_said),
        UNIT_TEST(every_limit_is_read_back_as_it_was_set),
        UNIT_TEST(a_virtual_host_inherits_what_it_does_not_say),
        UNIT_TEST(what_a_virtual_host_turns_off_stays_off)
    };

    return UNIT_RUN(tests);
}
