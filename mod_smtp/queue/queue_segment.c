/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "store_io.h"

struct queue_segments_t {
    int journal;
    unsigned char boot[STORE_SEGMENT_BOOT_OCTETS];
    apr_hash_t *known;           /* name -> queue_segment_t */
    APR_RING_HEAD(queue_segment_ring_t, queue_segment_t) open;
    unsigned int open_count;
};

/* The file is closed: by us, or at the end of the process, which closes the
 * pools of segments before ours. */
static apr_status_t file_gone(void *data)
{
    queue_segment_t *segment = data;

    APR_RING_REMOVE(segment, link);
    segment->owner->open_count--;
    segment->file = NULL;
    return APR_SUCCESS;
}

static void file_close(queue_segment_t *segment)
{
    if (segment->file) {
        store_segment_close(segment->file);
    }
}

static void forget(queue_segments_t *segments, queue_segment_t *segment)
{
    apr_hash_set(segments->known, segment->name, APR_HASH_KEY_STRING, NULL);
    file_close(segment);
    free(segment->found);
    free(segment);
}

static apr_status_t cleanup(void *data)
{
    queue_segments_t *segments = data;
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, segments->known); i; i = apr_hash_next(i)) {
        forget(segments, apr_hash_this_val(i));
    }
    return APR_SUCCESS;
}

apr_status_t queue_segments_create(apr_pool_t *p, int journal,
                                   queue_segments_t **out)
{
    queue_segments_t *segments = apr_pcalloc(p, sizeof(*segments));

    segments->journal = journal;
    segments->known = apr_hash_make(p);
    APR_RING_INIT(&segments->open, queue_segment_t, link);
    store_segment_boot_get(segments->boot);
    apr_pool_cleanup_register(p, segments, cleanup, apr_pool_cleanup_null);
    *out = segments;
    return APR_SUCCESS;
}

int queue_segment_is_dir(const char *dir)
{
    return *dir && *dir != '.' && !strchr(dir, '/')
        && strlen(dir) < QUEUE_SEGMENT_DIR_OCTETS;
}

static void name_write(char name[QUEUE_SEGMENT_DIR_OCTETS + 24],
                       const char *dir, apr_uint64_t number)
{
    apr_snprintf(name, QUEUE_SEGMENT_DIR_OCTETS + 24,
                 "%s/%" APR_UINT64_T_FMT, dir, number);
}

/* Closes those that were not used for longest while there are too many; not
 * the first, which is wanted now. */
static void close_some(queue_segments_t *segments)
{
    queue_segment_t *segment = APR_RING_LAST(&segments->open);

    while (segments->open_count > QUEUE_SEGMENT_OPEN_MAX
           && segment != APR_RING_FIRST(&segments->open)) {
        queue_segment_t *before = APR_RING_PREV(segment, link);

        if (!segment->users) {
            file_close(segment);
        }
        segment = before;
    }
}

static void file_set(queue_segments_t *segments, queue_segment_t *segment,
                     store_segment_t *file)
{
    segment->file = file;
    apr_pool_cleanup_register(file->pool, segment, file_gone,
                              apr_pool_cleanup_null);
    APR_RING_INSERT_HEAD(&segments->open, segment, queue_segment_t, link);
    segments->open_count++;
    close_some(segments);
}

/* Opens the files; ENOENT where there is nothing for us. What is wrong with a
 * segment is recovery's business, when nobody writes it any more. */
static apr_status_t file_open(const queue_segments_t *segments,
                              const char *dir, apr_uint64_t number,
                              store_segment_t **file)
{
    store_segment_status_e status;
    apr_status_t rv;
    int fd;

    *file = NULL;
    rv = store_io_dir_open(segments->journal, dir, &fd);
    if (rv != APR_SUCCESS) {
        return rv == ENOTDIR || rv == ELOOP ? ENOENT : rv;
    }
    status = store_segment_open(fd, number, segments->boot, file, &rv);
    close(fd);
    if (status == STORE_SEGMENT_ERROR) {
        return rv;
    }
    return status == STORE_SEGMENT_OK ? APR_SUCCESS : ENOENT;
}

static apr_status_t create(queue_segments_t *segments, const char *dir,
                           store_segment_t *file, queue_segment_t **out)
{
    queue_segment_t *segment = calloc(1, sizeof(*segment));

    *out = segment;
    if (!segment) {
        return APR_ENOMEM;
    }
    segment->units = file->octets / STORE_RECORD_UNIT;
    segment->found = calloc(1, (apr_size_t)(segment->units / 8 + 1));
    if (!segment->found) {
        free(segment);
        *out = NULL;
        return APR_ENOMEM;
    }
    segment->owner = segments;
    segment->number = file->number;
    segment->generation = file->generation;
    segment->is_same_boot = file->is_same_boot;
    apr_cpystrn(segment->dir, dir, sizeof(segment->dir));
    name_write(segment->name, dir, file->number);
    apr_hash_set(segments->known, segment->name, APR_HASH_KEY_STRING, segment);
    return APR_SUCCESS;
}

