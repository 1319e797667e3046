/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_tls_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_optional.h>
#include <apr_strings.h>

#include <http_log.h>

#include "queue_https.h"
#include "queue_log.h"
#include "queue_tls_json.h"
#include "queue_tls_record.h"
#include "queue_url.h"
#include "smtp_chars.h"
#include "smtp_queue.h"
#include "store_io.h"

APLOG_USE_MODULE(smtp_queue);

#define RECORD_PREFIX "_smtp._tls."

/* Of a file that takes the place of another. */
#define TEMPORARY ".new"

/* Of all who want a report of the domain: it is over. */
#define EVERYBODY "*"

#define HTTPS_TIME   apr_time_from_sec(30)
#define HTTPS_ANSWER (64 * 1024)

/* A day that is over. */
typedef struct past_t {
    queue_tls_report_t *report;
    apr_pool_t *p;               /* the day's */
    queue_tls_day_t *day;
    unsigned int open;           /* domains whose reports are not over */
} past_t;

/* The report about one domain in one day. */
typedef struct job_t {
    queue_heap_node_t node;      /* first */
    past_t *past;
    const queue_tls_domain_t *domain;
    int tries;
    /* While it is on its way. */
    apr_pool_t *p;
    apr_array_header_t *ruas;    /* queue_tls_rua_t */
    int rua;                     /* index of the one at hand */
    int has_failed;              /* one of them, and may be tried again */
    queue_https_request_t request;
    apr_status_t rv;             /* what a thread came to */
    const char *fault;           /* why; or NULL */
    int is_final;                /* trying again is of no use */
} job_t;

struct queue_tls_report_t {
    apr_pool_t *p;
    queue_network_t *network;
    queue_tls_report_conf_t conf;
    const char *dir;
    apr_pool_t *today_p;
    queue_tls_day_t *today;
    queue_timer_t save;
    queue_timer_t midnight;
    queue_timer_t send;
    queue_heap_t jobs;           /* that wait */
    int running;                 /* jobs on their way */
};

static apr_time_t now_get(const queue_tls_report_t *report)
{
    return queue_loop_now(report->network->loop);
}

/* ---- Files ---- */

static const char *path_make(const queue_tls_report_t *report, apr_pool_t *p,
                             apr_int64_t day)
{
    return apr_psprintf(p, "%s/%" APR_INT64_T_FMT, report->dir, day);
}

static apr_status_t lines_write(const char *path, int flags,
                                const store_control_out_t *out)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags,
                  0600);
    apr_status_t rv = APR_SUCCESS;
    apr_size_t done = 0;

    if (fd < 0) {
        return errno;
    }
    while (done < out->len && rv == APR_SUCCESS) {
        ssize_t n = write(fd, out->octets + done, out->len - done);

        if (n >= 0) {
            done += n;
        }
        else if (errno != EINTR) {
            rv = errno;
        }
    }
    close(fd);
    return rv;
}

static apr_status_t day_append(queue_tls_day_t *day, const char *path,
                               const store_control_out_t *out)
{
    apr_status_t rv = lines_write(path, O_APPEND, out);

    /* Behind a line that is cut nothing can be written. */
    day->file_added = rv == APR_SUCCESS ? day->file_added + out->len
                                        : APR_SIZE_MAX;
    return rv;
}

static apr_status_t day_renew(queue_tls_day_t *day, apr_pool_t *p,
                              const char *path,
                              const store_control_out_t *out)
{
    const char *temporary = apr_pstrcat(p, path, TEMPORARY, NULL);
    apr_status_t rv = lines_write(temporary, O_TRUNC, out);

    if (rv == APR_SUCCESS && rename(temporary, path) != 0) {
        rv = errno;
    }
    if (rv == APR_SUCCESS) {
        day->file_octets = out->len;
        day->file_added = 0;
    }
    else {
        unlink(temporary);
    }
    return rv;
}

static int is_long(const queue_tls_day_t *day)
{
    return day->file_added > day->file_octets + QUEUE_TLS_REPORT_SLACK;
}

/* What cannot be written is counted all the same, and written with the next or
 * lost with the process. */
