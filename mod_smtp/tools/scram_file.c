/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

/** mod_smtp takes no larger txt: map. */
#define MAX_OCTETS (64 * 1024 * 1024)

#define NEW_MODE 0640

struct scram_file_t {
    apr_pool_t *pool;
    const char *path;            /**< no symbolic link; absolute */
    const char *name;            /**< its last part */
    const char *new_name;        /**< of FILE.new */
    int directory_fd;            /**< or -1 */
    int new_fd;                  /**< of FILE.new, whose lock we hold, or -1 */
    int is_there;
    struct stat present;         /**< of FILE, if it is there */
};

/** What to tell: what failed, with which file, and why. */
static apr_status_t fail(apr_pool_t *p, apr_status_t rv, const char *what,
                         const char *path, const char **fault)
{
    char reason[120];

    *fault = apr_psprintf(p, "cannot %s %s: %s", what, path,
                          apr_strerror(rv, reason, sizeof(reason)));
    return rv;
}

/* Reading. */

static apr_status_t octets_read(int fd, char *octets, apr_size_t *len)
{
    apr_size_t room = *len;

    for (*len = 0; *len < room;) {
        ssize_t n = read(fd, octets + *len, room - *len);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            break;
        }
        *len += n > 0 ? (apr_size_t)n : 0;
    }
    return APR_SUCCESS;
}

/** The text of an open file. */
static apr_status_t text_read(apr_pool_t *p, int fd, const struct stat *info,
                              const char *path, const char **text,
                              const char **fault)
{
    apr_size_t len = (apr_size_t)info->st_size;
    char *octets;
    apr_status_t rv;

    if (!S_ISREG(info->st_mode) || info->st_size > MAX_OCTETS) {
        *fault = apr_psprintf(p, "%s is no file, or one of more than 64 MB",
                              path);
        return APR_EGENERAL;
    }
    octets = apr_palloc(p, len + 1);
    rv = octets_read(fd, octets, &len);
    if (rv != APR_SUCCESS) {
        return fail(p, rv, "read", path, fault);
    }
    octets[len] = '\0';
    if (memchr(octets, '\0', len) != NULL) {
        *fault = apr_psprintf(p, "%s is no text: it has an octet of zero",
                              path);
        return APR_EGENERAL;
    }
    *text = octets;
    return APR_SUCCESS;
}

apr_status_t scram_file_read(apr_pool_t *p, const char *path,
                             const char **text, const char **fault)
{
    struct stat info;
    apr_status_t rv;
    /* A FIFO would wait for somebody to write. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *text = *fault = NULL;
    if (fd < 0 || fstat(fd, &info) != 0) {
        rv = fail(p, errno, "open", path, fault);
    }
    else {
        rv = text_read(p, fd, &info, path, text, fault);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

/* The lock. */

/** Lets the lock go, and FILE.new with it if it did not become FILE. Others
 *  that wait for the lock then see that it is not that of FILE.new any more. */
static apr_status_t file_end(void *data)
{
    scram_file_t *file = data;

    if (file->new_fd >= 0) {
        unlinkat(file->directory_fd, file->new_name, 0);
        close(file->new_fd);
    }
    if (file->directory_fd >= 0) {
        close(file->directory_fd);
    }
    file->new_fd = file->directory_fd = -1;
    return APR_SUCCESS;
}

/** Follows symbolic links, lest one be replaced by a file. */
static const char *path_resolve(apr_pool_t *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash == NULL ? "."
                            : apr_pstrmemdup(p, path, slash + 1 - path);
    char real[PATH_MAX];

    if (realpath(path, real) != NULL) {
        return apr_pstrdup(p, real);
    }
    /* The file that is to be made. */
    if (errno != ENOENT || realpath(directory, real) == NULL) {
        return NULL;
    }
    return apr_pstrcat(p, real, strcmp(real, "/") == 0 ? "" : "/",
                       slash == NULL ? path : slash + 1, NULL);
}

static apr_status_t directory_open(scram_file_t *file, const char *path,
                                   const char **fault)
{
    apr_pool_t *p = file->pool;
    const char *directory;

    file->path = path_resolve(p, path);
    if (file->path == NULL) {
        return fail(p, errno, "open", path, fault);
    }
    file->name = strrchr(file->path, '/') + 1;
    if (*file->name == '\0') {
        return fail(p, EISDIR, "open", path, fault);
    }
    file->new_name = apr_pstrcat(p, file->name, ".new", NULL);
    directory = apr_pstrmemdup(p, file->path, file->name - file->path);
    file->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->directory_fd >= 0 ? APR_SUCCESS
                                   : fail(p, errno, "open", directory, fault);
}

/** Opens FILE.new and waits for its lock. */
static apr_status_t new_open(scram_file_t *file)
{
    apr_status_t rv = APR_SUCCESS;

    file->new_fd = openat(file->directory_fd, file->new_name,
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
                          | O_CLOEXEC, NEW_MODE);
    if (file->new_fd < 0) {
        return errno;
    }
    while (flock(file->new_fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            rv = errno;
            close(file->new_fd);
            file->new_fd = -1;
            break;
        }
    }
    return rv;
}

/** Whether what was locked is still FILE.new: who had the lock before us has
 *  renamed or removed it. */
static int is_still_new(const scram_file_t *file, struct stat *info)
{
    struct stat named;

    return fstat(file->new_fd, info) == 0
           && fstatat(file->directory_fd, file->new_name, &named,
                      AT_SYMLINK_NOFOLLOW) == 0
           && named.st_dev == info->st_dev && named.st_ino == info->st_ino;
}

static apr_status_t new_lock(scram_file_t *file, const char **fault)
{
    const char *new_path = apr_pstrcat(file->pool, file->path, ".new", NULL);
    struct stat info;
    apr_status_t rv = new_open(file);

    while (rv == APR_SUCCESS && !is_still_new(file, &info)) {
        close(file->new_fd);
        rv = new_open(file);
    }
    if (rv != APR_SUCCESS) {
        return fail(file->pool, rv, "open and lock", new_path, fault);
    }
    /* What somebody else laid there he could read, or it is another file of
     * ours by a second name. */
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1
        || info.st_uid != geteuid()) {
        close(file->new_fd);
        file->new_fd = -1;
        *fault = apr_psprintf(file->pool, "%s is there, and not of this "
                              "program's making; remove it", new_path);
        return APR_EACCES;
    }
    return APR_SUCCESS;
}

