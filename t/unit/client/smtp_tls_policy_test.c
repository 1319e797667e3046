/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <openssl/x509_vfy.h>

#include "smtp_tls_policy.h"

static void each_level_has_its_word(void **state)
{
    static const char *const no_levels[] = { "", "must", "ma", "mayy", " may",
                                             "required" };
    smtp_tls_level_e level;
    size_t i;
    int l;

    (void)state;
    for (l = SMTP_TLS_NONE; l <= SMTP_TLS_DANE; l++) {
        assert_int_equal(smtp_tls_level_parse(smtp_tls_level_name(l), &level),
                         1);
        assert_int_equal(level, l);
    }
    assert_int_equal(smtp_tls_level_parse("VeRiFy", &level), 1);
    assert_int_equal(level, SMTP_TLS_VERIFY);
    for (i = 0; i < UNIT_ROWS(no_levels); i++) {
        UNIT_CHECK(no_levels[i], !smtp_tls_level_parse(no_levels[i], &level));
        UNIT_CHECK(no_levels[i], level == SMTP_TLS_NONE);
    }
}

static const unsigned char digest[64] = { 1 };

/** RFC 7672 3.1. */
static void only_records_that_can_count_make_dane(void **state)
{
    static const struct {
        smtp_tls_tlsa_t tlsa;
        int is_usable;
    } rows[] = {
        { { 3, 1, 1, digest, 32 }, 1 }, { { 2, 0, 1, digest, 32 }, 1 },
        { { 3, 1, 2, digest, 64 }, 1 }, { { 2, 1, 0, digest, 5 }, 1 },
        /* PKIX-TA, PKIX-EE: 3.1.3 */
        { { 0, 0, 1, digest, 32 }, 0 }, { { 1, 1, 1, digest, 32 }, 0 },
        { { 4, 1, 1, digest, 32 }, 0 }, { { 255, 1, 1, digest, 32 }, 0 },
        { { 3, 2, 1, digest, 32 }, 0 }, { { 3, 1, 3, digest, 32 }, 0 },
        { { 3, 1, 1, digest, 31 }, 0 }, { { 3, 1, 1, digest, 64 }, 0 },
        { { 3, 1, 2, digest, 32 }, 0 }, { { 3, 1, 0, digest, 0 }, 0 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_tls_policy_t policy = { .level = SMTP_TLS_DANE,
                                     .tlsa = &rows[i].tlsa,
                                     .tlsa_count = 1 };

        if (smtp_tls_tlsa_is_usable(&rows[i].tlsa) != rows[i].is_usable) {
            fail_msg("row %d", (int)i);
        }
        /* 2.2: none is usable: encrypted, whoever it is */
        assert_int_equal(smtp_tls_policy_level(&policy),
                         rows[i].is_usable ? SMTP_TLS_DANE
                                           : SMTP_TLS_ENCRYPT);
    }
}

static void a_policy_never_comes_to_less_than_it_says(void **state)
{
    static const smtp_tls_tlsa_t tlsa = { 3, 1, 1, digest, 32 };
    static const struct {
        smtp_tls_level_e level;
        int is_testing;
        smtp_tls_level_e comes_to;
        smtp_client_tls_e starttls;
    } rows[] = {
        { SMTP_TLS_NONE, 0, SMTP_TLS_NONE, SMTP_CLIENT_TLS_NONE },
        { SMTP_TLS_MAY, 0, SMTP_TLS_MAY, SMTP_CLIENT_TLS_MAY },
        { SMTP_TLS_ENCRYPT, 0, SMTP_TLS_ENCRYPT, SMTP_CLIENT_TLS_MUST },
        { SMTP_TLS_VERIFY, 0, SMTP_TLS_VERIFY, SMTP_CLIENT_TLS_MUST },
        { SMTP_TLS_DANE, 0, SMTP_TLS_DANE, SMTP_CLIENT_TLS_MUST },
        /* RFC 8461 5: testing never blocks */
        { SMTP_TLS_NONE, 1, SMTP_TLS_NONE, SMTP_CLIENT_TLS_NONE },
        { SMTP_TLS_VERIFY, 1, SMTP_TLS_MAY, SMTP_CLIENT_TLS_MAY },
        { SMTP_TLS_DANE, 1, SMTP_TLS_MAY, SMTP_CLIENT_TLS_MAY }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_tls_policy_t policy = { .level = rows[i].level,
                                     .is_testing = rows[i].is_testing & 1,
                                     .tlsa = &tlsa, .tlsa_count = 1 };

        assert_int_equal(smtp_tls_policy_level(&policy), rows[i].comes_to);
        assert_int_equal(smtp_tls_policy_starttls(&policy),
                         rows[i].starttls);
    }
}

/** RFC 8461 4.1. */
static void a_pattern_allows_the_hosts_it_means(void **state)
{
    static const struct {
        const char *pattern;
        const char *host;
        int is;
    } rows[] = {
        { "mx.example.com", "mx.example.com", 1 },
        { "mx.example.com", "MX.Example.COM.", 1 },
        { "mx.example.com.", "mx.example.com", 1 },
        { "*.example.com", "mx.example.com", 1 },
        { "*.example.com", "MX.EXAMPLE.com.", 1 },
        { "mx.example.com", "mx2.example.com", 0 },
        { "mx.example.com", "mx.example.co", 0 },
        { "mx.example.com", "a.mx.example.com", 0 },
        /* one label, a whole one, at the left */
        { "*.example.com", "example.com", 0 },
        { "*.example.com", ".example.com", 0 },
        { "*.example.com", "a.mx.example.com", 0 },
        { "*.example.com", "mxexample.com", 0 },
        { "*.*.com", "mx.example.com", 0 },
        { "m*.example.com", "mx.example.com", 0 },
        { "mx.*.com", "mx.example.com", 0 },
        { "*", "mx", 0 }, { "*.", "mx.", 0 }, { "*.", "mx", 0 },
        { "**.example.com", "mx.example.com", 0 },
        { "", "", 0 }, { "", "mx.example.com", 0 },
        { "*.example.com", "", 0 }, { "*.example.com", "*.example.com", 1 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        if (smtp_tls_pattern_is(rows[i].pattern, rows[i].host)
            != rows[i].is) {
            fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].host);
        }
    }
}

