/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A txt: map while its file changes. The clock is the test's. */
#include "unit.h"

#include <apr_file_io.h>
#include <apr_thread_proc.h>

#include "httpd_stub.h"
#include "smtpd_lookup.h"

#define SECOND apr_time_from_sec(1)
#define BEGIN  apr_time_from_sec(1000000000)

static apr_time_t now;

/* In the place of APR's. */
apr_time_t apr_time_now(void)
{
    return __atomic_load_n(&now, __ATOMIC_RELAXED);
}

static void time_pass(apr_interval_time_t interval)
{
    __atomic_add_fetch(&now, interval, __ATOMIC_RELAXED);
}

/** A map in a folder of its own. */
typedef struct fixture_t {
    apr_pool_t *p;
    const char *directory;
    const char *path;
    void *map;
    request_rec *r;
} fixture_t;

static void file_write(const fixture_t *fix, const char *path,
                       const char *text, apr_time_t mtime)
{
    apr_file_t *file;

    assert_int_equal(apr_file_open(&file, path, APR_FOPEN_WRITE
                                   | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                                   APR_FPROT_OS_DEFAULT, fix->p),
                     APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, strlen(text), NULL),
                     APR_SUCCESS);
    apr_file_close(file);
    assert_int_equal(apr_file_mtime_set(path, mtime, fix->p), APR_SUCCESS);
}

/** As an administrator should do it: another file takes the name. */
static void file_replace(const fixture_t *fix, const char *text)
{
    const char *other = apr_pstrcat(fix->p, fix->path, ".new", NULL);

    file_write(fix, other, text, apr_time_now());
    assert_int_equal(apr_file_rename(other, fix->path, fix->p), APR_SUCCESS);
}

static apr_status_t fixture_remove(void *fixture)
{
    fixture_t *fix = fixture;

    apr_file_remove(fix->path, fix->p);
    apr_dir_remove(fix->directory, fix->p);
    return APR_SUCCESS;
}

static fixture_t *fixture_create(apr_pool_t *p, const char *text)
{
    fixture_t *fix = apr_pcalloc(p, sizeof(*fix));
    const char *temp;
    char *directory;

    now = BEGIN;
    fix->p = p;
    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    directory = apr_pstrcat(p, temp, "/smtpd_lookup_txt.XXXXXX", NULL);
    assert_non_null(mkdtemp(directory));
    fix->directory = directory;
    fix->path = apr_pstrcat(p, directory, "/names", NULL);
    apr_pool_cleanup_register(p, fix, fixture_remove, apr_pool_cleanup_null);
    file_write(fix, fix->path, text, BEGIN - 10 * SECOND);
    fix->r = stub_request(p, stub_server(p), "127.0.0.1");
    assert_null(smtpd_lookup_txt.open(p, fix->r->server, fix->path,
                                      SMTP_LOOKUP_TARGETS, &fix->map));
    return fix;
}

static const char *find(const fixture_t *fix, const char *key)
{
    const char *value;

    assert_int_equal(smtpd_lookup_txt.find(fix->p, fix->r, fix->map, key,
                                           &value), APR_SUCCESS);
    return value;
}

static void a_new_name_gets_mail_within_a_second(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\n");

    assert_non_null(find(fix, "bob"));
    file_replace(fix, "bob\ncarol dave\n");
    time_pass(SECOND - 1);
    assert_null(find(fix, "carol"));
    time_pass(1);
    assert_string_equal(find(fix, "carol"), "dave");
    assert_string_equal(find(fix, "bob"), "");
    assert_non_null(strstr(stub_log, "2 names"));
    assert_int_equal(stub_log_errors, 0);
}

static void a_removed_name_is_refused_after_that(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\ncarol\n");

    time_pass(2 * SECOND);
    file_replace(fix, "bob\n");
    time_pass(2 * SECOND);
    assert_null(find(fix, "carol"));
}

/* Else the first half of a file would be taken for all of it, and the names
 * of the second would be refused. */
static void a_file_that_is_being_overwritten_is_waited_for(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\ncarol\n");

    time_pass(10 * SECOND);
    file_write(fix, fix->path, "bob\n", apr_time_now());
    assert_non_null(find(fix, "carol"));
    time_pass(SECOND - 1);
    file_write(fix, fix->path, "bob\ncarol\n", apr_time_now());
    time_pass(SECOND - 1);
    assert_non_null(find(fix, "carol"));
    file_write(fix, fix->path, "bob\ndave\n", apr_time_now());
    time_pass(SECOND);
    assert_non_null(find(fix, "dave"));
    assert_null(find(fix, "carol"));
}

