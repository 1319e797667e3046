/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <ap_mpm.h>
#include <http_core.h>
#include <http_log.h>

#include "queue_log.h"
#include "queue_process_main.h"

APLOG_USE_MODULE(smtp_queue);

#define KEY "mod_smtp_queue.process"
/* Processes of former configurations that have not ended yet. */
#define FORMER_MAX 16
/* Between two looks whether it has ended. */
#define LOOK apr_time_from_msec(10)

/* What outlives the configuration and this DSO's place in memory: httpd knows
 * each process by the address of its apr_proc_t, and complains of one that it
 * does not know. */
typedef struct retained_t {
    apr_proc_t current;          /* pid 0: none */
    apr_proc_t former[FORMER_MAX];
} retained_t;

/* Of this configuration. */
static struct {
    queue_process_t process;
    apr_pool_t *pconf;
    retained_t *retained;
    apr_time_t began;            /* when the process was forked */
} own;

static retained_t *retained_get(void)
{
    retained_t *retained = ap_retained_data_get(KEY);

    return retained ? retained
                    : ap_retained_data_create(KEY, sizeof(*retained));
}

static int is_stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) != APR_SUCCESS
        || state == AP_MPMQ_STOPPING;
}

/* It is ours: httpd has not heard of its death, or we had. */
static void terminate(const apr_proc_t *proc)
{
    if (proc->pid > 0) {
        kill(proc->pid, SIGTERM);
    }
}

/* ---- Its birth ---- */

static void begin(void);

static apr_interval_time_t pause_after(apr_interval_time_t before,
                                       apr_interval_time_t lived)
{
    if (lived >= before + QUEUE_PROCESS_SHORT_LIFE) {
        return 0;
    }
    if (!before) {
        return QUEUE_PROCESS_PAUSE;
    }
    return before < QUEUE_PROCESS_PAUSE_MAX / 2 ? 2 * before
                                                : QUEUE_PROCESS_PAUSE_MAX;
}

/* Of the process of this configuration. It may die by itself: nothing else
 * makes another. */
static void on_death(pid_t pid)
{
    if (is_stopping()) {
        return;
    }
    own.process.pause = pause_after(own.process.pause,
                                    apr_time_now() - own.began);
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, own.process.s, QUEUE_LOGNO(4003)
                 "queue process %ld died: another one begins in %ld s",
                 (long)pid, (long)apr_time_sec(own.process.pause));
    begin();
}

/* In the parent; and in its children when they end, who have no part in it:
 * APR_OC_REASON_UNREGISTER does nothing here. */
static void on_news(int reason, void *data, int status)
{
    apr_proc_t *proc = data;
    pid_t pid = proc->pid;

    if (reason == APR_OC_REASON_RESTART) {
        /* httpd's children are told to stop, for good or for a restart. */
        terminate(proc);
    }
    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return;
    }
    apr_proc_other_child_unregister(proc);
    proc->pid = 0;
    if (proc == &own.retained->current) {
        on_death(pid);
    }
}

static void watch_over(apr_proc_t *proc)
{
    apr_proc_other_child_register(proc, on_news, proc, NULL, own.pconf);
}

static void run(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, own.pconf);
    apr_pool_tag(p, "smtp_queue");
    exit(queue_process_run(p, &own.process));
}

/* Signals wait until the child has its own handlers: the parent's would take
 * them for news of httpd. */
static void begin(void)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    own.process.parent = getpid();
    pid = fork();
    if (pid == 0) {
        run();
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, own.process.s,
                     QUEUE_LOGNO(4004) "the queue process cannot be made: no "
                     "mail is sent on until httpd is restarted");
        return;
    }
    own.began = apr_time_now();
    own.retained->current.pid = pid;
    watch_over(&own.retained->current);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, own.process.s, QUEUE_LOGNO(4005)
                 "queue process %ld begins", (long)pid);
}

/* ---- Its end ---- */

/* To be stopped (SIGSTOP), of which APR tells by an error, is not to have
 * ended. */
static int has_ended(apr_proc_t *proc)
{
    apr_status_t rv = apr_proc_wait(proc, NULL, NULL, APR_NOWAIT);

    return rv == APR_CHILD_DONE || rv == ECHILD;
}

/* @return whether it has ended */
static int wait_for(apr_proc_t *proc, apr_time_t deadline)
{
    while (!has_ended(proc)) {
        if (apr_time_now() >= deadline) {
            return 0;
        }
        apr_sleep(LOOK);
    }
    return 1;
}

static void end(apr_proc_t *proc, apr_time_t deadline)
{
    if (proc->pid <= 0) {
        return;
    }
    if (!wait_for(proc, deadline)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, own.process.s,
                     QUEUE_LOGNO(4006) "queue process %ld did not end in "
                     "time: killed", (long)proc->pid);
        kill(proc->pid, SIGKILL);
        apr_proc_wait(proc, NULL, NULL, APR_WAIT);
    }
    proc->pid = 0;
}

/* httpd ends: nobody would be there later. */
static void end_all(void)
{
    apr_time_t deadline = apr_time_now() + own.process.conf->stop
                        + QUEUE_PROCESS_STOP_EXTRA;
    int i;

    end(&own.retained->current, deadline);
    for (i = 0; i < FORMER_MAX; i++) {
        end(&own.retained->former[i], deadline);
    }
}

/* It stops beside what comes now. */
static void make_former(void)
{
    int i = 0;

    while (i < FORMER_MAX - 1 && own.retained->former[i].pid > 0) {
        i++;
    }
    own.retained->former[i] = own.retained->current;
    own.retained->current.pid = 0;
}

/* The configuration goes, in the parent. The same pool is destroyed in each
 * child at its end. */
static apr_status_t stop(void *dummy)
{
    apr_proc_t *current = &own.retained->current;

    (void)dummy;
    if (getpid() != own.process.parent) {
        return APR_SUCCESS;
    }
    terminate(current);
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        end_all();
    }
    else if (current->pid > 0) {
        make_former();
    }
    return APR_SUCCESS;
}

/* ---- The configuration ---- */

static void watch_over_former(void)
{
    int i;

    for (i = 0; i < FORMER_MAX; i++) {
        if (own.retained->former[i].pid > 0) {
            watch_over(&own.retained->former[i]);
        }
    }
}

int queue_process_begin(apr_pool_t *pconf, const queue_conf_t *conf,
                        server_rec *s)
{
    memset(&own, 0, sizeof(own));
    own.pconf = pconf;
    own.retained = retained_get();
    own.process.conf = conf;
    own.process.s = s;
    own.process.parent = getpid();
    /* Before what is below it goes: the error log among others. */
    apr_pool_pre_cleanup_register(pconf, NULL, stop);
    watch_over_former();
    if (!conf->is_on || !conf->spool) {
        return OK;
    }
    if (queue_hint_sender_init(&queue_process_hints,
                               apr_pstrcat(pconf, conf->spool, "/queue",
                                           NULL)) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, QUEUE_LOGNO(4007)
                     "SMTPSpool %s: the path is too long for the sockets in "
                     "it: choose one of fewer than 90 characters",
                     conf->spool);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (queue_log_open(pconf, s, conf->log_file, conf->log_format,
                       &own.process.log) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    begin();
    return OK;
}
