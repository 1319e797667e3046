/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The thread may hang in a call when the process ends, and is left there: what
 * it shares with others is static, so that no pool takes it away, and hence
 * pthread's. One that has hung for long is given up, and another takes its
 * place: the machine may be back.
 */
#include "smtpd_errand.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_time.h>

/* How long somebody waits: a cache that is well answers in a thousandth. */
#define PATIENCE apr_time_from_msec(250)
/* When a thread is given up, and how many may be. */
#define GIVEN_UP_AFTER apr_time_from_sec(30)
#define GIVEN_UP_MAX 3

typedef struct errand_t errand_t;
struct errand_t {
    errand_t *next;
    void (*run)(void *baton, apr_pool_t *p);
    int is_done;
    int is_abandoned;             /* nobody waits: the thread frees it */
    char baton[SMTPD_ERRAND_MAX_OCTETS];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
/* The mutex guards these. */
static errand_t *first, *last;
static pthread_t runner;          /* who makes the calls */
static apr_time_t began;          /* of the call that it makes; 0: none */
static int given_up;

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

/* With the mutex, which is free during the call. @return 0 when the thread was
 * given up meanwhile */
static int run_one(errand_t *errand, apr_pool_t *p)
{
    int is_runner;

    began = apr_time_now();
    pthread_mutex_unlock(&mutex);
    errand->run(errand->baton, p);
    apr_pool_clear(p);
    pthread_mutex_lock(&mutex);
    is_runner = pthread_equal(runner, pthread_self());
    if (is_runner) {
        began = 0;
    }
    errand->is_done = 1;
    if (errand->is_abandoned) {
        free(errand);
    }
    pthread_cond_broadcast(&done);
    return is_runner;
}

static void *run_errands(void *data)
{
    sigset_t all;
    apr_pool_t *p = data;

    /* prefork's children destroy their pools in the handler. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_mutex_lock(&mutex);
    while (run_one(take(), p)) {
        continue;
    }
    given_up--;
    pthread_mutex_unlock(&mutex);
    apr_pool_destroy(p);
    return NULL;
}

/* With the mutex, or before there is another thread. */
static apr_status_t start(void)
{
    apr_pool_t *p;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&p, NULL, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_tag(p, "smtpd_errand");
    rv = pthread_create(&runner, NULL, run_errands, p);
    if (rv == APR_SUCCESS) {
        pthread_detach(runner);
    }
    else {
        apr_pool_destroy(p);
    }
    return rv;
}

apr_status_t smtpd_errand_child_init(void)
{
    return start();
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

/* With the mutex. Whether somebody is there who will make a call soon. */
static int is_ready(void)
{
    apr_interval_time_t age = began ? apr_time_now() - began : 0;

    if (age > GIVEN_UP_AFTER && given_up < GIVEN_UP_MAX
        && start() == APR_SUCCESS) {
        given_up++;
        began = age = 0;
    }
    return age <= PATIENCE;
}

apr_status_t smtpd_errand_run(void (*run)(void *baton, apr_pool_t *p),
                              void *baton, apr_size_t size)
{
    errand_t *errand = calloc(1, sizeof(*errand));

    if (!errand) {
        return APR_ENOMEM;
    }
    errand->run = run;
    memcpy(errand->baton, baton, size);
    pthread_mutex_lock(&mutex);
    /* It hangs: nobody need wait to find that out. */
    if (!is_ready()) {
        pthread_mutex_unlock(&mutex);
        free(errand);
        return APR_TIMEUP;
    }
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
