/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Waiting for an answer. Of the threads that wait one polls for all of them;
 * the others wait for it. Who has polled wakes everybody, and somebody whose
 * answer has not come takes its place.
 */
#include "smtp_dns.h"

#include <poll.h>

#include "smtp_dns_context.h"

/** Polls, and lets answers in. The mutex is held before and after. */
static void poll_for_all(smtp_dns_t *dns, apr_interval_time_t remaining)
{
    struct pollfd fd = { smtp_dns_fd(dns), POLLIN, 0 };

    dns->is_polled = 1;
    apr_thread_mutex_unlock(dns->mutex);
    /* Rounded up: not in a circle through the last millisecond. */
    poll(&fd, 1, (int)apr_time_as_msec(remaining) + 1);
    apr_thread_mutex_lock(dns->mutex);
    dns->is_polled = 0;
    smtp_dns_collect(dns);
    apr_thread_cond_broadcast(dns->turn);
}

static void wait_for_answer(smtp_dns_query_t *query)
{
    smtp_dns_t *dns = query->dns;

    while (query->open > 0) {
        apr_interval_time_t remaining = query->deadline - apr_time_now();

        if (remaining <= 0) {
            return;
        }
        if (dns->is_polled) {
            apr_thread_cond_timedwait(dns->turn, dns->mutex, remaining);
        }
        else {
            poll_for_all(dns, remaining);
        }
    }
}

const smtp_dns_answer_t *smtp_dns_resolve(smtp_dns_t *dns, apr_pool_t *p,
                                          smtp_dns_question_e question,
                                          const char *name)
{
    static const struct ub_result *const nothing[1] = { NULL };
    const smtp_dns_answer_t *answer = NULL;
    smtp_dns_query_t *query;
    apr_status_t rv;

    apr_thread_mutex_lock(dns->mutex);
    rv = smtp_dns_query_begin(dns, p, question, name, apr_time_now(),
                              &query);
    if (rv == APR_SUCCESS) {
        wait_for_answer(query);
        answer = smtp_dns_query_end(query);
    }
    apr_thread_mutex_unlock(dns->mutex);
    if (answer != NULL) {
        return answer;
    }
    return smtp_dns_answer_create(p, nothing, 1, rv == APR_EINVAL
                                  ? "this is no name of DNS"
                                  : "libunbound cannot be asked");
}
