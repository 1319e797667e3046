/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_command.h"

#include <string.h>

#include <apr_cstr.h>

#include "smtp_chars.h"

/** What is left to read. */
typedef struct span_t {
    const char *s;
    apr_size_t len;
} span_t;

static void span_skip(span_t *span, apr_size_t octets)
{
    span->s += octets;
    span->len -= octets;
}

/** Only SP parts the words of a command (RFC 5321 4.1.1); more than one is
 *  forgiven. */
static void span_skip_blanks(span_t *span)
{
    while (span->len > 0 && *span->s == ' ') {
        span_skip(span, 1);
    }
}

/** RFC 5321 4.1.1: tolerate trailing white space, whatever its kind. */
static void span_trim_end(span_t *span)
{
    while (span->len > 0 && (span->s[span->len - 1] == ' '
                             || span->s[span->len - 1] == '\t')) {
        span->len--;
    }
}

static span_t word_take(span_t *line)
{
    const char *blank = memchr(line->s, ' ', line->len);
    span_t word = { line->s, blank ? (apr_size_t)(blank - line->s)
                                   : line->len };

    span_skip(line, word.len);
    return word;
}

/** Takes @a word, in any case, if @a line begins with it. */
static int text_take(span_t *line, const char *text)
{
    apr_size_t len = strlen(text);

    if (line->len < len || apr_cstr_casecmpn(line->s, text, len) != 0) {
        return 0;
    }
    span_skip(line, len);
    return 1;
}

/** A request line whose method is not in smtp_verb.c's table: a page may
 *  make up any. "METHOD target HTTP/1.1" */
static int is_request_line(const span_t *arg)
{
    static const char version[] = " HTTP/1.";
    const apr_size_t tail = sizeof(version); /* with the minor digit */

    return arg->len > tail
        && apr_cstr_casecmpn(arg->s + arg->len - tail, version,
                             sizeof(version) - 1) == 0;
}

void smtp_command_parse(const char *line, apr_size_t len,
                        smtp_command_t *command)
{
    span_t rest = { line, len };
    span_t word;

    span_trim_end(&rest);
    word = word_take(&rest);
    span_skip_blanks(&rest);
    memset(command, 0, sizeof(*command));
    command->verb = smtp_verb_find(word.s, word.len);
    command->word = word.s;
    command->word_len = word.len;
    if (command->verb == SMTP_VERB_MAIL) {
        command->is_malformed = !text_take(&rest, "FROM:");
    }
    else if (command->verb == SMTP_VERB_RCPT) {
        command->is_malformed = !text_take(&rest, "TO:");
    }
    else if (command->verb == SMTP_VERB_UNKNOWN && is_request_line(&rest)) {
        command->verb = SMTP_VERB_FOREIGN;
    }
    span_skip_blanks(&rest);
    command->arg = rest.s;
    command->arg_len = rest.len;
}

smtp_bdat_status_e smtp_command_parse_bdat(const char *arg, apr_size_t len,
                                           apr_off_t *size_octets,
                                           int *is_last)
{
    span_t rest = { arg, len };
    span_t size;
    apr_off_t number;
    int last;

    *size_octets = 0;
    *is_last = 0;
    size = word_take(&rest);
    if (smtp_chars_number_parse(size.s, size.len, &number) != 1) {
        return SMTP_BDAT_SYNTAX;
    }
    span_skip_blanks(&rest);
    last = text_take(&rest, "LAST");
    if (rest.len > 0) {
        return SMTP_BDAT_SYNTAX;
    }
    *size_octets = number;
    *is_last = last;
    return SMTP_BDAT_OK;
}
