/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include <apr_strings.h>

#include "smtp_trace.h"

#define DATE "Mon, 23 Nov 2026 10:50:00 +0100"

/** A trace with all there is. */
static smtp_trace_t full_trace(void)
{
    smtp_trace_t trace = {
        .helo = "client.example.net", .client_name = "host.example.net",
        .client_ip = "192.0.2.7", .server_name = "mx.example.com",
        .id = "4XyZ0Q", .recipient = "user@example.com",
        .tls_version = "TLSv1.3", .tls_cipher = "TLS_AES_256_GCM_SHA384",
        .esmtp = 1, .auth = 1, .time = apr_time_from_sec(1795427400),
        .offset_sec = 3600
    };

    return trace;
}

/** @a s without its folding. */
static const char *unfold(apr_pool_t *p, const char *s)
{
    char *out = apr_pstrdup(p, s);
    char *o = out;

    for (; *s; s++) {
        if (s[0] == '\r' && s[1] == '\n' && (s[2] == ' ' || s[2] == '\t')) {
            *o++ = ' ';
            s += 2;
        }
        else {
            *o++ = *s;
        }
    }
    *o = '\0';
    return out;
}

/** What holds for every field: it is one, and its lines are short unless a
 *  single word is longer. */
static void check_field(const char *field)
{
    const char *line = field, *end;

    assert_memory_equal(field, "Received: ", 10);
    while (*line) {
        end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end > line);
        assert_true(end[2] == '\0' || end[2] == '\t' || end[2] == ' ');
        if (end - line > 78) {
            assert_true(line > field);
            assert_true(line + 1 + strcspn(line + 1, " \r") == end);
        }
        for (; line < end; line++) {
            assert_true(*line == '\t' || (unsigned char)*line >= ' ');
            assert_int_not_equal(*line, 0x7F);
        }
        line = end + 2;
    }
}

static const char *received(apr_pool_t *p, const smtp_trace_t *trace)
{
    const char *field = smtp_trace_write_received(p, trace);

    check_field(field);
    return unfold(p, field);
}

/** RFC 5321 4.4. */
static void a_hop_can_be_traced(void **state)
{
    smtp_trace_t trace = full_trace();

    assert_string_equal(
        received(*state, &trace),
        "Received: from client.example.net (host.example.net [192.0.2.7]) "
        "by mx.example.com with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) "
        "id 4XyZ0Q for <user@example.com>; " DATE "\r\n");
    assert_string_equal(
        smtp_trace_write_received(*state, &trace),
        "Received: from client.example.net (host.example.net [192.0.2.7])\r\n"
        "\tby mx.example.com with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) "
        "id 4XyZ0Q\r\n"
        "\tfor <user@example.com>; " DATE "\r\n");
}

static void what_is_not_known_is_left_out(void **state)
{
    smtp_trace_t trace = full_trace();

    trace.client_name = trace.tls_cipher = trace.id = trace.recipient = NULL;
    assert_string_equal(
        received(*state, &trace),
        "Received: from client.example.net ([192.0.2.7]) by mx.example.com "
        "with ESMTPSA (TLSv1.3); " DATE "\r\n");
    trace.helo = NULL;
    assert_string_equal(
        received(*state, &trace),
        "Received: from [192.0.2.7] ([192.0.2.7]) by mx.example.com "
        "with ESMTPSA (TLSv1.3); " DATE "\r\n");
    memset(&trace, 0, sizeof(trace));
    assert_string_equal(
        received(*state, &trace),
        "Received: from unknown by unknown with SMTP; "
        "Thu, 1 Jan 1970 00:00:00 +0000\r\n");
}

/** What a field begins with, by what the client said and what it is. */
typedef struct from_row_t {
    const char *helo;
    const char *name;
    const char *ip;
    const char *from;
} from_row_t;

