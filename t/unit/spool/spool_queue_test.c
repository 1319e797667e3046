/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Mail to be sent on, from its record until the queue is done with it: by its
 * session, the keeper, recovery, and whatever ends them.
 */
#include "spool_unit.h"

#include <sys/wait.h>

#include "spool_fault.h"
#include "spool_queue.h"

/* ---- The queue process ---- */

static struct {
    int calls;
    char dir[SPOOL_JOURNAL_NAME_OCTETS];
    apr_uint64_t number, generation, place;
} woken;

static void wake(const char *dir, const store_segment_t *segment,
                 apr_uint64_t place)
{
    woken.calls++;
    apr_cpystrn(woken.dir, dir, sizeof(woken.dir));
    woken.number = segment->number;
    woken.generation = segment->generation;
    woken.place = place;
}

static const spool_queue_t queue = { wake, NULL };

/* The processes of a spool that has a queue. */
static void join(spool_unit_t *u)
{
    u->journal->queue = u->recovery.queue = &queue;
    woken.calls = 0;
}

static spool_unit_t *create(apr_pool_t *p)
{
    spool_unit_t *u = spool_unit_create(p);

    join(u);
    return u;
}

/* Its process is killed; another takes its place. Returns its directory. */
static const char *crash(spool_unit_t *u)
{
    const char *name = apr_pstrdup(u->p, u->journal->name);

    spool_unit_crash(u);
    join(u);
    return name;
}

/* A directory of the journal as the queue process opens it. */
static int open_dir(spool_unit_t *u, const char *name)
{
    int dir = openat(u->journal_fd, name, O_RDONLY | O_DIRECTORY);

    assert_true(dir >= 0);
    return dir;
}

static store_segment_t *open_segment(spool_unit_t *u, const char *name,
                                     apr_uint64_t number)
{
    int dir = open_dir(u, name);
    store_segment_t *segment;
    apr_status_t rv;

    assert_int_equal(store_segment_open(dir, number, u->recovery.boot,
                                        &segment, &rv), STORE_SEGMENT_OK);
    close(dir);
    return segment;
}

static unsigned char mark_get(spool_unit_t *u, const char *name,
                              const spool_entry_t *entry)
{
    store_segment_t *segment = open_segment(u, name, 1);
    unsigned char mark;

    assert_int_equal(store_segment_queue_mark_get(segment,
                                                  entry->record.place, &mark),
                     0);
    store_segment_close(segment);
    return mark;
}

static void mark_set(spool_unit_t *u, const char *name,
                     const spool_entry_t *entry, unsigned char mark)
{
    store_segment_t *segment = open_segment(u, name, 1);

    assert_int_equal(store_segment_queue_mark(segment, entry->record.place,
                                              mark), 0);
    store_segment_close(segment);
}

/* ---- Sessions ---- */

/* Commits a message that is sent on, and goes to a Maildir too unless NAME is
 * NULL. */
static spool_entry_t *commit(spool_unit_t *u, const char *name)
{
    spool_entry_t *entry =
        spool_unit_entry(u->p, spool_unit_envelope_sent(u->p, name),
                         "sent\r\n");

    assert_int_equal(spool_journal_append(u->journal, entry), 0);
    return entry;
}

/* What a session does when its 250 has left. */
static void finish(spool_unit_t *u, spool_entry_t *entry, const char *name)
{
    spool_message_t message = { 0 };
    apr_status_t rv = APR_SUCCESS;

    message.envelope = spool_unit_envelope_sent(u->p, name);
    message.trace = SPOOL_UNIT_TRACE;
    message.trace_len = strlen(SPOOL_UNIT_TRACE);
    message.content = store_content_of_memory(u->p, "sent\r\n", 6);
    message.generation = entry->record.generation;
    message.place = entry->record.place;
    if (name) {
        rv = spool_maildir_deliver(u->maildir, u->p, &message,
                                   SPOOL_MAILDIR_FIRST, NULL);
    }
    if (spool_queue_hand_over(u->journal->queue, u->journal->name,
                              entry->segment, entry->record.place)) {
        rv = APR_EGENERAL;
    }
    spool_unit_settle(u, entry, rv == APR_SUCCESS);
}

