/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_report.h"

#define T1 apr_time_from_sec(1795427000)
#define T2 apr_time_from_sec(1795427400)
#define T3 apr_time_from_sec(1795927400)
#define DATE1 "Mon, 23 Nov 2026 10:43:20 +0100"
#define DATE2 "Mon, 23 Nov 2026 10:50:00 +0100"
#define DATE3 "Sun, 29 Nov 2026 05:43:20 +0100"

static smtp_report_t report_make(apr_pool_t *p)
{
    smtp_report_t report = {
        .reporting_mta = "mx.example.com",
        .from = "postmaster@mx.example.com", .to = "u@c.example",
        .message_id = "<1@mx.example.com>", .boundary = "b-1",
        .time = T2, .arrival = T1, .offset_sec = 3600
    };

    report.recipients = apr_array_make(p, 2,
                                       sizeof(smtp_report_recipient_t));
    return report;
}

static smtp_report_recipient_t *recipient_add(smtp_report_t *report,
                                              const char *address,
                                              smtp_report_action_e action)
{
    smtp_report_recipient_t *recipient =
        apr_array_push((apr_array_header_t *)report->recipients);

    memset(recipient, 0, sizeof(*recipient));
    recipient->final_recipient = address;
    recipient->action = action;
    return recipient;
}

/** What holds for every report: whole lines of at most 998 octets, no other
 *  control octets, no octets above 127 unless allowed. */
static void check_octets(const char *s, int is_utf8)
{
    const char *end;

    for (; *s; s = end + 2) {
        end = strstr(s, "\r\n");
        assert_non_null(end);
        assert_true(end - s <= 998);
        for (; s < end; s++) {
            assert_true(is_utf8 || (unsigned char)*s < 127);
            assert_true((unsigned char)*s >= ' ' || *s == '\t');
        }
    }
}

static const char *report_write(apr_pool_t *p, const smtp_report_t *report,
                                int *returns_full)
{
    apr_size_t len;
    const char *octets = smtp_report_write_begin(p, report, returns_full,
                                                 &len);

    assert_int_equal(len, strlen(octets));
    check_octets(octets, report->is_utf8);
    return octets;
}

/** RFC 3464, RFC 6522, RFC 3834, whole. */
static void a_sender_learns_what_became_of_the_mail(void **state)
{
    smtp_report_t report = report_make(*state);
    smtp_report_recipient_t *recipient;
    int returns_full;

    report.envid = "QQ+2B1";
    report.ret = SMTP_RET_FULL;
    recipient = recipient_add(&report, "d@b.example", SMTP_REPORT_DELAYED);
    recipient->status = (smtp_status_t){ 4, 4, 1 };
    recipient->last_attempt = T2;
    recipient->will_retry_until = T3;
    recipient = recipient_add(&report, "a@b.example", SMTP_REPORT_FAILED);
    recipient->orcpt = "rfc822;x+2By@b.example";
    recipient->status = (smtp_status_t){ 5, 1, 1 };
    recipient->remote_mta = "mx.b.example";
    recipient->diagnostic = "550-5.1.1 no such user\n550 5.1.1 not at all";
    recipient->last_attempt = T2;
    recipient->will_retry_until = T3;
    assert_string_equal(
        report_write(*state, &report, &returns_full),
        "From: Mail Delivery System <postmaster@mx.example.com>\r\n"
        "To: <u@c.example>\r\n"
        "Subject: Mail could not be delivered\r\n"
        "Date: " DATE2 "\r\n"
        "Message-ID: <1@mx.example.com>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; "
        "boundary=\"b-1\"\r\n"
        "\r\n"
        "--b-1\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "\r\n"
        "This is the mail server at mx.example.com.\r\n"
        "\r\n"
        "Your message could not be delivered to:\r\n"
        "\r\n"
        "  <a@b.example>\r\n"
        "    Bad destination mailbox address (5.1.1)\r\n"
        "    mx.b.example said:\r\n"
        "      550-5.1.1 no such user\r\n"
        "      550 5.1.1 not at all\r\n"
        "\r\n"
        "Your message has not been delivered yet to the recipients below. "
        "You need not\r\nsend it again: we keep trying.\r\n"
        "\r\n"
        "  <d@b.example>\r\n"
        "    No answer from host (4.4.1)\r\n"
        "\r\n"
        "--b-1\r\n"
        "Content-Type: message/delivery-status\r\n"
        "\r\n"
        "Original-Envelope-Id: QQ+1\r\n"
        "Reporting-MTA: dns; mx.example.com\r\n"
        "Arrival-Date: " DATE1 "\r\n"
        "\r\n"
        "Final-Recipient: rfc822; d@b.example\r\n"
        "Action: delayed\r\n"
        "Status: 4.4.1\r\n"
        "Last-Attempt-Date: " DATE2 "\r\n"
        "Will-Retry-Until: " DATE3 "\r\n"
        "\r\n"
        "Original-Recipient: rfc822; x+y@b.example\r\n"
        "Final-Recipient: rfc822; a@b.example\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.b.example\r\n"
        "Diagnostic-Code: smtp; 550-5.1.1 no such user 550 5.1.1 not at all"
        "\r\n"
        "Last-Attempt-Date: " DATE2 "\r\n"
        "\r\n"
        "--b-1\r\n"
        "Content-Type: message/rfc822\r\n"
        "\r\n");
    assert_true(returns_full);
}

