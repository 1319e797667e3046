/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <apr_portable.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <apr_thread_pool.h>

/* What one turn hears of; more than that waits for the next. */
#define READY_MAX 1024
/* A clock that is set, and not merely kept right. */
#define CLOCK_STEP apr_time_from_sec(1)

struct queue_watch_t {
    queue_loop_t *loop;
    apr_pool_t *p;
    apr_pollfd_t pollfd;         /* the pollset has its address, no copy */
    queue_watch_fn *fn;
    void *baton;
    int ready_slot;              /* 1 and up: in loop->ready */
    int is_ended;
};

typedef struct task_t {
    APR_RING_ENTRY(task_t) link;     /* of loop->tasks */
    APR_RING_ENTRY(task_t) done_link;
    queue_loop_t *loop;
    queue_task_run_t *run;
    queue_task_done_t *done;
    void *baton;
} task_t;

APR_RING_HEAD(task_ring_t, task_t);

struct queue_loop_t {
    apr_pollset_t *pollset;
    int is_running;
    queue_watch_t *ready[READY_MAX]; /* of this turn; NULL: ended meanwhile */
    apr_time_t now;
    apr_time_t steady;           /* the same, by a clock that nobody sets */
    queue_heap_t timers;
    apr_pool_t *task_pool;       /* of a locked allocator: threads use it */
    apr_thread_pool_t *threads;
    struct task_ring_t tasks;    /* all */
    unsigned int task_count;
    apr_thread_mutex_t *mutex;   /* of the rest */
    struct task_ring_t done;
};

/* ---- Time ---- */

static apr_time_t steady_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* All by the same: it stays a heap. */
static void shift(queue_heap_t *timers, apr_interval_time_t step)
{
    apr_size_t i;

    for (i = 0; i < timers->count; i++) {
        timers->nodes[i]->when += step;
    }
}

static void tick(queue_loop_t *loop)
{
    apr_time_t now = apr_time_now(), steady = steady_now();
    apr_interval_time_t step = (now - loop->now) - (steady - loop->steady);

    loop->now = now;
    loop->steady = steady;
    if (step >= CLOCK_STEP || step <= -CLOCK_STEP) {
        shift(&loop->timers, step);
    }
}

/* The pollset counts in milliseconds, and would turn round and round in the
 * last of them. */
static apr_interval_time_t wait_time(const queue_loop_t *loop)
{
    const queue_heap_node_t *first = queue_heap_first(&loop->timers);
    apr_interval_time_t wait;

    if (!first) {
        return -1;
    }
    wait = first->when - loop->now;
    return wait > 0 ? (wait + 999) / 1000 * 1000 : 0;
}

/* At most as many as there are: a timer that is set anew for now does not
 * keep the rest waiting. */
static void run_timers(queue_loop_t *loop)
{
    apr_size_t left = loop->timers.count;

    while (left-- && loop->is_running) {
        queue_heap_node_t *first = queue_heap_first(&loop->timers);
        queue_timer_t *timer = (queue_timer_t *)first;

        if (!first || first->when > loop->now) {
            break;
        }
        queue_heap_remove(&loop->timers, first);
        timer->fn(timer->baton);
    }
}

void queue_timer_init(queue_timer_t *timer, queue_loop_t *loop,
                      void (*fn)(void *baton), void *baton)
{
    *timer = (queue_timer_t){ { 0, 0 }, loop, fn, baton };
}

void queue_timer_set(queue_timer_t *timer, apr_time_t when)
{
    queue_heap_set(&timer->loop->timers, &timer->node, when);
}

void queue_timer_clear(queue_timer_t *timer)
{
    queue_heap_remove(&timer->loop->timers, &timer->node);
}

/* ---- File descriptors ---- */

static apr_status_t watch_cleanup(void *data)
{
    queue_watch_end(data);
    return APR_SUCCESS;
}

