/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_unit.h"

#include <sys/resource.h>

#include "smtp_params.h"
#include "spool_fault.h"
#include "spool_mailbox.h"

static spool_message_t *message(spool_unit_t *u, const char *name,
                                const char *text)
{
    spool_message_t *m = apr_pcalloc(u->p, sizeof(*m));

    m->envelope = spool_unit_envelope(u->p, name);
    m->trace = SPOOL_UNIT_TRACE;
    m->trace_len = strlen(SPOOL_UNIT_TRACE);
    m->content = store_content_of_memory(u->p, text, strlen(text));
    m->generation = 0xabc;
    m->place = 0x1000;
    return m;
}

static apr_status_t deliver(spool_unit_t *u, const spool_message_t *m,
                            spool_maildir_how_e how)
{
    return spool_maildir_deliver(u->maildir, u->p, m, how,
                                 apr_hash_make(u->p));
}

static void add_mailbox(spool_unit_t *u, spool_message_t *m,
                        const char *domain, const char *name)
{
    store_recipient_t *r =
        store_envelope_recipient_add(u->p, (store_envelope_t *)m->envelope);
    store_mailbox_t *mailbox = store_envelope_mailbox_add(r);

    r->forward_path = name;
    mailbox->domain = domain;
    mailbox->name = name;
    mailbox->delivered_to = apr_pstrcat(u->p, name, "@", domain, NULL);
}

static const char *mail_path(spool_unit_t *u, const char *name,
                             const char *subdir)
{
    return apr_pstrcat(u->p, u->path, "/mail/example.com/", name, "/", subdir,
                       NULL);
}

static void a_mail_is_stored_as_readers_want_it(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *name;
    struct stat st;

    assert_int_equal(deliver(u, message(u, "bob", "A: b\r\n\r\nHi\r\n"),
                             SPOOL_MAILDIR_FIRST), 0);
    assert_string_equal(spool_unit_mail(u, "bob"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"),
                                    "A: b\n\nHi\n", NULL));
    name = APR_ARRAY_IDX(spool_unit_names(u, "mail/example.com/bob/new"), 0,
                         char *);
    assert_string_equal(name, "1700000000.g0000000000000abcp1000.spool,"
                              "S=95,W=102");
    assert_int_equal(stat(mail_path(u, "bob", apr_pstrcat(u->p, "new/", name,
                                                          NULL)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 95);
    assert_int_equal(stat(mail_path(u, "bob", "cur"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(spool_unit_count(u, "mail/example.com/bob/tmp"), 0);
}

static void binary_mail_keeps_every_octet(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "A: b\r\n\r\n\r\nx\ny\r");

    ((store_envelope_t *)m->envelope)->body = SMTP_BODY_BINARYMIME;
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_string_equal(spool_unit_mail(u, "bob"),
                        "Return-Path: <sender@example.org>\r\n"
                        "Delivered-To: bob@example.com\r\n"
                        SPOOL_UNIT_TRACE "A: b\r\n\r\n\r\nx\ny\r");
}

static void there_is_one_return_path(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m =
        message(u, "bob", "Return-Path: <liar@x>\r\nA: b\r\n\r\n"
                          "Return-Path: y\r\n");

    ((store_envelope_t *)m->envelope)->flags =
        STORE_ENVELOPE_HAS_RETURN_PATH;
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_string_equal(spool_unit_mail(u, "bob"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"),
                                    "A: b\n\nReturn-Path: y\n", NULL));
}

static void each_mailbox_gets_one_copy(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "x\r\n");
    store_recipient_t *r;

    add_mailbox(u, m, "example.com", "alice");
    add_mailbox(u, m, "example.com", "bob");
    r = &APR_ARRAY_IDX(m->envelope->recipients, 2, store_recipient_t);
    APR_ARRAY_IDX(r->mailboxes, 0, store_mailbox_t).delivered_to =
        "Bob.with.another.name@example.com";
    add_mailbox(u, m, "example.net", "bob");
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_string_equal(spool_unit_mail(u, "alice"),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "alice"),
                                    "x\n", NULL));
    assert_int_equal(spool_unit_count(u, "mail/example.net/bob/new"), 1);
}

/* Sizes around those of the buffers. */
static void no_octet_is_lost_at_a_buffers_end(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    apr_size_t sizes[] = { 65000, 65300, 65400, 65500, 65536, 131072,
                           300000 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(sizes); i++) {
        char *text = apr_pcalloc(u->p, sizes[i] + 1);
        const char *name = apr_psprintf(u->p, "bob%d", (int)i);
        const char *got;

        memset(text, 'x', sizes[i]);
        memcpy(text + sizes[i] - 2, "\r\n", 2);
        assert_int_equal(deliver(u, message(u, name, text),
                                 SPOOL_MAILDIR_FIRST), 0);
        got = spool_unit_mail(u, name) + strlen(spool_unit_top(u->p, name));
        assert_int_equal(strlen(got), sizes[i] - 1);
        assert_memory_equal(got, text, sizes[i] - 2);
    }
}

static void a_mail_that_was_delivered_is_not_delivered_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "x\r\n");

    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* Its reader moved it to cur/ and marked it as seen. */
