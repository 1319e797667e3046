/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_window.h
 * How many events there were within an interval that ends now, in a few
 * octets however many they are.
 *
 * Time is cut into buckets as long as the interval, the same ones on every
 * machine. The events of two are kept: those of the bucket at hand, and those
 * of the one before, of which as large a part counts as still lies within
 * the interval. Events that came evenly are counted exactly; those of a burst
 * are forgotten between one and two intervals later, evenly, and never before
 * their share. So a limit of N lets through N in an interval in the long run,
 * and less than 2N in any.
 *
 * Pure: time is passed in. Any thread, each with windows of its own.
 */
#ifndef SMTPD_WINDOW_H
#define SMTPD_WINDOW_H

#include <apr_time.h>

/** The longest interval: 31 days. And the shortest: a second. */
#define SMTPD_WINDOW_INTERVAL_MAX apr_time_from_sec(31 * 86400)
#define SMTPD_WINDOW_INTERVAL_MIN apr_time_from_sec(1)
/** More events than this are counted as this many. */
#define SMTPD_WINDOW_COUNT_MAX 100000000u
/** What smtpd_window_write() makes. */
#define SMTPD_WINDOW_OCTETS 17

/** All zero: no events. */
typedef struct smtpd_window_t {
    apr_uint64_t bucket;          /**< number of the bucket at hand */
    apr_uint32_t before;          /**< events of the bucket before it */
    apr_uint32_t now;             /**< events of the bucket at hand */
} smtpd_window_t;

/** Events within the @a interval that ends at @a now. */
apr_uint32_t smtpd_window_count(const smtpd_window_t *window, apr_time_t now,
                                apr_interval_time_t interval);

/** Counts @a amount more events; less than 0: takes so many back, those of
 *  the bucket at hand first, but never what is not there. */
void smtpd_window_add(smtpd_window_t *window, apr_time_t now,
                      apr_interval_time_t interval, int amount);

/** When nothing of @a window will count any more. */
apr_time_t smtpd_window_expiry(const smtpd_window_t *window,
                               apr_interval_time_t interval);

/** As octets, the same on every machine. */
void smtpd_window_write(unsigned char octets[SMTPD_WINDOW_OCTETS],
                        const smtpd_window_t *window);

/** From octets that may be anything.
 *  @return 1, or 0 and no events: they are not of smtpd_window_write() */
int smtpd_window_parse(smtpd_window_t *window, const unsigned char *octets,
                       apr_size_t len);

#endif
