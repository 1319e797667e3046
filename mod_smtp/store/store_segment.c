/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "store_io.h"
#include "store_octets.h"

#define VERSION       1
#define HEADER_OCTETS 64
#define BOOT_AT       24
#define CRC_AT        60
#define NAME_OCTETS   32

/* Space is made in steps of so much ahead of the tail. */
#define ZERO_OCTETS   (1024u * 1024)
#define WINDOW_OCTETS (64u * 1024)
#define LOOK_UNITS    4096
#define MAX_OCTETS    (4096u * 1024u * 1024u - STORE_RECORD_UNIT)

static const char segment_magic[] = "SMTPSEG";
static const unsigned char no_boot[STORE_SEGMENT_BOOT_OCTETS];

void store_segment_boot_get(unsigned char boot[STORE_SEGMENT_BOOT_OCTETS])
{
    char text[36];
    int n = 0;
    size_t i;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    memset(boot, 0, STORE_SEGMENT_BOOT_OCTETS);
    if (fd < 0) {
        return;
    }
    if (store_io_pread(fd, text, sizeof(text), 0) == APR_SUCCESS) {
        for (i = 0; i < sizeof(text); i++) {
            if (apr_isxdigit(text[i]) && n < 2 * STORE_SEGMENT_BOOT_OCTETS) {
                char digit[2] = { text[i], '\0' };

                boot[n / 2] = (unsigned char)(boot[n / 2] << 4
                                              | strtol(digit, NULL, 16));
                n++;
            }
        }
    }
    close(fd);
}

static void name_write(char name[NAME_OCTETS], apr_uint64_t number,
                       const char *kind)
{
    apr_snprintf(name, NAME_OCTETS, "%" APR_UINT64_T_FMT ".%s", number, kind);
}

apr_uint64_t store_segment_name_parse(const char *name, const char **kind)
{
    apr_uint64_t number;
    char *end;

    *kind = "";
    if (*name < '1' || *name > '9') {
        return 0;
    }
    errno = 0;
    number = strtoull(name, &end, 10);
    if (errno || *end != '.') {
        return 0;
    }
    *kind = end + 1;
    return number;
}

static apr_status_t cleanup(void *data)
{
    store_segment_t *segment = data;

    if (segment->fd >= 0) {
        close(segment->fd);
    }
    if (segment->disk.fd >= 0) {
        close(segment->disk.fd);
    }
    free(segment->marks);
    free(segment->window);
    return APR_SUCCESS;
}

static apr_status_t allocate(apr_uint64_t number, apr_uint64_t octets,
                             store_segment_t **out)
{
    store_segment_t *segment;
    apr_pool_t *pool;
    /* Without parent: segments come and go in any thread. */
    apr_status_t rv = apr_pool_create(&pool, NULL);

    *out = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    segment = apr_pcalloc(pool, sizeof(*segment));
    segment->pool = pool;
    segment->number = number;
    segment->octets = octets;
    segment->fd = segment->disk.fd = -1;
    segment->disk.units = octets / STORE_RECORD_UNIT;
    segment->files = apr_array_make(pool, 4, sizeof(store_segment_file_t));
    segment->marks = calloc(1, octets / STORE_RECORD_UNIT + 1);
    apr_pool_cleanup_register(pool, segment, cleanup, apr_pool_cleanup_null);
    if (!segment->marks) {
        apr_pool_destroy(pool);
        return APR_ENOMEM;
    }
    *out = segment;
    return APR_SUCCESS;
}

void store_segment_close(store_segment_t *segment)
{
    apr_pool_destroy(segment->pool);
}

void store_segment_remove(store_segment_t *segment, int dir)
{
    char name[NAME_OCTETS];

    name_write(name, segment->number, "seg");
    unlinkat(dir, name, 0);
    name_write(name, segment->number, "marks");
    unlinkat(dir, name, 0);
    store_segment_close(segment);
}

