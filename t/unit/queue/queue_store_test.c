/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_spool.h"

#include <errno.h>
#include <pthread.h>
#include <sys/file.h>

#define TEXT "Subject: x\r\n\r\nHi\r\n"

/* ---- The lock ---- */

static void two_processes_never_send_the_same(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_store_t *second;
    smtp_queue_hint_t hint;
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);

    queue_spool_hint(u, place, &hint);
    assert_int_equal(queue_store_lock(u->store), APR_SUCCESS);
    assert_int_equal(queue_store_open(u->p, u->path, &u->log, &second), 0);
    assert_int_equal(queue_store_lock(second), APR_EAGAIN);
    assert_int_equal(queue_store_find(second, &hint, u->scratch,
                                      queue_spool_keep, u), ENOLCK);
    assert_int_equal(queue_store_scan_journal(second, 1, u->scratch,
                                              queue_spool_keep, u), ENOLCK);
    assert_int_equal(queue_store_scan_files(second, 1, u->scratch,
                                            queue_spool_keep, u), ENOLCK);
    apr_pool_destroy(u->store_pool);
    u->store_pool = NULL;
    assert_int_equal(queue_store_lock(second), APR_SUCCESS);
    assert_int_equal(queue_store_find(second, &hint, u->p, queue_spool_keep,
                                      u), 0);
    assert_int_equal(u->found->nelts, 1);
}

static void a_queue_that_others_can_write_to_is_not_used(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_store_t *store;

    assert_int_equal(chmod(queue_spool_path(u, "queue"), 0770), 0);
    assert_int_equal(queue_store_open(u->p, u->path, &u->log, &store), EPERM);
    assert_null(store);
    assert_int_equal(chmod(queue_spool_path(u, "queue"), 0700), 0);
    assert_int_equal(rename(queue_spool_path(u, "queue"),
                            queue_spool_path(u, "elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", queue_spool_path(u, "queue")), 0);
    assert_int_not_equal(queue_store_open(u->p, u->path, &u->log, &store), 0);
    assert_int_equal(queue_store_open(u->p, queue_spool_path(u, "none"),
                                      &u->log, &store), ENOENT);
}

/* ---- Records ---- */

static void a_message_of_the_journal_is_found_once(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, TEXT);
    queue_spool_found_t *found = queue_spool_find(u, place);

    assert_non_null(found);
    assert_string_equal(found->id, "a");
    assert_int_equal(found->recipient_count, 2);
    assert_null(found->states);
    assert_int_equal(found->priority, -1);
    assert_non_null(found->message.segment);
    queue_spool_mail_is(u, found, TEXT);
    assert_null(queue_spool_find(u, place));
    queue_spool_scan_journal(u);
    queue_spool_scan_files(u);
    assert_int_equal(u->found->nelts, 1);
}

static void what_no_hint_told_of_is_found_by_a_scan(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    store_segment_t *other = queue_spool_segment(u, "18-fedcba9876543210", 7);
    apr_uint64_t place;
    int i;

    for (i = 0; i < 100; i++) {
        queue_spool_commit(u, apr_psprintf(u->p, "a%d", i), 1, TEXT);
    }
    place = queue_spool_put(u, other, queue_spool_envelope(u->p, "b", 1), TEXT);
    store_segment_queue_mark(other, place, STORE_QUEUE_MARK_SEND);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 101);
    assert_int_equal(queue_spool_count(u, "b"), 1);
    assert_int_equal(queue_spool_count(u, "a99"), 1);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 101);
    store_segment_close(other);
}

static void only_what_is_marked_is_sent(void **state)
{
    static const unsigned char marks[] = { 0, STORE_QUEUE_MARK_OVER, 'X' };
    queue_spool_t *u = queue_spool_create(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(marks); i++) {
        apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);

        store_segment_queue_mark(u->segment, place, marks[i]);
        assert_null(queue_spool_find(u, place));
    }
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 0);
    assert_string_equal(u->logged, "");
}

static void what_was_refused_is_not_sent(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);

    store_segment_mark(u->segment, place, STORE_MARK_VOID);
    assert_null(queue_spool_find(u, place));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
}

static void a_record_for_nobody_is_over(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 0, TEXT);

    assert_null(queue_spool_find(u, place));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
}

typedef struct hint_row_t {
    const char *what;
    const char *dir;
    apr_uint64_t segment;
    int generation;              /* added to the right one */
    int place;
} hint_row_t;

static const hint_row_t bad_hints[] = {
    { "no directory", "", 1, 0, 0 },
    { "another directory", "18-a", 1, 0, 0 },
    { "the parent", "..", 1, 0, 0 },
    { "a path", QUEUE_SPOOL_DIR "/.", 1, 0, 0 },
    { "another segment", QUEUE_SPOOL_DIR, 2, 0, 0 },
    { "another generation", QUEUE_SPOOL_DIR, 1, 2, 0 },
    { "the header", QUEUE_SPOOL_DIR, 1, 0, -(int)STORE_SEGMENT_DATA },
    { "before the header", QUEUE_SPOOL_DIR, 1, 0, -5000 },
    { "amid the record", QUEUE_SPOOL_DIR, 1, 0, 1 },
    { "the next unit", QUEUE_SPOOL_DIR, 1, 0, 512 },
    { "the end", QUEUE_SPOOL_DIR, 1, 0, QUEUE_SPOOL_OCTETS },
    { "beyond", QUEUE_SPOOL_DIR, 1, 0, 0x7ffffe00 }
};

