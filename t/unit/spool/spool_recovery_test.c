/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include <sys/wait.h>

#include "spool_fault.h"
#include "store_octets.h"

/* The directory of the process that is going to die. */
static char *owner_path(spool_unit_t *u, const char *name)
{
    return apr_pstrcat(u->p, u->path, "/journal/", u->journal->name, "/",
                       name, NULL);
}

static void write_at(const char *path, const void *octets, size_t len,
                     off_t at)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, octets, len, at), (ssize_t)len);
    close(fd);
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char octet;

    assert_int_equal(pread(fd, &octet, 1, at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    close(fd);
}

static void check_mail(spool_unit_t *u, const char *name, const char *text)
{
    assert_string_equal(spool_unit_mail(u, name),
                        apr_pstrcat(u->p, spool_unit_top(u->p, name), text,
                                    NULL));
}

static void acknowledged_mail_outlives_its_process(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_commit(u, "alice", "one\r\n");
    spool_unit_commit(u, "bob", "two\r\n");
    spool_unit_crash(u);
    spool_unit_recover(u);
    check_mail(u, "alice", "one\n");
    check_mail(u, "bob", "two\n");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_string_equal(u->logged, "");
}

/* The last write was cut at each octet: what was acknowledged before it is
 * there, and what is not whole is not. */
static void a_write_cut_anywhere_loses_nothing_before_it(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_uint64_t place, end, cut;
    spool_entry_t *entry;
    char *octets, *path;
    apr_size_t len;

    spool_unit_commit(u, "alice", "one\r\n");
    spool_unit_commit(u, "bob", "two\r\n");
    entry = spool_unit_commit(u, "carol", "three\r\n");
    place = entry->record.place;
    end = place + STORE_RECORD_HEADER_OCTETS
        + store_record_payload_octets(&entry->record);
    path = owner_path(u, "1.seg");
    octets = spool_unit_read(u, path + strlen(u->path) + 1, &len);
    for (cut = place; cut <= end; cut++) {
        const char *dir = apr_psprintf(u->p, "%s/journal/1-%d", u->path,
                                       (int)cut);
        int fd;

        assert_int_equal(mkdir(dir, 0700), 0);
        fd = open(apr_pstrcat(u->p, dir, "/1.seg", NULL), O_CREAT | O_RDWR,
                  0600);
        assert_int_equal(write(fd, octets, (size_t)cut), (ssize_t)cut);
        if (cut % 2) {
            assert_int_equal(ftruncate(fd, (off_t)len), 0);
        }
        close(fd);
        spool_unit_recover(u);
        assert_int_equal(access(dir, F_OK), -1);
        check_mail(u, "alice", "one\n");
        check_mail(u, "bob", "two\n");
        assert_int_equal(spool_unit_mails(u, "carol"), cut == end);
        assert_int_equal(spool_unit_count(u, "damaged"), 0);
    }
    check_mail(u, "carol", "three\n");
    assert_string_equal(u->logged, "");
}

/* A record before the last group is durable: if it is not whole, somebody
 * lost mail, and must hear of it. */
static void damage_amid_the_journal_is_kept_and_named(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry;
    char *octets, *path;
    apr_size_t len;
    apr_uint64_t at, end;

    spool_unit_commit(u, "alice", "one\r\n");
    entry = spool_unit_commit(u, "bob", "two\r\n");
    spool_unit_commit(u, "carol", "three\r\n");
    path = owner_path(u, "1.seg");
    octets = spool_unit_read(u, path + strlen(u->path) + 1, &len);
    end = entry->record.place + STORE_RECORD_HEADER_OCTETS
        + store_record_payload_octets(&entry->record);
    for (at = entry->record.place; at < end; at++) {
        const char *name = apr_psprintf(u->p, "1-%d", (int)at);
        const char *dir = apr_psprintf(u->p, "%s/journal/%s", u->path, name);
        const char *segment = apr_pstrcat(u->p, dir, "/1.seg", NULL);
        int fd;

        assert_int_equal(mkdir(dir, 0700), 0);
        fd = open(segment, O_CREAT | O_RDWR, 0600);
        assert_int_equal(write(fd, octets, len), (ssize_t)len);
        close(fd);
        flip(segment, (off_t)at);
        u->logged[0] = '\0';
        spool_unit_recover(u);
        assert_non_null(strstr(u->logged,
                               apr_psprintf(u->p, "SM2011: journal: a damaged"
                                            " record: kept as damaged/%s-1-%d"
                                            "\n", name,
                                            (int)entry->record.place)));
        check_mail(u, "alice", "one\n");
        check_mail(u, "carol", "three\n");
        assert_int_equal(spool_unit_mails(u, "bob"), 0);
    }
    assert_int_equal(spool_unit_count(u, "damaged"),
                     end - entry->record.place);
}

/* Records of one write may be torn among themselves: the later ones of them
 * on disk, the earlier not. None was acknowledged. */
static void a_hole_in_the_last_write_is_no_damage(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    spool_entry_t *first, *second;

    spool_unit_commit(u, "alice", "one\r\n");
    first = spool_unit_commit(u, "bob", "torn\r\n");
    second = spool_unit_commit(u, "carol", "whole\r\n");
    second->record.group = first->record.place;
    store_record_write(&second->record, header);
    write_at(owner_path(u, "1.seg"), header, sizeof(header),
             (off_t)second->record.place);
    flip(owner_path(u, "1.seg"), (off_t)first->record.place + 40);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_string_equal(u->logged, "");
    assert_int_equal(spool_unit_mails(u, "alice"), 1);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_unit_mails(u, "carol"), 1);
}

