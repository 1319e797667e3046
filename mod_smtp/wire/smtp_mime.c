/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_mime.h"

#include <string.h>

#include "smtp_chars.h"
#include "smtp_escape.h"

/** RFC 2045 6.7 (5): octets of a line, the "=" of a soft break included. */
#define LINE_MAX_OCTETS 76

/** RFC 2047 2: octets of an encoded-word, and what each has around it. */
#define WORD_MAX_OCTETS 75
#define WORD_BEGIN "=?utf-8?Q?"
#define WORD_END "?="
#define WORD_ROOM (WORD_MAX_OCTETS - sizeof(WORD_BEGIN WORD_END) + 1)

static char *hex_put(char *to, char octet)
{
    static const char hex[] = "0123456789ABCDEF";

    *to++ = '=';
    *to++ = hex[(unsigned char)octet >> 4];
    *to++ = hex[(unsigned char)octet & 0xF];
    return to;
}

/** Whether @a s begins with the end of a line. */
static int is_end(const char *s)
{
    return s[0] == '\0' || (s[0] == '\r' && s[1] == '\n');
}

/** A blank at the end of a line may be lost on the way. */
static int is_plain(const char *s)
{
    return *s == ' ' ? !is_end(s + 1)
           : smtp_chars_is(*s, SMTP_CHARS_PRINT) && *s != '=';
}

char *smtp_mime_write_quoted(apr_pool_t *p, const char *text)
{
    apr_size_t len = strlen(text) * 3;
    /* A soft break is three octets behind 73 at least. */
    char *quoted = apr_palloc(p, len + len / 24 + 4);
    char *to = quoted, *line = quoted;

    while (*text) {
        apr_size_t width = is_plain(text) ? 1 : 3;

        if (is_end(text)) {
            *to++ = *text++;
            *to++ = *text++;
            line = to;
            continue;
        }
        if ((apr_size_t)(to - line) + width > LINE_MAX_OCTETS - 1) {
            memcpy(to, "=\r\n", 3);
            line = to += 3;
        }
        if (width == 1) {
            *to++ = *text++;
        }
        else {
            to = hex_put(to, *text++);
        }
    }
    *to = '\0';
    return quoted;
}

/** RFC 2047 5 (3): what needs no "=HH" anywhere. */
static int is_word_octet(char c)
{
    return smtp_chars_is(c, SMTP_CHARS_LDH) || strchr("!*+/", c) != NULL;
}

/** A character of @a len octets; @return what is behind it. */
static char *character_put(char *to, const char *s, apr_size_t len)
{
    for (; len > 0; len--, s++) {
        if (*s == ' ') {
            *to++ = '_';
        }
        else if (is_word_octet(*s)) {
            *to++ = *s;
        }
        else {
            to = hex_put(to, *s);
        }
    }
    return to;
}

static char *string_put(char *to, const char *s)
{
    apr_size_t len = strlen(s);

    memcpy(to, s, len);
    return to + len;
}

/** @a s is UTF-8. A character is never parted (RFC 2047 5). */
static char *words_write(apr_pool_t *p, const char *s)
{
    /* At worst a word has 51 of its 75 octets filled, by 17 of @a s. */
    char *words = apr_palloc(p, strlen(s) * 5 + 2 * WORD_MAX_OCTETS);
    char *to = string_put(words, WORD_BEGIN), *begin = to;

    while (*s) {
        char character[12];
        apr_size_t taken = smtp_chars_utf8_len(s, strlen(s));
        apr_size_t len = (apr_size_t)(character_put(character, s, taken)
                                      - character);

        if ((apr_size_t)(to - begin) + len > WORD_ROOM) {
            to = string_put(to, WORD_END " " WORD_BEGIN);
            begin = to;
        }
        memcpy(to, character, len);
        to += len;
        s += taken;
    }
    *string_put(to, WORD_END) = '\0';
    return words;
}

char *smtp_mime_write_words(apr_pool_t *p, const char *text)
{
    char *safe = smtp_escape_write(p, text, strlen(text), 1);

    return smtp_chars_has_8bit(safe, strlen(safe)) || strstr(safe, "=?")
           ? words_write(p, safe) : safe;
}
