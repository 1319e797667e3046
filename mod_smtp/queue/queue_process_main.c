/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_process_main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <apr_strings.h>

#include <ap_listen.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <mpm_common.h>

#include "queue_control.h"
#include "queue_engine.h"
#include "queue_https.h"
#include "queue_log.h"
#include "queue_loop.h"
#include "queue_network.h"
#include "queue_store.h"
#include "queue_sts.h"
#include "queue_tls_report.h"
#include "store_log.h"

APLOG_USE_MODULE(smtp_queue);

/* What may wait for the disk or the network at once: syncs, reports, policies
 * of domains. */
#define TASK_THREADS 4
/* Between two attempts to get the lock of the queue. */
#define LOCK_AGAIN apr_time_from_msec(100)
/* Beyond SMTPQueueStopTimeout: who has it then hangs. */
#define LOCK_LATE apr_time_from_sec(5)
/* Not EXIT_FAILURE's neighbours, by which httpd's children end httpd. */
#define EXIT_FAULT 1

queue_hint_sender_t queue_process_hints = QUEUE_HINT_SENDER_INIT;

/* ---- Signals ---- */

/* Written to by SIGTERM. */
static int stop_pipe[2] = { -1, -1 };

static void on_sigterm(int signal_number)
{
    int before = errno;
    ssize_t n = write(stop_pipe[1], "", 1);

    (void)signal_number;
    (void)n;                     /* full: it has been said often enough */
    errno = before;
}

/* What httpd is told by a signal is for the parent, who ends us; its process
 * group gets some of them. */
static apr_status_t signals_begin(void)
{
    static const int ignored[] = {
        SIGHUP, SIGINT, SIGPIPE, AP_SIG_GRACEFUL, AP_SIG_GRACEFUL_STOP
    };
    struct sigaction action;
    sigset_t none;
    size_t i;

    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK)) {
        return errno;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_IGN;
    for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        sigaction(ignored[i], &action, NULL);
    }
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
    action.sa_handler = on_sigterm;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return APR_SUCCESS;
}

/* @return whether it was told to stop within that time */
static int is_stopped_within(apr_interval_time_t time)
{
    struct pollfd pollfd = { stop_pipe[0], POLLIN, 0 };
    apr_time_t end = apr_time_now() + time;
    int n;

    do {
        apr_interval_time_t left = end - apr_time_now();

        n = poll(&pollfd, 1, left > 0 ? (int)apr_time_as_msec(left) : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* ---- The process ---- */

/* The same user as httpd's children, by the same way. */
static int be_user(apr_pool_t *p, const queue_process_t *process)
{
    if (ap_run_drop_privileges(p, process->s) != OK) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, process->s, QUEUE_LOGNO(4010)
                     "the queue process cannot become httpd's user");
        return 0;
    }
    return 1;
}

/* After it became a user, which would undo it. A parent that has died before
 * sends no signal. */
static void end_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        on_sigterm(SIGTERM);
    }
}

static int is_needed(const char *module)
{
    static const char *const needed[] = {
        "mod_smtp.c", "mod_smtp_spool.c", "mod_dbd.c", "mod_log_config.c"
    };
    size_t i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!strcmp(module, needed[i])) {
            return 1;
        }
    }
    return 0;
}

/* What mail of our own needs: look-ups, a journal, and CustomLog, whose buffers
 * (BufferedLogs) threads fill, and which are written at the end. The
 * child_init of other modules is for those who serve. */
static void run_child_init(apr_pool_t *p, server_rec *s)
{
    apr_array_header_t *hooks = ap_hook_get_child_init();
    int i;

    for (i = 0; hooks && i < hooks->nelts; i++) {
        ap_LINK_child_init_t *hook =
            &APR_ARRAY_IDX(hooks, i, ap_LINK_child_init_t);

        if (is_needed(hook->szName)) {
            hook->pFunc(p, s);
        }
    }
}

/* ---- Its work ---- */

