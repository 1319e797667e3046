/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_limits.h"

static void set_default(unsigned int *value, unsigned int if_unset)
{
    if (!*value) {
        *value = if_unset;
    }
}

static void set_default_interval(apr_interval_time_t *value,
                                 apr_interval_time_t if_unset)
{
    if (*value <= 0) {
        *value = if_unset;
    }
}

void queue_limits_complete(queue_limits_t *limits)
{
    set_default(&limits->connections, 20);
    set_default(&limits->connections_first, 5);
    set_default(&limits->failures, 3);
    set_default_interval(&limits->backoff_first, apr_time_from_sec(60));
    set_default_interval(&limits->backoff_last, apr_time_from_sec(3600));
    if (limits->connections_first > limits->connections) {
        limits->connections_first = limits->connections;
    }
    if (limits->backoff_first > limits->backoff_last) {
        limits->backoff_first = limits->backoff_last;
    }
    if (!limits->rate_messages || limits->rate_interval <= 0) {
        limits->rate_messages = 0;
        limits->rate_interval = 0;
    }
}
