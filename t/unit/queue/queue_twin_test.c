/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "queue_twin.h"

typedef struct row_t {
    const char *a, *b;
} row_t;

static const row_t same[] = {
    { "bob@example.com", "bob@example.com" },
    { "bob@example.com", "bob@EXAMPLE.com" },
    { "bob@xn--bcher-kva.example", "bob@B\xC3\xBC" "cher.example" },
    { "\"a@b\"@example.com", "\"a@b\"@Example.com" },
    { "bob@[192.0.2.1]", "bob@[192.0.2.1]" },
    { "postmaster", "postmaster" },
    /* What is no address is itself. */
    { "bob@exa mple", "bob@exa mple" }
};

/* RFC 5321 2.4: the case of a local-part is its own server's affair. */
static const row_t different[] = {
    { "bob@example.com", "Bob@example.com" },
    { "bob@example.com", "bob@example.net" },
    { "\"a@b\"@example.com", "\"a@c\"@example.com" },
    { "postmaster", "Postmaster" },
    { "bob@exa mple", "bob@EXA mple" },
    { "", "bob" }
};

static int is_twin(apr_pool_t *p, const row_t *row)
{
    const char *const addresses[] = { row->a, "x@other.example", row->b };

    return queue_twin_is_any(p, addresses, 3);
}

static void one_address_is_found_twice(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(same); i++) {
        UNIT_CHECK(same[i].b, is_twin(*state, &same[i]));
        assert_string_equal(queue_twin_key(*state, same[i].a),
                            queue_twin_key(*state, same[i].b));
    }
}

static void two_addresses_are_not_taken_for_one(void **state)
{
    static const char *const one[] = { "bob@example.com" };
    size_t i;

    for (i = 0; i < UNIT_ROWS(different); i++) {
        UNIT_CHECK(different[i].b, !is_twin(*state, &different[i]));
    }
    assert_false(queue_twin_is_any(*state, one, 1));
    assert_false(queue_twin_is_any(*state, one, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(one_address_is_found_twice),
        UNIT_TEST(two_addresses_are_not_taken_for_one)
    };

    return UNIT_RUN(tests);
}