static void a_wrong_hint_finds_nothing(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    smtp_queue_hint_t hint;
    size_t i;

    for (i = 0; i < UNIT_ROWS(bad_hints); i++) {
        queue_spool_hint(u, place + (apr_uint64_t)bad_hints[i].place, &hint);
        apr_cpystrn(hint.dir, bad_hints[i].dir, sizeof(hint.dir));
        hint.segment = bad_hints[i].segment;
        hint.generation += (apr_uint64_t)bad_hints[i].generation;
        UNIT_CHECK(bad_hints[i].what,
                   queue_store_find(u->store, &hint, u->scratch,
                                    queue_spool_keep, u) == APR_SUCCESS);
        UNIT_CHECK(bad_hints[i].what, u->found->nelts == 0);
    }
    queue_spool_hint(u, place, &hint);
    memset(hint.dir, 'x', sizeof(hint.dir));
    assert_int_equal(queue_store_find(u->store, &hint, u->scratch,
                                      queue_spool_keep, u), APR_SUCCESS);
    hint.generation = 0;
    apr_cpystrn(hint.dir, QUEUE_SPOOL_DIR, sizeof(hint.dir));
    assert_int_equal(queue_store_find(u->store, &hint, u->scratch,
                                      queue_spool_keep, u), APR_SUCCESS);
    assert_int_equal(u->found->nelts, 0);
    assert_string_equal(u->logged, "");
    assert_non_null(queue_spool_find(u, place));
}

static void begin_again(queue_spool_t *u)
{
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];

    store_segment_boot_get(boot);
    assert_int_equal(store_segment_retire(u->segment), 0);
    assert_int_equal(store_segment_begin(u->segment, boot), 0);
}

/* A child uses a segment again as soon as all in it is over; we may have it
 * open, and a hint of before may be on its way. */
static void a_segment_that_is_used_again_holds_other_messages(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *a = queue_spool_find(u, place), *b;
    smtp_queue_hint_t stale;

    queue_spool_hint(u, place, &stale);
    assert_int_equal(queue_store_end(u->store, &a->message), APR_SUCCESS);
    begin_again(u);
    assert_true(queue_spool_commit(u, "b", 1, TEXT) == place);
    assert_int_equal(queue_store_find(u->store, &stale, u->scratch,
                                      queue_spool_keep, u), APR_SUCCESS);
    assert_int_equal(u->found->nelts, 1);
    b = queue_spool_find(u, place);
    assert_non_null(b);
    assert_string_equal(b->id, "b");
    queue_spool_mail_is(u, b, TEXT);
    assert_int_equal(queue_store_end(u->store, &b->message), APR_SUCCESS);
    begin_again(u);
    queue_spool_commit(u, "c", 1, TEXT);
    queue_spool_scan_journal(u);
    assert_int_equal(queue_spool_count(u, "c"), 1);
    assert_string_equal(u->logged, "");
}

/* The hint of another place in it, which we had not looked at. */
static void a_stale_hint_harms_no_record_of_a_new_generation(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT), next;
    queue_spool_found_t *a = queue_spool_find(u, place);
    smtp_queue_hint_t stale;

    next = queue_spool_commit(u, "b", 1, TEXT);
    queue_spool_hint(u, next, &stale);
    store_segment_queue_mark(u->segment, next, STORE_QUEUE_MARK_OVER);
    assert_int_equal(queue_store_end(u->store, &a->message), APR_SUCCESS);
    begin_again(u);
    queue_spool_commit(u, "c", 1, TEXT);
    assert_true(queue_spool_commit(u, "d", 1, TEXT) == next);
    assert_int_equal(queue_store_find(u->store, &stale, u->scratch,
                                      queue_spool_keep, u), APR_SUCCESS);
    assert_int_equal(u->found->nelts, 1);
    assert_int_equal(queue_spool_mark(u, next), STORE_QUEUE_MARK_SEND);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 3);
    assert_string_equal(u->logged, "");
    assert_int_equal(queue_spool_names(u, "damaged"), 0);
}

static void what_is_given_back_is_found_again(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *found = queue_spool_find(u, place);
    queue_place_t at = { found->message.segment, found->message.place };

    queue_store_forget(u->store, &at);
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_SEND);
    assert_non_null(queue_spool_find(u, place));
    assert_null(queue_spool_find(u, place));
}

/* ---- What becomes of a message ---- */

static void a_message_that_leaves_at_once_costs_no_file(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *found = queue_spool_find(u, place);

    assert_int_equal(queue_store_end(u->store, &found->message), 0);
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    assert_int_equal(queue_spool_names(u, "queue"), 1); /* the lock */
    assert_false(queue_spool_sync(u));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
}

static void what_is_deferred_moves_to_a_file(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, TEXT);
    queue_spool_found_t *found = queue_spool_find(u, place);

    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 1, 1),
                     0);
    assert_null(found->message.segment);
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_MOVED);
    assert_true(queue_spool_has_file(u, "a"));
    queue_spool_mail_is(u, found, TEXT);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    assert_false(queue_spool_sync(u));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 1);
    found = queue_spool_get(u, 0);
    assert_null(found->message.segment);
    assert_int_equal(found->states[0].what, STORE_QUEUED_WAITING);
    assert_int_equal(found->states[1].what, STORE_QUEUED_DEFERRED);
    assert_string_equal(found->states[1].text, "later");
    queue_spool_mail_is(u, found, TEXT);
    assert_int_equal(queue_store_end(u->store, &found->message), 0);
    assert_false(queue_spool_has_file(u, "a"));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
}

/* The engine knows it already. */
static void a_file_that_was_made_meanwhile_is_not_found(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));

    assert_int_equal(queue_store_move(u->store, &found->message, u->scratch),
                     0);
    queue_spool_scan_files(u);
    assert_int_equal(u->found->nelts, 1);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 1);
    assert_null(queue_spool_get(u, 0)->states);
}

