/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_mailboxes.h"

#define GROUP SMTP_MAILBOXES_ALLOW_GROUP

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

typedef struct row_t {
    const char *body;
    const char *mailboxes;       /* what they are, separated by blanks */
} row_t;

/** The mailboxes of @a body, or "syntax" or "too many". */
static const char *parse(apr_pool_t *p, const char *body, unsigned int allow)
{
    apr_array_header_t *mailboxes;
    const char *text = "";
    smtp_mailboxes_status_e rv =
        smtp_mailboxes_parse(p, unit_string(p, body), strlen(body), allow,
                             &mailboxes);
    int i;

    if (rv != SMTP_MAILBOXES_OK) {
        assert_int_equal(mailboxes->nelts, 0);
        return rv == SMTP_MAILBOXES_SYNTAX ? "syntax" : "too many";
    }
    for (i = 0; i < mailboxes->nelts; i++) {
        text = apr_pstrcat(p, text, i > 0 ? " " : "",
                           APR_ARRAY_IDX(mailboxes, i,
                                         const smtp_address_t *)->text, NULL);
    }
    return text;
}

static void rows_check(apr_pool_t *p, const row_t *rows, size_t count,
                       unsigned int allow)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const char *got = parse(p, rows[i].body, allow);

        if (strcmp(got, rows[i].mailboxes) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].body, got,
                     rows[i].mailboxes);
        }
    }
}

#define ROWS_CHECK(p, rows, allow) \
    rows_check((p), (rows), sizeof(rows) / sizeof((rows)[0]), (allow))

static const row_t lists[] = {
    { "bob@example.com", "bob@example.com" },
    { "  bob@example.com\t", "bob@example.com" },
    { "<bob@example.com>", "bob@example.com" },
    { "Bob <bob@example.com>", "bob@example.com" },
    { "Bob<bob@example.com>", "bob@example.com" },
    { "Bob E. Example <bob@example.com>", "bob@example.com" },
    { "\"Bob, E.\" <bob@example.com>", "bob@example.com" },
    { "\"a@b\" <bob@example.com>", "bob@example.com" },
    { "\"<eve@example.org>\" <bob@example.com>", "bob@example.com" },
    { "\"a\\\"b\\\\\" c <bob@example.com>", "bob@example.com" },
    { "\"\" <bob@example.com>", "bob@example.com" },
    { "=?utf-8?Q?B=C3=B6b?= <bob@example.com>", "bob@example.com" },
    { "B\xC3\xB6" "b <bob@example.com>", "bob@example.com" },
    { "bob@example.com (Bob)", "bob@example.com" },
    { "(c) bob (c) @ (c) example (c) . (c) com (c)", "bob@example.com" },
    { "Bob (, eve@example.org) <bob@example.com>", "bob@example.com" },
    { "(a(b(c)d)e\\)f) bob@example.com", "bob@example.com" },
    { "(\\(\") bob@example.com", "bob@example.com" },
    { "bob@example.com, alice@example.org",
      "bob@example.com alice@example.org" },
    { "Bob <bob@example.com>,\"A\" <alice@example.org> , c@d.example",
      "bob@example.com alice@example.org c@d.example" },
    /* local-parts */
    { "a.b.c@example.com", "a.b.c@example.com" },
    { "\"bob\"@example.com", "bob@example.com" },
    { "\"a b\"@example.com", "\"a b\"@example.com" },
    { "\"a@b\"@example.com", "\"a@b\"@example.com" },
    { "\"\"@example.com", "\"\"@example.com" },
    { "\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com" },
    { "Bob <\"a,b\"@example.com>", "\"a,b\"@example.com" },
    { "b\xC3\xB6" "b@example.com", "b\xC3\xB6" "b@example.com" },
    { "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com" },
    /* domains */
    { "bob@[192.0.2.1]", "bob@[192.0.2.1]" },
    { "bob@[ 192.0.2.1 ]", "bob@[192.0.2.1]" },
    { "bob@[IPv6:2001:db8::1]", "bob@[IPv6:2001:db8::1]" },
    { "bob@b\xC3\xBC" "cher.example", "bob@b\xC3\xBC" "cher.example" },
    { "bob@localhost", "bob@localhost" },
    /* folded, as it stands in the mail */
    { "Bob\r\n <bob@example.com>,\r\n\talice@example.org",
      "bob@example.com alice@example.org" },
    { "\"a\r\n b\"@example.com", "\"a b\"@example.com" },
    /* obsolete (RFC 5322 4.4) */
    { "bob . e @ example . com", "bob.e@example.com" },
    { "\"bob\".e@example.com", "bob.e@example.com" },
    { "bob.\"e f\"@example.com", "\"bob.e f\"@example.com" },
    { ", bob@example.com,, ,alice@example.org,",
      "bob@example.com alice@example.org" },
    { "(c), bob@example.com", "bob@example.com" },
    { "<@a.example,@b.example:bob@example.com>", "bob@example.com" },
    { "Bob < @a.example (c), , @b.example : bob@example.com >",
      "bob@example.com" },
    { "Bob <(c) bob@example.com (c)> (c)", "bob@example.com" },
    { "Bob . . E <bob@example.com>", "bob@example.com" }
};

