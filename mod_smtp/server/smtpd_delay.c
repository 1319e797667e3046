/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A seat is the second until which it is taken, so that one whose child was
 * killed becomes free by itself.
 */
#include "smtpd_delay.h"

#include <poll.h>

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_shm.h>
#include <http_core.h>

#include "smtpd_waiting.h"

/* Threads to a seat. */
#define SHARE 8
/* How soon a graceful stop is noticed. */
#define SLICE apr_time_from_msec(250)
/* A seat is free again at the latest so long after its delay was over. */
#define GRACE_SEC 2

static struct {
    volatile apr_uint32_t *seats;
    apr_uint32_t count;
    int is_shared;                /* among children */
} delay;

static apr_uint32_t seats_for(int threads)
{
    return threads > SHARE ? (apr_uint32_t)(threads / SHARE) : 1;
}

apr_status_t smtpd_delay_init(apr_pool_t *pconf)
{
    int threaded = 0, children = 1;
    apr_shm_t *shm;
    apr_status_t rv;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    delay.is_shared = threaded == AP_MPMQ_NOT_SUPPORTED;
    if (!delay.is_shared) {
        return APR_SUCCESS;
    }
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    delay.count = seats_for(children);
    rv = apr_shm_create(&shm, delay.count * sizeof(delay.seats[0]), NULL,
                        pconf);
    if (rv == APR_SUCCESS) {
        apr_uint32_t i;

        delay.seats = apr_shm_baseaddr_get(shm);
        for (i = 0; i < delay.count; i++) {
            delay.seats[i] = 0;
        }
    }
    return rv;
}

void smtpd_delay_child_init(apr_pool_t *pchild)
{
    int threads = 1;

    if (!delay.is_shared) {
        ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
        delay.count = seats_for(threads);
        delay.seats = apr_pcalloc(pchild,
                                  delay.count * sizeof(delay.seats[0]));
    }
}

static volatile apr_uint32_t *take_seat(apr_uint32_t now, apr_uint32_t until)
{
    apr_uint32_t i;

    for (i = 0; i < delay.count; i++) {
        volatile apr_uint32_t *seat = &delay.seats[i];
        apr_uint32_t taken = apr_atomic_read32(seat);

        if (taken < now && apr_atomic_cas32(seat, until, taken) == taken) {
            return seat;
        }
    }
    return NULL;
}

/* @return 1 when the client went away */
static int wait_for_client(smtpd_session_t *ss, apr_interval_time_t time)
{
    struct pollfd pfd = { -1, POLLRDHUP, 0 };
    int msec = (int)apr_time_as_msec(time) + 1;

    apr_os_sock_get(&pfd.fd, ap_get_conn_socket(ss->pub.c));
    return poll(&pfd, 1, msec) > 0;
}

static void sit(smtpd_session_t *ss, apr_interval_time_t time)
{
    apr_time_t end = apr_time_now() + time;
    apr_interval_time_t left;

    while ((left = end - apr_time_now()) > 0 && !smtpd_waiting_is_stopping()
           && !wait_for_client(ss, left < SLICE ? left : SLICE)) {
        continue;
    }
}

int smtpd_delay(smtpd_session_t *ss, apr_interval_time_t time)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    apr_uint32_t until = now + (apr_uint32_t)apr_time_sec(time) + GRACE_SEC;
    volatile apr_uint32_t *seat;

    if (time <= 0) {
        return 1;
    }
    if ((seat = take_seat(now, until)) == NULL) {
        return 0;
    }
    sit(ss, time);
    /* Unless somebody else has it by now. */
    apr_atomic_cas32(seat, 0, until);
    return 1;
}