/* Its neighbour of the same write was delivered, so the write was completed
 * and acknowledged: this is no torn write but rot. */
static void damage_in_the_last_write_is_kept_when_it_was_completed(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    spool_entry_t *first, *second;

    first = spool_unit_deliver(u, "bob", "whole\r\n");
    second = spool_unit_commit(u, "carol", "rotten\r\n");
    second->record.group = first->record.place;
    store_record_write(&second->record, header);
    write_at(owner_path(u, "1.seg"), header, sizeof(header),
             (off_t)second->record.place);
    flip(owner_path(u, "1.seg"), (off_t)second->record.place
                                 + STORE_RECORD_HEADER_OCTETS);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_non_null(strstr(u->logged, "SM2011"));
    assert_int_equal(spool_unit_count(u, "damaged"), 1);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void wait_for(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* Killed while it kept what is damaged: the next one does not take a piece
 * for the whole. */
static void damage_is_kept_whole(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = spool_unit_commit(u, "bob", "two\r\n");
    apr_array_header_t *names;
    apr_size_t len;
    pid_t pid;

    spool_unit_commit(u, "carol", "three\r\n");
    flip(owner_path(u, "1.seg"), (off_t)entry->record.place + 70);
    spool_unit_crash(u);
    pid = fork();
    if (pid == 0) {
        spool_fault.fsync.is_deadly = 1;
        spool_recovery_run(&u->recovery, u->p);
        _exit(0);
    }
    wait_for(pid);
    names = spool_unit_names(u, "damaged");
    if (names->nelts) {          /* what was in the cache is lost */
        assert_int_equal(truncate(apr_pstrcat(u->p, u->path, "/damaged/",
                                              APR_ARRAY_IDX(names, 0, char *),
                                              NULL), 1), 0);
    }
    spool_unit_recover(u);
    names = spool_unit_names(u, "damaged");
    assert_int_equal(names->nelts, 1);
    spool_unit_read(u, apr_pstrcat(u->p, "damaged/",
                                   APR_ARRAY_IDX(names, 0, char *), NULL),
                    &len);
    assert_int_equal(len, store_record_octets(&entry->record));
}

/* It may be the damaged record's. */
static void mail_data_that_cannot_be_set_aside_stays(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = spool_unit_commit(u, "bob", "two\r\n");
    const char *file = owner_path(u, "9.mail");
    apr_pool_t *p;

    spool_unit_commit(u, "carol", "three\r\n");
    close(open(file, O_CREAT | O_WRONLY, 0600));
    flip(owner_path(u, "1.seg"), (off_t)entry->record.place + 70);
    spool_unit_crash(u);
    spool_fault.renameat.error = EIO;
    apr_pool_create(&p, u->p);
    assert_int_equal(spool_recovery_run(&u->recovery, p), EIO);
    assert_int_equal(access(file, F_OK), 0);
    spool_fault.renameat.error = 0;
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "damaged"), 2);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* The segment's header is damaged: whose the file is nobody can tell. */
static void mail_data_of_a_damaged_segment_is_kept(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_commit(u, "bob", "two\r\n");
    close(open(owner_path(u, "9.mail"), O_CREAT | O_WRONLY, 0600));
    flip(owner_path(u, "1.seg"), 9);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "damaged"), 2);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* Power was lost between the making of a segment and its first record. */
