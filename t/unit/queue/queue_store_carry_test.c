/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Large mail moves from a journal to a file while the loop does other things.
 */
#include "queue_spool.h"

#include "queue_step.h"

#define LARGE (2u * 1024 * 1024)

static void steps_are(const char *steps)
{
    assert_string_equal(queue_step.log, steps);
    queue_step_clear();
}

typedef struct large_t {
    queue_spool_t *spool;
    queue_spool_found_t *a;
    apr_uint64_t place;
    const char *text;
} large_t;

static int has_new(queue_spool_t *u)
{
    return access(apr_pstrcat(u->p, queue_spool_file(u, "a"), ".new", NULL),
                  F_OK) == 0;
}

static large_t *begin(apr_pool_t *p)
{
    large_t *l = apr_pcalloc(p, sizeof(*l));

    queue_step = (queue_step_t){ 0 };
    l->spool = queue_spool_create(p);
    l->text = queue_spool_text(p, LARGE);
    l->place = queue_spool_commit_large(l->spool, "a", 3, l->text, 7);
    l->a = queue_spool_find(l->spool, l->place);
    assert_non_null(l->a);
    queue_step_clear();
    return l;
}

/* What another process finds. */
static void restart(large_t *l)
{
    queue_spool_restart(l->spool);
    assert_int_equal(l->spool->found->nelts, 1);
    l->a = queue_spool_get(l->spool, 0);
    queue_spool_mail_is(l->spool, l->a, l->text);
}

static void a_thread_copies_it(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    queue_store_sync_t *sync;

    assert_int_equal(queue_spool_note(u, l->a, STORE_QUEUED_SENT, 0, 1), 0);
    assert_int_equal(queue_spool_note(u, l->a, STORE_QUEUED_DEFERRED, 1, 1),
                     0);
    assert_true(queue_store_is_behind(u->store));
    sync = queue_store_sync_begin(u->store);
    assert_non_null(sync);
    steps_are("");
    queue_store_sync_run(sync);
    steps_are("mkdir 43\n" "open a.new\n" "pwritev a.new\n" "copy a.new\n");
    /* What happens meanwhile counts, and the mail can be sent. */
    assert_int_equal(queue_spool_note(u, l->a, STORE_QUEUED_FAILED, 2, 1), 0);
    queue_spool_mail_is(u, l->a, l->text);
    assert_non_null(l->a->message.segment);
    steps_are("");
    queue_store_sync_end(u->store, sync);
    steps_are("pwrite a.new\n" "pwrite 1.marks\n" "rename a\n");
    assert_null(l->a->message.segment);
    assert_false(queue_store_is_behind(u->store));
    queue_spool_mail_is(u, l->a, l->text);
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_MOVED);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_OVER);
    assert_false(queue_spool_sync(u));
    restart(l);
    assert_int_equal(l->a->states[0].what, STORE_QUEUED_SENT);
    assert_int_equal(l->a->states[1].what, STORE_QUEUED_DEFERRED);
    assert_int_equal(l->a->states[2].what, STORE_QUEUED_FAILED);
    assert_string_equal(u->logged, "");
}

static void what_is_over_meanwhile_leaves_nothing(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    queue_store_sync_t *sync;

    queue_spool_note(u, l->a, STORE_QUEUED_DEFERRED, 0, 1);
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    assert_int_equal(queue_store_end(u->store, &l->a->message), 0);
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_OVER);
    queue_store_sync_end(u->store, sync);
    assert_false(queue_spool_has_file(u, "a"));
    assert_false(has_new(u));
    assert_false(queue_spool_sync(u));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
}

/* The scan at the start removes what dead processes left, and only that. */
static void a_scan_leaves_it_alone(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    queue_store_sync_t *sync;

    queue_spool_note(u, l->a, STORE_QUEUED_DEFERRED, 0, 1);
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    queue_spool_scan_files(u);
    queue_store_sync_end(u->store, sync);
    restart(l);
    assert_int_equal(l->a->states[0].what, STORE_QUEUED_DEFERRED);
    assert_string_equal(u->logged, "");
}

static void who_dies_amid_it_leaves_the_record(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;

    queue_spool_note(u, l->a, STORE_QUEUED_DEFERRED, 0, 1);
    queue_store_sync_run(queue_store_sync_begin(u->store));
    assert_true(has_new(u));
    restart(l);
    assert_null(l->a->states);
    assert_false(has_new(u));
}

