/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * In which order the store asks the disk, what each thing costs, and what it
 * does when the disk fails or is full.
 */
#include "queue_spool.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "queue_step.h"

#define TEXT "Subject: x\r\n\r\nHi\r\n"

static void steps_are(const char *steps)
{
    assert_string_equal(queue_step.log, steps);
    queue_step_clear();
}

/* ---- Order and cost ---- */

static void the_record_goes_after_its_file_is_durable(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    queue_store_sync_t *sync;

    queue_step_clear();
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1), 0);
    /* All of them, but for the directory, which is made once. */
    steps_are("pwrite 1.marks\n" "mkdir 43\n" "open a.new\n"
              "pwritev a.new\n" "rename a\n");
    sync = queue_store_sync_begin(u->store);
    steps_are("");
    queue_store_sync_run(sync);
    steps_are("syncfs queue\n");
    queue_store_sync_end(u->store, sync);
    steps_are("pwrite 1.marks\n");
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 2), 0);
    steps_are("pwrite a\n");
    assert_int_equal(queue_store_end(u->store, &a->message), 0);
    steps_are("unlink a\n");
}

static void a_message_that_leaves_at_once_costs_one_write(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));

    queue_step_clear();
    assert_int_equal(queue_store_end(u->store, &a->message), 0);
    steps_are("pwrite 1.marks\n");
}

static void what_is_over_before_it_is_durable_is_marked_first(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    queue_store_sync_t *sync;

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    queue_step_clear();
    assert_int_equal(queue_store_end(u->store, &a->message), 0);
    steps_are("pwrite 1.marks\n" "unlink a\n");
    queue_store_sync_end(u->store, sync);
    steps_are("");
    assert_false(queue_spool_sync(u));
}

/* A move that came after the sync began may have missed it. */
static void a_move_during_a_sync_waits_for_the_next(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t first = queue_spool_commit(u, "a", 1, TEXT);
    apr_uint64_t second = queue_spool_commit(u, "b", 1, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, first);
    queue_spool_found_t *b = queue_spool_find(u, second);
    queue_store_sync_t *sync;

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    queue_spool_note(u, b, STORE_QUEUED_DEFERRED, 0, 1);
    queue_store_sync_end(u->store, sync);
    assert_int_equal(queue_spool_mark(u, first), STORE_QUEUE_MARK_OVER);
    assert_int_equal(queue_spool_mark(u, second), STORE_QUEUE_MARK_MOVED);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, second), STORE_QUEUE_MARK_OVER);
}

/* Moves of a process that died wait for a sync of the next. */
static void moves_are_taken_over(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place);
    unsigned int known, open;

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    queue_spool_open(u);
    queue_spool_scan_files(u);
    assert_int_equal(u->found->nelts, 1);
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_MOVED);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 1);
    queue_spool_sync(u);
    queue_spool_sync(u);
    queue_segments_count(u->store->segments, &known, &open);
    assert_int_equal(known, 0);
}

/* A name that a process left which died there. */
static void what_a_dead_process_left_is_no_hindrance(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    const char *path = apr_pstrcat(u->p, queue_spool_file(u, "a"), ".new",
                                   NULL);
    char *dir = apr_pstrdup(u->p, path);
    int fd;

    *strrchr(dir, '/') = '\0';
    assert_int_equal(mkdir(dir, 0700), 0);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "left", 4), 4);
    close(fd);
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1), 0);
    queue_spool_mail_is(u, a, TEXT);
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- A disk that fails ---- */

/* The kernel tells once, and may have dropped what it could not write. */
static void after_a_sync_that_failed_files_are_written_anew(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place);

    queue_spool_note(u, a, STORE_QUEUED_SENT, 0, 1);
    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 1, 3);
    queue_step.sync_error = EIO;
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_MOVED);
    assert_non_null(strstr(u->logged, "SM4255"));
    queue_step.sync_error = 0;
    queue_step_clear();
    assert_true(queue_spool_sync(u));
    steps_are("open a.new\n" "pwritev a.new\n"
              "rename a\n" "syncfs queue\n" "pwrite 1.marks\n");
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    queue_spool_restart(u);
    a = queue_spool_get(u, 0);
    assert_int_equal(a->states[0].what, STORE_QUEUED_SENT);
    assert_int_equal(a->states[1].attempts, 3);
    queue_spool_mail_is(u, a, TEXT);
}