static void a_segment_of_zeros_is_no_damage(void **state)
{
    static const char zeros[64];
    spool_unit_t *u = spool_unit_create(*state);
    spool_entry_t *entry = spool_unit_commit(u, "bob", "text\r\n");

    write_at(owner_path(u, "1.seg"), zeros, sizeof(zeros), 0);
    write_at(owner_path(u, "1.seg"), zeros, sizeof(zeros),
             (off_t)entry->record.place);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_string_equal(u->logged, "");
    assert_int_equal(spool_unit_count(u, "damaged"), 0);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void what_was_delivered_is_not_delivered_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "bob", "one\r\n");
    /* Its reader moved it elsewhere. */
    spool_unit_remove(apr_pstrcat(u->p, u->path, "/mail/example.com/bob",
                                  NULL));
    spool_unit_commit(u, "bob", "two\r\n");
    spool_unit_crash(u);
    spool_unit_recover(u);
    check_mail(u, "bob", "two\n");
    /* It vouches for what the other process left in the cache. */
    assert_int_equal(spool_fault.syncfs.calls, 1);
}

/* Another boot: the mark may be older than the loss of the mail. */
static void after_a_power_loss_it_is_delivered_if_it_is_not_there(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "alice", "there\r\n");
    spool_unit_deliver(u, "bob", "lost\r\n");
    spool_unit_remove(apr_pstrcat(u->p, u->path, "/mail/example.com/bob",
                                  NULL));
    spool_unit_crash(u);
    memset(u->recovery.boot, 'b', sizeof(u->recovery.boot));
    spool_unit_recover(u);
    check_mail(u, "alice", "there\n");
    check_mail(u, "bob", "lost\n");
}

/* Killed between the delivery and its mark. */
static void a_mail_without_its_mark_is_found_by_its_name(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "bob", "one\r\n");
    assert_int_equal(remove(owner_path(u, "1.marks")), 0);
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void an_interrupted_recovery_is_taken_up_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_pool_t *p;
    int i;

    for (i = 0; i < 5; i++) {
        spool_unit_commit(u, "bob", "text\r\n");
        spool_unit_commit(u, "alice", "text\r\n");
    }
    assert_int_equal(mkdirat(u->mail_fd, "example.com", 0700), 0);
    assert_int_equal(symlinkat("nowhere", u->mail_fd, "example.com/bob"), 0);
    spool_unit_crash(u);
    apr_pool_create(&p, u->p);
    assert_int_not_equal(spool_recovery_run(&u->recovery, p), 0);
    assert_non_null(strstr(u->logged, "SM2032"));
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    assert_int_equal(spool_unit_mails(u, "alice"), 5);
    /* What alice has read meanwhile does not come again. */
    spool_unit_remove(apr_pstrcat(u->p, u->path, "/mail/example.com/alice",
                                  NULL));
    assert_int_equal(unlinkat(u->mail_fd, "example.com/bob", 0), 0);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "alice"), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 5);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void a_failed_sync_keeps_the_journal(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_pool_t *p;
    char *path;

    spool_unit_deliver(u, "bob", "whole\r\n");
    spool_unit_crash(u);
    spool_fault.syncfs.error = EIO;
    apr_pool_create(&p, u->p);
    assert_int_equal(spool_recovery_run(&u->recovery, p), EIO);
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    spool_fault.syncfs.error = 0;
    path = apr_pstrcat(u->p, u->path, "/mail/example.com/bob/new/",
                       APR_ARRAY_IDX(spool_unit_names(
                           u, "mail/example.com/bob/new"), 0, char *), NULL);
    assert_int_equal(truncate(path, 3), 0);
    spool_unit_recover(u);
    check_mail(u, "bob", "whole\n");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* The only copy of NAME's mail. */
static char *copy_path(spool_unit_t *u, const char *name)
{
    const char *dir = apr_pstrcat(u->p, "mail/example.com/", name, "/new",
                                  NULL);
    apr_array_header_t *names = spool_unit_names(u, dir);

    assert_int_equal(names->nelts, 1);
    return apr_pstrcat(u->p, u->path, "/", dir, "/",
                       APR_ARRAY_IDX(names, 0, char *), NULL);
}

/* A checkpoint could not write the mailboxes back; the administrator starts
 * httpd anew. The kernel tells the new process nothing of it. */
static void a_failed_sync_is_known_after_a_restart(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "alice", "name lost\r\n");
    spool_unit_deliver(u, "bob", "octets lost\r\n");
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), EIO);
    spool_journal_stop(u->journal);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    spool_journal_close(u->journal);
    spool_fault.syncfs.error = 0;
    assert_int_equal(unlink(copy_path(u, "alice")), 0);
    assert_int_equal(truncate(copy_path(u, "bob"), 3), 0);
    spool_unit_process(u, 1024 * 1024);
    spool_unit_recover(u);
    check_mail(u, "alice", "name lost\n");
    check_mail(u, "bob", "octets lost\n");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* An error of the dead process's copies may have been told to a process that
 * does not know whose they were. */
