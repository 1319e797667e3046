/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The thread may hang in a call when the process ends, and is left there: what
 * it shares with others is static, so that no pool takes it away, and hence
 * pthread's.
 */
#include "smtpd_errand.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_thread_proc.h>
#include <apr_time.h>

/* How long somebody waits: a cache that is well answers in a thousandth. */
#define PATIENCE apr_time_from_msec(250)

typedef struct errand_t errand_t;
struct errand_t {
    errand_t *next;
    void (*run)(void *baton, apr_pool_t *p);
    int is_done;
    int is_abandoned;             /* nobody waits: the thread frees it */
    apr_size_t size;
    char baton[SMTPD_ERRAND_MAX_OCTETS];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
/* The mutex guards these. */
static errand_t *first, *last;
static apr_time_t began;          /* of the call that is being made; 0: none */

/* With the mutex. */
static errand_t *take(void)
{
    errand_t *errand;

    while (!first) {
        pthread_cond_wait(&wanted, &mutex);
    }
    errand = first;
    first = errand->next;
    if (!first) {
        last = NULL;
    }
    return errand;
}

static void *APR_THREAD_FUNC run_errands(apr_thread_t *thread, void *data)
{
    apr_pool_t *p = data;

    pthread_mutex_lock(&mutex);
    for (;;) {
        errand_t *errand = take();

        began = apr_time_now();
        pthread_mutex_unlock(&mutex);
        errand->run(errand->baton, p);
        apr_pool_clear(p);
        pthread_mutex_lock(&mutex);
        began = 0;
        errand->is_done = 1;
        if (errand->is_abandoned) {
            free(errand);
        }
        pthread_cond_broadcast(&done);
    }
    return NULL;
}

apr_status_t smtpd_errand_child_init(apr_pool_t *pchild)
{
    apr_threadattr_t *attr;
    apr_thread_t *thread;
    apr_pool_t *p;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&p, NULL, NULL);

    if (rv == APR_SUCCESS) {
        apr_pool_tag(p, "smtpd_errand");
        rv = apr_threadattr_create(&attr, pchild);
    }
    if (rv == APR_SUCCESS) {
        apr_threadattr_detach_set(attr, 1);
        rv = apr_thread_create(&thread, attr, run_errands, p, p);
    }
    return rv;
}

static struct timespec deadline_of(apr_time_t time)
{
    struct timespec at;

    at.tv_sec = apr_time_sec(time);
    at.tv_nsec = apr_time_usec(time) * 1000;
    return at;
}

/* With the mutex. */
static void append(errand_t *errand)
{
    if (last) {
        last->next = errand;
    }
    else {
        first = errand;
    }
    last = errand;
    pthread_cond_signal(&wanted);
}

/* With the mutex. @return 1 when the errand was run */
static int await(errand_t *errand)
{
    struct timespec deadline = deadline_of(apr_time_now() + PATIENCE);
    int rv = 0;

    while (!errand->is_done && rv != ETIMEDOUT) {
        rv = pthread_cond_timedwait(&done, &mutex, &deadline);
    }
    return errand->is_done;
}

apr_status_t smtpd_errand_run(void (*run)(void *baton, apr_pool_t *p),
                              void *baton, apr_size_t size)
{
    errand_t *errand;

    pthread_mutex_lock(&mutex);
    /* It hangs: nobody need wait to find that out. */
    if (began && apr_time_now() - began > PATIENCE) {
        pthread_mutex_unlock(&mutex);
        return APR_TIMEUP;
    }
    errand = calloc(1, sizeof(*errand));
    errand->run = run;
    errand->size = size;
    memcpy(errand->baton, baton, size);
    append(errand);
    if (!await(errand)) {
        errand->is_abandoned = 1;
        pthread_mutex_unlock(&mutex);
        return APR_TIMEUP;
    }
    pthread_mutex_unlock(&mutex);
    memcpy(baton, errand->baton, size);
    free(errand);
    return APR_SUCCESS;
}
