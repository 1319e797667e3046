/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <malloc.h>
#define HAS_MALLINFO2 1
#endif
#include <stdio.h>

#include "queue_message.h"

/* Destinations are told apart by where they are. */
static char places[2000][16];

static struct queue_destination_t *destination(int i)
{
    return (struct queue_destination_t *)places[i];
}

static queue_message_t *message_to(const char *const *addresses,
                                   apr_uint32_t count)
{
    queue_message_facts_t facts = { 0 };

    facts.id = "4dF6ZXyzAbc01";
    facts.reverse_path = "alice@example.com";
    facts.addresses = addresses;
    facts.recipient_count = count;
    facts.priority = QUEUE_PRIORITY_NORMAL;
    facts.arrived = 1;
    facts.queued = 2;
    facts.expires = 3;
    facts.place = 4;
    facts.size_octets = 5;
    return queue_message_create(&facts);
}

static void a_message_is_what_it_was_made_of(void **state)
{
    char id[] = "ID", from[] = "a@example.com", to[] = "b@example.net";
    const char *addresses[] = { to, "c@example.org" };
    queue_message_facts_t facts = { id, from, "login", places, NULL, 7, 1, 2,
                                    3, 1000, QUEUE_PRIORITY_BULK, addresses,
                                    2 };
    queue_message_t *message = queue_message_create(&facts);

    (void)state;
    id[0] = from[0] = to[0] = 'X';
    assert_string_equal(message->id, "ID");
    assert_string_equal(message->reverse_path, "a@example.com");
    assert_string_equal(message->sender, "login");
    assert_string_equal(message->recipients[0].address, "b@example.net");
    assert_string_equal(message->recipients[1].address, "c@example.org");
    assert_ptr_equal(message->vhost, places);
    assert_null(message->segment);
    assert_int_equal(message->place, 7);
    assert_int_equal(message->arrived, 1);
    assert_int_equal(message->queued, 2);
    assert_int_equal(message->expires, 3);
    assert_int_equal(message->size_octets, 1000);
    assert_int_equal(message->priority, QUEUE_PRIORITY_BULK);
    assert_int_equal(message->recipient_count, 2);
    assert_int_equal(message->open, 2);
    assert_int_equal(message->job_count, 0);
    assert_int_equal(message->is_report, 0);
    queue_message_free(message, NULL);
}

static void values_at_the_edges_are_kept(void **state)
{
    const char *addresses[] = { "b@example.net" };
    queue_message_facts_t facts = { "ID", "", NULL, NULL, NULL, 0, 0, 0, 0,
                                    APR_INT64_C(1) << 40, 0, addresses, 1 };
    queue_message_t *message = queue_message_create(&facts);

    (void)state;
    assert_int_equal(message->size_octets, UINT32_MAX);
    assert_int_equal(message->is_report, 1);
    assert_string_equal(message->sender, "");
    queue_message_free(message, NULL);
}

static void recipients_of_one_destination_are_one_job(void **state)
{
    const char *addresses[] = { "a", "b", "c", "d", "e" };
    struct queue_destination_t *destinations[] = {
        destination(1), NULL, destination(2), destination(1), destination(3)
    };
    queue_message_t *message = message_to(addresses, 5);

    (void)state;
    queue_message_recipient_end(message, &message->recipients[1],
                                QUEUE_RECIPIENT_SENT);
    queue_message_jobs_make(message, destinations);
    assert_int_equal(message->job_count, 3);
    assert_int_equal(message->open, 4);
    assert_ptr_equal(message->jobs[0].destination, destination(1));
    assert_ptr_equal(message->jobs[1].destination, destination(2));
    assert_ptr_equal(message->jobs[2].destination, destination(3));
    assert_int_equal(message->jobs[0].recipients, 2);
    assert_int_equal(message->jobs[1].recipients, 1);
    assert_ptr_equal(message->jobs[2].message, message);
    assert_int_equal(message->jobs[0].state, QUEUE_JOB_NEW);
    assert_null(message->recipients[1].job);
    assert_ptr_equal(message->recipients[3].job, &message->jobs[0]);
    queue_message_free(message, NULL);
}