static void a_full_disk_is_waited_for(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    int i = 0;

    queue_spool_note(u, l->a, STORE_QUEUED_SENT, 0, 1);
    queue_step.write_at = 1;
    queue_step.write_error = ENOSPC;
    assert_true(queue_spool_sync(u));
    assert_false(has_new(u));
    assert_non_null(l->a->message.segment);
    assert_false(queue_store_is_behind(u->store));
    assert_string_equal(u->logged, "SM4258: a: its file in the queue could "
                        "not be written; what has happened to it waits in "
                        "memory until it can\n");
    while (!queue_spool_sync(u)) {
        i++;
    }
    assert_int_equal(i, 10);
    restart(l);
    assert_int_equal(l->a->states[0].what, STORE_QUEUED_SENT);
}

static void mail_data_that_is_cut_is_set_aside(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;

    queue_spool_note(u, l->a, STORE_QUEUED_SENT, 0, 1);
    assert_int_equal(truncate(queue_spool_path(u, "journal/"
                                               QUEUE_SPOOL_DIR "/7.mail"),
                              LARGE / 2), 0);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_OVER);
    assert_true(queue_spool_names(u, "damaged") > 0);
    assert_int_equal(queue_spool_note(u, l->a, STORE_QUEUED_SENT, 1, 1),
                     STORE_EDAMAGED);
    assert_int_equal(queue_store_end(u->store, &l->a->message), 0);
    assert_false(queue_spool_sync(u));
}

/* As small files after a sync that failed; and with what was noted since. */
static void after_a_sync_that_failed_it_is_written_anew(void **state)
{
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    queue_store_sync_t *sync;

    queue_spool_note(u, l->a, STORE_QUEUED_SENT, 0, 1);
    assert_true(queue_spool_sync(u));
    queue_step.sync_error = EIO;
    assert_true(queue_spool_sync(u));
    queue_step.sync_error = 0;
    queue_step_clear();
    sync = queue_store_sync_begin(u->store);
    steps_are("");
    queue_store_sync_run(sync);
    queue_step_clear();
    assert_int_equal(queue_spool_note(u, l->a, STORE_QUEUED_SENT, 1, 1), 0);
    steps_are("pwrite a\n");
    queue_store_sync_end(u->store, sync);
    steps_are("pwrite a.new\n" "rename a\n");
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_OVER);
    restart(l);
    assert_int_equal(l->a->states[0].what, STORE_QUEUED_SENT);
    assert_int_equal(l->a->states[1].what, STORE_QUEUED_SENT);
}

/* Its file may have holes: that is not looked at in the loop. */
static void after_a_power_loss_it_is_written_anew(void **state)
{
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS] = { 1 };
    large_t *l = begin(*state);
    queue_spool_t *u = l->spool;
    int fd;

    assert_int_equal(queue_store_end(u->store, &l->a->message), 0);
    assert_int_equal(store_segment_begin(u->segment, boot), 0);
    queue_spool_open(u);
    l->place = queue_spool_commit_large(u, "b", 1, l->text, 8);
    l->a = queue_spool_find(u, l->place);
    queue_spool_note(u, l->a, STORE_QUEUED_DEFERRED, 0, 1);
    assert_true(queue_spool_sync(u));
    fd = open(queue_spool_file(u, "b"), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(store_io_pwrite(fd, "????", 4, LARGE / 2), 0);
    close(fd);
    queue_spool_open(u);
    queue_spool_scan_files(u);
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_MOVED);
    assert_true(queue_spool_sync(u));
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, l->place), STORE_QUEUE_MARK_OVER);
    restart(l);
    assert_int_equal(l->a->states[0].what, STORE_QUEUED_DEFERRED);
    assert_string_equal(u->logged, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_thread_copies_it),
        UNIT_TEST(what_is_over_meanwhile_leaves_nothing),
        UNIT_TEST(a_scan_leaves_it_alone),
        UNIT_TEST(who_dies_amid_it_leaves_the_record),
        UNIT_TEST(a_full_disk_is_waited_for),
        UNIT_TEST(mail_data_that_is_cut_is_set_aside),
        UNIT_TEST(after_a_sync_that_failed_it_is_written_anew),
        UNIT_TEST(after_a_power_loss_it_is_written_anew)
    };

    return UNIT_RUN(tests);
}