static void move_to_cur(spool_unit_t *u)
{
    char *name = APR_ARRAY_IDX(spool_unit_names(u,
                                                "mail/example.com/bob/new"),
                               0, char *);

    assert_int_equal(rename(mail_path(u, "bob", apr_pstrcat(u->p, "new/",
                                                            name, NULL)),
                            mail_path(u, "bob", apr_pstrcat(u->p, "cur/",
                                                            name, ":2,S",
                                                            NULL))), 0);
}

static void a_mail_that_was_read_is_not_new_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "x\r\n");

    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    move_to_cur(u);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    m->place = 0x100;
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    m->place = 0x1000;
    m->generation = 0xabd;
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 2);
}

/* What could not be written back is written again where it is. */
static void a_broken_copy_is_repaired_in_its_place(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "whole\r\n");
    const char *path;

    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    move_to_cur(u);
    path = APR_ARRAY_IDX(spool_unit_names(u, "mail/example.com/bob/cur"), 0,
                         char *);
    path = apr_pstrcat(u->p, "mail/example.com/bob/cur/", path, NULL);
    assert_int_equal(truncate(apr_pstrcat(u->p, u->path, "/", path, NULL), 5),
                     0);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    assert_int_equal(strlen(spool_unit_read(u, path, NULL)), 5);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_REPAIR), 0);
    assert_string_equal(spool_unit_read(u, path, NULL),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"),
                                    "whole\n", NULL));
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    /* One that is gone comes back. */
    assert_int_equal(remove(apr_pstrcat(u->p, u->path, "/", path, NULL)), 0);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_REPAIR), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void a_mailbox_removed_while_open_is_made_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    assert_int_equal(deliver(u, message(u, "bob", "x\r\n"),
                             SPOOL_MAILDIR_FIRST), 0);
    spool_unit_remove((void *)mail_path(u, "bob", ""));
    assert_int_equal(access(mail_path(u, "bob", ""), F_OK), -1);
    assert_int_equal(deliver(u, message(u, "bob", "y\r\n"),
                             SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void a_link_leads_no_mail_out_of_the_spool(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    const char *outside = apr_pstrcat(u->p, u->path, "/outside", NULL);
    const char *const places[] = { "mail/example.com", "mail/example.com/bob",
                                   "mail/example.com/bob/new",
                                   "mail/example.com/bob/tmp" };
    size_t i;

    assert_int_equal(mkdir(outside, 0700), 0);
    for (i = 0; i < UNIT_ROWS(places); i++) {
        char *path = apr_pstrcat(u->p, u->path, "/", places[i], NULL);

        remove(path);
        assert_int_equal(symlink(outside, path), 0);
        assert_int_not_equal(deliver(u, message(u, "bob", "x\r\n"),
                                     SPOOL_MAILDIR_FIRST), 0);
        assert_int_equal(remove(path), 0);
        if (i < 2) {
            assert_int_equal(mkdir(path, 0700), 0);
        }
    }
    assert_int_equal(spool_unit_count(u, "outside"), 0);
}

/* The others get theirs; what failed is tried again, and nothing twice. */
static void one_broken_mailbox_hurts_nobody_else(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "alice", "x\r\n");
    int fd;

    add_mailbox(u, m, "example.com", "bob");
    add_mailbox(u, m, "example.com", "carol");
    assert_int_equal(mkdirat(u->mail_fd, "example.com", 0700), 0);
    fd = openat(u->mail_fd, "example.com/bob", O_CREAT | O_WRONLY, 0600);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), ENOTDIR);
    assert_int_equal(spool_unit_mails(u, "alice"), 1);
    assert_int_equal(spool_unit_mails(u, "carol"), 1);
    assert_int_equal(unlinkat(u->mail_fd, "example.com/bob", 0), 0);
    close(fd);
    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_AGAIN), 0);
    assert_int_equal(spool_unit_mails(u, "alice"), 1);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_mails(u, "carol"), 1);
}

static void nothing_half_written_is_seen(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);

    spool_fault.linkat.error = ENOSPC;
    assert_int_equal(deliver(u, message(u, "bob", "x\r\n"),
                             SPOOL_MAILDIR_FIRST), ENOSPC);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_unit_count(u, "mail/example.com/bob/tmp"), 0);
}

