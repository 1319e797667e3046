/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_keeper.h
 * The thread of each process that does what no session waits for: recovery of
 * dead processes' journals, retries, checkpoints.
 */
#ifndef SPOOL_KEEPER_H
#define SPOOL_KEEPER_H

#include <apr_thread_proc.h>

#include "spool_checkpoint.h"
#include "spool_recovery.h"

/** Between two checkpoints: after a power loss, mail that was delivered since
 *  the last one and moved by its reader may come again. */
#define SPOOL_KEEPER_CHECKPOINT apr_time_from_sec(5)
/** Between two attempts at what failed. */
#define SPOOL_KEEPER_RETRY      apr_time_from_sec(10)
/** Between two looks for dead processes. A child that dies is replaced, and
 *  its successor looks at once. */
#define SPOOL_KEEPER_RECOVERY   apr_time_from_sec(60)

typedef struct spool_keeper_t {
    spool_journal_t *journal;
    spool_maildir_t *maildir;
    const store_damaged_t *damaged;
    const store_log_t *log;
    spool_recovery_t recovery;
    apr_thread_t *thread;        /**< NULL: not running */
    int is_stopping;             /**< with the journal's mutex */
    apr_time_t next_retry;
    apr_time_t next_recovery;
} spool_keeper_t;

/** Starts the thread; after fork(), privileges dropped. */
apr_status_t spool_keeper_start(apr_pool_t *p, spool_keeper_t *keeper);

/** Ends the thread, delivers what is left, makes it durable, and closes the
 *  journal. When sessions are over. */
void spool_keeper_stop(spool_keeper_t *keeper);

#endif
