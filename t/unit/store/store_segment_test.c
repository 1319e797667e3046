/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../spool/spool_unit.h"

#include "../spool/spool_fault.h"
#include "store_octets.h"

#define SIZE (256 * 1024)

static const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS] = "boot one";
static const unsigned char other_boot[STORE_SEGMENT_BOOT_OCTETS] = "boot two";

static store_segment_t *make(spool_unit_t *u)
{
    store_segment_t *segment;

    assert_int_equal(store_segment_create(u->journal_fd, 1, SIZE, &segment),
                     0);
    assert_int_equal(store_segment_begin(segment, boot), 0);
    return segment;
}

/* Writes one record that has `len` octets of content. */
static store_record_t put(store_segment_t *segment, apr_pool_t *p,
                          apr_size_t len)
{
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    store_record_t record = { 0 };
    struct iovec pieces[3];
    apr_uint64_t octets;

    record.generation = segment->generation;
    record.place = record.group = segment->tail;
    record.content_len = (apr_uint32_t)len;
    pieces[1].iov_base = memset(apr_palloc(p, len + 1), 'm', len);
    pieces[1].iov_len = len;
    record.crc = store_record_crc(0, pieces[1].iov_base, len);
    store_record_write(&record, header);
    pieces[0].iov_base = header;
    pieces[0].iov_len = sizeof(header);
    octets = store_record_octets(&record);
    pieces[2].iov_len = (size_t)(octets - sizeof(header) - len);
    pieces[2].iov_base = apr_pcalloc(p, STORE_RECORD_UNIT);
    assert_int_equal(store_segment_append(segment, pieces, 3, octets), 0);
    return record;
}

static store_segment_t *reopen(spool_unit_t *u, const unsigned char *now)
{
    store_segment_t *segment;
    apr_status_t rv;

    assert_int_equal(store_segment_open(u->journal_fd, 1, now, &segment, &rv),
                     STORE_SEGMENT_OK);
    return segment;
}

static store_segment_status_e status(spool_unit_t *u)
{
    store_segment_t *segment;
    apr_status_t rv;
    store_segment_status_e answer =
        store_segment_open(u->journal_fd, 1, boot, &segment, &rv);

    if (segment) {
        store_segment_close(segment);
    }
    return answer;
}

static void records_are_found_in_their_order(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    apr_size_t lens[] = { 0, 1, 448, 449, 100000, 7 };
    apr_uint64_t places[6], at = STORE_SEGMENT_DATA;
    store_record_t record;
    const char *payload;
    int i;

    for (i = 0; i < 6; i++) {
        places[i] = put(segment, u->p, lens[i]).place;
    }
    store_segment_close(segment);
    segment = reopen(u, boot);
    for (i = 0; i < 6; i++) {
        assert_int_equal(store_segment_find(segment, at, &record), 0);
        assert_true(record.place == places[i]);
        assert_int_equal(store_segment_read(segment, u->p, &record, &payload),
                         0);
        assert_true(lens[i] == 0 || payload[lens[i] - 1] == 'm');
        at = record.place + store_record_octets(&record);
    }
    assert_int_equal(store_segment_find(segment, at, &record), APR_EOF);
    store_segment_close(segment);
}

static void an_older_generations_record_is_not_delivered_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    store_record_t first, record;

    put(segment, u->p, 1000);
    put(segment, u->p, 1000);
    assert_int_equal(store_segment_retire(segment), 0);
    assert_int_equal(status(u), STORE_SEGMENT_EMPTY);
    assert_int_equal(store_segment_begin(segment, boot), 0);
    first = put(segment, u->p, 10);
    store_segment_close(segment);
    segment = reopen(u, boot);
    assert_int_equal(store_segment_find(segment, STORE_SEGMENT_DATA, &record),
                     0);
    assert_int_equal(record.content_len, 10);
    assert_int_equal(store_segment_find(segment, first.place
                                        + STORE_RECORD_UNIT, &record),
                     APR_EOF);
    store_segment_close(segment);
}