static int open_files(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

/* Whether so many files that a process may open leave it enough of them. */
static void check_open_files(apr_pool_t *p, rlim_t limit, int wanted)
{
    spool_unit_t *u;
    struct rlimit before, now;
    int i, open;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    u = spool_unit_create(p);
    open = open_files();
    for (i = 0; i < 300; i++) {
        assert_int_equal(deliver(u, message(u, apr_itoa(u->p, i), "x\r\n"),
                                 SPOOL_MAILDIR_FIRST), 0);
    }
    /* And one for the file system. */
    assert_int_equal(open_files(), open + wanted + 1);
    for (i = 0; i < 300; i++) {
        assert_int_equal(spool_unit_mails(u, apr_itoa(u->p, i)), 1);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void many_mailboxes_do_not_use_up_the_files(void **state)
{
    check_open_files(*state, 320, 40);
    check_open_files(*state, 1024, 128);
}

static void a_sync_that_fails_is_told(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    unsigned int seen = 0, also_seen = 0;

    assert_int_equal(deliver(u, message(u, "bob", "x\r\n"),
                             SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(spool_maildir_sync(u->maildir, &seen), 0);
    assert_int_equal(spool_fault.syncfs.calls, 1);
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_maildir_sync(u->maildir, &seen), EIO);
    /* The kernel tells one of them; the mail may be the other's. */
    spool_fault.syncfs.error = 0;
    assert_int_equal(spool_maildir_sync(u->maildir, &also_seen), EIO);
    assert_int_equal(spool_maildir_sync(u->maildir, &also_seen), 0);
    assert_int_equal(spool_maildir_sync(u->maildir, &seen), 0);
}

/* Between our look into the mailbox and our hand on the copy. */
static void a_copy_that_its_reader_moves_is_repaired_all_the_same(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    spool_message_t *m = message(u, "bob", "x\r\n");
    spool_maildir_found_t *found = apr_hash_make(u->p);
    const char *mailbox = apr_pstrcat(u->p, u->path, "/mail/example.com/bob/",
                                      NULL);
    const char *name, *moved;

    assert_int_equal(deliver(u, m, SPOOL_MAILDIR_FIRST), 0);
    assert_int_equal(spool_maildir_deliver(u->maildir, u->p, m,
                                           SPOOL_MAILDIR_AGAIN, found), 0);
    name = APR_ARRAY_IDX(spool_unit_names(u, "mail/example.com/bob/new"), 0,
                         char *);
    moved = apr_pstrcat(u->p, mailbox, "cur/", name, ":2,S", NULL);
    assert_int_equal(rename(apr_pstrcat(u->p, mailbox, "new/", name, NULL),
                            moved), 0);
    assert_int_equal(truncate(moved, 0), 0);
    assert_int_equal(spool_maildir_deliver(u->maildir, u->p, m,
                                           SPOOL_MAILDIR_REPAIR, found), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_string_equal(spool_unit_read(u, moved + strlen(u->path) + 1, NULL),
                        apr_pstrcat(u->p, spool_unit_top(u->p, "bob"), "x\n",
                                    NULL));
}

/* Of a mailbox that this process has not opened yet. */
static void what_another_process_delivered_is_synced_too(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    unsigned int seen = 0;

    assert_int_equal(deliver(u, message(u, "bob", "x\r\n"),
                             SPOOL_MAILDIR_DONE), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 0);
    assert_int_equal(spool_maildir_sync(u->maildir, &seen), 0);
    assert_int_equal(spool_fault.syncfs.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(a_mail_is_stored_as_readers_want_it),
        SPOOL_FAULT_TEST(binary_mail_keeps_every_octet),
        SPOOL_FAULT_TEST(there_is_one_return_path),
        SPOOL_FAULT_TEST(each_mailbox_gets_one_copy),
        SPOOL_FAULT_TEST(no_octet_is_lost_at_a_buffers_end),
        SPOOL_FAULT_TEST(a_mail_that_was_delivered_is_not_delivered_again),
        SPOOL_FAULT_TEST(a_mail_that_was_read_is_not_new_again),
        SPOOL_FAULT_TEST(a_broken_copy_is_repaired_in_its_place),
        SPOOL_FAULT_TEST(a_mailbox_removed_while_open_is_made_again),
        SPOOL_FAULT_TEST(a_link_leads_no_mail_out_of_the_spool),
        SPOOL_FAULT_TEST(one_broken_mailbox_hurts_nobody_else),
        SPOOL_FAULT_TEST(nothing_half_written_is_seen),
        SPOOL_FAULT_TEST(many_mailboxes_do_not_use_up_the_files),
        SPOOL_FAULT_TEST(a_sync_that_fails_is_told),
        SPOOL_FAULT_TEST(
            a_copy_that_its_reader_moves_is_repaired_all_the_same),
        SPOOL_FAULT_TEST(what_another_process_delivered_is_synced_too)
    };
    return UNIT_RUN(tests);
}
