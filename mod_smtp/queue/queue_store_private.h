/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_store_private.h
 * What the files of queue_store share; nobody else includes it. queue_store.c
 * finds records and writes what becomes of messages, queue_store_scan.c looks
 * through journals and files, queue_store_sync.c makes moves durable,
 * queue_store_carry.c has large mail copied by a thread, queue_mail.c reads
 * mail.
 *
 * A move: the record is marked MOVED, then the file is made, and the move is
 * pending until a sync has made the file durable: then the record is marked
 * OVER. So at any time the record is not OVER, or the file is durable, or
 * nothing is left to be sent; and where a record is to be sent there is no file
 * of its id, but after a power loss.
 */
#ifndef QUEUE_STORE_PRIVATE_H
#define QUEUE_STORE_PRIVATE_H

#include <apr_hash.h>
#include <apr_ring.h>

#include "store_file.h"
#include "queue_log.h"
#include "queue_segment.h"
#include "queue_store.h"
#include "store_damaged.h"

/** A record whose file may not be durable; its segment counts it. */
typedef struct queue_move_t {
    APR_RING_ENTRY(queue_move_t) link; /* of queue_store_t, oldest first */
    queue_segment_t *segment;
    apr_uint64_t place;
    unsigned int is_syncing : 1; /* the sync that runs is for it */
    unsigned int is_doubtful : 1; /* a sync failed: write the file anew */
    unsigned int is_durable : 1; /* its record is read, and kept for that */
    char id[STORE_QUEUED_ID_MAX + 1];
} queue_move_t;

/** Mail so large that a thread copies it, so that the loop does not wait. */
#define QUEUE_CARRY_OCTETS (1024u * 1024)

/** A file that a thread makes of a record with large mail: ID.new, which gets
 *  its notes and its name from the loop. The record is as it was until then;
 *  its segment counts it. */
typedef struct queue_carry_t {
    struct queue_carry_t *next;  /* of a sync */
    apr_pool_t *p;               /* its own; goes with it */
    store_file_source_t source;  /* without notes */
    queue_segment_t *segment;
    apr_uint64_t place;
    queue_message_t *message;    /* that moves; NULL: over by now, or none */
    apr_array_header_t *notes;   /* store_queued_note_t, so far */
    int fd;                      /* ID.new; -1: not there */
    apr_status_t rv;             /* of the thread */
    unsigned int is_anew : 1;    /* in place of a file that may be lost */
    unsigned int is_late : 1;    /* it failed once, which was said */
    unsigned int wait;           /* so many syncs are not for it */
    unsigned int is_over : 1;    /* nobody needs it any more */
    char id[STORE_QUEUED_ID_MAX + 1];
} queue_carry_t;

/** A file with more old notes than it should have. */
typedef struct queue_worn_t {
    struct queue_worn_t *next;
    apr_uint64_t octets;         /* of the file, as it was copied */
    apr_status_t rv;
    char id[STORE_QUEUED_ID_MAX + 1];
} queue_worn_t;

/** Where a walk through the journals is. Nothing stays open, and no segment
 *  known, for it. */
typedef struct queue_walk_t {
    apr_pool_t *p;               /* NULL: it has not begun */
    apr_pool_t *names_pool;      /* of one directory */
    apr_array_header_t *dirs;    /* names of directories */
    int next_dir;                /* of them: the one behind that at hand */
    const char *dir;             /* at hand; NULL: none */
    apr_array_header_t *names;   /* in it */
    int next;                    /* of them: at hand */
    apr_uint64_t generation;     /* of the segment at hand; 0: unknown */
    apr_uint64_t from;           /* records before it were looked at */
    apr_status_t first;          /* error that was passed by */
} queue_walk_t;

/** Where the scan of files is. */
typedef struct queue_scan_t {
    apr_pool_t *p;               /* NULL: over */
    apr_pool_t *names_pool;      /* of one directory */
    apr_array_header_t *names;   /* const char * */
    int next;                    /* of them */
    unsigned int has_moves : 1;  /* moves of before were taken up */
    queue_walk_t moves;          /* until then */
    unsigned int dirs;           /* that were read */
    apr_size_t seen;             /* files */
    /** id -> id: files that this process made meanwhile. */
    apr_hash_t *made;
} queue_scan_t;

struct queue_store_t {
    apr_pool_t *p;
    const store_log_t *log;
    int queue;                   /* SPOOL/queue */
    int journal;
    int sync_fd;                 /* of the file system of SPOOL/queue; open
                                    before anything is written there */
    int lock_fd;                 /* -1: not locked */
    store_damaged_t damaged;
    store_file_dirs_t dirs;
    queue_segments_t *segments;
    APR_RING_HEAD(queue_move_ring_t, queue_move_t) moves;
    apr_hash_t *moves_by_id;
    queue_worn_t *worn;
    unsigned int worn_count;
    apr_hash_t *carries;         /* queue_carry_t by id */
    queue_store_sync_t *sync;    /* under way, or NULL */
    unsigned int is_sync_failing : 1; /* which was said */
    unsigned int is_redo_failing : 1;
    queue_scan_t scan;
    queue_walk_t walk;           /* for messages */
};