static spool_entry_t *deliver(spool_unit_t *u, const char *name)
{
    spool_entry_t *entry = commit(u, name);

    finish(u, entry, name);
    return entry;
}

/* The Maildirs fail, as when a disk is full. */
static void break_maildirs(spool_unit_t *u)
{
    assert_int_equal(symlinkat("nowhere", u->mail_fd, "example.com"), 0);
}

static void mend_maildirs(spool_unit_t *u)
{
    assert_int_equal(unlinkat(u->mail_fd, "example.com", 0), 0);
}

/* Puts the segment of the entry with the full ones. */
static void fill(spool_unit_t *u)
{
    char *text = apr_pcalloc(u->p, 100001);

    memset(text, 'f', 100000);
    while (!u->journal->full_count) {
        spool_unit_deliver(u, "filler", text);
    }
}

/* ---- Handing over ---- */

static void a_message_is_handed_over_with_its_place(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry;

    deliver(u, NULL);
    entry = deliver(u, "bob");
    assert_int_equal(woken.calls, 2);
    assert_string_equal(woken.dir, u->journal->name);
    assert_int_equal(woken.number, entry->segment->number);
    assert_true(woken.generation == entry->record.generation);
    assert_true(woken.place == entry->record.place);
    assert_int_equal(mark_get(u, woken.dir, entry), STORE_QUEUE_MARK_SEND);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* A mark that was sent already would send it twice. */
static void nobody_hands_a_message_over_twice(void **state)
{
    static const unsigned char marks[] = {
        STORE_QUEUE_MARK_SEND, STORE_QUEUE_MARK_MOVED, STORE_QUEUE_MARK_OVER
    };
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = deliver(u, NULL);
    int is_new;
    size_t i;

    for (i = 0; i < sizeof(marks); i++) {
        mark_set(u, u->journal->name, entry, marks[i]);
        assert_int_equal(spool_queue_offer(&queue, u->journal->name,
                                           entry->segment,
                                           entry->record.place, &is_new), 0);
        assert_false(is_new);
        assert_int_equal(mark_get(u, u->journal->name, entry), marks[i]);
    }
    assert_int_equal(woken.calls, 1);
    mark_set(u, u->journal->name, entry, 0xff);
    assert_int_equal(spool_queue_offer(&queue, u->journal->name,
                                       entry->segment, entry->record.place,
                                       &is_new), 0);
    assert_true(is_new);
    assert_int_equal(woken.calls, 2);
}

/* The disk is full, even for a mark: the keeper makes up for it. */
static void a_message_that_could_not_be_handed_over_is_handed_over_later(
    void **state)
{
    static const char *const names[] = { NULL, "bob" };
    int i;

    for (i = 0; i < 2; i++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *entry = commit(u, names[i]);

        spool_fault.pwrite.error = ENOSPC;
        finish(u, entry, names[i]);
        assert_int_equal(u->journal->retries, 1);
        assert_int_not_equal(spool_unit_retry(u), 0);
        assert_int_equal(spool_unit_checkpoint(u), 0);
        assert_int_equal(woken.calls, 0);
        spool_fault.pwrite.error = 0;
        assert_int_equal(spool_unit_retry(u), 0);
        assert_int_equal(u->journal->retries, 0);
        assert_int_equal(woken.calls, 1);
        assert_int_equal(mark_get(u, u->journal->name, entry),
                         STORE_QUEUE_MARK_SEND);
        assert_int_equal(spool_unit_mails(u, "bob"), i);
    }
}

/* A full mailbox keeps nobody else waiting, and its retries send nothing
 * again. */
static void a_full_mailbox_does_not_keep_a_message_from_being_sent(
    void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry;
    int i;

    break_maildirs(u);
    entry = deliver(u, "bob");
    assert_int_equal(woken.calls, 1);
    mark_set(u, u->journal->name, entry, STORE_QUEUE_MARK_OVER);
    for (i = 0; i < 3; i++) {
        assert_int_not_equal(spool_unit_retry(u), 0);
        assert_int_equal(spool_unit_checkpoint(u), 0);
    }
    mend_maildirs(u);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(woken.calls, 1);
    assert_int_equal(mark_get(u, u->journal->name, entry),
                     STORE_QUEUE_MARK_OVER);
}

/* The session was gone when the process stopped. */
static void a_message_without_its_session_is_handed_over_at_the_stop(
    void **state)
{
    spool_unit_t *u = create(*state);

    commit(u, NULL);
    commit(u, "bob");
    spool_journal_stop(u->journal);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(woken.calls, 2);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

static void a_failed_sync_sends_nothing_again(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *both = deliver(u, "bob"), *sent = deliver(u, NULL);
    spool_entry_t *under_way = commit(u, NULL);

    mark_set(u, u->journal->name, both, STORE_QUEUE_MARK_OVER);
    mark_set(u, u->journal->name, sent, STORE_QUEUE_MARK_OVER);
    spool_fault.syncfs.error = EIO;
    assert_int_equal(spool_unit_checkpoint(u), EIO);
    spool_fault.syncfs.error = 0;
    finish(u, under_way, NULL);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(woken.calls, 3);
    assert_int_equal(u->journal->retries, 0);
    assert_int_equal(u->journal->delivered, 0);
    assert_int_equal(mark_get(u, u->journal->name, both),
                     STORE_QUEUE_MARK_OVER);
    assert_int_equal(mark_get(u, u->journal->name, sent),
                     STORE_QUEUE_MARK_OVER);
}

/* ---- Segments ---- */

/* Mail that has no Maildir costs neither a mark of its own nor a sync. */
static void mail_that_is_only_sent_costs_one_mark(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = commit(u, NULL);

    spool_fault.pwrite.calls = 0;
    finish(u, entry, NULL);
    assert_int_equal(spool_fault.pwrite.calls, 1);
    assert_int_equal(u->journal->delivered, 0);
    assert_int_equal(entry->segment->done, 1);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(spool_fault.syncfs.calls, 0);
}

static void a_segment_stays_until_all_of_it_is_sent(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *both = deliver(u, "bob"), *sent = deliver(u, NULL);
    const char *name = u->journal->name;

    fill(u);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 1);
    mark_set(u, name, both, STORE_QUEUE_MARK_OVER);
    mark_set(u, name, sent, STORE_QUEUE_MARK_MOVED);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 1);
    mark_set(u, name, sent, STORE_QUEUE_MARK_OVER);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
    assert_int_equal(u->journal->free_count, 1);
}