/** RFC 6533: raw in a report of UTF-8, \x{HEX} in one of ASCII. */
static void an_address_of_utf8_is_named_in_each_kind_of_report(void **state)
{
    smtp_report_t report = report_make(*state);
    smtp_report_recipient_t *recipient =
        recipient_add(&report, "\xC3\xA9@b.example", SMTP_REPORT_FAILED);
    const char *octets;
    int full;

    recipient->orcpt = "utf-8;\\x{E8}@b.example";
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "\r\nContent-Type: text/rfc822-headers\r\n"
                                   "\r\n"));
    assert_non_null(strstr(octets, "\r\nOriginal-Recipient: utf-8; "
                                   "\\x{E8}@b.example\r\n"
                                   "Final-Recipient: utf-8; "
                                   "\\x{E9}@b.example\r\n"));
    assert_null(strstr(octets, "8bit"));

    report.is_utf8 = 1;
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "\r\nOriginal-Recipient: utf-8; "
                                   "\xC3\xA8@b.example\r\n"
                                   "Final-Recipient: utf-8; "
                                   "\xC3\xA9@b.example\r\n"));
    assert_non_null(strstr(octets, "boundary=\"b-1\"\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"
                                   "\r\n--b-1\r\n"
                                   "Content-Type: text/plain; "
                                   "charset=utf-8\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(octets, "Content-Type: message/"
                                   "global-delivery-status\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(octets, "Content-Type: message/global-headers\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"
                                   "\r\n"));
    report.ret = SMTP_RET_FULL;
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "Content-Type: message/global\r\n"));
    assert_true(full);
}

/** What is no UTF-8 is told as well as it can be, and what is badly encoded
 *  is left out. */
static void a_broken_address_does_not_break_the_report(void **state)
{
    smtp_report_t report = report_make(*state);
    smtp_report_recipient_t *recipient =
        recipient_add(&report, "\xC3@b.example", SMTP_REPORT_FAILED);
    static const char *const orcpts[] = {
        "", "rfc822", "rfc822;a+2", "rfc822;a+0Ab", "utf-8;\\x{D800}",
        "utf-8;\xFF"
    };
    const char *octets;
    int full;
    size_t i;

    report.envid = "a+0Db";
    for (i = 0; i < UNIT_ROWS(orcpts); i++) {
        recipient->orcpt = orcpts[i];
        octets = report_write(*state, &report, &full);
        assert_null(strstr(octets, "Original-"));
        assert_non_null(strstr(octets, "\r\nFinal-Recipient: rfc822; "
                                       "\\xC3@b.example\r\n"));
    }
    recipient->orcpt = "UTF-8;a\\x{C9}";
    assert_non_null(strstr(report_write(*state, &report, &full),
                           "\r\nOriginal-Recipient: UTF-8; a\\x{C9}\r\n"));
}

/** A message of octets above 127 comes back as such (RFC 2045 6.2). */
static void mail_of_8_bits_comes_back_undamaged(void **state)
{
    smtp_report_t report = report_make(*state);
    const char *octets;
    int full;

    recipient_add(&report, "a@b", SMTP_REPORT_FAILED);
    report.is_8bit = 1;
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "boundary=\"b-1\"\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(octets, "Content-Type: text/rfc822-headers\r\n"
                                   "Content-Transfer-Encoding: 8bit\r\n"
                                   "\r\n"));
    assert_non_null(strstr(octets, "charset=us-ascii\r\n\r\n"));
    assert_non_null(strstr(octets, "delivery-status\r\n\r\n"));
}

typedef struct action_row_t {
    smtp_report_action_e action;
    smtp_status_t status;
    const char *name;
    const char *text;            /* of the status */
    const char *subject;
} action_row_t;