static void notes_about_the_message_come_back(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 2, TEXT));
    store_queued_note_t notes[3];
    int i;

    notes[0] = queue_spool_note_make(STORE_QUEUED_HOLD, 0, 0);
    notes[1] = queue_spool_note_make(STORE_QUEUED_WARNED, 1, 0);
    notes[2] = queue_spool_note_make(STORE_QUEUED_PRIORITY, 0, 0);
    notes[2].code = QUEUE_PRIORITY_BULK;
    for (i = 0; i < 2; i++) {
        assert_int_equal(queue_store_note(u->store, &found->message, notes, 3,
                                          u->scratch), 0);
        queue_spool_restart(u);
        found = queue_spool_get(u, 0);
        assert_true(found->is_held && found->warned);
        assert_false(found->warned[0]);
        assert_true(found->warned[1]);
        assert_int_equal(found->priority,
                         i ? -1 : QUEUE_PRIORITY_BULK);
        notes[2].code = QUEUE_PRIORITY_COUNT; /* one that we do not know */
    }
}

/* Mail data of more than 128 KiB is in a file beside the segment, which the
 * child removes when the record is over. */
static void large_mail_moves_with_its_data(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 300001);
    apr_uint64_t place = queue_spool_commit_large(u, "a", 1, text, 2);
    queue_spool_found_t *found = queue_spool_find(u, place);

    queue_spool_mail_is(u, found, text);
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     0);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    assert_int_equal(unlink(queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR
                                            "/2.mail")), 0);
    queue_spool_restart(u);
    found = queue_spool_get(u, 0);
    assert_int_equal(found->states[0].what, STORE_QUEUED_DEFERRED);
    queue_spool_mail_is(u, found, text);
}

static void an_envelope_of_any_size_moves(void **state)
{
    static const int counts[] = { 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
                                  5000 };
    queue_spool_t *u = queue_spool_create(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(counts); i++) {
        const char *id = apr_psprintf(u->p, "a%d", counts[i]);
        apr_uint64_t place = queue_spool_commit(u, id, counts[i], TEXT);
        queue_spool_found_t *found = queue_spool_find(u, place);

        assert_int_equal(found->recipient_count, counts[i]);
        queue_spool_mail_is(u, found, TEXT);
        assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_SENT,
                                         (apr_uint32_t)counts[i] - 1, 1), 0);
        queue_spool_mail_is(u, found, TEXT);
    }
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, UNIT_ROWS(counts));
    for (i = 0; i < UNIT_ROWS(counts); i++) {
        queue_spool_found_t *found =
            queue_spool_by_id(u, apr_psprintf(u->p, "a%d", counts[i]));

        assert_int_equal(found->states[counts[i] - 1].what,
                         STORE_QUEUED_SENT);
        assert_int_equal(found->states[counts[i] - 2].what,
                         STORE_QUEUED_WAITING);
    }
}

/* Killed between the last note and the removal. */
static void a_file_whose_recipients_are_all_over_goes(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 3, TEXT));

    queue_spool_note(u, found, STORE_QUEUED_SENT, 0, 1);
    queue_spool_note(u, found, STORE_QUEUED_FAILED, 1, 1);
    queue_spool_note(u, found, STORE_QUEUED_DELETED, 2, 1);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
    assert_false(queue_spool_has_file(u, "a"));
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
}

/* Moves a message to a file, and forgets where it came from. */
static queue_spool_found_t *make_file(queue_spool_t *u, const char *id,
                                     const char *text)
{
    apr_uint64_t place = queue_spool_commit(u, id, 1, text);
    queue_spool_found_t *found = queue_spool_find(u, place);

    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     0);
    assert_true(queue_spool_sync(u));
    return found;
}

/* ---- Damage ---- */

static void spoil(queue_spool_t *u, const char *path, apr_off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char octet;

    (void)u;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, at), 1);
    octet ^= 0x10;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    close(fd);
}

/* The same where `text` stands. */
static void spoil_text(queue_spool_t *u, const char *path, const char *text)
{
    static char octets[QUEUE_SPOOL_OCTETS];
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, octets, sizeof(octets));
    char *at = memmem(octets, (size_t)len, text, strlen(text));

    assert_non_null(at);
    close(fd);
    spoil(u, path, at - octets);
}

static const char *segment_path(queue_spool_t *u)
{
    return queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR "/1.seg");
}

/* Its segment must not stay for ever, and the mail must not be lost. */
static void a_damaged_record_is_kept_aside(void **state)
{
    static const int places[] = { 3, 70 };
    queue_spool_t *u = queue_spool_create(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(places); i++) {
        apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);

        spoil(u, segment_path(u), (apr_off_t)place + places[i]);
        assert_null(queue_spool_find(u, place));
        assert_int_equal(queue_spool_names(u, "damaged"), i + 1);
        assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    }
    assert_non_null(strstr(u->logged, "SM2011"));
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 0);
}

/* Marks that a damaged disk made up: a segment must not stay for them. */
static void a_mark_without_a_record_goes(void **state)
{
    static const apr_uint64_t places[] = { 0, 512, STORE_SEGMENT_DATA + 512,
                                           QUEUE_SPOOL_OCTETS - 512 };
    queue_spool_t *u = queue_spool_create(*state);
    size_t i;

    queue_spool_commit(u, "a", 1, queue_spool_text(u->p, 2000));
    for (i = 0; i < UNIT_ROWS(places); i++) {
        store_segment_queue_mark(u->segment, places[i],
                                 STORE_QUEUE_MARK_SEND);
    }
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 1);
    for (i = 0; i < UNIT_ROWS(places); i++) {
        assert_int_equal(queue_spool_mark(u, places[i]),
                         STORE_QUEUE_MARK_OVER);
    }
    assert_int_equal(queue_spool_names(u, "damaged"), UNIT_ROWS(places));
}