static void who_wrote_a_mail_is_known(void **state)
{
    ROWS_CHECK(*state, lists, 0);
    ROWS_CHECK(*state, lists, GROUP);
}

static const row_t broken[] = {
    { "", "syntax" },
    { " ", "syntax" },
    { ",", "syntax" },
    { "(c)", "syntax" },
    { "(a:b;)", "syntax" },
    { "bob", "syntax" },
    { "Bob", "syntax" },
    { "\"bob@example.com\"", "syntax" },
    { "<>", "syntax" },
    { "Bob <>", "syntax" },
    { "<bob>", "syntax" },
    { "@example.com", "syntax" },
    { "bob@", "syntax" },
    { "bob@.com", "syntax" },
    { "bob@example..com", "syntax" },
    { "bob@example.com.", "syntax" },
    { ".bob@example.com", "syntax" },
    { "bob.@example.com", "syntax" },
    { "bob..e@example.com", "syntax" },
    { "bob@example.com>", "syntax" },
    { "<bob@example.com", "syntax" },
    { "<<bob@example.com>>", "syntax" },
    { "<bob@example.com> Bob", "syntax" },
    { "Bob <bob@example.com> <eve@example.org>", "syntax" },
    { "bob@example.com <eve@example.org>", "syntax" },
    { "eve@example.org bob@example.com", "syntax" },
    { "bob@example.com eve@example.org", "syntax" },
    { "bob@example.com;eve@example.org", "syntax" },
    { "bob@example.com;", "syntax" },
    { "bob@eve@example.com", "syntax" },
    { "bob(c@example.com", "syntax" },
    { "bob)@example.com", "syntax" },
    { "(bob@example.com", "syntax" },
    { "(\\)", "syntax" },
    { "bob@example.com (c\\", "syntax" },
    { "\"bob@example.com", "syntax" },
    { "\"bob\\", "syntax" },
    { "\"bob\"example.com", "syntax" },
    { "bob@[192.0.2.1", "syntax" },
    { "bob@192.0.2.1]", "syntax" },
    { "bob@[]", "syntax" },
    { "bob@[[192.0.2.1]]", "syntax" },
    { "bob@[192\\.0.2.1]", "syntax" },
    { "bob@[300.0.2.1]", "syntax" },
    { "bob@-example.com", "syntax" },
    { "bob@\"example\".com", "syntax" },
    { "bob@example.com\x01", "syntax" },
    { "b\x7F" "ob@example.com", "syntax" },
    { "\"b\x01\" <bob@example.com>", "syntax" },
    { "b\xF6" "b@example.com", "syntax" },
    { "B\xF6" "b <bob@example.com>", "syntax" },
    { "(\xC3) bob@example.com", "syntax" },
    { ". Bob <bob@example.com>", "syntax" },
    { "Bob <@a.example bob@example.com>", "syntax" },
    { "Bob <@a.example,:>", "syntax" },
    { "Bob <@:bob@example.com>", "syntax" },
    { A60 "aaaaa@example.com", "syntax" },
    { "bob@" A60 "aaaa.example", "syntax" },
    { "bob@example.com, nonsense", "syntax" },
    { "nonsense, bob@example.com", "syntax" }
};

