/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_sts_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "store_io.h"

#define MAGIC "SMTPSTS1 "
/** The first line, at most. */
#define LINE_OCTETS 80

apr_status_t queue_sts_file_begin(const char *dir)
{
    return mkdir(dir, 0700) == 0 || errno == EEXIST ? APR_SUCCESS : errno;
}

/** A name of DNS is the name of a file, and never a path. */
static int is_domain(const char *domain)
{
    return smtp_domain_parse(domain, strlen(domain), 0) == SMTP_DOMAIN_NAME;
}

static const char *path_make(apr_pool_t *p, const char *dir,
                             const char *domain)
{
    return apr_pstrcat(p, dir, "/", domain, NULL);
}

void queue_sts_file_remove(apr_pool_t *p, const char *dir,
                           const char *domain)
{
    if (is_domain(domain)) {
        unlink(path_make(p, dir, domain));
    }
}

/* Reading. */

/** All of a file that is not too long, NUL behind it. */
static apr_status_t all_read(apr_pool_t *p, int fd, char **octets,
                             apr_size_t *len)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)
        || st.st_size > LINE_OCTETS + QUEUE_STS_POLICY_OCTETS) {
        return APR_EINVAL;
    }
    *len = (apr_size_t)st.st_size;
    *octets = apr_palloc(p, *len + 1);
    (*octets)[*len] = '\0';
    return store_io_pread(fd, *octets, *len, 0);
}

/** Takes "ID SECONDS" apart, in place. */
static apr_status_t line_parse(char *line, queue_sts_file_t *file)
{
    char *blank = strchr(line, ' ');
    apr_off_t sec;

    if (blank == NULL || blank == line
        || blank - line > QUEUE_STS_ID_OCTETS
        || smtp_chars_number_parse(blank + 1, strlen(blank + 1), &sec) != 1
        || sec > APR_INT64_MAX / APR_USEC_PER_SEC / 2) {
        return APR_EINVAL;
    }
    *blank = '\0';
    apr_cpystrn(file->id, line, sizeof(file->id));
    file->fetched = apr_time_from_sec(sec);
    return APR_SUCCESS;
}

static apr_status_t octets_parse(char *octets, apr_size_t len,
                                 queue_sts_file_t *file)
{
    char *lf = memchr(octets, '\n', len);

    if (lf == NULL || lf - octets > LINE_OCTETS
        || strncmp(octets, MAGIC, strlen(MAGIC)) != 0) {
        return APR_EINVAL;
    }
    *lf = '\0';
    file->octets = lf + 1;
    file->len = len - (file->octets - octets);
    return line_parse(octets + strlen(MAGIC), file);
}

apr_status_t queue_sts_file_read(apr_pool_t *p, const char *dir,
                                 const char *domain, queue_sts_file_t *file)
{
    char *octets = NULL;
    apr_size_t len = 0;
    apr_status_t rv;
    int fd;

    memset(file, 0, sizeof(*file));
    if (!is_domain(domain)) {
        return ENOENT;
    }
    fd = open(path_make(p, dir, domain),
              O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno;
    }
    rv = all_read(p, fd, &octets, &len);
    close(fd);
    if (rv == APR_SUCCESS) {
        rv = octets_parse(octets, len, file);
    }
    if (rv == APR_EINVAL) {
        queue_sts_file_remove(p, dir, domain);
    }
    return rv;
}

/* Writing. */

static apr_status_t fill(apr_pool_t *p, int fd, const queue_sts_file_t *file)
{
    const char *line = apr_psprintf(p, MAGIC "%s %" APR_TIME_T_FMT "\n",
                                    file->id, apr_time_sec(file->fetched));
    struct iovec pieces[2];

    pieces[0].iov_base = (char *)line;
    pieces[0].iov_len = strlen(line);
    pieces[1].iov_base = (char *)file->octets;
    pieces[1].iov_len = file->len;
    return store_io_pwritev(fd, pieces, 2, 0);
}

