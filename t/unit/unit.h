/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file unit.h
 * What every unit test needs: cmocka, a pool that lives as long as one test,
 * TAP as output. A test program is a table and one line:
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {
 *             UNIT_TEST(mail_to_an_ipv6_literal_is_not_lost)
 *         };
 *         return UNIT_RUN(tests);
 *     }
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

static inline int unit_pool_setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static inline int unit_pool_teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static inline apr_status_t unit_free(void *octets)
{
    free(octets);
    return APR_SUCCESS;
}

/** A copy of @a len octets, without NUL, in memory of exactly that size: a
 *  parser that reads beyond its input dies under ASan. Goes with @a p. */
static inline char *unit_octets(apr_pool_t *p, const void *s, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, s, len);
    apr_pool_cleanup_register(p, copy, unit_free, apr_pool_cleanup_null);
    return copy;
}

/** unit_octets() of a string. */
static inline char *unit_string(apr_pool_t *p, const char *s)
{
    return unit_octets(p, s, strlen(s));
}

/** In a loop over a table: fails with the row's own words. */
#define UNIT_CHECK(row, condition)                                  \
    do {                                                            \
        if (!(condition)) {                                         \
            fail_msg("row \"%s\": %s", (row), #condition);          \
        }                                                           \
    } while (0)

/** A test `static void name(void **state)` whose *state is its pool. */
#define UNIT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, unit_pool_setup, \
                                    unit_pool_teardown)

#define UNIT_ROWS(table) (sizeof(table) / sizeof((table)[0]))

/** Runs an array of tests; the value is main()'s. */
#define UNIT_RUN(tests)                                             \
    (unit_begin(), cmocka_run_group_tests_name(__FILE__, (tests),   \
                                               NULL, NULL))

static inline void unit_begin(void)
{
    apr_initialize();
    atexit(apr_terminate);
    cmocka_set_message_output(CM_OUTPUT_TAP);
}

#endif
