/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"

#define LOCK_NAME "lock"

static apr_status_t cleanup(void *data)
{
    spool_dir_t *dir = data;
    const int fds[] = { dir->root, dir->journal, dir->mail, dir->damaged };
    int i;

    for (i = 0; i < 4; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return APR_SUCCESS;
}

/* Whether the directory has nothing in it; if that cannot be told, it has. */
static int is_empty(int fd)
{
    struct dirent *entry;
    int copy, names = 0;
    DIR *dir;

    if (store_io_dir_reopen(fd, &copy) != APR_SUCCESS) {
        return 0;
    }
    dir = fdopendir(copy);
    if (!dir) {
        close(copy);
        return 0;
    }
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        names += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    }
    names += errno != 0;
    closedir(dir);
    return !names;
}

/* Who made the directory a moment ago is root and not its owner. A directory
 * with something in it was not made by us: to give it away for a slip of the
 * pen ("SMTPSpool /etc") would be to give root away. */
static apr_status_t give(apr_pool_t *p, int fd, const char *path, uid_t uid,
                         gid_t gid, const char **complaint)
{
    if (!is_empty(fd)) {
        *complaint = apr_psprintf(p, "%s belongs to root and is not empty: "
                                  "if it is for mail and nothing else, chown "
                                  "it to httpd's user %ld; or choose another "
                                  "directory", path, (long)uid);
        return EACCES;
    }
    return fchown(fd, uid, gid) || fchmod(fd, 0700) ? errno : APR_SUCCESS;
}

/* What belongs to somebody else is not taken from him. */
static apr_status_t own(apr_pool_t *p, int fd, const char *path, uid_t uid,
                        gid_t gid, const char **complaint)
{
    struct stat st;

    if (fstat(fd, &st)) {
        return errno;
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        *complaint = apr_psprintf(p, "%s can be written to by others: "
                                  "chmod go-w", path);
        return EACCES;
    }
    if (st.st_uid == 0 && uid != 0 && geteuid() == 0) {
        return give(p, fd, path, uid, gid, complaint);
    }
    if (st.st_uid != uid) {
        *complaint = apr_psprintf(p, "%s belongs to user %ld and not to "
                                  "httpd's user %ld: chown it, or choose "
                                  "another directory", path,
                                  (long)st.st_uid, (long)uid);
        return EACCES;
    }
    return APR_SUCCESS;
}

/* What is below is closed by this one. */
static apr_status_t be_closed(apr_pool_t *p, const spool_dir_t *dir,
                              const char **complaint)
{
    struct stat st;

    if (fstat(dir->root, &st)) {
        return errno;
    }
    if (st.st_mode & S_IRWXO) {
        *complaint = apr_psprintf(p, "%s holds mail and is open to all "
                                  "users: chmod o-rwx", dir->path);
        return EACCES;
    }
    return APR_SUCCESS;
}

/* The name of the spool, durable before anything in it can be. A parent that
 * may not be read cannot be synced. */
static apr_status_t sync_parent(const spool_dir_t *dir)
{
    int fd;
    apr_status_t rv = store_io_dir_open(dir->root, "..", &fd);

    if (rv != APR_SUCCESS) {
        return rv == EACCES ? APR_SUCCESS : rv;
    }
    rv = store_io_fsync(fd);
    close(fd);
    return rv;
}

static apr_status_t open_root(apr_pool_t *p, spool_dir_t *dir, uid_t uid,
                              gid_t gid, const char **complaint)
{
    apr_status_t rv;

    if (mkdir(dir->path, 0700) && errno != EEXIST) {
        *complaint = apr_psprintf(p, "%s cannot be made: make the directory "
                                  "above it", dir->path);
        return errno;
    }
    /* This path is the administrator's, and may be a link. */
    dir->root = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->root < 0) {
        *complaint = apr_psprintf(p, "%s is not a directory that httpd can "
                                  "open", dir->path);
        return errno;
    }
    rv = own(p, dir->root, dir->path, uid, gid, complaint);
    if (rv == APR_SUCCESS) {
        rv = be_closed(p, dir, complaint);
    }
    return rv == APR_SUCCESS ? sync_parent(dir) : rv;
}

