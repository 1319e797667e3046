/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file scram_file.h
 * A file of credentials on disk. It is read by servers while it is changed,
 * hence never changed in place: FILE.new is written, synced and renamed. Who
 * holds the lock of FILE.new may change FILE, from reading it to the rename. A
 * crash leaves FILE as it was, and a FILE.new that the next change takes over.
 */
#ifndef SCRAM_FILE_H
#define SCRAM_FILE_H

#include <apr_errno.h>
#include <apr_pools.h>

typedef struct scram_file_t scram_file_t;

/**
 * Reads a file without lock: it is whole at any time.
 * @param text   out: in @a p
 * @param fault  out: in @a p, for people, when it fails
 * @return APR_SUCCESS; APR_EGENERAL when it is no text; else why it could not
 *         be read
 */
apr_status_t scram_file_read(apr_pool_t *p, const char *path,
                             const char **text, const char **fault);

/**
 * Locks a file for a change, for which it waits, and reads it. Until the
 * commit or the end of @a p, whichever comes first.
 * @param is_new  what is there will be replaced: it is not read, and may be
 *                missing
 * @param text    out: as scram_file_read() has it; "" with @a is_new
 */
apr_status_t scram_file_begin(apr_pool_t *p, const char *path, int is_new,
                              scram_file_t **file, const char **text,
                              const char **fault);

/** Puts a new text in the place of the old one. Owner, group and permissions
 *  stay; those of a new file are 0640, but for the umask. */
apr_status_t scram_file_commit(scram_file_t *file, const char *text,
                               const char **fault);

#endif
