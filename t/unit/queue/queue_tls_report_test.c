/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_https.h"
#include "queue_tls_report.h"
#include "smtp_queue.h"

module AP_MODULE_DECLARE_DATA smtp_queue_module;

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    (void)file, (void)line, (void)module_index, (void)level, (void)status;
    (void)s, (void)fmt;
}

/* ---- Time: 2026-11-23, 10:00 ---- */

#define DAY   20780
#define BEGIN (DAY * 86400L + 36000)

static struct timespec started;
static volatile long skew_sec;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int failed = timespec_get(ts, TIME_UTC) != TIME_UTC;

    (void)id;
    if (!started.tv_sec) {
        started = *ts;
    }
    ts->tv_sec += BEGIN - started.tv_sec + skew_sec;
    return -failed;
}

apr_time_t apr_time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* ---- The world ---- */

static struct {
    const char *txt;             /**< NULL: NXDOMAIN; "SERVFAIL" */
    int status;                  /**< of HTTP */
    apr_status_t rv;             /**< of mail */
    int code;                    /**< of its reply */
    /* What was sent. */
    int asked, mails, posts;
    char to[256], url[256], mail[8192], type[64];
    pthread_mutex_t mutex;
} world = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void queue_https_run(apr_pool_t *p, const queue_https_request_t *request,
                     queue_https_answer_t *answer)
{
    (void)p;
    memset(answer, 0, sizeof(*answer));
    pthread_mutex_lock(&world.mutex);
    world.posts++;
    answer->status = world.status;
    answer->fault = world.status ? NULL : "refused";
    apr_cpystrn(world.url, request->url, sizeof(world.url));
    apr_cpystrn(world.type, request->type, sizeof(world.type));
    pthread_mutex_unlock(&world.mutex);
}

static apr_status_t write_keep(void *to, const char *octets, apr_size_t len)
{
    (void)to;
    apr_cpystrn(world.mail, octets, len + 1 < sizeof(world.mail)
                                    ? len + 1 : sizeof(world.mail));
    return APR_SUCCESS;
}

static apr_status_t smtp_own_mail_send(apr_pool_t *p, server_rec *s,
                                       const smtp_own_mail_t *mail,
                                       const char **id, smtp_reply_t *reply)
{
    apr_status_t rv;

    (void)p, (void)s;
    pthread_mutex_lock(&world.mutex);
    world.mails++;
    apr_cpystrn(world.to, APR_ARRAY_IDX(mail->recipients, 0, const char *),
                sizeof(world.to));
    mail->compose(mail->ctx, write_keep, NULL);
    *id = "id";
    reply->code = world.code;
    rv = world.rv;
    pthread_mutex_unlock(&world.mutex);
    return rv;
}

typedef struct dns_query_t {
    queue_timer_t timer;
    smtp_dns_done_t *done;
    void *baton;
    smtp_dns_answer_t answer;
} dns_query_t;

static void dns_fire(void *baton)
{
    dns_query_t *query = baton;

    query->done(query->baton, &query->answer);
}

static apr_status_t dns_end(void *data)
{
    queue_timer_clear(&((dns_query_t *)data)->timer);
    return APR_SUCCESS;
}

static void dns_fill(dns_query_t *query, smtp_dns_question_e question)
{
    smtp_dns_record_t *record;

    query->answer.status = !world.txt ? SMTP_DNS_NXDOMAIN
                           : strcmp(world.txt, "SERVFAIL") ? SMTP_DNS_OK
                           : SMTP_DNS_TEMPORARY;
    if (query->answer.status != SMTP_DNS_OK) {
        return;
    }
    record = apr_array_push(query->answer.records);
    record->type = SMTP_DNS_RECORD_TXT;
    record->u.txt.text = world.txt;
    record->u.txt.len = strlen(world.txt);
    if (question == SMTP_DNS_ADDRESS) {
        record->type = SMTP_DNS_RECORD_A;
        smtp_dns_address_parse("192.0.2.1", &record->u.address);
    }
}

