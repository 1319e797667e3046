/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_params.h"

#define OK        SMTP_PARAMS_OK
#define SYNTAX    SMTP_PARAMS_SYNTAX
#define DUPLICATE SMTP_PARAMS_DUPLICATE
#define UNKNOWN   SMTP_PARAMS_UNKNOWN
#define TOO_LONG  SMTP_PARAMS_TOO_LONG

#define ALL 0xFFFFFFFFu

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

typedef struct row_t {
    const char *text;
    smtp_params_status_e want;
} row_t;

static smtp_params_status_e parse_mail(apr_pool_t *p, const char *text,
                                       smtp_extension_set_t offered,
                                       smtp_mail_params_t *params,
                                       const char **bad)
{
    memset(params, 0xAA, sizeof(*params));
    *bad = "unset";
    return smtp_params_parse_mail(p, unit_string(p, text), strlen(text),
                                  offered, params, bad);
}

static smtp_params_status_e parse_rcpt(apr_pool_t *p, const char *text,
                                       smtp_extension_set_t offered,
                                       int smtputf8,
                                       smtp_rcpt_params_t *params,
                                       const char **bad)
{
    memset(params, 0xAA, sizeof(*params));
    *bad = "unset";
    return smtp_params_parse_rcpt(p, unit_string(p, text), strlen(text),
                                  offered, smtputf8, params, bad);
}

static int is_zero(const void *object, size_t size)
{
    const char *octets = object;

    while (size > 0 && octets[size - 1] == 0) {
        size--;
    }
    return size == 0;
}

static void check_mail(apr_pool_t *p, smtp_extension_set_t offered,
                       const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        smtp_mail_params_t params;
        const char *bad;

        UNIT_CHECK(rows[i].text, parse_mail(p, rows[i].text, offered, &params,
                                            &bad) == rows[i].want);
        UNIT_CHECK(rows[i].text, (bad == NULL) == (rows[i].want == OK));
        UNIT_CHECK(rows[i].text, rows[i].want == OK
                                 || is_zero(&params, sizeof(params)));
    }
}

static void check_rcpt(apr_pool_t *p, smtp_extension_set_t offered,
                       int smtputf8, const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        smtp_rcpt_params_t params;
        const char *bad;

        UNIT_CHECK(rows[i].text, parse_rcpt(p, rows[i].text, offered,
                                            smtputf8, &params, &bad)
                                 == rows[i].want);
        UNIT_CHECK(rows[i].text, (bad == NULL) == (rows[i].want == OK));
        UNIT_CHECK(rows[i].text, rows[i].want == OK
                                 || is_zero(&params, sizeof(params)));
    }
}

/** Parses @a text, which must be good. */
static smtp_mail_params_t good_mail(apr_pool_t *p, const char *text)
{
    smtp_mail_params_t params;
    const char *bad;

    UNIT_CHECK(text, parse_mail(p, text, ALL, &params, &bad) == OK);
    return params;
}

static smtp_rcpt_params_t good_rcpt(apr_pool_t *p, const char *text)
{
    smtp_rcpt_params_t params;
    const char *bad;

    UNIT_CHECK(text, parse_rcpt(p, text, ALL, 1, &params, &bad) == OK);
    return params;
}

static void mail_without_parameters_is_taken(void **state)
{
    static const row_t rows[] = { { "", OK }, { " ", OK }, { "    ", OK } };
    smtp_mail_params_t params = good_mail(*state, "");

    assert_true(is_zero(&params, sizeof(params)));
    check_mail(*state, 0, rows, UNIT_ROWS(rows));
    check_rcpt(*state, 0, 0, rows, UNIT_ROWS(rows));
}

