/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_address.h"

#define OK              SMTP_ADDRESS_OK
#define SYNTAX          SMTP_ADDRESS_SYNTAX
#define LOCAL_TOO_LONG  SMTP_ADDRESS_LOCAL_TOO_LONG
#define DOMAIN_TOO_LONG SMTP_ADDRESS_DOMAIN_TOO_LONG
#define PATH_TOO_LONG   SMTP_ADDRESS_PATH_TOO_LONG
#define NOT_ASCII       SMTP_ADDRESS_NOT_ASCII
#define BAD_UTF8        SMTP_ADDRESS_BAD_UTF8

#define UTF8       SMTP_ADDRESS_ALLOW_UTF8
#define NULL_PATH  SMTP_ADDRESS_ALLOW_NULL
#define POSTMASTER SMTP_ADDRESS_ALLOW_POSTMASTER
#define BARE       SMTP_ADDRESS_ALLOW_BARE

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A60 A50 A10
#define D61 A60 "a"
#define D63 A60 "aaa"

typedef struct good_t {
    const char *path;
    unsigned int allow;
    const char *local;
    const char *domain;
    const char *text;
} good_t;

typedef struct bad_t {
    const char *path;
    unsigned int allow;
    smtp_address_status_e want;
} bad_t;

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_good(apr_pool_t *p, const good_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const good_t *row = &rows[i];
        size_t len = strlen(row->path);
        smtp_address_t a;
        apr_size_t consumed;

        UNIT_CHECK(row->path,
                   smtp_address_parse_path(p, unit_string(p, row->path), len,
                                           row->allow, &a, &consumed) == OK);
        UNIT_CHECK(row->path, consumed == len);
        UNIT_CHECK(row->path, same(a.local, row->local));
        UNIT_CHECK(row->path, same(a.domain, row->domain));
        UNIT_CHECK(row->path, same(a.text, row->text));
        UNIT_CHECK(row->path, !a.is_null);
        UNIT_CHECK(row->path, a.is_literal
                   == (row->domain != NULL && row->domain[0] == '['));
        UNIT_CHECK(row->path, !a.is_utf8 || (row->allow & UTF8));
    }
}

static void check_bad(apr_pool_t *p, const bad_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const bad_t *row = &rows[i];
        size_t len = strlen(row->path);
        smtp_address_t a;
        apr_size_t consumed = 99;

        memset(&a, 0xAA, sizeof(a));
        UNIT_CHECK(row->path,
                   smtp_address_parse_path(p, unit_string(p, row->path), len,
                                           row->allow, &a, &consumed)
                   == row->want);
        UNIT_CHECK(row->path, consumed == 0);
        UNIT_CHECK(row->path, a.local == NULL && a.domain == NULL
                              && a.text == NULL && !a.is_null);
    }
}