static apr_status_t add(queue_segments_t *segments, const char *dir,
                        apr_uint64_t number, apr_uint64_t generation,
                        queue_segment_t **segment)
{
    store_segment_t *file;
    apr_status_t rv = file_open(segments, dir, number, &file);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!file->disk.is_valid
        || (generation && file->generation != generation)) {
        rv = ENOENT;
    }
    if (rv == APR_SUCCESS) {
        rv = create(segments, dir, file, segment);
    }
    if (rv != APR_SUCCESS) {
        store_segment_close(file);
        return rv;
    }
    file_set(segments, *segment, file);
    return APR_SUCCESS;
}

/* Whether one that is known may have become another: as long as a message of
 * it is in hand it cannot. */
static int is_outdated(const queue_segment_t *segment,
                       apr_uint64_t generation)
{
    return !segment->messages && !segment->users
        && generation != segment->generation;
}

apr_status_t queue_segment_find(queue_segments_t *segments, const char *dir,
                                apr_uint64_t number, apr_uint64_t generation,
                                queue_segment_t **segment)
{
    char name[QUEUE_SEGMENT_DIR_OCTETS + 24];
    queue_segment_t *known;

    *segment = NULL;
    if (!queue_segment_is_dir(dir)) {
        return ENOENT;
    }
    name_write(name, dir, number);
    known = apr_hash_get(segments->known, name, APR_HASH_KEY_STRING);
    if (known && is_outdated(known, generation)) {
        forget(segments, known);
        known = NULL;
    }
    if (!known) {
        return add(segments, dir, number, generation, segment);
    }
    if (generation && generation != known->generation) {
        return ENOENT;
    }
    known->is_idle = 0;
    *segment = known;
    return APR_SUCCESS;
}

apr_status_t queue_segment_open(queue_segments_t *segments,
                                queue_segment_t *segment,
                                store_segment_t **file)
{
    apr_status_t rv;

    segment->is_idle = 0;
    if (!segment->file) {
        rv = file_open(segments, segment->dir, segment->number, file);
        if (rv != APR_SUCCESS) {
            return rv == ENOENT ? STORE_EDAMAGED : rv;
        }
        if ((*file)->generation != segment->generation) {
            store_segment_close(*file);
            *file = NULL;
            return STORE_EDAMAGED;
        }
        file_set(segments, segment, *file);
    }
    else {
        APR_RING_REMOVE(segment, link);
        APR_RING_INSERT_HEAD(&segments->open, segment, queue_segment_t, link);
    }
    *file = segment->file;
    return APR_SUCCESS;
}

void queue_segment_hold(queue_segment_t *segment)
{
    segment->users++;
}

void queue_segment_release(queue_segment_t *segment)
{
    segment->users--;
}

apr_status_t queue_segment_dir_open(queue_segments_t *segments,
                                    const queue_segment_t *segment, int *dir)
{
    return store_io_dir_open(segments->journal, segment->dir, dir);
}

int queue_segment_is_current(queue_segments_t *segments,
                             const queue_segment_t *segment)
{
    store_segment_t *file;
    int answer;

    if (file_open(segments, segment->dir, segment->number, &file)
        != APR_SUCCESS) {
        return 0;
    }
    answer = file->generation == segment->generation;
    store_segment_close(file);
    return answer;
}

/* ---- Records that were found ---- */

int queue_segment_is_found(const queue_segment_t *segment, apr_uint64_t place)
{
    apr_uint64_t unit = place / STORE_RECORD_UNIT;

    return unit < segment->units
        && segment->found[unit / 8] >> unit % 8 & 1;
}

void queue_segment_found_set(queue_segment_t *segment, apr_uint64_t place,
                             int is_found)
{
    apr_uint64_t unit = place / STORE_RECORD_UNIT;
    unsigned char *octet = &segment->found[unit / 8];

    if (unit < segment->units) {
        *octet = (unsigned char)((*octet & ~(1u << unit % 8))
                                 | (unsigned int)is_found << unit % 8);
    }
}

/* ---- Letting go ---- */

void queue_segments_sweep(queue_segments_t *segments)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, segments->known); i; i = apr_hash_next(i)) {
        queue_segment_t *segment = apr_hash_this_val(i);

        if (segment->messages || segment->users) {
            continue;
        }
        if (segment->is_idle) {
            forget(segments, segment);
        }
        else {
            segment->is_idle = 1;
        }
    }
}

void queue_segments_count(const queue_segments_t *segments,
                          unsigned int *known, unsigned int *open)
{
    *known = apr_hash_count(segments->known);
    *open = segments->open_count;
}