apr_status_t queue_network_ask(queue_network_t *network, apr_pool_t *p,
                               smtp_dns_question_e question,
                               const char *name, smtp_dns_done_t *done,
                               void *baton)
{
    dns_query_t *query = apr_pcalloc(p, sizeof(*query));

    if (question == SMTP_DNS_TXT) {
        assert_memory_equal(name, "_smtp._tls.", 11);
        world.asked++;
    }
    query->done = done;
    query->baton = baton;
    query->answer.records = apr_array_make(p, 1, sizeof(smtp_dns_record_t));
    dns_fill(query, question);
    queue_timer_init(&query->timer, network->loop, dns_fire, query);
    queue_timer_set(&query->timer, queue_loop_now(network->loop));
    apr_pool_cleanup_register(p, query, dns_end, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- A process ---- */

typedef struct fixture_t {
    apr_pool_t *p;
    char dir[256];
    queue_loop_t *loop;
    queue_network_t network;
    apr_pool_t *report_p;
    queue_tls_report_t *report;
    queue_timer_t tick;
    int turns;
} fixture_t;

static server_rec server;

static void fixture_restart(fixture_t *f)
{
    queue_tls_report_conf_t conf = {
        f->dir, &server, "mx.example.org", "postmaster@mx.example.org", NULL,
        0
    };

    if (f->report_p) {
        apr_pool_destroy(f->report_p);
    }
    apr_pool_create(&f->report_p, f->p);
    assert_int_equal(queue_tls_report_create(f->report_p, &f->network, &conf,
                                             &f->report), APR_SUCCESS);
}

static fixture_t *fixture_open(apr_pool_t *p)
{
    fixture_t *f = apr_pcalloc(p, sizeof(*f));
    const char *temp;

    started.tv_sec = 0;
    skew_sec = 0;
    server.log.level = APLOG_TRACE8;
    world.txt = "v=TLSRPTv1; rua=mailto:tls@example.com";
    world.status = 200;
    world.rv = APR_SUCCESS;
    world.code = 250;
    world.asked = world.mails = world.posts = 0;
    f->p = p;
    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    apr_snprintf(f->dir, sizeof(f->dir), "%s/queue_tls_report_test_XXXXXX",
                 temp);
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(queue_loop_create(p, 4, &f->loop), APR_SUCCESS);
    f->network.loop = f->loop;
    f->network.server = &server;
    fixture_restart(f);
    return f;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void fixture_close(fixture_t *f)
{
    apr_pool_destroy(f->report_p);
    assert_int_equal(nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void on_tick(void *baton)
{
    fixture_t *f = baton;

    if (--f->turns > 0 || queue_loop_tasks(f->loop)) {
        queue_timer_set(&f->tick, queue_loop_now(f->loop) + 1000);
    }
    else {
        queue_loop_stop(f->loop);
    }
}

/** So many seconds go by, an hour at a time; what is due is done. */
static void pass(fixture_t *f, long sec)
{
    do {
        long step = sec < 3600 ? sec : 3600;

        skew_sec += step;
        sec -= step;
        f->turns = 20;
        queue_timer_init(&f->tick, f->loop, on_tick, f);
        queue_timer_set(&f->tick, 0);
        assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    } while (sec > 0);
}

static void count(fixture_t *f, const char *domain, smtp_tls_result_e result)
{
    queue_tls_session_t session = {
        domain, QUEUE_TLS_NO_POLICY, NULL, NULL, NULL, result, "mx",
        "192.0.2.1", "192.0.2.2", ""
    };

    queue_tls_report_count(f->report, &session);
}

static const char *file_of(fixture_t *f, int day)
{
    return apr_psprintf(f->p, "%s/tlsrpt/%d", f->dir, day);
}

static int has_file(fixture_t *f, int day)
{
    return access(file_of(f, day), F_OK) == 0;
}

/* ---- Sending ---- */

static void who_asks_is_told_once_after_the_day(void **state)
{
    fixture_t *f = fixture_open(*state);

    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 13 * 3600);
    assert_int_equal(world.mails, 0);
    pass(f, 6 * 3600);
    assert_int_equal(world.mails, 1);
    assert_string_equal(world.to, "tls@example.com");
    assert_non_null(strstr(world.mail, "Report Domain: example.com\r\n"));
    assert_false(has_file(f, DAY));
    pass(f, 24 * 3600);
    assert_int_equal(world.mails, 1);
    assert_int_equal(world.asked, 1);
    fixture_close(f);
}

static void who_does_not_ask_is_not_told(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.txt = NULL;
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 20 * 3600);
    assert_int_equal(world.asked, 1);
    assert_int_equal(world.mails + world.posts, 0);
    assert_false(has_file(f, DAY));
    fixture_close(f);
}

static void domains_are_told_at_times_of_their_own(void **state)
{
    fixture_t *f = fixture_open(*state);
    int i, hours = 0, before = 0;

    for (i = 0; i < 200; i++) {
        count(f, apr_psprintf(f->p, "d%d.example", i), SMTP_TLS_RESULT_OK);
    }
    pass(f, 14 * 3600);
    for (i = 0; i < 4; i++) {
        pass(f, 3600);
        hours += world.mails > before;
        before = world.mails;
    }
    pass(f, 60);
    assert_int_equal(world.mails, 200);
    assert_int_equal(hours, 4);
    fixture_close(f);
}

static void a_report_goes_by_https(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.txt = "v=TLSRPTv1; rua=https://report.example/tls";
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 20 * 3600);
    assert_int_equal(world.posts, 1);
    assert_string_equal(world.url, "https://report.example/tls");
    assert_string_equal(world.type, "application/tlsrpt+gzip");
    assert_false(has_file(f, DAY));
    fixture_close(f);
}

static void what_fails_is_tried_again_for_a_day(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.txt = "v=TLSRPTv1; rua=https://report.example/tls,"
                "mailto:tls@example.com";
    world.status = 0;
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 24 * 3600);
    assert_true(world.posts > 2);
    /* Who has it is not told again. */
    assert_int_equal(world.mails, 1);
    pass(f, 30 * 3600);
    assert_int_equal(world.posts, QUEUE_TLS_REPORT_TRIES);
    assert_false(has_file(f, DAY));
    fixture_close(f);
}

static void what_is_refused_for_ever_is_not_tried_again(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.txt = "v=TLSRPTv1; rua=https://report.example/tls,"
                "mailto:tls@example.com,https://user:pw@report.example/";
    world.status = 404;
    world.rv = APR_EGENERAL;
    world.code = 550;
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 30 * 3600);
    assert_int_equal(world.posts, 1);
    assert_int_equal(world.mails, 1);
    assert_false(has_file(f, DAY));
    fixture_close(f);
}