typedef struct work_t {
    const queue_process_t *process;
    apr_pool_t *p;               /* goes before the loop */
    queue_loop_t *loop;
    queue_store_t *store;
    queue_hint_listener_t *listener;
    queue_watch_t *stop_watch;
    queue_timer_t lock_again;
    apr_time_t began;
    unsigned int is_waiting : 1; /* for the lock, and it was said */
    unsigned int is_late : 1;    /* the same */
    queue_engine_t *engine;      /* NULL: it does not send yet */
    queue_control_t *control;    /* from then on */
    apr_status_t rv;             /* why it stops; APR_SUCCESS: it was told */
} work_t;

static void log_write(void *ctx, store_log_level_e level, apr_status_t rv,
                      const char *line)
{
    ap_log_error(APLOG_MARK, (int)level, rv, ap_server_conf, "%s", line);
}

static const store_log_t log_to_httpd = { log_write, NULL };

static void on_hint(void *baton, const smtp_queue_hint_t *hint)
{
    work_t *work = baton;

    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, work->process->s,
                 QUEUE_LOGNO(4013) "hint: journal %s, segment %"
                 APR_UINT64_T_FMT ", record at %" APR_UINT64_T_FMT,
                 hint->dir, hint->segment, hint->place);
    if (work->engine) {
        queue_engine_hint(work->engine, hint);
    }
}

static void on_lost(void *baton)
{
    work_t *work = baton;

    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, work->process->s,
                 QUEUE_LOGNO(4014) "hints may have been lost");
    if (work->engine) {
        queue_engine_scan(work->engine);
    }
}

/* From here on children turn to the process that comes next. */
static void on_stop(void *baton, int events)
{
    work_t *work = baton;

    queue_watch_end(work->stop_watch);
    queue_timer_clear(&work->lock_again);
    queue_https_stop();
    queue_hint_listener_close(work->listener);
    if (work->engine) {
        queue_control_close(work->control);
        queue_engine_stop(work->engine, queue_loop_now(work->loop)
                                        + work->process->conf->stop);
    }
    else {
        queue_loop_stop(work->loop);
    }
}

/* Policies are kept beside the messages. Without them mail goes, less safely:
 * that is said, and no reason to send nothing. */
static void sts_begin(work_t *work, queue_network_t *network)
{
    const queue_conf_t *conf = work->process->conf;
    queue_sts_conf_t sts = { NULL, conf->tls_ca_file, 443,
                             conf->loopback_is_foreign };
    apr_status_t rv = queue_https_begin(work->p);

    sts.queue_dir = apr_pstrcat(work->p, conf->spool, "/queue", NULL);
    if (rv == APR_SUCCESS) {
        rv = queue_sts_create(work->p, network, &sts, &network->sts);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, work->process->s,
                     QUEUE_LOGNO(4452) "MTA-STS cannot be had");
    }
}

/* The first virtual host that wants reports to be sent sends them for all. */
static const queue_vhost_t *reporter_find(const queue_conf_t *conf)
{
    int i;

    for (i = 0; i < conf->vhosts->nelts; i++) {
        const queue_vhost_t *vhost = APR_ARRAY_IDX(conf->vhosts, i,
                                                   queue_vhost_t *);

        if (vhost->tls_report) {
            return vhost;
        }
    }
    return NULL;
}

static void tls_report_begin(work_t *work, queue_network_t *network)
{
    const queue_conf_t *conf = work->process->conf;
    const queue_vhost_t *vhost = reporter_find(conf);
    queue_tls_report_conf_t report = { 0 };
    apr_status_t rv;

    if (vhost == NULL) {
        return;
    }
    report.queue_dir = apr_pstrcat(work->p, conf->spool, "/queue", NULL);
    report.s = vhost->s;
    report.organization = vhost->s->server_hostname;
    report.contact = vhost->postmaster
                     ? vhost->postmaster
                     : apr_pstrcat(work->p, "postmaster@",
                                   vhost->s->server_hostname, NULL);
    report.ca_file = conf->tls_ca_file;
    report.loopback_is_foreign = conf->loopback_is_foreign;
    rv = queue_tls_report_create(work->p, network, &report,
                                 &network->tls_report);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, work->process->s,
                     QUEUE_LOGNO(4463) "TLS-RPT: nothing is counted");
    }
}

/* It has the lock, and may send. Hints that came before are not needed: the
 * engine begins with a look at all journals. */