static void all_parameters_of_mail_are_kept(void **state)
{
    smtp_mail_params_t m = good_mail(
        *state, "  SIZE=1234 body=8bitmime   SMTPUTF8 Ret=hdrs ENVID=Q+2B1"
                " AUTH=a+2Bb@c.d REQUIRETLS MT-PRIORITY=-4 ");

    assert_true(m.has_size);
    assert_int_equal(m.size_octets, 1234);
    assert_true(m.has_body);
    assert_int_equal(m.body, SMTP_BODY_8BITMIME);
    assert_true(m.smtputf8);
    assert_int_equal(m.ret, SMTP_RET_HDRS);
    assert_string_equal(m.envid, "Q+2B1");
    assert_string_equal(m.auth, "a+b@c.d");
    assert_true(m.requiretls);
    assert_true(m.has_priority);
    assert_int_equal(m.priority, -4);
}

/* RFC 5321 4.1.2 esmtp-param; 4.1.1.11 */
static void what_is_no_parameter_is_refused(void **state)
{
    static const row_t rows[] = {
        { "SIZE=1", SYNTAX },               /* no blank behind the path */
        { "x", SYNTAX }, { ">", SYNTAX }, { "\tSIZE=1", SYNTAX },
        { " SIZE=1\tSMTPUTF8", SYNTAX }, { " \t", SYNTAX },
        { " =", SYNTAX }, { " =1", SYNTAX }, { " -X=1", SYNTAX },
        { " S_ZE=1", SYNTAX }, { " SIZE= 1", SYNTAX }, { " X=", SYNTAX }, { " X=a=b", SYNTAX },
        { " X=\x7F", SYNTAX }, { " X=\x01", SYNTAX },
        { " X=\xC3\xBC", SYNTAX }, { " \xC3\xBC=1", SYNTAX },
        { " X=a\rb", SYNTAX }
    };
    static const row_t mail[] = {
        { " SIZE =1", SYNTAX }, { " SIZE=1;BODY=7BIT", SYNTAX },
        { " SIZE=1 BODY", SYNTAX }, { " SMTPUTF8 x=", SYNTAX }
    };

    check_mail(*state, ALL, rows, UNIT_ROWS(rows));
    check_mail(*state, ALL, mail, UNIT_ROWS(mail));
    check_rcpt(*state, ALL, 0, rows, UNIT_ROWS(rows));
}

static void what_nobody_announced_is_unknown(void **state)
{
    static const row_t mail[] = {
        { " SIZE=1", UNKNOWN }, { " BODY=8BITMIME", UNKNOWN },
        { " BODY=7BIT", UNKNOWN }, { " BODY=BINARYMIME", UNKNOWN },
        { " SMTPUTF8", UNKNOWN }, { " RET=FULL", UNKNOWN },
        { " ENVID=x", UNKNOWN }, { " AUTH=<>", UNKNOWN },
        { " REQUIRETLS", UNKNOWN }, { " MT-PRIORITY=1", UNKNOWN },
        { " SIZE", UNKNOWN }, { " SIZE=x", UNKNOWN }
    };
    static const row_t rcpt[] = {
        { " NOTIFY=NEVER", UNKNOWN }, { " ORCPT=rfc822;a@b", UNKNOWN }
    };
    static const row_t always[] = {
        { " XYZZY", UNKNOWN }, { " X-Y=1", UNKNOWN }, { " 1=1", UNKNOWN },
        { " SIZ=1", UNKNOWN }, { " SIZEX=1", UNKNOWN }
    };
    static const row_t not_of_mail[] = {
        { " NOTIFY=NEVER", UNKNOWN }, { " ORCPT=rfc822;a@b", UNKNOWN }
    };
    static const row_t not_of_rcpt[] = {
        { " SIZE=1", UNKNOWN }, { " RET=FULL", UNKNOWN },
        { " SMTPUTF8", UNKNOWN }
    };

    check_mail(*state, 0, mail, UNIT_ROWS(mail));
    check_rcpt(*state, 0, 0, rcpt, UNIT_ROWS(rcpt));
    check_mail(*state, ALL, always, UNIT_ROWS(always));
    check_rcpt(*state, ALL, 0, always, UNIT_ROWS(always));
    check_mail(*state, ALL, not_of_mail, UNIT_ROWS(not_of_mail));
    check_rcpt(*state, ALL, 0, not_of_rcpt, UNIT_ROWS(not_of_rcpt));
}