apr_status_t store_segment_create(int dir, apr_uint64_t number,
                                  apr_uint64_t octets,
                                  store_segment_t **segment)
{
    char name[NAME_OCTETS];
    apr_status_t rv = allocate(number, octets, segment);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    (*segment)->zeroed = STORE_SEGMENT_DATA;
    name_write(name, number, "seg");
    rv = store_io_file_create(dir, name, &(*segment)->fd);
    if (rv == APR_SUCCESS) {
        name_write(name, number, "marks");
        rv = store_io_file_create(dir, name, &(*segment)->disk.fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(dir);
    }
    if (rv != APR_SUCCESS) {
        store_segment_remove(*segment, dir);
        *segment = NULL;
    }
    return rv;
}

/* ---- Writing ---- */

static apr_status_t
header_write(store_segment_t *segment,
             const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS])
{
    unsigned char header[HEADER_OCTETS] = { 0 };

    memcpy(header, segment_magic, sizeof(segment_magic) - 1);
    header[sizeof(segment_magic) - 1] = VERSION;
    store_octets_put(header + 8, segment->generation, 8);
    store_octets_put(header + 16, segment->octets, 8);
    memcpy(header + BOOT_AT, boot, STORE_SEGMENT_BOOT_OCTETS);
    store_octets_put(header + CRC_AT, store_record_crc(0, header, CRC_AT), 4);
    return store_io_pwrite(segment->fd, header, sizeof(header), 0);
}

/* Never 0, which means retired. */
static apr_status_t generation_make(apr_uint64_t *generation)
{
    unsigned char octets[8];
    apr_status_t rv = apr_generate_random_bytes(octets, sizeof(octets));

    *generation = store_octets_get(octets, sizeof(octets)) | 1;
    return rv;
}

apr_status_t
store_segment_begin(store_segment_t *segment,
                    const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS])
{
    apr_status_t rv = generation_make(&segment->generation);

    memset(segment->marks, 0, segment->octets / STORE_RECORD_UNIT + 1);
    if (rv == APR_SUCCESS) {
        rv = store_marks_begin(&segment->disk, segment->generation);
    }
    if (rv == APR_SUCCESS) {
        rv = header_write(segment, boot);
    }
    apr_array_clear(segment->files);
    segment->records = segment->done = 0;
    segment->retry_at = segment->retry_delay = 0;
    segment->over = 0;
    segment->has_sent = 0;
    segment->tail = STORE_SEGMENT_DATA;
    segment->is_same_boot = 1;
    return rv;
}

int store_segment_has_room(const store_segment_t *segment,
                           apr_uint64_t octets)
{
    return octets <= segment->octets - segment->tail;
}

/* Makes space up to `end`. */
static apr_status_t reserve(store_segment_t *segment, apr_uint64_t end)
{
    apr_uint64_t to = (end + ZERO_OCTETS - 1) / ZERO_OCTETS * ZERO_OCTETS;
    apr_status_t rv;

    if (end <= segment->zeroed) {
        return APR_SUCCESS;
    }
    if (to > segment->octets) {
        to = segment->octets;
    }
    rv = store_io_zero(segment->fd, (apr_off_t)segment->zeroed,
                       (apr_off_t)to);
    if (rv == APR_SUCCESS) {
        segment->zeroed = to;
    }
    return rv;
}

apr_status_t store_segment_append(store_segment_t *segment,
                                  struct iovec *pieces, int count,
                                  apr_uint64_t octets)
{
    apr_uint64_t at = segment->tail;
    apr_status_t rv = reserve(segment, at + octets);

    /* A disk without room is no reason to give the segment up: nothing was
     * written that counts. */
    if (rv == ENOSPC || rv == EDQUOT) {
        return rv;
    }
    segment->tail += octets;
    while (rv == APR_SUCCESS && count) {
        int n = count < STORE_IO_PIECES ? count : STORE_IO_PIECES;
        apr_uint64_t len = 0;
        int i;

        for (i = 0; i < n; i++) {
            len += pieces[i].iov_len;
        }
        rv = store_io_pwritev(segment->fd, pieces, n, (apr_off_t)at);
        at += len;
        pieces += n;
        count -= n;
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fdatasync(segment->fd);
    }
    if (rv != APR_SUCCESS) {
        /* What is in the file now, nobody knows: the kernel may have dropped
         * pages that it could not write and call them clean. */
        segment->is_failed = 1;
    }
    return rv;
}

apr_status_t store_segment_mark(store_segment_t *segment, apr_uint64_t place,
                                unsigned char mark)
{
    return store_marks_write(&segment->disk, STORE_MARKS_LOCAL,
                             place / STORE_RECORD_UNIT, mark);
}

apr_status_t store_segment_marks_sync(store_segment_t *segment)
{
    return store_io_fdatasync(segment->disk.fd);
}