/* Recovery makes them anew; until then nothing can be noted. */
static void without_marks_nothing_is_sent(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);

    assert_int_equal(unlink(queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR
                                             "/1.marks")), 0);
    assert_null(queue_spool_find(u, place));
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 0);
    assert_string_equal(u->logged, "");
}

static void an_id_that_leads_elsewhere_makes_no_file(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);

    assert_null(queue_spool_find(u, queue_spool_commit(u, "../../x", 1, TEXT)));
    assert_int_equal(queue_spool_names(u, "damaged"), 1);
}

/* Found when it is sent: nobody gets it. */
static void damaged_mail_of_a_record_is_kept_aside(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    static const apr_size_t lens[] = { 1000, 100000 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(lens); i++) {
        apr_uint64_t place =
            queue_spool_commit(u, "a", 1, queue_spool_text(u->p, lens[i]));
        queue_spool_found_t *found = queue_spool_find(u, place);
        char *octets;

        spoil(u, segment_path(u), (apr_off_t)(place + lens[i]));
        assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_names(u, "damaged"), i + 1);
        assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
        assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0,
                                         1), STORE_EDAMAGED);
        assert_false(queue_spool_has_file(u, "a"));
        assert_int_equal(queue_spool_names(u, "damaged"), i + 1);
    }
}

static void a_damaged_record_does_not_move(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place =
        queue_spool_commit(u, "a", 1, queue_spool_text(u->p, 1000));
    queue_spool_found_t *found = queue_spool_find(u, place);

    spoil(u, segment_path(u), (apr_off_t)place + 1000);
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     STORE_EDAMAGED);
    assert_false(queue_spool_has_file(u, "a"));
    assert_int_equal(queue_spool_names(u, "damaged"), 1);
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
}

static void mail_data_beside_a_damaged_record_goes_with_it(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 200000);
    const char *name = queue_spool_path(u, "journal/" QUEUE_SPOOL_DIR
                                       "/5.mail");
    apr_uint64_t place = queue_spool_commit_large(u, "a", 1, text, 5);
    queue_spool_found_t *found = queue_spool_find(u, place);
    char *octets;

    spoil(u, name, 150000);
    assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                     STORE_EDAMAGED);
    assert_int_equal(queue_spool_names(u, "damaged"), 2);
    assert_int_equal(access(name, F_OK), -1);
}

/* Whoever is told that it is damaged ends it: not before it is kept. */
static void damage_that_cannot_be_kept_aside_stays(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place =
        queue_spool_commit(u, "a", 1, queue_spool_text(u->p, 1000));
    queue_spool_found_t *a = queue_spool_find(u, place);
    queue_spool_found_t *b = make_file(u, "b", TEXT);
    int dir = u->store->damaged.dir;
    char *octets;
    int i;

    spoil(u, segment_path(u), (apr_off_t)place + 1000);
    spoil(u, queue_spool_file(u, "b"), 70);
    u->store->damaged.dir = -1;
    for (i = 0; i < 2; i++) {
        apr_status_t rv = i ? STORE_EDAMAGED : EBADF;

        assert_int_equal(queue_spool_mail(u, &a->message, &octets), rv);
        assert_int_equal(queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1),
                         rv);
        assert_int_equal(queue_spool_mail(u, &b->message, &octets), rv);
        assert_int_equal(queue_spool_mark(u, place),
                         i ? STORE_QUEUE_MARK_OVER : STORE_QUEUE_MARK_SEND);
        assert_int_equal(queue_spool_has_file(u, "b"), !i);
        u->store->damaged.dir = dir;
    }
    assert_int_equal(queue_spool_names(u, "damaged"), 2);
}

/* Nothing of the record is read but the envelope, which has no checksum of
 * its own. */
static void a_damaged_envelope_is_found_when_it_is_sent(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 50000);
    apr_uint64_t place;
    queue_spool_found_t *found;
    char *octets;

    int i;

    u->trace = "";
    for (i = 1; i <= 1000; i += 999) {
        place = queue_spool_commit_large(u, "a", i, text, i);
        spoil_text(u, segment_path(u), "sender");
        found = queue_spool_find(u, place);
        assert_non_null(found);
        assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
    }
}

static void mail_data_that_is_gone_or_shorter_is_damage(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 200000);
    int number;

    for (number = 5; number < 8; number++) {
        const char *id = apr_psprintf(u->p, "a%d", number);
        apr_uint64_t place = queue_spool_commit_large(u, id, 1, text, number);
        queue_spool_found_t *found = queue_spool_find(u, place);
        const char *path =
            apr_psprintf(u->p, "%s/journal/" QUEUE_SPOOL_DIR "/%d.mail",
                         u->path, number);
        char *octets;

        if (number == 5) {
            assert_int_equal(unlink(path), 0);
        }
        else {
            assert_int_equal(truncate(path, number == 6 ? 199999 : 1), 0);
        }
        assert_int_equal(number == 7
                         ? queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0,
                                           1)
                         : queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
        assert_false(queue_spool_has_file(u, id));
    }
}

static void damaged_mail_of_a_file_is_kept_aside(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    static const apr_size_t lens[] = { 1000, 5000, 100000 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(lens); i++) {
        const char *id = apr_psprintf(u->p, "a%d", (int)i);
        queue_spool_found_t *found =
            make_file(u, id, queue_spool_text(u->p, lens[i]));
        char *octets;

        spoil(u, queue_spool_file(u, id), (apr_off_t)lens[i]);
        assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_names(u, "damaged"), i + 1);
        assert_false(queue_spool_has_file(u, id));
        assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                         STORE_EDAMAGED);
        assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0,
                                         2), STORE_EDAMAGED);
        assert_int_equal(queue_store_end(u->store, &found->message), 0);
    }
}

