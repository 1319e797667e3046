/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_hash.h>

#include "store_io.h"
#include "spool_name.h"

static void dirs_free(spool_mailbox_dirs_t *dirs)
{
    if (dirs->temp >= 0) {
        close(dirs->temp);
    }
    if (dirs->fresh >= 0) {
        close(dirs->fresh);
    }
    free(dirs);
}

static apr_status_t cache_destroy(void *data)
{
    spool_mailbox_cache_t *cache = data;

    while (!APR_RING_EMPTY(&cache->recent, spool_mailbox_dirs_t, link)) {
        spool_mailbox_dirs_t *dirs = APR_RING_FIRST(&cache->recent);

        APR_RING_REMOVE(dirs, link);
        dirs_free(dirs);
    }
    while (cache->devices) {
        spool_mailbox_device_t *device = cache->devices;

        cache->devices = device->next;
        close(device->fd);
        free(device);
    }
    return APR_SUCCESS;
}

/* A mailbox is two files: they get an eighth of those that there may be. */
static unsigned int open_max_get(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit)
        || limit.rlim_cur >= 16 * SPOOL_MAILBOX_OPEN_MAX) {
        return SPOOL_MAILBOX_OPEN_MAX;
    }
    return (unsigned int)limit.rlim_cur / 16;
}

apr_status_t spool_mailbox_cache_create(apr_pool_t *p, int mail,
                                        spool_mailbox_cache_t **out)
{
    spool_mailbox_cache_t *cache = apr_pcalloc(p, sizeof(*cache));
    apr_status_t rv;

    *out = NULL;
    cache->mail = mail;
    cache->open_max = open_max_get();
    APR_RING_INIT(&cache->recent, spool_mailbox_dirs_t, link);
    rv = apr_thread_mutex_create(&cache->mutex, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(p, cache, cache_destroy,
                                  apr_pool_cleanup_null);
        *out = cache;
    }
    return rv;
}

/* Opens the directory at the path below SPOOL/mail. No component of it can
 * lead elsewhere: it has no "..", and links are not followed. */
static apr_status_t walk(int mail, const char *path, int *fd)
{
    char part[SPOOL_NAME_MAX + sizeof("%+")];
    int at = mail;
    apr_status_t rv;

    do {
        apr_size_t len = strcspn(path, "/");
        int below;

        if (len >= sizeof(part)) {
            rv = ENAMETOOLONG;
            break;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        rv = store_io_dir_make(at, part, &below);
        if (at != mail) {
            close(at);
        }
        at = below;
        path += len;
    } while (rv == APR_SUCCESS && *path++);
    *fd = rv == APR_SUCCESS ? at : -1;
    return rv;
}

/* Makes sure that errors of the file system from now on are seen; with the
 * mutex. */
static apr_status_t device_add(spool_mailbox_cache_t *cache, int fd)
{
    spool_mailbox_device_t *device;
    struct stat st;
    apr_status_t rv;

    if (fstat(fd, &st)) {
        return errno;
    }
    for (device = cache->devices; device; device = device->next) {
        if (device->device == (apr_uint64_t)st.st_dev) {
            return APR_SUCCESS;
        }
    }
    device = malloc(sizeof(*device));
    if (!device) {
        return APR_ENOMEM;
    }
    rv = store_io_dir_reopen(fd, &device->fd);
    if (rv != APR_SUCCESS) {
        free(device);
        return rv;
    }
    device->device = (apr_uint64_t)st.st_dev;
    device->next = cache->devices;
    cache->devices = device;
    return APR_SUCCESS;
}

static apr_status_t open_subdirs(spool_mailbox_cache_t *cache, int maildir,
                                 spool_mailbox_dirs_t *dirs)
{
    apr_status_t rv;
    int cur;

    /* A program that reads the Maildir wants all three. */
    rv = store_io_dir_make(maildir, "cur", &cur);
    if (rv == APR_SUCCESS) {
        close(cur);
        rv = store_io_dir_make(maildir, "tmp", &dirs->temp);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_dir_make(maildir, "new", &dirs->fresh);
    }
    if (rv == APR_SUCCESS) {
        apr_thread_mutex_lock(cache->mutex);
        rv = device_add(cache, dirs->fresh);
        apr_thread_mutex_unlock(cache->mutex);
    }
    return rv;
}

static apr_status_t dirs_create(spool_mailbox_cache_t *cache,
                                const char *path, spool_mailbox_dirs_t **out)
{
    spool_mailbox_dirs_t *dirs = calloc(1, sizeof(*dirs) + strlen(path));
    apr_ssize_t len = APR_HASH_KEY_STRING;
    apr_status_t rv;
    int maildir;

    if (!dirs) {
        return APR_ENOMEM;
    }
    strcpy(dirs->path, path);
    dirs->hash = apr_hashfunc_default(path, &len);
    dirs->temp = dirs->fresh = -1;
    dirs->users = 1;
    dirs->opened = apr_time_now();
    rv = walk(cache->mail, path, &maildir);
    if (rv == APR_SUCCESS) {
        rv = open_subdirs(cache, maildir, dirs);
        close(maildir);
    }
    if (rv != APR_SUCCESS) {
        dirs_free(dirs);
        return rv;
    }
    *out = dirs;
    return APR_SUCCESS;
}

/* Takes it out of the cache; with the mutex. */
static void drop(spool_mailbox_cache_t *cache, spool_mailbox_dirs_t *dirs)
{
    APR_RING_REMOVE(dirs, link);
    cache->open--;
    dirs->is_dropped = 1;
    if (!dirs->users) {
        dirs_free(dirs);
    }
}

/* The dirs of the path, for one user more; or NULL. With the mutex. */
static spool_mailbox_dirs_t *find(spool_mailbox_cache_t *cache,
                                  const char *path)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned int hash = apr_hashfunc_default(path, &len);
    spool_mailbox_dirs_t *dirs;

    for (dirs = APR_RING_FIRST(&cache->recent);
         dirs != APR_RING_SENTINEL(&cache->recent, spool_mailbox_dirs_t,
                                   link);
         dirs = APR_RING_NEXT(dirs, link)) {
        if (dirs->hash != hash || strcmp(dirs->path, path)) {
            continue;
        }
        if (apr_time_now() - dirs->opened > SPOOL_MAILBOX_KEEP) {
            drop(cache, dirs);
            return NULL;
        }
        APR_RING_REMOVE(dirs, link);
        APR_RING_INSERT_HEAD(&cache->recent, dirs, spool_mailbox_dirs_t,
                             link);
        dirs->users++;
        return dirs;
    }
    return NULL;
}