static void a_parameter_given_twice_is_refused(void **state)
{
    static const row_t mail[] = {
        { " SIZE=1 SIZE=1", DUPLICATE }, { " SIZE=1 size=2", DUPLICATE },
        { " SMTPUTF8 SMTPUTF8", DUPLICATE },
        { " ENVID=a RET=FULL ENVID=b", DUPLICATE },
        { " REQUIRETLS REQUIRETLS", DUPLICATE }, { " X=1 X=1", UNKNOWN }
    };
    static const row_t rcpt[] = {
        { " NOTIFY=NEVER NOTIFY=NEVER", DUPLICATE },
        { " ORCPT=x;a ORCPT=x;b", DUPLICATE }
    };

    check_mail(*state, ALL, mail, UNIT_ROWS(mail));
    check_rcpt(*state, ALL, 0, rcpt, UNIT_ROWS(rcpt));
}

static void a_value_stands_where_one_belongs_and_nowhere_else(void **state)
{
    static const row_t mail[] = {
        { " SIZE", SYNTAX }, { " SIZE=", SYNTAX }, { " BODY", SYNTAX },
        { " SMTPUTF8=1", SYNTAX }, { " SMTPUTF8=", SYNTAX },
        { " RET", SYNTAX }, { " ENVID", SYNTAX }, { " ENVID=", SYNTAX },
        { " AUTH", SYNTAX }, { " AUTH=", SYNTAX },
        { " REQUIRETLS=YES", SYNTAX }, { " MT-PRIORITY", SYNTAX },
        { " MT-PRIORITY=", SYNTAX }
    };
    static const row_t rcpt[] = {
        { " NOTIFY", SYNTAX }, { " NOTIFY=", SYNTAX }, { " ORCPT", SYNTAX },
        { " ORCPT=", SYNTAX }
    };

    check_mail(*state, ALL, mail, UNIT_ROWS(mail));
    check_rcpt(*state, ALL, 0, rcpt, UNIT_ROWS(rcpt));
}

static void the_parameter_at_fault_is_named_safely(void **state)
{
    smtp_mail_params_t m;
    smtp_rcpt_params_t r;
    const char *bad;
    apr_pool_t *p = *state;

    parse_mail(p, " SIZE=1 XYZZY=\\3 BODY=7BIT", ALL, &m, &bad);
    assert_string_equal(bad, "XYZZY=\\x5C3");
    parse_mail(p, "junk SIZE=1", ALL, &m, &bad);
    assert_string_equal(bad, "junk");
    parse_mail(p, " SIZE=1\r\n\xFF", ALL, &m, &bad);
    assert_string_equal(bad, "SIZE=1\\x0D\\x0A\\xFF");
    parse_rcpt(p, " NOTIFY=NEVER,DELAY", ALL, 0, &r, &bad);
    assert_string_equal(bad, "NOTIFY=NEVER,DELAY");
    parse_mail(p, " X=" A100, ALL, &m, &bad);
    assert_int_equal(strlen(bad), 64 + 3);
    smtp_params_parse_mail(p, unit_octets(p, " SIZE=1\0", 8), 8, ALL, &m,
                           &bad);
    assert_string_equal(bad, "SIZE=1\\x00");
}

/* RFC 1870 4 */
static void a_declared_size_never_wraps_round(void **state)
{
    static const row_t rows[] = {
        { " SIZE=0", OK }, { " SIZE=00000000000000000001", OK },
        { " SIZE=99999999999999999999", OK },
        { " SIZE=000000000000000000001", SYNTAX },
        { " SIZE=100000000000000000000", SYNTAX },
        { " SIZE=-1", SYNTAX }, { " SIZE=+1", SYNTAX }, { " SIZE=1k", SYNTAX },
        { " SIZE=0x1", SYNTAX }, { " SIZE=1.5", SYNTAX }
    };
    smtp_mail_params_t m;

    check_mail(*state, SMTP_EXTENSION_SIZE, rows, UNIT_ROWS(rows));
    m = good_mail(*state, " SIZE=0");
    assert_true(m.has_size && m.size_octets == 0);
    m = good_mail(*state, " SIZE=9223372036854775807");
    assert_true(m.size_octets == SMTP_CHARS_NUMBER_MAX);
    m = good_mail(*state, " SIZE=18446744073709551617");
    assert_true(m.size_octets == SMTP_CHARS_NUMBER_MAX);
}

