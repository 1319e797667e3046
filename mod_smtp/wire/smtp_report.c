/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_report.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_date.h"
#include "smtp_field.h"
#include "smtp_mime.h"
#include "smtp_xtext.h"

/** RFC 2046 5.1.1. */
#define BOUNDARY_MAX_OCTETS 70

/** Blanks at the begin of a line of text that are kept. */
#define INDENT_MAX_OCTETS 40

/** What an action is called and what a person is told of it. */
typedef struct action_row_t {
    const char *name;
    unsigned short klass;        /* of the status: RFC 3464 2.3.4 */
    const char *subject;
    const char *text;
} action_row_t;

static const action_row_t action_rows[] = {
    { "failed", 5, "Mail could not be delivered",
      "Your message could not be delivered to:" },
    { "delayed", 4, "Mail is delayed",
      "Your message has not been delivered yet to the recipients below. You "
      "need not send it again: we keep trying." },
    { "delivered", 2, "Mail was delivered",
      "Your message was delivered to:" },
    { "relayed", 2, "Mail was relayed",
      "Your message was passed on to a server that does not report about "
      "delivery. This is the last that you hear of it for:" },
    { "expanded", 2, "Mail was expanded",
      "Your message was sent on to all recipients behind:" }
};

#define ACTIONS (sizeof(action_rows) / sizeof(action_rows[0]))

static const action_row_t *action_find(smtp_report_action_e action)
{
    return &action_rows[(apr_size_t)action < ACTIONS ? action : 0];
}

const char *smtp_report_action_name(smtp_report_action_e action)
{
    return action_find(action)->name;
}

static const smtp_report_recipient_t *recipient_get(
    const smtp_report_t *report, int i)
{
    return &APR_ARRAY_IDX(report->recipients, i, smtp_report_recipient_t);
}

/** The action that matters most: the enum begins with it. */
static const action_row_t *worst_find(const smtp_report_t *report)
{
    const action_row_t *worst = NULL;
    int i;

    for (i = 0; i < report->recipients->nelts; i++) {
        const action_row_t *row = action_find(
            recipient_get(report, i)->action);

        worst = worst && worst < row ? worst : row;
    }
    return worst ? worst : &action_rows[0];
}

/** The boundary, with no octet that RFC 2046 5.1.1 does not have. */
static const char *boundary_get(apr_pool_t *p, const smtp_report_t *report)
{
    char *boundary = apr_pstrmemdup(p, report->boundary,
                                    strnlen(report->boundary,
                                            BOUNDARY_MAX_OCTETS));
    char *c;

    for (c = boundary; *c; c++) {
        if (!smtp_chars_is(*c, SMTP_CHARS_LDH) && !strchr("'+_,./:=?", *c)) {
            *c = '-';
        }
    }
    return *boundary ? boundary : "-";
}

static void date_write(smtp_field_t *field, const char *name, apr_time_t t,
                       int offset_sec)
{
    char date[SMTP_DATE_BUFFER_OCTETS];

    if (t != 0) {
        smtp_date_write(date, t, offset_sec);
        smtp_field_write(field, name, date);
    }
}

/** "Name: type; value", unless there is no value. */
static void typed_write(smtp_field_t *field, const char *name,
                        const char *type, const char *value)
{
    if (value) {
        smtp_field_begin(field, name);
        smtp_field_unit(field, apr_pstrcat(field->pool, type, ";", NULL));
        smtp_field_unit(field, value);
        smtp_field_end(field);
    }
}

/* The header of the report. */

static void content_type_write(smtp_field_t *field, const char *type)
{
    smtp_field_write(field, "Content-Type", type);
}

static void encoding_write(smtp_field_t *field, const char *encoding)
{
    if (encoding) {
        smtp_field_write(field, "Content-Transfer-Encoding", encoding);
    }
}

/** The encoding of what may have octets above 127, or NULL: 7bit. */
static const char *encoding_of(int is_8bit)
{
    return is_8bit ? "8bit" : NULL;
}

