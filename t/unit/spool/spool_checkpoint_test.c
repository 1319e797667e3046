/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include "spool_fault.h"

static char *filler(apr_pool_t *p)
{
    char *text = apr_pcalloc(p, 100001);

    memset(text, 'f', 100000);
    return text;
}

/* Delivers until the journal has so many full segments. */
static void fill(spool_unit_t *u, unsigned int full)
{
    const char *text = filler(u->p);

    while (u->journal->full_count < full) {
        spool_unit_deliver(u, "filler", text);
    }
}

static int segment_files(spool_unit_t *u)
{
    return spool_unit_count(u, apr_pstrcat(u->p, "journal/",
                                           u->journal->name, NULL)) / 2;
}

static void segments_are_used_again_when_all_is_durable(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    fill(u, 3);
    assert_int_equal(segment_files(u), 4);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
    assert_int_equal(u->journal->delivered, 0);
    assert_int_equal(u->journal->free_count, 3);
    fill(u, 3);
    assert_int_equal(segment_files(u), 4);
    assert_int_equal(u->journal->free_count, 0);
    /* None of it is delivered again. */
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_string_equal(u->logged, "");
}

static void free_segments_that_nobody_needs_go(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    int i;

    fill(u, 4);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->free_count, 4);
    for (i = 0; i < 10; i++) {
        assert_int_equal(spool_unit_checkpoint(u), 0);
    }
    assert_int_equal(u->journal->free_count, 1);
    assert_int_equal(segment_files(u), u->journal->current ? 2 : 1);
}

static void an_undelivered_mail_keeps_its_segment(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = spool_unit_commit(u, "bob", "waits\r\n");

    fill(u, 2);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 1);
    spool_unit_settle(u, entry, 0);
    assert_int_equal(u->journal->retries, 1);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(u->journal->retries, 0);
    assert_string_equal(spool_unit_mail(u, "bob"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"),
                                    "waits\n", NULL));
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
}

static void a_mail_that_cannot_be_delivered_is_tried_until_it_can(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    int i;

    assert_int_equal(symlinkat("nowhere", u->mail_fd, "example.com"), 0);
    spool_unit_settle(u, spool_unit_commit(u, "bob", "waits\r\n"), 0);
    for (i = 0; i < 3; i++) {
        assert_int_not_equal(spool_unit_retry(u), 0);
        assert_int_equal(spool_unit_checkpoint(u), 0);
        assert_int_equal(u->journal->retries, 1);
    }
    assert_int_equal(unlinkat(u->mail_fd, "example.com", 0), 0);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* Whether there is an attempt at this second. */
static int is_tried(spool_unit_t *u, int second)
{
    return spool_checkpoint_retry(u->journal, u->maildir, &u->damaged,
                                  apr_time_from_sec(second), u->p) != 0;
}

/* A mailbox is full for a day: the more often it was tried, the less often it
 * is. What fails for the first time does not wait for that. */
static void a_full_mailbox_does_not_keep_the_disk_busy(void **state)
{
    static const int times[] = { 1000, 1010, 1030, 1070, 1150, 1310, 1630,
                                 2230, 2830 };
    spool_unit_t *u = spool_unit_create(*state);
    size_t i;

    assert_int_equal(symlinkat("nowhere", u->mail_fd, "example.com"), 0);
    spool_unit_settle(u, spool_unit_commit(u, "bob", "waits\r\n"), 0);
    for (i = 0; i < UNIT_ROWS(times); i++) {
        assert_true(is_tried(u, times[i]));
        assert_false(is_tried(u, times[i]));
        assert_false(is_tried(u, times[i] + 9));
        if (i + 1 < UNIT_ROWS(times)) {
            assert_false(is_tried(u, times[i + 1] - 1));
        }
    }
    spool_unit_settle(u, spool_unit_commit(u, "alice", "new\r\n"), 0);
    assert_true(is_tried(u, 2831));
    assert_false(is_tried(u, 2840));
    assert_true(is_tried(u, 2841));
    assert_int_equal(u->journal->retries, 2);
}

/* A checkpoint's sync fails: the copies may be lost though they are seen. */
static void a_failed_sync_of_mailboxes_loses_nothing(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    char *path;

    spool_unit_deliver(u, "bob", "whole\r\n");
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), EIO);
    assert_non_null(strstr(u->logged, "SM2020"));
    spool_fault.syncfs.error = 0;
    path = apr_pstrcat(u->p, u->path, "/mail/example.com/bob/new/",
                       APR_ARRAY_IDX(spool_unit_names(
                           u, "mail/example.com/bob/new"), 0, char *), NULL);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(u->journal->retries, 1);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_string_equal(spool_unit_mail(u, "bob"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"),
                                    "whole\n", NULL));
    assert_int_equal(u->journal->delivered, 1);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->delivered, 0);
}

/* Copies that are not settled when a sync fails may have been written before
 * it, and no later sync tells of them. */
static void a_failed_sync_is_about_deliveries_that_go_on(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *under_way = spool_unit_commit(u, "bob", "one\r\n");
    spool_entry_t *in_part = spool_unit_commit(u, "carol", "two\r\n");
    unsigned char mark;

    spool_unit_settle(u, in_part, 0);
    spool_unit_deliver(u, "alice", "three\r\n");
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), EIO);
    spool_unit_settle(u, under_way, 1);
    assert_int_equal(u->journal->retries, 3);
    assert_int_equal(u->journal->delivered, 0);
    mark = STORE_SEGMENT_MARK(under_way->segment, under_way->record.place);
    assert_int_equal(mark, STORE_MARK_REPAIR);
    mark = STORE_SEGMENT_MARK(in_part->segment, in_part->record.place);
    assert_int_equal(mark, STORE_MARK_REPAIR);
    spool_fault.syncfs.error = 0;
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_mails(u, "carol"), 1);
    assert_int_equal(u->journal->retries, 0);
    assert_int_equal(u->journal->delivered, 0);
}

