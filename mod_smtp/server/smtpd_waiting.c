/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_waiting.h"

#include <ap_mpm.h>
#include <apr_thread_cond.h>
#include <apr_thread_proc.h>
#include <http_connection.h>
#include <http_core.h>

#include "smtpd_connection.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

APR_RING_HEAD(smtpd_waiting_ring_t, smtpd_session_t);

/* One list a child. mutex guards the ring, the waiting fields of its
 * sessions, and thereby that their sockets are open. */
static struct {
    struct smtpd_waiting_ring_t ring;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *cond;      /* signalled when the sweeper is to end */
    apr_thread_t *sweeper;
    unsigned int count;
    int nudges;                   /* still to come since a session left */
    int is_stopping;              /* the child takes no more commands */
    int is_ended;                 /* the sweeper is to end */
} waiting;

/* How late a deadline may be noticed. */
#define SWEEP_INTERVAL apr_time_from_sec(1)

/* Wakes the session: its read side is at its end, so the MPM hands it to a
 * worker, which then sees why. One that waits for a slow reader is past
 * talking to: both sides. */
static void wake(smtpd_session_t *ss)
{
    apr_socket_shutdown(ap_get_conn_socket(ss->pub.c),
                        ss->is_blocked ? APR_SHUTDOWN_READWRITE
                                       : APR_SHUTDOWN_READ);
}

static void sweep(apr_time_t now)
{
    smtpd_session_t *ss;

    APR_RING_FOREACH(ss, &waiting.ring, smtpd_session_t, waiting) {
        if (!ss->is_expired && ss->deadline < now) {
            ss->is_expired = 1;
            wake(ss);
        }
    }
}

static void nudged(void *baton)
{
}

/* event turns its listening sockets off while all threads are busy, and looks
 * again when its listener next wakes. If the last sessions end while the rest
 * is busy nobody wakes it, and it sleeps to the end of its longest TimeOut,
 * which for SMTP is minutes. A timer, due at once, wakes it. */
static void nudge_listener(void)
{
    if (waiting.nudges > 0 && !waiting.is_stopping) {
        waiting.nudges--;
        ap_mpm_register_timed_callback(0, nudged, NULL);
    }
}

/* So often, a sweep apart: at the first all threads may still be busy. */
#define NUDGES 3

static void *APR_THREAD_FUNC run_sweeper(apr_thread_t *thread, void *data)
{
    apr_thread_mutex_lock(waiting.mutex);
    /* A child that is stopping too: who is amid mail data goes on, and keeps
     * its deadlines. */
    while (!waiting.is_ended) {
        sweep(apr_time_now());
        nudge_listener();
        apr_thread_cond_timedwait(waiting.cond, waiting.mutex,
                                  SWEEP_INTERVAL);
    }
    apr_thread_mutex_unlock(waiting.mutex);
    return NULL;
}

/* The child's pool goes: by now no worker is left. */
static apr_status_t end_sweeper(void *data)
{
    apr_status_t rv;

    apr_thread_mutex_lock(waiting.mutex);
    waiting.is_ended = 1;
    APR_RING_INIT(&waiting.ring, smtpd_session_t, waiting);
    apr_thread_cond_signal(waiting.cond);
    apr_thread_mutex_unlock(waiting.mutex);
    apr_thread_join(&rv, waiting.sweeper);
    return APR_SUCCESS;
}

void smtpd_waiting_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    APR_RING_INIT(&waiting.ring, smtpd_session_t, waiting);
    waiting.is_stopping = waiting.is_ended = 0;
    if (!smtpd_connection_is_async()) {
        return;
    }
    if ((rv = apr_thread_mutex_create(&waiting.mutex,
                                      APR_THREAD_MUTEX_DEFAULT, pchild))
        || (rv = apr_thread_cond_create(&waiting.cond, pchild))
        || (rv = apr_thread_create(&waiting.sweeper, NULL, run_sweeper, NULL,
                                   pchild))) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, SMTPD_LOGNO(1008)
                     "no thread to watch over SMTPTimeout");
        ap_assert(0);
    }
    apr_pool_pre_cleanup_register(pchild, NULL, end_sweeper);
}

void smtpd_waiting_stop(void)
{
    smtpd_session_t *ss;

    if (!waiting.mutex) {
        return;
    }
    apr_thread_mutex_lock(waiting.mutex);
    waiting.is_stopping = 1;
    APR_RING_FOREACH(ss, &waiting.ring, smtpd_session_t, waiting) {
        if (!smtpd_session_is_in_data(ss)) {
            wake(ss);
        }
    }
    apr_thread_mutex_unlock(waiting.mutex);
}

int smtpd_waiting_is_stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS
           && state == AP_MPMQ_STOPPING;
}

void smtpd_waiting_enter(smtpd_session_t *ss)
{
    apr_thread_mutex_lock(waiting.mutex);
    ss->is_waiting = 1;
    APR_RING_INSERT_TAIL(&waiting.ring, ss, smtpd_session_t, waiting);
    waiting.count++;
    /* A stop that came since the caller looked. */
    if (waiting.is_stopping && !smtpd_session_is_in_data(ss)) {
        wake(ss);
    }
    apr_thread_mutex_unlock(waiting.mutex);
}

void smtpd_waiting_leave(smtpd_session_t *ss)
{
    if (!ss->is_async) {
        return;
    }
    apr_thread_mutex_lock(waiting.mutex);
    waiting.nudges = NUDGES;
    if (ss->is_waiting) {
        APR_RING_REMOVE(ss, waiting);
        waiting.count--;
        ss->is_waiting = 0;
    }
    apr_thread_mutex_unlock(waiting.mutex);
}

unsigned int smtpd_waiting_count(void)
{
    unsigned int count = 0;

    if (waiting.mutex) {
        apr_thread_mutex_lock(waiting.mutex);
        count = waiting.count;
        apr_thread_mutex_unlock(waiting.mutex);
    }
    return count;
}

void smtpd_waiting_each(void (*visit)(void *ctx, const smtpd_session_t *ss),
                        void *ctx, unsigned int max)
{
    smtpd_session_t *ss;

    if (!waiting.mutex) {
        return;
    }
    apr_thread_mutex_lock(waiting.mutex);
    APR_RING_FOREACH(ss, &waiting.ring, smtpd_session_t, waiting) {
        if (!max--) {
            break;
        }
        visit(ctx, ss);
    }
    apr_thread_mutex_unlock(waiting.mutex);
}
