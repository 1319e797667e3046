/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "store_segment.h"

#define UNITS      64
#define GENERATION APR_UINT64_C(0x0123456789abcdef)
#define EDIT       12

/** A header that is read is the one that would be written. */
static void check_header(const uint8_t *data, size_t size)
{
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    store_record_t record;

    if (size < sizeof(header)
        || store_record_parse(data, &record) != STORE_RECORD_OK) {
        return;
    }
    store_record_write(&record, header);
    FUZZ_CHECK(!memcmp(header, data, sizeof(header)));
}

static uint32_t number(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16
        | (uint32_t)data[2] << 8 | data[3];
}

/* Writes headers, whole ones, where and with what lengths the input says. */
static void edit(int fd, const uint8_t *data, size_t size)
{
    unsigned char header[STORE_RECORD_HEADER_OCTETS];

    for (; size >= EDIT; data += EDIT, size -= EDIT) {
        store_record_t record = { 0 };

        record.place = (data[0] % UNITS) * (uint64_t)STORE_RECORD_UNIT;
        record.group = data[1] & 1 ? record.place : data[1] * 512u;
        record.generation = data[1] & 2 ? GENERATION : data[1];
        record.envelope_len = data[2];
        record.trace_len = data[3];
        record.content_len = number(data + 4);
        record.crc = number(data + 8);
        store_record_write(&record, header);
        if (data[1] & 4) {
            record.place += STORE_RECORD_UNIT;
        }
        FUZZ_CHECK(pwrite(fd, header, sizeof(header), (off_t)record.place)
                   == (ssize_t)sizeof(header));
    }
}

/** What is found lies within the segment, in order, and can be read or
 *  refused. */
static void check_segment(store_segment_t *segment)
{
    uint64_t at = STORE_SEGMENT_DATA;
    store_record_t record;
    const char *payload;

    while (store_segment_find(segment, at, &record) == APR_SUCCESS) {
        apr_status_t rv = store_segment_read(segment, fuzz_pool(), &record,
                                             &payload);

        FUZZ_CHECK(record.place >= at && record.group <= record.place);
        FUZZ_CHECK(record.generation == GENERATION);
        FUZZ_CHECK(record.place + store_record_octets(&record)
                   <= segment->octets);
        FUZZ_CHECK(rv == APR_SUCCESS || rv == STORE_ETORN);
        at = record.place + store_record_octets(&record);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static store_segment_t segment;
    static int fd = -1;

    check_header(data, size);
    if (fd < 0) {
        fd = memfd_create("segment", 0);
    }
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0
               && ftruncate(fd, UNITS * STORE_RECORD_UNIT) == 0);
    segment.fd = fd;
    segment.generation = GENERATION;
    segment.octets = UNITS * STORE_RECORD_UNIT;
    segment.window_len = 0;
    edit(fd, data, size);
    check_segment(&segment);
    return 0;
}