apr_status_t store_segment_retire(store_segment_t *segment)
{
    apr_status_t rv;

    segment->generation = 0;
    rv = header_write(segment, no_boot);
    return rv == APR_SUCCESS ? store_io_fdatasync(segment->fd) : rv;
}

/* ---- Reading ---- */

/* A file as we make them: ours alone, with one name. */
static int is_ours(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_uid == geteuid() && (st.st_mode & 07777) == 0600
        && st.st_nlink == 1;
}

static store_segment_status_e open_ours(int dir, apr_uint64_t number,
                                        const char *kind, int *fd,
                                        apr_status_t *rv)
{
    char name[NAME_OCTETS];

    name_write(name, number, kind);
    *rv = store_io_file_open(dir, name, fd);
    if (*rv == EMFILE || *rv == ENFILE || *rv == ENOMEM || *rv == EIO) {
        return STORE_SEGMENT_ERROR;
    }
    if (*rv != APR_SUCCESS) {
        return STORE_SEGMENT_STRANGE;
    }
    if (!is_ours(*fd)) {
        close(*fd);
        *fd = -1;
        *rv = EPERM;
        return STORE_SEGMENT_STRANGE;
    }
    return STORE_SEGMENT_OK;
}

static store_segment_status_e header_parse(const unsigned char *header,
                                           apr_uint64_t *generation,
                                           apr_uint64_t *octets)
{
    apr_size_t len = sizeof(segment_magic) - 1;

    if (memcmp(header, segment_magic, len)
        || store_octets_get(header + CRC_AT, 4)
           != store_record_crc(0, header, CRC_AT)) {
        return STORE_SEGMENT_DAMAGED;
    }
    if (header[len] != VERSION) {
        return STORE_SEGMENT_VERSION;
    }
    *generation = store_octets_get(header + 8, 8);
    *octets = store_octets_get(header + 16, 8);
    if (!*generation) {
        return STORE_SEGMENT_EMPTY;
    }
    return *octets >= STORE_SEGMENT_DATA && *octets <= MAX_OCTETS
        ? STORE_SEGMENT_OK : STORE_SEGMENT_DAMAGED;
}

/* Power was lost before the first record was durable, and the header with it:
 * zeros where the header was to be, and no record. */
static int is_unused(int fd, const unsigned char *header)
{
    static const unsigned char zeros[HEADER_OCTETS];
    unsigned char first[STORE_RECORD_HEADER_OCTETS];
    store_record_t record;
    apr_status_t rv;

    if (memcmp(header, zeros, sizeof(zeros))) {
        return 0;
    }
    rv = store_io_pread(fd, first, sizeof(first), STORE_SEGMENT_DATA);
    return rv == APR_EOF
        || (rv == APR_SUCCESS
            && store_record_parse(first, &record) == STORE_RECORD_NONE);
}

/* What counts of the marks of another process. */
static unsigned char mark_trusted(unsigned char mark, int is_same_boot)
{
    return mark == STORE_MARK_DONE || mark == STORE_MARK_VOID
        || mark == STORE_MARK_REPAIR
        || (mark == STORE_MARK_DELIVERED && is_same_boot) ? mark
                                                          : STORE_MARK_NONE;
}

/* Reads what there is of the marks; without them all is delivered again. */
static apr_status_t
marks_load(store_segment_t *segment,
           const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS])
{
    apr_size_t units = (apr_size_t)segment->disk.units, i;
    apr_status_t rv = store_marks_parse(&segment->disk, segment->generation,
                                        boot);

    if (rv == APR_SUCCESS) {
        rv = store_marks_read(&segment->disk, STORE_MARKS_LOCAL, 0,
                              segment->marks, units);
    }
    for (i = 0; rv == APR_SUCCESS && i < units; i++) {
        segment->marks[i] = mark_trusted(segment->marks[i],
                                         segment->is_same_boot);
    }
    return rv;
}

/* The marks of a segment, or none where they are not ours. */
static apr_status_t
marks_open(store_segment_t *segment, int dir,
           const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS])
{
    apr_status_t rv;
    store_segment_status_e status =
        open_ours(dir, segment->number, "marks", &segment->disk.fd, &rv);

    if (status == STORE_SEGMENT_OK) {
        return marks_load(segment, boot);
    }
    return status == STORE_SEGMENT_ERROR ? rv : APR_SUCCESS;
}