/* The record is still there, and durable. */
static void a_damaged_file_is_found_again_by_its_record(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    apr_uint64_t place = queue_spool_commit(u, "a", 1, TEXT);
    queue_spool_found_t *found = queue_spool_find(u, place);
    queue_place_t at = { NULL, 0 };
    char *octets;

    queue_spool_find(u, queue_spool_commit(u, "b", 1, TEXT));
    queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1);
    spoil(u, queue_spool_file(u, "a"), 70);
    assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                     STORE_EDAMAGED);
    queue_store_forget(u->store, &at);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 3);
    queue_spool_mail_is(u, queue_spool_get(u, 2), TEXT);
    assert_int_equal(queue_spool_note(u, queue_spool_get(u, 2),
                                      STORE_QUEUED_DEFERRED, 0, 2), 0);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
}

/* Trace fields are given out before the mail data; whoever reads on learns. */
static void a_block_that_is_damaged_is_not_given_out(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 100000);
    queue_spool_found_t *found = make_file(u, "a", text);
    apr_size_t len, done = 0;
    queue_mail_t *mail;
    const char *block;
    apr_status_t rv;
    apr_pool_t *p;

    spoil(u, queue_spool_file(u, "a"), 90000);
    apr_pool_create(&p, u->p);
    assert_int_equal(queue_store_mail_open(u->store, &found->message, p,
                                           &mail), 0);
    while ((rv = mail->content(mail->content_ctx, &block, &len))
           == APR_SUCCESS) {
        done += len;
    }
    assert_int_equal(rv, STORE_EDAMAGED);
    assert_true(done > 0 && done < 100000);
    assert_int_equal(mail->content(mail->content_ctx, &block, &len),
                     STORE_EDAMAGED);
    assert_int_equal(queue_mail_rewind(mail), STORE_EDAMAGED);
    assert_true(queue_spool_has_file(u, "a"));
    apr_pool_destroy(p);
    assert_false(queue_spool_has_file(u, "a"));
}

static void mail_can_be_read_again(void **state)
{
    static const apr_size_t lens[] = { 0, 10, 4000, 32000, 32768, 70000 };
    queue_spool_t *u = queue_spool_create(*state);
    size_t i, j;

    for (i = 0; i < 2 * UNIT_ROWS(lens); i++) {
        const char *text = queue_spool_text(u->p, lens[i / 2]);
        const char *id = apr_psprintf(u->p, "a%d", (int)i);
        queue_spool_found_t *found = i % 2
            ? make_file(u, id, text)
            : queue_spool_find(u, queue_spool_commit(u, id, 1, text));
        queue_mail_t *mail;
        apr_pool_t *p;
        char *octets;

        apr_pool_create(&p, u->p);
        assert_int_equal(queue_store_mail_open(u->store, &found->message, p,
                                               &mail), 0);
        for (j = 0; j < 3; j++) {
            assert_int_equal(queue_spool_mail_read(p, mail, &octets), 0);
            assert_memory_equal(octets + strlen(QUEUE_SPOOL_TRACE), text,
                                lens[i / 2]);
            assert_int_equal(queue_mail_rewind(mail), 0);
        }
        apr_pool_destroy(p);
    }
}

/* Its segment would be used again at once. */
static void a_record_that_is_being_read_stays(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 100000);
    apr_uint64_t place = queue_spool_commit(u, "a", 2, text);
    queue_spool_found_t *found = queue_spool_find(u, place);
    queue_mail_t *mail;
    apr_pool_t *p;
    char *octets;

    apr_pool_create(&p, u->p);
    assert_int_equal(queue_store_mail_open(u->store, &found->message, p,
                                           &mail), 0);
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_SENT, 0, 1), 0);
    assert_true(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_MOVED);
    assert_false(queue_spool_sync(u));
    assert_int_equal(queue_spool_mail_read(p, mail, &octets), 0);
    assert_string_equal(octets + strlen(QUEUE_SPOOL_TRACE), text);
    apr_pool_destroy(p);
    assert_false(queue_spool_sync(u));
    assert_int_equal(queue_spool_mark(u, place), STORE_QUEUE_MARK_OVER);
}

/* It should not be; nothing breaks. */
static void a_message_may_end_while_it_is_read(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 100000);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, text));
    queue_mail_t *mail;
    apr_pool_t *p;
    char *octets;
    int i;

    apr_pool_create(&p, u->p);
    assert_int_equal(queue_store_mail_open(u->store, &found->message, p,
                                           &mail), 0);
    assert_int_equal(queue_store_end(u->store, &found->message), 0);
    for (i = 0; i < 3; i++) {
        queue_spool_sync(u);
    }
    assert_int_equal(queue_spool_mail_read(p, mail, &octets), 0);
    apr_pool_destroy(p);
}

static void a_file_that_is_gone_is_no_message(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found = make_file(u, "a", TEXT);
    char *octets;

    assert_int_equal(unlink(queue_spool_file(u, "a")), 0);
    assert_int_equal(queue_spool_mail(u, &found->message, &octets),
                     STORE_EDAMAGED);
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     STORE_EDAMAGED);
    assert_non_null(strstr(u->logged, "SM4250"));
    assert_int_equal(queue_store_end(u->store, &found->message), 0);
}

/* ---- The scan of files ---- */

static void write_file(const char *path, const void *octets, size_t len,
                       int mode)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, len), len);
    close(fd);
}

