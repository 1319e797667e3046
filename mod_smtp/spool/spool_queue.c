/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_queue.h"

#include <apr_atomic.h>

apr_status_t spool_queue_hand_over(const spool_queue_t *queue,
                                   const char *dir, store_segment_t *segment,
                                   apr_uint64_t place)
{
    apr_status_t rv = store_segment_queue_mark(segment, place,
                                               STORE_QUEUE_MARK_SEND);

    if (rv == APR_SUCCESS && queue && queue->wake) {
        queue->wake(dir, segment, place);
    }
    return rv;
}

apr_status_t spool_queue_offer(const spool_queue_t *queue, const char *dir,
                               store_segment_t *segment, apr_uint64_t place,
                               int *is_new)
{
    unsigned char mark;
    apr_status_t rv = store_segment_queue_mark_get(segment, place, &mark);
    int is_offered = mark != STORE_QUEUE_MARK_NONE;

    if (rv == APR_SUCCESS && !is_offered) {
        rv = spool_queue_hand_over(queue, dir, segment, place);
    }
    if (is_new) {
        *is_new = rv == APR_SUCCESS && !is_offered;
    }
    return rv;
}

void spool_queue_miss(const spool_queue_t *queue, const char *dir,
                      const store_log_t *log)
{
    if (queue && queue->wake) {
        return;
    }
    if (queue && queue->is_missed && apr_atomic_xchg32(queue->is_missed, 1)) {
        return;
    }
    store_log(log, STORE_LOG_WARNING, APR_SUCCESS, STORE_LOGNO(2070)
              "mail in journal %s waits to be sent on, and nobody sends it: "
              "load mod_smtp_queue", dir);
}
