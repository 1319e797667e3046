/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include "smtpd_counter.h"
#include "smtpd_state.h"

#define HOUR apr_time_from_sec(3600)

/* A cache of the test's own, in place of smtpd_state.c. */
static struct {
    apr_pool_t *p;
    apr_hash_t *values;           /* key -> octets, of which the first is
                                      their length */
    int locks;
    apr_status_t lock_rv, put_rv;
} cache;

apr_status_t smtpd_state_lock(server_rec *s, int is_change, int *is_locked)
{
    (void)s, (void)is_change;
    *is_locked = cache.lock_rv == APR_SUCCESS;
    cache.locks += *is_locked;
    return cache.lock_rv;
}

void smtpd_state_unlock(server_rec *s, int is_locked)
{
    (void)s;
    cache.locks -= is_locked;
}

apr_status_t smtpd_state_get(server_rec *s, apr_pool_t *p,
                             const unsigned char *key, unsigned char *octets,
                             apr_size_t *len)
{
    const unsigned char *value = apr_hash_get(cache.values, key,
                                              SMTPD_STATE_KEY_OCTETS);
    apr_size_t room = *len;

    (void)s, (void)p;
    assert_int_equal(cache.locks, 1);
    *len = 0;
    if (value == NULL) {
        return APR_NOTFOUND;
    }
    assert_in_range(value[0], 0, room);
    *len = value[0];
    memcpy(octets, value + 1, *len);
    return APR_SUCCESS;
}

apr_status_t smtpd_state_put(server_rec *s, apr_pool_t *p,
                             const unsigned char *key,
                             const unsigned char *octets, apr_size_t len,
                             apr_time_t expiry)
{
    unsigned char *value = apr_palloc(cache.p, len + 1);

    (void)s, (void)p;
    assert_int_equal(cache.locks, 1);
    assert_true(expiry > apr_time_now());
    value[0] = (unsigned char)len;
    memcpy(value + 1, octets, len);
    if (cache.put_rv == APR_SUCCESS) {
        apr_hash_set(cache.values,
                     apr_pmemdup(cache.p, key, SMTPD_STATE_KEY_OCTETS),
                     SMTPD_STATE_KEY_OCTETS, value);
    }
    return cache.put_rv;
}

static void cache_begin(apr_pool_t *p)
{
    memset(&cache, 0, sizeof(cache));
    cache.p = p;
    cache.values = apr_hash_make(p);
}

static smtpd_counter_t counter_of(const char *kind, const char *who,
                                  apr_interval_time_t interval)
{
    smtpd_counter_t counter = { kind, who, strlen(who), interval, NULL };

    return counter;
}

static apr_uint32_t add(smtpd_counter_t counter, int amount)
{
    apr_uint32_t count = 77;

    assert_int_equal(smtpd_counter_add(NULL, cache.p, &counter, amount,
                                       &count), APR_SUCCESS);
    assert_int_equal(cache.locks, 0);
    return count;
}

static apr_uint32_t get(smtpd_counter_t counter)
{
    apr_uint32_t count = 77;

    assert_int_equal(smtpd_counter_get(NULL, cache.p, &counter, &count),
                     APR_SUCCESS);
    assert_int_equal(cache.locks, 0);
    return count;
}

static void what_was_counted_is_found_again(void **state)
{
    smtpd_counter_t counter = counter_of("login", "bob", HOUR);

    cache_begin(*state);
    assert_int_equal(get(counter), 0);
    assert_int_equal(add(counter, 1), 1);
    assert_int_equal(add(counter, 3), 4);
    assert_int_equal(get(counter), 4);
    assert_int_equal(add(counter, -1), 3);
    assert_int_equal(add(counter, -9), 0);
}