/* RFC 5321 4.1.2 Dot-string; RFC 5322 3.2.3 */
static void mail_to_an_ordinary_mailbox_is_not_lost(void **state)
{
    static const good_t rows[] = {
        { "<a@b>", 0, "a", "b", "a@b" },
        { "<John.Doe@Example.COM>", 0, "John.Doe", "Example.COM",
          "John.Doe@Example.COM" },
        { "<user+tag=x@example.com>", 0, "user+tag=x", "example.com",
          "user+tag=x@example.com" },
        { "<!#$%&'*+-/=?^_`{|}~@example.com>", 0, "!#$%&'*+-/=?^_`{|}~",
          "example.com", "!#$%&'*+-/=?^_`{|}~@example.com" },
        { "<-oQ/tmp@example.com>", 0, "-oQ/tmp", "example.com",
          "-oQ/tmp@example.com" },
        /* percent and bang are nothing but text (RFC 5321 F.3) */
        { "<user%other.example@example.com>", 0, "user%other.example",
          "example.com", "user%other.example@example.com" },
        { "<host!user@example.com>", 0, "host!user", "example.com",
          "host!user@example.com" },
        { "<postmaster@example.com>", 0, "postmaster", "example.com",
          "postmaster@example.com" },
        { "<a@[192.0.2.1]>", 0, "a", "[192.0.2.1]", "a@[192.0.2.1]" },
        { "<a@[IPv6:2001:db8::1]>", 0, "a", "[IPv6:2001:db8::1]",
          "a@[IPv6:2001:db8::1]" },
        { "<a@[x:y>z@<]>", 0, "a", "[x:y>z@<]", "a@[x:y>z@<]" }
    };

    check_good(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.2 Quoted-string; written without quotes when it can be */
static void mail_to_a_quoted_mailbox_is_not_lost(void **state)
{
    static const good_t rows[] = {
        { "<\"a\"@b.c>", 0, "a", "b.c", "a@b.c" },
        { "<\"a.b\"@b.c>", 0, "a.b", "b.c", "a.b@b.c" },
        { "<\"\\a\\b\"@b.c>", 0, "ab", "b.c", "ab@b.c" },
        { "<\"a b\"@b.c>", 0, "a b", "b.c", "\"a b\"@b.c" },
        { "<\"a\\ b\"@b.c>", 0, "a b", "b.c", "\"a b\"@b.c" },
        { "<\"\"@b.c>", 0, "", "b.c", "\"\"@b.c" },
        { "<\".\"@b.c>", 0, ".", "b.c", "\".\"@b.c" },
        { "<\"a..b\"@b.c>", 0, "a..b", "b.c", "\"a..b\"@b.c" },
        { "<\"a.\"@b.c>", 0, "a.", "b.c", "\"a.\"@b.c" },
        { "<\"a@b\"@b.c>", 0, "a@b", "b.c", "\"a@b\"@b.c" },
        { "<\">\"@b.c>", 0, ">", "b.c", "\">\"@b.c" },
        { "<\"a\\\"b\"@b.c>", 0, "a\"b", "b.c", "\"a\\\"b\"@b.c" },
        { "<\"a\\\\b\"@b.c>", 0, "a\\b", "b.c", "\"a\\\\b\"@b.c" },
        { "<\"\\>\\@\"@b.c>", 0, ">@", "b.c", "\">@\"@b.c" },
        { "<\"(),:;<>[]\"@b.c>", 0, "(),:;<>[]", "b.c",
          "\"(),:;<>[]\"@b.c" }
    };

    check_good(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 3.3, 4.1.1.3, appendix C: accepted, not used */
static void a_source_route_is_dropped(void **state)
{
    static const good_t good[] = {
        { "<@r.example:a@b.c>", 0, "a", "b.c", "a@b.c" },
        { "<@r.example,@s:\"a b\"@b.c>", 0, "a b", "b.c", "\"a b\"@b.c" },
        { "<@\xC3\xBC.example:a@b.c>", UTF8, "a", "b.c", "a@b.c" }
    };
    static const bad_t bad[] = {
        { "<@r.example>", 0, SYNTAX }, { "<@r.example:>", 0, SYNTAX },
        { "<@r.example:>", NULL_PATH, SYNTAX },
        { "<@:a@b.c>", 0, SYNTAX }, { "<:a@b.c>", 0, SYNTAX },
        { "<@r,:a@b.c>", 0, SYNTAX }, { "<@r,s:a@b.c>", 0, SYNTAX },
        { "<@r@s:a@b.c>", 0, SYNTAX }, { "<@r, @s:a@b.c>", 0, SYNTAX },
        { "<@r: a@b.c>", 0, SYNTAX }, { "<@r:@s:a@b.c>", 0, SYNTAX },
        { "<@r.:a@b.c>", 0, SYNTAX }, { "<@[1.2.3.4]:a@b.c>", 0, SYNTAX },
        { "<@r:a>", BARE, SYNTAX },
        { "<@r:postmaster>", POSTMASTER, SYNTAX },
        { "<@\xC3\xBC.example:a@b.c>", 0, NOT_ASCII },
        { "<@\xC3.example:a@b.c>", UTF8, BAD_UTF8 },
        { "<@" D63 "." D63 "." D63 "." D63 ".a:a@b.c>", 0, DOMAIN_TOO_LONG }
    };

    check_good(*state, good, UNIT_ROWS(good));
    check_bad(*state, bad, UNIT_ROWS(bad));
}

static void what_is_no_path_is_refused(void **state)
{
    static const bad_t rows[] = {
        { "", 0, SYNTAX }, { "<", 0, SYNTAX }, { ">", 0, SYNTAX },
        { "a@b.c", 0, SYNTAX }, { "a@b.c>", 0, SYNTAX },
        { "<a@b.c", 0, SYNTAX }, { " <a@b.c>", 0, SYNTAX },
        { "< a@b.c>", 0, SYNTAX }, { "<a@b.c >", 0, SYNTAX },
        { "<<a@b.c>>", 0, SYNTAX }, { "<a@b.c,d@e.f>", 0, SYNTAX },
        { "<Name <a@b.c>>", 0, SYNTAX }, { "<a@>", 0, SYNTAX },
        { "<@>", 0, SYNTAX }, { "<@b.c>", 0, SYNTAX }, { "<a>", 0, SYNTAX },
        { "<a@b@c>", 0, SYNTAX }, { "<a@b.>", 0, SYNTAX },
        { "<a@.b>", 0, SYNTAX }, { "<a@b..c>", 0, SYNTAX },
        { "<a@b_c>", 0, SYNTAX }, { "<a@-b>", 0, SYNTAX },
        { "<.a@b>", 0, SYNTAX }, { "<a.@b>", 0, SYNTAX },
        { "<a..b@b>", 0, SYNTAX }, { "<a b@b>", 0, SYNTAX },
        { "<a(c)@b>", 0, SYNTAX }, { "<a\\b@b>", 0, SYNTAX },
        { "<a,b@b>", 0, SYNTAX }, { "<a:b@b>", 0, SYNTAX },
        { "<a;b@b>", 0, SYNTAX }, { "<a[b@b>", 0, SYNTAX },
        { "<a\tb@b>", 0, SYNTAX }, { "<a\x7F" "b@b>", 0, SYNTAX },
        { "<a@b\r\n>", 0, SYNTAX }, { "<a\r\n@b>", 0, SYNTAX },
        { "<\"a@b>", 0, SYNTAX }, { "<\"a\"b@b>", 0, SYNTAX },
        { "<a\"b\"@b>", 0, SYNTAX }, { "<\"a\".\"b\"@b>", 0, SYNTAX },
        { "<\"a\".b@b>", 0, SYNTAX }, { "<\"a\\\"@b>", 0, SYNTAX },
        { "<\"a\\", 0, SYNTAX }, { "<\"", 0, SYNTAX },
        { "<\"a\x01\"@b>", 0, SYNTAX }, { "<\"a\\\x01\"@b>", 0, SYNTAX },
        { "<\"a\n\"@b>", 0, SYNTAX }, { "<\"a\x7F\"@b>", 0, SYNTAX },
        { "<\"a\" @b>", 0, SYNTAX }, { "<a@ b>", 0, SYNTAX },
        { "<a@[1.2.3]>", 0, SYNTAX }, { "<a@[1.2.3.4>", 0, SYNTAX },
        { "<a@[1.2.3.4]", 0, SYNTAX }, { "<a@[1.2.3.4].c>", 0, SYNTAX },
        { "<a@1.2.3.4]>", 0, SYNTAX }, { "<a@[IPv6:1::2::3]>", 0, SYNTAX },
        { "<a@b.c", UTF8 | BARE | NULL_PATH | POSTMASTER, SYNTAX }
    };

    check_bad(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.5.5, 6.1 */
static void dsns_are_taken_from_the_null_reverse_path(void **state)
{
    apr_pool_t *p = *state;
    smtp_address_t a;
    apr_size_t consumed;

    assert_int_equal(smtp_address_parse_path(p, "<> SIZE=1", 9, NULL_PATH,
                                             &a, &consumed), OK);
    assert_int_equal(consumed, 2);
    assert_true(a.is_null);
    assert_string_equal(a.local, "");
    assert_string_equal(a.text, "");
    assert_null(a.domain);
    assert_false(a.is_literal || a.is_utf8);
}

static void a_null_forward_path_is_refused(void **state)
{
    static const bad_t rows[] = {
        { "<>", 0, SYNTAX }, { "<>", BARE | POSTMASTER | UTF8, SYNTAX },
        { "< >", NULL_PATH, SYNTAX }, { "<@>", NULL_PATH, SYNTAX },
        { "<\"\">", NULL_PATH, SYNTAX }
    };

    check_bad(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.1.3, 4.5.1 */
static void the_postmaster_is_reached_without_a_domain(void **state)
{
    static const good_t good[] = {
        { "<Postmaster>", POSTMASTER, "Postmaster", NULL, "Postmaster" },
        { "<postmaster>", POSTMASTER, "postmaster", NULL, "postmaster" },
        { "<POSTMASTER>", POSTMASTER, "POSTMASTER", NULL, "POSTMASTER" }
    };
    static const bad_t bad[] = {
        { "<postmaster>", 0, SYNTAX }, { "<postmaster>", NULL_PATH, SYNTAX },
        { "<\"postmaster\">", POSTMASTER, SYNTAX },
        { "<postmasters>", POSTMASTER, SYNTAX },
        { "<postmastes>", POSTMASTER, SYNTAX },
        { "<post>", POSTMASTER, SYNTAX }, { "<abuse>", POSTMASTER, SYNTAX },
        { "<postmaster@>", POSTMASTER, SYNTAX },
        { "<postmaster >", POSTMASTER, SYNTAX }
    };

    check_good(*state, good, UNIT_ROWS(good));
    check_bad(*state, bad, UNIT_ROWS(bad));
}

static void submission_may_complete_a_bare_local_part(void **state)
{
    static const good_t good[] = {
        { "<john>", BARE, "john", NULL, "john" },
        { "<\"john\">", BARE, "john", NULL, "john" },
        { "<\"john doe\">", BARE, "john doe", NULL, "\"john doe\"" },
        { "<\"\">", BARE, "", NULL, "\"\"" },
        { "<john@b.c>", BARE, "john", "b.c", "john@b.c" }
    };
    static const bad_t bad[] = {
        { "<john@>", BARE, SYNTAX }, { "<john.>", BARE, SYNTAX }
    };

    check_good(*state, good, UNIT_ROWS(good));
    check_bad(*state, bad, UNIT_ROWS(bad));
}

/* RFC 5321 4.5.3.1.1 to 4.5.3.1.3: octets, also of UTF-8 (RFC 6531 3.3) */
static void the_limits_are_those_of_the_rfc(void **state)
{
    static const good_t good[] = {
        { "<" A60 "aaaa@b>", 0, A60 "aaaa", "b", A60 "aaaa@b" },
        { "<\"" A60 "a \"@b>", 0, A60 "a ", "b", "\"" A60 "a \"@b" },
        { "<" A60 "\xC3\xBC\xC3\xBC@b>", UTF8, A60 "\xC3\xBC\xC3\xBC", "b",
          A60 "\xC3\xBC\xC3\xBC@b" },
        /* 256 octets with the brackets */
        { "<a@" D63 "." D63 "." D63 "." A60 ">", 0, "a",
          D63 "." D63 "." D63 "." A60, "a@" D63 "." D63 "." D63 "." A60 }
    };
    static const bad_t bad[] = {
        { "<" A60 "aaaaa@b>", 0, LOCAL_TOO_LONG },
        { "<" A60 "aaaaa>", BARE, LOCAL_TOO_LONG },
        { "<\"" A60 "aaa\"@b>", 0, LOCAL_TOO_LONG },
        { "<" A60 "a\xC3\xBC\xC3\xBC@b>", UTF8, LOCAL_TOO_LONG },
        { "<a@" D63 "." D63 "." D63 "." D61 ">", 0, PATH_TOO_LONG },
        { "<a@" D63 "." D63 "." D63 "." D63 ">", 0, PATH_TOO_LONG },
        { "<a@" D63 "." D63 "." D63 "." D63 ".>", 0, DOMAIN_TOO_LONG },
        { "<a@" D63 "." D63 "." D63 "." D63 ".a>", 0, DOMAIN_TOO_LONG },
        { "<a@" D63 "a.b>", 0, SYNTAX },
        { "<@" D63 "." D63 "." D63 ":a@" D63 ".a>", 0, PATH_TOO_LONG }
    };

    check_good(*state, good, UNIT_ROWS(good));
    check_bad(*state, bad, UNIT_ROWS(bad));
}

/* RFC 6531 3.3 */
static void mail_to_a_mailbox_in_another_script_is_not_lost(void **state)
{
    static const good_t good[] = {
        { "<\xC3\xBC@b.c>", UTF8, "\xC3\xBC", "b.c", "\xC3\xBC@b.c" },
        { "<a.\xE4\xBE\x8B.b@\xE4\xBE\x8B.b>", UTF8, "a.\xE4\xBE\x8B.b",
          "\xE4\xBE\x8B.b", "a.\xE4\xBE\x8B.b@\xE4\xBE\x8B.b" },
        { "<\"\xC3\xBC\"@b.c>", UTF8, "\xC3\xBC", "b.c", "\xC3\xBC@b.c" },
        { "<\"\xC3\xBC \\\"\"@b.c>", UTF8, "\xC3\xBC \"", "b.c",
          "\"\xC3\xBC \\\"\"@b.c" },
        { "<a@b.c>", UTF8, "a", "b.c", "a@b.c" }
    };
    static const bad_t bad[] = {
        { "<\xC3\xBC@b.c>", 0, NOT_ASCII },
        { "<\"\xC3\xBC\"@b.c>", 0, NOT_ASCII },
        { "<a@\xC3\xBC.c>", 0, NOT_ASCII },
        { "<a@[x:\xC3\xBC]>", 0, NOT_ASCII },
        { "<\xC3@b.c>", 0, NOT_ASCII },
        { "<\xC3@b.c>", UTF8, BAD_UTF8 },
        { "<a\xFF@b.c>", UTF8, BAD_UTF8 },
        { "<\"\xC0\xAF\"@b.c>", UTF8, BAD_UTF8 },
        { "<\xED\xA0\x80@b.c>", UTF8, BAD_UTF8 },
        { "<a@\xC3.c>", UTF8, BAD_UTF8 },
        { "<a@[x:\xC3\xBC]>", UTF8, SYNTAX },
        { "<\"\\\xC3\xBC\"@b.c>", UTF8, SYNTAX },
        { "<a@\xC3\xBC..c>", UTF8, SYNTAX },
        { "<\xC3\xBC>", UTF8, SYNTAX }
    };
    smtp_address_t a;
    apr_size_t consumed;

    check_good(*state, good, UNIT_ROWS(good));
    check_bad(*state, bad, UNIT_ROWS(bad));
    smtp_address_parse_path(*state, "<a@\xC3\xBC.c>", 8, UTF8, &a, &consumed);
    assert_true(a.is_utf8);
    smtp_address_parse_path(*state, "<a@b.c>", 7, UTF8, &a, &consumed);
    assert_false(a.is_utf8);
}

static void a_nul_does_not_cut_an_address_short(void **state)
{
    static const struct {
        const char *octets;
        size_t len;
    } rows[] = {
        { "<a\0@b.c>", 8 }, { "<\0@b.c>", 7 }, { "<\"a\0\"@b.c>", 10 },
        { "<\"a\\\0\"@b.c>", 11 }, { "<a@b.c\0>", 8 }, { "<a@b\0.c>", 8 },
        { "<a@b.c\0", 7 }, { "<a@[1.2.3.4\0]>", 14 },
        { "<@r\0:a@b.c>", 11 }, { "<a\0>", 4 }, { "\0<a@b.c>", 8 },
        { "<\0>", 3 }
    };
    const unsigned int allow = UTF8 | NULL_PATH | POSTMASTER | BARE;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *s = unit_octets(*state, rows[i].octets, rows[i].len);
        smtp_address_t a;
        apr_size_t consumed;

        if (smtp_address_parse_path(*state, s, rows[i].len, allow, &a,
                                    &consumed) != SYNTAX) {
            fail_msg("row %u", (unsigned int)i);
        }
    }
}

static void parameters_are_left_to_their_parser(void **state)
{
    static const struct {
        const char *text;
        size_t consumed;
    } rows[] = {
        { "<a@b.c> SIZE=1", 7 }, { "<a@b.c>SIZE=1", 7 }, { "<a@b.c>>", 7 },
        { "<\">\"@b.c> X", 9 }, { "<a@[1.2.3.4]> X", 13 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_address_t a;
        apr_size_t consumed;
        char *s = unit_string(*state, rows[i].text);

        UNIT_CHECK(rows[i].text,
                   smtp_address_parse_path(*state, s, strlen(rows[i].text), 0,
                                           &a, &consumed) == OK);
        UNIT_CHECK(rows[i].text, consumed == rows[i].consumed);
    }
}

/* What a map or a file of ours holds */
static void mailboxes_in_configuration_are_read_whole(void **state)
{
    static const struct {
        const char *text;
        unsigned int allow;
        smtp_address_status_e want;
        const char *written;
    } rows[] = {
        { "a@b.c", 0, OK, "a@b.c" },
        { "\"a b\"@b.c", 0, OK, "\"a b\"@b.c" },
        { "\"a\"@[IPv6:::1]", 0, OK, "a@[IPv6:::1]" },
        { "info", BARE, OK, "info" },
        { "Postmaster", POSTMASTER, OK, "Postmaster" },
        { "", NULL_PATH, OK, "" },
        { "a@" D63 "." D63 "." D63 "." A60, 0, OK,
          "a@" D63 "." D63 "." D63 "." A60 },
        { "", 0, SYNTAX, NULL }, { "", BARE, SYNTAX, NULL },
        { "<a@b.c>", 0, SYNTAX, NULL }, { "<>", NULL_PATH, SYNTAX, NULL },
        { "a@b.c>", 0, SYNTAX, NULL }, { "a@b.c ", 0, SYNTAX, NULL },
        { " a@b.c", 0, SYNTAX, NULL }, { "a@b.c,d@e.f", 0, SYNTAX, NULL },
        { "@r:a@b.c", 0, SYNTAX, NULL }, { "info", 0, SYNTAX, NULL },
        { "a@[1.2.3.4]x", 0, SYNTAX, NULL },
        { "a\xC3\xBC@b", 0, NOT_ASCII, NULL },
        { "a@" D63 "." D63 "." D63 "." D61, 0, PATH_TOO_LONG, NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *s = unit_string(*state, rows[i].text);
        smtp_address_t a;

        memset(&a, 0xAA, sizeof(a));
        UNIT_CHECK(rows[i].text,
                   smtp_address_parse(*state, s, len, rows[i].allow, &a)
                   == rows[i].want);
        UNIT_CHECK(rows[i].text, same(a.text, rows[i].written));
        UNIT_CHECK(rows[i].text,
                   a.is_null == (rows[i].want == OK && len == 0));
    }
}

static void an_address_made_of_parts_is_one_that_parses(void **state)
{
    static const struct {
        const char *local;
        const char *domain;
        const char *text;
    } rows[] = {
        { "a", "b.c", "a@b.c" }, { "a.b", "b.c", "a.b@b.c" },
        { "a b", "b.c", "\"a b\"@b.c" }, { "", "b.c", "\"\"@b.c" },
        { "a\"\\", "b.c", "\"a\\\"\\\\\"@b.c" },
        { "a", "[192.0.2.1]", "a@[192.0.2.1]" }, { "a", NULL, "a" },
        { "a b", NULL, "\"a b\"" }, { "\xC3\xBC", "b.c", "\xC3\xBC@b.c" },
        { "a", "\xC3\xBC.c", "a@\xC3\xBC.c" },
        { "a", "my_host", "a@my_host" }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_address_t *a = smtp_address_create(p, rows[i].local,
                                                rows[i].domain);

        assert_non_null(a);
        assert_string_equal(a->text, rows[i].text);
        assert_string_equal(a->local, rows[i].local);
        assert_ptr_not_equal(a->local, rows[i].local);
        assert_true(same(a->domain, rows[i].domain));
        assert_false(a->is_null);
    }
    assert_true(smtp_address_create(p, "a", "[192.0.2.1]")->is_literal);
    assert_true(smtp_address_create(p, "a", "\xC3\xBC")->is_utf8);
    assert_true(smtp_address_create(p, "", NULL)->is_null);
    assert_string_equal(smtp_address_create(p, "", NULL)->text, "");
}

static void no_map_can_put_a_line_into_an_envelope(void **state)
{
    static const struct {
        const char *local;
        const char *domain;
    } rows[] = {
        { "a\r\nRCPT TO:<x@y>", "b.c" }, { "a\x7F", "b.c" }, { "\t", "b.c" },
        { "\xFF", "b.c" }, { "a", "b.c>\r\nDATA" }, { "a", "b c" },
        { "a", "" }, { "a", "b.c>" }, { "a", "\xC3" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].local,
                   smtp_address_create(*state, rows[i].local, rows[i].domain)
                   == NULL);
    }
}

static void a_copy_outlives_the_pool_of_its_original(void **state)
{
    apr_pool_t *p = *state;
    apr_pool_t *child;
    smtp_address_t a;
    smtp_address_t *copy;
    smtp_address_t *null_copy;

    apr_pool_create(&child, p);
    assert_int_equal(smtp_address_parse(child, "a b@c", 5, 0, &a), SYNTAX);
    assert_int_equal(smtp_address_parse(child, "\"a b\"@[1.2.3.4]", 15, 0,
                                        &a), OK);
    copy = smtp_address_copy(p, &a);
    smtp_address_parse(child, "", 0, NULL_PATH, &a);
    null_copy = smtp_address_copy(p, &a);
    apr_pool_destroy(child);
    assert_string_equal(copy->local, "a b");
    assert_string_equal(copy->domain, "[1.2.3.4]");
    assert_string_equal(copy->text, "\"a b\"@[1.2.3.4]");
    assert_true(copy->is_literal);
    assert_false(copy->is_null);
    assert_true(null_copy->is_null);
    assert_null(null_copy->domain);
    assert_string_equal(null_copy->text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_to_an_ordinary_mailbox_is_not_lost),
        UNIT_TEST(mail_to_a_quoted_mailbox_is_not_lost),
        UNIT_TEST(a_source_route_is_dropped),
        UNIT_TEST(what_is_no_path_is_refused),
        UNIT_TEST(dsns_are_taken_from_the_null_reverse_path),
        UNIT_TEST(a_null_forward_path_is_refused),
        UNIT_TEST(the_postmaster_is_reached_without_a_domain),
        UNIT_TEST(submission_may_complete_a_bare_local_part),
        UNIT_TEST(the_limits_are_those_of_the_rfc),
        UNIT_TEST(mail_to_a_mailbox_in_another_script_is_not_lost),
        UNIT_TEST(a_nul_does_not_cut_an_address_short),
        UNIT_TEST(parameters_are_left_to_their_parser),
        UNIT_TEST(mailboxes_in_configuration_are_read_whole),
        UNIT_TEST(an_address_made_of_parts_is_one_that_parses),
        UNIT_TEST(no_map_can_put_a_line_into_an_envelope),
        UNIT_TEST(a_copy_outlives_the_pool_of_its_original)
    };
    return UNIT_RUN(tests);
}
