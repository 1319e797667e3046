/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_chars.h"

#include <string.h>

/* The classes are written as the RFCs write them; the compiler makes the
 * table. */
#define IN(c, low, high) ((c) >= (low) && (c) <= (high))
#define ALPHA(c) (IN(c, 'A', 'Z') || IN(c, 'a', 'z'))
#define DIGIT(c) IN(c, '0', '9')

/* RFC 5322 3.2.3 */
#define ATEXT(c)                                                          \
    (ALPHA(c) || DIGIT(c) || (c) == '!' || IN(c, '#', '\'')               \
     || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '/'              \
     || (c) == '=' || (c) == '?' || IN(c, '^', '`') || IN(c, '{', '~'))
/* RFC 5321 4.1.2: all that is printed but the quote and the backslash */
#define QTEXT(c) (IN(c, 32, 33) || IN(c, 35, 91) || IN(c, 93, 126))
/* RFC 5321 4.1.3: all that is printed but the brackets, the backslash and
 * the space */
#define DCONTENT(c) (IN(c, 33, 90) || IN(c, 94, 126))
/* RFC 5321 4.1.2, Ldh-str */
#define LDH(c) (ALPHA(c) || DIGIT(c) || (c) == '-')
/* RFC 5321 4.1.2 */
#define ESMTP(c) (IN(c, 33, 60) || IN(c, 62, 126))
/* RFC 3461 4 */
#define XCHAR(c) (IN(c, 33, 42) || IN(c, 44, 60) || IN(c, 62, 126))
/* RFC 5322 3.6.8 */
#define FTEXT(c) (IN(c, 33, 57) || IN(c, 59, 126))
#define PRINT(c) IN(c, 32, 126)

#define CLASSES(c)                                                        \
    ((ATEXT(c) ? SMTP_CHARS_ATEXT : 0u)                                   \
     | (QTEXT(c) ? SMTP_CHARS_QTEXT : 0u)                                 \
     | (DCONTENT(c) ? SMTP_CHARS_DCONTENT : 0u)                           \
     | (LDH(c) ? SMTP_CHARS_LDH : 0u)                                     \
     | (ESMTP(c) ? SMTP_CHARS_ESMTP : 0u)                                 \
     | (XCHAR(c) ? SMTP_CHARS_XCHAR : 0u)                                 \
     | (FTEXT(c) ? SMTP_CHARS_FTEXT : 0u)                                 \
     | (PRINT(c) ? SMTP_CHARS_PRINT : 0u))
#define ROW(c)                                                            \
    CLASSES(c), CLASSES(c + 1), CLASSES(c + 2), CLASSES(c + 3),           \
    CLASSES(c + 4), CLASSES(c + 5), CLASSES(c + 6), CLASSES(c + 7)

/* Octets above 127 are in no class. */
const unsigned char smtp_chars_class[256] = {
    ROW(0),  ROW(8),  ROW(16), ROW(24), ROW(32),  ROW(40),  ROW(48),  ROW(56),
    ROW(64), ROW(72), ROW(80), ROW(88), ROW(96), ROW(104), ROW(112), ROW(120)
};

/** A row of RFC 3629 4: which second octets may follow which first ones.
 *  Third and fourth octets are always %x80-BF. */
typedef struct utf8_form_t {
    unsigned char first_low;
    unsigned char first_high;
    unsigned char second_low;
    unsigned char second_high;
    apr_size_t len;
} utf8_form_t;

static const utf8_form_t utf8_forms[] = {
    { 0xC2, 0xDF, 0x80, 0xBF, 2 },
    { 0xE0, 0xE0, 0xA0, 0xBF, 3 },  /* no overlong form */
    { 0xE1, 0xEC, 0x80, 0xBF, 3 },
    { 0xED, 0xED, 0x80, 0x9F, 3 },  /* no surrogate */
    { 0xEE, 0xEF, 0x80, 0xBF, 3 },
    { 0xF0, 0xF0, 0x90, 0xBF, 4 },  /* no overlong form */
    { 0xF1, 0xF3, 0x80, 0xBF, 4 },
    { 0xF4, 0xF4, 0x80, 0x8F, 4 }   /* nothing above U+10FFFF */
};

static const utf8_form_t *utf8_form_find(unsigned char first)
{
    apr_size_t i;

    for (i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
        if (IN(first, utf8_forms[i].first_low, utf8_forms[i].first_high)) {
            return &utf8_forms[i];
        }
    }
    return NULL;
}

apr_size_t smtp_chars_utf8_len(const char *s, apr_size_t len)
{
    const unsigned char *octets = (const unsigned char *)s;
    const utf8_form_t *form;
    apr_size_t i;

    if (len == 0) {
        return 0;
    }
    if (octets[0] < 0x80) {
        return 1;
    }
    form = utf8_form_find(octets[0]);
    if (form == NULL || len < form->len
        || !IN(octets[1], form->second_low, form->second_high)) {
        return 0;
    }
    for (i = 2; i < form->len; i++) {
        if (!IN(octets[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return form->len;
}

int smtp_chars_is_utf8(const char *s, apr_size_t len)
{
    while (len > 0) {
        apr_size_t n = smtp_chars_utf8_len(s, len);

        if (n == 0 || *s == '\0') {
            return 0;
        }
        s += n;
        len -= n;
    }
    return 1;
}

int smtp_chars_has_8bit(const char *s, apr_size_t len)
{
    apr_uint64_t words[4];
    apr_uint64_t all = 0;

    for (; len >= sizeof(words); len -= sizeof(words)) {
        memcpy(words, s, sizeof(words));
        all |= words[0] | words[1] | words[2] | words[3];
        s += sizeof(words);
    }
    while (len > 0) {
        all |= (unsigned char)s[--len];
    }
    return (all & APR_UINT64_C(0x8080808080808080)) != 0;
}

int smtp_chars_number_parse(const char *s, apr_size_t len, apr_off_t *number)
{
    apr_size_t i;
    int fits = 1;

    *number = 0;
    for (i = 0; i < len; i++) {
        int digit = s[i] - '0';

        if (!DIGIT(s[i])) {
            *number = 0;
            return 0;
        }
        if (!fits || *number > (SMTP_CHARS_NUMBER_MAX - digit) / 10) {
            fits = 0;
            *number = SMTP_CHARS_NUMBER_MAX;
        }
        else {
            *number = *number * 10 + digit;
        }
    }
    return len == 0 ? 0 : fits ? 1 : -1;
}

char *smtp_chars_escape(apr_pool_t *p, const char *s, apr_size_t len,
                        apr_size_t max)
{
    static const char hex[] = "0123456789ABCDEF";
    apr_size_t taken = len < max ? len : max;
    char *out = apr_palloc(p, taken * 4 + sizeof("..."));
    char *o = out;
    apr_size_t i;

    for (i = 0; i < taken; i++) {
        unsigned char c = (unsigned char)s[i];

        if (smtp_chars_is(c, SMTP_CHARS_PRINT) && c != '\\') {
            *o++ = (char)c;
            continue;
        }
        *o++ = '\\';
        *o++ = 'x';
        *o++ = hex[c >> 4];
        *o++ = hex[c & 0xF];
    }
    strcpy(o, taken < len ? "..." : "");
    return out;
}