/* Power is lost after the checkpoint: what its reader moved away stays so. */
static void what_was_checkpointed_does_not_come_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "bob", "one\r\n");
    assert_int_equal(spool_unit_checkpoint(u), 0);
    spool_unit_remove(apr_pstrcat(u->p, u->path, "/mail/example.com/bob",
                                  NULL));
    spool_unit_deliver(u, "alice", "two\r\n");
    spool_unit_crash(u);
    memset(u->recovery.boot, 'b', sizeof(u->recovery.boot));
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_unit_mails(u, "alice"), 1);
}

/* A message whose mail data is in a file. */
static spool_entry_t *commit_with_file(spool_unit_t *u, const char *name,
                                       const char *text)
{
    store_envelope_t *envelope = spool_unit_envelope(u->p, name);
    char file[SPOOL_JOURNAL_NAME_OCTETS];
    spool_entry_t *entry;
    int dir, fd;

    assert_int_equal(spool_journal_dir_get(u->journal, &dir), 0);
    envelope->file_number =
        (apr_int64_t)spool_journal_number_make(u->journal);
    envelope->file_octets = (apr_int64_t)strlen(text);
    envelope->file_crc = store_record_crc(0, text, strlen(text));
    spool_journal_name_write(file, (apr_uint64_t)envelope->file_number,
                             "mail");
    fd = openat(dir, file, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    entry = spool_unit_entry(u->p, envelope, "");
    assert_int_equal(spool_journal_append(u->journal, entry), 0);
    return entry;
}

static int journal_files(spool_unit_t *u, const char *kind)
{
    apr_array_header_t *names =
        spool_unit_names(u, apr_pstrcat(u->p, "journal/", u->journal->name,
                                        NULL));
    int i, n = 0;

    for (i = 0; i < names->nelts; i++) {
        n += strstr(APR_ARRAY_IDX(names, i, char *), kind) != NULL;
    }
    return n;
}

static void a_file_of_mail_data_goes_when_its_mail_is_durable(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *one = commit_with_file(u, "bob", "large one\r\n");
    spool_entry_t *two = commit_with_file(u, "alice", "large two\r\n");

    assert_int_equal(journal_files(u, ".mail"), 2);
    spool_unit_settle(u, one, 0);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(journal_files(u, ".mail"), 2);
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), EIO);
    assert_int_equal(journal_files(u, ".mail"), 2);
    spool_fault.syncfs.error = 0;
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(journal_files(u, ".mail"), 1);
    spool_unit_settle(u, two, 0);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(journal_files(u, ".mail"), 0);
    assert_string_equal(spool_unit_mail(u, "alice"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "alice"),
                                    "large two\n", NULL));
}

/* Its marks must be durable before the file goes: a recovery that finds
 * neither mark nor file would take it for damage. */
static void a_file_of_mail_data_stays_while_its_mark_may_be_lost(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_settle(u, commit_with_file(u, "bob", "large\r\n"), 0);
    assert_int_equal(spool_unit_retry(u), 0);
    spool_fault.fdatasync.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(journal_files(u, ".mail"), 1);
}

/* The disk is full: no room for the mark. */
static void a_file_of_mail_data_stays_while_its_mark_is_missing(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_settle(u, commit_with_file(u, "bob", "large\r\n"), 0);
    assert_int_equal(spool_unit_retry(u), 0);
    spool_fault.pwrite.error = ENOSPC;
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(journal_files(u, ".mail"), 1);
    spool_fault.pwrite.error = 0;
    fill(u, 1);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
    assert_int_equal(journal_files(u, ".mail"), 0);
}

static void damage_in_the_journal_is_kept_and_named(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = commit_with_file(u, "bob", "large\r\n");
    char *path = apr_psprintf(u->p, "%s/journal/%s/%d.mail", u->path,
                              u->journal->name, (int)entry->file_number);
    int fd = open(path, O_WRONLY);

    assert_int_equal(pwrite(fd, "X", 1, 2), 1);
    close(fd);
    spool_unit_settle(u, entry, 0);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_non_null(strstr(u->logged, "SM2011"));
    assert_non_null(strstr(u->logged, "SM2013"));
    assert_int_equal(spool_unit_count(u, "damaged"), 2);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->retries, 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(segments_are_used_again_when_all_is_durable),
        SPOOL_FAULT_TEST(free_segments_that_nobody_needs_go),
        SPOOL_FAULT_TEST(an_undelivered_mail_keeps_its_segment),
        SPOOL_FAULT_TEST(a_mail_that_cannot_be_delivered_is_tried_until_it_can),
        SPOOL_FAULT_TEST(a_full_mailbox_does_not_keep_the_disk_busy),
        SPOOL_FAULT_TEST(a_failed_sync_of_mailboxes_loses_nothing),
        SPOOL_FAULT_TEST(a_failed_sync_is_about_deliveries_that_go_on),
        SPOOL_FAULT_TEST(what_was_checkpointed_does_not_come_again),
        SPOOL_FAULT_TEST(a_file_of_mail_data_goes_when_its_mail_is_durable),
        SPOOL_FAULT_TEST(a_file_of_mail_data_stays_while_its_mark_may_be_lost),
        SPOOL_FAULT_TEST(a_file_of_mail_data_stays_while_its_mark_is_missing),
        SPOOL_FAULT_TEST(damage_in_the_journal_is_kept_and_named)
    };
    return UNIT_RUN(tests);
}