/** A subject of UTF-8 stands for itself in a header of UTF-8 only. */
static void subject_write(smtp_field_t *field, const smtp_report_t *report)
{
    const char *subject = report->subject ? report->subject
                                          : worst_find(report)->subject;

    smtp_field_write(field, "Subject",
                     field->utf8 ? subject
                     : smtp_mime_write_words(field->pool, subject));
}

static void header_write(smtp_field_t *field, const smtp_report_t *report,
                         const char *boundary)
{
    apr_pool_t *p = field->pool;

    smtp_field_begin(field, "From");
    smtp_field_unit(field, "Mail Delivery System");
    smtp_field_unit(field, apr_pstrcat(p, "<", report->from, ">", NULL));
    smtp_field_end(field);
    smtp_field_write(field, "To", apr_pstrcat(p, "<", report->to, ">", NULL));
    subject_write(field, report);
    date_write(field, "Date", report->time, report->offset_sec);
    smtp_field_write(field, "Message-ID", report->message_id);
    /* RFC 3834 5: no vacation program shall answer. */
    smtp_field_write(field, "Auto-Submitted", "auto-replied");
    smtp_field_write(field, "MIME-Version", "1.0");
    smtp_field_begin(field, "Content-Type");
    smtp_field_unit(field, "multipart/report;");
    smtp_field_unit(field, "report-type=delivery-status;");
    smtp_field_unit(field, apr_pstrcat(p, "boundary=\"", boundary, "\"",
                                       NULL));
    smtp_field_end(field);
    encoding_write(field, encoding_of(report->is_8bit || report->is_utf8));
}

/** The line between parts, and the new part's header. */
static void part_begin(smtp_field_t *field, const char *boundary,
                       const char *type, const char *encoding)
{
    smtp_field_lines(field, apr_pstrcat(field->pool, "\r\n--", boundary,
                                        "\r\n", NULL));
    content_type_write(field, type);
    encoding_write(field, encoding);
    smtp_field_lines(field, "\r\n");
}

/* The part for people. */

/** A line, whose blanks at the begin are those of its continuations, too. */
static void line_write(smtp_field_t *field, const char *indent,
                       const char *line)
{
    apr_size_t blanks = strspn(line, " ");

    if (blanks > INDENT_MAX_OCTETS) {
        blanks = INDENT_MAX_OCTETS;
    }
    smtp_field_paragraph(field,
                         apr_pstrcat(field->pool, indent,
                                     apr_pstrmemdup(field->pool, line,
                                                    blanks), NULL),
                         line + blanks);
}

/** A paragraph for each line of @a text. */
static void lines_write(smtp_field_t *field, const char *indent,
                        const char *text)
{
    char *copy = apr_pstrdup(field->pool, text);
    char *line = copy;
    char *lf;

    while ((lf = strchr(line, '\n')) != NULL) {
        *lf = '\0';
        line_write(field, indent, line);
        line = lf + 1;
    }
    if (*line) {
        line_write(field, indent, line);
    }
}

/** The class of a status is its action's (RFC 3464 2.3.4). */
static smtp_status_t status_get(const smtp_report_recipient_t *recipient)
{
    smtp_status_t status = recipient->status;

    status.klass = action_find(recipient->action)->klass;
    return status;
}

static const char *status_string(apr_pool_t *p,
                                 const smtp_report_recipient_t *recipient)
{
    char buffer[SMTP_STATUS_BUFFER_OCTETS];

    smtp_status_write(buffer, status_get(recipient));
    return apr_pstrdup(p, buffer);
}

static void recipient_tell(smtp_field_t *field,
                           const smtp_report_recipient_t *recipient)
{
    apr_pool_t *p = field->pool;

    smtp_field_lines(field, "\r\n");
    smtp_field_paragraph(field, "  ",
                         apr_pstrcat(p, "<", recipient->final_recipient, ">",
                                     NULL));
    smtp_field_paragraph(field, "    ",
                         apr_pstrcat(p, smtp_status_text(
                                            status_get(recipient)),
                                     " (", status_string(p, recipient), ")",
                                     NULL));
    if (recipient->diagnostic && recipient->is_local) {
        lines_write(field, "    ", recipient->diagnostic);
    }
    else if (recipient->diagnostic) {
        smtp_field_paragraph(
            field, "    ",
            recipient->remote_mta
            ? apr_pstrcat(p, recipient->remote_mta, " said:", NULL)
            : "The reply was:");
        lines_write(field, "      ", recipient->diagnostic);
    }
}

