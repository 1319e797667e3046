/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <arpa/inet.h>

#include <apr_errno.h>
#include <apr_strings.h>

#include "smtp_dns_record.h"

#define OCTETS(s) (s), sizeof(s) - 1
#define D32 "0123456789abcdef0123456789abcdef"

#define A     SMTP_DNS_RECORD_A
#define AAAA  SMTP_DNS_RECORD_AAAA
#define CNAME SMTP_DNS_RECORD_CNAME
#define MX    SMTP_DNS_RECORD_MX
#define PTR   SMTP_DNS_RECORD_PTR
#define TLSA  SMTP_DNS_RECORD_TLSA
#define TXT   SMTP_DNS_RECORD_TXT

typedef struct row_t {
    int type;
    const char *rdata;
    size_t len;
    const char *want;      /* as record_write() has it */
} row_t;

static const row_t valid[] = {
    { A, OCTETS("\xC0\x00\x02\x01"), "192.0.2.1" },
    { A, OCTETS("\0\0\0\0"), "0.0.0.0" },
    { AAAA, OCTETS("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1"),
      "2001:db8::1" },
    { MX, OCTETS("\0\x0A\2mx\7example\3com\0"), "10 mx.example.com" },
    { MX, OCTETS("\xFF\xFE\2MX\0"), "65534 mx" },
    { MX, OCTETS("\0\0\0"), "0 " },                   /* RFC 7505 */
    { PTR, OCTETS("\4mail\7example\0"), "mail.example" },
    { CNAME, OCTETS("\4Mail\7example\0"), "mail.example" },
    { TXT, OCTETS("\0"), "" },
    { TXT, OCTETS("\0\0\1a\0"), "a" },
    { TXT, OCTETS("\6v=spf1\5 -all"), "v=spf1 -all" },
    /* Whoever writes a text makes it safe there; no octet is lost here. */
    { TXT, OCTETS("\4a\r\nb\2\xC3\xBC"), "a\r\nb\xC3\xBC" },
    { TLSA, OCTETS("\3\1\1" D32), "3 1 1 " D32 },
    { TLSA, OCTETS("\0\0\0x"), "0 0 0 x" },
    { TLSA, OCTETS("\xFF\xFF\xFFx"), "255 255 255 x" }
};

static const row_t invalid[] = {
    { A, OCTETS("\xC0\x00\x02\x01\x01"), NULL },
    { AAAA, OCTETS("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1\0"), NULL },
    { AAAA, OCTETS("\0\0\0\0\0\0\0\0\0\0\xFF\xFF\x7F\0\0\1"), NULL },
    { MX, OCTETS("\0\x0A\2mx\7example\3com\0\0"), NULL },
    { MX, OCTETS("\0\x0A\2m_\0"), NULL },
    { MX, OCTETS("\0\x0A\3m\r\n\0"), NULL },
    { MX, OCTETS("\0\x0A\xC0\x0C"), NULL },
    { MX, OCTETS("\0\x0A\3" "192\1" "0\1" "2\1" "1\0"), NULL },
    { PTR, OCTETS("\0"), NULL }, { CNAME, OCTETS("\0"), NULL },
    { PTR, OCTETS("\4a\r\nb\0"), NULL },
    { PTR, OCTETS("\1a\0\1b\0"), NULL },
    { TXT, OCTETS("\3a\0b"), NULL },                  /* NUL */
    { TXT, OCTETS("\3ab"), NULL }, { TXT, OCTETS("\1a\xFF" "b"), NULL }
};

/** One line of what a record says. */
static const char *record_write(apr_pool_t *p, const smtp_dns_record_t *r)
{
    switch (r->type) {
    case A:
    case AAAA:
        return smtp_dns_address_write(p, &r->u.address);
    case CNAME:
    case PTR:
        return r->u.name;
    case MX:
        return apr_psprintf(p, "%d %s", r->u.mx.preference, r->u.mx.host);
    case TXT:
        assert_int_equal(strlen(r->u.txt.text), r->u.txt.len);
        return r->u.txt.text;
    case TLSA:
        return apr_psprintf(p, "%d %d %d %.*s", r->u.tlsa.usage,
                            r->u.tlsa.selector, r->u.tlsa.matching,
                            (int)r->u.tlsa.data_len,
                            (const char *)r->u.tlsa.data);
    }
    fail();
    return NULL;
}

static apr_status_t parse(apr_pool_t *p, int type, const char *rdata,
                          size_t len, smtp_dns_record_t *record)
{
    return smtp_dns_record_parse(p, type, (const unsigned char *)
                                 unit_octets(p, rdata, len), len, record);
}

static int is_zero(const smtp_dns_record_t *record)
{
    static const smtp_dns_record_t zero;

    return memcmp(record, &zero, sizeof(zero)) == 0;
}

static void what_a_zone_says_is_understood(void **state)
{
    smtp_dns_record_t record;
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        UNIT_CHECK(valid[i].want,
                   parse(*state, valid[i].type, valid[i].rdata, valid[i].len,
                         &record) == APR_SUCCESS);
        assert_int_equal(record.type, valid[i].type);
        assert_string_equal(record_write(*state, &record), valid[i].want);
    }
}