static void what_the_kernel_dropped_comes_from_the_record(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    queue_step.sync_error = EIO;
    queue_spool_sync(u);
    queue_step.sync_error = 0;
    assert_int_equal(truncate(queue_spool_file(u, "a"), 100), 0);
    assert_true(queue_spool_sync(u));
    queue_spool_mail_is(u, a, TEXT);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 1);
    queue_spool_mail_is(u, queue_spool_get(u, 0), TEXT);
}

static void what_cannot_be_written_anew_is_tried_again(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place);

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 7);
    queue_step.sync_error = EIO;
    queue_spool_sync(u);
    queue_step.sync_error = 0;
    queue_step.rename_error = ENOSPC;
    assert_false(queue_spool_sync(u));
    assert_non_null(strstr(u->logged, "SM4254"));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_MOVED);
    queue_step.rename_error = 0;
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    queue_spool_restart(u);
    assert_int_equal(queue_spool_get(u, 0)->states[0].attempts, 7);
}

/* The first write is the mark, the second the file. */
static void a_full_disk_leaves_a_message_in_the_journal(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *large = queue_spool_text(u->p, 200000);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place), *b;

    queue_step.write_error = ENOSPC;
    queue_step.write_at = 2;
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1),
                     ENOSPC);
    assert_non_null(a->message.segment);
    assert_int_equal(queue_spool_names(u, "queue/43"), 0);
    queue_step.rename_error = ENOSPC;
    assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1),
                     ENOSPC);
    queue_step.rename_error = 0;
    assert_int_equal(queue_spool_names(u, "queue/43"), 0);
    queue_spool_mail_is(u, a, TEXT);
    b = queue_spool_find(u, queue_spool_commit_large(u, "b", 1, large, 3));
    queue_step.copy_error = ENOSPC;
    assert_int_equal(queue_spool_note(u, b, STORE_QUEUED_DEFERRED, 0, 1),
                     ENOSPC);
    assert_false(queue_spool_has_file(u, "b"));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 2);
    queue_spool_mail_is(u, queue_spool_by_id(u, "a"), TEXT);
    queue_spool_mail_is(u, queue_spool_by_id(u, "b"), large);
}

static void a_note_that_does_not_fit_was_never_made(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 2, TEXT));
    int can_truncate;

    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    for (can_truncate = 0; can_truncate < 2; can_truncate++) {
        apr_off_t before = queue_spool_file_octets(u, "a");

        queue_step.truncate_error = can_truncate ? 0 : EIO;
        queue_step.write_error = ENOSPC;
        queue_step.write_at = 1;
        assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 9),
                         ENOSPC);
        assert_int_equal(queue_spool_file_octets(u, "a") == before,
                         can_truncate);
        assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_SENT, 1, 2), 0);
    }
    queue_spool_restart(u);
    a = queue_spool_get(u, 0);
    assert_int_equal(a->states[0].attempts, 1);
    assert_int_equal(a->states[1].what, STORE_QUEUED_SENT);
}

/* Between file systems, or where the kernel is old. */
static void mail_data_is_copied_where_the_kernel_cannot(void **state)
{
    static const int errors[] = { EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM };
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 200001);
    size_t i;

    for (i = 0; i < UNIT_ROWS(errors); i++) {
        const char *id = apr_psprintf(u->p, "a%d", (int)i);
        apr_uint64_t place = queue_spool_commit_large(u, id, 1, text,
                                                      (apr_int64_t)i + 3);
        queue_spool_found_t *a = queue_spool_find(u, place);

        queue_step.copy_error = errors[i];
        assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1),
                         0);
        queue_spool_mail_is(u, a, text);
    }
    queue_step.copy_error = 0;
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, UNIT_ROWS(errors));
    assert_int_equal(queue_spool_get(u, 0)->states[0].attempts, 1);
}

/* ---- Many notes ---- */

static queue_spool_found_t *wear_out(queue_spool_t *u)
{
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    apr_uint32_t i;

    queue_spool_scan_files(u);
    queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    queue_spool_sync(u);
    for (i = 2; i <= 2000; i++) {
        queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, i);
    }
    queue_step_clear();
    return a;
}

static void a_new_file_is_durable_before_it_takes_the_place(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_store_sync_t *sync;

    wear_out(u);
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    steps_are("open a.new\n" "pwritev a.new\n" "copy a.new\n"
              "pwrite a.new\n" "fsync a.new\n");
    queue_store_sync_end(u->store, sync);
    steps_are("rename a\n");
    assert_true(queue_spool_file_octets(u, "a") < 1000);
}

