/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_record.h"

#include <string.h>

#include <zlib.h>

#include "store_octets.h"

#define VERSION      1
#define VERSION_AT   7
#define CRC_AT      60
#define FLAGS_AT    48
#define ZERO_AT     49
#define ALL_FLAGS   (STORE_RECORD_SENT | STORE_RECORD_NO_MAILDIR)

static const char magic[VERSION_AT] = { 'S', 'M', 'T', 'P', 'R', 'E', 'C' };

apr_uint64_t store_record_payload_octets(const store_record_t *record)
{
    return (apr_uint64_t)record->envelope_len + record->trace_len
        + record->content_len;
}

apr_uint64_t store_record_octets(const store_record_t *record)
{
    return STORE_RECORD_ROUND(STORE_RECORD_HEADER_OCTETS
                              + store_record_payload_octets(record));
}

apr_uint32_t store_record_crc(apr_uint32_t crc, const void *octets,
                              apr_size_t len)
{
    return (apr_uint32_t)crc32_z(crc, octets, len);
}

void store_record_write(const store_record_t *record,
                        unsigned char header[STORE_RECORD_HEADER_OCTETS])
{
    memset(header, 0, STORE_RECORD_HEADER_OCTETS);
    memcpy(header, magic, VERSION_AT);
    header[VERSION_AT] = VERSION;
    store_octets_put(header + 8, record->generation, 8);
    store_octets_put(header + 16, record->place, 8);
    store_octets_put(header + 24, record->group, 8);
    store_octets_put(header + 32, record->envelope_len, 4);
    store_octets_put(header + 36, record->trace_len, 4);
    store_octets_put(header + 40, record->content_len, 4);
    store_octets_put(header + 44, record->crc, 4);
    header[FLAGS_AT] = (unsigned char)record->flags;
    store_octets_put(header + CRC_AT, store_record_crc(0, header, CRC_AT), 4);
}

static int is_zero(const unsigned char *octets, apr_size_t len)
{
    while (len && !*octets) {
        octets++;
        len--;
    }
    return !len;
}

store_record_status_e
store_record_parse(const unsigned char header[STORE_RECORD_HEADER_OCTETS],
                   store_record_t *record)
{
    memset(record, 0, sizeof(*record));
    if (memcmp(header, magic, VERSION_AT)
        || store_octets_get(header + CRC_AT, 4)
           != store_record_crc(0, header, CRC_AT)) {
        return STORE_RECORD_NONE;
    }
    if (header[VERSION_AT] != VERSION) {
        return STORE_RECORD_VERSION;
    }
    if (header[FLAGS_AT] & ~ALL_FLAGS
        || !is_zero(header + ZERO_AT, CRC_AT - ZERO_AT)) {
        return STORE_RECORD_NONE;
    }
    record->generation = store_octets_get(header + 8, 8);
    record->place = store_octets_get(header + 16, 8);
    record->group = store_octets_get(header + 24, 8);
    record->envelope_len = (apr_uint32_t)store_octets_get(header + 32, 4);
    record->trace_len = (apr_uint32_t)store_octets_get(header + 36, 4);
    record->content_len = (apr_uint32_t)store_octets_get(header + 40, 4);
    record->crc = (apr_uint32_t)store_octets_get(header + 44, 4);
    record->flags = header[FLAGS_AT];
    return STORE_RECORD_OK;
}