/** What happened to the recipients with one action. */
static void action_tell(smtp_field_t *field, const smtp_report_t *report,
                        const action_row_t *row)
{
    int i, told = 0;

    for (i = 0; i < report->recipients->nelts; i++) {
        const smtp_report_recipient_t *recipient = recipient_get(report, i);

        if (action_find(recipient->action) == row) {
            if (told++ == 0) {
                smtp_field_lines(field, "\r\n");
                smtp_field_paragraph(field, "", row->text);
            }
            recipient_tell(field, recipient);
        }
    }
}

static void own_text_write(smtp_field_t *field, const smtp_report_t *report)
{
    apr_size_t i;

    smtp_field_paragraph(field, "",
                         apr_pstrcat(field->pool,
                                     "This is the mail server at ",
                                     report->reporting_mta, ".", NULL));
    for (i = 0; i < ACTIONS; i++) {
        action_tell(field, report, &action_rows[i]);
    }
}

/* The part for programs (RFC 3464 2). */

/** ENVID as it was before it became xtext (RFC 3461 4.4). */
static void envelope_write(smtp_field_t *field, const char *envid)
{
    const char *decoded;

    if (envid && smtp_xtext_parse(field->pool, envid, strlen(envid), &decoded)
                 == APR_SUCCESS) {
        smtp_field_write(field, "Original-Envelope-Id", decoded);
    }
}

/** An address of UTF-8: itself in message/global-delivery-status, in ASCII
 *  elsewhere (RFC 6533 3). NULL if it is no UTF-8. */
static const char *utf8_address(const smtp_field_t *field,
                                const char *address)
{
    if (!smtp_chars_is_utf8(address, strlen(address))) {
        return NULL;
    }
    return field->utf8 ? address
                       : smtp_xtext_write_utf8(field->pool, address,
                                               strlen(address));
}

/** ORCPT (RFC 3461 4.2): type, ";", encoded address. */
static void original_recipient_write(smtp_field_t *field, const char *orcpt)
{
    apr_pool_t *p = field->pool;
    const char *semicolon = orcpt ? strchr(orcpt, ';') : NULL;
    const char *type, *address;
    apr_status_t rv;

    if (semicolon == NULL) {
        return;
    }
    type = apr_pstrmemdup(p, orcpt, (apr_size_t)(semicolon - orcpt));
    orcpt = semicolon + 1;
    if (strcasecmp(type, "utf-8") == 0) {
        rv = smtp_xtext_parse_utf8(p, orcpt, strlen(orcpt), &address);
        address = rv == APR_SUCCESS ? utf8_address(field, address) : NULL;
    }
    else {
        rv = smtp_xtext_parse(p, orcpt, strlen(orcpt), &address);
    }
    if (rv == APR_SUCCESS) {
        typed_write(field, "Original-Recipient", type, address);
    }
}

static void final_recipient_write(smtp_field_t *field, const char *address)
{
    const char *utf8 = NULL;

    if (smtp_chars_has_8bit(address, strlen(address))) {
        utf8 = utf8_address(field, address);
    }
    typed_write(field, "Final-Recipient", utf8 ? "utf-8" : "rfc822",
                utf8 ? utf8 : address);
}

/** The lines of a reply on one, which is folded: in a field they have no
 *  ends of their own. */
static const char *diagnostic_join(apr_pool_t *p, const char *diagnostic)
{
    char *joined = diagnostic ? apr_pstrdup(p, diagnostic) : NULL;
    char *lf = joined;

    while (lf && (lf = strchr(lf, '\n')) != NULL) {
        *lf = ' ';
    }
    return joined;
}

