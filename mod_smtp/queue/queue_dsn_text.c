/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_dsn_text.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_date.h"

#define SUBJECT "Subject:"

/* What a template is filled with. */
typedef struct facts_t {
    apr_pool_t *p;
    const char *id;
    const smtp_report_t *report;
    const smtp_report_recipient_t *recipient;
} facts_t;

/* --------------------------------------------------------------- values */

static const char *date(const facts_t *facts, apr_time_t t)
{
    char octets[SMTP_DATE_BUFFER_OCTETS];

    if (!t) {
        return "";
    }
    smtp_date_write(octets, t, facts->report->offset_sec);
    return apr_pstrdup(facts->p, octets);
}

static const char *value_server(const facts_t *facts)
{
    return facts->report->reporting_mta;
}

static const char *value_postmaster(const facts_t *facts)
{
    return facts->report->from;
}

static const char *value_sender(const facts_t *facts)
{
    return facts->report->to;
}

static const char *value_id(const facts_t *facts)
{
    return facts->id;
}

static const char *value_arrived(const facts_t *facts)
{
    return date(facts, facts->report->arrival);
}

static const char *value_recipient(const facts_t *facts)
{
    return facts->recipient->final_recipient;
}

static const char *value_action(const facts_t *facts)
{
    return smtp_report_action_name(facts->recipient->action);
}

static const char *value_status(const facts_t *facts)
{
    char status[SMTP_STATUS_BUFFER_OCTETS];

    smtp_status_write(status, facts->recipient->status);
    return apr_pstrdup(facts->p, status);
}

static const char *value_reason(const facts_t *facts)
{
    return smtp_status_text(facts->recipient->status);
}

static const char *value_host(const facts_t *facts)
{
    return facts->recipient->remote_mta;
}

static const char *value_reply(const facts_t *facts)
{
    return facts->recipient->diagnostic;
}

static const char *value_attempt(const facts_t *facts)
{
    return date(facts, facts->recipient->last_attempt);
}

static const char *value_until(const facts_t *facts)
{
    return date(facts, facts->recipient->will_retry_until);
}

