/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#if STORE_IO_PIECES > IOV_MAX
#error "STORE_IO_PIECES is more than one call takes"
#endif

#define ZERO_OCTETS 65536

/* Takes off what was written. */
static void skip(struct iovec **pieces, int *count, apr_size_t n)
{
    while (*count && n >= (*pieces)->iov_len) {
        n -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + n;
        (*pieces)->iov_len -= n;
    }
}

apr_status_t store_io_pwritev(int fd, struct iovec *pieces, int count,
                              apr_off_t offset)
{
    skip(&pieces, &count, 0);
    while (count) {
        ssize_t n = pwritev(fd, pieces, count, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        offset += n;
        skip(&pieces, &count, (apr_size_t)n);
    }
    return APR_SUCCESS;
}

apr_status_t store_io_pwrite(int fd, const void *octets, apr_size_t len,
                             apr_off_t offset)
{
    while (len) {
        ssize_t n = pwrite(fd, octets, len, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        octets = (const char *)octets + n;
        len -= (apr_size_t)n;
        offset += n;
    }
    return APR_SUCCESS;
}

apr_status_t store_io_zero(int fd, apr_off_t from, apr_off_t to)
{
    static const char zeros[ZERO_OCTETS];

    while (from < to) {
        apr_size_t n = to - from < ZERO_OCTETS ? (apr_size_t)(to - from)
                                               : ZERO_OCTETS;
        apr_status_t rv = store_io_pwrite(fd, zeros, n, from);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        from += (apr_off_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t store_io_pread(int fd, void *octets, apr_size_t len,
                            apr_off_t offset)
{
    while (len) {
        ssize_t n = pread(fd, octets, len, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : APR_EOF;
        }
        octets = (char *)octets + n;
        len -= (apr_size_t)n;
        offset += n;
    }
    return APR_SUCCESS;
}

/* After an error nothing is tried again but what was only interrupted: the
 * kernel may have dropped what it could not write, and a second call would
 * say that all is well. */
apr_status_t store_io_fdatasync(int fd)
{
    int rc;

    do {
        rc = fdatasync(fd);
    } while (rc && errno == EINTR);
    return rc ? errno : APR_SUCCESS;
}

apr_status_t store_io_fsync(int fd)
{
    int rc;

    do {
        rc = fsync(fd);
    } while (rc && errno == EINTR);
    return rc ? errno : APR_SUCCESS;
}

apr_status_t store_io_syncfs(int fd)
{
    int rc;

    do {
        rc = syncfs(fd);
    } while (rc && errno == EINTR);
    return rc ? errno : APR_SUCCESS;
}

static apr_status_t open_at(int at, const char *name, int flags, int *fd)
{
    *fd = openat(at, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? errno : APR_SUCCESS;
}

apr_status_t store_io_dir_open(int at, const char *name, int *fd)
{
    return open_at(at, name, O_RDONLY | O_DIRECTORY, fd);
}

apr_status_t store_io_dir_make(int at, const char *name, int *fd)
{
    apr_status_t rv = store_io_dir_open(at, name, fd);

    if (rv != ENOENT) {
        return rv;
    }
    if (mkdirat(at, name, 0700) && errno != EEXIST) {
        return errno;
    }
    return store_io_dir_open(at, name, fd);
}

apr_status_t store_io_dir_reopen(int dir, int *fd)
{
    return store_io_dir_open(dir, ".", fd);
}

typedef struct name_t {
    ino_t inode;
    const char *name;
} name_t;

static int by_inode(const void *a, const void *b)
{
    const name_t *left = a, *right = b;

    return left->inode < right->inode ? -1 : left->inode > right->inode;
}

/* Puts name_t into @a found. */
static apr_status_t entries_read(DIR *dir, apr_pool_t *p,
                                 apr_array_header_t *found)
{
    struct dirent *entry;

    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            name_t *name = apr_array_push(found);

            name->inode = entry->d_ino;
            name->name = apr_pstrdup(p, entry->d_name);
        }
    }
    return errno;
}

apr_status_t store_io_names_get(int dir, apr_pool_t *p,
                                apr_array_header_t **names)
{
    apr_array_header_t *found = apr_array_make(p, 16, sizeof(name_t));
    DIR *handle;
    int fd, i;
    apr_status_t rv = store_io_dir_reopen(dir, &fd);

    *names = apr_array_make(p, 16, sizeof(const char *));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    handle = fdopendir(fd);
    if (!handle) {
        rv = errno;
        close(fd);
        return rv;
    }
    rv = entries_read(handle, p, found);
    closedir(handle);
    qsort(found->elts, (size_t)found->nelts, sizeof(name_t), by_inode);
    for (i = 0; i < found->nelts; i++) {
        APR_ARRAY_PUSH(*names, const char *) =
            APR_ARRAY_IDX(found, i, name_t).name;
    }
    return rv;
}

apr_status_t store_io_file_open(int dir, const char *name, int *fd)
{
    /* O_NONBLOCK: a FIFO put there does not hold us. */
    return open_at(dir, name, O_RDWR | O_NONBLOCK, fd);
}

apr_status_t store_io_file_create(int dir, const char *name, int *fd)
{
    return open_at(dir, name, O_RDWR | O_CREAT | O_EXCL, fd);
}

/* Whether the error says that O_TMPFILE is not known here, to the file system
 * or to the kernel (open(2)). */
static int is_unsupported(apr_status_t rv)
{
    return rv == EOPNOTSUPP || rv == EISDIR || rv == EINVAL;
}

/* A file without a name gets one through its entry in /proc (linkat() with
 * AT_EMPTY_PATH asks for a privilege), which a chroot may lack. */
static int has_proc(void)
{
    static volatile apr_uint32_t answer;

    if (!apr_atomic_read32(&answer)) {
        apr_atomic_set32(&answer, access("/proc/self/fd", X_OK) ? 1 : 2);
    }
    return apr_atomic_read32(&answer) == 2;
}

apr_status_t store_io_temp_open(store_io_temp_t *temp, int dir,
                                const char *name)
{
    temp->fd = -1;
    temp->dir = dir;
    temp->name[0] = '\0';
#ifdef O_TMPFILE
    if (has_proc()) {
        apr_status_t rv = open_at(dir, ".", O_RDWR | O_TMPFILE, &temp->fd);

        if (!is_unsupported(rv)) {
            return rv;
        }
    }
#endif
    apr_cpystrn(temp->name, name, sizeof(temp->name));
    unlinkat(dir, temp->name, 0); /* what a dead process left */
    return store_io_file_create(dir, temp->name, &temp->fd);
}

apr_status_t store_io_temp_link(store_io_temp_t *temp, int dir,
                                const char *name)
{
    char path[sizeof("/proc/self/fd/") + 12];

    if (*temp->name) {
        return linkat(temp->dir, temp->name, dir, name, 0) ? errno
                                                           : APR_SUCCESS;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", temp->fd);
    return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) ? errno
                                                                : APR_SUCCESS;
}

void store_io_temp_close(store_io_temp_t *temp)
{
    if (temp->fd < 0) {
        return;
    }
    if (*temp->name) {
        unlinkat(temp->dir, temp->name, 0);
    }
    close(temp->fd);
    temp->fd = -1;
}

apr_status_t store_io_space_get(int fd, store_io_space_t *space)
{
    struct statvfs fs;

    space->octets = space->files = 0;
    if (fstatvfs(fd, &fs)) {
        return errno;
    }
    space->octets = (apr_uint64_t)fs.f_bavail * fs.f_frsize;
    /* btrfs and others count no files. */
    space->files = fs.f_files ? fs.f_favail : ~(apr_uint64_t)0;
    return APR_SUCCESS;
}
