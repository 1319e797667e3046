/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_extension.h"

#define ALL 0xFFFFFFFFu

/** The announced lines, separated by commas. */
static const char *announce(apr_pool_t *p, smtp_extension_set_t set,
                            apr_off_t size, const smtp_limits_t *limits,
                            const char *auth)
{
    const char *const *line = smtp_extension_write(p, set, size, limits,
                                                   auth);
    const char *all = "";

    for (; *line != NULL; line++) {
        all = apr_pstrcat(p, all, *all ? "," : "", *line, NULL);
    }
    return all;
}

static void every_extension_is_found_by_its_keyword(void **state)
{
    const smtp_extension_t *row;
    smtp_extension_set_t seen = 0;

    for (row = smtp_extension_table; row->keyword != NULL; row++) {
        size_t len = strlen(row->keyword);
        char *lower = unit_string(*state, row->keyword);
        size_t i;

        for (i = 0; i < len; i++) {
            lower[i] = (char)(lower[i] | 0x20);
        }
        UNIT_CHECK(row->keyword,
                   smtp_extension_find(row->keyword, len) == row);
        if (strchr(row->keyword, '-') == NULL) {
            UNIT_CHECK(row->keyword, smtp_extension_find(lower, len) == row);
        }
        UNIT_CHECK(row->keyword,
                   smtp_extension_find(row->keyword, len - 1) == NULL);
        UNIT_CHECK(row->keyword, row->bit != 0 && !(seen & row->bit)
                                 && !(row->bit & (row->bit - 1)));
        UNIT_CHECK(row->keyword, strncmp(row->source, "RFC ", 4) == 0);
        seen |= row->bit;
    }
    assert_int_equal(seen, 0x3FFFF);
    assert_null(smtp_extension_find("", 0));
    assert_null(smtp_extension_find("XCLIENT", 7));
    assert_null(smtp_extension_find("SIZE\0", 5));
}

static void ehlo_announces_what_is_configured(void **state)
{
    static const smtp_limits_t limits = { 100, 20, 0 };
    apr_pool_t *p = *state;

    assert_string_equal(announce(p, 0, 0, NULL, NULL), "");
    assert_string_equal(
        announce(p, ALL, 1000, &limits, "PLAIN SCRAM-SHA-256"),
        "PIPELINING,SIZE 1000,8BITMIME,SMTPUTF8,CHUNKING,BINARYMIME,"
        "ENHANCEDSTATUSCODES,DSN,STARTTLS,AUTH PLAIN SCRAM-SHA-256,"
        "REQUIRETLS,MT-PRIORITY,LIMITS RCPTMAX=100 MAILMAX=20,ETRN,ATRN,"
        "VRFY,EXPN,HELP");
    assert_string_equal(announce(p, ALL & ~SMTP_EXTENSION_PIPELINING
                                    & 0xFu, 0, NULL, NULL),
                        "SIZE 0,8BITMIME,SMTPUTF8");
    assert_string_equal(announce(p, SMTP_EXTENSION_SIZE,
                                 SMTP_CHARS_NUMBER_MAX, NULL, NULL),
                        "SIZE 9223372036854775807");
}

/* RFC 9422 4: 1*6DIGIT, not zero */
static void limits_that_are_not_set_are_not_announced(void **state)
{
    static const smtp_limits_t none = { 0, 0, 0 };
    static const smtp_limits_t mails = { 0, 5, 0 };
    static const smtp_limits_t domains = { 0, 0, 7 };
    static const smtp_limits_t big = { 999999, 1000000, 4294967295u };
    apr_pool_t *p = *state;
    const smtp_extension_set_t set = SMTP_EXTENSION_LIMITS;

    assert_string_equal(announce(p, set, 0, NULL, NULL), "");
    assert_string_equal(announce(p, set, 0, &none, NULL), "");
    assert_string_equal(announce(p, set, 0, &mails, NULL),
                        "LIMITS MAILMAX=5");
    assert_string_equal(announce(p, set, 0, &domains, NULL),
                        "LIMITS RCPTDOMAINMAX=7");
    assert_string_equal(announce(p, set, 0, &big, NULL),
                        "LIMITS RCPTMAX=999999 MAILMAX=999999"
                        " RCPTDOMAINMAX=999999");
}

