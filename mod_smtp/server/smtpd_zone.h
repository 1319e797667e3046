/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_zone.h
 * The local zone, for dates in header fields.
 */
#ifndef SMTPD_ZONE_H
#define SMTPD_ZONE_H

#include <apr_time.h>

/** Seconds that the local zone is east of Greenwich at @a t. Any thread. */
int smtpd_zone_offset(apr_time_t t);

#endif
