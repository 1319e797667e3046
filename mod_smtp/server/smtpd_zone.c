/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_zone.h"

int smtpd_zone_offset(apr_time_t t)
{
    apr_time_exp_t e;

    return apr_time_exp_lt(&e, t) == APR_SUCCESS ? e.tm_gmtoff : 0;
}