store_segment_status_e
store_segment_open(int dir, apr_uint64_t number,
                   const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS],
                   store_segment_t **out, apr_status_t *rv)
{
    unsigned char header[HEADER_OCTETS] = { 0 };
    apr_uint64_t generation = 0, octets = 0;
    store_segment_status_e status;
    store_segment_t *segment;
    int fd;

    *out = NULL;
    status = open_ours(dir, number, "seg", &fd, rv);
    if (status != STORE_SEGMENT_OK) {
        return status;
    }
    *rv = store_io_pread(fd, header, sizeof(header), 0);
    status = STORE_SEGMENT_ERROR;
    if (*rv == APR_SUCCESS) {
        status = is_unused(fd, header)
            ? STORE_SEGMENT_EMPTY
            : header_parse(header, &generation, &octets);
    }
    else if (*rv == APR_EOF) {
        status = STORE_SEGMENT_EMPTY; /* made, but never used */
    }
    if (status != STORE_SEGMENT_OK
        || (*rv = allocate(number, octets, &segment)) != APR_SUCCESS) {
        close(fd);
        return status == STORE_SEGMENT_OK ? STORE_SEGMENT_ERROR : status;
    }
    segment->fd = fd;
    segment->generation = generation;
    segment->is_same_boot = memcmp(boot, no_boot, sizeof(no_boot))
        && !memcmp(boot, header + BOOT_AT, sizeof(no_boot));
    *rv = marks_open(segment, dir, boot);
    if (*rv != APR_SUCCESS) {
        store_segment_close(segment);
        return STORE_SEGMENT_ERROR;
    }
    *out = segment;
    return STORE_SEGMENT_OK;
}

/* The octets at `at`, `len` of them, from the window; APR_EOF at the end of
 * the file. */
static apr_status_t look(store_segment_t *segment, apr_uint64_t at,
                         apr_size_t len, const unsigned char **octets)
{
    if (!segment->window) {
        segment->window = malloc(WINDOW_OCTETS);
        if (!segment->window) {
            return APR_ENOMEM;
        }
    }
    if (at < segment->window_at
        || at + len > segment->window_at + segment->window_len) {
        ssize_t n = pread(segment->fd, segment->window, WINDOW_OCTETS,
                          (off_t)at);

        segment->window_at = at;
        segment->window_len = n > 0 ? (apr_size_t)n : 0;
        if (n < 0) {
            return errno;
        }
    }
    *octets = segment->window + (at - segment->window_at);
    return at + len <= segment->window_at + segment->window_len ? APR_SUCCESS
                                                                : APR_EOF;
}

static int is_in_place(const store_segment_t *segment, apr_uint64_t at,
                       const store_record_t *record)
{
    return record->generation == segment->generation && record->place == at
        && record->group <= at
        && store_record_octets(record) <= segment->octets - at;
}

apr_status_t store_segment_record_get(store_segment_t *segment,
                                      apr_uint64_t place,
                                      store_record_t *record)
{
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
    apr_status_t rv = store_io_pread(segment->fd, header, sizeof(header),
                                     (apr_off_t)place);

    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return rv;
    }
    return rv == APR_SUCCESS
        && store_record_parse(header, record) == STORE_RECORD_OK
        && is_in_place(segment, place, record) ? APR_SUCCESS : STORE_EDAMAGED;
}

apr_status_t store_segment_find(store_segment_t *segment, apr_uint64_t from,
                                store_record_t *record)
{
    apr_uint64_t at;

    for (at = from; at + STORE_RECORD_UNIT <= segment->octets;
         at += STORE_RECORD_UNIT) {
        const unsigned char *header;
        apr_status_t rv = look(segment, at, STORE_RECORD_HEADER_OCTETS,
                               &header);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (store_record_parse(header, record) == STORE_RECORD_OK
            && is_in_place(segment, at, record)) {
            return APR_SUCCESS;
        }
    }
    return APR_EOF;
}

apr_status_t store_segment_read(store_segment_t *segment, apr_pool_t *p,
                                const store_record_t *record,
                                const char **payload)
{
    apr_size_t len = (apr_size_t)store_record_payload_octets(record);
    char *octets = apr_palloc(p, len ? len : 1);
    apr_status_t rv = store_io_pread(segment->fd, octets, len,
                                     (apr_off_t)(record->place
                                         + STORE_RECORD_HEADER_OCTETS));

    *payload = octets;
    if (rv == APR_EOF) {
        return STORE_ETORN;
    }
    if (rv == APR_SUCCESS && store_record_crc(0, octets, len) != record->crc) {
        return STORE_ETORN;
    }
    return rv;
}