static apr_status_t open_below(apr_pool_t *p, spool_dir_t *dir,
                               const char *name, int *fd, uid_t uid,
                               gid_t gid, const char **complaint)
{
    const char *path = apr_pstrcat(p, dir->path, "/", name, NULL);
    apr_status_t rv = store_io_dir_make(dir->root, name, fd);

    if (rv != APR_SUCCESS) {
        *complaint = apr_psprintf(p, "%s is not a directory that httpd can "
                                  "make or open (a link is none)", path);
        return rv;
    }
    return own(p, *fd, path, uid, gid, complaint);
}

apr_status_t spool_dir_open(apr_pool_t *p, const char *path, uid_t uid,
                            gid_t gid, spool_dir_t **out,
                            const char **complaint)
{
    spool_dir_t *dir = apr_pcalloc(p, sizeof(*dir));
    apr_status_t rv;

    *out = NULL;
    *complaint = apr_psprintf(p, "%s cannot be prepared", path);
    dir->path = path;
    dir->root = dir->journal = dir->mail = dir->damaged = -1;
    apr_pool_cleanup_register(p, dir, cleanup, apr_pool_cleanup_null);
    rv = open_root(p, dir, uid, gid, complaint);
    if (rv == APR_SUCCESS) {
        rv = open_below(p, dir, "journal", &dir->journal, uid, gid,
                        complaint);
    }
    if (rv == APR_SUCCESS) {
        rv = open_below(p, dir, "mail", &dir->mail, uid, gid, complaint);
    }
    if (rv == APR_SUCCESS) {
        rv = open_below(p, dir, "damaged", &dir->damaged, uid, gid,
                        complaint);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(dir->root);
    }
    if (rv == APR_SUCCESS) {
        *out = dir;
    }
    return rv;
}

/* The file is in a directory of another user: root must not be led to write
 * to a file of its own that was linked there. */
static int is_lock_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1
        && st.st_size < 32;
}

static void pid_write(int fd)
{
    char pid[32];
    int len = apr_snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    /* Only for the message: whoever cannot read it is refused all the same. */
    if (ftruncate(fd, 0) == 0) {
        store_io_pwrite(fd, pid, (apr_size_t)len, 0);
    }
}

static const char *busy(apr_pool_t *p, const spool_dir_t *dir, int fd)
{
    char pid[32] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return apr_psprintf(p, "%s is in use by another httpd, process %ld: stop "
                        "it, or give each its own spool", dir->path,
                        atol(pid));
}

apr_status_t spool_dir_lock(apr_pool_t *p, const spool_dir_t *dir, int *fd,
                            const char **complaint)
{
    apr_status_t rv = APR_SUCCESS;

    *fd = openat(dir->root, LOCK_NAME,
                 O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                 0600);
    if (*fd < 0 || !is_lock_file(*fd)) {
        rv = *fd < 0 ? errno : EPERM;
        *complaint = apr_psprintf(p, "%s/" LOCK_NAME " is not a file as "
                                  "httpd makes it: remove it", dir->path);
    }
    else if (flock(*fd, LOCK_EX | LOCK_NB)) {
        rv = errno;
        *complaint = busy(p, dir, *fd);
    }
    if (rv == APR_SUCCESS) {
        pid_write(*fd);
    }
    else if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rv;
}

int spool_dir_is_locked_by(const spool_dir_t *dir, int fd)
{
    struct stat held, st;

    return fd >= 0 && fstat(fd, &held) == 0
        && fstatat(dir->root, LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0
        && held.st_dev == st.st_dev && held.st_ino == st.st_ino;
}
