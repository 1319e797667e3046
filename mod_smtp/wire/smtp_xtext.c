/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_xtext.h"

#include <string.h>

#include "smtp_chars.h"

static const char hex_upper[] = "0123456789ABCDEF";

/** Value of a hexadecimal digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** The octet that hexchar "+HH" stands for, or -1. RFC 3461 4 wants capital
 *  digits. */
static int hexchar_value(const char *s, apr_size_t len)
{
    if (len < 3 || *s != '+' || s[1] >= 'a' || s[2] >= 'a'
        || hex_value(s[1]) < 0 || hex_value(s[2]) < 0) {
        return -1;
    }
    return hex_value(s[1]) << 4 | hex_value(s[2]);
}

/** Takes an xchar or a hexchar, and says what it stands for.
 *  @return octets of it, or 0 */
static apr_size_t xtext_char(const char *s, apr_size_t len, int *octet)
{
    if (smtp_chars_is(*s, SMTP_CHARS_XCHAR)) {
        *octet = *s;
        return 1;
    }
    *octet = hexchar_value(s, len);
    return *octet < 0 ? 0 : 3;
}

int smtp_xtext_is(const char *s, apr_size_t len)
{
    while (len > 0) {
        int octet;
        apr_size_t n = xtext_char(s, len, &octet);

        if (n == 0) {
            return 0;
        }
        s += n;
        len -= n;
    }
    return 1;
}

/* What was decoded goes into lines and C strings. */
static int breaks_a_line(int c)
{
    return c == '\0' || c == '\r' || c == '\n';
}

apr_status_t smtp_xtext_parse(apr_pool_t *p, const char *s, apr_size_t len,
                              const char **out)
{
    char *text = apr_palloc(p, len + 1);
    char *t = text;

    *out = NULL;
    while (len > 0) {
        int octet;
        apr_size_t n = xtext_char(s, len, &octet);

        if (n == 0 || breaks_a_line(octet)) {
            return APR_EINVAL;
        }
        *t++ = (char)octet;
        s += n;
        len -= n;
    }
    *t = '\0';
    *out = text;
    return APR_SUCCESS;
}

char *smtp_xtext_write(apr_pool_t *p, const char *s, apr_size_t len)
{
    char *text = apr_palloc(p, 3 * len + 1);
    char *t = text;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (smtp_chars_is(c, SMTP_CHARS_XCHAR)) {
            *t++ = (char)c;
            continue;
        }
        *t++ = '+';
        *t++ = hex_upper[c >> 4];
        *t++ = hex_upper[c & 0xF];
    }
    *t = '\0';
    return text;
}

/** QCHAR (RFC 6533 3): xchar without the backslash. */
static int is_qchar(char c)
{
    return smtp_chars_is(c, SMTP_CHARS_XCHAR) && c != '\\';
}

/**
 * Whether HEXPOINT (RFC 6533 3) can say @a point in @a digits digits: no
 * leading zeros beyond two digits, no surrogate, and of ASCII only what
 * QCHAR cannot say, lest one address have two spellings; of the controls
 * 01-09 and 10-19, so neither NUL, CR nor LF.
 */
static int is_hexpoint(apr_uint32_t point, apr_size_t digits)
{
    if (point < 0x20) {
        return digits == 2 && point != 0 && (point & 0xF) <= 9;
    }
    if (point < 0x80) {
        return digits == 2 && !is_qchar((char)point);
    }
    return (digits == 2 || point >> (4 * (digits - 1)) != 0)
        && !(point >= 0xD800 && point <= 0xDFFF) && point <= 0x10FFFF;
}

/** Takes EmbeddedUnicodeChar "\x{HEXPOINT}".
 *  @return octets of it, or 0 */
static apr_size_t embedded_char(const char *s, apr_size_t len,
                                apr_uint32_t *point)
{
    apr_size_t digits = 0;
    apr_size_t i;

    *point = 0;
    if (len < 4 || memcmp(s, "\\x{", 3) != 0) {
        return 0;
    }
    for (i = 3; i < len && hex_value(s[i]) >= 0 && digits < 6; i++) {
        *point = *point << 4 | (apr_uint32_t)hex_value(s[i]);
        digits++;
    }
    if (i == len || s[i] != '}' || digits < 2
        || !is_hexpoint(*point, digits)) {
        return 0;
    }
    return i + 1;
}

/** Writes @a point as UTF-8 (RFC 3629 3). @return octets written */
static apr_size_t utf8_write(char *out, apr_uint32_t point)
{
    static const unsigned char first[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    apr_size_t len = point < 0x80 ? 1 : point < 0x800 ? 2
                   : point < 0x10000 ? 3 : 4;
    apr_size_t i;

    for (i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(first[len] | point);
    return len;
}

/** The character that the well-formed UTF-8 at @a s encodes. */
static apr_uint32_t utf8_point(const char *s, apr_size_t len)
{
    static const unsigned char mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    apr_uint32_t point = (unsigned char)*s & mask[len];
    apr_size_t i;

    for (i = 1; i < len; i++) {
        point = point << 6 | ((unsigned char)s[i] & 0x3F);
    }
    return point;
}

apr_status_t smtp_xtext_parse_utf8(apr_pool_t *p, const char *s,
                                   apr_size_t len, const char **out)
{
    /* An escape is never shorter than what it stands for. */
    char *text = apr_palloc(p, len + 1);
    char *t = text;

    *out = NULL;
    while (len > 0) {
        apr_uint32_t point;
        apr_size_t n = embedded_char(s, len, &point);

        if (n > 0) {
            t += utf8_write(t, point);
        }
        else {
            n = smtp_chars_utf8_len(s, len);
            if (n == 0 || (n == 1 && !is_qchar(*s))) {
                return APR_EINVAL;
            }
            memcpy(t, s, n);
            t += n;
        }
        s += n;
        len -= n;
    }
    *t = '\0';
    *out = text;
    return APR_SUCCESS;
}

/** Writes "\x{HEX}", two digits or more. @return octets written */
static apr_size_t embedded_char_write(char *out, apr_uint32_t point)
{
    char *o = out;
    int shift = 20;

    while (shift > 4 && point >> shift == 0) {
        shift -= 4;
    }
    memcpy(o, "\\x{", 3);
    for (o += 3; shift >= 0; shift -= 4) {
        *o++ = hex_upper[(point >> shift) & 0xF];
    }
    *o++ = '}';
    return o - out;
}

char *smtp_xtext_write_utf8(apr_pool_t *p, const char *s, apr_size_t len)
{
    char *text;
    char *t;

    if (!smtp_chars_is_utf8(s, len)) {
        return NULL;
    }
    /* One octet may become "\x{2B}", two "\x{7FF}", four "\x{10FFFF}". */
    t = text = apr_palloc(p, 6 * len + 1);
    while (len > 0) {
        apr_size_t n = smtp_chars_utf8_len(s, len);

        if (is_qchar(*s)) {
            *t++ = *s;
        }
        else {
            t += embedded_char_write(t, utf8_point(s, n));
        }
        s += n;
        len -= n;
    }
    *t = '\0';
    return text;
}
