/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <stdio.h>

#include "queue_reason.h"

static const smtp_status_t full = { 4, 2, 2 };

static void a_reason_is_kept_once_for_all_who_wait_for_it(void **state)
{
    queue_reasons_t *reasons = queue_reasons_create(*state);
    char host[] = "mx.example.net[192.0.2.1]:25", text[] = "mailbox full";
    const queue_reason_t *a = queue_reason_get(reasons, 452, full, host, text);
    const queue_reason_t *b;

    host[0] = text[0] = 'X';
    b = queue_reason_get(reasons, 452, full, "mx.example.net[192.0.2.1]:25",
                         "mailbox full");
    assert_ptr_equal(a, b);
    assert_int_equal(a->users, 2);
    assert_int_equal(a->code, 452);
    assert_int_equal(a->status.detail, 2);
    assert_string_equal(a->host, "mx.example.net[192.0.2.1]:25");
    assert_string_equal(a->text, "mailbox full");
    assert_ptr_equal(queue_reason_share(a), a);
    assert_int_equal(a->users, 3);
    assert_int_equal(queue_reasons_count(reasons), 1);
}

static const struct {
    const char *name;
    int code;
    smtp_status_t status;
    const char *host, *text;
} others[] = {
    { "code", 451, { 4, 2, 2 }, "h", "t" },
    { "class", 452, { 5, 2, 2 }, "h", "t" },
    { "subject", 452, { 4, 3, 2 }, "h", "t" },
    { "detail", 452, { 4, 2, 3 }, "h", "t" },
    { "host", 452, { 4, 2, 2 }, "i", "t" },
    { "text", 452, { 4, 2, 2 }, "h", "u" },
    { "where host ends and text begins", 452, { 4, 2, 2 }, "", "ht" },
    { "no words", 452, { 4, 2, 2 }, "", "" }
};

static void what_differs_is_another_reason(void **state)
{
    queue_reasons_t *reasons = queue_reasons_create(*state);
    const queue_reason_t *a = queue_reason_get(reasons, 452, full, "h", "t");
    size_t i;

    for (i = 0; i < UNIT_ROWS(others); i++) {
        UNIT_CHECK(others[i].name,
                   a != queue_reason_get(reasons, others[i].code,
                                         others[i].status, others[i].host,
                                         others[i].text));
    }
    assert_int_equal(queue_reasons_count(reasons), UNIT_ROWS(others) + 1);
}

static void the_last_one_takes_it_away(void **state)
{
    queue_reasons_t *reasons = queue_reasons_create(*state);
    const queue_reason_t *a = queue_reason_get(reasons, 452, full, "h", "t");

    queue_reason_share(a);
    queue_reason_release(reasons, a);
    assert_int_equal(queue_reasons_count(reasons), 1);
    queue_reason_release(reasons, a);
    assert_int_equal(queue_reasons_count(reasons), 0);
    queue_reason_release(reasons, NULL);
    assert_null(queue_reason_share(NULL));
}

/* A host that puts a time into each reply. */
static void a_hundred_thousand_different_ones_come_and_go(void **state)
{
    enum { COUNT = 100000 };
    queue_reasons_t *reasons = queue_reasons_create(*state);
    static const queue_reason_t *all[COUNT];
    char text[32];
    int i;

    for (i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "try again, %d", i);
        all[i] = queue_reason_get(reasons, 450, full, "h", text);
    }
    assert_int_equal(queue_reasons_count(reasons), COUNT);
    for (i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "try again, %d", i);
        assert_ptr_equal(queue_reason_get(reasons, 450, full, "h", text),
                         all[i]);
        queue_reason_release(reasons, all[i]);
        /* Some stay, for the end of the pool. */
        if (i % 10) {
            queue_reason_release(reasons, all[i]);
        }
    }
    assert_int_equal(queue_reasons_count(reasons), COUNT / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_reason_is_kept_once_for_all_who_wait_for_it),
        UNIT_TEST(what_differs_is_another_reason),
        UNIT_TEST(the_last_one_takes_it_away),
        UNIT_TEST(a_hundred_thousand_different_ones_come_and_go)
    };

    return UNIT_RUN(tests);
}