/* A mail can hold octets that look like a record of this very segment, at
 * the right offset from its own beginning. */
static void a_record_within_a_mail_is_not_believed(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    store_record_t record = put(segment, u->p, 4000), found;
    unsigned char header[STORE_RECORD_HEADER_OCTETS];

    record.place = record.group = STORE_SEGMENT_DATA;
    record.content_len = 1;
    store_record_write(&record, header);
    assert_int_equal(pwrite(segment->fd, header, sizeof(header),
                            STORE_SEGMENT_DATA + STORE_RECORD_UNIT),
                     sizeof(header));
    assert_int_equal(store_segment_find(segment, STORE_SEGMENT_DATA
                                        + STORE_RECORD_UNIT, &found),
                     APR_EOF);
    store_segment_close(segment);
}

static void a_record_longer_than_its_segment_is_not_believed(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    store_record_t record = put(segment, u->p, 10), found;

    record.content_len = 0xfffffff0;
    store_record_write(&record, header);
    assert_int_equal(pwrite(segment->fd, header, sizeof(header),
                            (off_t)record.place), sizeof(header));
    assert_int_equal(store_segment_find(segment, record.place, &found),
                     APR_EOF);
    assert_int_equal(store_segment_record_get(segment, record.place, &found),
                     STORE_EDAMAGED);
    store_segment_close(segment);
}

typedef struct mark_row_t {
    unsigned char mark;
    unsigned char here;          /* what is believed in the same boot */
    unsigned char elsewhere;     /* and in another */
} mark_row_t;

static const mark_row_t mark_rows[] = {
    { STORE_MARK_DELIVERED, STORE_MARK_DELIVERED, STORE_MARK_NONE },
    { STORE_MARK_DONE, STORE_MARK_DONE, STORE_MARK_DONE },
    { STORE_MARK_VOID, STORE_MARK_VOID, STORE_MARK_VOID },
    { STORE_MARK_PENDING, STORE_MARK_NONE, STORE_MARK_NONE },
    { 0xff, STORE_MARK_NONE, STORE_MARK_NONE }
};

/* A power loss can keep the mark and lose the mail that it speaks of. */
static void delivered_is_not_believed_after_a_reboot(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    static const unsigned char unknown[STORE_SEGMENT_BOOT_OCTETS];
    size_t i;

    for (i = 0; i < UNIT_ROWS(mark_rows); i++) {
        store_segment_t *segment = make(u);
        apr_uint64_t place = put(segment, u->p, 10).place;

        assert_int_equal(store_segment_mark(segment, place,
                                            mark_rows[i].mark), 0);
        store_segment_close(segment);
        segment = reopen(u, boot);
        assert_int_equal(STORE_SEGMENT_MARK(segment, place),
                         mark_rows[i].here);
        store_segment_close(segment);
        segment = reopen(u, unknown);
        assert_int_equal(STORE_SEGMENT_MARK(segment, place),
                         mark_rows[i].elsewhere);
        store_segment_close(segment);
        segment = reopen(u, other_boot);
        assert_int_equal(STORE_SEGMENT_MARK(segment, place),
                         mark_rows[i].elsewhere);
        store_segment_remove(segment, u->journal_fd);
        assert_int_equal(spool_unit_count(u, "journal"), 0);
    }
}

/* The marks of a generation before must not hide new mail. */
static void marks_of_another_generation_are_not_believed(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    apr_uint64_t place = put(segment, u->p, 10).place;
    unsigned char generation[8];

    assert_int_equal(store_segment_mark(segment, place, STORE_MARK_DONE), 0);
    store_octets_put(generation, segment->generation + 2, 8);
    assert_int_equal(pwrite(segment->disk.fd, generation, 8, 8), 8);
    store_segment_close(segment);
    segment = reopen(u, boot);
    assert_int_equal(STORE_SEGMENT_MARK(segment, place), STORE_MARK_NONE);
    store_segment_close(segment);
}

