/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_content.h"

#include <string.h>

#include <apr_portable.h>

#include "store_record.h"

/* Blocks grow, so that a small message costs little memory and a large one
 * few pieces. What httpd's allocator keeps for reuse is 80 KiB at most. */
#define BLOCK_MIN_OCTETS (8 * 1024 - 64)
#define BLOCK_MAX_OCTETS (64 * 1024)

static apr_status_t cleanup(void *content)
{
    store_content_close(content);
    return APR_SUCCESS;
}

static void block_add(store_content_t *content, apr_size_t size)
{
    struct iovec *block = apr_array_push(content->blocks);

    block->iov_base = apr_palloc(content->pool, size);
    block->iov_len = 0;
    content->room = size;
}

static store_content_t *create(apr_pool_t *p)
{
    store_content_t *content = apr_pcalloc(p, sizeof(*content));

    content->pool = p;
    content->blocks = apr_array_make(p, 4, sizeof(struct iovec));
    content->file.fd = -1;
    return content;
}

store_content_t *store_content_create(apr_pool_t *p,
                                      apr_off_t expected_octets)
{
    store_content_t *content = create(p);
    apr_size_t size = BLOCK_MIN_OCTETS;

    /* A client may declare what it likes; it gets no more than one block. */
    if (expected_octets > BLOCK_MIN_OCTETS) {
        size = expected_octets < BLOCK_MAX_OCTETS
             ? (apr_size_t)expected_octets : BLOCK_MAX_OCTETS;
    }
    block_add(content, size);
    return content;
}

store_content_t *store_content_of_memory(apr_pool_t *p, const char *octets,
                                         apr_size_t len)
{
    store_content_t *content = create(p);
    struct iovec *block = apr_array_push(content->blocks);

    block->iov_base = (char *)octets;
    block->iov_len = len;
    content->octets = (apr_off_t)len;
    return content;
}

store_content_t *store_content_of_file(apr_pool_t *p, int fd,
                                       apr_off_t octets)
{
    store_content_t *content = create(p);

    content->file.fd = fd;
    content->octets = content->file_octets = octets;
    apr_pool_cleanup_register(p, content, cleanup, apr_pool_cleanup_null);
    return content;
}

int store_content_is_full(const store_content_t *content, apr_size_t len)
{
    return content->file.fd < 0
        && content->octets + (apr_off_t)len > STORE_CONTENT_MEMORY_MAX;
}

int store_content_has_file(const store_content_t *content)
{
    return content->file.fd >= 0;
}

/* Appends what is in memory to the file. */
static apr_status_t flush(store_content_t *content)
{
    struct iovec *blocks = (struct iovec *)content->blocks->elts;
    struct iovec last = blocks[content->blocks->nelts - 1];
    apr_status_t rv;
    int i;

    for (i = 0; i < content->blocks->nelts; i++) {
        content->file_crc = store_record_crc(content->file_crc,
                                             blocks[i].iov_base,
                                             blocks[i].iov_len);
    }
    rv = store_io_pwritev(content->file.fd, blocks, content->blocks->nelts,
                          content->file_octets);
    content->file_octets = content->octets;
    content->room += last.iov_len;
    blocks[0].iov_base = last.iov_base;
    blocks[0].iov_len = 0;
    content->blocks->nelts = 1;
    return rv;
}

apr_status_t store_content_spill(store_content_t *content, int dir,
                                 const char *name)
{
    apr_status_t rv = store_io_temp_open(&content->file, dir, name);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(content->pool, content, cleanup,
                              apr_pool_cleanup_null);
    rv = flush(content);
    if (content->room < BLOCK_MAX_OCTETS) {
        content->blocks->nelts = 0;
        block_add(content, BLOCK_MAX_OCTETS);
    }
    return rv;
}

/* Makes room: a further block, or the block at hand goes to the file. */
static apr_status_t make_room(store_content_t *content)
{
    const struct iovec *last =
        &APR_ARRAY_IDX(content->blocks, content->blocks->nelts - 1,
                       struct iovec);
    apr_size_t size = last->iov_len * 2;

    if (content->file.fd >= 0) {
        return flush(content);
    }
    block_add(content, size < BLOCK_MAX_OCTETS ? size : BLOCK_MAX_OCTETS);
    return APR_SUCCESS;
}