static const struct variable_t {
    const char *name;
    int is_recipients;           /* each recipient has one of its own */
    const char *(*value)(const facts_t *facts);
} variables[] = {
    { "server",     0, value_server },
    { "postmaster", 0, value_postmaster },
    { "sender",     0, value_sender },
    { "id",         0, value_id },
    { "arrived",    0, value_arrived },
    { "recipient",  1, value_recipient },
    { "action",     1, value_action },
    { "status",     1, value_status },
    { "reason",     1, value_reason },
    { "host",       1, value_host },
    { "reply",      1, value_reply },
    { "attempt",    1, value_attempt },
    { "until",      1, value_until }
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* --------------------------------------------------------------- syntax */

/* What a percent sign begins. */
typedef struct token_t {
    apr_size_t len;              /* of it all; 0: it is wrong */
    const struct variable_t *variable; /* NULL: "%%" */
} token_t;

static token_t token_read(const char *s, apr_size_t len)
{
    token_t token = { 0, NULL };
    const char *end;
    apr_size_t i;

    if (len > 1 && s[1] == '%') {
        token.len = 2;
        return token;
    }
    end = len > 1 && s[1] == '{' ? memchr(s, '}', len) : NULL;
    for (i = 0; end && i < VARIABLES; i++) {
        apr_size_t name_len = (apr_size_t)(end - s) - 2;

        if (strlen(variables[i].name) == name_len
            && !memcmp(variables[i].name, s + 2, name_len)) {
            token.len = name_len + 3;
            token.variable = &variables[i];
        }
    }
    return token;
}

static const char *names_list(apr_pool_t *p)
{
    const char *list = variables[0].name;
    apr_size_t i;

    for (i = 1; i < VARIABLES; i++) {
        list = apr_pstrcat(p, list, ", ", variables[i].name, NULL);
    }
    return list;
}

const char *queue_dsn_text_check(apr_pool_t *p, const char *text)
{
    while ((text = strchr(text, '%')) != NULL) {
        token_t token = token_read(text, strlen(text));

        if (!token.len) {
            int shown = (int)strcspn(text, "}\n");

            return apr_psprintf(p, "'%.*s' is not known; write %%%% for a "
                                "percent sign, or %%{name} with one of: %s",
                                shown > 30 ? 30 : shown + (text[shown] == '}'),
                                text, names_list(p));
        }
        text += token.len;
    }
    return NULL;
}

/* ---------------------------------------------------------------- lines */

/* Appends a line without its end. @return 0: it has names, and all of them
 * stand for nothing */
static int line_write(const facts_t *facts, const char *line, apr_size_t len,
                      apr_array_header_t *texts)
{
    int named = 0, filled = 0;
    apr_size_t done = 0;

    while (done < len) {
        const char *next = memchr(line + done, '%', len - done);
        apr_size_t plain = next ? (apr_size_t)(next - line) - done
                                : len - done;
        token_t token = { 0, NULL };
        const char *value = "%";

        APR_ARRAY_PUSH(texts, const char *) =
            apr_pstrmemdup(facts->p, line + done, plain);
        done += plain;
        if (!next) {
            break;
        }
        token = token_read(line + done, len - done);
        if (token.variable) {
            value = token.variable->value(facts);
            named = 1;
            filled = filled || (value && *value);
        }
        APR_ARRAY_PUSH(texts, const char *) = value ? value : "";
        done += token.len ? token.len : 1;
    }
    return filled || !named;
}

static void paragraph_write(const facts_t *facts, const char *s,
                            apr_size_t len, apr_array_header_t *texts)
{
    int lines = 0;

    while (len) {
        const char *lf = memchr(s, '\n', len);
        apr_size_t line_len = lf ? (apr_size_t)(lf - s) : len;
        int before = texts->nelts;

        if (line_write(facts, s, line_len, texts)) {
            APR_ARRAY_PUSH(texts, const char *) = "\n";
            lines++;
        }
        else {
            texts->nelts = before;
        }
        s += line_len + (lf != NULL);
        len -= line_len + (lf != NULL);
    }
    if (lines) {
        APR_ARRAY_PUSH(texts, const char *) = "\n";
    }
}

static int is_recipients(const char *s, apr_size_t len)
{
    const char *end = s + len;

    while ((s = memchr(s, '%', (apr_size_t)(end - s))) != NULL) {
        token_t token = token_read(s, (apr_size_t)(end - s));

        if (token.variable && token.variable->is_recipients) {
            return 1;
        }
        s += token.len ? token.len : 1;
    }
    return 0;
}

/* Once, or for each recipient. */
static void paragraphs_write(facts_t *facts, const char *s, apr_size_t len,
                             apr_array_header_t *texts)
{
    const apr_array_header_t *all = facts->report->recipients;
    int i, count = is_recipients(s, len) ? all->nelts : 1;

    for (i = 0; i < count; i++) {
        facts->recipient = &APR_ARRAY_IDX(all, i, smtp_report_recipient_t);
        paragraph_write(facts, s, len, texts);
    }
}

static const char *body_write(facts_t *facts, const char *s)
{
    apr_array_header_t *texts = apr_array_make(facts->p, 64,
                                               sizeof(const char *));

    for (s += strspn(s, "\n"); *s; s += strspn(s, "\n")) {
        const char *end = strstr(s, "\n\n");
        apr_size_t len = end ? (apr_size_t)(end - s) + 1 : strlen(s);

        paragraphs_write(facts, s, len, texts);
        s += len;
    }
    /* The part ends without an empty line of its own. */
    if (texts->nelts) {
        apr_array_pop(texts);
    }
    return apr_array_pstrcat(facts->p, texts, '\0');
}

/* Takes the line off; what it names is the first recipient's. */
static const char *subject_write(const facts_t *facts, const char **s)
{
    apr_array_header_t *texts = apr_array_make(facts->p, 8,
                                               sizeof(const char *));
    apr_size_t len = strcspn(*s, "\n"), name_len = strlen(SUBJECT);
    const char *line = *s + name_len;

    if (strncasecmp(*s, SUBJECT, name_len)) {
        return NULL;
    }
    line += strspn(line, " ");
    line_write(facts, line, len - (apr_size_t)(line - *s), texts);
    *s += len;
    *s += strspn(*s, "\n");
    return apr_array_pstrcat(facts->p, texts, '\0');
}

void queue_dsn_text_write(apr_pool_t *p, const char *text, const char *id,
                          smtp_report_t *report)
{
    facts_t facts = { 0 };

    facts.p = p;
    facts.id = id;
    facts.report = report;
    facts.recipient = &APR_ARRAY_IDX(report->recipients, 0,
                                     smtp_report_recipient_t);
    report->subject = subject_write(&facts, &text);
    report->text = body_write(&facts, text);
}