static void without_marks_all_is_delivered_again(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    apr_uint64_t place = put(segment, u->p, 10).place;

    assert_int_equal(store_segment_mark(segment, place, STORE_MARK_DONE), 0);
    store_segment_close(segment);
    assert_int_equal(unlinkat(u->journal_fd, "1.marks", 0), 0);
    segment = reopen(u, boot);
    assert_int_equal(STORE_SEGMENT_MARK(segment, place), STORE_MARK_NONE);
    store_segment_close(segment);
}

static void a_header_is_whole_or_the_segment_is_set_aside(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    unsigned char header[64], bad[64];
    int i;

    put(segment, u->p, 10);
    assert_int_equal(pread(segment->fd, header, 64, 0), 64);
    for (i = 0; i < 8 * 64; i++) {
        memcpy(bad, header, 64);
        bad[i / 8] = (unsigned char)(bad[i / 8] ^ 1u << i % 8);
        assert_int_equal(pwrite(segment->fd, bad, 64, 0), 64);
        assert_int_equal(status(u), STORE_SEGMENT_DAMAGED);
    }
    memcpy(bad, header, 64);
    bad[7] = 2;
    store_octets_put(bad + 60, store_record_crc(0, bad, 60), 4);
    assert_int_equal(pwrite(segment->fd, bad, 64, 0), 64);
    assert_int_equal(status(u), STORE_SEGMENT_VERSION);
    memcpy(bad, header, 64);
    store_octets_put(bad + 16, APR_UINT64_C(1) << 40, 8);
    store_octets_put(bad + 60, store_record_crc(0, bad, 60), 4);
    assert_int_equal(pwrite(segment->fd, bad, 64, 0), 64);
    assert_int_equal(status(u), STORE_SEGMENT_DAMAGED);
    store_segment_close(segment);
}

static void a_segment_that_was_never_used_is_no_damage(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment;

    assert_int_equal(store_segment_create(u->journal_fd, 1, SIZE, &segment),
                     0);
    assert_int_equal(status(u), STORE_SEGMENT_EMPTY);
    store_segment_close(segment);
}

static void strange_files_are_not_read(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    int j = u->journal_fd;

    store_segment_close(make(u));
    assert_int_equal(fchmodat(j, "1.seg", 0644, 0), 0);
    assert_int_equal(status(u), STORE_SEGMENT_STRANGE);
    assert_int_equal(fchmodat(j, "1.seg", 0600, 0), 0);
    assert_int_equal(syscall(SYS_linkat, j, "1.seg", j, "twin", 0), 0);
    assert_int_equal(status(u), STORE_SEGMENT_STRANGE);
    assert_int_equal(renameat(j, "1.seg", j, "moved"), 0);
    assert_int_equal(symlinkat("moved", j, "1.seg"), 0);
    assert_int_equal(status(u), STORE_SEGMENT_STRANGE);
    assert_int_equal(unlinkat(j, "1.seg", 0), 0);
    assert_int_equal(mkfifoat(j, "1.seg", 0600), 0);
    assert_int_equal(status(u), STORE_SEGMENT_STRANGE);
    assert_int_equal(unlinkat(j, "1.seg", 0), 0);
    assert_int_equal(mkdirat(j, "1.seg", 0700), 0);
    assert_int_equal(status(u), STORE_SEGMENT_STRANGE);
}

/* The queue process has the segment open too, and sees and sets marks while
 * its owner lives. */
