/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "store_octets.h"
#include "store_record.h"

#define OCTETS STORE_RECORD_HEADER_OCTETS

static const store_record_t sample = {
    0x123456789abcdef1, 0x0102030405060708, 0x0102030405060700,
    300, 200, 131072, 0xdeadbeef, STORE_RECORD_SENT
};

static void a_record_comes_back_as_it_was(void **state)
{
    unsigned char octets[OCTETS];
    store_record_t record;

    (void)state;
    store_record_write(&sample, octets);
    assert_int_equal(store_record_parse(octets, &record), STORE_RECORD_OK);
    assert_true(record.generation == sample.generation);
    assert_true(record.place == sample.place);
    assert_true(record.group == sample.group);
    assert_int_equal(record.envelope_len, sample.envelope_len);
    assert_int_equal(record.trace_len, sample.trace_len);
    assert_int_equal(record.content_len, sample.content_len);
    assert_true(record.crc == sample.crc);
    assert_int_equal(record.flags, sample.flags);
}

static void no_flipped_bit_passes_for_a_record(void **state)
{
    const store_record_t none = { 0 };
    unsigned char octets[OCTETS];
    store_record_t record;
    unsigned int i;

    (void)state;
    for (i = 0; i < 8 * OCTETS; i++) {
        store_record_write(&sample, octets);
        octets[i / 8] = (unsigned char)(octets[i / 8] ^ 1u << i % 8);
        assert_int_equal(store_record_parse(octets, &record),
                         STORE_RECORD_NONE);
        assert_memory_equal(&record, &none, sizeof(record));
    }
}

static void what_an_unused_segment_holds_is_no_record(void **state)
{
    unsigned char octets[OCTETS] = { 0 };
    store_record_t record;

    (void)state;
    assert_int_equal(store_record_parse(octets, &record), STORE_RECORD_NONE);
    memset(octets, 0xff, sizeof(octets));
    assert_int_equal(store_record_parse(octets, &record), STORE_RECORD_NONE);
}

/* As another version of the format would write it, checksum and all. */
static void another_versions_record_is_told_from_damage(void **state)
{
    unsigned char octets[OCTETS];
    store_record_t record;

    (void)state;
    store_record_write(&sample, octets);
    octets[7] = 2;
    store_octets_put(octets + 60, store_record_crc(0, octets, 60), 4);
    assert_int_equal(store_record_parse(octets, &record),
                     STORE_RECORD_VERSION);
    octets[7] = 1;
    octets[50] = 1;
    store_octets_put(octets + 60, store_record_crc(0, octets, 60), 4);
    assert_int_equal(store_record_parse(octets, &record), STORE_RECORD_NONE);
    octets[50] = 0;
    octets[48] = 4;              /* a flag that is none of ours */
    store_octets_put(octets + 60, store_record_crc(0, octets, 60), 4);
    assert_int_equal(store_record_parse(octets, &record), STORE_RECORD_NONE);
}

static void lengths_near_the_largest_do_not_wrap(void **state)
{
    store_record_t record = { 0 };

    (void)state;
    assert_int_equal(store_record_octets(&record), 512);
    record.content_len = 448;
    assert_int_equal(store_record_octets(&record), 512);
    record.content_len = 449;
    assert_int_equal(store_record_octets(&record), 1024);
    record.envelope_len = record.trace_len = record.content_len = 0xffffffff;
    assert_true(store_record_payload_octets(&record) == 12884901885u);
    assert_true(store_record_octets(&record) > 12884901885u);
}

static void a_checksum_over_pieces_is_that_of_the_whole(void **state)
{
    apr_uint32_t crc = 0;

    (void)state;
    crc = store_record_crc(crc, "12345", 5);
    crc = store_record_crc(crc, "", 0);
    crc = store_record_crc(crc, "6789", 4);
    /* The check value of CRC-32. */
    assert_true(crc == 0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_record_comes_back_as_it_was),
        UNIT_TEST(no_flipped_bit_passes_for_a_record),
        UNIT_TEST(what_an_unused_segment_holds_is_no_record),
        UNIT_TEST(another_versions_record_is_told_from_damage),
        UNIT_TEST(lengths_near_the_largest_do_not_wrap),
        UNIT_TEST(a_checksum_over_pieces_is_that_of_the_whole)
    };
    return UNIT_RUN(tests);
}