/** RFC 8460 4.3. */
static void reports_use_the_words_of_the_rfc(void **state)
{
    static const struct {
        long verify;
        const char *name;
    } rows[] = {
        { X509_V_OK, NULL },
        { X509_V_ERR_HOSTNAME_MISMATCH, "certificate-host-mismatch" },
        { X509_V_ERR_CERT_HAS_EXPIRED, "certificate-expired" },
        { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate-not-trusted" },
        { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
          "certificate-not-trusted" },
        { X509_V_ERR_DANE_NO_MATCH, "validation-failure" },
        { X509_V_ERR_OUT_OF_MEM, "validation-failure" },
        { -1, "validation-failure" }, { 9999, "validation-failure" }
    };
    int result;
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *name = smtp_tls_result_name(
            smtp_tls_result_of_verify(rows[i].verify));

        assert_true((name == NULL) == (rows[i].name == NULL));
        if (name != NULL) {
            assert_string_equal(name, rows[i].name);
        }
    }
    for (result = SMTP_TLS_RESULT_OK + 1; result < SMTP_TLS_RESULT_COUNT;
         result++) {
        assert_non_null(smtp_tls_result_name(result));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_level_has_its_word),
        UNIT_TEST(only_records_that_can_count_make_dane),
        UNIT_TEST(a_policy_never_comes_to_less_than_it_says),
        UNIT_TEST(a_pattern_allows_the_hosts_it_means),
        UNIT_TEST(reports_use_the_words_of_the_rfc)
    };

    return UNIT_RUN(tests);
}
