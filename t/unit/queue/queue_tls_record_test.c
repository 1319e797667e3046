/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "queue_tls_record.h"

/** A record, and who wants to know; NULL: it is no such record. */
static const struct {
    const char *text;
    const char *who;             /**< parted by blanks */
} records[] = {
    { "v=TLSRPTv1; rua=mailto:tls@example.com", "tls@example.com" },
    { "v=TLSRPTv1;rua=https://a.example/r;", "https://a.example/r" },
    { "v=TLSRPTv1 ; rua=mailto:a@b.example , https://a.example/r?x=1",
      "a@b.example https://a.example/r?x=1" },
    { "v=TLSRPTv1; x=y; rua=MAILTO:a@b.example?subject=x", "a@b.example" },
    { "v=TLSRPTv1; rua=mailto:a%2Cb@c.example", "" },
    { "v=TLSRPTv1; rua=mailto:a%2Bb@c.example", "a+b@c.example" },
    { "v=TLSRPTv1; rua=mailto:%22a%20b%22@c.example", "\"a b\"@c.example" },
    { "v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example",
      "a@b.example" },
    { "v=TLSRPTv1; rua=mailto:1@a,mailto:2@a,mailto:3@a,mailto:4@a,"
      "mailto:5@a,mailto:6@a", "1@a 2@a 3@a 4@a 5@a" },
    { "v=TLSRPTv1;", "" }, { "v=TLSRPTv1; rua=", "" },
    { "v=TLSRPTv1; RUA=mailto:a@b", "" }, { "v=TLSRPTv1; rua=mailto:", "" },
    { "v=TLSRPTv1; rua=mailto:a", "" },
    { "v=TLSRPTv1; rua=mailto:a@b%0D%0AX:y", "" },
    { "v=TLSRPTv1; rua=mailto:a@b%00", "" },
    { "v=TLSRPTv1; rua=mailto:a@b%", "" },
    { "v=TLSRPTv1; rua=mailto:<a@b.example>", "" },
    { "v=TLSRPTv1; rua=mailto:-f@b.example", "-f@b.example" },
    { "v=TLSRPTv1; rua=http://a.example/", "" },
    { "v=TLSRPTv1; rua=https://a.example/\x01", "" },
    { "v=TLSRPTv1; rua=https://a.example/a b", "" },
    { "v=TLSRPTv1; rua=ftp://a.example/,file:///etc/passwd", "" },
    { "v=TLSRPTv1; rua=mailto:caf\xC3\xA9@b.example", "" },
    { "v=TLSRPTv2; rua=mailto:a@b", NULL }, { "v=TLSRPTv1", NULL },
    { "v=tlsrptv1; rua=mailto:a@b", NULL }, { "", NULL },
    { "rua=mailto:a@b; v=TLSRPTv1", NULL }, { "v=TLSRPTv12; x", NULL }
};

static const char *who_of(apr_pool_t *p, const apr_array_header_t *all)
{
    const char *text = "";
    int i;

    for (i = 0; i < all->nelts; i++) {
        const queue_tls_rua_t *rua = &APR_ARRAY_IDX(all, i, queue_tls_rua_t);

        assert_true(!rua->mailbox != !rua->url);
        text = apr_pstrcat(p, text, i ? " " : "",
                           rua->mailbox ? rua->mailbox : rua->url, NULL);
    }
    return text;
}

static void who_asks_for_reports_gets_them(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(records); i++) {
        const char *text = records[i].text;
        apr_array_header_t *all = queue_tls_record_parse(
            *state, unit_string(*state, text), strlen(text));

        UNIT_CHECK(text, !all == !records[i].who);
        if (all) {
            assert_string_equal(who_of(*state, all), records[i].who);
        }
    }
}

static void of_two_records_none_counts(void **state)
{
    smtp_dns_answer_t answer = { 0 };
    int i;

    answer.records = apr_array_make(*state, 2, sizeof(smtp_dns_record_t));
    assert_int_equal(queue_tls_record_find(*state, &answer)->nelts, 0);
    for (i = 0; i < 3; i++) {
        smtp_dns_record_t *record = apr_array_push(answer.records);

        record->type = SMTP_DNS_RECORD_TXT;
        record->u.txt.text = i ? "v=TLSRPTv1; rua=mailto:a@b.example"
                               : "v=spf1";
        record->u.txt.len = strlen(record->u.txt.text);
        assert_int_equal(queue_tls_record_find(*state, &answer)->nelts,
                         i == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_asks_for_reports_gets_them),
        UNIT_TEST(of_two_records_none_counts)
    };

    return UNIT_RUN(tests);
}
