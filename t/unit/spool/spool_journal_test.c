/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include <apr_thread_proc.h>
#include <sys/file.h>

#include "spool_fault.h"

#define THREADS 16
#define EACH    100

typedef struct writer_t {
    spool_unit_t *u;
    int number;
    apr_status_t rv[EACH];
} writer_t;

static void *APR_THREAD_FUNC write_many(apr_thread_t *thread, void *data)
{
    writer_t *w = data;
    apr_pool_t *p;
    int i;

    (void)thread;
    apr_pool_create(&p, NULL);
    for (i = 0; i < EACH; i++) {
        const char *text = apr_psprintf(p, "Subject: %d.%d\r\n\r\n%0*d\r\n",
                                        w->number, i, i * 50 + 1, 0);
        spool_entry_t *entry =
            spool_unit_entry(p, spool_unit_envelope(p, "bob"), text);

        w->rv[i] = spool_journal_append(w->u->journal, entry);
        if (w->rv[i] == APR_SUCCESS) {
            spool_unit_settle(w->u, entry, 0);
        }
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

/* Returns how many were acknowledged. */
static int write_at_once(spool_unit_t *u, writer_t writers[THREADS])
{
    apr_thread_t *threads[THREADS];
    int i, j, acknowledged = 0;
    apr_status_t rv;

    for (i = 0; i < THREADS; i++) {
        writers[i].u = u;
        writers[i].number = i;
        assert_int_equal(apr_thread_create(&threads[i], NULL, write_many,
                                           &writers[i], u->p), 0);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
        for (j = 0; j < EACH; j++) {
            acknowledged += writers[i].rv[j] == APR_SUCCESS;
        }
    }
    return acknowledged;
}

/* Whether a message with this subject is in a Maildir, once. */
static int times_there(spool_unit_t *u, apr_array_header_t *mails, int writer,
                       int n)
{
    const char *wanted = apr_psprintf(u->p, "\nSubject: %d.%d\n\n%0*d\n",
                                      writer, n, n * 50 + 1, 0);
    int i, times = 0;

    for (i = 0; i < mails->nelts; i++) {
        times += strstr(APR_ARRAY_IDX(mails, i, char *), wanted) != NULL;
    }
    return times;
}

static apr_array_header_t *read_all(spool_unit_t *u)
{
    apr_array_header_t *names =
        spool_unit_names(u, "mail/example.com/bob/new");
    int i;

    for (i = 0; i < names->nelts; i++) {
        APR_ARRAY_IDX(names, i, char *) =
            spool_unit_read(u, apr_pstrcat(u->p, "mail/example.com/bob/new/",
                                           APR_ARRAY_IDX(names, i, char *),
                                           NULL), NULL);
    }
    return names;
}

static void what_many_sessions_commit_at_once_is_all_there(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    writer_t *writers = apr_pcalloc(u->p, THREADS * sizeof(*writers));
    apr_array_header_t *mails;
    int i, j;

    spool_fault.fdatasync.is_faked = 0;
    assert_int_equal(write_at_once(u, writers), THREADS * EACH);
    /* They shared their syncs. */
    assert_true(spool_fault.fdatasync.calls < THREADS * EACH);
    assert_true(u->journal->full_count > 0);
    spool_unit_crash(u);
    spool_unit_recover(u);
    mails = read_all(u);
    assert_int_equal(mails->nelts, THREADS * EACH);
    for (i = 0; i < THREADS; i++) {
        for (j = 0; j < EACH; j++) {
            assert_int_equal(times_there(u, mails, i, j), 1);
        }
    }
    assert_string_equal(u->logged, "");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* For a while each sync fails, then all is well again. */
static void what_was_refused_is_not_delivered(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    writer_t *writers = apr_pcalloc(u->p, THREADS * sizeof(*writers));
    apr_array_header_t *mails;
    int i, j, acknowledged;

    spool_unit_commit(u, "bob", "first");
    spool_fault.fdatasync.error = EIO;
    assert_int_equal(write_at_once(u, writers), 0);
    spool_fault.fdatasync.error = 0;
    acknowledged = write_at_once(u, writers);
    assert_int_equal(acknowledged, THREADS * EACH);
    assert_non_null(strstr(u->logged, "SM2001: could not write to journal"));
    spool_unit_crash(u);
    spool_unit_recover(u);
    mails = read_all(u);
    assert_int_equal(mails->nelts, acknowledged + 1);
    for (i = 0; i < THREADS; i++) {
        for (j = 0; j < EACH; j++) {
            assert_int_equal(times_there(u, mails, i, j), 1);
        }
    }
}

static void a_segment_is_not_written_again_after_a_failed_sync(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *before = spool_unit_commit(u, "bob", "before"), *after;
    spool_entry_t *entry =
        spool_unit_entry(u->p, spool_unit_envelope(u->p, "bob"), "refused");

    spool_fault.fdatasync.error = EIO;
    assert_int_equal(spool_journal_append(u->journal, entry), EIO);
    spool_fault.fdatasync.error = 0;
    after = spool_unit_commit(u, "bob", "after");
    assert_ptr_not_equal(before->segment, after->segment);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 2);
}

/* A full disk is no reason to trust the segment less. */
static void a_full_disk_leaves_the_segment_as_it_is(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = spool_unit_commit(u, "bob", "one");
    struct iovec piece = { "", 0 };
    int fd = entry->segment->fd;

    entry->segment->zeroed = entry->segment->tail;
    entry->segment->fd = open("/dev/full", O_RDWR);
    assert_int_equal(store_segment_append(entry->segment, &piece, 1, 512),
                     ENOSPC);
    assert_false(entry->segment->is_failed);
    close(entry->segment->fd);
    entry->segment->fd = fd;
    spool_unit_commit(u, "bob", "two");
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 2);
}

static void a_record_too_large_is_an_error_not_a_loop(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_size_t max = (apr_size_t)spool_journal_record_max(u->journal);
    char *text = apr_pcalloc(u->p, max + 1);
    spool_entry_t *entry;

    memset(text, 'x', max);
    entry = spool_unit_entry(u->p, spool_unit_envelope(u->p, "bob"), text);
    assert_int_equal(spool_journal_append(u->journal, entry), EMSGSIZE);
    /* The largest that fits, and with it the next one's segment. */
    text[max - STORE_RECORD_HEADER_OCTETS - entry->record.envelope_len
         - entry->record.trace_len] = '\0';
    spool_unit_commit(u, "bob", text);
    spool_unit_commit(u, "bob", "small");
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 2);
}

