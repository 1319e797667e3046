/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "queue_https.h"
#include "queue_sts.h"
#include "queue_sts_file.h"

module AP_MODULE_DECLARE_DATA smtp_queue_module;

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *fmt,
                   ...)
{
    (void)file, (void)line, (void)module_index, (void)level, (void)status;
    (void)s, (void)fmt;
}

/* ---- Time ---- */

static volatile int skew_sec;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int failed = timespec_get(ts, TIME_UTC) != TIME_UTC;

    (void)id;
    ts->tv_sec += skew_sec;
    return -failed;
}

apr_time_t apr_time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* ---- The world ---- */

/** What DNS and HTTPS say, and how often they were asked. */
static struct {
    const char *txt;             /**< NULL: NXDOMAIN; "SERVFAIL" */
    const char *address;         /**< NULL: NXDOMAIN */
    int status;                  /**< of HTTP; 0: fault */
    const char *type;
    const char *policy;
    const char *fault;
    int is_untrusted;
    int is_held;                 /**< HTTPS says nothing */
    int dns_fails;               /**< it cannot be asked */
    /* What was asked. */
    int fetches;
    int running, running_max;
    char url[256];
    char host[256];
    apr_size_t max_octets;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} world = { .mutex = PTHREAD_MUTEX_INITIALIZER,
            .cond = PTHREAD_COND_INITIALIZER };

#define POLICY "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\n" \
               "max_age: 604800\r\n"
#define OTHER  "version: STSv1\r\nmode: testing\r\nmx: *.example.net\r\n" \
               "max_age: 604800\r\n"

void queue_https_run(apr_pool_t *p, const queue_https_request_t *request,
                     queue_https_answer_t *answer)
{
    memset(answer, 0, sizeof(*answer));
    pthread_mutex_lock(&world.mutex);
    world.fetches++;
    world.running++;
    if (world.running > world.running_max) {
        world.running_max = world.running;
    }
    apr_cpystrn(world.url, request->url, sizeof(world.url));
    apr_cpystrn(world.host, request->host, sizeof(world.host));
    world.max_octets = request->max_octets;
    pthread_cond_broadcast(&world.cond);
    while (world.is_held) {
        pthread_cond_wait(&world.cond, &world.mutex);
    }
    world.running--;
    answer->status = world.status;
    answer->type = apr_pstrdup(p, world.type);
    answer->octets = apr_pstrdup(p, world.policy);
    answer->len = strlen(world.policy);
    answer->fault = apr_pstrdup(p, world.fault);
    answer->is_untrusted = world.is_untrusted != 0;
    pthread_mutex_unlock(&world.mutex);
}

static void hold_set(int is_held)
{
    pthread_mutex_lock(&world.mutex);
    world.is_held = is_held;
    pthread_cond_broadcast(&world.cond);
    pthread_mutex_unlock(&world.mutex);
}

/** Someone who asked. */
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
    const char *word = question == SMTP_DNS_TXT ? world.txt : world.address;
    smtp_dns_record_t *record;

    query->answer.status = !word ? SMTP_DNS_NXDOMAIN
                           : strcmp(word, "SERVFAIL") ? SMTP_DNS_OK
                           : SMTP_DNS_TEMPORARY;
    if (query->answer.status != SMTP_DNS_OK) {
        return;
    }
    record = apr_array_push(query->answer.records);
    if (question == SMTP_DNS_TXT) {
        record->type = SMTP_DNS_RECORD_TXT;
        record->u.txt.text = word;
        record->u.txt.len = strlen(word);
    }
    else {
        record->type = SMTP_DNS_RECORD_A;
        assert_int_equal(smtp_dns_address_parse(word, &record->u.address), 0);
    }
}

