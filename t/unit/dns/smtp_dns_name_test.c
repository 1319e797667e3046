/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <stdio.h>

#include "smtp_dns_name.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define A63 A60 "aaa"
/* The same as a label on the wire: 64 octets. */
#define L63 "\x3F" A63
/* 253 octets, and 255 on the wire. */
#define LONGEST_TEXT A63 "." A63 "." A63 "." A60 "a"
#define LONGEST_WIRE L63 L63 L63 "\x3D" A60 "a"

#define OCTETS(s) (s), sizeof(s) - 1

typedef struct row_t {
    const char *octets;
    size_t len;
    const char *want;      /* NULL: refused */
} row_t;

/* RFC 1035 3.1: the root's octet of C's string ends each. */
static const row_t names[] = {
    { OCTETS("\0"), "" },
    { OCTETS("\1a\0"), "a" },
    { OCTETS("\2mx\7example\3com\0"), "mx.example.com" },
    { OCTETS("\2MX\7eXample\3COM\0"), "mx.example.com" },
    { OCTETS("\1" "1\3" "2-b\5x--yz\0"), "1.2-b.x--yz" },
    { OCTETS(L63 "\3com\0"), A63 ".com" },
    { LONGEST_WIRE, sizeof(LONGEST_WIRE), LONGEST_TEXT }
};

static const row_t refused[] = {
    { OCTETS(""), NULL },
    /* one octet too many */
    { OCTETS(L63 L63 L63 "\x3E" A60 "aa\0"), NULL },
    { OCTETS(L63 L63 L63 L63 L63 L63 L63 L63 L63 "\0"), NULL },
    { OCTETS("\2mx\7example\3com"), NULL },           /* no root */
    { OCTETS("\2mx\7example\3com\0\0"), NULL },       /* more after it */
    { OCTETS("\0\0"), NULL },
    { OCTETS("\7example\x20" "com\0"), NULL },        /* beyond the end */
    { OCTETS("\1a\xC0\x00"), NULL },                  /* RFC 1035 4.1.4 */
    { OCTETS("\xC0\x0C"), NULL },
    { OCTETS("\1a\xC0"), NULL },
    { OCTETS("\x40" A60 "aaaa\0"), NULL },            /* a label of 64 */
    { OCTETS("\x80" "a\0"), NULL },
    /* What a log, a header field or a command would take for its own. */
    { OCTETS("\4a\r\nb\0"), NULL }, { OCTETS("\3a\nb\0"), NULL },
    { OCTETS("\3a\0b\0"), NULL }, { OCTETS("\1\0\0"), NULL },
    { OCTETS("\3a b\0"), NULL }, { OCTETS("\3a.b\0"), NULL },
    { OCTETS("\1.\0"), NULL }, { OCTETS("\3a@b\0"), NULL },
    { OCTETS("\3a=b\0"), NULL }, { OCTETS("\3a\"b\0"), NULL },
    { OCTETS("\3a\\b\0"), NULL }, { OCTETS("\3a/b\0"), NULL },
    { OCTETS("\1*\3com\0"), NULL }, { OCTETS("\3a_b\3com\0"), NULL },
    { OCTETS("\2\xC3\xBC\3com\0"), NULL }, { OCTETS("\1\x7F\0"), NULL },
    { OCTETS("\1\xFF\0"), NULL },
    { OCTETS("\1-\0"), NULL }, { OCTETS("\2-a\3com\0"), NULL },
    { OCTETS("\2a-\3com\0"), NULL },
    /* RFC 1123 2.1: that is an address, and no host's name. */
    { OCTETS("\3" "192\1" "0\1" "2\1" "1\0"), NULL },
    { OCTETS("\2mx\1" "1\0"), NULL }, { OCTETS("\1" "1\0"), NULL }
};

static const char *parse(apr_pool_t *p, const char *octets, size_t len)
{
    return smtp_dns_name_parse(p, (const unsigned char *)
                               unit_octets(p, octets, len), len);
}

static void a_host_is_found_by_its_name(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(names); i++) {
        const char *name = parse(*state, names[i].octets, names[i].len);

        UNIT_CHECK(names[i].want, name != NULL);
        assert_string_equal(name, names[i].want);
    }
}

/* Exim CVE-2026-40684, nginx CVE-2026-28753: a name from DNS that breaks out
 * of where it is written. */
