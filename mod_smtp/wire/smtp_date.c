/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_date.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* Writing. */

apr_size_t smtp_date_write(char buffer[SMTP_DATE_BUFFER_OCTETS], apr_time_t t,
                           int offset_sec)
{
    apr_time_exp_t at;
    int minutes = offset_sec / 60;
    int is_west = minutes < 0;

    apr_time_exp_tz(&at, t, minutes * 60);
    minutes = is_west ? -minutes : minutes;
    return (apr_size_t)apr_snprintf(
        buffer, SMTP_DATE_BUFFER_OCTETS,
        "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d",
        apr_day_snames[at.tm_wday], at.tm_mday, apr_month_snames[at.tm_mon],
        at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec,
        is_west ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

/* Reading. */

/** What is left to be read. */
typedef struct scan_t {
    const char *at;
    const char *end;
} scan_t;

/** A date-time in pieces. */
typedef struct pieces_t {
    int weekday;                 /* 0: Sunday; -1: not named */
    int day;
    int month;                   /* 0: January */
    int year;
    int hour;
    int minute;
    int second;
    int offset_sec;
} pieces_t;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/** The octet at hand, or NUL at the end. */
static char peek(const scan_t *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

/** Skips a comment; they nest (RFC 5322 3.2.2). Counted, not recursed into:
 *  the peer chooses the depth. Returns 0 if it does not end. */
static int comment_skip(scan_t *scan)
{
    apr_size_t depth = 0;

    while (scan->at < scan->end) {
        char c = *scan->at++;

        if (c == '\\') {
            scan->at += scan->at < scan->end;
        }
        else if (c == '(') {
            depth++;
        }
        else if (c == ')' && --depth == 0) {
            return 1;
        }
    }
    return 0;
}

/** Skips [CFWS]. Returns 0 at a comment that does not end. */
static int cfws_skip(scan_t *scan)
{
    for (;;) {
        switch (peek(scan)) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
            scan->at++;
            break;
        case '(':
            if (!comment_skip(scan)) {
                return 0;
            }
            break;
        default:
            return 1;
        }
    }
}

/** Reads @a min to @a max digits, no digit behind them, and [CFWS]. Returns
 *  how many digits, or 0. */
static int number_take(scan_t *scan, int min, int max, int *number)
{
    int digits = 0;

    *number = 0;
    while (is_digit(peek(scan)) && digits <= max) {
        *number = *number * 10 + (*scan->at++ - '0');
        digits++;
    }
    return digits >= min && digits <= max && cfws_skip(scan) ? digits : 0;
}

/** Takes octet @a c and [CFWS]. */
static int octet_take(scan_t *scan, char c)
{
    if (peek(scan) != c) {
        return 0;
    }
    scan->at++;
    return cfws_skip(scan);
}

/** Letters at hand. */
static apr_size_t word_len(const scan_t *scan)
{
    apr_size_t len = 0;

    while (scan->at + len < scan->end && is_letter(scan->at[len])) {
        len++;
    }
    return len;
}

/** Takes one of @a count names of three letters, and [CFWS]. Returns its
 *  index or -1. */
static int name_take(scan_t *scan, const char (*names)[4], int count)
{
    int i;

    if (word_len(scan) != 3) {
        return -1;
    }
    for (i = 0; i < count; i++) {
        if (strncasecmp(scan->at, names[i], 3) == 0) {
            scan->at += 3;
            return cfws_skip(scan) ? i : -1;
        }
    }
    return -1;
}

static int weekday_take(scan_t *scan, pieces_t *pieces)
{
    pieces->weekday = -1;
    if (!is_letter(peek(scan))) {
        return 1;
    }
    pieces->weekday = name_take(scan, apr_day_snames, 7);
    return pieces->weekday >= 0 && octet_take(scan, ',');
}

/** RFC 5322 4.3: 00 to 49 are of this century; what else has two or three
 *  digits counts from 1900. */
static int year_take(scan_t *scan, int *year)
{
    int digits = number_take(scan, 2, 4, year);

    if (digits == 2 && *year < 50) {
        *year += 2000;
    }
    else if (digits == 2 || digits == 3) {
        *year += 1900;
    }
    return digits != 0 && *year >= 1900;
}

static int date_take(scan_t *scan, pieces_t *pieces)
{
    if (!number_take(scan, 1, 2, &pieces->day)) {
        return 0;
    }
    pieces->month = name_take(scan, apr_month_snames, 12);
    return pieces->month >= 0 && year_take(scan, &pieces->year);
}

static int time_take(scan_t *scan, pieces_t *pieces)
{
    pieces->second = 0;
    if (!number_take(scan, 2, 2, &pieces->hour) || !octet_take(scan, ':')
        || !number_take(scan, 2, 2, &pieces->minute)) {
        return 0;
    }
    return peek(scan) != ':'
           || (octet_take(scan, ':')
               && number_take(scan, 2, 2, &pieces->second));
}

/** Named zones of RFC 5322 4.3. Others, the military letters among them (RFC
 *  822 had their signs wrong), mean -0000. */
static const struct {
    const char *name;
    int hours;
} zones[] = {
    { "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 },
    { "MDT", -6 }, { "MST", -7 }, { "PDT", -7 }, { "PST", -8 }
};

static int named_zone_take(scan_t *scan, int *offset_sec)
{
    apr_size_t len = word_len(scan);
    apr_size_t i;

    *offset_sec = 0;
    for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (len == 3 && strncasecmp(scan->at, zones[i].name, 3) == 0) {
            *offset_sec = zones[i].hours * 3600;
        }
    }
    scan->at += len;
    return len > 0 && cfws_skip(scan);
}

static int zone_take(scan_t *scan, int *offset_sec)
{
    char sign = peek(scan);
    int hhmm;

    if (sign != '+' && sign != '-') {
        return named_zone_take(scan, offset_sec);
    }
    scan->at++;
    if (!number_take(scan, 4, 4, &hhmm) || hhmm % 100 > 59) {
        return 0;
    }
    *offset_sec = (hhmm / 100 * 60 + hhmm % 100) * 60;
    if (sign == '-') {
        *offset_sec = -*offset_sec;
    }
    return 1;
}

static int is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };

    return days[month] + (month == 1 && is_leap(year));
}