static void day_save(queue_tls_report_t *report, queue_tls_day_t *day)
{
    store_control_out_t out = { 0 };
    const char *path;
    apr_pool_t *p;
    apr_status_t rv = APR_SUCCESS;

    apr_pool_create(&p, report->p);
    path = path_make(report, p, day->number);
    if (is_long(day)) {
        queue_tls_day_dirty(day);
        queue_tls_day_write(day, &out);
        rv = day_renew(day, p, path, &out);
    }
    else {
        queue_tls_day_write(day, &out);
        rv = out.len ? day_append(day, path, &out) : APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, report->network->server,
                     QUEUE_LOGNO(4460) "TLS-RPT: counts cannot be kept in %s",
                     report->dir);
    }
    store_control_out_destroy(&out);
    apr_pool_destroy(p);
}

/* A line that a kill has cut is none. */
static void day_load(queue_tls_report_t *report, queue_tls_day_t *day)
{
    int fd = open(path_make(report, day->p, day->number),
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    while ((len = getline(&line, &room, file)) > 0) {
        day->file_added += (apr_size_t)len;
        if (line[len - 1] == '\n') {
            queue_tls_day_parse(day, line, (apr_size_t)len - 1);
        }
        else {
            day->file_added = APR_SIZE_MAX;
        }
    }
    free(line);
    fclose(file);
}

/* ---- Counting ---- */

static void on_save(void *baton)
{
    queue_tls_report_t *report = baton;

    day_save(report, report->today);
}

static void save_later(queue_tls_report_t *report)
{
    if (!report->save.node.slot) {
        queue_timer_set(&report->save, now_get(report)
                                       + QUEUE_TLS_REPORT_SAVE);
    }
}

static void day_roll(queue_tls_report_t *report);

void queue_tls_report_count(queue_tls_report_t *report,
                            const queue_tls_session_t *session)
{
    if (report == NULL) {
        return;
    }
    day_roll(report);
    queue_tls_count(report->today, session);
    save_later(report);
}

/* ---- The end of a job ---- */

static void past_end(past_t *past)
{
    unlink(path_make(past->report, past->p, past->day->number));
    apr_pool_destroy(past->p);
}

/* Nothing more is to be done about the domain. */
static void job_over(job_t *job)
{
    past_t *past = job->past;

    if (--past->open == 0) {
        past_end(past);
    }
}

static void job_end(job_t *job)
{
    past_t *past = job->past;
    queue_tls_report_t *report = past->report;

    apr_pool_destroy(job->p);
    job->p = NULL;
    report->running--;
    if (job->has_failed && ++job->tries < QUEUE_TLS_REPORT_TRIES) {
        queue_heap_set(&report->jobs, &job->node,
                       now_get(report) + QUEUE_TLS_REPORT_AGAIN);
    }
    else {
        queue_tls_done_note(past->day, (queue_tls_domain_t *)job->domain,
                            EVERYBODY);
        day_save(report, past->day);
        job_over(job);
    }
    /* Not from here: who ends at once would lead to the next, and so on. */
    queue_timer_set(&report->send, now_get(report));
}

/* ---- Sending, in a thread ---- */

/* The domain is not counted any more: nobody changes what is read here. */
static const char *report_write(const job_t *job, queue_tls_about_t *about,
                                apr_size_t *len)
{
    const queue_tls_report_conf_t *conf = &job->past->report->conf;
    const char *json;

    about->organization = conf->organization;
    about->contact = conf->contact;
    about->day = job->past->day->number;
    about->id = apr_psprintf(job->p, "%" APR_INT64_T_FMT ".%s.%"
                             APR_UINT64_T_HEX_FMT "@%s", about->day,
                             job->domain->domain,
                             (apr_uint64_t)apr_time_now(),
                             conf->organization);
    json = queue_tls_json_write(job->p, job->domain, about);
    return queue_tls_gzip(job->p, json, strlen(json), len);
}

typedef apr_status_t write_fn(void *to, const char *octets, apr_size_t len);

static apr_status_t compose(void *ctx, write_fn *write, void *to)
{
    return write(to, ctx, strlen(ctx));
}

static apr_status_t mail_send(job_t *job, const char *to, const char *text)
{
    APR_OPTIONAL_FN_TYPE(smtp_own_mail_send) *send =
        APR_RETRIEVE_OPTIONAL_FN(smtp_own_mail_send);
    const queue_tls_report_conf_t *conf = &job->past->report->conf;
    apr_array_header_t *recipients = apr_array_make(job->p, 1,
                                                    sizeof(const char *));
    smtp_own_mail_t mail = { 0 };
    smtp_reply_t reply = { 0 };
    const char *id;
    apr_status_t rv;

    APR_ARRAY_PUSH(recipients, const char *) = to;
    mail.reverse_path = conf->contact;
    mail.recipients = recipients;
    mail.rcpt_params.notify = SMTP_NOTIFY_NEVER;
    mail.compose = compose;
    mail.ctx = (void *)text;
    rv = send ? send(job->p, conf->s, &mail, &id, &reply) : APR_ENOTIMPL;
    job->is_final = rv == APR_EGENERAL && reply.code >= 500;
    return rv;
}

static void mail_run(void *baton)
{
    job_t *job = baton;
    const queue_tls_rua_t *rua = &APR_ARRAY_IDX(job->ruas, job->rua,
                                                queue_tls_rua_t);
    queue_tls_about_t about;
    const char *gzip;
    apr_size_t len;

    job->rv = APR_ENOMEM;
    gzip = report_write(job, &about, &len);
    if (gzip != NULL) {
        job->rv = mail_send(job, rua->mailbox,
                            queue_tls_mail_write(job->p, job->domain, &about,
                                                 apr_time_now(), rua->mailbox,
                                                 gzip, len));
    }
}

/* RFC 9110 15.5: who is busy, or was asked too often, may have time later. */
static int is_refusal(int status)
{
    return status / 100 == 4 && status != 408 && status != 429;
}

/* RFC 8460 5.4: by POST; 2xx is success. */
static void https_run(void *baton)
{
    job_t *job = baton;
    queue_https_answer_t answer;
    queue_tls_about_t about;

    job->rv = APR_ENOMEM;
    job->request.type = QUEUE_TLS_JSON_TYPE;
    job->request.body = report_write(job, &about, &job->request.body_len);
    if (job->request.body == NULL) {
        return;
    }
    queue_https_run(job->p, &job->request, &answer);
    job->fault = answer.fault;
    job->rv = answer.status / 100 == 2 ? APR_SUCCESS : APR_EGENERAL;
    job->is_final = is_refusal(answer.status);
    if (answer.fault == NULL && job->rv != APR_SUCCESS) {
        job->fault = apr_psprintf(job->p, "HTTP says %d", answer.status);
    }
}

/* ---- One after the other of those who want it ---- */

static void rua_next(job_t *job);

static const char *who_of(const queue_tls_rua_t *rua)
{
    return rua->mailbox ? rua->mailbox : rua->url;
}

/* What it came to with the one at hand. */
static void rua_done(void *baton)
{
    job_t *job = baton;
    queue_tls_report_t *report = job->past->report;
    const queue_tls_rua_t *rua = &APR_ARRAY_IDX(job->ruas, job->rua,
                                                queue_tls_rua_t);
    const char *who = smtp_chars_escape(job->p, who_of(rua),
                                        strlen(who_of(rua)), 256);

    if (job->rv == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, report->network->server,
                     QUEUE_LOGNO(4461) "TLS-RPT: the report about %s is sent "
                     "to %s", job->domain->domain, who);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_INFO, job->fault ? 0 : job->rv,
                     report->network->server, QUEUE_LOGNO(4462)
                     "TLS-RPT: the report about %s cannot be sent to %s%s%s",
                     job->domain->domain, who, job->fault ? ": " : "",
                     job->fault ? smtp_chars_escape(job->p, job->fault,
                                                    strlen(job->fault), 256)
                                : "");
    }
    if (job->rv == APR_SUCCESS || job->is_final) {
        queue_tls_done_note(job->past->day,
                            (queue_tls_domain_t *)job->domain, who_of(rua));
        day_save(report, job->past->day);
    }
    else {
        job->has_failed = 1;
    }
    job->rua++;
    rua_next(job);
}

