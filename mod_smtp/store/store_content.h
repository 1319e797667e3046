/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_content.h
 * The mail data of one message: in memory while it is small, in a file without
 * a name from then on. Memory is bounded whatever the message's size. One
 * thread at a time for each object.
 */
#ifndef STORE_CONTENT_H
#define STORE_CONTENT_H

#include <apr_buckets.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "store_io.h"

/** Octets that are kept in memory at most, and so in a record of the
 *  journal. */
#define STORE_CONTENT_MEMORY_MAX (128 * 1024)

typedef struct store_content_t {
    apr_pool_t *pool;
    apr_off_t octets;            /**< all in all */
    apr_array_header_t *blocks;  /**< struct iovec: all octets that are not in
                                      the file */
    /* private to store_content.c */
    apr_size_t room;             /* in the last block */
    store_io_temp_t file;        /* fd -1: all is in memory */
    apr_off_t file_octets;       /* written to it; the rest is in blocks */
    apr_uint32_t file_crc;
    char *buffer;                /* to read the file */
} store_content_t;

/** Empty content. @a expected_octets is a guess (SIZE=), 0 for none. Its file,
 *  if it gets one, goes with the pool. */
store_content_t *store_content_create(apr_pool_t *p,
                                      apr_off_t expected_octets);

/** Content that is in memory, and stays the caller's. */
store_content_t *store_content_of_memory(apr_pool_t *p, const char *octets,
                                         apr_size_t len);

/** Content that is in a file; @a fd goes with the pool. */
store_content_t *store_content_of_file(apr_pool_t *p, int fd,
                                       apr_off_t octets);

/** Whether @a len more octets ask for a file first. */
int store_content_is_full(const store_content_t *content, apr_size_t len);

/** Moves the octets to a file in directory @a dir; for @a name see
 *  store_io_temp_open(). */
apr_status_t store_content_spill(store_content_t *content, int dir,
                                 const char *name);

/** Appends. Not durable. */
apr_status_t store_content_write(store_content_t *content,
                                 const char *octets, apr_size_t len);

/** Whether there is a file. */
int store_content_has_file(const store_content_t *content);

/** Makes the file durable but for its name. @a crc: CRC-32 of its octets. */
apr_status_t store_content_sync(store_content_t *content, apr_uint32_t *crc);

/** CRC-32 of what is in the file, read back. */
apr_status_t store_content_crc(store_content_t *content, apr_uint32_t *crc);

/** Hands over all octets in order, piece by piece, until @a take fails. */
apr_status_t store_content_each(store_content_t *content,
                                apr_status_t (*take)(void *ctx,
                                                     const char *octets,
                                                     apr_size_t len),
                                void *ctx);

/** Appends buckets that are valid as long as the content. */
apr_status_t store_content_buckets(store_content_t *content,
                                   apr_bucket_brigade *brigade);

/** Closes the file. Twice does no harm. */
void store_content_close(store_content_t *content);

#endif
