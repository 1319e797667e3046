/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_segment.h
 * A segment of the journal: two files in the directory of the process that
 * writes it (spool_journal.h).
 *
 * NUMBER.seg holds records (store_record.h) from STORE_SEGMENT_DATA on, behind
 * a header: magic "SMTPSEG" and version (octets 0 to 7), generation (8), size
 * (16), boot (24 to 39), zero, CRC-32 of octets 0 to 59 (60). It is written in
 * place: space is made by writing zeros, and a segment that is done with is
 * used again under a new generation, because fdatasync() of a file that
 * neither grows nor gets new blocks costs half. Generation 0: retired, nothing
 * in it counts.
 *
 * NUMBER.marks holds what became of the records (store_marks.h). It is a file
 * of its own so that marks, which need no sync, don't ride on the journal's.
 * A record has a mark for its copies in Maildirs; whoever has the segment
 * writes it:
 *
 *     state      on disk  means
 *     NONE       0        nothing is known: deliver
 *     DELIVERED  D        delivered, but perhaps not durable: true while the
 *                         system runs that marked it (boot), else deliver
 *     REPAIR     W        delivered, but a sync failed: deliver anew, over
 *                         the copy that may be there
 *     DONE       C        delivered and durable
 *     VOID       V        refused: the client got 4xx
 *
 * The other states are in memory only and NONE on disk.
 *
 * A record of which somebody is sent to (STORE_RECORD_SENT) has a queue mark
 * besides:
 *
 *     state      on disk  means                               set by
 *     NONE       0        not handed over
 *     SEND       Q        to be sent                          who has the
 *                                                             segment
 *     MOVED      M        SPOOL/queue has it, perhaps not     queue process
 *                         durably
 *     OVER       C        nothing is left to be sent; if it   queue process
 *                         moved, that is durable
 *
 * Whoever has the segment goes from NONE to SEND only; the queue process does
 * the rest. SEND and MOVED keep the segment as it is, whatever else becomes of
 * the record; so whoever finds one that cannot be sent (damaged; VOID beside
 * it) sets OVER, and nobody writes a queue mark where OVER or NONE stands but
 * as said. Marks are written at once and not synced: a power loss may take
 * one back, and a message may be sent twice then.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <sys/uio.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "store_marks.h"
#include "store_record.h"

#define STORE_SEGMENT_DATA 4096u
#define STORE_SEGMENT_BOOT_OCTETS STORE_MARKS_BOOT_OCTETS

/** Octets are not what was written; they never will be. */
#define STORE_EDAMAGED (APR_OS_START_USERERR + 1)
/** The same of a record, by its checksum: so a write looks that was cut
 *  short. */
#define STORE_ETORN    (APR_OS_START_USERERR + 2)

#define STORE_MARK_NONE      0
#define STORE_MARK_DELIVERED 'D'
#define STORE_MARK_DONE      'C'
#define STORE_MARK_VOID      'V'
#define STORE_MARK_REPAIR    'W'
#define STORE_MARK_PENDING   'P'  /**< in memory: its session delivers it */
#define STORE_MARK_DOUBTED   'Q'  /**< in memory: so, and a sync failed
                                       meanwhile: REPAIR comes next */
#define STORE_MARK_RETRY     'R'  /**< in memory: the keeper delivers it */
#define STORE_MARK_SYNCING   'S'  /**< in memory: DELIVERED, a sync runs */

#define STORE_QUEUE_MARK_NONE  0
#define STORE_QUEUE_MARK_SEND  'Q'
#define STORE_QUEUE_MARK_MOVED 'M'
#define STORE_QUEUE_MARK_OVER  'C'

/** A record whose mail data is in a file. */
typedef struct store_segment_file_t {
    apr_uint64_t place;
    apr_int64_t number;
    unsigned int is_sent : 1;    /**< the queue may need it */
} store_segment_file_t;

typedef struct store_segment_t {
    struct store_segment_t *next; /**< of the journal's lists */
    apr_pool_t *pool;            /**< its own */
    apr_uint64_t number;
    apr_uint64_t generation;
    apr_uint64_t octets;         /**< size when all of it is written */
    apr_uint64_t tail;           /**< where the next record begins */
    unsigned char *marks;        /**< by unit */
    apr_array_header_t *files;   /**< store_segment_file_t */
    unsigned int records;        /**< that count */
    unsigned int done;           /**< of them DONE */
    unsigned int over;           /**< of them, when somebody looked last, if
                                      all were DONE and nothing was left to be
                                      sent; else less */
    apr_time_t retry_at;         /**< not before: what waits in it */
    apr_interval_time_t retry_delay; /**< that led there; 0: none failed */
    unsigned int is_failed : 1;  /**< a write failed: nothing more goes in, and
                                      it is not used again */
    unsigned int is_same_boot : 1; /**< it was begun in this boot */
    unsigned int has_sent : 1;   /**< a record in it has, or will have, a queue
                                      mark; of who has the segment */
    /* private to store_segment.c */
    int fd;
    store_marks_t disk;
    apr_uint64_t zeroed;         /* written up to here */
    unsigned char *window;       /* octets at window_at, to look through */
    apr_uint64_t window_at;
    apr_size_t window_len;
} store_segment_t;

/** Fills in what tells this run of the system from another; zeros where it
 *  cannot be told. */
void store_segment_boot_get(unsigned char boot[STORE_SEGMENT_BOOT_OCTETS]);

/** Makes the files of a segment in directory @a dir, and their names durable.
 *  Begin it before use. */
apr_status_t store_segment_create(int dir, apr_uint64_t number,
                                  apr_uint64_t octets,
                                  store_segment_t **segment);

/** Begins a new generation, empty. It is durable with the first record that
 *  is. */
