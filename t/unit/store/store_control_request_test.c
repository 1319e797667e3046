/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "store_control_request.h"

static const char *parse(apr_pool_t *p, const char *line,
                         store_control_request_t *request)
{
    char *copy = unit_octets(p, line, strlen(line) + 1);

    return store_control_request_parse(p, copy, strlen(line), request);
}

/** Request and what is written of it again; NULL: the same. */
static const struct {
    const char *line;
    const char *again;
} valid[] = {
    { "list", NULL },
    { "list\tdomain=example.com\tsender=*@a.example\trecipient=b?b@*"
      "\tolder=3600\tyounger=86400\tstatus=ready\tstatus=held"
      "\trecipients=1", NULL },
    { "list\tstatus=active\tdomain=EXAMPLE.com",
      "list\tdomain=example.com\tstatus=active" },
    { "list\tdomain=.B\xC3\xBC" "cher.example",
      "list\tdomain=.xn--bcher-kva.example" },
    { "list\tdomain=[192.0.2.1]", NULL },
    { "list\tsender=", NULL },
    { "list\tsender=a=b", NULL },
    { "list\tsender=a\\x09b", NULL },
    { "list\tall=1", NULL },
    { "show\tid=0ab9\tid=1", NULL },
    { "cat\tid=0ab9", NULL },
    { "retry\tid=0ab9", NULL },
    { "retry\tdomain=example.com", NULL },
    { "retry\tall=1", NULL },
    { "hold\tsender=", NULL },
    { "release\tstatus=held", NULL },
    { "delete\tolder=1", NULL },
    { "delete\tall=1", NULL },
    { "flush\tdomain=example.com", NULL },
    { "flush\tdomain=.example.com", NULL },
    { "counts", NULL },
    { "destinations", NULL },
    { "turn\tname=example.com\tclient=192.0.2.1", NULL },
    { "turn\tclient=::1\tname=A.example\tname=.b.example",
      "turn\tname=a.example\tname=.b.example\tclient=::1" }
};

static void a_request_is_understood(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        const char *line = valid[i].line;
        const char *again = valid[i].again ? valid[i].again : line;
        store_control_request_t request;
        store_control_out_t out = { 0 };
        const char *fault = parse(*state, line, &request);

        if (fault != NULL) {
            fail_msg("%s: %s", line, fault);
        }
        store_control_request_write(&out, &request);
        UNIT_CHECK(line, out.len == strlen(again) + 1);
        UNIT_CHECK(line, memcmp(out.octets, again, out.len - 1) == 0);
        store_control_out_destroy(&out);
    }
}

static const char *const invalid[] = {
    "", "List", "list ", "lists", "\tlist", "list\t", "list\tdomain",
    "list\tdomain=", "list\tdomain=.", "list\tdomain=a..b",
    "list\tdomain=*", "list\tDomain=example.com", "list\tdom=a",
    "list\tdomains=a", "list\t=a", "list\tolder=0", "list\tolder=-1",
    "list\tolder=1h", "list\tolder=", "list\tyounger=99999999999999",
    "list\tstatus=", "list\tstatus=Held", "list\trecipients=0",
    "list\tall=0", "list\tall=1\tdomain=a", "list\tid=a\tdomain=a",
    "list\tid=a\tall=1", "list\tsender=\\x00", "list\tsender=a\\",
    "list\\x00", "show", "show\tall=1", "show\tdomain=a", "show\tid=",
    "show\tid=..", "show\tid=a/b", "show\tid=a.new",
    "show\tid=\xC3\xA9",
    "show\tid=00000000001111111111222222222233333333334444444444555555555566666",
    "cat", "retry", "hold", "release", "delete", "delete\trecipients=1",
    "delete\tid=a\tsender=b", "flush", "flush\tall=1",
    "flush\tdomain=a\tsender=b", "flush\tid=a", "counts\tall=1",
    "counts\tid=a", "destinations\tdomain=a", "turn", "turn\tname=a",
    "turn\tclient=a", "turn\tname=a..b\tclient=a", "turn\tname=.\tclient=a",
    "turn\tname=a\tclient=a\tdomain=a", "turn\tname=a\tclient=a\tall=1",
    "turn\tname=a\tclient=a\tid=a", "list\tname=a", "list\tclient=a",
    "delete\tall=1\tname=a", "flush\tdomain=a\tname=a\tclient=a"
};

