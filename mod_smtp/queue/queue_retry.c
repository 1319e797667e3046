/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_retry.h"

#include <string.h>

#include <apr_strings.h>

/* In seconds; 0: there is no such unit. */
static apr_int64_t seconds_of(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

/* The number that @a text begins with; -1: too large. */
static apr_int64_t number_parse(const char *text, const char **end)
{
    apr_int64_t number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (*text - '0');
        if (number > apr_time_sec(QUEUE_RETRY_INTERVAL_MAX)) {
            return -1;
        }
    }
    *end = text;
    return number;
}

static const char *too_long(apr_pool_t *p, const char *text)
{
    return apr_psprintf(p, "'%s' is longer than ten years", text);
}

const char *queue_retry_interval_parse(apr_pool_t *p, const char *text,
                                       apr_interval_time_t *interval)
{
    const char *end = text;
    apr_int64_t number = number_parse(text, &end), unit;

    *interval = 0;
    if (number < 0) {
        return too_long(p, text);
    }
    if (!strcmp(text, "0")) {
        return NULL;
    }
    unit = end == text ? 0 : seconds_of(*end);
    if (!unit || end[1]) {
        return apr_psprintf(p, "'%s' is no interval: a number and s, m, h or "
                            "d are wanted, such as 30m", text);
    }
    if (number > apr_time_sec(QUEUE_RETRY_INTERVAL_MAX) / unit) {
        return too_long(p, text);
    }
    *interval = apr_time_from_sec(number * unit);
    return NULL;
}

const char *queue_retry_parse(apr_pool_t *p, const char *text,
                              const apr_array_header_t **intervals)
{
    apr_array_header_t *read = apr_array_make(p, 8,
                                              sizeof(apr_interval_time_t));
    char *last, *rest = apr_pstrdup(p, text), *word;

    *intervals = NULL;
    while ((word = apr_strtok(rest, " \t", &last)) != NULL) {
        apr_interval_time_t interval;
        const char *wrong = queue_retry_interval_parse(p, word, &interval);

        if (wrong) {
            return wrong;
        }
        if (!interval) {
            return "an interval of 0 would try again without end";
        }
        APR_ARRAY_PUSH(read, apr_interval_time_t) = interval;
        rest = NULL;
    }
    if (!read->nelts) {
        return "at least one interval is wanted, such as 5m";
    }
    *intervals = read;
    return NULL;
}

apr_time_t queue_retry_next(const queue_retry_t *retry,
                            unsigned int attempts, apr_time_t now,
                            apr_time_t expires, apr_uint64_t chance)
{
    unsigned int last = (unsigned int)retry->intervals->nelts - 1;
    unsigned int i = attempts ? attempts - 1 : 0;
    apr_interval_time_t interval =
        APR_ARRAY_IDX(retry->intervals, i < last ? i : last,
                      apr_interval_time_t);
    apr_time_t next = now + interval
        + (apr_interval_time_t)(chance % ((apr_uint64_t)interval / 10 + 1));

    return next < expires ? next : expires;
}

apr_time_t queue_retry_expires(const queue_retry_t *retry,
                               apr_time_t arrived, int is_report)
{
    return arrived + (is_report ? retry->expire_report : retry->expire);
}