static void a_segment_stays_until_all_of_it_is_delivered_too(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry;

    fill(u);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    entry = commit(u, "bob");
    spool_queue_hand_over(&queue, u->journal->name, entry->segment,
                          entry->record.place);
    assert_int_equal(entry->segment->number, 2);
    assert_int_equal(store_segment_queue_mark(entry->segment,
                                              entry->record.place,
                                              STORE_QUEUE_MARK_OVER), 0);
    spool_journal_put_away(u->journal);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 1);
    spool_unit_settle(u, entry, 0);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* The current one goes on being filled while it waits for the queue, and is
 * begun anew when nothing of it is left. */
static void the_current_segment_is_used_while_it_waits(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = deliver(u, NULL);
    char *text = apr_pcalloc(u->p, 400001);

    memset(text, 'f', 400000);
    spool_unit_deliver(u, "filler", text);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_ptr_equal(u->journal->current, entry->segment);
    assert_int_equal(u->journal->full_count, 0);
    mark_set(u, u->journal->name, entry, STORE_QUEUE_MARK_OVER);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_null(u->journal->current);
    assert_int_equal(u->journal->free_count, 1);
    /* Its next generation has nothing of the one before. */
    entry = deliver(u, NULL);
    assert_int_equal(mark_get(u, u->journal->name, entry),
                     STORE_QUEUE_MARK_SEND);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(woken.calls, 2);
}

