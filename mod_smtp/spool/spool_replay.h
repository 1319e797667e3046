/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_replay.h
 * Delivers a message from the journal: after a crash, or when its session
 * could not; and hands it over to the queue, unless that was done. One thread
 * at a time for each segment.
 */
#ifndef SPOOL_REPLAY_H
#define SPOOL_REPLAY_H

#include "spool_maildir.h"
#include "spool_queue.h"

/** A segment whose messages are delivered. */
typedef struct spool_replay_t {
    spool_maildir_t *maildir;
    const spool_queue_t *queue;  /**< NULL: nobody is told */
    int dir;                     /**< directory of the segment */
    const char *name;            /**< its name below SPOOL/journal */
    store_segment_t *segment;
    spool_maildir_found_t *found; /**< see spool_maildir.h */
    unsigned int handed_over;    /**< records, so far */
} spool_replay_t;

/**
 * Delivers the message of @a record to its Maildirs. Before that it is handed
 * over to the queue, which does not wait for a mailbox that is full.
 * @param p  cleared by the caller soon: holds the message
 * @return STORE_ETORN or STORE_EDAMAGED: it never will be delivered, nor was
 *         it handed over now; any other error: it can be tried again
 */
apr_status_t spool_replay(spool_replay_t *replay,
                          const store_record_t *record, apr_pool_t *p,
                          spool_maildir_how_e how);

/** Hands over a record that was delivered; does nothing where there is
 *  nothing to send. */
apr_status_t spool_replay_hand_over(spool_replay_t *replay,
                                    const store_record_t *record);

#endif
