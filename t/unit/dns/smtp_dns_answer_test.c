/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <unbound.h>

#include <apr_strings.h>

#include "smtp_dns_answer.h"

/* What libunbound would have said. */
typedef struct result_t {
    struct ub_result ub;
    char *data[SMTP_DNS_ANSWER_RECORDS_MAX + 3];
    int len[SMTP_DNS_ANSWER_RECORDS_MAX + 3];
} result_t;

static result_t *result_create(apr_pool_t *p, int type, int rcode)
{
    result_t *result = apr_pcalloc(p, sizeof(*result));

    result->ub.qname = apr_pstrdup(p, "mx.example.com");
    result->ub.qtype = type;
    result->ub.rcode = rcode;
    result->ub.ttl = 300;
    result->ub.secure = 1;
    result->ub.data = result->data;
    result->ub.len = result->len;
    return result;
}

static void result_add(result_t *result, const char *rdata, int len)
{
    int count = 0;

    while (result->data[count] != NULL) {
        count++;
    }
    result->data[count] = (char *)rdata;
    result->len[count] = len;
    result->ub.havedata = 1;
}

/** "A"ddress, "n"one, "x": NXDOMAIN, "s"ervfail, "r"efused, "b"ogus,
 *  "u"nreadable, "i"nsecure address, "-": no result. */
static struct ub_result *result_of(apr_pool_t *p, int type, char what)
{
    result_t *result = result_create(p, type, what == 'x' ? 3
                                              : what == 's' ? 2
                                              : what == 'r' ? 5 : 0);

    if (what == '-') {
        return NULL;
    }
    if (what == 'A' || what == 'i') {
        result_add(result, "\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1",
                   type == SMTP_DNS_RECORD_A ? 4 : 16);
    }
    if (what == 'u') {
        result_add(result, "\0", 1);
    }
    if (what == 'b') {
        /* The records are there, and not to be used. */
        result_add(result, "\x20\1\x0D\xB8", 4);
        result->ub.bogus = 1;
        result->ub.rcode = 2;
        result->ub.why_bogus = apr_pstrdup(p, "signature expired\r\nEvil: 1");
    }
    if (strchr("ibsr", what) != NULL) {
        result->ub.secure = 0;
    }
    return &result->ub;
}

static void an_answer_says_what_both_look_ups_found(void **state)
{
    static const struct {
        const char *what;          /* of A and of AAAA */
        smtp_dns_status_e status;
        int records, is_secure, is_partial;
    } rows[] = {
        { "AA", SMTP_DNS_OK, 2, 1, 0 }, { "An", SMTP_DNS_OK, 1, 1, 0 },
        { "nA", SMTP_DNS_OK, 1, 1, 0 }, { "Ai", SMTP_DNS_OK, 2, 0, 0 },
        { "iA", SMTP_DNS_OK, 2, 0, 0 }, { "in", SMTP_DNS_OK, 1, 0, 0 },
        /* A failure of one of both is no downgrade of the other. */
        { "As", SMTP_DNS_OK, 1, 1, 1 }, { "-A", SMTP_DNS_OK, 1, 1, 1 },
        { "bA", SMTP_DNS_OK, 1, 1, 1 }, { "Ab", SMTP_DNS_OK, 1, 1, 1 },
        { "is", SMTP_DNS_OK, 1, 0, 1 },
        { "nn", SMTP_DNS_NONE, 0, 1, 0 }, { "xx", SMTP_DNS_NXDOMAIN, 0, 1, 0 },
        { "nx", SMTP_DNS_NONE, 0, 1, 0 },
        { "ns", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "sn", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "x-", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "--", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "rr", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "bn", SMTP_DNS_BOGUS, 0, 0, 0 }, { "nb", SMTP_DNS_BOGUS, 0, 0, 0 },
        { "bb", SMTP_DNS_BOGUS, 0, 0, 0 },
        { "bs", SMTP_DNS_TEMPORARY, 0, 0, 0 },
        { "uu", SMTP_DNS_UNREADABLE, 0, 1, 0 },
        { "un", SMTP_DNS_UNREADABLE, 0, 1, 0 },
        { "Au", SMTP_DNS_OK, 1, 1, 0 },
        { "us", SMTP_DNS_TEMPORARY, 0, 0, 0 }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const struct ub_result *const results[2] = {
            result_of(p, SMTP_DNS_RECORD_A, rows[i].what[0]),
            result_of(p, SMTP_DNS_RECORD_AAAA, rows[i].what[1])
        };
        const smtp_dns_answer_t *answer =
            smtp_dns_answer_create(p, results, 2, "out of time");
        int has_failed = answer->status == SMTP_DNS_TEMPORARY
            || answer->status == SMTP_DNS_BOGUS;

        UNIT_CHECK(rows[i].what, answer->status == rows[i].status);
        UNIT_CHECK(rows[i].what, answer->records->nelts == rows[i].records);
        UNIT_CHECK(rows[i].what, answer->is_secure == rows[i].is_secure);
        UNIT_CHECK(rows[i].what, answer->is_partial == rows[i].is_partial);
        UNIT_CHECK(rows[i].what, has_failed == (answer->ttl_sec == 0)
                                 || answer->is_partial);
        UNIT_CHECK(rows[i].what, (has_failed || answer->is_partial)
                                 == (answer->reason != NULL));
    }
}

