/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_replay.h
 * Delivers a message from the journal: after a crash, or when its session
 * could not. One thread at a time for each segment.
 */
#ifndef SPOOL_REPLAY_H
#define SPOOL_REPLAY_H

#include "spool_maildir.h"
#include "store_segment.h"

/**
 * Delivers the message of @a record.
 * @param dir    directory of the segment
 * @param p      cleared by the caller soon: holds the message
 * @param found  for the whole segment, see spool_maildir.h
 * @return STORE_ETORN or STORE_EDAMAGED: it never will be delivered; any other
 *         error: it can be tried again
 */
apr_status_t spool_replay(spool_maildir_t *maildir, int dir,
                          store_segment_t *segment,
                          const store_record_t *record, apr_pool_t *p,
                          spool_maildir_how_e how,
                          spool_maildir_found_t *found);

#endif