/* RFC 6152 3, RFC 3030 3 */
static void binary_mail_needs_both_its_extensions(void **state)
{
    static const row_t all[] = {
        { " BODY=7BIT", OK }, { " BODY=8bitmime", OK },
        { " BODY=BinaryMime", OK }, { " BODY=9BIT", SYNTAX },
        { " BODY=8BIT", SYNTAX }, { " BODY=7BITS", SYNTAX }
    };
    static const row_t eight[] = {
        { " BODY=7BIT", OK }, { " BODY=8BITMIME", OK },
        { " BODY=BINARYMIME", UNKNOWN }, { " BODY=9BIT", SYNTAX }
    };
    static const row_t binary[] = {
        { " BODY=7BIT", OK }, { " BODY=8BITMIME", UNKNOWN },
        { " BODY=BINARYMIME", OK }
    };
    const smtp_extension_set_t both = SMTP_EXTENSION_CHUNKING
                                    | SMTP_EXTENSION_BINARYMIME;

    check_mail(*state, ALL, all, UNIT_ROWS(all));
    check_mail(*state, SMTP_EXTENSION_8BITMIME | SMTP_EXTENSION_CHUNKING,
               eight, UNIT_ROWS(eight));
    check_mail(*state, SMTP_EXTENSION_8BITMIME | SMTP_EXTENSION_BINARYMIME,
               eight, UNIT_ROWS(eight));
    check_mail(*state, both, binary, UNIT_ROWS(binary));
    assert_int_equal(good_mail(*state, " BODY=7BIT").body, SMTP_BODY_7BIT);
    assert_true(good_mail(*state, " BODY=7BIT").has_body);
    assert_int_equal(good_mail(*state, " BODY=BINARYMIME").body,
                     SMTP_BODY_BINARYMIME);
}

/* RFC 3461 4.3, 4.4 */
static void what_a_dsn_shall_return_is_kept(void **state)
{
    static const row_t rows[] = {
        { " RET=FULL", OK }, { " RET=HDRS", OK }, { " RET=HDR", SYNTAX },
        { " RET=FULL,HDRS", SYNTAX }, { " RET=NONE", SYNTAX },
        { " ENVID=" A100, OK }, { " ENVID=" A100 "a", TOO_LONG },
        { " ENVID=a+20b", OK }, { " ENVID=a+b", SYNTAX },
        { " ENVID=a+2b", SYNTAX }, { " ENVID=a+7F", SYNTAX },
        { " ENVID=a+C3+BC", SYNTAX }, { " ENVID=+0D+0A", SYNTAX },
        { " ENVID=+09", SYNTAX }, { " ENVID=+00", SYNTAX }
    };

    check_mail(*state, SMTP_EXTENSION_DSN, rows, UNIT_ROWS(rows));
    assert_int_equal(good_mail(*state, " ret=full").ret, SMTP_RET_FULL);
    assert_string_equal(good_mail(*state, " ENVID=Qa+3D").envid, "Qa+3D");
}

/* RFC 4954 5 */
static void the_submitter_is_a_mailbox_or_unknown(void **state)
{
    static const row_t rows[] = {
        { " AUTH=<>", OK }, { " AUTH=+3C+3E", OK },
        { " AUTH=e+3Dmc2@example.com", OK },
        { " AUTH=+22a+20b+22@b.c", OK }, { " AUTH=+C3+BC@b.c", OK },
        { " AUTH=a", SYNTAX }, { " AUTH=<a@b>", SYNTAX },
        { " AUTH=a@", SYNTAX }, { " AUTH=e=mc2@example.com", SYNTAX },
        { " AUTH=a+b@c", SYNTAX }, { " AUTH=a@b+0D+0ADATA", SYNTAX },
        { " AUTH=+FF@b.c", SYNTAX }, { " AUTH=a@b+00", SYNTAX }
    };

    check_mail(*state, SMTP_EXTENSION_AUTH, rows, UNIT_ROWS(rows));
    assert_string_equal(good_mail(*state, " AUTH=<>").auth, "<>");
    assert_string_equal(good_mail(*state, " AUTH=e+3Dmc2@b.c").auth,
                        "e=mc2@b.c");
}