apr_status_t queue_watch_begin(queue_loop_t *loop, apr_pool_t *p, int fd,
                               int events, queue_watch_fn *fn, void *baton,
                               queue_watch_t **out)
{
    queue_watch_t *watch = apr_pcalloc(p, sizeof(*watch));
    apr_os_file_t os_fd = fd;
    apr_status_t rv;

    *out = NULL;
    watch->loop = loop;
    watch->p = p;
    watch->fn = fn;
    watch->baton = baton;
    watch->pollfd.p = p;
    watch->pollfd.desc_type = APR_POLL_FILE;
    watch->pollfd.reqevents = (apr_int16_t)events;
    watch->pollfd.client_data = watch;
    rv = apr_os_file_put(&watch->pollfd.desc.f, &os_fd, 0, p);
    if (rv == APR_SUCCESS) {
        rv = apr_pollset_add(loop->pollset, &watch->pollfd);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(p, watch, watch_cleanup,
                                  apr_pool_cleanup_null);
        *out = watch;
    }
    return rv;
}

apr_status_t queue_watch_change(queue_watch_t *watch, int events)
{
    apr_pollset_t *pollset = watch->loop->pollset;
    apr_status_t rv;

    if (watch->pollfd.reqevents == events) {
        return APR_SUCCESS;
    }
    rv = apr_pollset_remove(pollset, &watch->pollfd);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    watch->pollfd.reqevents = (apr_int16_t)events;
    return apr_pollset_add(pollset, &watch->pollfd);
}

void queue_watch_end(queue_watch_t *watch)
{
    if (!watch || watch->is_ended) {
        return;
    }
    watch->is_ended = 1;
    apr_pool_cleanup_kill(watch->p, watch, watch_cleanup);
    apr_pollset_remove(watch->loop->pollset, &watch->pollfd);
    if (watch->ready_slot) {
        watch->loop->ready[watch->ready_slot - 1] = NULL;
    }
}

/* One that an earlier call-back has ended is not called any more, and not
 * looked at: its memory may be gone. */
static void run_watches(queue_loop_t *loop, const apr_pollfd_t *found,
                        int count)
{
    int i;

    for (i = 0; i < count; i++) {
        loop->ready[i] = found[i].client_data;
        loop->ready[i]->ready_slot = i + 1;
    }
    for (i = 0; i < count; i++) {
        queue_watch_t *watch = loop->ready[i];

        if (watch) {
            watch->ready_slot = 0;
            if (loop->is_running) {
                watch->fn(watch->baton, found[i].rtnevents);
            }
        }
    }
}

/* ---- Tasks ---- */

static void *APR_THREAD_FUNC task_run(apr_thread_t *thread, void *data)
{
    task_t *task = data;
    queue_loop_t *loop = task->loop;

    (void)thread;
    task->run(task->baton);
    apr_thread_mutex_lock(loop->mutex);
    APR_RING_INSERT_TAIL(&loop->done, task, task_t, done_link);
    apr_thread_mutex_unlock(loop->mutex);
    apr_pollset_wakeup(loop->pollset);
    return NULL;
}

static void task_free(task_t *task)
{
    APR_RING_REMOVE(task, link);
    task->loop->task_count--;
    free(task);
}

static task_t *task_pop(queue_loop_t *loop)
{
    task_t *task = NULL;

    apr_thread_mutex_lock(loop->mutex);
    if (!APR_RING_EMPTY(&loop->done, task_t, done_link)) {
        task = APR_RING_FIRST(&loop->done);
        APR_RING_REMOVE(task, done_link);
    }
    apr_thread_mutex_unlock(loop->mutex);
    return task;
}

static void run_done(queue_loop_t *loop)
{
    task_t *task;

    while (loop->is_running && (task = task_pop(loop)) != NULL) {
        queue_task_done_t *done = task->done;
        void *baton = task->baton;

        task_free(task);
        if (done) {
            done(baton);
        }
    }
}

apr_status_t queue_loop_task(queue_loop_t *loop, queue_task_run_t *run,
                             queue_task_done_t *done, void *baton)
{
    task_t *task = malloc(sizeof(*task));
    apr_status_t rv;

    if (!task) {
        return APR_ENOMEM;
    }
    task->loop = loop;
    task->run = run;
    task->done = done;
    task->baton = baton;
    APR_RING_INSERT_TAIL(&loop->tasks, task, task_t, link);
    loop->task_count++;
    rv = apr_thread_pool_push(loop->threads, task_run, task,
                              APR_THREAD_TASK_PRIORITY_NORMAL, loop);
    if (rv != APR_SUCCESS) {
        task_free(task);
    }
    return rv;
}