static const action_row_t action_rows[] = {
    { SMTP_REPORT_FAILED, { 5, 2, 2 }, "failed", "5.2.2",
      "Mail could not be delivered" },
    { SMTP_REPORT_FAILED, { 4, 4, 1 }, "failed", "5.4.1",
      "Mail could not be delivered" },
    { SMTP_REPORT_FAILED, { 0, 0, 0 }, "failed", "5.0.0",
      "Mail could not be delivered" },
    { SMTP_REPORT_DELAYED, { 5, 4, 1 }, "delayed", "4.4.1",
      "Mail is delayed" },
    { SMTP_REPORT_DELIVERED, { 2, 1, 5 }, "delivered", "2.1.5",
      "Mail was delivered" },
    { SMTP_REPORT_RELAYED, { 0, 0, 0 }, "relayed", "2.0.0",
      "Mail was relayed" },
    { SMTP_REPORT_EXPANDED, { 5, 0, 0 }, "expanded", "2.0.0",
      "Mail was expanded" },
    { (smtp_report_action_e)99, { 2, 0, 0 }, "failed", "5.0.0",
      "Mail could not be delivered" }
};

/** RFC 3464 2.3.3, 2.3.4. */
static void action_and_status_agree(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(action_rows); i++) {
        const action_row_t *row = &action_rows[i];
        smtp_report_t report = report_make(*state);
        const char *octets;
        int full;

        recipient_add(&report, "a@b", row->action)->status = row->status;
        octets = report_write(*state, &report, &full);
        assert_string_equal(smtp_report_action_name(row->action), row->name);
        assert_non_null(strstr(octets, apr_pstrcat(*state, "\r\nAction: ",
                                                   row->name, "\r\nStatus: ",
                                                   row->text, "\r\n", NULL)));
        assert_non_null(strstr(octets, apr_pstrcat(*state, "\r\nSubject: ",
                                                   row->subject, "\r\n",
                                                   NULL)));
    }
}

/** RFC 3461 4.3: RET is about failures only. */
static void the_whole_mail_comes_back_only_when_asked_for(void **state)
{
    static const struct {
        smtp_ret_e ret;
        smtp_report_action_e first, second;
        int full;
    } rows[] = {
        { SMTP_RET_FULL, SMTP_REPORT_FAILED, SMTP_REPORT_FAILED, 1 },
        { SMTP_RET_FULL, SMTP_REPORT_RELAYED, SMTP_REPORT_FAILED, 1 },
        { SMTP_RET_FULL, SMTP_REPORT_DELAYED, SMTP_REPORT_DELAYED, 0 },
        { SMTP_RET_FULL, SMTP_REPORT_DELIVERED, SMTP_REPORT_RELAYED, 0 },
        { SMTP_RET_HDRS, SMTP_REPORT_FAILED, SMTP_REPORT_FAILED, 0 },
        { SMTP_RET_NONE, SMTP_REPORT_FAILED, SMTP_REPORT_FAILED, 0 }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_report_t report = report_make(*state);
        const char *octets;
        int full;

        report.ret = rows[i].ret;
        recipient_add(&report, "a@b", rows[i].first);
        recipient_add(&report, "c@d", rows[i].second);
        octets = report_write(*state, &report, &full);
        assert_int_equal(full, rows[i].full);
        assert_int_equal(strstr(octets, "message/rfc822\r\n") != NULL, full);
        assert_int_equal(strstr(octets, "text/rfc822-headers\r\n") != NULL,
                         !full);
    }
}

static void a_text_of_the_administrator_stands_in(void **state)
{
    smtp_report_t report = report_make(*state);
    const char *octets;
    int full;

    recipient_add(&report, "a@b", SMTP_REPORT_FAILED);
    report.subject = "Returned";
    report.text = "Hello,\n\n  ask us.\n";
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "\r\nSubject: Returned\r\n"));
    assert_non_null(strstr(octets, "charset=us-ascii\r\n\r\nHello,\r\n\r\n"
                                   "  ask us.\r\n\r\n--b-1\r\n"));
}

static void a_text_beyond_ascii_passes_every_server(void **state)
{
    smtp_report_t report = report_make(*state);
    const char *octets;
    int full;

    recipient_add(&report, "a@b", SMTP_REPORT_FAILED);
    report.subject = "Zur\xC3\xBC" "ck";
    report.text = "F\xC3\xBCr:\n  a=b\n\xFF\n";
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "\r\nSubject: =?utf-8?Q?Zur=C3=BCck?="
                                   "\r\n"));
    assert_non_null(strstr(octets, "charset=utf-8\r\n"
                                   "Content-Transfer-Encoding: "
                                   "quoted-printable\r\n\r\nF=C3=BCr:\r\n"
                                   "  a=3Db\r\n\\xFF\r\n\r\n--b-1\r\n"));
    report.is_utf8 = 1;
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, "\r\nSubject: Zur\xC3\xBC" "ck\r\n"));
    assert_non_null(strstr(octets, "Content-Transfer-Encoding: 8bit\r\n\r\n"
                                   "F\xC3\xBCr:\r\n  a=b\r\n"));
}

