/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_strings.h>

#include "smtp_command.h"

/** Word and argument lie in the line, one behind the other, without blanks
 *  at their ends. */
static void check_spans(const char *line, size_t len,
                        const smtp_command_t *c)
{
    FUZZ_CHECK(c->word == line && c->word_len <= len);
    FUZZ_CHECK(memchr(c->word, ' ', c->word_len) == NULL);
    FUZZ_CHECK(c->arg >= c->word + c->word_len);
    FUZZ_CHECK(c->arg + c->arg_len <= line + len);
    if (c->arg_len > 0) {
        const char last = c->arg[c->arg_len - 1];

        FUZZ_CHECK(c->arg[0] != ' ' && last != ' ' && last != '\t');
    }
}

/** A verb is known by its own name, but for case. */
static void check_verb(const smtp_command_t *c)
{
    const char *name = smtp_verb_name(c->verb);

    FUZZ_CHECK(c->verb < SMTP_VERB_COUNT);
    if (c->verb != SMTP_VERB_UNKNOWN && c->verb != SMTP_VERB_FOREIGN) {
        FUZZ_CHECK(strlen(name) == c->word_len);
        FUZZ_CHECK(strncasecmp(name, c->word, c->word_len) == 0);
    }
    FUZZ_CHECK(!c->is_malformed || c->verb == SMTP_VERB_MAIL
               || c->verb == SMTP_VERB_RCPT);
}

/** Written out plainly it is the same command. */
static void check_again(apr_pool_t *p, const smtp_command_t *c)
{
    const char *path = c->is_malformed ? ""
                     : c->verb == SMTP_VERB_MAIL ? "FROM:"
                     : c->verb == SMTP_VERB_RCPT ? "TO:" : "";
    apr_size_t path_len = strlen(path);
    apr_size_t len = c->word_len + 1 + path_len + c->arg_len;
    char *line = apr_palloc(p, len);
    smtp_command_t again;

    memcpy(line, c->word, c->word_len);
    line[c->word_len] = ' ';
    memcpy(line + c->word_len + 1, path, path_len);
    memcpy(line + c->word_len + 1 + path_len, c->arg, c->arg_len);
    smtp_command_parse(line, len, &again);
    FUZZ_CHECK(again.verb == c->verb);
    FUZZ_CHECK(again.is_malformed == c->is_malformed);
    FUZZ_CHECK(again.arg_len == c->arg_len);
    FUZZ_CHECK(memcmp(again.arg, c->arg, c->arg_len) == 0);
}

static void check_bdat(apr_pool_t *p, const char *arg, size_t len)
{
    apr_off_t size;
    apr_off_t size_again;
    int is_last;
    int is_last_again;
    const char *text;

    if (smtp_command_parse_bdat(arg, len, &size, &is_last)
        != SMTP_BDAT_OK) {
        FUZZ_CHECK(size == 0 && is_last == 0);
        return;
    }
    FUZZ_CHECK(size >= 0 && (is_last == 0 || is_last == 1));
    text = apr_psprintf(p, "%" APR_OFF_T_FMT "%s", size,
                        is_last ? " LAST" : "");
    FUZZ_CHECK(smtp_command_parse_bdat(text, strlen(text), &size_again,
                                       &is_last_again) == SMTP_BDAT_OK);
    FUZZ_CHECK(size == size_again && is_last == is_last_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *line = (const char *)data;
    smtp_command_t c;

    smtp_command_parse(line, size, &c);
    check_spans(line, size, &c);
    check_verb(&c);
    check_again(p, &c);
    check_bdat(p, c.arg, c.arg_len);
    return 0;
}