apr_status_t queue_network_ask(queue_network_t *network, apr_pool_t *p,
                               smtp_dns_question_e question,
                               const char *name, smtp_dns_done_t *done,
                               void *baton)
{
    dns_query_t *query = apr_pcalloc(p, sizeof(*query));

    if (world.dns_fails) {
        return APR_EGENERAL;
    }
    (void)name;
    query->done = done;
    query->baton = baton;
    query->answer.records = apr_array_make(p, 1, sizeof(smtp_dns_record_t));
    dns_fill(query, question);
    queue_timer_init(&query->timer, network->loop, dns_fire, query);
    queue_timer_set(&query->timer, queue_loop_now(network->loop));
    apr_pool_cleanup_register(p, query, dns_end, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- Who asks ---- */

typedef struct fixture_t {
    apr_pool_t *p;
    char dir[256];
    queue_loop_t *loop;
    queue_network_t network;
    apr_pool_t *sts_p;
    queue_sts_t *sts;
    queue_timer_t limit;
    queue_timer_t tick;
    int turns;                   /**< that are still to come */
    int woken, wanted;
} fixture_t;

static void on_limit(void *baton)
{
    (void)baton;
    fail_msg("the loop still runs");
}

/** Another process. */
static void fixture_restart(fixture_t *f)
{
    queue_sts_conf_t conf = { f->dir, NULL, 443, 0 };

    if (f->sts_p) {
        apr_pool_destroy(f->sts_p);
    }
    apr_pool_create(&f->sts_p, f->p);
    assert_int_equal(queue_sts_create(f->sts_p, &f->network, &conf, &f->sts),
                     APR_SUCCESS);
}

static fixture_t *fixture_open(apr_pool_t *p)
{
    static server_rec server;
    fixture_t *f = apr_pcalloc(p, sizeof(*f));
    const char *temp;

    skew_sec = 0;
    server.log.level = APLOG_TRACE8;
    world.txt = "v=STSv1; id=1";
    world.address = "192.0.2.1";
    world.status = 200;
    world.type = "text/plain";
    world.policy = POLICY;
    world.fault = NULL;
    world.is_untrusted = world.is_held = world.dns_fails = 0;
    world.fetches = world.running = world.running_max = 0;
    f->p = p;
    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    apr_snprintf(f->dir, sizeof(f->dir), "%s/queue_sts_test_XXXXXX", temp);
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(queue_loop_create(p, 4, &f->loop), APR_SUCCESS);
    f->network.loop = f->loop;
    f->network.server = &server;
    queue_timer_init(&f->limit, f->loop, on_limit, f);
    queue_timer_set(&f->limit, apr_time_now()
                               + apr_time_from_sec(10 * 365 * 86400));
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
    hold_set(0);
    queue_timer_clear(&f->limit);
    apr_pool_destroy(f->sts_p);
    assert_int_equal(nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void on_wake(void *baton)
{
    fixture_t *f = baton;

    if (++f->woken == f->wanted) {
        queue_loop_stop(f->loop);
    }
}

/** What is answered when the loop has run. */
static const queue_sts_answer_t *ask_of(fixture_t *f, const char *domain)
{
    queue_sts_query_t *query = queue_sts_ask(f->sts, f->p, domain, on_wake,
                                             f);

    if (!queue_sts_answer_get(query)) {
        f->woken = 0;
        f->wanted = 1;
        assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    }
    assert_non_null(queue_sts_answer_get(query));
    return queue_sts_answer_get(query);
}

static const queue_sts_answer_t *ask(fixture_t *f)
{
    return ask_of(f, "example.com");
}

static void on_tick(void *baton)
{
    fixture_t *f = baton;

    if (--f->turns > 0 || queue_loop_tasks(f->loop)) {
        queue_timer_set(&f->tick, queue_loop_now(f->loop) + 100);
    }
    else {
        queue_loop_stop(f->loop);
    }
}

/** Until what goes on in the background is over: it comes by timers that are
 *  due before this one, and by tasks. */
static void settle(fixture_t *f)
{
    f->turns = 20;
    queue_timer_init(&f->tick, f->loop, on_tick, f);
    queue_timer_set(&f->tick, queue_loop_now(f->loop));
    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
}

/* ---- Policies ---- */

static void a_policy_that_is_announced_counts(void **state)
{
    fixture_t *f = fixture_open(*state);
    const queue_sts_answer_t *answer = ask(f);

    assert_int_equal(answer->mode, QUEUE_STS_ENFORCE);
    assert_string_equal(answer->id, "1");
    assert_int_equal(answer->policy.mx_count, 1);
    assert_string_equal(answer->policy.mx[0], "mx.example.com");
    assert_int_equal(answer->result, SMTP_TLS_RESULT_NONE);
    assert_string_equal(world.url,
        "https://mta-sts.example.com/.well-known/mta-sts.txt");
    assert_string_equal(world.host, "mta-sts.example.com");
    assert_int_equal(world.max_octets, QUEUE_STS_POLICY_OCTETS);
    fixture_close(f);
}

static void a_policy_is_fetched_once(void **state)
{
    fixture_t *f = fixture_open(*state);

    ask(f);
    ask(f);
    assert_int_equal(world.fetches, 1);
    ask_of(f, "example.net");
    assert_int_equal(world.fetches, 2);
    fixture_close(f);
}

static void who_announces_none_has_none(void **state)
{
    fixture_t *f = fixture_open(*state);
    static const char *const txts[] = { NULL, "SERVFAIL", "v=spf1 -all" };
    size_t i;

    for (i = 0; i < UNIT_ROWS(txts); i++) {
        world.txt = txts[i];
        assert_int_equal(ask(f)->mode, QUEUE_STS_NONE);
        assert_string_equal(ask(f)->id, "");
        assert_int_equal(ask(f)->result, SMTP_TLS_RESULT_NONE);
    }
    world.dns_fails = 1;
    assert_int_equal(ask(f)->mode, QUEUE_STS_NONE);
    assert_int_equal(world.fetches, 0);
    fixture_close(f);
}

/* RFC 8461 5.1: an attacker who holds back DNS or HTTPS gains nothing. */
static void what_is_known_counts_while_nothing_is_heard(void **state)
{
    fixture_t *f = fixture_open(*state);
    static const char *const txts[] = { NULL, "SERVFAIL", "v=STSv1; id=2",
                                        "v=STSv1; id=1" };
    size_t i;

    ask(f);
    world.status = 0;
    world.fault = "connection refused";
    for (i = 0; i < UNIT_ROWS(txts); i++) {
        world.txt = txts[i];
        assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    }
    world.dns_fails = 1;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    skew_sec = 604801;
    settle(f);
    assert_int_equal(ask(f)->mode, QUEUE_STS_NONE);
    fixture_close(f);
}

static void a_new_id_brings_a_new_policy(void **state)
{
    fixture_t *f = fixture_open(*state);
    const queue_sts_answer_t *answer;

    ask(f);
    world.txt = "v=STSv1; id=2";
    world.policy = OTHER;
    answer = ask(f);
    assert_int_equal(answer->mode, QUEUE_STS_TESTING);
    assert_string_equal(answer->id, "2");
    assert_string_equal(answer->policy.mx[0], "*.example.net");
    world.txt = "v=STSv1; id=3";
    world.policy = "version: STSv1\nmode: none\nmax_age: 60\n";
    answer = ask(f);
    assert_int_equal(answer->mode, QUEUE_STS_NONE);
    assert_string_equal(answer->id, "3");
    assert_int_equal(world.fetches, 3);
    fixture_close(f);
}

static void a_policy_in_use_is_refreshed(void **state)
{
    fixture_t *f = fixture_open(*state);

    ask(f);
    skew_sec = 86400;
    /* Nobody waits for it. */
    hold_set(1);
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    hold_set(0);
    settle(f);
    assert_int_equal(world.fetches, 2);
    skew_sec = 604800 + 100;
    world.txt = NULL;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    fixture_close(f);
}

/** So much time goes by; the loop does what is due. */
static void pass(fixture_t *f, int sec)
{
    skew_sec += sec;
    settle(f);
}

static void one_that_is_short_lived_is_refreshed_before_its_end(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.policy = "version: STSv1\nmode: enforce\nmx: mx.example.com\n"
                   "max_age: 7200\n";
    ask(f);
    pass(f, 3000);
    ask(f);
    settle(f);
    assert_int_equal(world.fetches, 1);
    pass(f, 700);
    ask(f);
    settle(f);
    assert_int_equal(world.fetches, 2);
    fixture_close(f);
}

/* RFC 8461 10.2: whatever the record says. */
static void holding_back_the_record_stops_no_refresh(void **state)
{
    fixture_t *f = fixture_open(*state);

    ask(f);
    world.txt = "SERVFAIL";
    skew_sec = 86400;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    settle(f);
    assert_int_equal(world.fetches, 2);
    skew_sec += 604800 - 100;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    fixture_close(f);
}

/* Nor that there is no mail for a while. */
static void a_policy_is_refreshed_while_it_is_in_use(void **state)
{
    fixture_t *f = fixture_open(*state);
    int day, fetches;

    ask(f);
    for (day = 0; day < 20; day++) {
        pass(f, 86400 + 3600);
    }
    assert_in_range(world.fetches, 15, 21);
    world.txt = NULL;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    /* Then nobody asks for it any more. */
    for (day = 0; day < 40; day++) {
        pass(f, 86400 + 3600);
    }
    fetches = world.fetches;
    assert_in_range(fetches, 40, 52);
    for (day = 0; day < 10; day++) {
        pass(f, 86400 + 3600);
    }
    assert_int_equal(world.fetches, fetches);
    fixture_close(f);
}

/* ---- What is wrong with it ---- */

static const struct {
    const char *name;
    int status;
    const char *type, *policy, *fault;
    int is_untrusted;
    smtp_tls_result_e result;
} faults[] = {
    { "refused", 0, "", "", "connection refused", 0,
      SMTP_TLS_RESULT_STS_FETCH_ERROR },
    { "certificate", 0, "", "", "certificate", 1,
      SMTP_TLS_RESULT_STS_WEBPKI_INVALID },
    { "not found", 404, "text/plain", POLICY, NULL, 0,
      SMTP_TLS_RESULT_STS_FETCH_ERROR },
    { "redirect", 301, "text/plain", POLICY, NULL, 0,
      SMTP_TLS_RESULT_STS_FETCH_ERROR },
    { "no content", 204, "text/plain", POLICY, NULL, 0,
      SMTP_TLS_RESULT_STS_FETCH_ERROR },
    { "type", 200, "text/html", POLICY, NULL, 0,
      SMTP_TLS_RESULT_STS_INVALID },
    { "text", 200, "text/plain", "<html>", NULL, 0,
      SMTP_TLS_RESULT_STS_INVALID }
};

static void what_is_no_policy_counts_not_and_is_told(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(faults); i++) {
        fixture_t *f = fixture_open(*state);
        const queue_sts_answer_t *answer;

        world.status = faults[i].status;
        world.type = faults[i].type;
        world.policy = faults[i].policy;
        world.fault = faults[i].fault;
        world.is_untrusted = faults[i].is_untrusted;
        answer = ask(f);
        UNIT_CHECK(faults[i].name, answer->mode == QUEUE_STS_NONE);
        UNIT_CHECK(faults[i].name, answer->result == faults[i].result);
        UNIT_CHECK(faults[i].name, answer->detail && *answer->detail);
        fixture_close(f);
    }
}

static void a_fetch_that_failed_is_not_tried_at_once_again(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.status = 500;
    ask(f);
    assert_int_equal(ask(f)->result, SMTP_TLS_RESULT_STS_FETCH_ERROR);
    assert_int_equal(world.fetches, 1);
    /* Another id is another policy. */
    world.txt = "v=STSv1; id=2";
    ask(f);
    assert_int_equal(world.fetches, 2);
    skew_sec = 301;
    world.status = 200;
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    assert_int_equal(world.fetches, 3);
    fixture_close(f);
}

static void nobody_is_led_to_our_own_loopback(void **state)
{
    fixture_t *f = fixture_open(*state);

    world.address = "127.0.0.1";
    assert_int_equal(ask(f)->result, SMTP_TLS_RESULT_STS_FETCH_ERROR);
    world.address = NULL;
    assert_int_equal(ask_of(f, "example.net")->result,
                     SMTP_TLS_RESULT_STS_FETCH_ERROR);
    assert_int_equal(world.fetches, 0);
    fixture_close(f);
}

/* ---- Many at once ---- */

static void many_who_ask_share_a_fetch(void **state)
{
    fixture_t *f = fixture_open(*state);
    queue_sts_query_t *queries[100];
    apr_pool_t *gone;
    int i;

    apr_pool_create(&gone, f->p);
    for (i = 0; i < 100; i++) {
        queries[i] = queue_sts_ask(f->sts, i % 3 ? f->p : gone,
                                   "example.com", on_wake, f);
    }
    hold_set(1);
    /* Some do not wait for the end. */
    f->woken = 0;
    f->wanted = 66;
    apr_pool_destroy(gone);
    hold_set(0);
    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    for (i = 0; i < 100; i++) {
        assert_true(i % 3 == 0
                    || queue_sts_answer_get(queries[i])->mode
                       == QUEUE_STS_ENFORCE);
    }
    assert_int_equal(world.fetches, 1);
    fixture_close(f);
}

static void only_some_threads_fetch(void **state)
{
    fixture_t *f = fixture_open(*state);
    int i;

    for (i = 0; i < 50; i++) {
        queue_sts_ask(f->sts, f->p, apr_psprintf(f->p, "d%d.example", i),
                      on_wake, f);
    }
    f->woken = 0;
    f->wanted = 50;
    assert_int_equal(queue_loop_run(f->loop), APR_SUCCESS);
    assert_int_equal(world.fetches, 50);
    assert_in_range(world.running_max, 1, QUEUE_STS_FETCHES);
    fixture_close(f);
}

static void time_goes_by(void *baton)
{
    (void)baton;
    pthread_mutex_lock(&world.mutex);
    while (world.running == 0) {
        pthread_cond_wait(&world.cond, &world.mutex);
    }
    skew_sec += 61;
    pthread_mutex_unlock(&world.mutex);
}

/* Its mail goes on, by what is known; later it may be better. */
static void nobody_waits_for_ever(void **state)
{
    fixture_t *f = fixture_open(*state);
    const queue_sts_answer_t *answer;

    hold_set(1);
    queue_loop_task(f->loop, time_goes_by, NULL, NULL);
    answer = ask(f);
    assert_int_equal(answer->mode, QUEUE_STS_NONE);
    assert_int_equal(answer->result, SMTP_TLS_RESULT_STS_FETCH_ERROR);
    hold_set(0);
    settle(f);
    assert_int_equal(ask(f)->mode, QUEUE_STS_ENFORCE);
    assert_int_equal(world.fetches, 1);
    fixture_close(f);
}

static void memory_has_a_limit_and_the_disk_remembers(void **state)
{
    fixture_t *f = fixture_open(*state);
    queue_sts_file_t file = { "1", 0, POLICY, sizeof(POLICY) - 1 };
    const char *dir = apr_pstrcat(f->p, f->dir, "/sts", NULL);
    int i;

    world.txt = "v=STSv1; id=1";
    file.fetched = apr_time_now();
    for (i = 0; i < QUEUE_STS_POLICIES + 10; i++) {
        const char *domain = apr_psprintf(f->p, "d%d.example", i);

        assert_int_equal(queue_sts_file_write(f->p, dir, domain, &file), 0);
        assert_int_equal(ask_of(f, domain)->mode, QUEUE_STS_ENFORCE);
    }
    assert_int_equal(ask_of(f, "d0.example")->mode, QUEUE_STS_ENFORCE);
    assert_int_equal(world.fetches, 0);
    fixture_close(f);
}

/* ---- The disk ---- */

static void the_next_process_knows_it(void **state)
{
    fixture_t *f = fixture_open(*state);
    const queue_sts_answer_t *answer;

    ask(f);
    fixture_restart(f);
    world.txt = NULL;
    answer = ask(f);
    assert_int_equal(answer->mode, QUEUE_STS_ENFORCE);
    assert_string_equal(answer->id, "1");
    assert_string_equal(answer->policy.mx[0], "mx.example.com");
    assert_int_equal(world.fetches, 1);
    fixture_close(f);
}

static const char *const junk[] = {
    "", "SMTPSTS1", "SMTPSTS1 \n", "SMTPSTS1 1\n", "SMTPSTS1 1 x\n" POLICY,
    "SMTPSTS1  1000\n" POLICY, "SMTPSTS2 1 1000\n" POLICY,
    "SMTPSTS1 1 1000\nversion: STSv1\n",
    "SMTPSTS1 1 99999999999999999999\n" POLICY,
    "SMTPSTS1 123456789012345678901234567890123 1000\n" POLICY,
    /* Of the future. */
    "SMTPSTS1 1 4000000000\n" POLICY
};

static void junk_on_disk_is_no_policy(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *path = apr_pstrcat(f->p, f->dir, "/sts/example.com", NULL);
    size_t i;

    world.txt = NULL;
    for (i = 0; i < UNIT_ROWS(junk); i++) {
        FILE *file = fopen(path, "w");

        fputs(junk[i], file);
        fclose(file);
        UNIT_CHECK(junk[i], ask(f)->mode == QUEUE_STS_NONE);
        UNIT_CHECK(junk[i], access(path, F_OK) != 0);
    }
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ask(f)->mode, QUEUE_STS_NONE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(ask(f)->mode, QUEUE_STS_NONE);
    fixture_close(f);
}

static void what_has_expired_is_swept_away(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *dir = apr_pstrcat(f->p, f->dir, "/sts", NULL);

    ask(f);
    world.policy = "version: STSv1\nmode: none\nmax_age: 60\n";
    ask_of(f, "example.net");
    queue_sts_file_sweep(f->p, dir, apr_time_now() + apr_time_from_sec(50),
                         1 << 20);
    assert_int_equal(access(apr_pstrcat(f->p, dir, "/example.net", NULL),
                            F_OK), 0);
    queue_sts_file_sweep(f->p, dir, apr_time_now() + apr_time_from_sec(61),
                         1 << 20);
    assert_int_not_equal(access(apr_pstrcat(f->p, dir, "/example.net", NULL),
                                F_OK), 0);
    assert_int_equal(access(apr_pstrcat(f->p, dir, "/example.com", NULL),
                            F_OK), 0);
    fixture_close(f);
}

static int is_there(fixture_t *f, const char *name)
{
    return access(apr_pstrcat(f->p, f->dir, "/sts/", name, NULL), F_OK) == 0;
}

/* Who has a wildcard in DNS has names without end. */
static void the_disk_has_a_limit(void **state)
{
    fixture_t *f = fixture_open(*state);
    queue_sts_file_t file = { "1", 0, POLICY, sizeof(POLICY) - 1 };
    const char *dir = apr_pstrcat(f->p, f->dir, "/sts", NULL);
    apr_time_t now = apr_time_now();
    int i;

    for (i = 0; i < 10; i++) {
        /* d7 was fetched first, then d8, d9, d0... */
        file.fetched = now - apr_time_from_sec(1000 - (i + 3) % 10);
        assert_int_equal(queue_sts_file_write(f->p, dir,
                             apr_psprintf(f->p, "d%d.example", i), &file), 0);
    }
    queue_sts_file_sweep(f->p, dir, now, 10 * 4096);
    assert_true(is_there(f, "d7.example"));
    queue_sts_file_sweep(f->p, dir, now, 10 * 4096 - 1);
    assert_false(is_there(f, "d7.example"));
    assert_true(is_there(f, "d8.example"));
    queue_sts_file_sweep(f->p, dir, now, 4096);
    assert_false(is_there(f, "d5.example"));
    assert_true(is_there(f, "d6.example"));
    fixture_close(f);
}

static void what_is_half_written_is_swept_away(void **state)
{
    fixture_t *f = fixture_open(*state);
    const char *dir = apr_pstrcat(f->p, f->dir, "/sts", NULL);
    FILE *file = fopen(apr_pstrcat(f->p, dir, "/.a.example", NULL), "w");

    fclose(file);
    queue_sts_file_sweep(f->p, dir, apr_time_now(), 4096);
    assert_true(is_there(f, ".a.example"));
    queue_sts_file_sweep(f->p, dir, apr_time_now() + apr_time_from_sec(3700),
                         4096);
    assert_false(is_there(f, ".a.example"));
    fixture_close(f);
}

/* For a process that runs for months. */
static void the_disk_is_swept_every_day(void **state)
{
    fixture_t *f = fixture_open(*state);

    settle(f);
    world.policy = "version: STSv1\nmode: none\nmax_age: 0\n";
    ask(f);
    assert_true(is_there(f, "example.com"));
    pass(f, 86400 + 3600);
    settle(f);
    assert_false(is_there(f, "example.com"));
    fixture_close(f);
}

static void no_domain_is_a_path(void **state)
{
    fixture_t *f = fixture_open(*state);
    queue_sts_file_t file = { "1", 0, POLICY, sizeof(POLICY) - 1 };
    const char *dir = apr_pstrcat(f->p, f->dir, "/sts", NULL);
    static const char *const domains[] = { "../x", "..", ".", "", "a/b" };
    size_t i;

    for (i = 0; i < UNIT_ROWS(domains); i++) {
        assert_int_not_equal(queue_sts_file_write(f->p, dir, domains[i],
                                                  &file), 0);
        assert_int_not_equal(queue_sts_file_read(f->p, dir, domains[i],
                                                 &file), 0);
    }
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_policy_that_is_announced_counts),
        UNIT_TEST(a_policy_is_fetched_once),
        UNIT_TEST(who_announces_none_has_none),
        UNIT_TEST(what_is_known_counts_while_nothing_is_heard),
        UNIT_TEST(a_new_id_brings_a_new_policy),
        UNIT_TEST(a_policy_in_use_is_refreshed),
        UNIT_TEST(one_that_is_short_lived_is_refreshed_before_its_end),
        UNIT_TEST(holding_back_the_record_stops_no_refresh),
        UNIT_TEST(a_policy_is_refreshed_while_it_is_in_use),
        UNIT_TEST(what_is_no_policy_counts_not_and_is_told),
        UNIT_TEST(a_fetch_that_failed_is_not_tried_at_once_again),
        UNIT_TEST(nobody_is_led_to_our_own_loopback),
        UNIT_TEST(many_who_ask_share_a_fetch),
        UNIT_TEST(only_some_threads_fetch),
        UNIT_TEST(nobody_waits_for_ever),
        UNIT_TEST(memory_has_a_limit_and_the_disk_remembers),
        UNIT_TEST(the_next_process_knows_it),
        UNIT_TEST(junk_on_disk_is_no_policy),
        UNIT_TEST(what_has_expired_is_swept_away),
        UNIT_TEST(the_disk_has_a_limit),
        UNIT_TEST(what_is_half_written_is_swept_away),
        UNIT_TEST(the_disk_is_swept_every_day),
        UNIT_TEST(no_domain_is_a_path)
    };

    return UNIT_RUN(tests);
}