static void what_waits_to_be_sent_is_found_by_another_process(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u), *other;
    apr_uint64_t places[4], place;
    store_record_t record;
    unsigned char mark;
    int i;

    for (i = 0; i < 4; i++) {
        places[i] = put(segment, u->p, 700).place;
    }
    other = reopen(u, boot);
    assert_int_equal(store_segment_queue_find(other, 0, &place, &mark),
                     APR_EOF);
    assert_int_equal(store_segment_queue_mark(segment, places[1],
                                              STORE_QUEUE_MARK_SEND), 0);
    assert_int_equal(store_segment_queue_mark(segment, places[3],
                                              STORE_QUEUE_MARK_SEND), 0);
    assert_int_equal(store_segment_queue_find(other, 0, &place, &mark), 0);
    assert_true(place == places[1] && mark == STORE_QUEUE_MARK_SEND);
    assert_int_equal(store_segment_record_get(other, place, &record), 0);
    assert_int_equal(store_segment_queue_mark(other, place,
                                              STORE_QUEUE_MARK_OVER), 0);
    assert_int_equal(store_segment_queue_mark_get(segment, place, &mark), 0);
    assert_int_equal(mark, STORE_QUEUE_MARK_OVER);
    assert_int_equal(store_segment_queue_find(other, 0, &place, &mark), 0);
    assert_true(place == places[3]);
    assert_false(store_segment_queue_is_over(segment));
    assert_int_equal(store_segment_queue_mark(other, place,
                                              STORE_QUEUE_MARK_MOVED), 0);
    assert_int_equal(store_segment_queue_find(other, 0, &place, &mark), 0);
    assert_true(place == places[3] && mark == STORE_QUEUE_MARK_MOVED);
    assert_false(store_segment_queue_is_over(segment));
    assert_int_equal(store_segment_queue_find(other, place + 1, &place,
                                              &mark), 0);
    assert_int_equal(store_segment_queue_find(
        other, place + STORE_RECORD_UNIT, &place, &mark), APR_EOF);
    assert_int_equal(store_segment_queue_mark(other, places[3],
                                              STORE_QUEUE_MARK_OVER), 0);
    assert_true(store_segment_queue_is_over(segment));
    /* Local marks are what they were. */
    assert_int_equal(other->marks[places[1] / STORE_RECORD_UNIT], 0);
    store_segment_close(other);
    store_segment_close(segment);
}

/* A hint can be as old as it likes. */
static void a_place_of_another_generation_is_not_read(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u), *other;
    apr_uint64_t old = segment->generation;
    store_record_t record;
    apr_uint64_t place = put(segment, u->p, 10).place;

    assert_int_equal(store_segment_queue_mark(segment, place,
                                              STORE_QUEUE_MARK_OVER), 0);
    assert_int_equal(store_segment_begin(segment, boot), 0);
    other = reopen(u, boot);
    assert_true(other->generation != old);
    assert_int_equal(store_segment_record_get(other, place, &record),
                     STORE_EDAMAGED);
    assert_int_equal(store_segment_record_get(other, 1 << 30, &record),
                     STORE_EDAMAGED);
    assert_true(store_segment_queue_is_over(other));
    store_segment_close(other);
    store_segment_close(segment);
}

static void a_payload_is_read_in_pieces_and_not_beyond(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    store_record_t record = put(segment, u->p, 1000);
    char octets[1001] = "";
    apr_uint32_t crc;

    put(segment, u->p, 10);
    assert_int_equal(store_segment_payload_get(segment, &record, 0, octets,
                                               600), 0);
    crc = store_record_crc(0, octets, 600);
    assert_int_equal(store_segment_payload_get(segment, &record, 600, octets,
                                               400), 0);
    assert_true(store_record_crc(crc, octets, 400) == record.crc);
    assert_int_equal(store_segment_payload_get(segment, &record, 1000, octets,
                                               0), 0);
    assert_int_equal(store_segment_payload_get(segment, &record, 600, octets,
                                               401), EINVAL);
    assert_int_equal(store_segment_payload_get(segment, &record, 1001, octets,
                                               0), EINVAL);
    assert_int_equal(ftruncate(segment->fd, (off_t)record.place + 600), 0);
    assert_int_equal(store_segment_payload_get(segment, &record, 0, octets,
                                               1000), STORE_ETORN);
    store_segment_close(segment);
}