unsigned int queue_loop_tasks(const queue_loop_t *loop)
{
    return loop->task_count;
}

/* A pool's threads make and destroy pools below it, whatever the loop does
 * meanwhile in pools beside it: its allocator is its own, and locked. */
static apr_status_t task_pool_create(apr_pool_t *p, apr_pool_t **pool)
{
    apr_allocator_t *allocator;
    apr_thread_mutex_t *mutex;
    apr_status_t rv = apr_allocator_create(&allocator);

    if (rv == APR_SUCCESS) {
        rv = apr_pool_create_ex(pool, p, NULL, allocator);
        if (rv != APR_SUCCESS) {
            apr_allocator_destroy(allocator);
        }
    }
    if (rv == APR_SUCCESS) {
        apr_allocator_owner_set(allocator, *pool);
        rv = apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, *pool);
    }
    if (rv == APR_SUCCESS) {
        apr_allocator_mutex_set(allocator, mutex);
    }
    return rv;
}

/* All at once, so that no task waits for another while there is a thread to
 * be made. Signals are for the loop's. */
static apr_status_t threads_create(queue_loop_t *loop, apr_pool_t *p,
                                   int count)
{
    sigset_t all, before;
    apr_status_t rv = task_pool_create(p, &loop->task_pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_pool_create(&loop->threads, (apr_size_t)count,
                                (apr_size_t)count, loop->task_pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

/* Before pools below go: the threads' are among them. */
static apr_status_t threads_cleanup(void *data)
{
    queue_loop_t *loop = data;

    if (loop->threads) {
        apr_thread_pool_destroy(loop->threads);
    }
    return APR_SUCCESS;
}

/* ---- The loop ---- */

static apr_status_t loop_cleanup(void *data)
{
    queue_loop_t *loop = data;

    while (!APR_RING_EMPTY(&loop->tasks, task_t, link)) {
        task_free(APR_RING_FIRST(&loop->tasks));
    }
    queue_heap_destroy(&loop->timers);
    return APR_SUCCESS;
}

apr_status_t queue_loop_create(apr_pool_t *p, int threads,
                               queue_loop_t **out)
{
    queue_loop_t *loop = apr_pcalloc(p, sizeof(*loop));
    apr_status_t rv;

    *out = NULL;
    APR_RING_INIT(&loop->tasks, task_t, link);
    APR_RING_INIT(&loop->done, task_t, done_link);
    loop->now = apr_time_now();
    loop->steady = steady_now();
    apr_pool_cleanup_register(p, loop, loop_cleanup, apr_pool_cleanup_null);
    rv = apr_pollset_create_ex(&loop->pollset, READY_MAX, p,
                               APR_POLLSET_WAKEABLE | APR_POLLSET_NOCOPY
                               | APR_POLLSET_NODEFAULT, APR_POLLSET_EPOLL);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&loop->mutex, APR_THREAD_MUTEX_DEFAULT,
                                     p);
    }
    if (rv == APR_SUCCESS) {
        rv = threads_create(loop, p, threads);
        apr_pool_pre_cleanup_register(p, loop, threads_cleanup);
    }
    if (rv == APR_SUCCESS) {
        *out = loop;
    }
    return rv;
}

static apr_status_t turn(queue_loop_t *loop)
{
    const apr_pollfd_t *found = NULL;
    apr_int32_t count = 0;
    apr_status_t rv = apr_pollset_poll(loop->pollset, wait_time(loop),
                                       &count, &found);

    tick(loop);
    if (rv == APR_SUCCESS) {
        run_watches(loop, found, count);
    }
    else if (!APR_STATUS_IS_EINTR(rv) && !APR_STATUS_IS_TIMEUP(rv)) {
        return rv;
    }
    run_done(loop);
    run_timers(loop);
    return APR_SUCCESS;
}

apr_status_t queue_loop_run(queue_loop_t *loop)
{
    apr_status_t rv = APR_SUCCESS;

    loop->is_running = 1;
    tick(loop);
    while (rv == APR_SUCCESS && loop->is_running) {
        rv = turn(loop);
    }
    loop->is_running = 0;
    return rv;
}

void queue_loop_stop(queue_loop_t *loop)
{
    loop->is_running = 0;
}

apr_time_t queue_loop_now(const queue_loop_t *loop)
{
    return loop->now;
}