static void rua_fail(job_t *job, const char *fault, int is_final)
{
    job->rv = APR_EGENERAL;
    job->fault = fault;
    job->is_final = is_final;
    rua_done(job);
}

static void task_begin(job_t *job, queue_task_run_t *run)
{
    apr_status_t rv;

    job->fault = NULL;
    job->is_final = 0;
    rv = queue_loop_task(job->past->report->network->loop, run, rua_done,
                         job);
    if (rv != APR_SUCCESS) {
        rua_fail(job, "no thread can be had", 0);
    }
}

static void address_done(void *baton, const smtp_dns_answer_t *answer)
{
    job_t *job = baton;
    const queue_tls_report_conf_t *conf = &job->past->report->conf;
    apr_array_header_t *addresses =
        apr_array_make(job->p, 2, sizeof(smtp_dns_address_t));
    int i;

    for (i = 0; i < answer->records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(answer->records, i, smtp_dns_record_t);

        if ((record->type == SMTP_DNS_RECORD_A
             || record->type == SMTP_DNS_RECORD_AAAA)
            && (conf->loopback_is_foreign
                || !smtp_dns_address_is_loopback(&record->u.address))) {
            APR_ARRAY_PUSH(addresses, smtp_dns_address_t) =
                record->u.address;
        }
    }
    job->request.addresses = addresses;
    if (addresses->nelts) {
        task_begin(job, https_run);
    }
    else {
        rua_fail(job, "no address of its host", 0);
    }
}