static void auth_without_mechanisms_is_not_announced(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(announce(p, SMTP_EXTENSION_AUTH, 0, NULL, NULL), "");
    assert_string_equal(announce(p, SMTP_EXTENSION_AUTH, 0, NULL, ""), "");
    assert_string_equal(announce(p, SMTP_EXTENSION_AUTH, 0, NULL, "PLAIN"),
                        "AUTH PLAIN");
}

/* RFC 3030 3, RFC 6531 3.1 */
static void nothing_is_announced_without_what_it_rests_on(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(announce(p, SMTP_EXTENSION_BINARYMIME, 0, NULL,
                                 NULL), "");
    assert_string_equal(announce(p, SMTP_EXTENSION_SMTPUTF8, 0, NULL, NULL),
                        "");
    assert_int_equal(smtp_extension_complete(ALL), ALL);
    assert_int_equal(smtp_extension_complete(ALL & ~SMTP_EXTENSION_CHUNKING),
                     ALL & ~(SMTP_EXTENSION_CHUNKING
                             | SMTP_EXTENSION_BINARYMIME));
    assert_int_equal(smtp_extension_complete(ALL & ~SMTP_EXTENSION_8BITMIME),
                     ALL & ~(SMTP_EXTENSION_8BITMIME
                             | SMTP_EXTENSION_SMTPUTF8));
}

static smtp_extension_offer_t read_line(apr_pool_t *p, const char *line)
{
    smtp_extension_offer_t offer;

    memset(&offer, 0, sizeof(offer));
    smtp_extension_parse(p, unit_string(p, line), strlen(line), &offer);
    return offer;
}