static void words_of_our_own_are_no_reply(void **state)
{
    smtp_report_t report = report_make(*state);
    smtp_report_recipient_t *recipient = recipient_add(&report, "a@b",
                                                       SMTP_REPORT_FAILED);
    const char *octets;
    int full;

    recipient->remote_mta = "mx.example.org";
    recipient->diagnostic = "connection refused";
    recipient->is_local = 1;
    octets = report_write(*state, &report, &full);
    assert_non_null(strstr(octets, ")\r\n    connection refused\r\n"));
    assert_non_null(strstr(octets, "\r\nDiagnostic-Code: x-mod-smtp; "
                                   "connection refused\r\n"));
    assert_null(strstr(octets, "said:"));
}

/** OpenSMTPD CVE-2020-8794: a remote reply wrote lines of its own. */
static void a_remote_server_writes_no_field_of_its_own(void **state)
{
    static const char evil[] = "a\r\nTo: <x@evil.example>\r\n\r\n--b-1\r\n"
                               "\x01\x7F\xFF \n.\n\tFinal-Recipient: y";
    smtp_report_t report = report_make(*state);
    smtp_report_recipient_t *recipient =
        recipient_add(&report, evil, SMTP_REPORT_FAILED);
    int full;
    const char *octets;

    recipient->remote_mta = recipient->diagnostic = evil;
    recipient->orcpt = apr_pstrcat(*state, "rfc822;", evil, NULL);
    report.from = report.to = report.reporting_mta = evil;
    report.message_id = report.envid = report.subject = evil;
    for (report.is_utf8 = 0; report.is_utf8 < 2; report.is_utf8++) {
        octets = report_write(*state, &report, &full);
        assert_null(strstr(octets, "\nTo: <x"));
        assert_null(strstr(octets, "\n\tFinal"));
        assert_null(strstr(octets, "\nFinal-Recipient: y"));
        assert_non_null(strstr(octets, "\r\nDiagnostic-Code: smtp; "));
    }
}

/** RFC 2046 5.1.1. */
static void the_boundary_is_one(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        { "a'+_,-./:=?Z9", "a'+_,-./:=?Z9" }, { "", "-" },
        { "a\"b\r\n c\xFF", "a-b---c-" },
        { "0123456789012345678901234567890123456789012345678901234567890123"
          "456789x", "0123456789012345678901234567890123456789012345678901"
          "234567890123456789" }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_report_t report = report_make(*state);
        const char *octets;
        apr_size_t len;
        int full;

        report.boundary = rows[i].in;
        octets = report_write(*state, &report, &full);
        assert_non_null(strstr(octets, apr_pstrcat(*state, "boundary=\"",
                                                   rows[i].out, "\"\r\n",
                                                   NULL)));
        assert_non_null(strstr(octets, apr_pstrcat(*state, "\r\n\r\n--",
                                                   rows[i].out, "\r\n",
                                                   NULL)));
        octets = smtp_report_write_end(*state, &report, &len);
        assert_string_equal(octets, apr_pstrcat(*state, "\r\n--",
                                                rows[i].out, "--\r\n", NULL));
        assert_int_equal(len, strlen(octets));
        assert_ptr_not_equal(smtp_report_write_end(*state, &report, NULL),
                             NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_sender_learns_what_became_of_the_mail),
        UNIT_TEST(an_address_of_utf8_is_named_in_each_kind_of_report),
        UNIT_TEST(a_broken_address_does_not_break_the_report),
        UNIT_TEST(mail_of_8_bits_comes_back_undamaged),
        UNIT_TEST(action_and_status_agree),
        UNIT_TEST(the_whole_mail_comes_back_only_when_asked_for),
        UNIT_TEST(a_text_of_the_administrator_stands_in),
        UNIT_TEST(a_text_beyond_ascii_passes_every_server),
        UNIT_TEST(words_of_our_own_are_no_reply),
        UNIT_TEST(a_remote_server_writes_no_field_of_its_own),
        UNIT_TEST(the_boundary_is_one)
    };

    return UNIT_RUN(tests);
}