/* Above all nothing is deleted because a criterion was overlooked. */
static void junk_and_what_is_not_clear_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        store_control_request_t request;

        UNIT_CHECK(invalid[i], parse(*state, invalid[i], &request) != NULL);
        UNIT_CHECK(invalid[i], request.verb == 0 && !request.select.is_all
                               && !request.select.id_count);
    }
}

static void more_ids_than_there_is_room_for_are_refused(void **state)
{
    store_control_request_t request;
    const char *line = "delete";
    int i;

    for (i = 0; i < STORE_CONTROL_IDS_MAX; i++) {
        line = apr_psprintf(*state, "%s\tid=%d", line, i);
    }
    assert_null(parse(*state, line, &request));
    assert_int_equal(request.select.id_count, STORE_CONTROL_IDS_MAX);
    assert_string_equal(request.select.ids[63], "63");
    line = apr_pstrcat(*state, line, "\tid=64", NULL);
    assert_non_null(parse(*state, line, &request));
}

static void more_names_than_there_is_room_for_are_refused(void **state)
{
    store_control_request_t request;
    const char *line = "turn\tclient=a";
    int i;

    for (i = 0; i < STORE_CONTROL_NAMES_MAX; i++) {
        line = apr_psprintf(*state, "%s\tname=%d.example", line, i);
    }
    assert_null(parse(*state, line, &request));
    assert_int_equal(request.name_count, STORE_CONTROL_NAMES_MAX);
    assert_string_equal(request.names[63], "63.example");
    line = apr_pstrcat(*state, line, "\tname=a.example", NULL);
    assert_non_null(parse(*state, line, &request));
}

static void a_criterion_behind_too_many_fields_is_not_lost(void **state)
{
    store_control_request_t request;
    const char *line = "delete\tstatus=held";
    int i;

    for (i = 0; i < STORE_CONTROL_FIELDS_MAX; i++) {
        line = apr_pstrcat(*state, line, "\tstatus=held", NULL);
    }
    line = apr_pstrcat(*state, line, "\tdomain=example.com", NULL);
    assert_non_null(parse(*state, line, &request));
}

#define NOW apr_time_from_sec(1000000)

