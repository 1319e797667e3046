/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_file.h
 * Files of SPOOL/queue (store_queued.h): SPOOL/queue/HH/ID. Whoever is killed
 * between two calls leaves a file as it was before one of them, and perhaps
 * ID.new, which never counts. No file is believed before it was looked at: a
 * regular file of ours, with one name. Any thread, but one at a time for each
 * store_file_dirs_t.
 */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <apr_pools.h>

#include "store_queued.h"
#include "store_segment.h"

/** What a file is called while it is written. */
#define STORE_FILE_NEW ".new"

/** The directories HH, opened and made on demand; few are open where a process
 *  may open few files (ulimit -n). */
typedef struct store_file_dirs_t {
    int queue;                   /**< SPOOL/queue; owner: the caller */
    /* private to store_file.c */
    int fds[256];                /* -1: closed */
    unsigned int open;
    unsigned int open_max;
    unsigned int hand;           /* the one to be closed next */
} store_file_dirs_t;

void store_file_dirs_begin(store_file_dirs_t *dirs, int queue);
void store_file_dirs_end(store_file_dirs_t *dirs);

/** Directory number @a dir (store_queued_dir()), for the moment.
 *  @param is_made  made if it is missing; else ENOENT
 *  @return ENOTDIR: no directory of ours */
apr_status_t store_file_dirs_get(store_file_dirs_t *dirs, unsigned int dir,
                                 int is_made, int *fd);

/** Opens a file, for reading and writing.
 *  @param octets  out: its length
 *  @return ENOENT; STORE_EDAMAGED: no file of ours */
apr_status_t store_file_open(store_file_dirs_t *dirs, const char *id, int *fd,
                             apr_uint64_t *octets);

/** Removes it; that there is none is no error. */
apr_status_t store_file_remove(store_file_dirs_t *dirs, const char *id);

/** What a file is made of. */
typedef struct store_file_source_t {
    const store_envelope_t *envelope; /**< without file_number */
    const char *trace;
    apr_uint32_t trace_len;
    /** Mail data: in memory, or octets of a file, which are copied as they
     *  are: their checksum is taken from here. */
    const char *content;         /**< NULL: the file */
    int fd;
    apr_off_t fd_at;
    apr_uint64_t content_len;
    apr_uint32_t content_crc;    /**< only of the file */
    const store_queued_note_t *notes;
    int note_count;
} store_file_source_t;

/** Makes the file of this id, in place of another if there is one; waits for
 *  no disk. @return an error: all is as it was */
apr_status_t store_file_write(store_file_dirs_t *dirs, const char *id,
                              const store_file_source_t *source,
                              apr_pool_t *p);

/** Writes ID.new, and does not rename it. @param fd  out: open */
apr_status_t store_file_write_new(store_file_dirs_t *dirs, const char *id,
                                  const store_file_source_t *source,
                                  apr_pool_t *p, int *fd);

/** Renames ID.new. */
apr_status_t store_file_rename_new(store_file_dirs_t *dirs, const char *id);
void store_file_remove_new(store_file_dirs_t *dirs, const char *id);

/** Appends notes: all, or none that counts.
 *  @param octets  out: the length of the file before */
apr_status_t store_file_append(int fd, apr_uint64_t octets,
                               const store_queued_note_t *notes, int count,
                               apr_pool_t *p);

/** The beginning of a file. */
typedef struct store_file_head_t {
    store_queued_header_t header;
    const store_envelope_t *envelope;
    apr_array_header_t *recipients; /**< store_queued_recipient_t */
    const char *why;             /**< it is damaged; for the log */
} store_file_head_t;

/** A file's first octets, so that one read does for most. */
#define STORE_FILE_FIRST_OCTETS 4096

/** Reads header and envelope, which must be of @a id.
 *  @param octets  length of the file
 *  @param first   buffer of STORE_FILE_FIRST_OCTETS; has the first octets of
 *                 the file afterwards
 *  @return STORE_EDAMAGED: they are not what was written */
apr_status_t store_file_head_read(int fd, apr_uint64_t octets,
                                  const char *id, char *first,
                                  apr_pool_t *p, store_file_head_t *head);

/** Reads the notes behind it.
 *  @param first  as store_file_head_read() left it */
apr_status_t store_file_notes_read(int fd, apr_uint64_t octets,
                                   const store_file_head_t *head,
                                   const char *first, apr_pool_t *p,
                                   store_queued_replay_t *replay);

/** Reads trace fields and mail data and holds them against their checksums.
 *  @return STORE_EDAMAGED: they are not what was written */
apr_status_t store_file_mail_check(int fd, const store_file_head_t *head,
                                   apr_pool_t *p);

#endif
