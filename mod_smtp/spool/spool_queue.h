/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_queue.h
 * Handing records over to who sends them on (mod_smtp_queue), who finds them
 * in the journal by their queue marks (store_segment.h). A record is handed
 * over when its session has done its own work, else by the keeper, else by
 * recovery; and once only, since the mark that says that it is sent must not
 * be written over. Any thread.
 */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include "store_log.h"
#include "store_segment.h"

/** Who sends on, as the store knows him. */
typedef struct spool_queue_t {
    /** Tells him of a record in directory @a dir of SPOOL/journal. Never
     *  waits. NULL: nobody is there. */
    void (*wake)(const char *dir, const store_segment_t *segment,
                 apr_uint64_t place);
    /** Whether the log has said that nobody is there: shared by the processes
     *  of one start. NULL: each says so for itself. */
    volatile apr_uint32_t *is_missed;
} spool_queue_t;

/** Hands over a record that nobody handed over before.
 *  @param queue  NULL: nobody is told
 *  @return an error: it still waits to be handed over */
apr_status_t spool_queue_hand_over(const spool_queue_t *queue,
                                   const char *dir, store_segment_t *segment,
                                   apr_uint64_t place);

/** The same of a record that may have been handed over.
 *  @param is_new  out: whether it was not; may be NULL */
apr_status_t spool_queue_offer(const spool_queue_t *queue, const char *dir,
                               store_segment_t *segment, apr_uint64_t place,
                               int *is_new);

/** Mail in directory @a dir waits to be sent: says so in the log, once, where
 *  nobody is there to send it. */
void spool_queue_miss(const spool_queue_t *queue, const char *dir,
                      const store_log_t *log);

#endif
