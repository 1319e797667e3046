/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_checkpoint.h
 * The journal's own house: retries what sessions could not deliver, makes
 * deliveries durable, and lets go of segments. All of it in the keeper's
 * thread (spool_keeper.h).
 */
#ifndef SPOOL_CHECKPOINT_H
#define SPOOL_CHECKPOINT_H

#include "store_damaged.h"
#include "spool_journal.h"
#include "spool_maildir.h"

/** Between two attempts to deliver what waits in a segment: the first, and
 *  twice as long after each that fails, up to the last. RFC 5321 4.5.4.1 is
 *  about relaying and asks for more; here the cause is on this machine. */
#define SPOOL_CHECKPOINT_RETRY_FIRST apr_time_from_sec(10)
#define SPOOL_CHECKPOINT_RETRY_LAST  apr_time_from_sec(600)

/** Tries again to deliver what waits for it.
 *  @param now  segments whose time is later are left alone
 *  @param p    for its own use; the caller clears it
 *  @return the first error; what could not be delivered waits on */
apr_status_t spool_checkpoint_retry(spool_journal_t *journal,
                                    spool_maildir_t *maildir,
                                    const store_damaged_t *damaged,
                                    apr_time_t now, apr_pool_t *p);

/** Makes all deliveries until now durable, then uses again or removes the
 *  segments that are done with.
 *  @return an error of the sync: what was delivered since the last checkpoint
 *          is marked to be written anew */
apr_status_t spool_checkpoint(spool_journal_t *journal,
                              spool_maildir_t *maildir, apr_pool_t *p);

#endif
