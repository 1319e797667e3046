/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "store_marks.h"
#include "store_record.h"

#define UNITS      100
#define GENERATION APR_UINT64_C(0x123456789abcdef1)

static const unsigned char boot[STORE_MARKS_BOOT_OCTETS] = "boot one";
static const unsigned char other_boot[STORE_MARKS_BOOT_OCTETS] = "boot two";
static const unsigned char no_boot[STORE_MARKS_BOOT_OCTETS];

static int setup(void **state)
{
    store_marks_t *marks = calloc(1, sizeof(*marks));

    marks->fd = memfd_create("marks", MFD_CLOEXEC);
    marks->units = UNITS;
    *state = marks;
    return store_marks_begin(marks, GENERATION);
}

static int teardown(void **state)
{
    store_marks_t *marks = *state;

    close(marks->fd);
    free(marks);
    return 0;
}

static unsigned char get(store_marks_t *marks, store_marks_e area,
                         apr_uint64_t unit)
{
    unsigned char mark = 1;

    assert_int_equal(store_marks_read(marks, area, unit, &mark, 1), 0);
    return mark;
}

static void the_two_areas_do_not_touch(void **state)
{
    store_marks_t *marks = *state;
    apr_uint64_t i;

    for (i = 0; i < UNITS; i++) {
        assert_int_equal(get(marks, STORE_MARKS_LOCAL, i), 0);
        assert_int_equal(get(marks, STORE_MARKS_QUEUE, i), 0);
        assert_int_equal(store_marks_write(marks, STORE_MARKS_LOCAL, i, 'C'),
                         0);
        assert_int_equal(get(marks, STORE_MARKS_QUEUE, i), 0);
    }
    for (i = 0; i < UNITS; i++) {
        assert_int_equal(store_marks_write(marks, STORE_MARKS_QUEUE, i, 'Q'),
                         0);
        assert_int_equal(get(marks, STORE_MARKS_LOCAL, i), 'C');
        assert_int_equal(get(marks, STORE_MARKS_QUEUE, i), 'Q');
    }
}

static void what_lies_beyond_is_neither_read_nor_written(void **state)
{
    store_marks_t *marks = *state;
    unsigned char octets[3] = "xyz";

    assert_int_equal(store_marks_write(marks, STORE_MARKS_LOCAL, UNITS - 1,
                                       'D'), 0);
    assert_int_equal(store_marks_write(marks, STORE_MARKS_QUEUE, 0, 'Q'), 0);
    assert_int_equal(store_marks_read(marks, STORE_MARKS_LOCAL, UNITS - 1,
                                      octets, 3), 0);
    assert_memory_equal(octets, "D\0\0", 3);
    assert_int_equal(store_marks_read(marks, STORE_MARKS_QUEUE, UNITS + 7,
                                      octets, 3), 0);
    assert_memory_equal(octets, "\0\0\0", 3);
    assert_int_not_equal(store_marks_write(marks, STORE_MARKS_LOCAL, UNITS,
                                           'D'), 0);
    assert_int_not_equal(store_marks_write(marks, STORE_MARKS_QUEUE,
                                           ~APR_UINT64_C(0), 'Q'), 0);
}

/* Marks of mail that is long gone must not hide new mail. */
static void another_generations_marks_do_not_count(void **state)
{
    store_marks_t *marks = *state;

    assert_int_equal(store_marks_write(marks, STORE_MARKS_QUEUE, 5, 'C'), 0);
    assert_int_equal(store_marks_parse(marks, GENERATION + 2, boot), 0);
    assert_false(marks->is_valid);
    assert_int_equal(get(marks, STORE_MARKS_QUEUE, 5), 0);
    store_marks_parse(marks, GENERATION, boot);
    assert_true(marks->is_valid);
    assert_int_equal(get(marks, STORE_MARKS_QUEUE, 5), 'C');
    assert_int_equal(store_marks_begin(marks, GENERATION + 2), 0);
    assert_int_equal(get(marks, STORE_MARKS_QUEUE, 5), 0);
}

typedef struct header_row_t {
    const char *what;
    const char *octets;
    apr_size_t len;
    int is_valid;
} header_row_t;

