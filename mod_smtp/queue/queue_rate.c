/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_rate.h"

#include "queue_memory.h"

void queue_rate_init(queue_rate_t *rate, unsigned int messages,
                     apr_interval_time_t interval)
{
    rate->messages = messages;
    rate->interval = interval;
    rate->groups = messages < QUEUE_RATE_GROUPS ? messages
                                                : QUEUE_RATE_GROUPS;
    rate->group = rate->taken = 0;
    rate->used = messages ? queue_memory_create(rate->groups,
                                                sizeof(apr_time_t))
                          : NULL;
}

void queue_rate_destroy(queue_rate_t *rate)
{
    free(rate->used);
    rate->used = NULL;
}

/* Tokens of a group: all of them together are rate->messages. */
static unsigned int size_of(const queue_rate_t *rate, unsigned int group)
{
    return rate->messages / rate->groups
        + (group < rate->messages % rate->groups);
}

/* When the tokens of a group are back. A clock that was set back must not
 * stop the mail for as long as it was wrong. */
static apr_time_t back(queue_rate_t *rate, unsigned int group,
                       apr_time_t now)
{
    if (!rate->used[group]) {
        return 0;
    }
    if (rate->used[group] > now) {
        rate->used[group] = now;
    }
    return rate->used[group] + rate->interval;
}

unsigned int queue_rate_room(queue_rate_t *rate, apr_time_t now,
                             unsigned int enough, apr_time_t *more)
{
    unsigned int room, i;

    *more = 0;
    if (!rate->messages) {
        return enough;
    }
    /* A group that has been begun was back then. */
    room = rate->taken ? size_of(rate, rate->group) - rate->taken : 0;
    for (i = rate->taken ? 1 : 0; room < enough && i < rate->groups; i++) {
        unsigned int group = (rate->group + i) % rate->groups;
        apr_time_t when = back(rate, group, now);

        if (when > now) {
            *more = when;
            return room;
        }
        room += size_of(rate, group);
    }
    /* What was taken of the group at hand comes back when the rest is taken
     * too: not by time alone. */
    return room < enough ? room : enough;
}

void queue_rate_take(queue_rate_t *rate, apr_time_t now)
{
    if (!rate->messages) {
        return;
    }
    rate->used[rate->group] = now;
    if (++rate->taken == size_of(rate, rate->group)) {
        rate->taken = 0;
        rate->group = (rate->group + 1) % rate->groups;
    }
}
