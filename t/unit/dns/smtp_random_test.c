/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_random.h"

/* SplitMix64's own first numbers of the seed 1234567. */
static void a_seed_gives_the_same_numbers_everywhere(void **state)
{
    static const apr_uint64_t want[] = {
        6457827717110365317ULL, 3203168211198807973ULL,
        9817491932198370423ULL, 4593380528125082431ULL
    };
    smtp_random_t random = 1234567;
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(want); i++) {
        assert_true(smtp_random_next(&random) == want[i]);
    }
}

/* RFC 5321 5.1: hosts of equal preference share the load. */
static void each_order_is_equally_likely(void **state)
{
    static const char *const orders[] = {
        "abc", "acb", "bac", "bca", "cab", "cba"
    };
    int count[6] = { 0 };
    apr_uint64_t seed;
    size_t i;

    (void)state;
    for (seed = 0; seed < 6000; seed++) {
        smtp_random_t random = seed;
        char elements[] = "abc";

        smtp_random_shuffle(&random, elements, 3, 1);
        for (i = 0; i < UNIT_ROWS(orders); i++) {
            count[i] += strcmp(elements, orders[i]) == 0;
        }
    }
    for (i = 0; i < UNIT_ROWS(orders); i++) {
        UNIT_CHECK(orders[i], count[i] > 880 && count[i] < 1120);
    }
}

static void nothing_gets_lost_in_a_shuffle(void **state)
{
    struct { char octets[64]; } elements[50];
    smtp_random_t random = 7;
    int seen[50] = { 0 };
    int i;

    (void)state;
    memset(elements, 0, sizeof(elements));
    for (i = 0; i < 50; i++) {
        elements[i].octets[0] = elements[i].octets[63] = (char)i;
    }
    smtp_random_shuffle(&random, elements, 50, sizeof(elements[0]));
    for (i = 0; i < 50; i++) {
        assert_int_equal(elements[i].octets[0], elements[i].octets[63]);
        seen[(int)elements[i].octets[0]]++;
    }
    for (i = 0; i < 50; i++) {
        assert_int_equal(seen[i], 1);
    }
    smtp_random_shuffle(&random, elements, 0, 1);
    smtp_random_shuffle(&random, elements, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_seed_gives_the_same_numbers_everywhere),
        UNIT_TEST(each_order_is_equally_likely),
        UNIT_TEST(nothing_gets_lost_in_a_shuffle)
    };
    return UNIT_RUN(tests);
}