apr_status_t queue_sts_file_write(apr_pool_t *p, const char *dir,
                                  const char *domain,
                                  const queue_sts_file_t *file)
{
    const char *path = path_make(p, dir, domain);
    /* No domain begins so; one could end in whatever we put behind it. */
    const char *temporary = apr_pstrcat(p, dir, "/.", domain, NULL);
    apr_status_t rv;
    int fd;

    if (!is_domain(domain)) {
        return APR_EINVAL;
    }
    unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    rv = fill(p, fd, file);
    close(fd);
    if (rv == APR_SUCCESS && rename(temporary, path) != 0) {
        rv = errno;
    }
    if (rv != APR_SUCCESS) {
        unlink(temporary);
    }
    return rv;
}

/* Sweeping. */

/** A file that is being written is not older. */
#define HALF_WRITTEN_SEC 3600

/** What a file system gives at least. */
#define BLOCK_OCTETS 4096

apr_size_t queue_sts_file_octets(apr_size_t len)
{
    return (LINE_OCTETS + len + BLOCK_OCTETS - 1) / BLOCK_OCTETS
           * BLOCK_OCTETS;
}

/** A file that may stay. */
typedef struct kept_t {
    const char *domain;
    apr_time_t fetched;
    apr_size_t octets;
} kept_t;

typedef struct sweep_t {
    apr_pool_t *p;               /* of the whole */
    apr_pool_t *one;             /* cleared for each file */
    const char *dir;
    apr_time_t now;
    apr_array_header_t *kept;    /* kept_t */
    apr_size_t octets;           /* of them all */
} sweep_t;

static int has_expired(const sweep_t *sweep, const queue_sts_file_t *file)
{
    queue_sts_policy_t policy;

    return queue_sts_policy_parse(sweep->one, file->octets, file->len,
                                  &policy) != NULL
           || file->fetched + apr_time_from_sec(policy.max_age_sec)
              <= sweep->now;
}

static void file_judge(sweep_t *sweep, const char *domain)
{
    queue_sts_file_t file;
    kept_t *kept;

    if (queue_sts_file_read(sweep->one, sweep->dir, domain, &file)
        != APR_SUCCESS) {
        return;
    }
    if (has_expired(sweep, &file)) {
        queue_sts_file_remove(sweep->one, sweep->dir, domain);
        return;
    }
    kept = apr_array_push(sweep->kept);
    kept->domain = apr_pstrdup(sweep->p, domain);
    kept->fetched = file.fetched;
    kept->octets = queue_sts_file_octets(file.len);
    sweep->octets += kept->octets;
}

/** ".DOMAIN", of queue_sts_file_write(). */
static void temporary_judge(const sweep_t *sweep, const char *name)
{
    const char *path = path_make(sweep->one, sweep->dir, name);
    struct stat st;

    if (lstat(path, &st) == 0
        && st.st_mtime + HALF_WRITTEN_SEC < apr_time_sec(sweep->now)) {
        unlink(path);
    }
}

static int earlier(const void *a, const void *b)
{
    apr_time_t left = ((const kept_t *)a)->fetched;
    apr_time_t right = ((const kept_t *)b)->fetched;

    return (left > right) - (left < right);
}

static void oldest_remove(sweep_t *sweep, apr_size_t max_octets)
{
    const kept_t *kept = (const kept_t *)sweep->kept->elts;
    int i;

    if (sweep->octets <= max_octets) {
        return;
    }
    qsort(sweep->kept->elts, sweep->kept->nelts, sizeof(kept_t), earlier);
    for (i = 0; sweep->octets > max_octets; i++) {
        queue_sts_file_remove(sweep->one, sweep->dir, kept[i].domain);
        sweep->octets -= kept[i].octets;
    }
}

void queue_sts_file_sweep(apr_pool_t *p, const char *dir, apr_time_t now,
                          apr_size_t max_octets)
{
    sweep_t sweep = { .p = p, .dir = dir, .now = now };
    DIR *entries = opendir(dir);
    struct dirent *entry;

    if (entries == NULL) {
        return;
    }
    apr_pool_create(&sweep.one, p);
    sweep.kept = apr_array_make(p, 64, sizeof(kept_t));
    while ((entry = readdir(entries)) != NULL) {
        apr_pool_clear(sweep.one);
        if (is_domain(entry->d_name)) {
            file_judge(&sweep, entry->d_name);
        }
        else if (*entry->d_name == '.' && is_domain(entry->d_name + 1)) {
            temporary_judge(&sweep, entry->d_name);
        }
    }
    oldest_remove(&sweep, max_octets);
    apr_pool_destroy(sweep.one);
    closedir(entries);
}