static void https_begin(job_t *job, const char *url)
{
    queue_tls_report_t *report = job->past->report;
    queue_https_request_t *request = &job->request;
    const char *fault;

    memset(request, 0, sizeof(*request));
    request->url = url;
    request->ca_file = report->conf.ca_file;
    request->timeout = HTTPS_TIME;
    request->max_octets = HTTPS_ANSWER;
    fault = queue_url_host_get(job->p, url, &request->host, &request->port);
    if (fault != NULL) {
        rua_fail(job, fault, 1);
    }
    else if (queue_network_ask(report->network, job->p, SMTP_DNS_ADDRESS,
                               request->host, address_done, job)
             != APR_SUCCESS) {
        rua_fail(job, "DNS cannot be asked", 0);
    }
}

static void rua_next(job_t *job)
{
    const queue_tls_rua_t *rua;

    while (job->rua < job->ruas->nelts
           && queue_tls_is_done(job->domain,
                                who_of(&APR_ARRAY_IDX(job->ruas, job->rua,
                                                      queue_tls_rua_t)))) {
        job->rua++;
    }
    if (job->rua == job->ruas->nelts) {
        job_end(job);
        return;
    }
    rua = &APR_ARRAY_IDX(job->ruas, job->rua, queue_tls_rua_t);
    if (rua->mailbox) {
        task_begin(job, mail_run);
    }
    else {
        https_begin(job, rua->url);
    }
}

/* Who wants it. */
static void record_done(void *baton, const smtp_dns_answer_t *answer)
{
    job_t *job = baton;

    job->ruas = queue_tls_record_find(job->p, answer);
    job->has_failed = answer->status == SMTP_DNS_TEMPORARY
                      || answer->status == SMTP_DNS_BOGUS;
    rua_next(job);
}

static void job_begin(job_t *job)
{
    queue_tls_report_t *report = job->past->report;

    apr_pool_create(&job->p, report->p);
    job->rua = 0;
    job->has_failed = 0;
    report->running++;
    if (queue_network_ask(report->network, job->p, SMTP_DNS_TXT,
                          apr_pstrcat(job->p, RECORD_PREFIX,
                                      job->domain->domain, NULL),
                          record_done, job) != APR_SUCCESS) {
        job->ruas = apr_array_make(job->p, 1, sizeof(queue_tls_rua_t));
        rua_next(job);
    }
}

/* ---- When ---- */

/* Those whose time has come; the timer for the next. */
static void jobs_run(queue_tls_report_t *report)
{
    queue_heap_node_t *first = queue_heap_first(&report->jobs);

    while (first && first->when <= now_get(report)
           && report->running < QUEUE_TLS_REPORT_JOBS) {
        queue_heap_remove(&report->jobs, first);
        job_begin((job_t *)first);
        first = queue_heap_first(&report->jobs);
    }
    if (first && report->running < QUEUE_TLS_REPORT_JOBS) {
        queue_timer_set(&report->send, first->when);
    }
    else {
        queue_timer_clear(&report->send);
    }
}

static void on_send(void *baton)
{
    jobs_run(baton);
}

/* RFC 8460 4.1: not all at midnight. */
static apr_time_t send_time(const past_t *past, const char *domain)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned int hash = apr_hashfunc_default(domain, &len);

    return queue_tls_day_begin(past->day->number + 1)
           + (apr_time_t)(hash % apr_time_sec(QUEUE_TLS_REPORT_SPREAD))
             * APR_USEC_PER_SEC;
}

static void job_make(past_t *past, const queue_tls_domain_t *domain)
{
    job_t *job = apr_pcalloc(past->p, sizeof(*job));

    job->past = past;
    job->domain = domain;
    past->open++;
    queue_heap_set(&past->report->jobs, &job->node,
                   send_time(past, domain->domain));
}

