/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_domain.h"

#define NAME    SMTP_DOMAIN_NAME
#define UNAME   SMTP_DOMAIN_UNAME
#define IPV4    SMTP_DOMAIN_IPV4
#define IPV6    SMTP_DOMAIN_IPV6
#define GENERAL SMTP_DOMAIN_GENERAL
#define INVALID SMTP_DOMAIN_INVALID
#define ALL     (SMTP_DOMAIN_ALLOW_UTF8 | SMTP_DOMAIN_ALLOW_LITERAL)

#define A10 "aaaaaaaaaa"
#define A63 A10 A10 A10 A10 A10 A10 "aaa"
#define U10 "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC" \
            "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
#define U59 U10 U10 U10 U10 U10 "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC" \
            "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"

typedef struct row_t {
    const char *text;
    smtp_domain_e want;
} row_t;

static void check(apr_pool_t *p, const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        size_t len = strlen(rows[i].text);
        char *s = unit_string(p, rows[i].text);

        UNIT_CHECK(rows[i].text,
                   smtp_domain_parse(s, len, ALL) == rows[i].want);
    }
}

/* RFC 5321 4.1.2 Domain, RFC 1035 2.3.4 */
static void a_name_is_labels_of_letters_digits_and_hyphens(void **state)
{
    static const row_t rows[] = {
        { "a", NAME }, { "localhost", NAME }, { "example.com", NAME },
        { "EXAMPLE.Com", NAME }, { "1.example", NAME }, { "a-b.c--d", NAME },
        { "xn--bcher-kva.example", NAME }, { "192.0.2.1", NAME },
        { A63 ".example", NAME }, { "a.b.c.d.e.f", NAME },
        { A63 "." A63 "." A63 "." A10 A10 A10 A10 A10 A10 "a.a", NAME },
        { A63 "." A63 "." A63 "." A63, NAME },
        { A63 "." A63 "." A63 "." A63 ".", INVALID },
        { A63 "." A63 "." A63 "." A10 A10 A10 A10 A10 A10 "a.aa", INVALID },
        { "a" A63 ".example", INVALID }, { "example." A63 "a", INVALID },
        { "", INVALID }, { ".", INVALID }, { ".com", INVALID },
        { "example.com.", INVALID }, { "example..com", INVALID },
        { "-a.com", INVALID }, { "a-.com", INVALID }, { "a.-", INVALID },
        { "a_b.com", INVALID }, { "a b", INVALID }, { "a@b", INVALID },
        { "a,b", INVALID }, { "a:b", INVALID }, { "a/b", INVALID },
        { "a\tb", INVALID }, { "a\nb", INVALID }, { "a]", INVALID },
        { "a\"b\"", INVALID }, { "a.com>", INVALID }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 6531 3.3, RFC 5890 2.3.2.1 */
static void a_name_in_another_script_is_a_name(void **state)
{
    static const row_t rows[] = {
        { "b\xC3\xBC" "cher.example", UNAME },
        { "example.\xD1\x80\xD1\x84", UNAME },
        { "\xE4\xBE\x8B.\xE5\xAD\x90", UNAME },
        { "\xF0\x9F\x93\xA7.example", UNAME },
        { U59 ".example", UNAME },
        { U59 "\xC3\xBC.example", INVALID },      /* 60 characters */
        { "\xC3.example", INVALID }, { "\xFF", INVALID },
        { "\xC0\xAE", INVALID },                  /* an overlong dot */
        { "-\xC3\xBC", INVALID }, { "\xC3\xBC-", INVALID },
        { "\xC2\x85.example", INVALID },          /* U+0085, a control */
        { "\xC2\xA0.example", UNAME },
        { "a\xE3\x80\x82" "example", INVALID },   /* U+3002 */
        { "a\xEF\xBC\x8E" "example", INVALID },   /* U+FF0E */
        { "a\xEF\xBD\xA1" "example", INVALID },   /* U+FF61 */
        { "\xC3\xBC.exa mple", INVALID }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.3 IPv4-address-literal */
static void mail_to_an_ipv4_literal_is_not_lost(void **state)
{
    static const row_t rows[] = {
        { "[192.0.2.1]", IPV4 }, { "[0.0.0.0]", IPV4 },
        { "[255.255.255.255]", IPV4 }, { "[001.02.3.004]", IPV4 },
        { "[256.0.0.1]", INVALID }, { "[1.2.3.256]", INVALID },
        { "[1.2.3]", INVALID }, { "[1.2.3.]", INVALID },
        { "[1.2]", INVALID }, { "[1.2.333.4]", INVALID },
        { "[1.2.3.4.5]", INVALID }, { "[1.2.3.4.]", INVALID },
        { "[.1.2.3]", INVALID }, { "[1..2.3]", INVALID },
        { "[0001.2.3.4]", INVALID }, { "[1.2.3.-4]", INVALID },
        { "[1.2.3.a]", INVALID }, { "[ 1.2.3.4]", INVALID },
        { "[1.2.3.4 ]", INVALID }, { "[1.2.3.4", INVALID },
        { "[1.2.3.4]]", INVALID }, { "[1.2.3.4].com", INVALID },
        { "[]", INVALID }, { "[", INVALID }, { "]", INVALID },
        { "[[1.2.3.4]]", INVALID }, { "1.2.3.4]", INVALID },
        { "[example.com]", INVALID }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.3 IPv6-full, -comp, v4-full, v4-comp */
static void mail_to_an_ipv6_literal_is_not_lost(void **state)
{
    static const row_t rows[] = {
        { "[IPv6:1:2:3:4:5:6:7:8]", IPV6 },
        { "[ipv6:2001:DB8:0:0:8:800:200c:417A]", IPV6 },
        { "[IPV6:0001:0002:3:4:5:6:7:ffff]", IPV6 },
        { "[IPv6:::]", IPV6 }, { "[IPv6:::1]", IPV6 },
        { "[IPv6:1::]", IPV6 }, { "[IPv6:2001:db8::1]", IPV6 },
        { "[IPv6:1:2:3:4:5:6::]", IPV6 }, { "[IPv6:::1:2:3:4:5:6]", IPV6 },
        { "[IPv6:1:2:3::4:5:6]", IPV6 },
        { "[IPv6:1:2:3:4:5:6:192.0.2.1]", IPV6 },
        { "[IPv6:::192.0.2.1]", IPV6 }, { "[IPv6:::ffff:192.0.2.1]", IPV6 },
        { "[IPv6:1:2:3:4::192.0.2.1]", IPV6 },
        { "[IPv6:1::4:192.0.2.1]", IPV6 },
        { "[IPv6:::1:2:3:4:192.0.2.1]", IPV6 },

        { "[IPv6:]", INVALID }, { "[IPv6::]", INVALID },
        { "[IPv6:1]", INVALID }, { "[IPv6:1:]", INVALID },
        { "[IPv6::1]", INVALID }, { "[IPv6::::]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7:]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7:8:]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7:8:9]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7::]", INVALID }, /* "::" is two groups */
        { "[IPv6:::2:3:4:5:6:7:8]", INVALID },
        { "[IPv6:1::2:3:4:5:6:7:8]", INVALID },
        { "[IPv6:1::2::3]", INVALID }, { "[IPv6:::1::]", INVALID },
        { "[IPv6:1:::2]", INVALID }, { "[IPv6:::::1]", INVALID },
        { "[IPv6:12345::]", INVALID }, { "[IPv6:g::]", INVALID },
        { "[IPv6:1::%eth0]", INVALID }, { "[IPv6:fe80::1%1]", INVALID },
        { "[IPv6:1:2:3:4:5:192.0.2.1]", INVALID },
        { "[IPv6:1:2:3:4:5:6:7:192.0.2.1]", INVALID },
        { "[IPv6:1:2:3:4:5::192.0.2.1]", INVALID },
        { "[IPv6:192.0.2.1]", INVALID }, { "[IPv6:192.0.2.1::]", INVALID },
        { "[IPv6:::192.0.2.1:1]", INVALID },
        { "[IPv6:::192.0.2.256]", INVALID }, { "[IPv6:::192.0.2]", INVALID },
        { "[IPv6: ::1]", INVALID }, { "[IPv6:::1 ]", INVALID },
        { "[::1]", INVALID },
        { "[IPv6:::1", INVALID }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

/* RFC 5321 4.1.3 General-address-literal */
static void a_literal_of_a_kind_to_come_is_known_as_such(void **state)
{
    static const row_t rows[] = {
        { "[x:y]", GENERAL }, { "[IPv7:!Z^~:@>]", GENERAL },
        { "[IPv66:::1]", GENERAL }, { "[-a:b]", GENERAL },
        /* No IPv6 address without its tag: the grammar sees a tag "2001". */
        { "[2001:db8::1]", GENERAL },
        { "[tag:]", INVALID }, { "[:x]", INVALID }, { "[tag-:x]", INVALID },
        { "[t_g:x]", INVALID }, { "[tag:a b]", INVALID },
        { "[tag:a[b]", INVALID }, { "[tag:a]b]", INVALID },
        { "[tag:a\\b]", INVALID }, { "[tag:a\x7F]", INVALID },
        { "[tag:\xC3\xBC]", INVALID }, { "[t\xC3\xBCg:a]", INVALID }
    };

    check(*state, rows, UNIT_ROWS(rows));
}

static void a_kind_that_was_not_asked_for_is_refused(void **state)
{
    (void)state;
    assert_int_equal(smtp_domain_parse("[1.2.3.4]", 9,
                                       SMTP_DOMAIN_ALLOW_UTF8), INVALID);
    assert_int_equal(smtp_domain_parse("[x:y]", 5, 0), INVALID);
    assert_int_equal(smtp_domain_parse("\xC3\xBC", 2,
                                       SMTP_DOMAIN_ALLOW_LITERAL), INVALID);
    assert_int_equal(smtp_domain_parse("a.b", 3, 0), NAME);
}

static void a_nul_does_not_cut_a_domain_short(void **state)
{
    static const struct {
        const char *octets;
        size_t len;
    } rows[] = {
        { "a\0b", 3 }, { "a.com\0", 6 }, { "\0", 1 }, { "[1.2.3.4\0]", 10 },
        { "[IPv6:::1\0]", 11 }, { "[x:\0]", 5 }, { "[\0:x]", 5 },
        { "\xC3\xBC\0", 3 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *s = unit_octets(*state, rows[i].octets, rows[i].len);

        UNIT_CHECK(rows[i].octets,
                   smtp_domain_parse(s, rows[i].len, ALL) == INVALID);
    }
}

static void nothing_is_longer_than_255_octets(void **state)
{
    char literal[300];

    memset(literal, 'a', sizeof(literal));
    memcpy(literal, "[x:", 3);
    literal[254] = ']';
    assert_int_equal(smtp_domain_parse(unit_octets(*state, literal, 255),
                                       255, ALL), GENERAL);
    literal[254] = 'a';
    literal[255] = ']';
    assert_int_equal(smtp_domain_parse(unit_octets(*state, literal, 256),
                                       256, ALL), INVALID);
}

/* RFC 5321 4.1.4 */
static void clients_with_an_underscore_in_their_name_may_greet(void **state)
{
    static const row_t rows[] = {
        { "my_pc", NAME }, { "_a._b", NAME }, { "my_pc.example.com", NAME },
        { "[192.0.2.1]", IPV4 }, { "[IPv6:::1]", IPV6 }, { "[x:y]", GENERAL },
        { "b\xC3\xBC_cher", UNAME }, { "a_-", INVALID }, { "a_.", INVALID },
        { "[my_pc]", INVALID }, { "my pc", INVALID }, { "", INVALID }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *s = unit_string(*state, rows[i].text);

        UNIT_CHECK(rows[i].text,
                   smtp_domain_parse_helo(s, strlen(rows[i].text),
                                          SMTP_DOMAIN_ALLOW_UTF8)
                   == rows[i].want);
    }
    assert_int_equal(smtp_domain_parse_helo("\xC3\xBC", 2, 0), INVALID);
}

static void domains_compare_without_case(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(smtp_domain_fold(p, "ExAMple.CoZ@[`{rest", 15),
                        "example.coz@[`{");
    assert_string_equal(smtp_domain_fold(p, "B\xC3\x9C", 3), "b\xC3\x9C");
    assert_string_equal(smtp_domain_fold(p, "", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_name_is_labels_of_letters_digits_and_hyphens),
        UNIT_TEST(a_name_in_another_script_is_a_name),
        UNIT_TEST(mail_to_an_ipv4_literal_is_not_lost),
        UNIT_TEST(mail_to_an_ipv6_literal_is_not_lost),
        UNIT_TEST(a_literal_of_a_kind_to_come_is_known_as_such),
        UNIT_TEST(a_kind_that_was_not_asked_for_is_refused),
        UNIT_TEST(a_nul_does_not_cut_a_domain_short),
        UNIT_TEST(nothing_is_longer_than_255_octets),
        UNIT_TEST(clients_with_an_underscore_in_their_name_may_greet),
        UNIT_TEST(domains_compare_without_case)
    };
    return UNIT_RUN(tests);
}
