/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_extension.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "smtp_chars.h"

/* RFC 9422 4: a limit has six digits at most, and zero is none. */
#define LIMIT_MAX 999999

const smtp_extension_t smtp_extension_table[] = {
    { "PIPELINING", SMTP_EXTENSION_PIPELINING, "RFC 2920" },
    { "SIZE", SMTP_EXTENSION_SIZE, "RFC 1870" },
    { "8BITMIME", SMTP_EXTENSION_8BITMIME, "RFC 6152" },
    { "SMTPUTF8", SMTP_EXTENSION_SMTPUTF8, "RFC 6531" },
    { "CHUNKING", SMTP_EXTENSION_CHUNKING, "RFC 3030" },
    { "BINARYMIME", SMTP_EXTENSION_BINARYMIME, "RFC 3030" },
    { "ENHANCEDSTATUSCODES", SMTP_EXTENSION_STATUSCODES, "RFC 2034" },
    { "DSN", SMTP_EXTENSION_DSN, "RFC 3461" },
    { "STARTTLS", SMTP_EXTENSION_STARTTLS, "RFC 3207" },
    { "AUTH", SMTP_EXTENSION_AUTH, "RFC 4954" },
    { "REQUIRETLS", SMTP_EXTENSION_REQUIRETLS, "RFC 8689" },
    { "MT-PRIORITY", SMTP_EXTENSION_MT_PRIORITY, "RFC 6710" },
    { "LIMITS", SMTP_EXTENSION_LIMITS, "RFC 9422" },
    { "ETRN", SMTP_EXTENSION_ETRN, "RFC 1985" },
    { "ATRN", SMTP_EXTENSION_ATRN, "RFC 2645" },
    { "VRFY", SMTP_EXTENSION_VRFY, "RFC 5321" },
    { "EXPN", SMTP_EXTENSION_EXPN, "RFC 5321" },
    { "HELP", SMTP_EXTENSION_HELP, "RFC 5321" },
    { NULL, 0, NULL }
};

typedef struct span_t {
    const char *s;
    apr_size_t len;
} span_t;

static int span_is(const span_t *span, const char *word)
{
    return span->len == strlen(word)
        && apr_cstr_casecmpn(span->s, word, span->len) == 0;
}

const smtp_extension_t *smtp_extension_find(const char *s, apr_size_t len)
{
    const span_t keyword = { s, len };
    const smtp_extension_t *row;

    for (row = smtp_extension_table; row->keyword != NULL; row++) {
        if (span_is(&keyword, row->keyword)) {
            return row;
        }
    }
    return NULL;
}

smtp_extension_set_t smtp_extension_complete(smtp_extension_set_t set)
{
    static const struct {
        smtp_extension_set_t bit;
        smtp_extension_set_t needs;
    } rules[] = {
        /* RFC 3030 3: binary mail can be sent with BDAT only */
        { SMTP_EXTENSION_BINARYMIME, SMTP_EXTENSION_CHUNKING },
        /* RFC 6531 3.1: whoever offers it MUST offer 8BITMIME too */
        { SMTP_EXTENSION_SMTPUTF8, SMTP_EXTENSION_8BITMIME }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if ((set & rules[i].needs) != rules[i].needs) {
            set &= ~rules[i].bit;
        }
    }
    return set;
}

/** " NAME=limit"; nothing when there is none. */
static const char *limit_write(apr_pool_t *p, const char *name,
                               unsigned int limit)
{
    if (limit == 0) {
        return "";
    }
    return apr_psprintf(p, " %s=%u", name,
                        limit < LIMIT_MAX ? limit : LIMIT_MAX);
}

/** NULL when there is nothing to announce. */
static const char *limits_write(apr_pool_t *p, const smtp_limits_t *limits)
{
    if (limits == NULL
        || !(limits->rcptmax || limits->mailmax || limits->rcptdomainmax)) {
        return NULL;
    }
    return apr_pstrcat(p, "LIMITS",
                       limit_write(p, "RCPTMAX", limits->rcptmax),
                       limit_write(p, "MAILMAX", limits->mailmax),
                       limit_write(p, "RCPTDOMAINMAX", limits->rcptdomainmax),
                       NULL);
}