/* RFC 6710 6 */
static void a_priority_is_one_digit(void **state)
{
    static const row_t rows[] = {
        { " MT-PRIORITY=-0", SYNTAX }, { " MT-PRIORITY=+1", SYNTAX },
        { " MT-PRIORITY=10", SYNTAX }, { " MT-PRIORITY=-10", SYNTAX },
        { " MT-PRIORITY=-", SYNTAX }, { " MT-PRIORITY=--1", SYNTAX },
        { " MT-PRIORITY=a", SYNTAX }, { " MT-PRIORITY=/", SYNTAX },
        { " MT-PRIORITY=00", SYNTAX }, { " MT-PRIORITY=-:", SYNTAX }
    };
    apr_pool_t *p = *state;
    int i;

    check_mail(p, SMTP_EXTENSION_MT_PRIORITY, rows, UNIT_ROWS(rows));
    for (i = -9; i <= 9; i++) {
        smtp_mail_params_t m;

        m = good_mail(p, apr_psprintf(p, " mt-priority=%d", i));
        assert_true(m.has_priority);
        assert_int_equal(m.priority, i);
    }
}

/* RFC 3461 4.1 */
static void the_wish_for_a_dsn_is_kept(void **state)
{
    static const struct {
        const char *text;
        unsigned int want;
    } good[] = {
        { "", 0 }, { " NOTIFY=NEVER", SMTP_NOTIFY_NEVER },
        { " notify=success", SMTP_NOTIFY_SUCCESS },
        { " NOTIFY=FAILURE", SMTP_NOTIFY_FAILURE },
        { " NOTIFY=DELAY", SMTP_NOTIFY_DELAY },
        { " NOTIFY=Success,FAILURE,delay",
          SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY },
        { " NOTIFY=DELAY,FAILURE",
          SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY }
    };
    static const row_t bad[] = {
        { " NOTIFY=NEVER,FAILURE", SYNTAX },
        { " NOTIFY=FAILURE,NEVER", SYNTAX },
        { " NOTIFY=NEVER,NEVER", SYNTAX },
        { " NOTIFY=DELAY,DELAY", SYNTAX }, { " NOTIFY=,", SYNTAX },
        { " NOTIFY=DELAY,", SYNTAX }, { " NOTIFY=,DELAY", SYNTAX },
        { " NOTIFY=DELAY,,FAILURE", SYNTAX },
        { " NOTIFY=DELAY;FAILURE", SYNTAX }, { " NOTIFY=ALWAYS", SYNTAX },
        { " NOTIFY=DELAYS", SYNTAX }, { " NOTIFY=DELAY, FAILURE", SYNTAX }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(good); i++) {
        UNIT_CHECK(good[i].text,
                   good_rcpt(*state, good[i].text).notify == good[i].want);
    }
    check_rcpt(*state, SMTP_EXTENSION_DSN, 0, bad, UNIT_ROWS(bad));
}

