/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_text.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <apr_strings.h>

#include "smtp_chars.h"

#define ESCAPE_OCTETS 4          /* \xHH */

int smtpq_text_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/** The code point of a sequence that smtp_chars_utf8_len() found whole. */
static wchar_t code_point(const char *s, apr_size_t len)
{
    static const unsigned char lead[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    unsigned long value = (unsigned char)*s & lead[len];

    while (--len > 0) {
        value = value << 6 | ((unsigned char)*++s & 0x3F);
    }
    return (wchar_t)value;
}

/** Octets of the character at @a s that may be shown as it is; 0: none. What
 *  takes no room could hide in its neighbours, or turn them round. */
static apr_size_t shown_len(const char *s, int utf8)
{
    apr_size_t len;

    if (smtp_chars_is(*s, SMTP_CHARS_PRINT)) {
        return 1;
    }
    len = utf8 ? smtp_chars_utf8_len(s, strlen(s)) : 0;
    return len > 1 && wcwidth(code_point(s, len)) > 0 ? len : 0;
}

static char *escape_write(char *to, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";

    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex[c >> 4];
    *to++ = hex[c & 0xF];
    return to;
}

static int is_plain(const char *s)
{
    while (smtp_chars_is(*s, SMTP_CHARS_PRINT)) {
        s++;
    }
    return *s == '\0';
}

/** Octets of the character at @a s that stand for themselves; 0: none. */
typedef apr_size_t (*plain_len_fn)(const char *s, int utf8);

static const char *escape(apr_pool_t *p, const char *s,
                          plain_len_fn plain_len, int utf8)
{
    char *out = apr_palloc(p, strlen(s) * ESCAPE_OCTETS + 1), *to = out;

    while (*s != '\0') {
        apr_size_t len = plain_len(s, utf8);

        if (len == 0) {
            to = escape_write(to, (unsigned char)*s++);
        }
        else {
            memcpy(to, s, len);
            to += len;
            s += len;
        }
    }
    *to = '\0';
    return out;
}

const char *smtpq_text_escape(apr_pool_t *p, const char *s, int utf8)
{
    return is_plain(s) ? apr_pstrdup(p, s) : escape(p, s, shown_len, utf8);
}

static apr_size_t utf8_len(const char *s, int utf8)
{
    (void)utf8;
    return smtp_chars_utf8_len(s, strlen(s));
}

const char *smtpq_text_utf8(apr_pool_t *p, const char *s)
{
    return smtp_chars_is_utf8(s, strlen(s)) ? s : escape(p, s, utf8_len, 1);
}

/** Columns of the character at @a s; @a len gets its octets. */
static int columns_of(const char *s, int utf8, apr_size_t *len)
{
    *len = utf8 ? smtp_chars_utf8_len(s, strlen(s)) : 1;
    if (*len <= 1) {
        *len = 1;
        return 1;
    }
    return wcwidth(code_point(s, *len));
}

int smtpq_text_columns(const char *s, int utf8)
{
    int columns = 0;

    while (*s != '\0') {
        apr_size_t len;

        columns += columns_of(s, utf8, &len);
        s += len;
    }
    return columns;
}

const char *smtpq_text_cut(apr_pool_t *p, const char *s, int columns,
                           int utf8)
{
    const char *end = s;
    int left = columns - 1;      /* for the sign */
    apr_size_t len;

    if (smtpq_text_columns(s, utf8) <= columns) {
        return s;
    }
    for (;;) {
        left -= columns_of(end, utf8, &len);
        if (left < 0) {
            break;
        }
        end += len;
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, s, end - s),
                       utf8 ? "\xE2\x80\xA6" : "~", NULL);
}

const char *smtpq_text_interval(apr_pool_t *p, apr_interval_time_t interval)
{
    apr_int64_t sec = apr_time_sec(interval);

    if (interval < 0) {
        return "-";
    }
    return sec < 60 ? apr_psprintf(p, "%ds", (int)sec)
           : sec < 3600 ? apr_psprintf(p, "%dm", (int)(sec / 60))
           : sec < 100 * 3600 ? apr_psprintf(p, "%dh", (int)(sec / 3600))
           : apr_psprintf(p, "%dd", (int)(sec / 86400));
}

const char *smtpq_text_size(apr_pool_t *p, apr_int64_t octets)
{
    char buffer[5], *text;

    if (octets < 0) {
        return "-";
    }
    text = apr_pstrdup(p, apr_strfsize(octets, buffer));
    apr_collapse_spaces(text, text);
    return text;
}

const char *smtpq_text_time(apr_pool_t *p, apr_time_t time)
{
    apr_time_exp_t t;
    int minutes;

    if (time == 0 || apr_time_exp_lt(&t, time) != APR_SUCCESS) {
        return "-";
    }
    minutes = t.tm_gmtoff / 60;
    return apr_psprintf(p, "%04d-%02d-%02d %02d:%02d:%02d %c%02d%02d",
                        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec, minutes < 0 ? '-' : '+',
                        abs(minutes) / 60, abs(minutes) % 60);
}

const char *smtpq_text_time_utc(apr_pool_t *p, apr_time_t time)
{
    apr_time_exp_t t;

    if (apr_time_exp_gmt(&t, time) != APR_SUCCESS) {
        return "";
    }
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec);
}