static void no_mailbox_is_made_of_what_is_none(void **state)
{
    ROWS_CHECK(*state, broken, 0);
    ROWS_CHECK(*state, broken, GROUP);
}

static const row_t groups[] = {
    { "Undisclosed:;", "" },
    { "Undisclosed: (nobody) , ;", "" },
    { "A Group: bob@example.com;", "bob@example.com" },
    { "\"A:B\":Bob <bob@example.com>, c@d.example;(c)",
      "bob@example.com c@d.example" },
    { "x@y.example, G:bob@example.com;, z@y.example",
      "x@y.example bob@example.com z@y.example" },
    { "G:;,H:bob@example.com;", "bob@example.com" },
    /* none */
    { ":;", "syntax" },
    { "G:", "syntax" },
    { "G:bob@example.com", "syntax" },
    { "G:;;", "syntax" },
    { "G:H:bob@example.com;;", "syntax" },
    { "G:bob@example.com; eve@example.org", "syntax" },
    { "G.:(", "syntax" }
};

static void a_group_is_no_mailbox(void **state)
{
    size_t i;

    ROWS_CHECK(*state, groups, GROUP);
    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        assert_string_equal(parse(*state, groups[i].body, 0), "syntax");
    }
}

static void a_list_or_a_comment_without_end_is_bounded(void **state)
{
    apr_pool_t *p = *state;
    char *list = apr_pcalloc(p, 8 * (SMTP_MAILBOXES_MAX + 1) + 1);
    char deep[80];
    int i;

    for (i = 0; i < SMTP_MAILBOXES_MAX; i++) {
        strcpy(list + 6 * i, "a@b.c,");
    }
    assert_string_not_equal(parse(p, list, 0), "too many");
    strcpy(list + 6 * SMTP_MAILBOXES_MAX, "a@b.c");
    assert_string_equal(parse(p, list, 0), "too many");
    memset(deep, 0, sizeof(deep));
    memset(deep, '(', 32);
    memset(deep + 32, ')', 32);
    assert_string_equal(parse(p, apr_pstrcat(p, deep, "a@b.c", NULL), 0),
                        "a@b.c");
    memset(deep, '(', 33);
    memset(deep + 33, ')', 33);
    assert_string_equal(parse(p, apr_pstrcat(p, deep, "a@b.c", NULL), 0),
                        "syntax");
    assert_string_equal(parse(p, A60 "aaaa@example.com", 0),
                        A60 "aaaa@example.com");
}

/** No NUL ends the reading early (a mailbox behind it would go unseen). */
static void nul_is_no_end(void **state)
{
    static const char body[] = "bob@example.com\0, eve@example.org";
    apr_array_header_t *mailboxes;

    assert_int_equal(smtp_mailboxes_parse(*state, body, sizeof(body) - 1, 0,
                                          &mailboxes), SMTP_MAILBOXES_SYNTAX);
    assert_int_equal(mailboxes->nelts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_wrote_a_mail_is_known),
        UNIT_TEST(no_mailbox_is_made_of_what_is_none),
        UNIT_TEST(a_group_is_no_mailbox),
        UNIT_TEST(a_list_or_a_comment_without_end_is_bounded),
        UNIT_TEST(nul_is_no_end)
    };

    return UNIT_RUN(tests);
}