/* Closes the least recent that nobody uses while there are too many; with
 * the mutex. */
static void evict(spool_mailbox_cache_t *cache)
{
    spool_mailbox_dirs_t *dirs = APR_RING_LAST(&cache->recent);

    while (cache->open > cache->open_max
           && dirs != APR_RING_SENTINEL(&cache->recent, spool_mailbox_dirs_t,
                                        link)) {
        spool_mailbox_dirs_t *before = APR_RING_PREV(dirs, link);

        if (!dirs->users) {
            drop(cache, dirs);
        }
        dirs = before;
    }
}

apr_status_t spool_mailbox_open(spool_mailbox_cache_t *cache,
                                const char *path,
                                spool_mailbox_dirs_t **dirs)
{
    apr_status_t rv;

    apr_thread_mutex_lock(cache->mutex);
    *dirs = find(cache, path);
    apr_thread_mutex_unlock(cache->mutex);
    if (*dirs) {
        return APR_SUCCESS;
    }
    rv = dirs_create(cache, path, dirs);
    if (rv == APR_SUCCESS) {
        /* Another thread may have added the same: both serve, the elder goes
         * first. */
        apr_thread_mutex_lock(cache->mutex);
        APR_RING_INSERT_HEAD(&cache->recent, *dirs, spool_mailbox_dirs_t,
                             link);
        cache->open++;
        evict(cache);
        apr_thread_mutex_unlock(cache->mutex);
    }
    return rv;
}

void spool_mailbox_close(spool_mailbox_cache_t *cache,
                         spool_mailbox_dirs_t *dirs, int is_bad)
{
    apr_thread_mutex_lock(cache->mutex);
    dirs->users--;
    if (!dirs->is_dropped && is_bad) {
        drop(cache, dirs);
    }
    else if (dirs->is_dropped && !dirs->users) {
        dirs_free(dirs);
    }
    apr_thread_mutex_unlock(cache->mutex);
}

apr_status_t spool_mailbox_subdir_open(spool_mailbox_cache_t *cache,
                                       const char *path, const char *name,
                                       int *fd)
{
    int maildir;
    apr_status_t rv = walk(cache->mail, path, &maildir);

    *fd = -1;
    if (rv == APR_SUCCESS) {
        rv = store_io_dir_open(maildir, name, fd);
        close(maildir);
    }
    return rv;
}

/* Notes a failure, and tells the caller of all that it has not seen. */
static apr_status_t failures_tell(spool_mailbox_cache_t *cache,
                                  apr_status_t failure, unsigned int *seen)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(cache->mutex);
    if (failure != APR_SUCCESS) {
        cache->failures++;
        cache->failure = failure;
    }
    if (cache->failures != *seen) {
        *seen = cache->failures;
        rv = cache->failure;
    }
    apr_thread_mutex_unlock(cache->mutex);
    return rv;
}

apr_status_t spool_mailbox_sync(spool_mailbox_cache_t *cache,
                                unsigned int *seen)
{
    spool_mailbox_device_t *device;
    apr_status_t first = APR_SUCCESS;

    apr_thread_mutex_lock(cache->mutex);
    device = cache->devices;
    apr_thread_mutex_unlock(cache->mutex);
    /* Devices are put in front and never go, so the list from here on stays
     * as it is. */
    for (; device; device = device->next) {
        apr_status_t rv = store_io_syncfs(device->fd);

        if (first == APR_SUCCESS) {
            first = rv;
        }
    }
    return failures_tell(cache, first, seen);
}