static void a_new_file_that_is_not_durable_is_not_used(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a = wear_out(u);
    apr_off_t before = queue_spool_file_octets(u, "a");

    queue_step.fsync_error = EIO;
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_file_octets(u, "a"), before);
    assert_int_equal(queue_spool_names(u, "queue/43"), 1);
    assert_false(queue_spool_sync(u));
    queue_spool_mail_is(u, a, TEXT);
}

/* The scan removes each ID.new, which must not be the one being made. */
static void nothing_is_written_anew_before_all_files_are_read(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    apr_uint32_t i;

    for (i = 1; i <= 2000; i++) {
        queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, i);
    }
    assert_true(queue_spool_sync(u));
    assert_false(queue_spool_sync(u));
    assert_true(queue_spool_file_octets(u, "a") > 100000);
    queue_spool_scan_files(u);
    assert_true(queue_spool_sync(u));
    assert_true(queue_spool_file_octets(u, "a") < 1000);
}

/* It would get new checksums. */
static void damage_is_not_written_anew(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *a = wear_out(u);
    apr_off_t before = queue_spool_file_octets(u, "a");
    const char *path = queue_spool_file(u, "a");
    int fd = open(path, O_RDWR);
    char octets[512], *received;

    assert_int_equal(pread(fd, octets, sizeof(octets), 0), sizeof(octets));
    received = memchr(octets, 'R', sizeof(octets));
    assert_non_null(received);
    assert_int_equal(pwrite(fd, "X", 1, received - octets), 1);
    close(fd);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_file_octets(u, "a"), before);
    assert_int_equal(queue_spool_mail(u, &a->message, &received),
                     STORE_EDAMAGED);
}

/* ---- Few files may be open ---- */

static void segments_are_many_and_few_are_open(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    unsigned int known, open;
    int i, j;

    for (i = 0; i < 100; i++) {
        store_segment_t *segment =
            queue_spool_segment(u, i % 2 ? "18-a" : "19-b",
                                (apr_uint64_t)i + 1);

        for (j = 0; j < 2; j++) {
            apr_uint64_t place =
                queue_spool_put(u, segment, queue_spool_envelope(
                                    u->p, apr_psprintf(u->p, "a%d-%d", i, j),
                                    1), TEXT);

            store_segment_queue_mark(segment, place, STORE_QUEUE_MARK_SEND);
        }
        store_segment_close(segment);
    }
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 200);
    queue_segments_count(u->store->segments, &known, &open);
    assert_in_range(known, 100, 101);
    assert_in_range(open, 1, QUEUE_SEGMENT_OPEN_MAX);
    for (i = 0; i < 200; i++) {
        queue_spool_found_t *found = queue_spool_get(u, i * 7 % 200);

        queue_spool_mail_is(u, found, TEXT);
        assert_int_equal(i % 3
                         ? queue_store_end(u->store, &found->message)
                         : queue_spool_note(u, found, STORE_QUEUED_DEFERRED,
                                            0, 1), 0);
    }
    queue_segments_count(u->store->segments, &known, &open);
    assert_in_range(open, 1, QUEUE_SEGMENT_OPEN_MAX);
    queue_spool_sync(u);
    queue_spool_sync(u);
    queue_spool_sync(u);
    queue_segments_count(u->store->segments, &known, &open);
    assert_int_equal(known, 0);
    assert_int_equal(open, 0);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 67);
}

/* A reader keeps its segment; others make room. */
static void mail_that_is_read_stays_open(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 50000);
    queue_mail_t *mails[80];
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, u->p);
    for (i = 0; i < 80; i++) {
        store_segment_t *segment =
            queue_spool_segment(u, "18-a", (apr_uint64_t)i + 1);
        apr_uint64_t place =
            queue_spool_put(u, segment, queue_spool_envelope(
                                u->p, apr_psprintf(u->p, "a%d", i), 1), text);

        store_segment_queue_mark(segment, place, STORE_QUEUE_MARK_SEND);
        store_segment_close(segment);
    }
    queue_spool_scan_journal(u);
    for (i = 0; i < 80; i++) {
        assert_int_equal(queue_store_mail_open(
                             u->store, &queue_spool_get(u, i)->message, p,
                             &mails[i]), 0);
    }
    for (i = 0; i < 80; i++) {
        char *octets;

        assert_int_equal(queue_spool_mail_read(p, mails[i], &octets), 0);
        assert_string_equal(octets + strlen(QUEUE_SPOOL_TRACE), text);
    }
    apr_pool_destroy(p);
    queue_spool_mail_is(u, queue_spool_get(u, 3), text);
}

