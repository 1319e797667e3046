/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scram_text.h"

#include <string.h>

#include <apr_strings.h>

/** A line, taken apart: the login, what stands behind it, and what comes
 *  after that: blanks, a comment. */
typedef struct line_t {
    const char *begin;
    const char *name;            /**< as long as name_end says; maybe empty */
    const char *name_end;
    const char *value;
    const char *value_end;
    const char *next;            /**< behind the line feed */
} line_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *blanks_end(const char *s, const char *end)
{
    while (s < end && is_blank(*s)) {
        s++;
    }
    return s;
}

/** The end of the quoted string at @a s, or @a end if it has none. */
static const char *quoted_end(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end) {
            s++;
        }
    }
    return s < end ? s + 1 : end;
}

static const char *word_end(const char *s, const char *end)
{
    if (s < end && *s == '"') {
        s = quoted_end(s, end);
    }
    while (s < end && !is_blank(*s)) {
        s++;
    }
    return s;
}

/** Where the comment or the blanks at the end of a line begin. */
static const char *words_end(const char *s, const char *end)
{
    const char *last = s;

    while (s < end && *s != '#') {
        last = word_end(s, end);
        s = blanks_end(last, end);
    }
    return last;
}

static void line_read(const char *s, line_t *line)
{
    const char *end = s + strcspn(s, "\n");

    line->begin = s;
    line->next = *end == '\0' ? end : end + 1;
    line->name = blanks_end(s, end);
    line->value_end = words_end(line->name, end);
    line->name_end = word_end(line->name, line->value_end);
    line->value = blanks_end(line->name_end, line->value_end);
}

const char *scram_text_login(apr_pool_t *p, const char *login)
{
    char *text, *to;

    if (*login != '\0' && *login != '#' && *login != '"'
        && strpbrk(login, " \t\r") == NULL) {
        return login;
    }
    text = to = apr_palloc(p, 2 * strlen(login) + 3);
    *to++ = '"';
    for (; *login != '\0'; login++) {
        if (*login == '"' || *login == '\\') {
            *to++ = '\\';
        }
        *to++ = *login;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

/** Whether @a login stands in the line, quoted or not. */
static int line_is_of(const line_t *line, const char *login)
{
    const char *s = line->name;
    int is_quoted = s < line->name_end && *s == '"';

    for (s += is_quoted; s < line->name_end; s++) {
        if (is_quoted && *s == '"') {
            return s + 1 == line->name_end && *login == '\0';
        }
        if (is_quoted && *s == '\\' && s + 1 < line->name_end) {
            s++;
        }
        if (*s != *login++) {
            return 0;
        }
    }
    return !is_quoted && line->name < line->name_end && *login == '\0';
}

const char *scram_text_find(apr_pool_t *p, const char *text,
                            const char *login)
{
    line_t line;

    for (; *text != '\0'; text = line.next) {
        line_read(text, &line);
        if (line_is_of(&line, login)) {
            return apr_pstrmemdup(p, line.value, line.value_end - line.value);
        }
    }
    return NULL;
}

static char *append(char *to, const char *s, const char *end)
{
    memcpy(to, s, end - s);
    return to + (end - s);
}

static char *append_string(char *to, const char *s)
{
    return append(to, s, s + strlen(s));
}

static char *append_changed(char *to, const line_t *line,
                            const char *verifier)
{
    to = append(to, line->begin, line->value);
    if (line->value == line->name_end) {
        *to++ = ' ';
    }
    to = append_string(to, verifier);
    return append(to, line->value_end, line->next);
}

/** The text without the lines of the login but, when there is a verifier, the
 *  first. Appends nothing. @return the end of what it wrote */
static char *lines_edit(char *to, const char *text, const char *login,
                        const char *verifier, int *was_there)
{
    line_t line;

    *was_there = 0;
    for (; *text != '\0'; text = line.next) {
        line_read(text, &line);
        if (!line_is_of(&line, login)) {
            to = append(to, line.begin, line.next);
        }
        else if (verifier != NULL && !*was_there) {
            to = append_changed(to, &line, verifier);
        }
        *was_there |= line_is_of(&line, login);
    }
    return to;
}

const char *scram_text_set(apr_pool_t *p, const char *text, const char *login,
                           const char *verifier, int *was_there)
{
    const char *name = scram_text_login(p, login);
    char *out = apr_palloc(p, strlen(text) + strlen(name) + strlen(verifier)
                              + sizeof("\n \n"));
    char *to = lines_edit(out, text, login, verifier, was_there);

    if (!*was_there) {
        /* The last line may lack its end. */
        if (to > out && to[-1] != '\n') {
            *to++ = '\n';
        }
        to = append_string(to, name);
        *to++ = ' ';
        to = append_string(to, verifier);
        *to++ = '\n';
    }
    *to = '\0';
    return out;
}

const char *scram_text_remove(apr_pool_t *p, const char *text,
                              const char *login, int *was_there)
{
    char *out = apr_palloc(p, strlen(text) + 1);

    *lines_edit(out, text, login, NULL, was_there) = '\0';
    return out;
}