static void recipient_write(smtp_field_t *field, const smtp_report_t *report,
                            const smtp_report_recipient_t *recipient)
{
    apr_pool_t *p = field->pool;

    smtp_field_lines(field, "\r\n");
    original_recipient_write(field, recipient->orcpt);
    final_recipient_write(field, recipient->final_recipient);
    smtp_field_write(field, "Action",
                     smtp_report_action_name(recipient->action));
    smtp_field_write(field, "Status", status_string(p, recipient));
    typed_write(field, "Remote-MTA", "dns", recipient->remote_mta);
    typed_write(field, "Diagnostic-Code",
                recipient->is_local ? "x-mod-smtp" : "smtp",
                diagnostic_join(p, recipient->diagnostic));
    date_write(field, "Last-Attempt-Date", recipient->last_attempt,
               report->offset_sec);
    if (recipient->action == SMTP_REPORT_DELAYED) {
        date_write(field, "Will-Retry-Until", recipient->will_retry_until,
                   report->offset_sec);
    }
}

static void status_write(smtp_field_t *field, const smtp_report_t *report)
{
    int i;

    envelope_write(field, report->envid);
    typed_write(field, "Reporting-MTA", "dns", report->reporting_mta);
    date_write(field, "Arrival-Date", report->arrival, report->offset_sec);
    for (i = 0; i < report->recipients->nelts; i++) {
        recipient_write(field, report, recipient_get(report, i));
    }
}

/** Types of the parts, by is_utf8 (RFC 6522, RFC 6533 4 to 6). */
static const struct {
    const char *text;
    const char *status;
    const char *headers;
    const char *full;
} part_types[2] = {
    { "text/plain; charset=us-ascii", "message/delivery-status",
      "text/rfc822-headers", "message/rfc822" },
    { "text/plain; charset=utf-8", "message/global-delivery-status",
      "message/global-headers", "message/global" }
};

/** A text beyond ASCII passes servers without 8BITMIME. */
static void quoted_write(smtp_field_t *field, const smtp_report_t *report,
                         const char *boundary)
{
    smtp_field_t text;

    smtp_field_init(&text, field->pool, 1);
    lines_write(&text, "", report->text);
    part_begin(field, boundary, part_types[1].text, "quoted-printable");
    smtp_field_lines(field, smtp_mime_write_quoted(field->pool, text.octets));
}

static void text_write(smtp_field_t *field, const smtp_report_t *report,
                       const char *boundary)
{
    int is_utf8 = field->utf8;

    if (report->text && !is_utf8
        && smtp_chars_has_8bit(report->text, strlen(report->text))) {
        quoted_write(field, report, boundary);
        return;
    }
    part_begin(field, boundary, part_types[is_utf8].text,
               encoding_of(is_utf8));
    if (report->text) {
        lines_write(field, "", report->text);
    }
    else {
        own_text_write(field, report);
    }
}

char *smtp_report_write_begin(apr_pool_t *p, const smtp_report_t *report,
                              int *returns_full, apr_size_t *len)
{
    int is_utf8 = report->is_utf8 != 0;
    const char *boundary = boundary_get(p, report);
    smtp_field_t field;

    *returns_full = report->ret == SMTP_RET_FULL
                    && worst_find(report) == &action_rows[SMTP_REPORT_FAILED]
                    && report->recipients->nelts > 0;
    smtp_field_init(&field, p, is_utf8);
    header_write(&field, report, boundary);
    text_write(&field, report, boundary);
    part_begin(&field, boundary, part_types[is_utf8].status,
               encoding_of(is_utf8));
    status_write(&field, report);
    part_begin(&field, boundary,
               *returns_full ? part_types[is_utf8].full
                             : part_types[is_utf8].headers,
               encoding_of(is_utf8 || report->is_8bit));
    if (len) {
        *len = field.len;
    }
    return field.octets;
}

char *smtp_report_write_end(apr_pool_t *p, const smtp_report_t *report,
                            apr_size_t *len)
{
    char *end = apr_pstrcat(p, "\r\n--", boundary_get(p, report), "--\r\n",
                            NULL);

    if (len) {
        *len = strlen(end);
    }
    return end;
}