static const struct {
    const char *line;
    const char *sender;
    int age_sec;
    store_control_status_e status;
    int fits;
} messages[] = {
    { "list", "a@b.example", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=a@b.example", "A@B.example", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=a@b.example", "a@b.exampl", 5, STORE_CONTROL_READY, 0 },
    { "list\tsender=a@b.exampl", "a@b.example", 5, STORE_CONTROL_READY, 0 },
    { "list\tsender=*@b.example", "a@b.example", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=*@b.example", "a@c.b.example", 5, STORE_CONTROL_READY,
      0 },
    { "list\tsender=*b*b*x", "abcbdbx", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=*b*b*x", "abcbdby", 5, STORE_CONTROL_READY, 0 },
    { "list\tsender=a?c*", "abc", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=a?c", "ac", 5, STORE_CONTROL_READY, 0 },
    { "list\tsender=[a]*", "[a]b", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=", "", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=", "a@b", 5, STORE_CONTROL_READY, 0 },
    { "list\tsender=*", "", 5, STORE_CONTROL_READY, 1 },
    { "list\tsender=?*", "", 5, STORE_CONTROL_READY, 0 },
    { "list\tolder=5", "", 5, STORE_CONTROL_READY, 1 },
    { "list\tolder=6", "", 5, STORE_CONTROL_READY, 0 },
    { "list\tyounger=5", "", 5, STORE_CONTROL_READY, 1 },
    { "list\tyounger=4", "", 5, STORE_CONTROL_READY, 0 },
    { "list\tolder=3\tyounger=8", "", 5, STORE_CONTROL_READY, 1 },
    { "list\tstatus=held", "", 5, STORE_CONTROL_HELD, 1 },
    { "list\tstatus=held", "", 5, STORE_CONTROL_ACTIVE, 0 },
    { "list\tstatus=held\tstatus=active", "", 5, STORE_CONTROL_ACTIVE, 1 },
    { "list\tstatus=deferred\tsender=x", "y", 5, STORE_CONTROL_DEFERRED, 0 }
};

static void only_messages_that_were_meant_fit(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(messages); i++) {
        store_control_request_t request;

        UNIT_CHECK(messages[i].line,
                   !parse(*state, messages[i].line, &request));
        UNIT_CHECK(messages[i].line,
                   store_control_select_message(
                       &request.select, messages[i].sender,
                       NOW - apr_time_from_sec(messages[i].age_sec),
                       messages[i].status, NOW) == messages[i].fits);
    }
}

static const struct {
    const char *line;
    const char *address;
    int fits;
} recipients[] = {
    { "list", "a@example.com", 1 },
    { "list\tdomain=example.com", "a@example.com", 1 },
    { "list\tdomain=example.com", "a@EXAMPLE.com", 1 },
    { "list\tdomain=example.com", "a@b.example.com", 0 },
    { "list\tdomain=example.com", "a@notexample.com", 0 },
    { "list\tdomain=example.com", "\"x@example.com\"@a.example", 0 },
    { "list\tdomain=example.com", "example.com", 0 },
    { "list\tdomain=.example.com", "a@b.example.com", 1 },
    { "list\tdomain=.example.com", "a@c.b.example.com", 1 },
    { "list\tdomain=.example.com", "a@example.com", 0 },
    { "list\tdomain=.example.com", "a@xexample.com", 0 },
    { "list\tdomain=xn--bcher-kva.example", "a@B\xC3\xBC" "cher.example", 1 },
    { "list\tdomain=b\xC3\xBC" "cher.example", "a@xn--bcher-kva.example",
      1 },
    { "list\tdomain=example.com", "a@\xFF", 0 },
    { "list\tdomain=[192.0.2.1]", "a@[192.0.2.1]", 1 },
    { "list\trecipient=bob@*", "Bob@example.com", 1 },
    { "list\trecipient=bob@*", "alice@example.com", 0 },
    { "list\trecipient=bob@*\tdomain=b.example", "bob@example.com", 0 }
};

static void only_recipients_that_were_meant_fit(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(recipients); i++) {
        const char *line = recipients[i].line;
        store_control_request_t request;

        UNIT_CHECK(line, !parse(*state, line, &request));
        UNIT_CHECK(line, store_control_select_has_recipient(&request.select)
                         == (strcmp(line, "list") != 0));
        UNIT_CHECK(recipients[i].address,
                   store_control_select_recipient(
                       &request.select, *state, recipients[i].address)
                   == recipients[i].fits);
    }
}

static void a_wicked_pattern_takes_no_time(void **state)
{
    store_control_request_t request;
    char *s = apr_pcalloc(*state, 100001);

    memset(s, 'a', 100000);
    assert_null(parse(*state, "list\tsender=*a*a*a*a*a*a*a*a*a*a*b", &request));
    assert_false(store_control_select_message(&request.select, s, 0,
                                              STORE_CONTROL_READY, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_request_is_understood),
        UNIT_TEST(junk_and_what_is_not_clear_is_refused),
        UNIT_TEST(more_ids_than_there_is_room_for_are_refused),
        UNIT_TEST(more_names_than_there_is_room_for_are_refused),
        UNIT_TEST(a_criterion_behind_too_many_fields_is_not_lost),
        UNIT_TEST(only_messages_that_were_meant_fit),
        UNIT_TEST(only_recipients_that_were_meant_fit),
        UNIT_TEST(a_wicked_pattern_takes_no_time)
    };

    return UNIT_RUN(tests);
}
