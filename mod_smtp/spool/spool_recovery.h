/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_recovery.h
 * Mail that a process took responsibility for and did not live to deliver.
 *
 * A directory in SPOOL/journal that can be locked is a dead process's. Its
 * records are delivered, those that were refused or are done left out. Copies
 * that are there already are found by their names and written anew: the sync
 * that failed them may have been told to somebody who is no more. Then the
 * mailboxes are synced and the directory goes. All children try this when they
 * start and from time to time; the lock makes one of them do it. In the
 * keeper's thread, so that nobody waits for it.
 *
 * Mail to be sent is handed over to the queue (spool_queue.h), and the
 * directory stays until it is sent: each segment notes that recovery is
 * through with it, so that the next look is short. The note counts while the
 * system runs, since a power loss may take back what was marked.
 *
 * Damage. Behind the last whole record nothing was acknowledged: a torn tail is
 * what a crash leaves. The records of the last group were written by one call
 * and may be torn among themselves, if none of them has a mark, which comes
 * after the write. A gap before them, or one of their elders whose checksum is
 * wrong, is damage: it is kept in SPOOL/damaged.
 */
#ifndef SPOOL_RECOVERY_H
#define SPOOL_RECOVERY_H

#include "store_damaged.h"
#include "spool_maildir.h"
#include "spool_queue.h"

typedef struct spool_recovery_t {
    int journal;                 /**< SPOOL/journal */
    const spool_queue_t *queue;  /**< NULL: nobody is told */
    spool_maildir_t *maildir;
    const store_damaged_t *damaged;
    const store_log_t *log;
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    unsigned int sync_failures;  /**< seen by recovery */
} spool_recovery_t;

/** Recovers all directories of dead processes. Those that wait for the queue
 *  alone are no failure.
 *  @param p  for its own use; the caller clears it
 *  @return the first error; what could not be done now is left for later */
apr_status_t spool_recovery_run(spool_recovery_t *recovery, apr_pool_t *p);

#endif
