/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_report.h"

/** The input as a supply of values: strings end in %xFE. */
typedef struct supply_t {
    apr_pool_t *pool;
    const char *s;
    size_t len;
} supply_t;

static int take_octet(supply_t *supply)
{
    if (supply->len == 0) {
        return 0;
    }
    supply->len--;
    return (unsigned char)*supply->s++;
}

static const char *take_string(supply_t *supply)
{
    const char *end = memchr(supply->s, 0xFE, supply->len);
    size_t len = end ? (size_t)(end - supply->s) : supply->len;
    const char *string = apr_pstrmemdup(supply->pool, supply->s, len);

    supply->s += len + (end != NULL);
    supply->len -= len + (end != NULL);
    return string;
}

/** A string, or NULL. */
static const char *take_any(supply_t *supply)
{
    return take_octet(supply) & 1 ? take_string(supply) : NULL;
}

static void take_recipient(supply_t *supply, apr_array_header_t *recipients)
{
    smtp_report_recipient_t *recipient = apr_array_push(recipients);

    memset(recipient, 0, sizeof(*recipient));
    recipient->action = (smtp_report_action_e)(take_octet(supply) % 6);
    recipient->status.klass = (unsigned short)take_octet(supply);
    recipient->status.subject = (unsigned short)take_octet(supply);
    recipient->status.detail = (unsigned short)(take_octet(supply) * 9);
    recipient->last_attempt = apr_time_from_sec(take_octet(supply));
    recipient->will_retry_until = apr_time_from_sec(take_octet(supply));
    recipient->final_recipient = take_string(supply);
    recipient->orcpt = take_any(supply);
    recipient->remote_mta = take_any(supply);
    recipient->diagnostic = take_any(supply);
    recipient->is_local = take_octet(supply) & 1;
}

static void take_report(supply_t *supply, smtp_report_t *report)
{
    apr_array_header_t *recipients =
        apr_array_make(supply->pool, 2, sizeof(smtp_report_recipient_t));
    int flags = take_octet(supply);
    int count = take_octet(supply) % 4;

    memset(report, 0, sizeof(*report));
    report->is_utf8 = flags & 1;
    report->is_8bit = flags & 2;
    report->ret = (smtp_ret_e)(flags / 4 % 3);
    report->reporting_mta = take_string(supply);
    report->from = take_string(supply);
    report->to = take_string(supply);
    report->message_id = take_string(supply);
    report->boundary = take_string(supply);
    report->envid = take_any(supply);
    report->subject = take_any(supply);
    report->text = take_any(supply);
    while (count-- > 0) {
        take_recipient(supply, recipients);
    }
    report->recipients = recipients;
}

/** Whole lines of at most 998 octets; nothing in them but what is printed
 *  and, where it is allowed, UTF-8. */
static void check_octets(const char *s, size_t len, int is_utf8)
{
    const char *line = s, *lf, *c;

    FUZZ_CHECK(len == strlen(s) && len > 0 && s[len - 1] == '\n');
    FUZZ_CHECK(smtp_chars_is_utf8(s, len));
    while ((lf = strchr(line, '\n')) != NULL) {
        FUZZ_CHECK(lf > line && lf[-1] == '\r' && lf - line - 1 <= 998);
        for (c = line; c < lf - 1; c++) {
            FUZZ_CHECK(smtp_chars_is(*c, SMTP_CHARS_PRINT)
                       || (*c == '\t' && c == line)
                       || (is_utf8 && (unsigned char)*c > 127));
        }
        line = lf + 1;
    }
}

/** How often @a line, with the CRLF before it, stands from @a s to @a end. */
static int count_lines(const char *s, const char *end, const char *line)
{
    int count = 0;

    while ((s = strstr(s, line)) != NULL && s < end) {
        s += 2;
        count++;
    }
    return count;
}

/** The last @a line from @a s on. */
static const char *last_line(const char *s, const char *line)
{
    const char *last = NULL;

    while ((s = strstr(s, line)) != NULL) {
        last = s++;
    }
    return last;
}

/** One header, and a group for each recipient: nobody adds any. In the part
 *  for people, between them, a line may look like a field. */
static void check_fields(const char *octets, int recipients, int is_utf8)
{
    const char *body = strstr(octets, "\r\n\r\n");
    const char *status = last_line(
        octets, is_utf8
                ? "\r\nContent-Type: message/global-delivery-status\r\n"
                : "\r\nContent-Type: message/delivery-status\r\n");
    const char *end = octets + strlen(octets);

    FUZZ_CHECK(body != NULL && status != NULL && body < status);
    FUZZ_CHECK(count_lines(octets, body, "\r\nTo:") == 1);
    FUZZ_CHECK(count_lines(octets, body, "\r\nSubject:") == 1);
    FUZZ_CHECK(count_lines(octets, body, "\r\nMIME-Version:") == 1);
    FUZZ_CHECK(count_lines(status, end, "\r\nReporting-MTA:") == 1);
    FUZZ_CHECK(count_lines(status, end, "\r\nFinal-Recipient:")
               == recipients);
    FUZZ_CHECK(count_lines(status, end, "\r\nStatus:") == recipients);
    FUZZ_CHECK(count_lines(status, end, "\r\n\r\n") == recipients + 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    supply_t supply = { fuzz_pool(), (const char *)data, size };
    smtp_report_t report;
    const char *octets;
    apr_size_t len;
    int full;

    take_report(&supply, &report);
    octets = smtp_report_write_begin(supply.pool, &report, &full, &len);
    check_octets(octets, len, report.is_utf8);
    check_fields(octets, report.recipients->nelts, report.is_utf8);
    FUZZ_CHECK(!full || report.ret == SMTP_RET_FULL);
    octets = smtp_report_write_end(supply.pool, &report, &len);
    check_octets(octets, len, 0);
    return 0;
}
