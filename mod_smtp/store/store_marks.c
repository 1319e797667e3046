/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_marks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store_io.h"
#include "store_octets.h"
#include "store_record.h"

#define VERSION       2
#define VERSION_1     1
#define VERSION_AT    7
#define GENERATION_AT 8
#define BOOT_AT      16
#define DAMAGE_AT    32
#define HEADER_OCTETS 33
#define AREAS_AT     STORE_RECORD_UNIT

static const char magic[VERSION_AT] = { 'S', 'M', 'T', 'P', 'M', 'R', 'K' };

apr_status_t store_marks_begin(store_marks_t *marks, apr_uint64_t generation)
{
    unsigned char header[HEADER_OCTETS] = { 0 };
    apr_status_t rv;

    marks->is_valid = marks->is_recovered = marks->has_damage = 0;
    if (ftruncate(marks->fd, 0)) {
        return errno;
    }
    memcpy(header, magic, sizeof(magic));
    header[VERSION_AT] = VERSION;
    store_octets_put(header + GENERATION_AT, generation, 8);
    rv = store_io_pwrite(marks->fd, header, sizeof(header), 0);
    marks->is_valid = rv == APR_SUCCESS;
    return rv;
}

/* Reads what there is, up to `len` octets; the rest is zero. */
static apr_status_t read_some(int fd, unsigned char *octets, apr_size_t len,
                              apr_uint64_t at)
{
    apr_size_t n = 0;
    ssize_t got = 1;

    while (n < len && got > 0) {
        got = pread(fd, octets + n, len - n, (off_t)(at + n));
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        n += got > 0 ? (apr_size_t)got : 0;
    }
    if (got < 0) {
        int error = errno;

        memset(octets, 0, len);
        return error;
    }
    memset(octets + n, 0, len - n);
    return APR_SUCCESS;
}

apr_status_t
store_marks_parse(store_marks_t *marks, apr_uint64_t generation,
                  const unsigned char boot[STORE_MARKS_BOOT_OCTETS])
{
    static const unsigned char no_boot[STORE_MARKS_BOOT_OCTETS];
    unsigned char header[HEADER_OCTETS];
    apr_status_t rv;

    marks->is_valid = marks->is_recovered = marks->has_damage = 0;
    if (marks->fd < 0) {
        return APR_SUCCESS;
    }
    rv = read_some(marks->fd, header, sizeof(header), 0);
    if (rv != APR_SUCCESS || memcmp(header, magic, sizeof(magic))
        || (header[VERSION_AT] != VERSION && header[VERSION_AT] != VERSION_1)
        || store_octets_get(header + GENERATION_AT, 8) != generation) {
        return rv;
    }
    marks->is_valid = 1;
    if (header[VERSION_AT] == VERSION && memcmp(boot, no_boot, sizeof(no_boot))
        && !memcmp(boot, header + BOOT_AT, sizeof(no_boot))) {
        marks->is_recovered = 1;
        marks->has_damage = header[DAMAGE_AT] != 0;
    }
    return APR_SUCCESS;
}

static apr_uint64_t offset(const store_marks_t *marks, store_marks_e area,
                           apr_uint64_t unit)
{
    return AREAS_AT + (area == STORE_MARKS_QUEUE ? marks->units : 0) + unit;
}

apr_status_t store_marks_read(const store_marks_t *marks, store_marks_e area,
                              apr_uint64_t unit, unsigned char *octets,
                              apr_size_t count)
{
    apr_uint64_t there = unit < marks->units ? marks->units - unit : 0;
    apr_size_t n = count < there ? count : (apr_size_t)there;

    memset(octets + n, 0, count - n);
    if (!marks->is_valid) {
        memset(octets, 0, n);
        return APR_SUCCESS;
    }
    return read_some(marks->fd, octets, n, offset(marks, area, unit));
}

apr_status_t store_marks_write(const store_marks_t *marks, store_marks_e area,
                               apr_uint64_t unit, unsigned char mark)
{
    if (unit >= marks->units) {
        return EINVAL;
    }
    return store_io_pwrite(marks->fd, &mark, 1,
                           (apr_off_t)offset(marks, area, unit));
}

apr_status_t
store_marks_recovered_set(const store_marks_t *marks,
                          const unsigned char boot[STORE_MARKS_BOOT_OCTETS],
                          int has_damage)
{
    unsigned char octets[HEADER_OCTETS - BOOT_AT];

    memcpy(octets, boot, STORE_MARKS_BOOT_OCTETS);
    octets[DAMAGE_AT - BOOT_AT] = has_damage != 0;
    return store_io_pwrite(marks->fd, octets, sizeof(octets), BOOT_AT);
}