const char *const *smtp_extension_write(apr_pool_t *p,
                                        smtp_extension_set_t set,
                                        apr_off_t max_size_octets,
                                        const smtp_limits_t *limits,
                                        const char *auth)
{
    apr_array_header_t *lines = apr_array_make(p, 20, sizeof(const char *));
    const smtp_extension_t *row;

    set = smtp_extension_complete(set);
    for (row = smtp_extension_table; row->keyword != NULL; row++) {
        const char *line = row->keyword;

        if (!(set & row->bit)) {
            continue;
        }
        if (row->bit == SMTP_EXTENSION_SIZE) {
            line = apr_psprintf(p, "SIZE %" APR_OFF_T_FMT, max_size_octets);
        }
        else if (row->bit == SMTP_EXTENSION_LIMITS) {
            line = limits_write(p, limits);
        }
        else if (row->bit == SMTP_EXTENSION_AUTH) {
            line = auth && *auth ? apr_pstrcat(p, "AUTH ", auth, NULL)
                                 : NULL;
        }
        if (line != NULL) {
            APR_ARRAY_PUSH(lines, const char *) = line;
        }
    }
    APR_ARRAY_PUSH(lines, const char *) = NULL;
    return (const char *const *)lines->elts;
}

/** Takes the next word off the front of @a line; "" when there is none. */
static span_t word_take(span_t *line)
{
    span_t word;

    while (line->len > 0 && *line->s == ' ') {
        line->s++;
        line->len--;
    }
    word.s = line->s;
    while (line->len > 0 && *line->s != ' ') {
        line->s++;
        line->len--;
    }
    word.len = line->s - word.s;
    return word;
}

/* The parameters of one keyword. They return 0 when they are malformed: then
 * the line counts for nothing. */

static int size_parse(apr_pool_t *p, span_t params,
                      smtp_extension_offer_t *offer)
{
    span_t word = word_take(&params);
    apr_off_t size;

    (void)p;
    if (word.len == 0) {
        return 1;
    }
    /* RFC 1870 4: 1*20DIGIT */
    if (word.len > 20
        || !smtp_chars_number_parse(word.s, word.len, &size)) {
        return 0;
    }
    offer->max_size_octets = size;
    return 1;
}

/** RFC 9422 4: what is malformed is passed over, alone. */
static void limit_parse(span_t word, smtp_limits_t *limits)
{
    const struct {
        const char *name;
        unsigned int *limit;
    } rows[] = {
        { "RCPTMAX", &limits->rcptmax },
        { "MAILMAX", &limits->mailmax },
        { "RCPTDOMAINMAX", &limits->rcptdomainmax }
    };
    const char *equals = memchr(word.s, '=', word.len);
    apr_off_t number;
    apr_size_t i;
    span_t name;

    if (equals == NULL
        || smtp_chars_number_parse(equals + 1, word.s + word.len - equals - 1,
                                   &number) != 1
        || number == 0 || number > LIMIT_MAX) {
        return;
    }
    name.s = word.s;
    name.len = equals - word.s;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (span_is(&name, rows[i].name)) {
            *rows[i].limit = (unsigned int)number;
        }
    }
}

static int limits_parse(apr_pool_t *p, span_t params,
                        smtp_extension_offer_t *offer)
{
    span_t word;

    (void)p;
    while ((word = word_take(&params)).len > 0) {
        limit_parse(word, &offer->limits);
    }
    return 1;
}

/** sasl-mech (RFC 4422 3.1). */
static int is_mechanism(const span_t *word)
{
    apr_size_t i;

    for (i = 0; i < word->len; i++) {
        if (!smtp_chars_is(word->s[i], SMTP_CHARS_LDH)
            && word->s[i] != '_') {
            return 0;
        }
    }
    return word->len <= 20;
}

static int auth_parse(apr_pool_t *p, span_t params,
                      smtp_extension_offer_t *offer)
{
    char *auth = apr_palloc(p, params.len + 1);
    apr_size_t len = 0;
    span_t word;

    while ((word = word_take(&params)).len > 0) {
        if (!is_mechanism(&word)) {
            continue;
        }
        if (len > 0) {
            auth[len++] = ' ';
        }
        memcpy(auth + len, word.s, word.len);
        len += word.len;
    }
    if (len == 0) {
        return 0;
    }
    auth[len] = '\0';
    offer->auth = auth;
    return 1;
}

void smtp_extension_parse(apr_pool_t *p, const char *line, apr_size_t len,
                          smtp_extension_offer_t *offer)
{
    static const struct {
        smtp_extension_set_t bit;
        int (*parse)(apr_pool_t *p, span_t params,
                     smtp_extension_offer_t *offer);
    } parsers[] = {
        { SMTP_EXTENSION_SIZE, size_parse },
        { SMTP_EXTENSION_LIMITS, limits_parse },
        { SMTP_EXTENSION_AUTH, auth_parse }
    };
    span_t rest = { line, len };
    span_t keyword = word_take(&rest);
    const smtp_extension_t *row = smtp_extension_find(keyword.s, keyword.len);
    apr_size_t i;

    if (row == NULL) {
        return;
    }
    for (i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
        if (parsers[i].bit == row->bit && !parsers[i].parse(p, rest, offer)) {
            return;
        }
    }
    offer->set |= row->bit;
}