/** Reads FILE, of which the state is kept. */
static apr_status_t present_read(scram_file_t *file, int is_new,
                                 const char **text, const char **fault)
{
    file->is_there = fstatat(file->directory_fd, file->name, &file->present,
                             0) == 0;
    if (!is_new) {
        return scram_file_read(file->pool, file->path, text, fault);
    }
    *text = "";
    if (file->is_there && !S_ISREG(file->present.st_mode)) {
        return fail(file->pool, EISDIR, "replace", file->path, fault);
    }
    return APR_SUCCESS;
}

apr_status_t scram_file_begin(apr_pool_t *p, const char *path, int is_new,
                              scram_file_t **out, const char **text,
                              const char **fault)
{
    scram_file_t *file = apr_pcalloc(p, sizeof(*file));
    apr_status_t rv;

    *text = *fault = NULL;
    *out = file;
    file->pool = p;
    file->new_fd = file->directory_fd = -1;
    apr_pool_cleanup_register(p, file, file_end, apr_pool_cleanup_null);
    rv = directory_open(file, path, fault);
    if (rv == APR_SUCCESS) {
        rv = new_lock(file, fault);
    }
    return rv == APR_SUCCESS ? present_read(file, is_new, text, fault) : rv;
}

/* The change. */

static apr_status_t octets_write(int fd, const char *octets, apr_size_t len)
{
    apr_size_t done;

    for (done = 0; done < len;) {
        ssize_t n = pwrite(fd, octets + done, len - done, (off_t)done);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            return EIO;
        }
        done += n > 0 ? (apr_size_t)n : 0;
    }
    return APR_SUCCESS;
}

/** Whoever could read the old file reads the new one, and nobody else. */
static apr_status_t rights_keep(const scram_file_t *file)
{
    const struct stat *present = &file->present;
    struct stat info;

    if (!file->is_there) {
        return APR_SUCCESS;
    }
    if (fstat(file->new_fd, &info) != 0
        || ((info.st_uid != present->st_uid || info.st_gid != present->st_gid)
            && fchown(file->new_fd, present->st_uid, present->st_gid) != 0)
        || fchmod(file->new_fd, present->st_mode & 0777) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

static apr_status_t new_write(scram_file_t *file, const char *text,
                              const char **fault)
{
    apr_status_t rv = rights_keep(file);

    if (rv != APR_SUCCESS) {
        return fail(file->pool, rv, "keep owner and permissions of",
                    file->path, fault);
    }
    /* A crash may have left something. */
    rv = ftruncate(file->new_fd, 0) == 0
         ? octets_write(file->new_fd, text, strlen(text)) : errno;
    if (rv == APR_SUCCESS && fsync(file->new_fd) != 0) {
        rv = errno;
    }
    return rv == APR_SUCCESS ? rv : fail(file->pool, rv, "write",
                                         file->path, fault);
}

static apr_status_t new_rename(scram_file_t *file, const char **fault)
{
    if (renameat(file->directory_fd, file->new_name, file->directory_fd,
                 file->name) != 0) {
        return fail(file->pool, errno, "replace", file->path, fault);
    }
    close(file->new_fd);
    file->new_fd = -1;
    if (fsync(file->directory_fd) != 0) {
        return fail(file->pool, errno, "make the change last, which a crash "
                    "may undo, of", file->path, fault);
    }
    return APR_SUCCESS;
}

apr_status_t scram_file_commit(scram_file_t *file, const char *text,
                               const char **fault)
{
    sigset_t all, before;
    apr_status_t rv;

    *fault = NULL;
    /* A change takes a moment; who interrupts it gets it whole. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    rv = new_write(file, text, fault);
    if (rv == APR_SUCCESS) {
        rv = new_rename(file, fault);
    }
    file_end(file);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rv;
}