/** Days from 1 January 1970 to the day named; years from 1900. Not
 *  apr_time_exp_get(): that has no time before 1970. */
static int days_count(const pieces_t *pieces)
{
    int before = pieces->year - 1;
    int days = before * 365 + before / 4 - before / 100 + before / 400
               - 719162 + pieces->day - 1;
    int month;

    for (month = 0; month < pieces->month; month++) {
        days += month_days(month, pieces->year);
    }
    return days;
}

/** RFC 5322 3.3: it must be a day and a time that exist, a leap second
 *  included, and the day of the week must be that day's. */
static int is_valid(const pieces_t *pieces)
{
    /* 1 January 1970 was a Thursday; the sum is never below zero. */
    int weekday = (days_count(pieces) + 4 + 7 * 3660) % 7;

    return pieces->day >= 1
           && pieces->day <= month_days(pieces->month, pieces->year)
           && pieces->hour <= 23 && pieces->minute <= 59
           && pieces->second <= 60
           && (pieces->weekday < 0 || pieces->weekday == weekday);
}

static apr_time_t seconds_count(const pieces_t *pieces)
{
    return (apr_time_t)days_count(pieces) * 86400 + pieces->hour * 3600
           + pieces->minute * 60 + pieces->second - pieces->offset_sec;
}

apr_status_t smtp_date_parse(const char *s, apr_size_t len, apr_time_t *t,
                             int *offset_sec)
{
    scan_t scan = { s, s + len };
    pieces_t pieces;

    *t = 0;
    *offset_sec = 0;
    if (!cfws_skip(&scan) || !weekday_take(&scan, &pieces)
        || !date_take(&scan, &pieces) || !time_take(&scan, &pieces)
        || !zone_take(&scan, &pieces.offset_sec) || scan.at != scan.end
        || !is_valid(&pieces)) {
        return APR_EINVAL;
    }
    *t = apr_time_from_sec(seconds_count(&pieces));
    *offset_sec = pieces.offset_sec;
    return APR_SUCCESS;
}