/* Puts something strange in the place of a file. */
static void replace(queue_spool_t *u, const char *id, int how)
{
    const char *path = queue_spool_file(u, id);
    const char *twin = queue_spool_path(u, "twin");

    switch (how) {
    case 0:
        assert_int_equal(truncate(path, 0), 0);
        break;
    case 1:
        assert_int_equal(truncate(path, 63), 0);
        break;
    case 2:
        assert_int_equal(truncate(path, 100), 0);
        break;
    case 3:
        assert_int_equal(truncate(path, 4000), 0);
        break;
    case 4:
        spoil(u, path, 10);
        break;
    case 5:
        spoil(u, path, 70);
        break;
    case 6:
        assert_int_equal(chmod(path, 0640), 0);
        break;
    case 7:
        assert_int_equal(link(path, twin), 0);
        break;
    case 8:
        assert_int_equal(rename(path, twin), 0);
        assert_int_equal(symlink(twin, path), 0);
        break;
    case 9:
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        break;
    case 10:
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        break;
    case 11:
        spoil_text(u, path, "sender");
        break;
    default:
        unlink(path);
        write_file(path, "", 0, 0600);
        break;
    }
}

static void what_is_not_ours_is_not_read(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 5000);
    int how;

    for (how = 0; how < 13; how++) {
        const char *id = apr_psprintf(u->p, "a%d", how);

        make_file(u, id, text);
        replace(u, id, how);
        queue_spool_restart(u);
        assert_int_equal(u->found->nelts, 0);
        assert_false(queue_spool_has_file(u, id));
        assert_int_equal(queue_spool_names(u, "damaged"), how + 1);
        unlink(queue_spool_path(u, "twin"));
    }
}

static void strange_names_are_set_aside(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    char dir[3];

    make_file(u, "a", TEXT);
    make_file(u, "b", TEXT);
    make_file(u, "c", TEXT);
    store_queued_dir_write(dir, store_queued_dir("a"));
    /* In another directory it would never be found by its id. */
    assert_int_equal(rename(queue_spool_file(u, "b"),
                            apr_pstrcat(u->p, u->path, "/queue/", dir, "/b",
                                        NULL)), 0);
    assert_int_equal(rename(queue_spool_file(u, "c"),
                            apr_pstrcat(u->p, u->path, "/queue/", dir,
                                        "/c.txt", NULL)), 0);
    write_file(apr_pstrcat(u->p, queue_spool_file(u, "a"), ".new", NULL), "x",
               1, 0600);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 1);
    assert_int_equal(queue_spool_count(u, "a"), 1);
    assert_int_equal(queue_spool_names(u, "damaged"), 2);
    assert_int_equal(queue_spool_names(u, apr_pstrcat(u->p, "queue/", dir,
                                                     NULL)), 1);
}

static void a_file_under_another_name_is_set_aside(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);

    make_file(u, "a", TEXT);
    make_file(u, "b", TEXT);
    assert_int_equal(rename(queue_spool_file(u, "a"), queue_spool_file(u, "b")),
                     0);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
    assert_int_equal(queue_spool_names(u, "damaged"), 1);
}

static void a_strange_directory_holds_nobody_up(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    char dir[3], other[3];
    queue_spool_found_t *found;

    store_queued_dir_write(dir, store_queued_dir("a"));
    store_queued_dir_write(other, store_queued_dir("b"));
    make_file(u, "b", TEXT);
    assert_int_equal(mkdir(queue_spool_path(u, "evil"), 0700), 0);
    assert_int_equal(symlink("../evil", apr_pstrcat(u->p, u->path, "/queue/",
                                                    dir, NULL)), 0);
    found = queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     ENOTDIR);
    assert_int_equal(queue_spool_names(u, "evil"), 0);
    queue_spool_restart(u);
    assert_int_equal(queue_spool_names(u, "damaged"), 1);
    assert_int_equal(u->found->nelts, 2);
    found = queue_spool_by_id(u, "a");
    assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 1),
                     0);
}

static void files_are_read_in_slices(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    int i, calls = 0;
    apr_status_t rv;

    for (i = 0; i < 50; i++) {
        make_file(u, apr_psprintf(u->p, "a%d", i), TEXT);
    }
    queue_spool_open(u);
    assert_true(queue_store_unread(u->store) > 0);
    do {
        int before = u->found->nelts;

        rv = queue_store_scan_files(u->store, 7, u->scratch, queue_spool_keep,
                                    u);
        assert_true(u->found->nelts - before <= 7);
        calls++;
    } while (rv == APR_SUCCESS);
    assert_int_equal(rv, APR_EOF);
    assert_int_equal(u->found->nelts, 50);
    assert_true(calls >= 8);
    assert_int_equal(queue_store_unread(u->store), 0);
    assert_int_equal(queue_store_scan_files(u->store, 7, u->scratch,
                                            queue_spool_keep, u), APR_EOF);
    assert_int_equal(u->found->nelts, 50);
}

/* ---- Many notes ---- */

static void notes_about_thousands_come_back(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 5000, TEXT));
    store_queued_note_t notes[50];
    apr_uint32_t i;

    for (i = 0; i < 5000; i++) {
        notes[i % 50] = queue_spool_note_make(STORE_QUEUED_DEFERRED, i,
                                              i * 7 % 100);
        if (i % 50 == 49) {
            assert_int_equal(queue_store_note(u->store, &found->message,
                                              notes, 50, u->scratch), 0);
        }
    }
    queue_spool_sync(u);
    assert_true(queue_spool_file_octets(u, "a") > 400000);
    queue_spool_restart(u);
    found = queue_spool_get(u, 0);
    for (i = 0; i < 5000; i++) {
        assert_int_equal(found->states[i].attempts, i * 7 % 100);
        assert_string_equal(found->states[i].text, "later");
    }
}