/** @name queue_store.c
 * @{ */

/** The message of the record at @a place, if it is to be sent and was not
 *  found before.
 *  @param fn  NULL: only a move is taken up that another process began */
apr_status_t queue_store_record_find(queue_store_t *store,
                                     queue_segment_t *segment,
                                     apr_uint64_t place, apr_pool_t *p,
                                     queue_store_found_fn *fn, void *baton);

/** Keeps what is left of a record for the administrator, and marks it.
 *  @return an error, which is in the log: it stays as it is */
apr_status_t queue_store_record_aside(queue_store_t *store,
                                      queue_segment_t *segment,
                                      apr_uint64_t place, const char *why);

/** The same for a file. */
apr_status_t queue_store_file_aside(queue_store_t *store, const char *id,
                                    const char *why);

/** What the file of a record is made of, in @a p, without notes.
 *  @param source  out: the caller closes its fd, -1 if there is none
 *  @return STORE_EDAMAGED: it is not what it should be */
apr_status_t queue_store_record_source(queue_store_t *store,
                                       queue_segment_t *segment,
                                       apr_uint64_t place, const char *id,
                                       apr_pool_t *p,
                                       store_file_source_t *source);

/** @return STORE_EDAMAGED: the record is not to be sent any more; other
 *          errors: it cannot be read now */
apr_status_t queue_store_record_check(queue_store_t *store,
                                      queue_segment_t *segment,
                                      apr_uint64_t place);

/** Before a file gets its name: a record that is to be sent has none. */
apr_status_t queue_store_record_mark_moved(queue_store_t *store,
                                           queue_segment_t *segment,
                                           apr_uint64_t place);

/** Opens the mail data of a record that has it in a file.
 *  @return STORE_EDAMAGED: it is not what it should be */
apr_status_t queue_store_content_open(queue_store_t *store,
                                      const queue_segment_t *segment,
                                      const store_envelope_t *envelope,
                                      int *fd);
/** @} */

/** @name queue_store_sync.c
 * @{ */

void queue_moves_begin(queue_store_t *store);
void queue_moves_end(queue_store_t *store);

/** A record has a file now. */
void queue_move_add(queue_store_t *store, queue_segment_t *segment,
                    apr_uint64_t place, const char *id);

/** The message of this id is over, or its file has gone: what its record shall
 *  say is @a mark; 0: it stays. */
void queue_move_settle(queue_store_t *store, const char *id,
                       unsigned char mark);

/** The same of a file that has to be written anew from its record. */
void queue_move_add_doubtful(queue_store_t *store, queue_segment_t *segment,
                             apr_uint64_t place, const char *id);

/** Notes of a file, as far as they can be read. */
apr_array_header_t *queue_store_notes_get(queue_store_t *store,
                                          const char *id, apr_pool_t *p);

/** The file shall be written anew soon. */
void queue_worn_add(queue_store_t *store, const char *id);
/** @} */

/** @name queue_store_carry.c
 * @{ */
void queue_carries_begin(queue_store_t *store);
void queue_carries_end(queue_store_t *store);

/** Whether ID.new may be a thread's. */
int queue_carry_is(const queue_store_t *store, const char *id);

/** Moves a message with large mail: @a notes, copied, are written when its
 *  file is there; more of them are added by further calls.
 *  @return STORE_EDAMAGED: the record is not what it should be */
apr_status_t queue_carry_message(queue_store_t *store,
                                 queue_message_t *message,
                                 const store_queued_note_t *notes, int count);

/** Has the file of a doubtful move written anew. @a source is the callee's
 *  now, in @a p, which goes with it. */
void queue_carry_anew(queue_store_t *store, const queue_move_t *move,
                      apr_pool_t *p, const store_file_source_t *source);

/** The message of this id is over. */
void queue_carry_forget(queue_store_t *store, const char *id);

/** All that wait, for a thread. */
queue_carry_t *queue_carries_take(queue_store_t *store);

/** In the thread: makes the files. */
void queue_carries_run(int queue, queue_carry_t *carries);

/** In the loop: they get notes and names. If @a rv says that what was written
 *  may be lost, or one failed, it waits for the next time. */
void queue_carries_done(queue_store_t *store, queue_carry_t *carries,
                        apr_status_t rv);
/** @} */

/** @name queue_store_scan.c
 * @{ */
void queue_scan_begin(queue_store_t *store);

/** A file that this process made is not to be found. */
void queue_scan_made(queue_store_t *store, const char *id);
/** @} */

#endif