apr_status_t
store_segment_begin(store_segment_t *segment,
                    const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS]);

/** Whether a record of @a octets (store_record_octets()) finds room. */
int store_segment_has_room(const store_segment_t *segment,
                           apr_uint64_t octets);

/** Writes records at the tail and makes them durable. @a pieces, whole records
 *  of @a octets all in all, are changed.
 *  @return an error: nothing of it counts. The tail has moved, and is_failed
 *          is set, unless it was only space that lacked */
apr_status_t store_segment_append(store_segment_t *segment,
                                  struct iovec *pieces, int count,
                                  apr_uint64_t octets);

/** Marks the record at @a place on disk; in memory is the caller's. */
apr_status_t store_segment_mark(store_segment_t *segment, apr_uint64_t place,
                                unsigned char mark);

/** Makes marks durable. */
apr_status_t store_segment_marks_sync(store_segment_t *segment);

/** The mark in memory of the record at @a place. */
#define STORE_SEGMENT_MARK(segment, place) \
    ((segment)->marks[(place) / STORE_RECORD_UNIT])

/** All in it is done: says so durably, so that it can be begun again. */
apr_status_t store_segment_retire(store_segment_t *segment);

/** Removes its files and closes it. */
void store_segment_remove(store_segment_t *segment, int dir);

/** Closes it; the files stay. */
void store_segment_close(store_segment_t *segment);

/** @name Reading, by any process
 * @{ */

typedef enum {
    STORE_SEGMENT_OK = 0,
    STORE_SEGMENT_EMPTY,         /**< retired, or never used */
    STORE_SEGMENT_STRANGE,       /**< not a file as we make them, or gone */
    STORE_SEGMENT_VERSION,       /**< another version's */
    STORE_SEGMENT_DAMAGED,       /**< its header is not whole */
    STORE_SEGMENT_ERROR          /**< it cannot be read now */
} store_segment_status_e;

/** Reads the name of one of a segment's files: "NUMBER.KIND", as in "7.seg".
 *  @param kind  out: what stands behind the dot
 *  @return NUMBER, 1 and up; 0: it is no such name */
apr_uint64_t store_segment_name_parse(const char *name, const char **kind);

/**
 * Opens the segment of another process: of one that died, to recover it, or
 * of any, to send what it holds. Nothing in it is trusted. Marks in memory are
 * those of this moment.
 *
 * To send: it stays open while a record of it has one of the marks SEND and
 * MOVED, and then its generation stays. A hint or a place found earlier is of
 * this segment if the generation is the same. Where disk.is_valid is not set
 * there are no queue marks yet: recovery makes them, in a file that is to be
 * opened then.
 * @param rv  the error, for STRANGE and ERROR; ENOENT: there is none
 */
store_segment_status_e
store_segment_open(int dir, apr_uint64_t number,
                   const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS],
                   store_segment_t **segment, apr_status_t *rv);

/** Reads the header of the record at @a place.
 *  @return STORE_EDAMAGED when there is none of this generation */
apr_status_t store_segment_record_get(store_segment_t *segment,
                                      apr_uint64_t place,
                                      store_record_t *record);

/** Reads the payload of a record: envelope, trace, content.
 *  @return STORE_ETORN when it is not what was written */
apr_status_t store_segment_read(store_segment_t *segment, apr_pool_t *p,
                                const store_record_t *record,
                                const char **payload);

/** Reads @a len octets of it, from @a from on, by one pread(). The checksum is
 *  the caller's to hold against record->crc (store_record_crc()).
 *  @return STORE_ETORN when they are not there; EINVAL beyond its end */
apr_status_t store_segment_payload_get(store_segment_t *segment,
                                       const store_record_t *record,
                                       apr_uint64_t from, void *octets,
                                       apr_size_t len);
/** @} */

/** @name Queue marks, as they are on disk at this moment
 * @{ */

/** An octet that is no mark counts as NONE. */
apr_status_t store_segment_queue_mark_get(const store_segment_t *segment,
                                          apr_uint64_t place,
                                          unsigned char *mark);

/** Sets it; who may do so is said above. @return EINVAL also where the file of
 *  marks is not this generation's */
apr_status_t store_segment_queue_mark(store_segment_t *segment,
                                      apr_uint64_t place, unsigned char mark);

/** Finds the first record at @a from or behind it whose mark is SEND or
 *  MOVED. @return APR_EOF when there is none */
apr_status_t store_segment_queue_find(const store_segment_t *segment,
                                      apr_uint64_t from, apr_uint64_t *place,
                                      unsigned char *mark);

/** Whether no record has one of these marks; 0 too if that cannot be told. */
int store_segment_queue_is_over(const store_segment_t *segment);
/** @} */

/** @name Recovery
 * @{ */

/** Finds the first record at @a from or behind it whose header is whole.
 *  @return APR_EOF when there is none; else it could not be read */
apr_status_t store_segment_find(store_segment_t *segment, apr_uint64_t from,
                                store_record_t *record);

/** Copies octets @a from up to @a to of the segment to file @a fd. */
apr_status_t store_segment_copy(store_segment_t *segment, apr_uint64_t from,
                                apr_uint64_t to, int fd);

/** Makes the file of marks anew, without any, where what is there is not of
 *  this generation: else no mark that is set would count. */
apr_status_t store_segment_marks_mend(store_segment_t *segment, int dir);

/** Notes that recovery is through with the segment but for what is sent:
 *  while the system runs disk.is_recovered says so to whoever opens it, and
 *  disk.has_damage that there was damage. */
apr_status_t store_segment_recovered_set(
    store_segment_t *segment,
    const unsigned char boot[STORE_SEGMENT_BOOT_OCTETS], int has_damage);
/** @} */

#endif
