/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include "spool_fault.h"
#include "spool_keeper.h"

#define THREADS 8
#define EACH    150

typedef struct session_t {
    spool_unit_t *u;
    int number;
} session_t;

static spool_keeper_t *keeper_create(spool_unit_t *u)
{
    spool_keeper_t *keeper = apr_pcalloc(u->p, sizeof(*keeper));

    keeper->journal = u->journal;
    keeper->maildir = u->maildir;
    keeper->damaged = &u->damaged;
    keeper->log = &u->log;
    keeper->recovery = u->recovery;
    return keeper;
}

/* A session: some mails it delivers, some it leaves to the keeper. */
static void *APR_THREAD_FUNC take_mail(apr_thread_t *thread, void *data)
{
    session_t *s = data;
    spool_unit_t own = *s->u;
    int i;

    (void)thread;
    for (i = 0; i < EACH; i++) {
        const char *name;
        spool_entry_t *entry;

        apr_pool_create(&own.p, NULL);
        name = apr_psprintf(own.p, "box%d", s->number);
        if (i % 3) {
            spool_unit_deliver(&own, name, "text\r\n");
        }
        else {
            entry = spool_unit_commit(&own, name, "text\r\n");
            spool_unit_settle(&own, entry, 0);
        }
        apr_pool_destroy(own.p);
    }
    return NULL;
}

static void run_sessions(spool_unit_t *u)
{
    session_t sessions[THREADS];
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++) {
        sessions[i].u = u;
        sessions[i].number = i;
        assert_int_equal(apr_thread_create(&threads[i], NULL, take_mail,
                                           &sessions[i], u->p), 0);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
    }
}

static void all_is_delivered_when_the_process_stops(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_keeper_t *keeper = keeper_create(u);
    int i;

    assert_int_equal(spool_keeper_start(u->p, keeper), 0);
    run_sessions(u);
    spool_keeper_stop(keeper);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(spool_unit_mails(u, apr_psprintf(u->p, "box%d", i)),
                         EACH);
    }
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_string_equal(u->logged, "");
}

static void a_new_process_delivers_a_dead_ones_mail(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_keeper_t *keeper;

    spool_unit_commit(u, "bob", "text\r\n");
    spool_unit_crash(u);
    keeper = keeper_create(u);
    assert_int_equal(spool_keeper_start(u->p, keeper), 0);
    spool_keeper_stop(keeper);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void what_cannot_be_delivered_at_the_stop_is_kept(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_keeper_t *keeper = keeper_create(u);

    assert_int_equal(symlinkat("nowhere", u->mail_fd, "example.com"), 0);
    assert_int_equal(spool_keeper_start(u->p, keeper), 0);
    spool_unit_settle(u, spool_unit_commit(u, "bob", "text\r\n"), 0);
    spool_keeper_stop(keeper);
    assert_non_null(strstr(u->logged, "SM2040: 1 messages wait"));
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    assert_int_equal(unlinkat(u->mail_fd, "example.com", 0), 0);
    spool_unit_process(u, 1024 * 1024);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* The signals that a thread of this process blocks, as /proc tells. */
static unsigned long long blocked_by(const char *thread)
{
    char path[64], line[256];
    unsigned long long mask = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        sscanf(line, "SigBlk: %llx", &mask);
    }
    fclose(file);
    return mask;
}

/* httpd's signals are for its own threads: one that ends the keeper's would
 * end the process, or hang it. */
static void signals_do_not_reach_the_keeper(void **state)
{
    static const int signals[] = { SIGTERM, SIGHUP, SIGUSR1, SIGINT };
    spool_unit_t *u = spool_unit_create(*state);
    spool_keeper_t *keeper = keeper_create(u);
    unsigned long long before = blocked_by(apr_itoa(u->p, getpid()));
    struct dirent *entry;
    DIR *threads;
    size_t i;

    assert_int_equal(spool_keeper_start(u->p, keeper), 0);
    threads = opendir("/proc/self/task");
    while ((entry = readdir(threads)) != NULL) {
        if (*entry->d_name != '.' && atoi(entry->d_name) != getpid()) {
            for (i = 0; i < UNIT_ROWS(signals); i++) {
                assert_true(blocked_by(entry->d_name) >> (signals[i] - 1)
                            & 1);
            }
        }
    }
    closedir(threads);
    assert_true(blocked_by(apr_itoa(u->p, getpid())) == before);
    spool_keeper_stop(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(all_is_delivered_when_the_process_stops),
        SPOOL_FAULT_TEST(a_new_process_delivers_a_dead_ones_mail),
        SPOOL_FAULT_TEST(what_cannot_be_delivered_at_the_stop_is_kept),
        SPOOL_FAULT_TEST(signals_do_not_reach_the_keeper)
    };
    return UNIT_RUN(tests);
}