static void dns_that_says_nothing_is_asked_again(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.txt = "SERVFAIL";
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 20 * 3600);
    assert_true(world.asked > 1);
    world.txt = "v=TLSRPTv1; rua=mailto:tls@example.com";
    pass(f, 2 * 3600);
    assert_int_equal(world.mails, 1);
    fixture_close(f);
}

/* ---- Restarts ---- */

static void counts_outlive_the_process(void **state)
{
    fixture_t *f = fixture_open(*state);

    count(f, "example.com", SMTP_TLS_RESULT_OK);
    count(f, "example.com", SMTP_TLS_RESULT_EXPIRED);
    fixture_restart(f);
    assert_true(has_file(f, DAY));
    count(f, "example.com", SMTP_TLS_RESULT_OK);
    fixture_restart(f);
    skew_sec += 30 * 3600;
    fixture_restart(f);
    pass(f, 1);
    assert_int_equal(world.mails, 1);
    assert_false(has_file(f, DAY));
    fixture_close(f);
}

static void counts_are_saved_now_and_then(void **state)
{
    fixture_t *f = fixture_open(*state);

    count(f, "example.com", SMTP_TLS_RESULT_OK);
    pass(f, 200);
    assert_false(has_file(f, DAY));
    pass(f, 200);
    assert_true(has_file(f, DAY));
    fixture_close(f);
}

static off_t size_of(fixture_t *f, int day)
{
    struct stat st;

    assert_int_equal(stat(file_of(f, day), &st), 0);
    return st.st_size;
}

/* Each save adds what has changed: 288 a day. */
static void a_file_does_not_grow_without_end(void **state)
{
    fixture_t *f = fixture_open(*state);
    off_t largest = 0;
    int i, k;

    for (i = 0; i < 100; i++) {
        for (k = 0; k < 1500; k++) {
            count(f, apr_psprintf(f->p, "d%d.example", k),
                  SMTP_TLS_RESULT_OK);
        }
        pass(f, 301);
        if (size_of(f, DAY) > largest) {
            largest = size_of(f, DAY);
        }
    }
    /* 4 MB, if it did. */
    assert_in_range(largest, 1000000, QUEUE_TLS_REPORT_SLACK + 1500 * 2 * 100);
    fixture_restart(f);
    assert_in_range(size_of(f, DAY), 1, largest);
    fixture_close(f);
}