static void nothing_is_taken_after_the_stop(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry =
        spool_unit_entry(u->p, spool_unit_envelope(u->p, "bob"), "late");

    spool_unit_commit(u, "bob", "in time");
    spool_journal_stop(u->journal);
    assert_int_equal(spool_journal_append(u->journal, entry), ESHUTDOWN);
    /* Its session is gone: the keeper delivers it. */
    assert_int_equal(u->journal->retries, 1);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    spool_journal_close(u->journal);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void what_is_undelivered_outlives_the_process(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_commit(u, "bob", "undelivered");
    spool_journal_stop(u->journal);
    spool_journal_close(u->journal);
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    spool_unit_process(u, 1024 * 1024);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void a_process_without_mail_leaves_no_trace(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_journal_stop(u->journal);
    spool_journal_close(u->journal);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void nobody_takes_the_journal_of_a_living_process(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    int dir, own;

    assert_int_equal(spool_journal_dir_get(u->journal, &own), 0);
    dir = openat(u->journal_fd, u->journal->name, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    assert_int_equal(flock(dir, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(dir);
    assert_true(fcntl(own, F_GETFD) & FD_CLOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(what_many_sessions_commit_at_once_is_all_there),
        SPOOL_FAULT_TEST(what_was_refused_is_not_delivered),
        SPOOL_FAULT_TEST(a_segment_is_not_written_again_after_a_failed_sync),
        SPOOL_FAULT_TEST(a_full_disk_leaves_the_segment_as_it_is),
        SPOOL_FAULT_TEST(a_record_too_large_is_an_error_not_a_loop),
        SPOOL_FAULT_TEST(nothing_is_taken_after_the_stop),
        SPOOL_FAULT_TEST(what_is_undelivered_outlives_the_process),
        SPOOL_FAULT_TEST(a_process_without_mail_leaves_no_trace),
        SPOOL_FAULT_TEST(nobody_takes_the_journal_of_a_living_process)
    };
    return UNIT_RUN(tests);
}
