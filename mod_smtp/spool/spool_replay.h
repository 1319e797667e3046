/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_replay.h
 * Delivers a message from the journal: after a crash, or when its session
 * could not. One thread at a time for each segment.
 */
#ifndef SPOOL_REPLAY_H
#define SPOOL_REPLAY_H

#include "spool_maildir.h"
#include "spool_segment.h"

/**
 * Delivers the message of @a record.
 * @param dir    directory of the segment
 * @param p      cleared by the caller soon: holds the message
 * @param found  for the whole segment, see spool_maildir.h
 * @return SPOOL_ETORN or SPOOL_EDAMAGED: it never will be delivered; any other
 *         error: it can be tried again
 */
apr_status_t spool_replay(spool_maildir_t *maildir, int dir,
                          spool_segment_t *segment,
                          const spool_record_t *record, apr_pool_t *p,
                          spool_maildir_how_e how,
                          spool_maildir_found_t *found);

#endif
