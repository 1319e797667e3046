/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_base64.h>
#include <apr_strings.h>
#include <jansson.h>
#include <zlib.h>

#include "queue_tls_json.h"

static const char *const strings[] = {
    "version: STSv1", "mode: testing", "mx: *.mail.example", NULL
};
static const char *const mx[] = { "*.mail.example", NULL };

static const queue_tls_about_t about = {
    "mail.sender.example", "postmaster@mail.sender.example", 16892,
    "16892.company.example.1@mail.sender.example"
};

/** A day with what the example of RFC 8460 B has, about. */
static queue_tls_domain_t *domain_make(apr_pool_t *p)
{
    queue_tls_day_t *day = queue_tls_day_create(p, about.day);
    queue_tls_session_t session = {
        "company.example", QUEUE_TLS_STS, NULL, strings, mx,
        SMTP_TLS_RESULT_EXPIRED, "mx1.mail.example", "2001:db8::1", "",
        "certificate has expired \"\x01\xFF"
    };

    queue_tls_count(day, &session);
    queue_tls_count(day, &session);
    session.result = SMTP_TLS_RESULT_OK;
    queue_tls_count(day, &session);
    session.kind = QUEUE_TLS_NO_POLICY;
    session.strings = session.mx = NULL;
    session.result = SMTP_TLS_RESULT_STARTTLS_NOT_SUPPORTED;
    session.detail = "";
    queue_tls_count(day, &session);
    session.kind = QUEUE_TLS_TLSA;
    session.policy_domain = "mx.hoster.example";
    session.result = SMTP_TLS_RESULT_OK;
    queue_tls_count(day, &session);
    return apr_hash_get(day->domains, "company.example",
                        APR_HASH_KEY_STRING);
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static json_int_t number_at(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void a_report_is_as_the_rfc_has_it(void **state)
{
    const char *text = queue_tls_json_write(*state, domain_make(*state),
                                            &about);
    json_t *report = json_loads(text, 0, NULL), *policies, *policy, *part;

    assert_non_null(report);
    assert_string_equal(text_at(report, "organization-name"),
                        "mail.sender.example");
    assert_string_equal(text_at(report, "contact-info"),
                        "postmaster@mail.sender.example");
    assert_string_equal(text_at(report, "report-id"), about.id);
    part = json_object_get(report, "date-range");
    assert_string_equal(text_at(part, "start-datetime"),
                        "2016-04-01T00:00:00Z");
    assert_string_equal(text_at(part, "end-datetime"),
                        "2016-04-01T23:59:59Z");
    policies = json_object_get(report, "policies");
    assert_int_equal(json_array_size(policies), 3);
    policy = json_array_get(policies, 0);
    part = json_object_get(policy, "policy");
    assert_string_equal(text_at(part, "policy-type"), "sts");
    assert_string_equal(text_at(part, "policy-domain"), "company.example");
    assert_int_equal(json_array_size(json_object_get(part, "policy-string")),
                     3);
    assert_string_equal(json_string_value(json_array_get(
        json_object_get(part, "mx-host"), 0)), "*.mail.example");
    part = json_object_get(policy, "summary");
    assert_int_equal(number_at(part, "total-successful-session-count"), 1);
    assert_int_equal(number_at(part, "total-failure-session-count"), 2);
    part = json_array_get(json_object_get(policy, "failure-details"), 0);
    assert_string_equal(text_at(part, "result-type"), "certificate-expired");
    assert_string_equal(text_at(part, "sending-mta-ip"), "2001:db8::1");
    assert_string_equal(text_at(part, "receiving-mx-hostname"),
                        "mx1.mail.example");
    assert_null(json_object_get(part, "receiving-ip"));
    assert_int_equal(number_at(part, "failed-session-count"), 2);
    assert_string_equal(text_at(part, "failure-reason-code"),
                        "certificate has expired \"??");
    policy = json_array_get(policies, 1);
    part = json_object_get(policy, "policy");
    assert_string_equal(text_at(part, "policy-type"), "no-policy-found");
    assert_string_equal(text_at(part, "policy-domain"), "company.example");
    assert_null(json_object_get(part, "policy-string"));
    part = json_array_get(json_object_get(policy, "failure-details"), 0);
    assert_string_equal(text_at(part, "result-type"),
                        "starttls-not-supported");
    part = json_object_get(json_array_get(policies, 2), "policy");
    assert_string_equal(text_at(part, "policy-type"), "tlsa");
    assert_string_equal(text_at(part, "policy-domain"), "mx.hoster.example");
    json_decref(report);
}

/** What zlib makes of it again. */
static const char *gunzip(apr_pool_t *p, const char *octets, apr_size_t len)
{
    char *text = apr_pcalloc(p, 65536);
    z_stream z = { 0 };

    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)octets;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)text;
    z.avail_out = 65535;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    return text;
}

static void gzip_is_undone(void **state)
{
    const char *text = queue_tls_json_write(*state, domain_make(*state),
                                            &about);
    apr_size_t len;
    const char *gzip = queue_tls_gzip(*state, text, strlen(text), &len);

    assert_non_null(gzip);
    assert_string_equal(gunzip(*state, gzip, len), text);
}

static void the_mail_carries_the_report(void **state)
{
    queue_tls_domain_t *domain = domain_make(*state);
    const char *text = queue_tls_json_write(*state, domain, &about);
    const char *mail, *begin, *end, *line;
    apr_size_t len;
    const char *gzip = queue_tls_gzip(*state, text, strlen(text), &len);
    char *base64, *octets;

    mail = queue_tls_mail_write(*state, domain, &about,
                                apr_time_from_sec(1459555200),
                                "tls@company.example", gzip, len);
    assert_non_null(strstr(mail, "To: <tls@company.example>\r\n"));
    assert_non_null(strstr(mail, "2 Apr 2016 00:00:00 +0000\r\n"));
    assert_non_null(strstr(mail, "\r\nTLS-Report-Domain: company.example\r\n"
                           "TLS-Report-Submitter: mail.sender.example\r\n"
                           "TLS-Required: No\r\n"));
    assert_non_null(strstr(mail, "report-type=\"tlsrpt\""));
    assert_non_null(strstr(mail, " filename=\"mail.sender.example!"
                           "company.example!1459468800!1459555199!001"
                           ".json.gz\"\r\n"));
    begin = strstr(mail, ".json.gz\"\r\n\r\n") + strlen(".json.gz\"\r\n\r\n");
    end = strstr(begin, "\r\n--");
    base64 = apr_pstrmemdup(*state, begin, end - begin);
    octets = apr_palloc(*state, strlen(base64));
    apr_collapse_spaces(base64, base64);
    assert_int_equal(apr_base64_decode(octets, base64), len);
    assert_string_equal(gunzip(*state, octets, len), text);
    /* RFC 5322 2.1.1 */
    for (line = mail; *line; line = strstr(line, "\r\n") + 2) {
        assert_true(strcspn(line, "\r\n") <= 998);
        assert_memory_equal(line + strcspn(line, "\r\n"), "\r\n", 2);
    }
    assert_string_equal(mail + strlen(mail) - 4, "--\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_report_is_as_the_rfc_has_it),
        UNIT_TEST(gzip_is_undone),
        UNIT_TEST(the_mail_carries_the_report)
    };

    return UNIT_RUN(tests);
}
