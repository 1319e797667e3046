/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * ChrootDir: the queue process goes there as httpd's children do, and opens
 * the spool and what DNS needs only then. httpd itself, and smtpq, stay
 * outside, and mean the same files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include <apr_strings.h>

#include <httpd.h>
#include <unixd.h>

#include "queue_conf_directive.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* As a process in there finds it, links included. */
static int open_inside(const char *root, const char *path)
{
    struct open_how how;
    int fd = -1, dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error;

    if (dir >= 0) {
        memset(&how, 0, sizeof(how));
        how.flags = O_PATH | O_CLOEXEC;
        how.resolve = RESOLVE_IN_ROOT;
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
        error = errno;
        close(dir);
        errno = error;
    }
    return fd;
}

/* What cannot be found out is taken for right. */
static int is_inside(const char *root, const char *path, struct stat *st)
{
    int fd = open_inside(root, path), is_there;

    if (fd < 0) {
        return errno != ENOENT && errno != ENOTDIR;
    }
    is_there = fstat(fd, st) == 0;
    close(fd);
    return is_there;
}

/* The spool may be made at the start: then it is about the directory that it
 * will be in. */
static int is_same_inside(apr_pool_t *p, const char *root, const char *path)
{
    char *part = apr_pstrdup(p, path), *slash;
    struct stat outside, inside;

    while (stat(part, &outside) && (slash = strrchr(part, '/')) != NULL
           && slash != part) {
        *slash = '\0';
    }
    memset(&inside, 0, sizeof(inside));
    return is_inside(root, part, &inside)
        && (!inside.st_ino || (inside.st_ino == outside.st_ino
                               && inside.st_dev == outside.st_dev));
}

const char *queue_conf_chroot_check(apr_pool_t *p, const queue_conf_t *conf)
{
    const char *root = ap_unixd_config.chroot_dir;
    struct stat st;

    if (!root || !conf->is_on || !conf->spool) {
        return NULL;
    }
    if (!is_same_inside(p, root, conf->spool)) {
        return apr_psprintf(p, "ChrootDir %s: SMTPSpool %s is not the same "
                            "directory in there: the queue process could not "
                            "find the mail; put the spool below ChrootDir and "
                            "have its path lead there, or do without "
                            "ChrootDir", root, conf->spool);
    }
    if (!conf->dns_servers && !is_inside(root, RESOLV_CONF, &st)) {
        return apr_psprintf(p, "ChrootDir %s: there is no " RESOLV_CONF " in "
                            "it: nothing could be sent; put it there, or say "
                            "which servers to ask by SMTPDNSServer", root);
    }
    return NULL;
}
