/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_window.h"

#include <string.h>

/* Of the form in octets; another is not read. */
#define VERSION 1

static apr_uint64_t bucket_at(apr_time_t now, apr_interval_time_t interval)
{
    return (apr_uint64_t)now / (apr_uint64_t)interval;
}

/* Machines that count together have clocks of their own: one that is behind
 * takes the bucket that another has begun for its own. */
static int is_at_hand(const smtpd_window_t *window, apr_uint64_t bucket)
{
    return window->bucket == bucket || window->bucket == bucket + 1;
}

/* Of so many in the bucket before, those that the interval still covers;
 * rounded up, so that none is forgotten early. */
static apr_uint32_t share(apr_uint32_t events, apr_time_t now,
                          apr_interval_time_t interval)
{
    apr_uint64_t whole = (apr_uint64_t)apr_time_as_msec(interval);
    apr_uint64_t left = whole
        - (apr_uint64_t)apr_time_as_msec(now % interval);

    return (apr_uint32_t)(((apr_uint64_t)events * left + whole - 1) / whole);
}

apr_uint32_t smtpd_window_count(const smtpd_window_t *window, apr_time_t now,
                                apr_interval_time_t interval)
{
    apr_uint64_t bucket = bucket_at(now, interval);

    if (is_at_hand(window, bucket)) {
        return window->now + (window->bucket == bucket
                              ? share(window->before, now, interval)
                              : window->before);
    }
    if (window->bucket + 1 == bucket) {
        return share(window->now, now, interval);
    }
    return 0;
}

/* Makes the bucket of @a now the one at hand. */
static void roll(smtpd_window_t *window, apr_uint64_t bucket)
{
    if (is_at_hand(window, bucket)) {
        return;
    }
    window->before = window->bucket + 1 == bucket ? window->now : 0;
    window->now = 0;
    window->bucket = bucket;
}

static void take_back(smtpd_window_t *window, apr_uint32_t amount)
{
    apr_uint32_t now = amount < window->now ? amount : window->now;

    window->now -= now;
    amount -= now;
    window->before -= amount < window->before ? amount : window->before;
}

void smtpd_window_add(smtpd_window_t *window, apr_time_t now,
                      apr_interval_time_t interval, int amount)
{
    roll(window, bucket_at(now, interval));
    if (amount < 0) {
        take_back(window, 0u - (apr_uint32_t)amount);
    }
    else if ((apr_uint32_t)amount > SMTPD_WINDOW_COUNT_MAX - window->now) {
        window->now = SMTPD_WINDOW_COUNT_MAX;
    }
    else {
        window->now += (apr_uint32_t)amount;
    }
}

apr_time_t smtpd_window_expiry(const smtpd_window_t *window,
                               apr_interval_time_t interval)
{
    return (apr_time_t)(window->bucket + 2) * interval;
}

static unsigned char *put(unsigned char *octets, apr_uint64_t value, int len)
{
    while (len-- > 0) {
        *octets++ = (unsigned char)(value >> (8 * len));
    }
    return octets;
}

static apr_uint64_t get(const unsigned char *octets, int len)
{
    apr_uint64_t value = 0;

    while (len-- > 0) {
        value = value << 8 | *octets++;
    }
    return value;
}

void smtpd_window_write(unsigned char octets[SMTPD_WINDOW_OCTETS],
                        const smtpd_window_t *window)
{
    octets = put(octets, VERSION, 1);
    octets = put(octets, window->bucket, 8);
    octets = put(octets, window->before, 4);
    put(octets, window->now, 4);
}

int smtpd_window_parse(smtpd_window_t *window, const unsigned char *octets,
                       apr_size_t len)
{
    memset(window, 0, sizeof(*window));
    if (len != SMTPD_WINDOW_OCTETS || octets[0] != VERSION
        || get(octets + 9, 4) > SMTPD_WINDOW_COUNT_MAX
        || get(octets + 13, 4) > SMTPD_WINDOW_COUNT_MAX
        || get(octets + 1, 8) >= APR_INT64_MAX) {
        return 0;
    }
    window->bucket = get(octets + 1, 8);
    window->before = (apr_uint32_t)get(octets + 9, 4);
    window->now = (apr_uint32_t)get(octets + 13, 4);
    return 1;
}