static const from_row_t from_rows[] = {
    { "a.example", NULL, "2001:db8::1",
      "from a.example ([IPv6:2001:db8::1])" },
    { "a.example", NULL, "::1", "from a.example ([IPv6:::1])" },
    { "a.example", NULL, "fe80::1%eth0",
      "from a.example ([IPv6:fe80::1])" },
    { "a.example", NULL, "::ffff:192.0.2.7",
      "from a.example ([IPv6:::ffff:192.0.2.7])" },
    { "a.example", "b.example", NULL, "from a.example" },
    { "a.example", NULL, "/run/socket", "from a.example" },
    { "a.example", NULL, "192.0.2.7] x", "from a.example" },
    { "a.example", NULL, "", "from a.example" },
    { "my_pc", NULL, "192.0.2.7", "from my_pc ([192.0.2.7])" },
    { "[192.0.2.1]", "b.example", "192.0.2.7",
      "from [192.0.2.1] (b.example [192.0.2.7])" },
    { "[IPv6:2001:db8::2]", NULL, "192.0.2.7",
      "from [IPv6:2001:db8::2] ([192.0.2.7])" },
    /* RFC 5321 4.4: an address literal needs TCP-info behind it */
    { "[192.0.2.1]", NULL, NULL, "from unknown (HELO [192.0.2.1])" },
    { "", NULL, "192.0.2.7", "from [192.0.2.7] ([192.0.2.7]) (HELO )" },
    /* hostile: a clause or a field of the peer's own */
    { "a by b with c; d", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) "
      "(HELO a\\x20by\\x20b\\x20with\\x20c;\\x20d)" },
    { "a) by evil (", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) (HELO a\\x29\\x20by\\x20evil\\x20"
      "\\x28)" },
    { "a\\", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) (HELO a\\x5C)" },
    { "a\r\nX: y", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) (HELO a\\x0D\\x0AX:\\x20y)" },
    { "a\xC3\xA9.example", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) (HELO a\\xC3\\xA9.example)" },
    { "[192.0.2.1", NULL, "192.0.2.7",
      "from [192.0.2.7] ([192.0.2.7]) (HELO [192.0.2.1)" },
    { "a.example", "b) c\n", "192.0.2.7",
      "from a.example ([192.0.2.7]) (PTR b\\x29\\x20c\\x0A)" },
    { "a.example", "[192.0.2.9]", "192.0.2.7",
      "from a.example ([192.0.2.7]) (PTR [192.0.2.9])" }
};

/** CVE-2026-28753 and its likes: neither HELO nor PTR can forge a clause. */
static void a_client_cannot_forge_what_we_say_of_it(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(from_rows); i++) {
        const from_row_t *row = &from_rows[i];
        smtp_trace_t trace = full_trace();

        trace.helo = row->helo;
        trace.client_name = row->name;
        trace.client_ip = row->ip;
        trace.recipient = NULL;
        assert_string_equal(
            received(*state, &trace),
            apr_pstrcat(*state, "Received: ", row->from,
                        " by mx.example.com with ESMTPSA "
                        "(TLSv1.3 TLS_AES_256_GCM_SHA384) id 4XyZ0Q; "
                        DATE "\r\n", NULL));
    }
}

static const char *for_clause(apr_pool_t *p, const char *recipient,
                              int smtputf8)
{
    smtp_trace_t trace = full_trace();
    const char *field, *clause;

    trace.recipient = recipient;
    trace.smtputf8 = smtputf8 != 0;
    field = received(p, &trace);
    clause = strstr(field, " for ");
    return clause ? apr_pstrmemdup(p, clause + 1,
                                   strstr(clause, "; Mon") - clause - 1)
                  : NULL;
}

/** RFC 5321 4.4, RFC 6531 3.7.3: a path, or nothing. */
static void the_for_clause_is_a_path_or_not_there(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(for_clause(p, "Postmaster", 0), "for <Postmaster>");
    assert_string_equal(for_clause(p, "\"a b\"@c.example", 0),
                        "for <\"a b\"@c.example>");
    assert_string_equal(for_clause(p, "\xC3\xA9@c.example", 1),
                        "for <\xC3\xA9@c.example>");
    assert_null(for_clause(p, "\xC3\xA9@c.example", 0));
    assert_null(for_clause(p, "\xC3@c.example", 1));
    assert_null(for_clause(p, "a@b>; x", 0));
    assert_null(for_clause(p, "a@b\r\nX: y", 0));
    assert_null(for_clause(p, "", 0));
}

static void an_id_is_an_atom(void **state)
{
    smtp_trace_t trace = full_trace();

    trace.id = "a-1_B";
    assert_non_null(strstr(received(*state, &trace), " id a-1_B for "));
    trace.id = "a b";
    assert_non_null(strstr(received(*state, &trace), " (id a\\x20b) for "));
    trace.id = "";
    assert_non_null(strstr(received(*state, &trace), " (id ) for "));
}

