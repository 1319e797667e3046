/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "queue_dsn_text.h"

static void report_make(apr_pool_t *p, smtp_report_t *report)
{
    apr_array_header_t *recipients =
        apr_array_make(p, 2, sizeof(smtp_report_recipient_t));
    smtp_report_recipient_t *first, *second;

    memset(report, 0, sizeof(*report));
    report->reporting_mta = "mx.example.com";
    report->from = "postmaster@example.com";
    report->to = "sender@example.com";
    report->arrival = apr_time_from_sec(1795427400);
    report->offset_sec = 3600;
    first = apr_array_push(recipients);
    memset(first, 0, sizeof(*first));
    first->final_recipient = "bob@example.org";
    first->status = (smtp_status_t){ 5, 1, 1 };
    first->remote_mta = "mx.example.org";
    first->diagnostic = "550 %{id} no";
    first->last_attempt = apr_time_from_sec(1795427401);
    second = apr_array_push(recipients);
    memset(second, 0, sizeof(*second));
    second->final_recipient = "eve@example.net";
    second->action = SMTP_REPORT_DELAYED;
    second->status = (smtp_status_t){ 4, 4, 1 };
    second->will_retry_until = apr_time_from_sec(1795427402);
    report->recipients = recipients;
}

static void a_template_is_filled_in(void **state)
{
    static const struct {
        const char *template, *subject, *text;
    } rows[] = {
        { "Hello\n", NULL, "Hello\n" },
        { "Hello", NULL, "Hello\n" },
        { "", NULL, "" },
        { "\n\n", NULL, "" },
        { "Subject: Lost: %{recipient}, 100%%\n\nHello\n\n\nthere\n\n",
          "Lost: bob@example.org, 100%", "Hello\n\nthere\n" },
        { "subject:x", "x", "" },
        { "%{server} %{postmaster} %{sender} %{id} %{arrived}", NULL,
          "mx.example.com postmaster@example.com sender@example.com ID1 "
          "Mon, 23 Nov 2026 10:50:00 +0100\n" },
        /* A paragraph for each, lines that tell nothing left out, and no
         * value taken for a template. */
        { "To:\n\n  %{recipient}: %{action}\n    %{reason} (%{status})\n"
          "    %{host} said: %{reply}\n    last %{attempt}\n"
          "    until %{until}\n\nYours\n", NULL,
          "To:\n\n"
          "  bob@example.org: failed\n"
          "    Bad destination mailbox address (5.1.1)\n"
          "    mx.example.org said: 550 %{id} no\n"
          "    last Mon, 23 Nov 2026 10:50:01 +0100\n\n"
          "  eve@example.net: delayed\n"
          "    No answer from host (4.4.1)\n"
          "    until Mon, 23 Nov 2026 10:50:02 +0100\n\n"
          "Yours\n" },
        { "%{host}\n\nend", NULL, "mx.example.org\n\nend\n" },
        { "%", NULL, "%\n" }
    };
    smtp_report_t report;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        report_make(*state, &report);
        queue_dsn_text_write(*state, rows[i].template, "ID1", &report);
        if (strcmp(report.text, rows[i].text)) {
            fail_msg("\"%s\": \"%s\"", rows[i].template, report.text);
        }
        if (rows[i].subject) {
            assert_string_equal(report.subject, rows[i].subject);
        }
        else {
            assert_null(report.subject);
        }
    }
}

static void a_template_that_is_wrong_is_told_so(void **state)
{
    static const struct {
        const char *template, *words;
    } rows[] = {
        { "a %{recipients} b", "'%{recipients}' is not known; write %%" },
        { "%{}", "'%{}' is not known" },
        { "%{recipient", "'%{recipient' is not known" },
        { "%{recip\nient}", "'%{recip' is not known" },
        { "Subject: 100% lost\n", "'% lost' is not known" },
        { "100%", "'%' is not known" },
        { "%{0123456789012345678901234567890123456789}",
          "'%{0123456789012345678901234567' is not known" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *complaint = queue_dsn_text_check(*state,
                                                     rows[i].template);

        UNIT_CHECK(rows[i].template, complaint);
        if (strncmp(complaint, rows[i].words, strlen(rows[i].words))) {
            fail_msg("\"%s\"", complaint);
        }
    }
    assert_null(queue_dsn_text_check(*state, "%{until} %% %{server}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_template_is_filled_in),
        UNIT_TEST(a_template_that_is_wrong_is_told_so)
    };

    return UNIT_RUN(tests);
}
