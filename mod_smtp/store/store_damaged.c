/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_damaged.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"

/* The name appears when the file is whole and durable: the original is
 * removed on its strength. */
static apr_status_t copy(int dir, const char *name, store_segment_t *segment,
                         apr_uint64_t from, apr_uint64_t to)
{
    char temp_name[32];
    store_io_temp_t temp;
    apr_status_t rv;

    apr_snprintf(temp_name, sizeof(temp_name), "%ld.tmp", (long)getpid());
    rv = store_io_temp_open(&temp, dir, temp_name);
    if (rv == APR_SUCCESS) {
        rv = store_segment_copy(segment, from, to, temp.fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(temp.fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_temp_link(&temp, dir, name);
    }
    store_io_temp_close(&temp);
    return rv == APR_SUCCESS ? store_io_fsync(dir) : rv;
}

apr_status_t store_damaged_copy(const store_damaged_t *damaged,
                                store_segment_t *segment, const char *owner,
                                apr_uint64_t from, apr_uint64_t to,
                                const char *why)
{
    char name[NAME_MAX + 1];
    apr_status_t rv;

    apr_snprintf(name, sizeof(name),
                 "%s-%" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT, owner,
                 segment->number, from);
    rv = copy(damaged->dir, name, segment, from, to);
    if (rv == EEXIST) {
        return APR_SUCCESS;      /* an earlier attempt */
    }
    store_log(damaged->log, STORE_LOG_ERR, rv, rv
              ? STORE_LOGNO(2010) "%s: could not be kept as damaged/%s"
              : STORE_LOGNO(2011) "%s: kept as damaged/%s", why, name);
    return rv;
}

apr_status_t store_damaged_move(const store_damaged_t *damaged, int dir,
                                const char *owner, const char *name,
                                const char *why)
{
    char target[NAME_MAX + 1];
    apr_status_t rv = APR_SUCCESS;

    apr_snprintf(target, sizeof(target), "%s%s%s", owner ? owner : "",
                 owner ? "-" : "", name);
    if (renameat(dir, name, damaged->dir, target)) {
        rv = errno;
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(damaged->dir);
    }
    store_log(damaged->log, STORE_LOG_ERR, rv, rv
              ? STORE_LOGNO(2012) "%s: could not be moved to damaged/%s"
              : STORE_LOGNO(2013) "%s: moved to damaged/%s", why, target);
    return rv;
}