static void what_a_next_hop_offers_is_understood(void **state)
{
    static const struct {
        const char *line;
        smtp_extension_set_t set;
        apr_off_t size;
    } rows[] = {
        { "PIPELINING", SMTP_EXTENSION_PIPELINING, 0 },
        { "pipelining", SMTP_EXTENSION_PIPELINING, 0 },
        { "  DSN  ", SMTP_EXTENSION_DSN, 0 },
        { "8BITMIME", SMTP_EXTENSION_8BITMIME, 0 },
        { "MT-PRIORITY MIXER", SMTP_EXTENSION_MT_PRIORITY, 0 },
        { "SIZE", SMTP_EXTENSION_SIZE, 0 },
        { "SIZE 0", SMTP_EXTENSION_SIZE, 0 },
        { "size  10240000 ", SMTP_EXTENSION_SIZE, 10240000 },
        { "SIZE 99999999999999999999", SMTP_EXTENSION_SIZE,
          SMTP_CHARS_NUMBER_MAX },
        { "SIZE 999999999999999999999", 0, 0 },
        { "SIZE 1k", 0, 0 }, { "SIZE -1", 0, 0 },
        { "SIZE=10", 0, 0 }, { "", 0, 0 }, { " ", 0, 0 },
        { "XCLIENT NAME", 0, 0 }, { "mx.example Hello", 0, 0 },
        { "DSN\t", 0, 0 }, { "STARTTLS", SMTP_EXTENSION_STARTTLS, 0 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_extension_offer_t offer = read_line(*state, rows[i].line);

        UNIT_CHECK(rows[i].line, offer.set == rows[i].set);
        UNIT_CHECK(rows[i].line, offer.max_size_octets == rows[i].size);
        UNIT_CHECK(rows[i].line, offer.auth == NULL);
    }
}

/* RFC 9422 */
static void a_malformed_limit_spoils_no_other(void **state)
{
    static const struct {
        const char *line;
        smtp_limits_t want;
    } rows[] = {
        { "LIMITS", { 0, 0, 0 } },
        { "LIMITS RCPTMAX=1 MAILMAX=2 RCPTDOMAINMAX=3", { 1, 2, 3 } },
        { "limits rcptmax=999999", { 999999, 0, 0 } },
        { "LIMITS RCPTMAX=1000000 MAILMAX=5", { 0, 5, 0 } },
        { "LIMITS RCPTMAX=5 RCPTMAX=0", { 5, 0, 0 } },
        { "LIMITS RCPTMAX=0 MAILMAX=-1 RCPTDOMAINMAX=3", { 0, 0, 3 } },
        { "LIMITS RCPTMAX= MAILMAX=x RCPTDOMAINMAX=1x", { 0, 0, 0 } },
        { "LIMITS RCPTMAX =3 MAILMAX", { 0, 0, 0 } },
        { "LIMITS X=1 RCPTMAXX=2 RCPTMA=3 =4", { 0, 0, 0 } },
        { "LIMITS RCPTMAX=99999999999999999999", { 0, 0, 0 } }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_extension_offer_t offer = read_line(*state, rows[i].line);

        UNIT_CHECK(rows[i].line, offer.set == SMTP_EXTENSION_LIMITS);
        UNIT_CHECK(rows[i].line,
                   memcmp(&offer.limits, &rows[i].want,
                          sizeof(offer.limits)) == 0);
    }
}

/* RFC 4954 3, RFC 4422 3.1 */
static void mechanisms_are_names_and_nothing_else(void **state)
{
    static const struct {
        const char *line;
        const char *want;
    } rows[] = {
        { "AUTH PLAIN LOGIN", "PLAIN LOGIN" },
        { "auth  SCRAM-SHA-256  X_Y1 ", "SCRAM-SHA-256 X_Y1" },
        { "AUTH A2345678901234567890", "A2345678901234567890" },
        { "AUTH A23456789012345678901 PLAIN", "PLAIN" },
        { "AUTH PL\rAIN \xFF LOGIN a=b", "LOGIN" },
        { "AUTH", NULL }, { "AUTH ", NULL }, { "AUTH =", NULL },
        { "AUTH=PLAIN", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_extension_offer_t offer = read_line(*state, rows[i].line);

        UNIT_CHECK(rows[i].line, (offer.auth == NULL)
                                 == (rows[i].want == NULL));
        UNIT_CHECK(rows[i].line, offer.auth == NULL
                                 || !strcmp(offer.auth, rows[i].want));
        UNIT_CHECK(rows[i].line, (offer.auth != NULL)
                                 == (offer.set == SMTP_EXTENSION_AUTH));
    }
}

static void lines_of_one_reply_add_up(void **state)
{
    static const char *const lines[] = {
        "PIPELINING", "SIZE 5", "SIZE junk", "AUTH PLAIN", "AUTH", "NEW",
        "LIMITS RCPTMAX=4"
    };
    smtp_extension_offer_t offer;
    size_t i;

    memset(&offer, 0, sizeof(offer));
    for (i = 0; i < UNIT_ROWS(lines); i++) {
        smtp_extension_parse(*state, lines[i], strlen(lines[i]), &offer);
    }
    assert_int_equal(offer.set, SMTP_EXTENSION_PIPELINING
                     | SMTP_EXTENSION_SIZE | SMTP_EXTENSION_AUTH
                     | SMTP_EXTENSION_LIMITS);
    assert_int_equal(offer.max_size_octets, 5);
    assert_string_equal(offer.auth, "PLAIN");
    assert_int_equal(offer.limits.rcptmax, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_extension_is_found_by_its_keyword),
        UNIT_TEST(ehlo_announces_what_is_configured),
        UNIT_TEST(limits_that_are_not_set_are_not_announced),
        UNIT_TEST(auth_without_mechanisms_is_not_announced),
        UNIT_TEST(nothing_is_announced_without_what_it_rests_on),
        UNIT_TEST(what_a_next_hop_offers_is_understood),
        UNIT_TEST(a_malformed_limit_spoils_no_other),
        UNIT_TEST(mechanisms_are_names_and_nothing_else),
        UNIT_TEST(lines_of_one_reply_add_up)
    };
    return UNIT_RUN(tests);
}