/* A message whose mail data is in a file beside the segment. */
static spool_entry_t *commit_with_file(spool_unit_t *u, const char *name,
                                       apr_int64_t number)
{
    store_envelope_t *envelope = spool_unit_envelope_sent(u->p, name);
    char file[SPOOL_JOURNAL_NAME_OCTETS];
    spool_entry_t *entry;
    int dir, fd;

    assert_int_equal(spool_journal_dir_get(u->journal, &dir), 0);
    envelope->file_number = number;
    envelope->file_octets = 7;
    envelope->file_crc = store_record_crc(0, "large\r\n", 7);
    spool_journal_name_write(file, (apr_uint64_t)number, "mail");
    fd = openat(dir, file, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_int_equal(write(fd, "large\r\n", 7), 7);
    close(fd);
    entry = spool_unit_entry(u->p, envelope, "");
    assert_int_equal(spool_journal_append(u->journal, entry), 0);
    return entry;
}

static int has_file(spool_unit_t *u, const char *dir, int number)
{
    const char *path = apr_psprintf(u->p, "%s/journal/%s/%d.mail", u->path,
                                    dir, number);

    return access(path, F_OK) == 0;
}

static void a_file_of_mail_data_stays_until_it_is_sent(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *sent = commit_with_file(u, NULL, 101);
    spool_entry_t *both = commit_with_file(u, "bob", 102);
    const char *name = u->journal->name;

    finish(u, sent, NULL);
    finish(u, both, "bob");
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_true(has_file(u, name, 101) && has_file(u, name, 102));
    mark_set(u, name, both, STORE_QUEUE_MARK_MOVED);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_true(has_file(u, name, 101) && has_file(u, name, 102));
    mark_set(u, name, both, STORE_QUEUE_MARK_OVER);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_true(has_file(u, name, 101) && !has_file(u, name, 102));
    mark_set(u, name, sent, STORE_QUEUE_MARK_OVER);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_false(has_file(u, name, 101));
    /* Nobody misses them after a crash. */
    crash(u);
    spool_unit_recover(u);
    assert_string_equal(u->logged, "");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* The record cannot be read back: neither the keeper nor the queue can do
 * anything but keep it for the administrator. The queue says when. */
static void damage_stays_until_the_queue_has_seen_it(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry;

    break_maildirs(u);
    entry = deliver(u, "bob");
    mend_maildirs(u);
    assert_int_equal(pwrite(entry->segment->fd, "X", 1,
                            (off_t)entry->record.place + 70), 1);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_non_null(strstr(u->logged, "SM2011"));
    fill(u);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 1);
    mark_set(u, u->journal->name, entry, STORE_QUEUE_MARK_OVER);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
}

/* Damaged before it could be handed over: nobody waits for the queue. */
static void damage_that_was_not_handed_over_is_let_go(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = commit(u, NULL);

    spool_unit_settle(u, entry, 0);
    assert_int_equal(pwrite(entry->segment->fd, "X", 1,
                            (off_t)entry->record.place + 70), 1);
    assert_int_equal(spool_unit_retry(u), 0);
    assert_non_null(strstr(u->logged, "SM2011"));
    fill(u);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(u->journal->full_count, 0);
    assert_int_equal(woken.calls, 0);
}

/* ---- The end of a process, and what comes after ---- */

static void what_waits_to_be_sent_outlives_its_process(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = deliver(u, "bob");
    const char *name = apr_pstrdup(u->p, u->journal->name);

    deliver(u, NULL);
    spool_journal_stop(u->journal);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    spool_journal_close(u->journal);
    assert_int_equal(spool_unit_count(u, "journal"), 1);
    spool_unit_process(u, 1024 * 1024);
    join(u);
    spool_unit_recover(u);
    assert_int_equal(woken.calls, 0);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(mark_get(u, name, entry), STORE_QUEUE_MARK_SEND);
    assert_string_equal(u->logged, "");
}

static void what_was_sent_leaves_no_trace_of_its_process(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = deliver(u, "bob");

    mark_set(u, u->journal->name, entry, STORE_QUEUE_MARK_OVER);
    spool_journal_stop(u->journal);
    assert_int_equal(spool_unit_checkpoint(u), 0);
    spool_journal_close(u->journal);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* Recovers, and checks that the directory stays until the queue says. */
static void check_waits(spool_unit_t *u, const char *name,
                        const spool_entry_t *entry, int calls)
{
    spool_unit_recover(u);
    assert_int_equal(woken.calls, calls);
    assert_int_equal(mark_get(u, name, entry), STORE_QUEUE_MARK_SEND);
    mark_set(u, name, entry, STORE_QUEUE_MARK_MOVED);
    spool_unit_recover(u);
    assert_int_equal(mark_get(u, name, entry), STORE_QUEUE_MARK_MOVED);
    mark_set(u, name, entry, STORE_QUEUE_MARK_OVER);
    spool_unit_recover(u);
    assert_int_equal(woken.calls, calls);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 0);
    assert_string_equal(u->logged, "");
}

static void a_dead_process_s_mail_is_handed_over(void **state)
{
    static const char *const names[] = { NULL, "bob" };
    int i;

    for (i = 0; i < 2; i++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *entry = commit(u, names[i]);
        const char *name = crash(u);

        spool_unit_recover(u);
        assert_string_equal(woken.dir, name);
        assert_true(woken.place == entry->record.place);
        assert_true(woken.generation == entry->record.generation);
        check_waits(u, name, entry, 1);
        assert_int_equal(spool_unit_mails(u, "bob"), i);
    }
}

static void what_a_dead_process_handed_over_is_not_handed_over_again(
    void **state)
{
    static const char *const names[] = { NULL, "bob" };
    int i;

    for (i = 0; i < 2; i++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *entry = deliver(u, names[i]);
        const char *name = crash(u);

        check_waits(u, name, entry, 0);
        assert_int_equal(spool_unit_mails(u, "bob"), i);
    }
}

/* Killed at whatever point after the commit: it is delivered once and handed
 * over once. */
static void a_kill_at_any_instant_loses_and_doubles_nothing(void **state)
{
    int call, died = 1;

    for (call = 1; died; call++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *entry = commit(u, "bob");
        const char *name;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            spool_fault.pwrite.calls = 0;
            spool_fault.pwrite.deadly_call = call;
            finish(u, entry, "bob");
            spool_unit_checkpoint(u);
            spool_journal_stop(u->journal);
            spool_unit_checkpoint(u);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        died = WIFSIGNALED(status);
        name = crash(u);
        spool_unit_recover(u);
        assert_int_equal(spool_unit_mails(u, "bob"), 1);
        assert_int_equal(mark_get(u, name, entry), STORE_QUEUE_MARK_SEND);
        /* After the copy and the queue mark nobody hands it over again. */
        assert_int_equal(woken.calls, call <= 2);
        mark_set(u, name, entry, STORE_QUEUE_MARK_OVER);
        spool_unit_recover(u);
        assert_int_equal(spool_unit_count(u, "journal"), 0);
        assert_string_equal(u->logged, "");
    }
    assert_true(call > 4);
}

/* So is recovery. */
static void a_kill_of_recovery_loses_and_doubles_nothing(void **state)
{
    int call, died = 1;

    for (call = 1; died; call++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *both = commit(u, "bob"), *sent = commit(u, NULL);
        const char *name = crash(u);
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            spool_fault.pwrite.calls = 0;
            spool_fault.pwrite.deadly_call = call;
            spool_recovery_run(&u->recovery, u->p);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        died = WIFSIGNALED(status);
        spool_unit_recover(u);
        assert_int_equal(spool_unit_mails(u, "bob"), 1);
        assert_int_equal(mark_get(u, name, both), STORE_QUEUE_MARK_SEND);
        assert_int_equal(mark_get(u, name, sent), STORE_QUEUE_MARK_SEND);
        mark_set(u, name, both, STORE_QUEUE_MARK_OVER);
        mark_set(u, name, sent, STORE_QUEUE_MARK_OVER);
        spool_unit_recover(u);
        assert_int_equal(spool_unit_count(u, "journal"), 0);
    }
    assert_true(call > 4);
}

/* Marks may be lost with the power, and each must be made up for. */
static void a_queue_mark_that_a_power_loss_took_is_set_again(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *both = deliver(u, "bob"), *sent = deliver(u, NULL);
    const char *name;

    assert_int_equal(spool_unit_checkpoint(u), 0);
    assert_int_equal(store_segment_queue_mark(both->segment,
                                              both->record.place,
                                              STORE_QUEUE_MARK_NONE), 0);
    assert_int_equal(store_segment_queue_mark(sent->segment,
                                              sent->record.place,
                                              STORE_QUEUE_MARK_NONE), 0);
    name = crash(u);
    memset(u->recovery.boot, 'b', sizeof(u->recovery.boot));
    spool_unit_recover(u);
    assert_int_equal(woken.calls, 2);
    assert_int_equal(mark_get(u, name, both), STORE_QUEUE_MARK_SEND);
    assert_int_equal(mark_get(u, name, sent), STORE_QUEUE_MARK_SEND);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
}

/* The whole file of marks is gone, or an older generation's. */
static void marks_that_are_lost_are_made_anew(void **state)
{
    int i;

    for (i = 0; i < 2; i++) {
        spool_unit_t *u = create(*state);
        spool_entry_t *entry = deliver(u, "bob");
        const char *name;

        if (i) {
            assert_int_equal(pwrite(entry->segment->disk.fd, "x", 1, 8), 1);
        }
        else {
            assert_int_equal(unlinkat(u->journal->dir, "1.marks", 0), 0);
        }
        name = crash(u);
        check_waits(u, name, entry, 1);
        assert_int_equal(spool_unit_mails(u, "bob"), 1);
    }
}

/* What its client was refused is not sent. */
static void a_refused_message_is_not_sent(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry =
        spool_unit_entry(u->p, spool_unit_envelope_sent(u->p, NULL), "x\r\n");

    deliver(u, NULL);
    spool_fault.fdatasync.error = EIO;
    assert_int_equal(spool_journal_append(u->journal, entry), EIO);
    spool_fault.fdatasync.error = 0;
    spool_fault.fdatasync.is_faked = 1;
    crash(u);
    spool_unit_recover(u);
    assert_int_equal(woken.calls, 0);
}

/* A write that was cut short was not acknowledged. */
static void a_torn_record_is_not_sent(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *first = deliver(u, NULL), *torn = commit(u, NULL);
    const char *name;

    assert_int_equal(pwrite(torn->segment->fd, "X", 1,
                            (off_t)torn->record.place + 70), 1);
    name = crash(u);
    spool_unit_recover(u);
    assert_int_equal(woken.calls, 0);
    assert_int_equal(mark_get(u, name, torn), STORE_QUEUE_MARK_NONE);
    mark_set(u, name, first, STORE_QUEUE_MARK_OVER);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_string_equal(u->logged, "");
}

/* Whoever was told of it had it whole, so its write was completed. */
static void damage_to_what_was_handed_over_is_no_torn_write(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = deliver(u, "bob");

    assert_int_equal(pwrite(entry->segment->fd, "X", 1,
                            (off_t)entry->record.place + 70), 1);
    crash(u);
    spool_unit_recover(u);
    assert_non_null(strstr(u->logged, "SM2011"));
    assert_int_equal(spool_unit_count(u, "damaged"), 1);
}

/* A full mailbox keeps no dead process's mail from being sent either. */
static void recovery_hands_over_before_it_delivers(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = commit(u, "bob");
    const char *name = crash(u);
    apr_pool_t *p;
    int i;

    break_maildirs(u);
    apr_pool_create(&p, u->p);
    for (i = 0; i < 3; i++) {
        assert_int_not_equal(spool_recovery_run(&u->recovery, p), 0);
        assert_int_equal(woken.calls, 1);
    }
    mark_set(u, name, entry, STORE_QUEUE_MARK_OVER);
    assert_int_not_equal(spool_recovery_run(&u->recovery, p), 0);
    mend_maildirs(u);
    spool_unit_recover(u);
    assert_int_equal(woken.calls, 1);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

/* It looks again and again while mail waits, and must not cost more each
 * time: no record is read, nothing written, nothing synced. */
static void a_recovery_that_waits_for_the_queue_costs_nothing(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *entry = commit(u, "bob");
    const char *name = crash(u);
    const unsigned char mark = STORE_MARK_NONE;
    store_segment_t *segment;

    spool_unit_recover(u);
    segment = open_segment(u, name, 1);
    assert_int_equal(store_segment_mark(segment, entry->record.place, mark),
                     0);
    store_segment_close(segment);
    spool_fault.pwrite.calls = spool_fault.syncfs.calls = 0;
    spool_unit_recover(u);
    assert_int_equal(spool_fault.pwrite.calls, 0);
    assert_int_equal(spool_fault.syncfs.calls, 0);
    /* But after another start of the system all is looked at again. */
    memset(u->recovery.boot, 'b', sizeof(u->recovery.boot));
    spool_unit_recover(u);
    assert_int_equal(spool_fault.syncfs.calls, 1);
    spool_unit_recover(u);
    assert_int_equal(spool_fault.syncfs.calls, 1);
    assert_int_equal(woken.calls, 1);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    assert_string_equal(u->logged, "");
}

/* Whose mail data it may be is known only when all is sent; and the damage is
 * not forgotten meanwhile. */
static void mail_data_beside_damage_waits_for_the_queue(void **state)
{
    spool_unit_t *u = create(*state);
    spool_entry_t *rotten = spool_unit_commit(u, "alice", "rotten\r\n");
    spool_entry_t *entry = commit_with_file(u, NULL, 101);
    const char *name;
    int i;

    close(openat(u->journal->dir, "102.mail", O_CREAT | O_WRONLY, 0600));
    assert_int_equal(pwrite(rotten->segment->fd, "X", 1,
                            (off_t)rotten->record.place + 70), 1);
    name = crash(u);
    for (i = 0; i < 2; i++) {
        spool_unit_recover(u);
        assert_int_equal(woken.calls, 1);
        assert_true(has_file(u, name, 101) && has_file(u, name, 102));
        assert_int_equal(spool_unit_count(u, "damaged"), 1);
    }
    mark_set(u, name, entry, STORE_QUEUE_MARK_OVER);
    spool_unit_recover(u);
    assert_int_equal(spool_unit_count(u, "journal"), 0);
    assert_int_equal(spool_unit_count(u, "damaged"), 3);
}

/* ---- Nobody to send ---- */

static int count_missed(const spool_unit_t *u)
{
    const char *at = u->logged;
    int n = 0;

    while ((at = strstr(at, "SM2070")) != NULL) {
        n++;
        at++;
    }
    return n;
}

static void mail_that_nobody_sends_is_named_once(void **state)
{
    spool_unit_t *u = create(*state);
    volatile apr_uint32_t is_missed = 0;
    const spool_queue_t nobody = { NULL, &is_missed };
    spool_entry_t *entry = commit(u, NULL);
    const char *first = crash(u), *second;

    commit(u, "bob");
    second = crash(u);
    u->recovery.queue = &nobody;
    spool_unit_recover(u);
    spool_unit_recover(u);
    assert_int_equal(count_missed(u), 1);
    assert_non_null(strstr(u->logged, "load mod_smtp_queue"));
    assert_int_equal(spool_unit_count(u, "journal"), 2);
    assert_int_equal(spool_unit_mails(u, "bob"), 1);
    /* When somebody comes it is all there. */
    u->recovery.queue = &queue;
    u->logged[0] = '\0';
    spool_unit_recover(u);
    assert_int_equal(mark_get(u, first, entry), STORE_QUEUE_MARK_SEND);
    assert_int_equal(mark_get(u, second, entry), STORE_QUEUE_MARK_SEND);
    assert_string_equal(u->logged, "");
}

static void mail_for_maildirs_misses_nobody(void **state)
{
    spool_unit_t *u = create(*state);

    spool_unit_commit(u, "bob", "text\r\n");
    crash(u);
    u->recovery.queue = NULL;
    spool_unit_recover(u);
    assert_string_equal(u->logged, "");
    assert_int_equal(spool_unit_count(u, "journal"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(a_message_is_handed_over_with_its_place),
        SPOOL_FAULT_TEST(nobody_hands_a_message_over_twice),
        SPOOL_FAULT_TEST(
            a_message_that_could_not_be_handed_over_is_handed_over_later),
        SPOOL_FAULT_TEST(
            a_full_mailbox_does_not_keep_a_message_from_being_sent),
        SPOOL_FAULT_TEST(
            a_message_without_its_session_is_handed_over_at_the_stop),
        SPOOL_FAULT_TEST(a_failed_sync_sends_nothing_again),
        SPOOL_FAULT_TEST(mail_that_is_only_sent_costs_one_mark),
        SPOOL_FAULT_TEST(a_segment_stays_until_all_of_it_is_sent),
        SPOOL_FAULT_TEST(a_segment_stays_until_all_of_it_is_delivered_too),
        SPOOL_FAULT_TEST(the_current_segment_is_used_while_it_waits),
        SPOOL_FAULT_TEST(a_file_of_mail_data_stays_until_it_is_sent),
        SPOOL_FAULT_TEST(damage_stays_until_the_queue_has_seen_it),
        SPOOL_FAULT_TEST(damage_that_was_not_handed_over_is_let_go),
        SPOOL_FAULT_TEST(what_waits_to_be_sent_outlives_its_process),
        SPOOL_FAULT_TEST(what_was_sent_leaves_no_trace_of_its_process),
        SPOOL_FAULT_TEST(a_dead_process_s_mail_is_handed_over),
        SPOOL_FAULT_TEST(
            what_a_dead_process_handed_over_is_not_handed_over_again),
        SPOOL_FAULT_TEST(a_kill_at_any_instant_loses_and_doubles_nothing),
        SPOOL_FAULT_TEST(a_kill_of_recovery_loses_and_doubles_nothing),
        SPOOL_FAULT_TEST(a_queue_mark_that_a_power_loss_took_is_set_again),
        SPOOL_FAULT_TEST(marks_that_are_lost_are_made_anew),
        SPOOL_FAULT_TEST(a_refused_message_is_not_sent),
        SPOOL_FAULT_TEST(a_torn_record_is_not_sent),
        SPOOL_FAULT_TEST(damage_to_what_was_handed_over_is_no_torn_write),
        SPOOL_FAULT_TEST(recovery_hands_over_before_it_delivers),
        SPOOL_FAULT_TEST(a_recovery_that_waits_for_the_queue_costs_nothing),
        SPOOL_FAULT_TEST(mail_data_beside_damage_waits_for_the_queue),
        SPOOL_FAULT_TEST(mail_that_nobody_sends_is_named_once),
        SPOOL_FAULT_TEST(mail_for_maildirs_misses_nobody)
    };
    return UNIT_RUN(tests);
}