/* Whoever ends without closing the store lets APR close all pools, in an order
 * of its own. */
static void a_process_may_just_exit(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    int status;
    pid_t pid;

    queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    pid = fork();
    if (!pid) {
        apr_terminate();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void with_limit(rlim_t files)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = files;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -1;                  /* its own */

    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static void directories_are_opened_by_turns(void **state)
{
    struct rlimit before;
    queue_spool_t *u;
    int i, files;

    getrlimit(RLIMIT_NOFILE, &before);
    with_limit(128);
    u = queue_spool_create(*state);
    files = open_files();
    for (i = 0; i < 100; i++) {
        queue_spool_found_t *a = queue_spool_find(
            u, queue_spool_commit(u, apr_psprintf(u->p, "a%d", i), 1, TEXT));

        assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1),
                         0);
    }
    assert_in_range(open_files(), files, files + 128 / 16 + 2);
    queue_spool_sync(u);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 100);
    for (i = 0; i < 100; i++) {
        queue_spool_mail_is(u, queue_spool_get(u, i), TEXT);
        queue_store_end(u->store, &queue_spool_get(u, i)->message);
    }
    setrlimit(RLIMIT_NOFILE, &before);
}

/* Lets the scan have some files more than are open, until it needs more. */
static void scan_with(queue_spool_t *u, int files)
{
    apr_status_t rv;

    with_limit((rlim_t)(open_files() + 3 + files));
    do {
        rv = queue_store_scan_files(u->store, 3, u->scratch,
                                    queue_spool_keep, u);
    } while (rv == APR_SUCCESS);
    assert_int_equal(rv, EMFILE);
}

static void a_scan_without_free_files_goes_on_later(void **state)
{
    struct rlimit before;
    queue_spool_t *u = queue_spool_create(*state);
    int i, files;

    for (i = 0; i < 20; i++) {
        queue_spool_found_t *a = queue_spool_find(
            u, queue_spool_commit(u, apr_psprintf(u->p, "a%d", i), 1, TEXT));

        queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
    }
    queue_spool_sync(u);
    getrlimit(RLIMIT_NOFILE, &before);
    for (files = 0; files < 5; files++) {
        queue_spool_open(u);
        scan_with(u, files);
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(queue_store_scan_files(u->store, 5, u->scratch,
                                                queue_spool_keep, u), 0);
        scan_with(u, files);
        setrlimit(RLIMIT_NOFILE, &before);
        queue_spool_scan_files(u);
        assert_int_equal(u->found->nelts, 20);
    }
    assert_string_equal(u->logged, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_STEP_TEST(the_record_goes_after_its_file_is_durable),
        QUEUE_STEP_TEST(a_message_that_leaves_at_once_costs_one_write),
        QUEUE_STEP_TEST(what_is_over_before_it_is_durable_is_marked_first),
        QUEUE_STEP_TEST(a_move_during_a_sync_waits_for_the_next),
        QUEUE_STEP_TEST(moves_are_taken_over),
        QUEUE_STEP_TEST(what_a_dead_process_left_is_no_hindrance),
        QUEUE_STEP_TEST(after_a_sync_that_failed_files_are_written_anew),
        QUEUE_STEP_TEST(what_the_kernel_dropped_comes_from_the_record),
        QUEUE_STEP_TEST(what_cannot_be_written_anew_is_tried_again),
        QUEUE_STEP_TEST(a_full_disk_leaves_a_message_in_the_journal),
        QUEUE_STEP_TEST(a_note_that_does_not_fit_was_never_made),
        QUEUE_STEP_TEST(mail_data_is_copied_where_the_kernel_cannot),
        QUEUE_STEP_TEST(a_new_file_is_durable_before_it_takes_the_place),
        QUEUE_STEP_TEST(a_new_file_that_is_not_durable_is_not_used),
        QUEUE_STEP_TEST(nothing_is_written_anew_before_all_files_are_read),
        QUEUE_STEP_TEST(damage_is_not_written_anew),
        QUEUE_STEP_TEST(segments_are_many_and_few_are_open),
        QUEUE_STEP_TEST(mail_that_is_read_stays_open),
        QUEUE_STEP_TEST(a_process_may_just_exit),
        QUEUE_STEP_TEST(directories_are_opened_by_turns),
        QUEUE_STEP_TEST(a_scan_without_free_files_goes_on_later)
    };
    return UNIT_RUN(tests);
}