static const smtp_dns_answer_t *answer_of(apr_pool_t *p, result_t *result)
{
    const struct ub_result *const results[1] = { &result->ub };

    return smtp_dns_answer_create(p, results, 1, NULL);
}

static void one_bad_record_does_not_lose_the_good_ones(void **state)
{
    apr_pool_t *p = *state;
    result_t *result = result_create(p, SMTP_DNS_RECORD_MX, 0);
    const smtp_dns_answer_t *answer;

    result_add(result, "\0\1\3a\r\n\0", 7);
    result_add(result, "\0\2\2mx\0", 6);
    result_add(result, "\0\3", 2);
    result_add(result, "\0\4\2my\0", -1);
    answer = answer_of(p, result);
    assert_int_equal(answer->status, SMTP_DNS_OK);
    assert_int_equal(answer->records->nelts, 1);
    assert_int_equal(answer->refused, 3);
    assert_string_equal(APR_ARRAY_IDX(answer->records, 0, smtp_dns_record_t)
                        .u.mx.host, "mx");
}

static void a_length_that_is_none_is_not_believed(void **state)
{
    result_t *result = result_create(*state, SMTP_DNS_RECORD_TXT, 0);

    result_add(result, "\1a", -1);
    assert_int_equal(answer_of(*state, result)->status, SMTP_DNS_UNREADABLE);
}

static void an_answer_without_end_has_one(void **state)
{
    apr_pool_t *p = *state;
    result_t *result = result_create(p, SMTP_DNS_RECORD_A, 0);
    int i;

    for (i = 0; i < SMTP_DNS_ANSWER_RECORDS_MAX; i++) {
        result_add(result, "\1\2\3\4", 4);
    }
    assert_int_equal(answer_of(p, result)->is_cut, 0);
    result_add(result, "\1\2\3\4", 4);
    assert_int_equal(answer_of(p, result)->is_cut, 1);
    assert_int_equal(answer_of(p, result)->records->nelts,
                     SMTP_DNS_ANSWER_RECORDS_MAX);
}

/* RFC 1034 3.6.2 */
static void the_end_of_an_alias_is_known(void **state)
{
    static const struct {
        const char *canonname;
        int is_alias;
        const char *canonical;
    } rows[] = {
        { NULL, 0, NULL }, { "mx.example.com", 0, NULL },
        { "MX.Example.COM.", 0, NULL },
        { "real.example.net.", 1, "real.example.net" },
        { "REAL.example.net", 1, "real.example.net" },
        { "mx.example.com.net", 1, "mx.example.com.net" },
        { "a_b.example.net.", 1, NULL }, { ".", 1, NULL },
        { "a\\013b.example.", 1, NULL }, { "1.2.3.4", 1, NULL }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        result_t *result = result_create(p, SMTP_DNS_RECORD_A, 0);
        const smtp_dns_answer_t *answer;

        result_add(result, "\1\2\3\4", 4);
        result->ub.canonname = (char *)rows[i].canonname;
        answer = answer_of(p, result);
        assert_int_equal(answer->is_alias, rows[i].is_alias);
        if (rows[i].canonical == NULL) {
            assert_null(answer->canonical);
        }
        else {
            assert_string_equal(answer->canonical, rows[i].canonical);
        }
    }
}

/* RFC 2181 8 */
static void nothing_is_kept_for_ever(void **state)
{
    static const struct {
        int ttl, want;
    } rows[] = {
        { 0, 0 }, { 1, 1 }, { 86400, 86400 }, { 86401, 86400 },
        { 2147483647, 86400 }, { -1, 0 }
    };
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        result_t *result = result_create(p, SMTP_DNS_RECORD_A, 0);

        result_add(result, "\1\2\3\4", 4);
        result->ub.ttl = rows[i].ttl;
        assert_int_equal(answer_of(p, result)->ttl_sec, rows[i].want);
    }
}

static void a_zone_writes_no_line_into_the_log(void **state)
{
    apr_pool_t *p = *state;
    const struct ub_result *const results[1] = {
        result_of(p, SMTP_DNS_RECORD_A, 'b')
    };

    assert_string_equal(smtp_dns_answer_create(p, results, 1, NULL)->reason,
                        "signature expired\\x0D\\x0AEvil: 1");
}

static void each_status_has_its_words(void **state)
{
    int status;

    (void)state;
    for (status = SMTP_DNS_OK; status <= SMTP_DNS_TEMPORARY; status++) {
        assert_true(strlen(smtp_dns_status_text(status)) > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_answer_says_what_both_look_ups_found),
        UNIT_TEST(one_bad_record_does_not_lose_the_good_ones),
        UNIT_TEST(a_length_that_is_none_is_not_believed),
        UNIT_TEST(an_answer_without_end_has_one),
        UNIT_TEST(the_end_of_an_alias_is_known),
        UNIT_TEST(nothing_is_kept_for_ever),
        UNIT_TEST(a_zone_writes_no_line_into_the_log),
        UNIT_TEST(each_status_has_its_words)
    };
    return UNIT_RUN(tests);
}