/* RFC 3461 4.2 */
static void the_original_recipient_is_kept(void **state)
{
    static const row_t rows[] = {
        { " ORCPT=rfc822;a+2Bb@c.d", OK },
        { " ORCPT=RFC822;not+20an+20address", OK },
        { " ORCPT=x.400;/G=a/", SYNTAX },      /* "." is in no atom */
        { " ORCPT=x-mine;1;2", OK },
        { " ORCPT=x;" A100 A100 A100 A100 A10 A10 A10 A10 A10 A10 A10 A10 A10
          "aaaaaaaa", OK },                    /* 500 octets */
        { " ORCPT=x;" A100 A100 A100 A100 A10 A10 A10 A10 A10 A10 A10 A10 A10
          "aaaaaaaaa", TOO_LONG },
        { " ORCPT=rfc822", SYNTAX }, { " ORCPT=;a@b", SYNTAX },
        { " ORCPT=rfc822;", SYNTAX }, { " ORCPT=rfc822;a+b@c", SYNTAX },
        { " ORCPT=rfc822;a+2b@c", SYNTAX },
        { " ORCPT=rfc822;a@b+0D+0A", SYNTAX },
        { " ORCPT=rfc822;+7F@b", SYNTAX },
        { " ORCPT=x;+C3+BC@b", SYNTAX },
        { " ORCPT=rfc 822;a@b", SYNTAX }, { " ORCPT=r(fc822;a@b", SYNTAX },
        { " ORCPT=rfc822;\xC3\xBC@b", SYNTAX },
        { " XYZZY=\x7F", SYNTAX }, { " XYZZY=\xC3\xBC", UNKNOWN }
    };

    check_rcpt(*state, SMTP_EXTENSION_DSN, 1, rows, UNIT_ROWS(rows));
    assert_string_equal(good_rcpt(*state, " ORCPT=rfc822;a+2Bb@c").orcpt,
                        "rfc822;a+2Bb@c");
}

/* RFC 6533 3 */
static void an_original_recipient_in_another_script_is_kept(void **state)
{
    static const row_t both[] = {
        { " ORCPT=utf-8;\\x{FC}@b.c", OK }, { " ORCPT=UTF-8;a@b.c", OK },
        { " ORCPT=utf-8;Postmaster", OK },
        { " ORCPT=utf-8;a\\x{2B}b@b.c", OK },
        { " ORCPT=utf-8;a+2Bb@b.c", SYNTAX },
        { " ORCPT=utf-8;a", SYNTAX }, { " ORCPT=utf-8;\\x{FC", SYNTAX },
        { " ORCPT=utf-8;\\x{0A}@b.c", SYNTAX },
        { " ORCPT=utf-8;a\\x{20}b@b.c", SYNTAX },
        { " ORCPT=utf-8;\"a\\x{20}b\"@b.c", OK }
    };
    static const row_t raw[] = { { " ORCPT=utf-8;\xC3\xBC@b.c", OK },
                                 { " ORCPT=utf-8;\xC3@b.c", SYNTAX } };
    static const row_t ascii[] = { { " ORCPT=utf-8;\xC3\xBC@b.c", SYNTAX } };

    check_rcpt(*state, SMTP_EXTENSION_DSN, 0, both, UNIT_ROWS(both));
    check_rcpt(*state, ALL, 1, both, UNIT_ROWS(both));
    check_rcpt(*state, ALL, 1, raw, UNIT_ROWS(raw));
    check_rcpt(*state, ALL, 0, ascii, UNIT_ROWS(ascii));
}

