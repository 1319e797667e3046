/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_journal.h
 * The journal of one process: what makes a message durable before its 250.
 *
 * Each process has a directory of its own, SPOOL/journal/PID-RANDOM, made at
 * its first message, and holds an flock() on it while it lives: a directory
 * that can be locked belongs to a dead process (spool_recovery.h). In it are
 * segments (store_segment.h), and NUMBER.mail, mail data that is too large for
 * a record.
 *
 * Group commit: sessions that are at their end of data together share one
 * write and one fdatasync(). Whoever finds nobody at it writes the records of
 * all who wait.
 *
 * The life of a segment: free -> current -> full -> (all records done, and none
 * left for the queue to send) -> free again, or removed. Who may touch what:
 *   - the lists, counts and marks in memory: with the mutex;
 *   - the current segment's file: the leader, without it.
 */
#ifndef SPOOL_JOURNAL_H
#define SPOOL_JOURNAL_H

#include <sys/uio.h>

#include <apr_pools.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "spool_queue.h"

/** So many full segments wake the keeper before its time. */
#define SPOOL_JOURNAL_FULL_MANY 8

/** Octets of a name in the directory, NUL included. */
#define SPOOL_JOURNAL_NAME_OCTETS 48

/** A record in the hands of the session that wants it written. */
typedef struct spool_entry_t {
    /** Envelope, trace, content: valid until spool_journal_append() returns,
     *  and changed by it. */
    struct iovec *pieces;
    int count;
    /** Lengths, checksum and flags are the caller's, the rest is filled in. */
    store_record_t record;
    apr_int64_t file_number;     /**< the mail data's file; 0 if none */
    store_segment_t *segment;    /**< out: where it is */
    /* private to spool_journal.c */
    struct spool_entry_t *next;
    unsigned int group;
    unsigned int is_done;
    apr_status_t rv;
    unsigned char header[STORE_RECORD_HEADER_OCTETS];
} spool_entry_t;

typedef struct spool_journal_t {
    const store_log_t *log;
    int parent;                  /**< SPOOL/journal */
    apr_uint64_t segment_octets;
    /** Who sends on; set after creation where there is anybody. */
    const spool_queue_t *queue;
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];

    apr_thread_mutex_t *mutex;   /**< for all below */
    apr_thread_cond_t *done[2];  /**< for even and odd groups */
    apr_thread_cond_t *work;     /**< for the keeper: there is work */
    int dir;                     /**< the process's own, -1 before it is made */
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    apr_uint64_t last_number;    /**< of files made */
    spool_entry_t *first;        /**< the group that forms */
    spool_entry_t **last;
    unsigned int group;          /**< its number */
    unsigned int is_committing;
    unsigned int is_stopped;

    store_segment_t *current;    /**< NULL: none */
    store_segment_t *full;       /**< not all of their records are done */
    store_segment_t *free;       /**< retired */
    unsigned int free_count;
    unsigned int free_least;     /**< since the last checkpoint */
    unsigned int full_count;
    unsigned int delivered;      /**< records marked DELIVERED */
    unsigned int retries;        /**< records marked RETRY or REPAIR */
    unsigned int sync_failures;  /**< seen by checkpoints */
} spool_journal_t;

/** The journal of this process; after fork(). @a parent stays the caller's.
 *  Nothing of its later work allocates in @a p. */
apr_status_t spool_journal_create(apr_pool_t *p, int parent,
                                  apr_uint64_t segment_octets,
                                  const store_log_t *log,
                                  spool_journal_t **journal);

/** The directory of the process, made and locked if it is not yet. Any
 *  thread. */
apr_status_t spool_journal_dir_get(spool_journal_t *journal, int *dir);

/** A number for a file in it. Any thread. */
apr_uint64_t spool_journal_number_make(spool_journal_t *journal);

/** Writes the name of file NUMBER.KIND. */
void spool_journal_name_write(char name[SPOOL_JOURNAL_NAME_OCTETS],
                              apr_uint64_t number, const char *kind);

/** The largest record, store_record_octets(), that finds room. */
apr_uint64_t spool_journal_record_max(const spool_journal_t *journal);

/**
 * Makes a record durable; waits for it. Any thread.
 * @return APR_SUCCESS: nothing but the loss of the disk loses it. The record
 *         then waits for spool_journal_settle(). Else it will not be
 *         delivered.
 */
apr_status_t spool_journal_append(spool_journal_t *journal,
                                  spool_entry_t *entry);

/** What became of the record: delivered but for the sync, and handed over to
 *  the queue if it is to be sent (spool_queue.h); or something of it is left
 *  to the keeper. After it the segment may go. Any thread. */
void spool_journal_settle(spool_journal_t *journal, store_segment_t *segment,
                          const store_record_t *record, int is_done);

/** Puts the current segment with the full ones; with the mutex, while nobody
 *  else commits. */
void spool_journal_put_away(spool_journal_t *journal);

/** Takes no more records; those that sessions did not settle are the
 *  keeper's. Returns when nobody writes. */
void spool_journal_stop(spool_journal_t *journal);

/** Closes it, after spool_journal_stop(). Where nothing is left undone the
 *  directory goes. */
void spool_journal_close(spool_journal_t *journal);

#endif
