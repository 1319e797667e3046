/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_segment.h
 * Segments of journals (store_segment.h) that hold messages to be sent: each is
 * known once, by directory and number, while a message of it is in hand. Few
 * are open at a time, whatever the number of messages and directories. One
 * thread.
 */
#ifndef QUEUE_SEGMENT_H
#define QUEUE_SEGMENT_H

#include <apr_pools.h>
#include <apr_ring.h>

#include "store_segment.h"

/** Open at a time, two files each, those in use not counted. */
#define QUEUE_SEGMENT_OPEN_MAX 64

/** Octets of the name of a directory, NUL included. */
#define QUEUE_SEGMENT_DIR_OCTETS 48

typedef struct queue_segments_t queue_segments_t;

typedef struct queue_segment_t {
    apr_uint64_t number;
    apr_uint64_t generation;
    unsigned int messages;       /**< in hand: it stays known */
    unsigned int is_same_boot : 1; /**< no power loss took marks back */
    /* private to queue_segment.c */
    queue_segments_t *owner;
    APR_RING_ENTRY(queue_segment_t) link; /* recently used first */
    unsigned int users;          /* it stays open */
    unsigned int is_idle : 1;    /* nobody asked since the last sweep */
    store_segment_t *file;       /* NULL: closed */
    unsigned char *found;        /* a bit a unit */
    apr_uint64_t units;
    char dir[QUEUE_SEGMENT_DIR_OCTETS];
    char name[QUEUE_SEGMENT_DIR_OCTETS + 24]; /* directory and number */
} queue_segment_t;

/** @param journal  SPOOL/journal, the caller's. Closed with @a p. */
apr_status_t queue_segments_create(apr_pool_t *p, int journal,
                                   queue_segments_t **segments);

/** Whether a string can name a directory of SPOOL/journal. */
int queue_segment_is_dir(const char *dir);

/**
 * The segment of this name, for the moment: who keeps it counts one message
 * more in it.
 * @param generation  that it must have; 0: any
 * @param segment     out: NULL on failure
 * @return ENOENT: there is none, it has another generation, or it has no queue
 *         marks; else it cannot be read now
 */
apr_status_t queue_segment_find(queue_segments_t *segments, const char *dir,
                                apr_uint64_t number, apr_uint64_t generation,
                                queue_segment_t **segment);

/** Its file, for the moment.
 *  @return STORE_EDAMAGED: it has gone, or is not what it was */
apr_status_t queue_segment_open(queue_segments_t *segments,
                                queue_segment_t *segment,
                                store_segment_t **file);

/** Its file stays open until queue_segment_release(). After
 *  queue_segment_open(). */
void queue_segment_hold(queue_segment_t *segment);
void queue_segment_release(queue_segment_t *segment);

/** Opens the directory that it is in, for its files of mail data. The caller
 *  closes it. */
apr_status_t queue_segment_dir_open(queue_segments_t *segments,
                                    const queue_segment_t *segment, int *dir);

/** Looks again what generation the segment has on disk: as long as a message
 *  of it is to be sent it cannot change, so one that changed has none. */
int queue_segment_is_current(queue_segments_t *segments,
                             const queue_segment_t *segment);

/** @name Records that were found, by place
 * @{ */
int queue_segment_is_found(const queue_segment_t *segment,
                           apr_uint64_t place);
void queue_segment_found_set(queue_segment_t *segment, apr_uint64_t place,
                             int is_found);
/** @} */

/** Forgets segments without messages that nobody asked for since the last
 *  call, so that their files can go. */
void queue_segments_sweep(queue_segments_t *segments);

/** How many are known, and open. */
void queue_segments_count(const queue_segments_t *segments,
                          unsigned int *known, unsigned int *open);

#endif
