/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_io.h
 * System calls that the spool is made of, each carried on until it is done:
 * short writes and interrupted calls are nobody else's business. Directories
 * are file descriptors, names are single components, and no symbolic link is
 * followed: who can write to the spool cannot lead us out of it.
 * Errors are errno values, as apr_status_t. Any thread.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include <sys/types.h>
#include <sys/uio.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

/** Pieces that one call of store_io_pwritev() takes at most. */
#define STORE_IO_PIECES 256

/** Writes all of @a pieces at @a offset; changes @a pieces. */
apr_status_t store_io_pwritev(int fd, struct iovec *pieces, int count,
                              apr_off_t offset);
apr_status_t store_io_pwrite(int fd, const void *octets, apr_size_t len,
                             apr_off_t offset);

/** Writes zeros from @a from up to @a to. */
apr_status_t store_io_zero(int fd, apr_off_t from, apr_off_t to);

/** Reads exactly @a len octets; APR_EOF when there are fewer. */
apr_status_t store_io_pread(int fd, void *octets, apr_size_t len,
                            apr_off_t offset);

apr_status_t store_io_fdatasync(int fd);
apr_status_t store_io_fsync(int fd);

/** Writes back the whole file system of @a fd. Sees each error since @a fd
 *  was opened once: open it before what it shall vouch for is written. */
apr_status_t store_io_syncfs(int fd);

/** Opens directory @a name in directory @a at. @a fd is -1 on failure. */
apr_status_t store_io_dir_open(int at, const char *name, int *fd);

/** The same; makes it (0700) when it is missing. */
apr_status_t store_io_dir_make(int at, const char *name, int *fd);

/** Opens the directory again: a file descriptor of its own, so that nothing is
 *  shared with other processes (locks, errors seen). */
apr_status_t store_io_dir_reopen(int dir, int *fd);

/** The names in a directory (const char *), "." and ".." left out, in the
 *  order in which a disk has their inodes: to read files in the order of the
 *  directory would be a seek each. @a names is never NULL. */
apr_status_t store_io_names_get(int dir, apr_pool_t *p,
                                apr_array_header_t **names);

/** Opens a file that is there, for reading and writing. */
apr_status_t store_io_file_open(int dir, const char *name, int *fd);

/** Makes a file (0600) that was not there. */
apr_status_t store_io_file_create(int dir, const char *name, int *fd);

/** A file that has no name yet, or one that says that it is not done. */
typedef struct store_io_temp_t {
    int fd;
    int dir;                     /**< where its name is; owner: the caller */
    char name[80];               /**< "": it has none (O_TMPFILE) */
} store_io_temp_t;

/** Begins a file (0600) in directory @a dir. Where the file system has no
 *  O_TMPFILE it is called @a name until it is linked or dropped. */
apr_status_t store_io_temp_open(store_io_temp_t *temp, int dir,
                                const char *name);

/** Gives the file its name: at once and whole, and never in place of another
 *  (EEXIST). It stays open. */
apr_status_t store_io_temp_link(store_io_temp_t *temp, int dir,
                                const char *name);

/** Closes it, and forgets it unless it was linked. Twice does no harm. */
void store_io_temp_close(store_io_temp_t *temp);

/** An allowance of octets and files. */
typedef struct store_io_space_t {
    apr_uint64_t octets;
    apr_uint64_t files;          /**< the maximum where there is no limit */
} store_io_space_t;

/** What we may still write to the file system of @a fd. */
apr_status_t store_io_space_get(int fd, store_io_space_t *space);

#endif