/* RFC 3461 5.2.1 (d), RFC 6533 3: what this server adds, the next takes. */
static void an_alias_becomes_an_original_recipient(void **state)
{
    static const struct {
        const char *address, *orcpt;
    } rows[] = {
        { "info@example.com", "rfc822;info@example.com" },
        { "a+b=c@example.com", "rfc822;a+2Bb+3Dc@example.com" },
        { "\"a b\"@example.com", "rfc822;\"a+20b\"@example.com" },
        { "Postmaster", "rfc822;Postmaster" },
        { "\xC3\xBC@b.c", "utf-8;\\x{FC}@b.c" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *orcpt = smtp_params_orcpt_create(*state,
                                                     rows[i].address);

        assert_string_equal(orcpt, rows[i].orcpt);
        assert_string_equal(good_rcpt(*state, apr_pstrcat(*state, " ORCPT=",
                                                          orcpt, NULL)).orcpt,
                            orcpt);
    }
    /* Longer than ORCPT may be; no UTF-8. */
    assert_null(smtp_params_orcpt_create(*state, A100 A100 A100 A100 A100
                                         "@b.c"));
    assert_null(smtp_params_orcpt_create(*state, "\xC3@b.c"));
}

static void the_next_hop_gets_what_it_understands(void **state)
{
    static const struct {
        const char *text;
        smtp_extension_set_t offered;
        const char *want;
    } rows[] = {
        { " SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Q+2B1"
          " AUTH=a+2Bb@c.d REQUIRETLS MT-PRIORITY=-4", ALL,
          " SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Q+2B1"
          " AUTH=a+2Bb@c.d REQUIRETLS MT-PRIORITY=-4" },
        { " SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Q+2B1"
          " AUTH=a+2Bb@c.d REQUIRETLS MT-PRIORITY=-4", 0, "" },
        { "", ALL, "" }, { " AUTH=<>", ALL, " AUTH=<>" },
        { " RET=FULL", SMTP_EXTENSION_DSN, " RET=FULL" },
        { " ENVID=x", SMTP_EXTENSION_DSN, " ENVID=x" },
        { " BODY=7BIT", ALL, " BODY=7BIT" },
        { " BODY=BINARYMIME", ALL, " BODY=BINARYMIME" },
        { " BODY=BINARYMIME", ALL & ~SMTP_EXTENSION_CHUNKING, "" },
        { " BODY=8BITMIME",
          SMTP_EXTENSION_CHUNKING | SMTP_EXTENSION_BINARYMIME, "" },
        { " MT-PRIORITY=0", ALL, " MT-PRIORITY=0" },
        { " SIZE=0", SMTP_EXTENSION_SIZE, " SIZE=0" },
        { " SMTPUTF8", SMTP_EXTENSION_SMTPUTF8, "" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_mail_params_t m = good_mail(*state, rows[i].text);

        UNIT_CHECK(rows[i].text,
                   strcmp(smtp_params_write_mail(*state, &m, rows[i].offered),
                          rows[i].want) == 0);
    }
}

static void the_next_hop_gets_what_it_understands_of_dsn(void **state)
{
    static const char long_utf8[] =
        " ORCPT=utf-8;"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC@"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC.\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC";
    static const struct {
        const char *text;
        smtp_extension_set_t offered;
        const char *want;
    } rows[] = {
        { "", ALL, "" },
        { " NOTIFY=DELAY,SUCCESS ORCPT=rfc822;a@b", ALL,
          " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b" },
        { " NOTIFY=NEVER", SMTP_EXTENSION_DSN, " NOTIFY=NEVER" },
        { " NOTIFY=FAILURE", SMTP_EXTENSION_DSN, " NOTIFY=FAILURE" },
        { " NOTIFY=NEVER ORCPT=rfc822;a@b", ALL & ~SMTP_EXTENSION_DSN, "" },
        { " ORCPT=utf-8;\\x{FC}@b", SMTP_EXTENSION_DSN,
          " ORCPT=utf-8;\\x{FC}@b" },
        { " ORCPT=utf-8;\xC3\xBC@b", ALL, " ORCPT=utf-8;\xC3\xBC@b" },
        { " ORCPT=utf-8;\xC3\xBC\\x{2B}@b", SMTP_EXTENSION_DSN,
          " ORCPT=utf-8;\\x{FC}\\x{2B}@b" },
        { " ORCPT=utf-8;\xC3\xBC@b", ALL & ~SMTP_EXTENSION_8BITMIME,
          " ORCPT=utf-8;\\x{FC}@b" },
        { long_utf8, ALL, long_utf8 },
        /* over 500 octets in ASCII: better none than a 501 */
        { long_utf8, SMTP_EXTENSION_DSN, "" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_rcpt_params_t r = good_rcpt(*state, rows[i].text);

        UNIT_CHECK(rows[i].text,
                   strcmp(smtp_params_write_rcpt(*state, &r, rows[i].offered),
                          rows[i].want) == 0);
    }
}

/* Postfix 3.7 writes it so */
static void an_original_recipient_of_utf8_in_xtext_is_mended(void **state)
{
    static const row_t good[] = {
        { " ORCPT=rfc822;+C3+BC@b.c", OK }, { " ORCPT=RFC822;a@+C3+BC.c", OK }
    };
    static const row_t bad[] = {
        { " ORCPT=rfc822;+C3@b.c", SYNTAX },        /* no UTF-8 */
        { " ORCPT=rfc822;+C3+BC", SYNTAX },         /* no mailbox */
        { " ORCPT=rfc822;+C3+BC+0D+0A@b", SYNTAX },
        { " ORCPT=rfc822;+C3+BC+20@b.c", SYNTAX },
        { " ORCPT=rfc822;\xC3\xBC+C3+BC@b.c", SYNTAX }
    };

    check_rcpt(*state, SMTP_EXTENSION_DSN, 0, good, UNIT_ROWS(good));
    check_rcpt(*state, ALL, 1, good, UNIT_ROWS(good));
    check_rcpt(*state, ALL, 1, bad, UNIT_ROWS(bad));
    assert_string_equal(
        good_rcpt(*state, " ORCPT=rfc822;z+C3+BC+2Bx@b.c").orcpt,
        "utf-8;z\\x{FC}\\x{2B}x@b.c");
}

/* An ORCPT from a queue file, say, that nobody checked */
static void a_broken_original_recipient_is_not_sent_on(void **state)
{
    static const char *const rows[] = {
        "utf-8;\xC3", "\xC3\xBC", ";\xC3\xBC", "utf-8;\xC3\xBC+"
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const smtp_rcpt_params_t r = { 0, rows[i] };

        UNIT_CHECK(rows[i],
                   strcmp(smtp_params_write_rcpt(*state, &r,
                                                 SMTP_EXTENSION_DSN), "")
                   == 0);
    }
}

static void a_nul_does_not_cut_a_parameter_short(void **state)
{
    static const struct {
        const char *octets;
        size_t len;
    } rows[] = {
        { " SIZE=1\0", 8 }, { " SIZE\0=1", 8 }, { "\0 SIZE=1", 8 },
        { " \0", 2 }, { " ENVID=a\0b", 10 }, { " AUTH=a@b\0", 10 },
        { " SMTPUTF8\0", 10 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        char *s = unit_octets(*state, rows[i].octets, rows[i].len);
        smtp_mail_params_t m;
        const char *bad;

        UNIT_CHECK(rows[i].octets,
                   smtp_params_parse_mail(*state, s, rows[i].len, ALL, &m,
                                          &bad) == SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_without_parameters_is_taken),
        UNIT_TEST(all_parameters_of_mail_are_kept),
        UNIT_TEST(what_is_no_parameter_is_refused),
        UNIT_TEST(what_nobody_announced_is_unknown),
        UNIT_TEST(a_parameter_given_twice_is_refused),
        UNIT_TEST(a_value_stands_where_one_belongs_and_nowhere_else),
        UNIT_TEST(the_parameter_at_fault_is_named_safely),
        UNIT_TEST(a_declared_size_never_wraps_round),
        UNIT_TEST(binary_mail_needs_both_its_extensions),
        UNIT_TEST(what_a_dsn_shall_return_is_kept),
        UNIT_TEST(the_submitter_is_a_mailbox_or_unknown),
        UNIT_TEST(a_priority_is_one_digit),
        UNIT_TEST(the_wish_for_a_dsn_is_kept),
        UNIT_TEST(the_original_recipient_is_kept),
        UNIT_TEST(an_original_recipient_in_another_script_is_kept),
        UNIT_TEST(an_alias_becomes_an_original_recipient),
        UNIT_TEST(an_original_recipient_of_utf8_in_xtext_is_mended),
        UNIT_TEST(the_next_hop_gets_what_it_understands),
        UNIT_TEST(the_next_hop_gets_what_it_understands_of_dsn),
        UNIT_TEST(a_broken_original_recipient_is_not_sent_on),
        UNIT_TEST(a_nul_does_not_cut_a_parameter_short)
    };
    return UNIT_RUN(tests);
}