static void a_message_that_is_tried_for_days_stays_small(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 2, TEXT));
    apr_uint32_t i;

    queue_spool_scan_files(u);
    queue_spool_note(u, found, STORE_QUEUED_SENT, 1, 1);
    for (i = 1; i <= 3000; i++) {
        assert_int_equal(queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0,
                                         i), 0);
        if (i % 100 == 0) {
            queue_spool_sync(u);
        }
    }
    assert_true(queue_spool_file_octets(u, "a") < 80000);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 1);
    found = queue_spool_get(u, 0);
    assert_int_equal(found->states[0].attempts, 3000);
    assert_int_equal(found->states[1].what, STORE_QUEUED_SENT);
    queue_spool_mail_is(u, found, TEXT);
}

/* Copying and appending go on at the same time. */
static void a_note_during_the_copy_is_not_lost(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    queue_store_sync_t *sync;
    apr_uint32_t i;

    queue_spool_scan_files(u);
    for (i = 1; i <= 2000; i++) {
        queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, i);
    }
    sync = queue_store_sync_begin(u->store);
    assert_non_null(sync);
    assert_null(queue_store_sync_begin(u->store));
    queue_store_sync_run(sync);
    queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, 2001);
    queue_store_sync_end(u->store, sync);
    assert_true(queue_spool_file_octets(u, "a") > 100000);
    assert_true(queue_spool_sync(u));
    assert_true(queue_spool_file_octets(u, "a") < 1000);
    queue_spool_restart(u);
    assert_int_equal(queue_spool_get(u, 0)->states[0].attempts, 2001);
}

static void a_message_that_ended_during_the_copy_stays_away(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    queue_spool_found_t *found =
        queue_spool_find(u, queue_spool_commit(u, "a", 1, TEXT));
    queue_store_sync_t *sync;
    apr_uint32_t i;

    queue_spool_scan_files(u);
    for (i = 1; i <= 2000; i++) {
        queue_spool_note(u, found, STORE_QUEUED_DEFERRED, 0, i);
    }
    sync = queue_store_sync_begin(u->store);
    queue_store_sync_run(sync);
    assert_int_equal(queue_store_end(u->store, &found->message), 0);
    queue_store_sync_end(u->store, sync);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 0);
}

/* ---- Threads ---- */

typedef struct threads_t {
    pthread_t sync_thread, mail_thread;
    queue_store_sync_t *sync;
    queue_mail_t *mail;
    apr_pool_t *mail_pool;
    apr_status_t rv;
    char *octets;
} threads_t;

static void *sync_main(void *data)
{
    queue_store_sync_run(((threads_t *)data)->sync);
    return NULL;
}

static void *mail_main(void *data)
{
    threads_t *t = data;

    t->rv = queue_spool_mail_read(t->mail_pool, t->mail, &t->octets);
    return NULL;
}

static void threads_begin(threads_t *t, queue_spool_t *u,
                          queue_spool_found_t *found)
{
    memset(t, 0, sizeof(*t));
    t->sync = queue_store_sync_begin(u->store);
    assert_non_null(t->sync);
    /* Without parent: a pool of a thread's own. */
    apr_pool_create_unmanaged_ex(&t->mail_pool, NULL, NULL);
    assert_int_equal(queue_store_mail_open(u->store, &found->message,
                                           t->mail_pool, &t->mail), 0);
    assert_int_equal(pthread_create(&t->sync_thread, NULL, sync_main, t), 0);
    assert_int_equal(pthread_create(&t->mail_thread, NULL, mail_main, t), 0);
}

static void threads_end(threads_t *t, queue_spool_t *u, const char *text)
{
    assert_int_equal(pthread_join(t->sync_thread, NULL), 0);
    assert_int_equal(pthread_join(t->mail_thread, NULL), 0);
    queue_store_sync_end(u->store, t->sync);
    assert_int_equal(t->rv, APR_SUCCESS);
    assert_string_equal(t->octets + strlen(QUEUE_SPOOL_TRACE), text);
    apr_pool_destroy(t->mail_pool);
}

/* A sync runs, a DSN is made of a mail, and the loop goes on. */
static void threads_and_the_loop_do_not_meet(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    const char *text = queue_spool_text(u->p, 100000);
    queue_spool_found_t *read =
        queue_spool_find(u, queue_spool_commit(u, "read", 2, text));
    queue_spool_found_t *worn =
        queue_spool_find(u, queue_spool_commit(u, "worn", 1, TEXT));
    apr_uint32_t i, round;
    threads_t threads;

    queue_spool_scan_files(u);
    for (i = 1; i <= 2000; i++) {
        queue_spool_note(u, worn, STORE_QUEUED_DEFERRED, 0, i);
    }
    for (round = 0; round < 5; round++) {
        threads_begin(&threads, u, read);
        for (i = 0; i < 20; i++) {
            const char *id = apr_psprintf(u->p, "a%u-%u", round, i);
            queue_spool_found_t *a =
                queue_spool_find(u, queue_spool_commit(u, id, 1, TEXT));

            queue_spool_note(u, a, STORE_QUEUED_DEFERRED, 0, 1);
            queue_spool_note(u, read, STORE_QUEUED_DEFERRED, 1,
                             round * 20 + i);
            if (i % 2) {
                queue_store_end(u->store, &a->message);
            }
        }
        threads_end(&threads, u, text);
    }
    queue_spool_sync(u);
    queue_spool_restart(u);
    assert_int_equal(u->found->nelts, 2 + 5 * 10);
    assert_int_equal(queue_spool_by_id(u, "read")->states[1].attempts, 99);
    assert_int_equal(queue_spool_by_id(u, "worn")->states[0].attempts, 2000);
    assert_true(queue_spool_file_octets(u, "worn") < 1000);
    assert_string_equal(u->logged, "");
}

/* ---- A journal that is long ---- */

static apr_status_t scan_one(queue_spool_t *u)
{
    return queue_store_scan_journal(u->store, 1, u->scratch, queue_spool_keep,
                                    u);
}