/* A client that chooses what it is called must not count for another. */
static void nobody_counts_for_another(void **state)
{
    static const struct {
        const char *kind;
        const char *who;
        apr_interval_time_t interval;
    } others[] = {
        { "login", "bo", HOUR }, { "login", "bobb", HOUR },
        { "logi", "nbob", HOUR }, { "loginb", "ob", HOUR },
        { "login", "", HOUR }, { "known", "bob", HOUR },
        { "login", "bob", HOUR + APR_USEC_PER_SEC },
        { "login", "bob\r\nDELETE bob", HOUR }, { "login", "b'ob", HOUR }
    };
    size_t i;

    cache_begin(*state);
    add(counter_of("login", "bob", HOUR), 5);
    for (i = 0; i < UNIT_ROWS(others); i++) {
        UNIT_CHECK(others[i].who,
                   get(counter_of(others[i].kind, others[i].who,
                                  others[i].interval)) == 0);
        add(counter_of(others[i].kind, others[i].who, others[i].interval), 1);
    }
    assert_int_equal(apr_hash_count(cache.values), UNIT_ROWS(others) + 1);
    assert_int_equal(get(counter_of("login", "bob", HOUR)), 5);
}

/* The info of one tenant is not that of another. */
static void logins_of_two_hosts_are_two(void **state)
{
    smtpd_counter_t one = counter_of("login", "info", HOUR);
    smtpd_counter_t other = one, crafted = one;

    one.host = "a.example.com";
    other.host = "b.example.com";
    crafted.host = "";
    crafted.who = "a.example.com\0info";
    crafted.who_len = 18;
    cache_begin(*state);
    add(one, 5);
    assert_int_equal(get(other), 0);
    assert_int_equal(get(crafted), 0);
    assert_int_equal(get(counter_of("login", "info", HOUR)), 0);
    assert_int_equal(get(one), 5);
}

static void a_limit_lets_through_what_it_says(void **state)
{
    smtpd_counter_t counter = counter_of("messages", "bob", HOUR);
    int i;

    cache_begin(*state);
    for (i = 0; i < 3; i++) {
        assert_int_equal(smtpd_counter_take(NULL, *state, &counter, 3),
                         APR_SUCCESS);
    }
    assert_int_equal(smtpd_counter_take(NULL, *state, &counter, 3),
                     APR_EGENERAL);
    assert_int_equal(get(counter), 3);
    assert_int_equal(add(counter, -1), 2);
    assert_int_equal(smtpd_counter_take(NULL, *state, &counter, 3),
                     APR_SUCCESS);
    assert_int_equal(cache.locks, 0);
}

static void a_cache_that_is_gone_is_no_limit_reached(void **state)
{
    smtpd_counter_t counter = counter_of("messages", "bob", HOUR);
    apr_uint32_t count = 77;

    cache_begin(*state);
    cache.put_rv = APR_ECONNREFUSED;
    assert_int_equal(smtpd_counter_take(NULL, *state, &counter, 3),
                     APR_ECONNREFUSED);
    assert_int_equal(smtpd_counter_add(NULL, *state, &counter, 1, &count),
                     APR_ECONNREFUSED);
    assert_int_equal(count, 0);
    assert_int_equal(cache.locks, 0);

    cache.lock_rv = APR_ENOTIMPL;
    count = 77;
    assert_int_equal(smtpd_counter_get(NULL, *state, &counter, &count),
                     APR_ENOTIMPL);
    assert_int_equal(count, 0);
    assert_int_equal(smtpd_counter_take(NULL, *state, &counter, 3),
                     APR_ENOTIMPL);
}

static void spellings_of_a_login_are_one(void **state)
{
    static const char *const spellings[] =
        { "bob", "BOB", " bob", "bob\t", "b o b", "bOb" };
    apr_size_t i, len;

    for (i = 0; i < UNIT_ROWS(spellings); i++) {
        assert_string_equal(smtpd_counter_fold(*state, spellings[i], &len),
                            "bob");
        assert_int_equal(len, 3);
    }
    assert_string_equal(smtpd_counter_fold(*state, "B\xC3\x96" "B", &len),
                        "b\xC3\x96" "b");
    assert_string_equal(smtpd_counter_fold(*state, "", &len), "");
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_was_counted_is_found_again),
        UNIT_TEST(nobody_counts_for_another),
        UNIT_TEST(logins_of_two_hosts_are_two),
        UNIT_TEST(a_limit_lets_through_what_it_says),
        UNIT_TEST(a_cache_that_is_gone_is_no_limit_reached),
        UNIT_TEST(spellings_of_a_login_are_one)
    };

    return UNIT_RUN(tests);
}
