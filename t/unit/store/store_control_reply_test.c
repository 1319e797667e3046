/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "store_control_reply.h"

/** The only line of @a out, read. */
static store_control_reply_t *reread(apr_pool_t *p, store_control_out_t *out)
{
    store_control_reply_t *reply = apr_pcalloc(p, sizeof(*reply));
    char *line = unit_octets(p, out->octets, out->len);

    assert_ptr_equal(memchr(line, '\n', out->len), line + out->len - 1);
    assert_true(store_control_reply_parse(line, out->len - 1, reply));
    store_control_out_destroy(out);
    return reply;
}

static const store_control_recipient_t bob = {
    "bob@example.com", STORE_CONTROL_WAITING, STORE_CONTROL_DEFERRED, 3,
    1234567890123456, "mx:example.com", 450, "4.2.0",
    "mx.example.com[192.0.2.1]:25", "try\tagain\\"
};

static void check_bob(const store_control_recipient_t *read)
{
    assert_string_equal(read->address, bob.address);
    assert_int_equal(read->fate, bob.fate);
    assert_int_equal(read->status, bob.status);
    assert_int_equal(read->attempts, bob.attempts);
    assert_int_equal(read->next, bob.next);
    assert_string_equal(read->destination, bob.destination);
    assert_int_equal(read->code, bob.code);
    assert_string_equal(read->enhanced, bob.enhanced);
    assert_string_equal(read->host, bob.host);
    assert_string_equal(read->text, bob.text);
}

static void a_message_reads_as_it_was_written(void **state)
{
    store_control_message_t message = {
        "0ab", "", STORE_CONTROL_HELD, 2, 4096, 11, 12, 13, 5, 4,
        "mx.example.com:25", "journal", bob
    };
    store_control_out_t out = { 0 };
    store_control_reply_t *reply;

    store_control_message_write(&out, &message);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_MESSAGE);
    assert_string_equal(reply->message.id, "0ab");
    assert_string_equal(reply->message.reverse_path, "");
    assert_int_equal(reply->message.status, STORE_CONTROL_HELD);
    assert_int_equal(reply->message.priority, 2);
    assert_int_equal(reply->message.size_octets, 4096);
    assert_int_equal(reply->message.arrived, 11);
    assert_int_equal(reply->message.expires, 12);
    assert_int_equal(reply->message.next, 13);
    assert_int_equal(reply->message.recipients, 5);
    assert_int_equal(reply->message.open, 4);
    assert_string_equal(reply->message.vhost, "mx.example.com:25");
    assert_string_equal(reply->message.where, "journal");
    check_bob(&reply->message.first);
}

static void a_recipient_reads_as_it_was_written(void **state)
{
    store_control_out_t out = { 0 };
    store_control_reply_t *reply;

    store_control_recipient_write(&out, &bob);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_RECIPIENT);
    check_bob(&reply->recipient);
}

static void a_destination_reads_as_it_was_written(void **state)
{
    store_control_destination_t destination = {
        "mx:example.com", 1, 2, 3, 8, 4, 5, 6, 7, 421, "4.3.2", "host",
        "busy"
    };
    store_control_out_t out = { 0 };
    store_control_reply_t *reply;

    store_control_destination_write(&out, &destination);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_DESTINATION);
    assert_string_equal(reply->destination.key, "mx:example.com");
    assert_int_equal(reply->destination.ready, 1);
    assert_int_equal(reply->destination.deferred, 2);
    assert_int_equal(reply->destination.active, 3);
    assert_int_equal(reply->destination.held, 8);
    assert_int_equal(reply->destination.connections, 4);
    assert_int_equal(reply->destination.window, 5);
    assert_int_equal(reply->destination.failures, 6);
    assert_int_equal(reply->destination.dead_until, 7);
    assert_int_equal(reply->destination.code, 421);
    assert_string_equal(reply->destination.text, "busy");
}

static void how_it_ended_reads_as_it_was_written(void **state)
{
    store_control_end_t end = { 1, 2, 3 };
    store_control_out_t out = { 0 };
    store_control_reply_t *reply;

    store_control_end_write(&out, STORE_CONTROL_END, &end);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_END);
    assert_memory_equal(&reply->end, &end, sizeof(end));
    store_control_refusal_write(&out, STORE_CONTROL_ERROR,
                                STORE_CONTROL_WHY_LIMIT, NULL, "too many");
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_ERROR);
    assert_string_equal(reply->refusal.why, STORE_CONTROL_WHY_LIMIT);
    assert_string_equal(reply->refusal.id, "");
    assert_string_equal(reply->refusal.text, "too many");
}

static void a_count_and_content_read_as_they_were_written(void **state)
{
    store_control_out_t out = { 0 };
    store_control_reply_t *reply;

    store_control_count_write(&out, "messages", 50000);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_COUNT);
    assert_string_equal(reply->pair.name, "messages");
    assert_string_equal(reply->pair.value, "50000");
    store_control_content_write(&out, "a\r\n\0b", 5);
    reply = reread(*state, &out);
    assert_int_equal(reply->kind, STORE_CONTROL_CONTENT);
    assert_int_equal(reply->content.len, 5);
    assert_memory_equal(reply->content.s, "a\r\n\0b", 5);
}

static const char *const strange[] = {
    "", "later", "later\ta\tb", "end\t1\t2\t3\tmore", "content\t\tmore",
    "count\ta\tb\tc"
};

/* A program and a queue process of two versions understand each other. */
static void what_a_later_version_adds_is_skipped(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(strange); i++) {
        char *line = unit_octets(*state, strange[i], strlen(strange[i]) + 1);
        store_control_reply_t reply;

        UNIT_CHECK(strange[i], store_control_reply_parse(
            line, strlen(strange[i]), &reply));
    }
}

static const char *const broken[] = {
    "end", "end\t1", "end\t1\t2", "end\t1\t2\t", "end\t1\t2\t-3",
    "end\t1\t2\tx", "count\ta", "count\ta\\x00\tb", "error\ta\tb",
    "content", "recipient\ta\twaiting\tready\t0\t0\td\t0\t\t",
    "recipient\ta\tgone\tready\t0\t0\td\t0\t\t\t",
    "recipient\ta\twaiting\tdone\t0\t0\td\t0\t\t\t",
    "recipient\ta\twait\tready\t0\t0\td\t0\t\t\t",
    "message\ta\tb\tready\t1\t2\t3\t4\t5\t6\t7\tv\tfile", "a\\", "a\x01"
};

static void a_line_that_was_cut_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(broken); i++) {
        char *line = unit_octets(*state, broken[i], strlen(broken[i]) + 1);
        store_control_reply_t reply;

        UNIT_CHECK(broken[i], !store_control_reply_parse(
            line, strlen(broken[i]), &reply));
        UNIT_CHECK(broken[i], reply.kind == STORE_CONTROL_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_message_reads_as_it_was_written),
        UNIT_TEST(a_recipient_reads_as_it_was_written),
        UNIT_TEST(a_destination_reads_as_it_was_written),
        UNIT_TEST(how_it_ended_reads_as_it_was_written),
        UNIT_TEST(a_count_and_content_read_as_they_were_written),
        UNIT_TEST(what_a_later_version_adds_is_skipped),
        UNIT_TEST(a_line_that_was_cut_is_refused)
    };

    return UNIT_RUN(tests);
}
