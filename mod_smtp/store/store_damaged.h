/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_damaged.h
 * SPOOL/damaged: what is found in the spool and is not what we wrote. It is
 * kept for the administrator, named in the log, and not looked at again. Any
 * thread.
 */
#ifndef STORE_DAMAGED_H
#define STORE_DAMAGED_H

#include "store_log.h"
#include "store_segment.h"

typedef struct store_damaged_t {
    int dir;                     /**< SPOOL/damaged */
    const store_log_t *log;
} store_damaged_t;

/**
 * Copies octets @a from up to @a to of a segment to damaged/OWNER-NUMBER-FROM.
 * @param owner  name of the directory that the segment is in
 * @param why    for the log
 * @return an error: it was not copied, and must stay where it is
 */
apr_status_t store_damaged_copy(const store_damaged_t *damaged,
                                store_segment_t *segment, const char *owner,
                                apr_uint64_t from, apr_uint64_t to,
                                const char *why);

/** Moves @a name out of directory @a dir to damaged/OWNER-NAME, or to
 *  damaged/NAME if @a owner is NULL. */
apr_status_t store_damaged_move(const store_damaged_t *damaged, int dir,
                                const char *owner, const char *name,
                                const char *why);

#endif