/* A queue mark that does not count would leave the message unsent. */
static void marks_that_do_not_count_are_mended_before_one_is_set(void **state)
{
    static const char *const spoils[] = { "missing", "strange", "old" };
    spool_unit_t *u = spool_unit_create(*state);
    size_t i;

    for (i = 0; i < UNIT_ROWS(spoils); i++) {
        store_segment_t *segment = make(u);
        apr_uint64_t place = put(segment, u->p, 10).place;
        unsigned char mark;

        if (i == 0) {
            assert_int_equal(unlinkat(u->journal_fd, "1.marks", 0), 0);
        }
        else if (i == 1) {
            assert_int_equal(fchmodat(u->journal_fd, "1.marks", 0644, 0), 0);
        }
        else {
            assert_int_equal(pwrite(segment->disk.fd, "x", 1, 8), 1);
        }
        store_segment_close(segment);
        segment = reopen(u, boot);
        assert_int_equal(store_segment_queue_mark(segment, place,
                                                  STORE_QUEUE_MARK_SEND),
                         EINVAL);
        assert_int_equal(store_segment_marks_mend(segment, u->journal_fd),
                         0);
        assert_int_equal(store_segment_queue_mark(segment, place,
                                                  STORE_QUEUE_MARK_SEND), 0);
        assert_int_equal(store_segment_marks_mend(segment, u->journal_fd),
                         0);
        store_segment_close(segment);
        segment = reopen(u, boot);
        assert_int_equal(store_segment_queue_mark_get(segment, place, &mark),
                         0);
        assert_int_equal(mark, STORE_QUEUE_MARK_SEND);
        assert_false(segment->disk.is_recovered);
        assert_int_equal(store_segment_recovered_set(segment, boot, 1), 0);
        store_segment_close(segment);
        segment = reopen(u, boot);
        assert_true(segment->disk.is_recovered && segment->disk.has_damage);
        store_segment_remove(segment, u->journal_fd);
    }
}

/* After a sync that failed the kernel may say that all is well. */
static void a_segment_whose_sync_failed_is_given_up(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    char octets[STORE_RECORD_UNIT] = "";
    struct iovec piece = { octets, sizeof(octets) };

    spool_fault.fdatasync.error = EIO;
    assert_int_equal(store_segment_append(segment, &piece, 1,
                                          STORE_RECORD_UNIT), EIO);
    assert_true(segment->is_failed);
    store_segment_close(segment);
}

static void space_is_made_ahead_and_never_beyond_the_size(void **state)
{
    spool_unit_t *u = spool_unit_create(*state);
    store_segment_t *segment = make(u);
    struct stat st;

    put(segment, u->p, 10);
    assert_int_equal(fstat(segment->fd, &st), 0);
    assert_int_equal(st.st_size, SIZE);
    assert_false(store_segment_has_room(segment, SIZE));
    assert_true(store_segment_has_room(segment, SIZE - segment->tail));
    store_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_FAULT_TEST(records_are_found_in_their_order),
        SPOOL_FAULT_TEST(an_older_generations_record_is_not_delivered_again),
        SPOOL_FAULT_TEST(a_record_within_a_mail_is_not_believed),
        SPOOL_FAULT_TEST(a_record_longer_than_its_segment_is_not_believed),
        SPOOL_FAULT_TEST(delivered_is_not_believed_after_a_reboot),
        SPOOL_FAULT_TEST(marks_of_another_generation_are_not_believed),
        SPOOL_FAULT_TEST(without_marks_all_is_delivered_again),
        SPOOL_FAULT_TEST(a_header_is_whole_or_the_segment_is_set_aside),
        SPOOL_FAULT_TEST(a_segment_that_was_never_used_is_no_damage),
        SPOOL_FAULT_TEST(strange_files_are_not_read),
        SPOOL_FAULT_TEST(what_waits_to_be_sent_is_found_by_another_process),
        SPOOL_FAULT_TEST(a_place_of_another_generation_is_not_read),
        SPOOL_FAULT_TEST(a_payload_is_read_in_pieces_and_not_beyond),
        SPOOL_FAULT_TEST(
            marks_that_do_not_count_are_mended_before_one_is_set),
        SPOOL_FAULT_TEST(a_segment_whose_sync_failed_is_given_up),
        SPOOL_FAULT_TEST(space_is_made_ahead_and_never_beyond_the_size)
    };
    return UNIT_RUN(tests);
}