apr_status_t store_segment_payload_get(store_segment_t *segment,
                                       const store_record_t *record,
                                       apr_uint64_t from, void *octets,
                                       apr_size_t len)
{
    apr_uint64_t there = store_record_payload_octets(record);
    apr_status_t rv;

    if (from > there || len > there - from) {
        return EINVAL;
    }
    rv = store_io_pread(segment->fd, octets, len,
                        (apr_off_t)(record->place + STORE_RECORD_HEADER_OCTETS
                                    + from));
    return rv == APR_EOF ? STORE_ETORN : rv;
}

apr_status_t store_segment_copy(store_segment_t *segment, apr_uint64_t from,
                                apr_uint64_t to, int fd)
{
    apr_uint64_t at = from;

    while (at < to) {
        apr_size_t n = to - at < WINDOW_OCTETS ? (apr_size_t)(to - at)
                                               : WINDOW_OCTETS;
        const unsigned char *octets;
        apr_status_t rv = look(segment, at, n, &octets);

        if (rv == APR_SUCCESS) {
            rv = store_io_pwrite(fd, octets, n, (apr_off_t)(at - from));
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        at += n;
    }
    return APR_SUCCESS;
}

/* ---- Queue marks ---- */

apr_status_t store_segment_queue_mark_get(const store_segment_t *segment,
                                          apr_uint64_t place,
                                          unsigned char *mark)
{
    apr_status_t rv = store_marks_read(&segment->disk, STORE_MARKS_QUEUE,
                                       place / STORE_RECORD_UNIT, mark, 1);

    if (*mark != STORE_QUEUE_MARK_SEND && *mark != STORE_QUEUE_MARK_MOVED
        && *mark != STORE_QUEUE_MARK_OVER) {
        *mark = STORE_QUEUE_MARK_NONE;
    }
    return rv;
}

apr_status_t store_segment_queue_mark(store_segment_t *segment,
                                      apr_uint64_t place, unsigned char mark)
{
    return segment->disk.is_valid
        ? store_marks_write(&segment->disk, STORE_MARKS_QUEUE,
                            place / STORE_RECORD_UNIT, mark) : EINVAL;
}

apr_status_t store_segment_queue_find(const store_segment_t *segment,
                                      apr_uint64_t from, apr_uint64_t *place,
                                      unsigned char *mark)
{
    apr_uint64_t unit = from / STORE_RECORD_UNIT;
    unsigned char octets[LOOK_UNITS];
    apr_size_t i;

    *place = *mark = 0;
    for (; unit < segment->disk.units; unit += sizeof(octets)) {
        apr_status_t rv = store_marks_read(&segment->disk, STORE_MARKS_QUEUE,
                                           unit, octets, sizeof(octets));

        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (i = 0; i < sizeof(octets); i++) {
            if (octets[i] == STORE_QUEUE_MARK_SEND
                || octets[i] == STORE_QUEUE_MARK_MOVED) {
                *place = (unit + i) * STORE_RECORD_UNIT;
                *mark = octets[i];
                return APR_SUCCESS;
            }
        }
    }
    return APR_EOF;
}

int store_segment_queue_is_over(const store_segment_t *segment)
{
    apr_uint64_t place;
    unsigned char mark;

    return store_segment_queue_find(segment, 0, &place, &mark) == APR_EOF;
}

/* ---- Recovery ---- */

apr_status_t store_segment_marks_mend(store_segment_t *segment, int dir)
{
    char name[NAME_OCTETS];

    if (segment->disk.is_valid) {
        return APR_SUCCESS;
    }
    if (segment->disk.fd < 0) {
        apr_status_t rv;

        name_write(name, segment->number, "marks");
        unlinkat(dir, name, 0);
        rv = store_io_file_create(dir, name, &segment->disk.fd);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return store_marks_begin(&segment->disk, segment->generation);
}

apr_status_t store_segment_recovered_set(
    store_segment_t *segment,
    const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS], int has_damage)
{
    return segment->disk.is_valid
        ? store_marks_recovered_set(&segment->disk, boot, has_damage)
        : EINVAL;
}