#define HEADER(what, octets, is_valid) \
    { what, octets, sizeof(octets) - 1, is_valid }
#define NUMBER "\xf1\xde\xbc\x9a\x78\x56\x34\x12"

static const header_row_t headers[] = {
    HEADER("nothing", "", 0),
    HEADER("half a header", "SMTPMRK\2\xf1\xde", 0),
    HEADER("ours", "SMTPMRK\2" NUMBER, 1),
    HEADER("the version before, without queue marks", "SMTPMRK\1" NUMBER, 1),
    HEADER("a version to come", "SMTPMRK\3" NUMBER, 0),
    HEADER("another magic", "SMTPMRX\2" NUMBER, 0),
    HEADER("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0)
};

static void a_header_that_is_not_ours_makes_marks_count_for_nothing(
    void **state)
{
    store_marks_t *marks = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(headers); i++) {
        assert_int_equal(ftruncate(marks->fd, 0), 0);
        assert_int_equal(pwrite(marks->fd, headers[i].octets, headers[i].len,
                                0), (ssize_t)headers[i].len);
        assert_int_equal(store_marks_write(marks, STORE_MARKS_LOCAL, 9, 'C'),
                         0);
        store_marks_parse(marks, GENERATION, no_boot);
        UNIT_CHECK(headers[i].what,
                   (int)marks->is_valid == headers[i].is_valid);
        UNIT_CHECK(headers[i].what, get(marks, STORE_MARKS_LOCAL, 9)
                                    == (headers[i].is_valid ? 'C' : 0));
        UNIT_CHECK(headers[i].what, !marks->is_recovered);
    }
}

/* What recovery found may be lost with the power, marks first. */
static void a_recovery_counts_until_the_system_stops(void **state)
{
    store_marks_t *marks = *state;

    assert_int_equal(store_marks_recovered_set(marks, boot, 1), 0);
    store_marks_parse(marks, GENERATION, boot);
    assert_true(marks->is_recovered && marks->has_damage);
    store_marks_parse(marks, GENERATION, other_boot);
    assert_false(marks->is_recovered || marks->has_damage);
    assert_int_equal(store_marks_recovered_set(marks, boot, 0), 0);
    store_marks_parse(marks, GENERATION, boot);
    assert_true(marks->is_recovered && !marks->has_damage);
    assert_int_equal(store_marks_recovered_set(marks, no_boot, 0), 0);
    store_marks_parse(marks, GENERATION, no_boot);
    assert_false(marks->is_recovered);
    assert_int_equal(store_marks_begin(marks, GENERATION), 0);
    store_marks_parse(marks, GENERATION, boot);
    assert_false(marks->is_recovered);
}

/* Else recovery would throw away marks that it could not read. */
static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    store_marks_t *marks = *state;
    int fd = marks->fd;

    marks->fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(store_marks_parse(marks, GENERATION, boot), EISDIR);
    assert_false(marks->is_valid);
    close(marks->fd);
    marks->fd = fd;
}

static void without_a_file_there_are_no_marks(void **state)
{
    store_marks_t none = { -1, UNITS, 1, 1, 1 };

    (void)state;
    assert_int_equal(store_marks_parse(&none, GENERATION, boot), 0);
    assert_false(none.is_valid || none.is_recovered || none.has_damage);
    assert_int_equal(get(&none, STORE_MARKS_QUEUE, 5), 0);
    assert_int_not_equal(store_marks_write(&none, STORE_MARKS_QUEUE, 5, 'Q'),
                         0);
}

#define MARKS_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MARKS_TEST(the_two_areas_do_not_touch),
        MARKS_TEST(what_lies_beyond_is_neither_read_nor_written),
        MARKS_TEST(another_generations_marks_do_not_count),
        MARKS_TEST(a_header_that_is_not_ours_makes_marks_count_for_nothing),
        MARKS_TEST(a_recovery_counts_until_the_system_stops),
        MARKS_TEST(a_file_that_cannot_be_read_is_an_error),
        MARKS_TEST(without_a_file_there_are_no_marks)
    };
    return UNIT_RUN(tests);
}
