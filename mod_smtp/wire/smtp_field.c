/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_field.h"

#include <string.h>

#include "smtp_escape.h"

#define OCTETS_MIN 512

/** Beyond this even a word is torn. RFC 5322 2.1.1 says 998; what surrounds
 *  the word has room besides. */
#define WORD_MAX_OCTETS 900

void smtp_field_init(smtp_field_t *field, apr_pool_t *p, int utf8)
{
    memset(field, 0, sizeof(*field));
    field->pool = p;
    field->utf8 = utf8;
}

/** Makes room for @a len octets more and a NUL. */
static void octets_grow(smtp_field_t *field, apr_size_t len)
{
    apr_size_t size = field->size * 2;
    char *octets;

    if (field->len + len < field->size) {
        return;
    }
    if (size < OCTETS_MIN) {
        size = OCTETS_MIN;
    }
    if (size <= field->len + len) {
        size = field->len + len + 1;
    }
    octets = apr_palloc(field->pool, size);
    if (field->len > 0) {
        memcpy(octets, field->octets, field->len);
    }
    field->octets = octets;
    field->size = size;
}

static void put(smtp_field_t *field, const char *octets, apr_size_t len)
{
    octets_grow(field, len);
    memcpy(field->octets + field->len, octets, len);
    field->len += len;
    field->octets[field->len] = '\0';
    field->column += len;
}

static void line_break(smtp_field_t *field, const char *indent)
{
    put(field, "\r\n", 2);
    field->column = 0;
    put(field, indent, strlen(indent));
}

/** Puts a word that was escaped, torn where it is longer than any line. A
 *  character of UTF-8 stays whole. */
static void word_put(smtp_field_t *field, const char *indent,
                     const char *word, apr_size_t len)
{
    while (len > WORD_MAX_OCTETS) {
        apr_size_t piece = WORD_MAX_OCTETS;

        while (((unsigned char)word[piece] & 0xC0) == 0x80) {
            piece--;
        }
        put(field, word, piece);
        line_break(field, indent);
        word += piece;
        len -= piece;
    }
    put(field, word, len);
}

/** Puts the words of @a text that was escaped, broken into lines where it
 *  must be. At the beginning of a line no space comes before a word. */
static void words_put(smtp_field_t *field, const char *indent,
                      const char *text)
{
    apr_size_t empty = strlen(indent);

    text += strspn(text, " ");
    while (*text) {
        apr_size_t len = strcspn(text, " ");

        if (field->column > empty) {
            if (field->column + 1 + len > SMTP_FIELD_LINE_OCTETS) {
                line_break(field, indent);
            }
            else {
                put(field, " ", 1);
            }
        }
        word_put(field, indent, text, len);
        text += len;
        text += strspn(text, " ");
    }
}

void smtp_field_begin(smtp_field_t *field, const char *name)
{
    field->column = 0;
    put(field, name, strlen(name));
    put(field, ":", 1);
}

void smtp_field_unit(smtp_field_t *field, const char *text)
{
    char *safe;
    apr_size_t len;

    text += strspn(text, " ");
    safe = smtp_escape_write(field->pool, text, strlen(text), field->utf8);
    len = strlen(safe);
    if (len > 0 && field->column + 1 + len <= SMTP_FIELD_LINE_OCTETS) {
        put(field, " ", 1);
        put(field, safe, len);
    }
    else if (len > 0 && len < SMTP_FIELD_LINE_OCTETS) {
        line_break(field, "\t");
        put(field, safe, len);
    }
    else {
        words_put(field, " ", safe);
    }
}

void smtp_field_end(smtp_field_t *field)
{
    put(field, "\r\n", 2);
}

void smtp_field_write(smtp_field_t *field, const char *name,
                      const char *text)
{
    smtp_field_begin(field, name);
    smtp_field_unit(field, text);
    smtp_field_end(field);
}

void smtp_field_lines(smtp_field_t *field, const char *octets)
{
    put(field, octets, strlen(octets));
}

void smtp_field_paragraph(smtp_field_t *field, const char *indent,
                          const char *text)
{
    field->column = 0;
    put(field, indent, strlen(indent));
    words_put(field, indent,
              smtp_escape_write(field->pool, text, strlen(text),
                                field->utf8));
    put(field, "\r\n", 2);
}