static void a_slip_of_the_editor_turns_nobody_away(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\n");
    int i;

    file_replace(fix, "bob\ncarol@\n");
    for (i = 0; i < 5; i++) {
        time_pass(SECOND);
        assert_non_null(find(fix, "bob"));
    }
    assert_int_equal(stub_log_errors, 1);
    assert_non_null(strstr(stub_log, "line 2: \"carol@\""));
    assert_non_null(strstr(stub_log, fix->path));
    file_replace(fix, "carol\n");
    time_pass(SECOND);
    assert_non_null(find(fix, "carol"));
    assert_null(find(fix, "bob"));
    assert_int_equal(stub_log_errors, 1);
}

static void a_file_that_went_away_turns_nobody_away(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\n");
    int i;

    apr_file_remove(fix->path, fix->p);
    for (i = 0; i < 5; i++) {
        time_pass(SECOND);
        assert_non_null(find(fix, "bob"));
    }
    assert_int_equal(stub_log_errors, 1);
    assert_non_null(strstr(stub_log, "cannot read"));
    file_write(fix, fix->path, "carol\n", apr_time_now() - SECOND);
    time_pass(SECOND);
    assert_non_null(find(fix, "carol"));
}

static void a_clock_set_back_does_not_stop_the_looks(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\n");

    find(fix, "bob");
    time_pass(-5 * SECOND);
    file_replace(fix, "carol\n");
    assert_non_null(find(fix, "carol"));
}

static void a_file_that_is_missing_or_wrong_refuses_the_start(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob\n");
    const char *fault;
    void *map;

    fault = smtpd_lookup_txt.open(fix->p, fix->r->server, "/nonexistent/x",
                                  SMTP_LOOKUP_TARGETS, &map);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "/nonexistent/x"));
    file_replace(fix, "bob\nbob\n");
    fault = smtpd_lookup_txt.open(fix->p, fix->r->server, fix->path,
                                  SMTP_LOOKUP_TARGETS, &map);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "line 2"));
    assert_non_null(strstr(fault, fix->path));
    assert_non_null(smtpd_lookup_txt.open(fix->p, fix->r->server, "",
                                          SMTP_LOOKUP_TARGETS, &map));
    assert_non_null(smtpd_lookup_txt.open(fix->p, fix->r->server,
                                          fix->directory,
                                          SMTP_LOOKUP_TARGETS, &map));
}

static apr_status_t visit(void *ctx, const char *key, const char *value)
{
    int *count = ctx;

    assert_string_equal(key, "bob");
    assert_string_equal(value, "carol");
    ++*count;
    return APR_SUCCESS;
}

static void all_entries_are_listed_for_the_checks(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob carol\n");
    int count = 0;

    assert_int_equal(smtpd_lookup_txt.each(fix->p, fix->map, visit, &count),
                     APR_SUCCESS);
    assert_int_equal(count, 1);
}

static int stop, misses;

/** Searches until told to stop, and counts misses. Returns rather than calls
 *  apr_thread_exit(), which ASan does not get over. */
static void *APR_THREAD_FUNC search(apr_thread_t *thread, void *fixture)
{
    fixture_t *fix = fixture;
    apr_pool_t *p;
    request_rec r = *fix->r;

    (void)thread;
    apr_pool_create(&p, NULL);
    r.pool = p;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        const char *value = NULL;

        smtpd_lookup_txt.find(p, &r, fix->map, "bob", &value);
        if (value == NULL || strcmp(value, "carol") != 0) {
            __atomic_add_fetch(&misses, 1, __ATOMIC_RELAXED);
        }
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void nobody_is_missed_while_the_file_is_read_again(void **state)
{
    fixture_t *fix = fixture_create(*state, "bob carol\n");
    apr_thread_t *threads[3];
    apr_status_t result;
    size_t i;
    int round;

    stop = misses = 0;
    for (i = 0; i < UNIT_ROWS(threads); i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, search, fix,
                                           fix->p), APR_SUCCESS);
    }
    for (round = 0; round < 200; round++) {
        file_replace(fix, round % 2 ? "bob carol\n" : "bob carol\ndave\n");
        time_pass(SECOND);
        find(fix, "bob");
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (i = 0; i < UNIT_ROWS(threads); i++) {
        assert_int_equal(apr_thread_join(&result, threads[i]), APR_SUCCESS);
    }
    assert_int_equal(misses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_new_name_gets_mail_within_a_second),
        UNIT_TEST(a_removed_name_is_refused_after_that),
        UNIT_TEST(a_file_that_is_being_overwritten_is_waited_for),
        UNIT_TEST(a_slip_of_the_editor_turns_nobody_away),
        UNIT_TEST(a_file_that_went_away_turns_nobody_away),
        UNIT_TEST(a_clock_set_back_does_not_stop_the_looks),
        UNIT_TEST(a_file_that_is_missing_or_wrong_refuses_the_start),
        UNIT_TEST(all_entries_are_listed_for_the_checks),
        UNIT_TEST(nobody_is_missed_while_the_file_is_read_again)
    };

    return UNIT_RUN(tests);
}