apr_status_t store_content_write(store_content_t *content,
                                 const char *octets, apr_size_t len)
{
    while (len) {
        struct iovec *last;
        apr_size_t n;

        if (!content->room) {
            apr_status_t rv = make_room(content);

            if (rv != APR_SUCCESS) {
                return rv;
            }
        }
        last = &APR_ARRAY_IDX(content->blocks, content->blocks->nelts - 1,
                              struct iovec);
        n = len < content->room ? len : content->room;
        memcpy((char *)last->iov_base + last->iov_len, octets, n);
        last->iov_len += n;
        content->room -= n;
        content->octets += (apr_off_t)n;
        octets += n;
        len -= n;
    }
    return APR_SUCCESS;
}

apr_status_t store_content_sync(store_content_t *content, apr_uint32_t *crc)
{
    apr_status_t rv = flush(content);

    *crc = content->file_crc;
    return rv == APR_SUCCESS ? store_io_fdatasync(content->file.fd) : rv;
}

static apr_status_t each_of_file(store_content_t *content,
                                 apr_status_t (*take)(void *, const char *,
                                                      apr_size_t),
                                 void *ctx)
{
    apr_off_t at = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!content->buffer) {
        content->buffer = apr_palloc(content->pool, BLOCK_MAX_OCTETS);
    }
    while (rv == APR_SUCCESS && at < content->file_octets) {
        apr_off_t left = content->file_octets - at;
        apr_size_t n = left < BLOCK_MAX_OCTETS ? (apr_size_t)left
                                               : BLOCK_MAX_OCTETS;

        rv = store_io_pread(content->file.fd, content->buffer, n, at);
        if (rv == APR_SUCCESS) {
            rv = take(ctx, content->buffer, n);
        }
        at += (apr_off_t)n;
    }
    return rv;
}

apr_status_t store_content_each(store_content_t *content,
                                apr_status_t (*take)(void *, const char *,
                                                     apr_size_t),
                                void *ctx)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (content->file.fd >= 0) {
        rv = each_of_file(content, take, ctx);
    }
    for (i = 0; rv == APR_SUCCESS && i < content->blocks->nelts; i++) {
        const struct iovec *block =
            &APR_ARRAY_IDX(content->blocks, i, struct iovec);

        rv = take(ctx, block->iov_base, block->iov_len);
    }
    return rv;
}

static apr_status_t crc_take(void *crc, const char *octets, apr_size_t len)
{
    *(apr_uint32_t *)crc = store_record_crc(*(apr_uint32_t *)crc, octets,
                                            len);
    return APR_SUCCESS;
}

apr_status_t store_content_crc(store_content_t *content, apr_uint32_t *crc)
{
    *crc = 0;
    return store_content_each(content, crc_take, crc);
}

static apr_status_t file_bucket(store_content_t *content,
                                apr_bucket_brigade *brigade)
{
    apr_os_file_t fd = content->file.fd;
    apr_file_t *file = NULL;
    apr_status_t rv;

    /* The file descriptor stays ours: apr_os_file_put() registers no
     * clean-up. */
    rv = apr_os_file_put(&file, &fd, APR_FOPEN_READ, content->pool);
    if (rv == APR_SUCCESS && content->file_octets) {
        apr_brigade_insert_file(brigade, file, 0, content->file_octets,
                                content->pool);
    }
    return rv;
}

apr_status_t store_content_buckets(store_content_t *content,
                                   apr_bucket_brigade *brigade)
{
    apr_status_t rv = content->file.fd >= 0 ? file_bucket(content, brigade)
                                            : APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < content->blocks->nelts; i++) {
        const struct iovec *block =
            &APR_ARRAY_IDX(content->blocks, i, struct iovec);

        if (block->iov_len) {
            APR_BRIGADE_INSERT_TAIL(
                brigade,
                apr_bucket_immortal_create(block->iov_base, block->iov_len,
                                           brigade->bucket_alloc));
        }
    }
    return rv;
}

void store_content_close(store_content_t *content)
{
    store_io_temp_close(&content->file);
}