static void a_recipient_that_is_over_leaves_its_job(void **state)
{
    const char *addresses[] = { "a", "b" };
    struct queue_destination_t *destinations[] = {
        destination(1), destination(1)
    };
    queue_message_t *message = message_to(addresses, 2);

    (void)state;
    queue_message_jobs_make(message, destinations);
    assert_int_equal(message->job_count, 1);
    queue_message_recipient_end(message, &message->recipients[0],
                                QUEUE_RECIPIENT_REPORTING);
    assert_int_equal(message->jobs[0].recipients, 1);
    assert_int_equal(message->open, 2);
    queue_message_recipient_end(message, &message->recipients[0],
                                QUEUE_RECIPIENT_FAILED);
    assert_int_equal(message->jobs[0].recipients, 1);
    assert_int_equal(message->open, 1);
    queue_message_recipient_end(message, &message->recipients[1],
                                QUEUE_RECIPIENT_SENT);
    assert_int_equal(message->jobs[0].recipients, 0);
    assert_int_equal(message->open, 0);
    assert_int_equal(message->recipients[1].state, QUEUE_RECIPIENT_SENT);
    queue_message_free(message, NULL);
}

static void reasons_go_with_their_message(void **state)
{
    static const smtp_status_t full = { 4, 2, 2 };
    queue_reasons_t *reasons = queue_reasons_create(*state);
    const char *addresses[] = { "a" };
    queue_message_t *message = message_to(addresses, 1);
    int i;

    for (i = 0; i < 300; i++) {
        queue_message_recipient_attempted(
            &message->recipients[0], reasons,
            queue_reason_get(reasons, 450 + i % 2, full, "", ""));
        assert_int_equal(queue_reasons_count(reasons), 1);
    }
    assert_int_equal(message->recipients[0].attempts, 255);
    queue_message_free(message, reasons);
    assert_int_equal(queue_reasons_count(reasons), 0);
}

/* A mailing: as fast for many destinations as for one. */
static void a_mailing_has_a_job_for_each_destination(void **state)
{
    enum { RECIPIENTS = 200000, DESTINATIONS = 2000 };
    const char **addresses = calloc(RECIPIENTS, sizeof(*addresses));
    struct queue_destination_t **destinations =
        calloc(RECIPIENTS, sizeof(*destinations));
    queue_message_t *message;
    int i;

    (void)state;
    for (i = 0; i < RECIPIENTS; i++) {
        addresses[i] = "somebody@example.net";
        destinations[i] = destination(i % DESTINATIONS);
    }
    message = message_to(addresses, RECIPIENTS);
    queue_message_jobs_make(message, destinations);
    assert_int_equal(message->job_count, DESTINATIONS);
    for (i = 0; i < DESTINATIONS; i++) {
        assert_ptr_equal(message->jobs[i].destination, destination(i));
        assert_int_equal(message->jobs[i].recipients,
                         RECIPIENTS / DESTINATIONS);
    }
    queue_message_free(message, NULL);
    free(destinations);
    free(addresses);
}

/* The promise of so many octets for each message that waits. */
static void a_million_messages_fit_into_memory(void **state)
{
    enum { COUNT = 10000, OCTETS_MAX = 500 };
    const char *addresses[] = { "a.rather.long.name@mail.example.net" };
    struct queue_destination_t *destinations[] = { destination(0) };
    queue_message_t **all = calloc(COUNT, sizeof(*all));
    size_t i, said = 0;
#ifdef HAS_MALLINFO2
    size_t before = mallinfo2().uordblks;
#endif

    (void)state;
    for (i = 0; i < COUNT; i++) {
        all[i] = message_to(addresses, 1);
        queue_message_jobs_make(all[i], destinations);
        said += queue_message_octets(all[i]);
    }
    assert_in_range(said / COUNT, sizeof(queue_message_t), OCTETS_MAX);
#ifdef HAS_MALLINFO2
    {
        size_t taken = mallinfo2().uordblks - before;

        print_message("# %zu octets a message by malloc, %zu by itself\n",
                      taken / COUNT, said / COUNT);
        /* Sanitizers have an allocator of their own, which says nothing. */
        if (taken) {
            assert_in_range(taken / COUNT, said / COUNT - 16,
                            said / COUNT + 16);
        }
    }
#endif
    for (i = 0; i < COUNT; i++) {
        queue_message_free(all[i], NULL);
    }
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_message_is_what_it_was_made_of),
        UNIT_TEST(values_at_the_edges_are_kept),
        UNIT_TEST(recipients_of_one_destination_are_one_job),
        UNIT_TEST(a_recipient_that_is_over_leaves_its_job),
        UNIT_TEST(reasons_go_with_their_message),
        UNIT_TEST(a_mailing_has_a_job_for_each_destination),
        UNIT_TEST(a_million_messages_fit_into_memory)
    };

    return UNIT_RUN(tests);
}