static void a_malformed_record_is_refused_as_a_whole(void **state)
{
    smtp_dns_record_t record;
    char text[8];
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        apr_snprintf(text, sizeof(text), "%d", (int)i);
        UNIT_CHECK(text, parse(*state, invalid[i].type, invalid[i].rdata,
                               invalid[i].len, &record) == APR_EINVAL);
        UNIT_CHECK(text, is_zero(&record));
    }
}

/** Of TXT a piece can be whole, between two strings; of TLSA any is that has
 *  data. */
static int may_be_whole(const row_t *row, size_t len)
{
    size_t at = 0;

    while (row->type == TXT && at < len) {
        at += 1 + (unsigned char)row->rdata[at];
    }
    return (row->type == TXT && at == len && len > 0)
        || (row->type == TLSA && len > 3);
}

static void a_record_cut_short_anywhere_is_none(void **state)
{
    smtp_dns_record_t record;
    size_t i, len;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        for (len = 0; len < valid[i].len; len++) {
            apr_status_t rv = parse(*state, valid[i].type, valid[i].rdata,
                                    len, &record);

            UNIT_CHECK(valid[i].want, (rv == APR_SUCCESS)
                                      == may_be_whole(&valid[i], len));
        }
    }
}

static void a_type_that_nobody_asked_for_is_none_of_ours(void **state)
{
    static const int types[] = { 0, -1, 2, 6, 33, 46, 255, 65535 };
    smtp_dns_record_t record;
    size_t i;

    for (i = 0; i < UNIT_ROWS(types); i++) {
        assert_int_equal(parse(*state, types[i], "\1a\0", 3, &record),
                         APR_ENOTIMPL);
        assert_true(is_zero(&record));
    }
}

static void a_long_text_is_joined_whole(void **state)
{
    apr_pool_t *p = *state;
    char rdata[65535];
    char *joined = apr_palloc(p, sizeof(rdata));
    smtp_dns_record_t record;
    size_t len = 0, at = 0;

    while (at + 256 <= sizeof(rdata)) {
        rdata[at] = (char)255;
        memset(rdata + at + 1, 'a' + (int)(at / 256 % 26), 255);
        memcpy(joined + len, rdata + at + 1, 255);
        at += 256;
        len += 255;
    }
    assert_int_equal(parse(p, TXT, rdata, at, &record), APR_SUCCESS);
    assert_int_equal(record.u.txt.len, len);
    assert_memory_equal(record.u.txt.text, joined, len);
}

static void an_address_is_itself_however_it_is_written(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1" }, { "2001:DB8:0:0::1", "2001:db8::1" },
        { "::ffff:192.0.2.1", "192.0.2.1" }, { "::", "::" },
        { "", NULL }, { "192.0.2", NULL }, { "192.0.2.1 ", NULL },
        { "::1%lo", NULL }, { "mx.example.com", NULL }
    };
    smtp_dns_address_t address;
    smtp_dns_address_t again;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_status_t rv = smtp_dns_address_parse(rows[i].text, &address);

        UNIT_CHECK(rows[i].text,
                   rv == (rows[i].want ? APR_SUCCESS : APR_EINVAL));
        if (rv == APR_SUCCESS) {
            assert_string_equal(smtp_dns_address_write(*state, &address),
                                rows[i].want);
            smtp_dns_address_parse(rows[i].want, &again);
            assert_true(smtp_dns_address_is_equal(&address, &again));
        }
    }
}

static void this_machine_is_known_as_such(void **state)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        { "127.0.0.1", 1 }, { "127.1.2.3", 1 }, { "0.0.0.0", 1 },
        { "0.255.0.1", 1 }, { "::1", 1 }, { "::", 1 },
        { "::ffff:127.0.0.1", 1 },
        { "126.255.255.255", 0 }, { "128.0.0.1", 0 }, { "1.0.0.127", 0 },
        { "255.255.255.255", 0 }, { "::2", 0 }, { "1::", 0 },
        { "7f00::", 0 }
    };
    smtp_dns_address_t address;
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_dns_address_parse(rows[i].text, &address);
        UNIT_CHECK(rows[i].text, smtp_dns_address_is_loopback(&address)
                                 == rows[i].want);
    }
}

static void another_address_is_another(void **state)
{
    static const char *const texts[] = {
        "192.0.2.1", "192.0.2.2", "0.0.0.0", "::", "::1", "2001:db8::1"
    };
    smtp_dns_address_t a, b;
    size_t i, j;

    (void)state;
    for (i = 0; i < UNIT_ROWS(texts); i++) {
        for (j = 0; j < UNIT_ROWS(texts); j++) {
            smtp_dns_address_parse(texts[i], &a);
            smtp_dns_address_parse(texts[j], &b);
            UNIT_CHECK(texts[i], smtp_dns_address_is_equal(&a, &b)
                                 == (i == j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_a_zone_says_is_understood),
        UNIT_TEST(a_malformed_record_is_refused_as_a_whole),
        UNIT_TEST(a_record_cut_short_anywhere_is_none),
        UNIT_TEST(a_type_that_nobody_asked_for_is_none_of_ours),
        UNIT_TEST(a_long_text_is_joined_whole),
        UNIT_TEST(an_address_is_itself_however_it_is_written),
        UNIT_TEST(this_machine_is_known_as_such),
        UNIT_TEST(another_address_is_another)
    };
    return UNIT_RUN(tests);
}