/** RFC 3848, RFC 6531 4.3. */
static void the_transmission_type_is_a_registered_one(void **state)
{
    static const struct {
        int esmtp, auth, lmtp, utf8, tls;
        const char *with;
    } rows[] = {
        { 0, 0, 0, 0, 0, "SMTP" }, { 0, 0, 0, 0, 1, "SMTP" },
        { 1, 0, 0, 0, 0, "ESMTP" }, { 1, 1, 0, 0, 0, "ESMTPA" },
        { 1, 0, 0, 0, 1, "ESMTPS" }, { 1, 1, 0, 0, 1, "ESMTPSA" },
        { 1, 0, 1, 0, 0, "LMTP" }, { 0, 0, 1, 0, 0, "LMTP" },
        { 1, 1, 1, 0, 0, "LMTPA" }, { 1, 0, 1, 0, 1, "LMTPS" },
        { 1, 1, 1, 0, 1, "LMTPSA" },
        { 1, 0, 0, 1, 0, "UTF8SMTP" }, { 1, 1, 0, 1, 0, "UTF8SMTPA" },
        { 1, 0, 0, 1, 1, "UTF8SMTPS" }, { 1, 1, 0, 1, 1, "UTF8SMTPSA" },
        { 1, 0, 1, 1, 0, "UTF8LMTP" }, { 1, 1, 1, 1, 0, "UTF8LMTPA" },
        { 1, 0, 1, 1, 1, "UTF8LMTPS" }, { 1, 1, 1, 1, 1, "UTF8LMTPSA" }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        smtp_trace_t trace = { .helo = NULL };

        trace.esmtp = rows[i].esmtp & 1;
        trace.auth = rows[i].auth & 1;
        trace.lmtp = rows[i].lmtp & 1;
        trace.smtputf8 = rows[i].utf8 & 1;
        trace.tls_version = rows[i].tls ? "TLSv1.2" : NULL;
        assert_string_equal(smtp_trace_with(&trace), rows[i].with);
    }
}

static char *letters(apr_pool_t *p, char c, size_t count)
{
    char *s = apr_pcalloc(p, count + 1);

    memset(s, c, count);
    return s;
}

/** The longest of all, and longer. */
static void a_long_field_stays_in_its_lines(void **state)
{
    apr_pool_t *p = *state;
    const char *label = letters(p, 'a', 63);
    const char *domain = apr_pstrcat(p, label, ".", label, ".", label, ".",
                                     letters(p, 'b', 61), NULL);
    smtp_trace_t trace = full_trace();

    trace.helo = trace.client_name = trace.server_name = domain;
    trace.client_ip = "2001:db8:1111:2222:3333:4444:5555:6666";
    trace.recipient = apr_pstrcat(p, letters(p, 'c', 64), "@", label, ".",
                                  label, NULL);
    assert_non_null(strstr(received(p, &trace),
                           apr_pstrcat(p, " from ", domain, " (", domain,
                                       " [IPv6:", trace.client_ip, "]) by ",
                                       domain, " with ", NULL)));
    trace.helo = trace.client_name = trace.id = trace.tls_version =
        trace.tls_cipher = letters(p, '\x01', 100000);
    assert_true(strlen(received(p, &trace)) < 10000);
    assert_non_null(strstr(received(p, &trace), "...) (PTR "));
}

/** RFC 5321 4.4: added at final delivery. */
static void a_mailbox_sees_where_its_mail_came_from(void **state)
{
    apr_pool_t *p = *state;

    assert_string_equal(smtp_trace_write_return_path(p, ""),
                        "Return-Path: <>\r\n");
    assert_string_equal(smtp_trace_write_return_path(p, "a@b.example"),
                        "Return-Path: <a@b.example>\r\n");
    assert_string_equal(smtp_trace_write_return_path(p, "\"a\\\"\"@b"),
                        "Return-Path: <\"a\\\"\"@b>\r\n");
    assert_string_equal(smtp_trace_write_return_path(p, "\xC3\xA9@b\xC3"),
                        "Return-Path: <\xC3\xA9@b\\xC3>\r\n");
    assert_string_equal(smtp_trace_write_return_path(p, "a>\r\nX: y"),
                        "Return-Path: <a>\\x0D\\x0AX: y>\r\n");
    assert_string_equal(smtp_trace_write_delivered_to(p, "a@b.example"),
                        "Delivered-To: a@b.example\r\n");
    assert_string_equal(smtp_trace_write_delivered_to(p, "a\nb"),
                        "Delivered-To: a\\x0Ab\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_hop_can_be_traced),
        UNIT_TEST(what_is_not_known_is_left_out),
        UNIT_TEST(a_client_cannot_forge_what_we_say_of_it),
        UNIT_TEST(the_for_clause_is_a_path_or_not_there),
        UNIT_TEST(an_id_is_an_atom),
        UNIT_TEST(the_transmission_type_is_a_registered_one),
        UNIT_TEST(a_long_field_stays_in_its_lines),
        UNIT_TEST(a_mailbox_sees_where_its_mail_came_from)
    };

    return UNIT_RUN(tests);
}