/* A day is over. */
static void past_begin(queue_tls_report_t *report, apr_pool_t *p,
                       queue_tls_day_t *day)
{
    past_t *past = apr_pcalloc(p, sizeof(*past));
    apr_hash_index_t *i;

    past->report = report;
    past->p = p;
    past->day = day;
    for (i = apr_hash_first(p, day->domains); i; i = apr_hash_next(i)) {
        queue_tls_domain_t *domain = apr_hash_this_val(i);

        if (domain->policies && !queue_tls_is_done(domain, EVERYBODY)) {
            job_make(past, domain);
        }
    }
    if (past->open == 0) {
        past_end(past);
    }
}

static void today_begin(queue_tls_report_t *report)
{
    apr_int64_t number = queue_tls_day_of(now_get(report));

    apr_pool_create(&report->today_p, report->p);
    report->today = queue_tls_day_create(report->today_p, number);
    queue_timer_set(&report->midnight, queue_tls_day_begin(number + 1));
}

static void day_roll(queue_tls_report_t *report)
{
    apr_pool_t *p = report->today_p;
    queue_tls_day_t *day = report->today;

    /* A clock that is set back does not begin a day again. */
    if (queue_tls_day_of(now_get(report)) <= day->number) {
        return;
    }
    day_save(report, day);
    today_begin(report);
    past_begin(report, p, day);
    jobs_run(report);
}

static void on_midnight(void *baton)
{
    queue_tls_report_t *report = baton;

    day_roll(report);
    queue_timer_set(&report->midnight,
                    queue_tls_day_begin(report->today->number + 1));
}

/* ---- The beginning ---- */

static void past_load(queue_tls_report_t *report, apr_int64_t number)
{
    queue_tls_day_t *day;
    apr_pool_t *p;

    apr_pool_create(&p, report->p);
    day = queue_tls_day_create(p, number);
    day_load(report, day);
    past_begin(report, p, day);
}

static int is_temporary(const char *name)
{
    size_t len = strlen(name), end = strlen(TEMPORARY);

    return len > end && strcmp(name + len - end, TEMPORARY) == 0;
}

/* Days of the processes before. */
static apr_status_t days_load(queue_tls_report_t *report)
{
    DIR *entries = opendir(report->dir);
    struct dirent *entry;
    apr_off_t number;

    if (entries == NULL) {
        return errno;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (is_temporary(entry->d_name)) {
            unlinkat(dirfd(entries), entry->d_name, 0);
        }
        if (smtp_chars_number_parse(entry->d_name, strlen(entry->d_name),
                                    &number) != 1
            || number >= report->today->number) {
            continue;
        }
        if (number + QUEUE_TLS_REPORT_DAYS >= report->today->number) {
            past_load(report, number);
        }
        else {
            unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    closedir(entries);
    return APR_SUCCESS;
}

static apr_status_t report_end(void *data)
{
    queue_tls_report_t *report = data;

    queue_timer_clear(&report->save);
    queue_timer_clear(&report->midnight);
    queue_timer_clear(&report->send);
    day_save(report, report->today);
    queue_heap_destroy(&report->jobs);
    return APR_SUCCESS;
}

apr_status_t queue_tls_report_create(apr_pool_t *p, queue_network_t *network,
                                     const queue_tls_report_conf_t *conf,
                                     queue_tls_report_t **out)
{
    queue_tls_report_t *report = apr_pcalloc(p, sizeof(*report));
    apr_status_t rv;

    *out = NULL;
    report->p = p;
    report->network = network;
    report->conf = *conf;
    report->dir = apr_pstrcat(p, conf->queue_dir, "/tlsrpt", NULL);
    if (mkdir(report->dir, 0700) != 0 && errno != EEXIST) {
        return errno;
    }
    queue_timer_init(&report->save, network->loop, on_save, report);
    queue_timer_init(&report->midnight, network->loop, on_midnight, report);
    queue_timer_init(&report->send, network->loop, on_send, report);
    today_begin(report);
    day_load(report, report->today);
    /* Before pools below go: the days'. */
    apr_pool_pre_cleanup_register(p, report, report_end);
    rv = days_load(report);
    if (rv == APR_SUCCESS) {
        jobs_run(report);
        *out = report;
    }
    return rv;
}