static void a_name_that_is_no_hosts_gets_nowhere(void **state)
{
    char text[8];
    size_t i;

    for (i = 0; i < UNIT_ROWS(refused); i++) {
        sprintf(text, "%d", (int)i);
        UNIT_CHECK(text, parse(*state, refused[i].octets, refused[i].len)
                         == NULL);
    }
}

static void a_name_cut_short_is_none(void **state)
{
    size_t i, len;

    for (i = 0; i < UNIT_ROWS(names); i++) {
        for (len = 0; len < names[i].len; len++) {
            UNIT_CHECK(names[i].want,
                       parse(*state, names[i].octets, len) == NULL);
        }
    }
}

static void each_octet_in_a_label_is_a_hosts_or_refused(void **state)
{
    int c;

    for (c = 0; c < 256; c++) {
        char octets[] = "\3a?b\3com";
        int want = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-';

        octets[2] = (char)c;
        assert_int_equal(parse(*state, octets, sizeof(octets)) != NULL,
                         want);
    }
}

static void text_is_a_host_or_is_not(void **state)
{
    static const struct {
        const char *name;
        int want;
    } rows[] = {
        { "mx.example.com", 1 }, { "localhost", 1 }, { "MX.Example", 1 },
        { "3com.com", 1 }, { "a.1b", 1 }, { LONGEST_TEXT, 1 },
        { LONGEST_TEXT "a", 0 }, { "", 0 }, { ".", 0 }, { "a.", 0 },
        { "a..b", 0 }, { "a.1", 0 }, { "192.0.2.1", 0 }, { "[192.0.2.1]", 0 },
        { "a_b.com", 0 }, { "2001:db8::1", 0 }, { "\xC3\xBC.com", 0 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].name,
                   smtp_dns_name_is_host(rows[i].name) == rows[i].want);
    }
}

static void what_dns_cannot_carry_is_not_asked(void **state)
{
    static const struct {
        const char *name;
        int want;
    } rows[] = {
        { "example.com", 1 }, { "_25._tcp.mx.example.com", 1 },
        { "s1._domainkey.example.com", 1 }, { "bob+x=y.spf.example", 1 },
        { LONGEST_TEXT, 1 }, { A63, 1 },
        { LONGEST_TEXT "a", 0 }, { A63 "a", 0 }, { "a." A63 "a.b", 0 },
        { "", 0 }, { ".", 0 }, { ".a", 0 }, { "a.", 0 }, { "a..b", 0 },
        { "a b", 0 }, { "a\tb", 0 }, { "a\r\nb", 0 }, { "a\\046b", 0 },
        { "a\x7F", 0 }, { "\xC3\xBC", 0 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].name,
                   smtp_dns_name_is_askable(rows[i].name) == rows[i].want);
    }
}

/* RFC 1035 3.5, RFC 3596 2.5 */
static void a_client_is_looked_up_under_its_address(void **state)
{
    static const struct {
        const char *address;
        const char *want;
    } rows[] = {
        { "192.0.2.1", "1.2.0.192.in-addr.arpa" },
        { "255.0.10.1", "1.10.0.255.in-addr.arpa" },
        { "::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa" },
        { "4321:0:1:2:3:4:567:89ab",
          "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4."
          "ip6.arpa" },
        { "::1",
          "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
          "ip6.arpa" },
        { "", NULL }, { "192.0.2", NULL }, { "192.0.2.256", NULL },
        { "[192.0.2.1]", NULL }, { "example.com", NULL },
        { "fe80::1%eth0", NULL }, { "::1\r\n", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *name = smtp_dns_name_reverse(*state, rows[i].address);

        UNIT_CHECK(rows[i].address, (name == NULL) == (rows[i].want == NULL));
        if (name != NULL) {
            assert_string_equal(name, rows[i].want);
            assert_true(smtp_dns_name_is_askable(name));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_host_is_found_by_its_name),
        UNIT_TEST(a_name_that_is_no_hosts_gets_nowhere),
        UNIT_TEST(a_name_cut_short_is_none),
        UNIT_TEST(each_octet_in_a_label_is_a_hosts_or_refused),
        UNIT_TEST(text_is_a_host_or_is_not),
        UNIT_TEST(what_dns_cannot_carry_is_not_asked),
        UNIT_TEST(a_client_is_looked_up_under_its_address)
    };
    return UNIT_RUN(tests);
}