static apr_status_t send_begin(work_t *work)
{
    const queue_conf_t *conf = work->process->conf;
    queue_network_t *network;
    const char *fault;
    apr_status_t rv = queue_network_create(work->p, conf, work->loop,
                                           &network, &fault);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, work->process->s,
                     QUEUE_LOGNO(4012) "nothing can be sent: %s",
                     fault ? fault : "DNS cannot be asked");
        return rv;
    }
    sts_begin(work, network);
    tls_report_begin(work, network);
    rv = queue_engine_create(work->p, conf, work->loop, work->store, network,
                             work->process->log, &work->engine);
    if (rv == APR_SUCCESS) {
        rv = queue_control_open(work->p, work->loop,
                                apr_pstrcat(work->p, conf->spool, "/queue",
                                            NULL),
                                work->engine, &log_to_httpd, &work->control);
    }
    if (rv == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, work->process->s,
                     QUEUE_LOGNO(4015) "the queue process sends now");
    }
    return rv;
}

/* Another process still ends what it has begun; or it hangs, and nobody
 * sends. */
static void lock_wait(work_t *work)
{
    apr_time_t now = queue_loop_now(work->loop);

    if (!work->is_waiting) {
        work->is_waiting = 1;
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, work->process->s,
                     QUEUE_LOGNO(4016) "the queue process waits for the one "
                     "before to end");
    }
    if (!work->is_late
        && now > work->began + work->process->conf->stop + LOCK_LATE) {
        work->is_late = 1;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, work->process->s,
                     QUEUE_LOGNO(4017) "another process holds %s/queue/lock: "
                     "no mail is sent until it ends",
                     work->process->conf->spool);
    }
    queue_timer_set(&work->lock_again, now + LOCK_AGAIN);
}

static void on_lock_again(void *baton)
{
    work_t *work = baton;
    apr_status_t rv = queue_store_lock(work->store);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        lock_wait(work);
        return;
    }
    if (rv == APR_SUCCESS) {
        rv = send_begin(work);
    }
    if (rv != APR_SUCCESS) {
        work->rv = rv;
        queue_loop_stop(work->loop);
    }
}

static apr_status_t work_begin(work_t *work)
{
    const char *spool = work->process->conf->spool;
    queue_hint_user_t user = { on_hint, on_lost, work };
    apr_status_t rv = queue_watch_begin(work->loop, work->p, stop_pipe[0],
                                        APR_POLLIN, on_stop, work,
                                        &work->stop_watch);

    queue_timer_init(&work->lock_again, work->loop, on_lock_again, work);
    queue_timer_set(&work->lock_again, 0);
    work->began = queue_loop_now(work->loop);
    if (rv == APR_SUCCESS) {
        rv = queue_store_open(work->p, spool, &log_to_httpd, &work->store);
    }
    if (rv == APR_SUCCESS) {
        rv = queue_hint_listen(work->p, work->loop,
                               apr_pstrcat(work->p, spool, "/queue", NULL),
                               &user, &log_to_httpd, &work->listener);
    }
    return rv;
}

/* Builds what sends mail, and lets it work. */
static int queue_process_main(apr_pool_t *p, const queue_process_t *process)
{
    work_t work = { .process = process };
    apr_status_t rv = queue_loop_create(p, TASK_THREADS, &work.loop);

    if (rv == APR_SUCCESS) {
        apr_pool_create(&work.p, p);
        rv = work_begin(&work);
    }
    if (rv == APR_SUCCESS) {
        rv = queue_loop_run(work.loop);
    }
    if (rv == APR_SUCCESS) {
        rv = work.rv;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, process->s,
                     QUEUE_LOGNO(4011) "the queue process cannot work");
    }
    return rv == APR_SUCCESS ? 0 : EXIT_FAULT;
}

int queue_process_run(apr_pool_t *p, const queue_process_t *process)
{
    int status = EXIT_FAULT;

    ap_fatal_signal_child_setup(process->s);
    ap_close_listeners();
    prctl(PR_SET_NAME, QUEUE_PROCESS_NAME);
    if (signals_begin() == APR_SUCCESS && be_user(p, process)) {
        end_with_parent(process->parent);
        if (is_stopped_within(process->pause)) {
            status = 0;
        }
        else {
            run_child_init(p, process->s);
            status = queue_process_main(p, process);
        }
    }
    apr_pool_destroy(p);
    return status;
}
