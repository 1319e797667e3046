/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_store.h
 * Messages that wait to be sent, on disk: records of journals (store_segment.h,
 * written by those who took the mail) and files of SPOOL/queue
 * (store_queued.h, written here). Nothing here waits for the disk but what
 * is said to. One thread: the loop's.
 *
 * A message of the journal whose recipients are all over at once gets one
 * mark, in its segment. As soon as something has to be remembered (one
 * recipient is over and another is not; a recipient is deferred) the message
 * moves to a file, and each outcome is appended there. Whoever dies leaves
 * marks and files as they are: what the kernel was given is not lost. What a
 * power loss could take is made durable by queue_store_sync(), before the
 * journal's record is let go.
 */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include "queue_message.h"
#include "smtp_client.h"
#include "smtp_queue.h"
#include "store_log.h"
#include "store_queued.h"

typedef struct queue_store_t queue_store_t;

/** @param spool  SPOOL, absolute; SPOOL/queue is made if it is not there.
 *  @param store  out; closed with @a p */
apr_status_t queue_store_open(apr_pool_t *p, const char *spool,
                              const store_log_t *log,
                              queue_store_t **store);

/** The right to send: one process has it. What finds messages asks for it
 *  (ENOLCK), for what another process has in hand must not be found. @return
 *  APR_EAGAIN while another has it; kept until the store is closed or the
 *  process ends. */
apr_status_t queue_store_lock(queue_store_t *store);

/** Where a message is. In queue_message_t after it was made. */
typedef struct queue_place_t {
    struct queue_segment_t *segment; /**< counted; NULL: the file of its id */
    apr_uint64_t place;
} queue_place_t;

/** A message that was found. All but place lives as long as the pool of the
 *  call. */
typedef struct queue_found_t {
    apr_pool_t *pool;            /**< of the call; for scratch as well */
    queue_place_t place;
    apr_off_t size_octets;       /**< trace fields and mail data */
    const store_envelope_t *envelope;
    /** By index of the recipients as store_queued_recipients() counts them;
     *  NULL: nothing has happened yet. */
    const store_queued_state_t *states;
    apr_size_t recipient_count;
    /** 1: a DSN "delayed" was made; by recipient. NULL: of nobody. */
    const unsigned char *warned;
    unsigned int is_held : 1;
    int priority;                /**< store_queued.h; UNSET -1 */
} queue_found_t;

/** Takes responsibility for @a found: the callee makes a queue_message_t of
 *  it, or gives it back by queue_store_forget(). */
typedef void queue_store_found_fn(void *baton, const queue_found_t *found);

/** The message of a hint. A hint that is stale or wrong finds nothing; a
 *  record that is found a second time, by a hint or a scan, neither. */
apr_status_t queue_store_find(queue_store_t *store,
                              const smtp_queue_hint_t *hint, apr_pool_t *p,
                              queue_store_found_fn *fn, void *baton);

/** Looks through marks of all journals for messages that no hint told of, a
 *  part of them each call: records, segments and directories, @a max in all.
 *  @param p  cleared between two calls of @a fn
 *  @return APR_SUCCESS: the next call goes on; APR_EOF: all were looked
 *          through, the next call begins again; an error: it cannot go on
 *          now, and does when it is called again, or something was passed by
 *          that could not be read, and it begins again */
apr_status_t queue_store_scan_journal(queue_store_t *store, int max,
                                      apr_pool_t *p, queue_store_found_fn *fn,
                                      void *baton);

/** Reads files of SPOOL/queue, @a max of them at most a call, each once in the
 *  life of the store. Damaged ones go to SPOOL/damaged and the log. One that
 *  was made by this store is not found.
 *  @return APR_SUCCESS; APR_EOF when all were read; an error: it cannot go on
 *          now (too many open files), and does when it is called again */
apr_status_t queue_store_scan_files(queue_store_t *store, int max,
                                    apr_pool_t *p, queue_store_found_fn *fn,
                                    void *baton);

/** Files that queue_store_scan_files() has not read yet; about. */
apr_size_t queue_store_unread(const queue_store_t *store);

/** A message opened to be sent or shown. It is opened and closed in the loop's
 *  thread; in between any one thread may read it. The message may move
 *  meanwhile, but not end. */
typedef struct queue_mail_t {
    const store_envelope_t *envelope;
    apr_off_t size_octets;       /**< trace and mail data together */
    /** smtp_client_content_fn: trace fields, then mail data. A checksum that is
     *  wrong is an error before its last octets are given out. */
    smtp_client_content_fn content;
    void *content_ctx;
} queue_mail_t;

/** Small mail (32 KiB) is read and checked at once and keeps no file open.
 *  @param p  the mail is closed with it, before the store is
 *  @return STORE_EDAMAGED: it is not what was written, and has been set aside,
 *          or it has gone: the message is over, or forgotten; any other: try
 *          again later */
apr_status_t queue_store_mail_open(queue_store_t *store,
                                   const queue_message_t *message,
                                   apr_pool_t *p, queue_mail_t **mail);

/** Begins again at the first octet. */
apr_status_t queue_mail_rewind(queue_mail_t *mail);

/** Writes what has happened to some recipients, while others still wait:
 *  moves a message of the journal to a file first (message->segment is NULL
 *  then). If its mail is large the next sync makes the file, and the notes
 *  wait for it in memory.
 *  @return an error: nothing was written; the recipients' state in memory
 *          shall stay as it was before the attempt, but for those who have
 *          the mail. STORE_EDAMAGED: as queue_store_mail_open() */
apr_status_t queue_store_note(queue_store_t *store, queue_message_t *message,
                              const store_queued_note_t *notes, int count,
                              apr_pool_t *p);

/** The last recipient is over, and nothing (a DSN) is still to be made of the
 *  message: marks the record, or removes the file. It is not known any more.
 *  @return an error, which is in the log: a restart may find it again */
apr_status_t queue_store_end(queue_store_t *store, queue_message_t *message);

/** The message is not known any more; its record or file stays as it is. A
 *  record may be found again. */
void queue_store_forget(queue_store_t *store, const queue_place_t *place);

/** Moves a message of the journal that will not leave soon to a file. @return
 *  as queue_store_note() */
apr_status_t queue_store_move(queue_store_t *store, queue_message_t *message,
                              apr_pool_t *p);

/** @name Durability: begin in the loop, run in a thread (waits for the disk),
 *  end in the loop
 * @{ */
typedef struct queue_store_sync_t queue_store_sync_t;

/** Whether notes of large mail wait in memory for the next sync, and not for
 *  better days: whoever ends has one made before. */
int queue_store_is_behind(const queue_store_t *store);

/** To be called from time to time. @return NULL: nothing to sync, or a sync is
 *  under way */
queue_store_sync_t *queue_store_sync_begin(queue_store_t *store);
void queue_store_sync_run(queue_store_sync_t *sync);
/** Marks of moved records become final; segments that are over are closed. */
void queue_store_sync_end(queue_store_t *store, queue_store_sync_t *sync);
/** @} */

#endif