static void copies_of_a_dead_process_are_written_anew(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "bob", "whole\r\n");
    spool_unit_crash(u);
    assert_int_equal(truncate(copy_path(u, "bob"), 3), 0);
    spool_unit_recover(u);
    check_mail(u, "bob", "whole\n");
}

/* Power was lost when the copy's name was on disk and its octets were not. */
static void a_name_without_its_octets_is_no_delivery(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_deliver(u, "bob", "whole\r\n");
    assert_int_equal(truncate(copy_path(u, "bob"), 0), 0);
    spool_unit_crash(u);
    memset(u->recovery.boot, 'b', sizeof(u->recovery.boot));
    spool_unit_recover(u);
    check_mail(u, "bob", "whole\n");
}

/* Two journals: the sync of one fails, that of the other does not. */
static void a_failed_sync_is_not_forgotten_for_a_good_one(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_pool_t *p;

    spool_unit_commit(u, "alice", "text\r\n");
    spool_unit_crash(u);
    spool_unit_commit(u, "bob", "text\r\n");
    spool_unit_crash(u);
    spool_fault.syncfs.error = EIO;
    spool_fault.syncfs.once = 1;
    apr_pool_create(&p, u->p);
    assert_int_equal(spool_recovery_run(&u->recovery, p), EIO);
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    assert_int_equal(unlink(copy_path(u, "alice")), 0);
    assert_int_equal(unlink(copy_path(u, "bob")), 0);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "alice")
                     + spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void a_living_process_keeps_its_journal(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_unit_commit(u, "bob", "mine\r\n");
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_unit_count(u, "journal"), 1);
}

/* Nobody died in them, or nobody knows who: they are named and set aside. */
static void what_is_not_ours_is_set_aside(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    int j = u->journal_fd, fd = openat(j, "file", O_CREAT | O_WRONLY, 0600);

    close(fd);
    assert_int_equal(symlinkat(u->path, j, "link"), 0);
    assert_int_equal(mkdirat(j, "open", 0755), 0);
    assert_int_equal(mkdirat(j, "strange", 0700), 0);
    assert_int_equal(mkdirat(j, "strange/sub", 0700), 0);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 4);
    assert_non_null(strstr(u->logged, "moved to damaged/file\n"));
    assert_non_null(strstr(u->logged, "moved to damaged/link\n"));
    assert_non_null(strstr(u->logged, "moved to damaged/open\n"));
    assert_non_null(strstr(u->logged, "moved to damaged/strange\n"));
    assert_int_equal(access(u->path, F_OK), 0);
}

/* Does something to the only segment, whose mail must then be set aside. */
static void check_set_aside(apr_pool_t *p,
                            void (*spoil)(spool_unit_t *u, const char *path),
                            const char *complaint)
{
    spool_unit_t *u = spool_unit_create(p);

    spool_unit_commit(u, "bob", "two\r\n");
    spoil(u, owner_path(u, "1.seg"));
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 1);
    assert_non_null(strstr(u->logged, complaint));
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

static void make_link(spool_unit_t *u, const char *path)
{
    const char *elsewhere = apr_pstrcat(u->p, u->path, "/elsewhere", NULL);

    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
}

static void make_readable(spool_unit_t *u, const char *path)
{
    (void)u;
    assert_int_equal(chmod(path, 0640), 0);
}

static void spoil_header(spool_unit_t *u, const char *path)
{
    (void)u;
    flip(path, 9);
}

/* But a record is there. */
static void erase_header(spool_unit_t *u, const char *path)
{
    static const char zeros[64];

    (void)u;
    write_at(path, zeros, sizeof(zeros), 0);
}