/* A kill may cut the last line: what comes next is no part of it. */
static void a_line_that_was_cut_costs_no_other(void **state)
{
    fixture_t *f = fixture_open(*state);
    FILE *file;

    count(f, "a.example", SMTP_TLS_RESULT_OK);
    fixture_restart(f);
    file = fopen(file_of(f, DAY), "a");
    fputs("policy\tb.exam", file);
    fclose(file);
    file = fopen(apr_pstrcat(f->p, file_of(f, DAY), ".new", NULL), "w");
    fclose(file);
    fixture_restart(f);
    assert_int_not_equal(access(apr_pstrcat(f->p, file_of(f, DAY), ".new",
                                            NULL), F_OK), 0);
    count(f, "c.example", SMTP_TLS_RESULT_OK);
    fixture_restart(f);
    skew_sec += 30 * 3600;
    fixture_restart(f);
    pass(f, 6 * 3600);
    assert_int_equal(world.mails, 2);
    fixture_close(f);
}

static void who_was_told_is_not_told_by_the_next_process(void **state)
{
    fixture_t *f = fixture_open(*state);
    FILE *file;

    fixture_restart(f);
    file = fopen(file_of(f, DAY - 1), "w");
    fputs("policy\ta.example\t0\tsts\ta.example\t0\n"
          "success\ta.example\t0\t1\t0\n"
          "done\ta.example\ttls@example.com\n"
          "policy\tb.example\t0\tsts\tb.example\t0\n"
          "success\tb.example\t0\t1\t0\n"
          "done\tb.example\t*\n"
          "policy\tc.example\t0\tsts\tc.example\t0\n"
          "success\tc.example\t0\t1\t0\n"
          "policy\td.exam", file);
    fclose(file);
    fixture_restart(f);
    pass(f, 60);
    assert_int_equal(world.mails, 1);
    assert_non_null(strstr(world.mail, "Report Domain: c.example\r\n"));
    assert_false(has_file(f, DAY - 1));
    fixture_close(f);
}

static void what_is_too_old_is_forgotten(void **state)
{
    fixture_t *f = fixture_open(*state);
    int i;

    for (i = 1; i < 6; i++) {
        FILE *file = fopen(file_of(f, DAY - i), "w");

        fputs("policy\ta.example\t0\tsts\ta.example\t0\n", file);
        fclose(file);
    }
    assert_int_equal(mkdir(apr_pstrcat(f->p, f->dir, "/tlsrpt/x", NULL),
                           0700), 0);
    fixture_restart(f);
    pass(f, 60);
    assert_int_equal(world.mails, QUEUE_TLS_REPORT_DAYS);
    assert_false(has_file(f, DAY - 5));
    fixture_close(f);
}

static void nobody_to_count_does_no_harm(void **state)
{
    queue_tls_session_t session = { 0 };

    (void)state;
    queue_tls_report_count(NULL, &session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_asks_is_told_once_after_the_day),
        UNIT_TEST(who_does_not_ask_is_not_told),
        UNIT_TEST(domains_are_told_at_times_of_their_own),
        UNIT_TEST(a_report_goes_by_https),
        UNIT_TEST(what_fails_is_tried_again_for_a_day),
        UNIT_TEST(what_is_refused_for_ever_is_not_tried_again),
        UNIT_TEST(dns_that_says_nothing_is_asked_again),
        UNIT_TEST(counts_outlive_the_process),
        UNIT_TEST(counts_are_saved_now_and_then),
        UNIT_TEST(a_file_does_not_grow_without_end),
        UNIT_TEST(a_line_that_was_cut_costs_no_other),
        UNIT_TEST(who_was_told_is_not_told_by_the_next_process),
        UNIT_TEST(what_is_too_old_is_forgotten),
        UNIT_TEST(nobody_to_count_does_no_harm)
    };

    apr_initialize();
    apr_pool_create(&apr_hook_global_pool, NULL);
    APR_REGISTER_OPTIONAL_FN(smtp_own_mail_send);
    return UNIT_RUN(tests);
}
