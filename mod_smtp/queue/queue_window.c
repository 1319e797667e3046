/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_window.h"

#include <string.h>

void queue_window_init(queue_window_t *window, const queue_limits_t *limits)
{
    memset(window, 0, sizeof(*window));
    window->size = limits->connections_first;
    window->patience = 1;
}

void queue_window_tick(queue_window_t *window, apr_time_t now)
{
    if (window->dead_until && window->dead_until <= now) {
        queue_window_revive(window);
    }
}

unsigned int queue_window_room(const queue_window_t *window)
{
    if (window->dead_until) {
        return 0;
    }
    return window->is_probing ? 1 : window->size;
}

void queue_window_reached(queue_window_t *window,
                          const queue_limits_t *limits)
{
    if (window->is_probing || window->dead_until) {
        queue_window_init(window, limits);
    }
    window->failures = 0;
}

static void grow(queue_window_t *window)
{
    window->size++;
    window->successes = 0;
    if (window->has_grown && window->patience > 1) {
        window->patience /= 2;
    }
    window->has_grown = 1;
}

void queue_window_succeeded(queue_window_t *window,
                            const queue_limits_t *limits, int is_full)
{
    queue_window_reached(window, limits);
    if (is_full && window->size < limits->connections
        && ++window->successes >= window->size * window->patience) {
        grow(window);
    }
}

static void shrink(queue_window_t *window)
{
    if (window->size > 1) {
        window->size--;
    }
    /* Connections that are refused together are one lesson, not many. */
    if ((window->successes || window->has_grown)
        && window->patience < QUEUE_WINDOW_PATIENCE_MAX) {
        window->patience *= 2;
    }
    window->successes = 0;
    window->has_grown = 0;
}

void queue_window_throttled(queue_window_t *window,
                            const queue_limits_t *limits)
{
    queue_window_reached(window, limits);
    shrink(window);
}

static void die(queue_window_t *window, const queue_limits_t *limits,
                apr_time_t now)
{
    apr_interval_time_t backoff = window->backoff;

    if (!backoff) {
        backoff = limits->backoff_first;
    }
    else if (backoff > limits->backoff_last / 2) {
        backoff = limits->backoff_last;
    }
    else {
        backoff *= 2;
    }
    window->backoff = backoff;
    window->dead_until = now + backoff;
    window->is_probing = 0;
}

void queue_window_failed(queue_window_t *window, const queue_limits_t *limits,
                         int is_alone, apr_time_t now)
{
    shrink(window);
    if (!is_alone || window->dead_until) {
        return;
    }
    window->failures++;
    if (window->is_probing || window->failures >= limits->failures) {
        die(window, limits, now);
    }
}

void queue_window_revive(queue_window_t *window)
{
    if (window->dead_until) {
        window->dead_until = 0;
        window->is_probing = 1;
    }
}