static void a_long_journal_is_looked_through_in_slices(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    int i, turns = 0;

    for (i = 0; i < 100; i++) {
        queue_spool_commit(u, apr_psprintf(u->p, "a%d", i), 1, TEXT);
    }
    while (scan_one(u) == APR_SUCCESS) {
        assert_true(u->found->nelts <= ++turns);
        if (u->found->nelts == 50 && i == 100) {
            queue_spool_commit(u, "late", 1, TEXT);
            i++;
        }
        queue_spool_sync(u);     /* forgets segments without messages */
    }
    assert_int_equal(u->found->nelts, 101);
    assert_int_equal(queue_spool_count(u, "late"), 1);
    /* From the begin again, and nothing twice. */
    queue_spool_commit(u, "later", 1, TEXT);
    queue_spool_scan_journal(u);
    assert_int_equal(u->found->nelts, 102);
}

/* As of a process that has just started, before, between and behind others. */
static void a_directory_without_segments_ends_a_scan_of_it(void **state)
{
    queue_spool_t *u = queue_spool_create(*state);
    int i;

    queue_spool_commit(u, "first", 1, TEXT);
    for (i = 0; i < 9; i++) {
        close(queue_spool_journal(u, apr_psprintf(u->p, "9%d-00", i)));
    }
    i = 0;
    while (scan_one(u) == APR_SUCCESS) {
        assert_true(++i < 100);
    }
    assert_int_equal(u->found->nelts, 1);
}

/* Between two slices the segment at hand is over, and used again: its new
 * records are before the place that was reached. */
static void a_segment_used_again_amid_a_scan_is_looked_at_anew(void **state)
{
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    queue_spool_t *u = queue_spool_create(*state);
    int i;

    for (i = 0; i < 10; i++) {
        queue_spool_commit(u, apr_psprintf(u->p, "a%d", i), 1, TEXT);
    }
    while (u->found->nelts < 8) {
        assert_int_equal(scan_one(u), APR_SUCCESS);
    }
    for (i = 0; i < 8; i++) {
        queue_store_end(u->store, &queue_spool_get(u, i)->message);
    }
    store_segment_boot_get(boot);
    assert_int_equal(store_segment_begin(u->segment, boot), 0);
    queue_spool_commit(u, "new", 1, TEXT);
    while (scan_one(u) == APR_SUCCESS) {
    }
    assert_int_equal(queue_spool_count(u, "new"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(two_processes_never_send_the_same),
        UNIT_TEST(a_queue_that_others_can_write_to_is_not_used),
        UNIT_TEST(a_message_of_the_journal_is_found_once),
        UNIT_TEST(what_no_hint_told_of_is_found_by_a_scan),
        UNIT_TEST(only_what_is_marked_is_sent),
        UNIT_TEST(what_was_refused_is_not_sent),
        UNIT_TEST(a_record_for_nobody_is_over),
        UNIT_TEST(a_wrong_hint_finds_nothing),
        UNIT_TEST(a_segment_that_is_used_again_holds_other_messages),
        UNIT_TEST(a_stale_hint_harms_no_record_of_a_new_generation),
        UNIT_TEST(what_is_given_back_is_found_again),
        UNIT_TEST(a_message_that_leaves_at_once_costs_no_file),
        UNIT_TEST(what_is_deferred_moves_to_a_file),
        UNIT_TEST(a_file_that_was_made_meanwhile_is_not_found),
        UNIT_TEST(notes_about_the_message_come_back),
        UNIT_TEST(large_mail_moves_with_its_data),
        UNIT_TEST(an_envelope_of_any_size_moves),
        UNIT_TEST(a_file_whose_recipients_are_all_over_goes),
        UNIT_TEST(a_damaged_record_is_kept_aside),
        UNIT_TEST(a_mark_without_a_record_goes),
        UNIT_TEST(without_marks_nothing_is_sent),
        UNIT_TEST(an_id_that_leads_elsewhere_makes_no_file),
        UNIT_TEST(damaged_mail_of_a_record_is_kept_aside),
        UNIT_TEST(a_damaged_record_does_not_move),
        UNIT_TEST(mail_data_beside_a_damaged_record_goes_with_it),
        UNIT_TEST(damage_that_cannot_be_kept_aside_stays),
        UNIT_TEST(a_damaged_envelope_is_found_when_it_is_sent),
        UNIT_TEST(mail_data_that_is_gone_or_shorter_is_damage),
        UNIT_TEST(damaged_mail_of_a_file_is_kept_aside),
        UNIT_TEST(a_damaged_file_is_found_again_by_its_record),
        UNIT_TEST(a_block_that_is_damaged_is_not_given_out),
        UNIT_TEST(mail_can_be_read_again),
        UNIT_TEST(a_record_that_is_being_read_stays),
        UNIT_TEST(a_message_may_end_while_it_is_read),
        UNIT_TEST(a_file_that_is_gone_is_no_message),
        UNIT_TEST(what_is_not_ours_is_not_read),
        UNIT_TEST(strange_names_are_set_aside),
        UNIT_TEST(a_file_under_another_name_is_set_aside),
        UNIT_TEST(a_strange_directory_holds_nobody_up),
        UNIT_TEST(files_are_read_in_slices),
        UNIT_TEST(notes_about_thousands_come_back),
        UNIT_TEST(a_message_that_is_tried_for_days_stays_small),
        UNIT_TEST(a_note_during_the_copy_is_not_lost),
        UNIT_TEST(a_message_that_ended_during_the_copy_stays_away),
        UNIT_TEST(threads_and_the_loop_do_not_meet),
        UNIT_TEST(a_long_journal_is_looked_through_in_slices),
        UNIT_TEST(a_directory_without_segments_ends_a_scan_of_it),
        UNIT_TEST(a_segment_used_again_amid_a_scan_is_looked_at_anew)
    };
    return UNIT_RUN(tests);
}
