/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_marks.h
 * NUMBER.marks, the file beside a segment that says what became of its records
 * (store_segment.h has the meanings of marks, and the calls for all but
 * itself). Two areas with an octet for each unit of the segment, used where a
 * record begins: marks of local delivery, written by the process that has the
 * segment, and behind them queue marks.
 *
 *     octets  0  magic "SMTPMRK" and the version of the format: 2; version 1
 *                had no queue marks
 *             8  generation of the segment: marks of another do not count
 *            16  boot in which recovery was through with the segment, or zero
 *            32  1: it found damage
 *           512  local marks, then queue marks
 *
 * Marks are written at once and by one octet each: nobody sees half of one.
 * They are not durable before they are synced.
 */
#ifndef STORE_MARKS_H
#define STORE_MARKS_H

#include <apr_errno.h>

#define STORE_MARKS_BOOT_OCTETS 16

typedef enum {
    STORE_MARKS_LOCAL = 0, STORE_MARKS_QUEUE
} store_marks_e;

typedef struct store_marks_t {
    int fd;                      /**< -1: there is no file */
    apr_uint64_t units;          /**< of the segment */
    unsigned int is_valid : 1;   /**< it is of the segment's generation */
    unsigned int is_recovered : 1; /**< in this boot */
    unsigned int has_damage : 1; /**< found by that recovery */
} store_marks_t;

/** Empties the file and begins with @a generation. */
apr_status_t store_marks_begin(store_marks_t *marks, apr_uint64_t generation);

/** Reads the header; sets what it says. @a boot: this one, or zero if it
 *  cannot be told. Nothing in the file is trusted.
 *  @return an error of the disk: what the marks are, nobody knows */
apr_status_t
store_marks_parse(store_marks_t *marks, apr_uint64_t generation,
                  const unsigned char boot[STORE_MARKS_BOOT_OCTETS]);

/** Reads marks of @a count units from @a unit on, what is not in the file as
 *  zero. @return an error: all are zero */
apr_status_t store_marks_read(const store_marks_t *marks, store_marks_e area,
                              apr_uint64_t unit, unsigned char *octets,
                              apr_size_t count);

/** Writes one. */
apr_status_t store_marks_write(const store_marks_t *marks, store_marks_e area,
                               apr_uint64_t unit, unsigned char mark);

/** Notes in the header that recovery is through with the segment. */
apr_status_t
store_marks_recovered_set(const store_marks_t *marks,
                          const unsigned char boot[STORE_MARKS_BOOT_OCTETS],
                          int has_damage);

#endif