static void make_next_version(spool_unit_t *u, const char *path)
{
    unsigned char header[64];
    int fd = open(path, O_RDWR);

    (void)u;
    assert_int_equal(pread(fd, header, 64, 0), 64);
    header[7] = 2;
    store_octets_put(header + 60, store_record_crc(0, header, 60), 4);
    assert_int_equal(pwrite(fd, header, 64, 0), 64);
    close(fd);
}

static void a_segment_that_cannot_be_ours_is_set_aside(void **state)
{
    check_set_aside(*state, make_link, "another owner, mode or kind");
    check_set_aside(*state, make_readable, "another owner, mode or kind");
    check_set_aside(*state, spoil_header, "header is damaged");
    check_set_aside(*state, erase_header, "header is damaged");
    check_set_aside(*state, make_next_version, "another version");
}

static void a_large_mail_is_recovered_from_its_file(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_envelope_t *envelope = spool_unit_envelope(u->p, "bob");
    int dir, fd;

    assert_int_equal(spool_journal_dir_get(u->journal, &dir), 0);
    envelope->file_number = 9;
    envelope->file_octets = 7;
    envelope->file_crc = store_record_crc(0, "large\r\n", 7);
    fd = openat(dir, "9.mail", O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "large\r\n", 7), 7);
    close(fd);
    fd = openat(dir, "10.mail", O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(spool_journal_append(u->journal,
                                          spool_unit_entry(u->p, envelope,
                                                           "")), 0);
    spool_unit_crash(u);
    spool_unit_recover(u);
    check_mail(u, "bob", "large\n");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 0);
}

static void a_large_mail_without_its_file_is_named(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_envelope_t *envelope = spool_unit_envelope(u->p, "bob");

    envelope->file_number = 9;
    envelope->file_octets = 7;
    envelope->file_crc = 1;
    assert_int_equal(spool_journal_append(u->journal,
                                          spool_unit_entry(u->p, envelope,
                                                           "")), 0);
    spool_unit_commit(u, "alice", "small\r\n");
    spool_unit_crash(u);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    check_mail(u, "alice", "small\n");
    assert_int_equal(spool_unit_count(u, "damaged"), 1);
    assert_non_null(strstr(u->logged, "SM2011"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(acknowledged_mail_outlives_its_process),
        SPOOL_FAULT_TEST(a_write_cut_anywhere_loses_nothing_before_it),
        SPOOL_FAULT_TEST(damage_amid_the_journal_is_kept_and_named),
        SPOOL_FAULT_TEST(a_hole_in_the_last_write_is_no_damage),
        SPOOL_FAULT_TEST(
            damage_in_the_last_write_is_kept_when_it_was_completed),
        SPOOL_FAULT_TEST(damage_is_kept_whole),
        SPOOL_FAULT_TEST(mail_data_that_cannot_be_set_aside_stays),
        SPOOL_FAULT_TEST(mail_data_of_a_damaged_segment_is_kept),
        SPOOL_FAULT_TEST(a_segment_of_zeros_is_no_damage),
        SPOOL_FAULT_TEST(what_was_delivered_is_not_delivered_again),
        SPOOL_FAULT_TEST(after_a_power_loss_it_is_delivered_if_it_is_not_there),
        SPOOL_FAULT_TEST(a_mail_without_its_mark_is_found_by_its_name),
        SPOOL_FAULT_TEST(an_interrupted_recovery_is_taken_up_again),
        SPOOL_FAULT_TEST(a_failed_sync_keeps_the_journal),
        SPOOL_FAULT_TEST(a_failed_sync_is_known_after_a_restart),
        SPOOL_FAULT_TEST(copies_of_a_dead_process_are_written_anew),
        SPOOL_FAULT_TEST(a_name_without_its_octets_is_no_delivery),
        SPOOL_FAULT_TEST(a_failed_sync_is_not_forgotten_for_a_good_one),
        SPOOL_FAULT_TEST(a_living_process_keeps_its_journal),
        SPOOL_FAULT_TEST(what_is_not_ours_is_set_aside),
        SPOOL_FAULT_TEST(a_segment_that_cannot_be_ours_is_set_aside),
        SPOOL_FAULT_TEST(a_large_mail_is_recovered_from_its_file),
        SPOOL_FAULT_TEST(a_large_mail_without_its_file_is_named)
    };
    return UNIT_RUN(tests);
}
