/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"
#include "store_record.h"

#define DIRS            256u
#define BLOCK_OCTETS    (64u * 1024)
/* No envelope is larger than a segment may be. */
#define ENVELOPE_MAX    (1024u * 1024 * 1024)

/* ---- Directories ---- */

/* They get a sixteenth of the files that there may be. */
static unsigned int open_max_get(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= 16 * DIRS) {
        return DIRS;
    }
    return limit.rlim_cur < 32 ? 2 : (unsigned int)limit.rlim_cur / 16;
}

void store_file_dirs_begin(store_file_dirs_t *dirs, int queue)
{
    unsigned int i;

    memset(dirs, 0, sizeof(*dirs));
    dirs->queue = queue;
    dirs->open_max = open_max_get();
    for (i = 0; i < DIRS; i++) {
        dirs->fds[i] = -1;
    }
}

static void dir_close(store_file_dirs_t *dirs, unsigned int dir)
{
    if (dirs->fds[dir] >= 0) {
        close(dirs->fds[dir]);
        dirs->fds[dir] = -1;
        dirs->open--;
    }
}

void store_file_dirs_end(store_file_dirs_t *dirs)
{
    unsigned int i;

    for (i = 0; i < DIRS; i++) {
        dir_close(dirs, i);
    }
}

static int is_our_dir(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid == geteuid()
        && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static apr_status_t dir_open(store_file_dirs_t *dirs, unsigned int dir,
                             int is_made)
{
    char name[3];
    apr_status_t rv;
    int fd;

    store_queued_dir_write(name, dir);
    rv = is_made ? store_io_dir_make(dirs->queue, name, &fd)
                 : store_io_dir_open(dirs->queue, name, &fd);
    if (rv != APR_SUCCESS) {
        return rv == ELOOP ? ENOTDIR : rv;
    }
    if (!is_our_dir(fd)) {
        close(fd);
        return ENOTDIR;
    }
    dirs->fds[dir] = fd;
    dirs->open++;
    return APR_SUCCESS;
}

apr_status_t store_file_dirs_get(store_file_dirs_t *dirs, unsigned int dir,
                                 int is_made, int *fd)
{
    apr_status_t rv = APR_SUCCESS;

    while (dirs->fds[dir] < 0 && dirs->open >= dirs->open_max) {
        dir_close(dirs, dirs->hand);
        dirs->hand = (dirs->hand + 1) % DIRS;
    }
    if (dirs->fds[dir] < 0) {
        rv = dir_open(dirs, dir, is_made);
    }
    *fd = dirs->fds[dir];
    return rv;
}

static apr_status_t dir_of(store_file_dirs_t *dirs, const char *id, int is_made,
                           int *fd)
{
    return store_file_dirs_get(dirs, store_queued_dir(id), is_made, fd);
}

/* ---- Opening and removing ---- */

static int is_ours(int fd, apr_uint64_t *octets)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid()
        || (st.st_mode & 07777) != 0600 || st.st_nlink != 1) {
        return 0;
    }
    *octets = (apr_uint64_t)st.st_size;
    return 1;
}

/* Whether the error says that it is no file as we make them. */
static int is_strange(apr_status_t rv)
{
    return rv == ELOOP || rv == EISDIR || rv == ENXIO || rv == EACCES
        || rv == EPERM;
}

apr_status_t store_file_open(store_file_dirs_t *dirs, const char *id, int *fd,
                             apr_uint64_t *octets)
{
    apr_status_t rv;
    int dir;

    *fd = -1;
    *octets = 0;
    rv = dir_of(dirs, id, 0, &dir);
    if (rv == APR_SUCCESS) {
        rv = store_io_file_open(dir, id, fd);
    }
    if (rv != APR_SUCCESS) {
        return is_strange(rv) ? STORE_EDAMAGED : rv;
    }
    if (!is_ours(*fd, octets)) {
        close(*fd);
        *fd = -1;
        return STORE_EDAMAGED;
    }
    return APR_SUCCESS;
}

static apr_status_t unlink_at(int dir, const char *name)
{
    return unlinkat(dir, name, 0) && errno != ENOENT ? errno : APR_SUCCESS;
}

apr_status_t store_file_remove(store_file_dirs_t *dirs, const char *id)
{
    int dir;
    apr_status_t rv = dir_of(dirs, id, 0, &dir);

    if (rv != APR_SUCCESS) {
        return rv == ENOENT ? APR_SUCCESS : rv;
    }
    return unlink_at(dir, id);
}

/* ---- Writing ---- */

static void new_name(char name[STORE_QUEUED_NAME_OCTETS], const char *id)
{
    apr_snprintf(name, STORE_QUEUED_NAME_OCTETS, "%s" STORE_FILE_NEW, id);
}

/* Makes ID.new; one may be there that a dead process left. */
static apr_status_t new_create(int dir, const char *id, int *fd)
{
    char name[STORE_QUEUED_NAME_OCTETS];
    apr_status_t rv;

    new_name(name, id);
    rv = store_io_file_create(dir, name, fd);
    if (rv == EEXIST) {
        rv = unlink_at(dir, name);
        if (rv == APR_SUCCESS) {
            rv = store_io_file_create(dir, name, fd);
        }
    }
    return rv;
}

static struct iovec notes_octets(const store_queued_note_t *notes, int count,
                                 apr_pool_t *p)
{
    struct iovec piece = { NULL, 0 };
    int i;

    for (i = 0; i < count; i++) {
        piece.iov_len += store_queued_note_size(&notes[i]);
    }
    piece.iov_base = apr_palloc(p, piece.iov_len + 1);
    piece.iov_len = 0;
    for (i = 0; i < count; i++) {
        piece.iov_len += store_queued_note_write(
            (unsigned char *)piece.iov_base + piece.iov_len, &notes[i]);
    }
    return piece;
}

/* The same by reading and writing. */
static apr_status_t copy_blocks(const store_file_source_t *source, int fd,
                                apr_uint64_t done, apr_uint64_t to,
                                apr_pool_t *p)
{
    char *block = apr_palloc(p, BLOCK_OCTETS);
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && done < source->content_len) {
        apr_uint64_t left = source->content_len - done;
        apr_size_t n = left < BLOCK_OCTETS ? (apr_size_t)left : BLOCK_OCTETS;

        rv = store_io_pread(source->fd, block, n,
                            source->fd_at + (apr_off_t)done);
        if (rv == APR_SUCCESS) {
            rv = store_io_pwrite(fd, block, n, (apr_off_t)(to + done));
        }
        done += n;
    }
    return rv == APR_EOF ? STORE_EDAMAGED : rv;
}

/* Copies mail data from a file. Where the kernel cannot, as between file
 * systems, we do. */
static apr_status_t copy(const store_file_source_t *source, int fd,
                         apr_uint64_t to, apr_pool_t *p)
{
    apr_uint64_t done = 0;

    while (done < source->content_len) {
        off_t in = source->fd_at + (apr_off_t)done;
        off_t out = (off_t)(to + done);
        ssize_t n = copy_file_range(source->fd, &in, fd, &out,
                                    (size_t)(source->content_len - done), 0);

        if (n == 0) {
            return STORE_EDAMAGED; /* it is shorter than it should be */
        }
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO
                      || errno == EFBIG)) {
            return errno;
        }
        if (n < 0 && errno != EINTR) {
            return copy_blocks(source, fd, done, to, p);
        }
        done += n > 0 ? (apr_uint64_t)n : 0;
    }
    return APR_SUCCESS;
}

static void header_make(const store_file_source_t *source,
                        const struct iovec *envelope,
                        unsigned char octets[STORE_QUEUED_HEADER_OCTETS],
                        store_queued_header_t *header)
{
    header->envelope_len = (apr_uint32_t)envelope->iov_len;
    header->envelope_crc = store_record_crc(0, envelope->iov_base,
                                            envelope->iov_len);
    header->trace_len = source->trace_len;
    header->trace_crc = store_record_crc(0, source->trace,
                                         source->trace_len);
    header->content_len = source->content_len;
    header->content_crc = source->content
        ? store_record_crc(0, source->content,
                           (apr_size_t)source->content_len)
        : source->content_crc;
    store_queued_header_write(header, octets);
}

/* One call for all but mail data that is in a file. */
static apr_status_t fill(int fd, const store_file_source_t *source,
                         apr_pool_t *p)
{
    unsigned char octets[STORE_QUEUED_HEADER_OCTETS];
    store_queued_header_t header;
    struct iovec pieces[5];
    int count = 3;
    apr_status_t rv;

    pieces[1].iov_base = (char *)store_envelope_write(p, source->envelope,
                                                      &pieces[1].iov_len);
    header_make(source, &pieces[1], octets, &header);
    pieces[0].iov_base = octets;
    pieces[0].iov_len = sizeof(octets);
    pieces[2].iov_base = (char *)source->trace;
    pieces[2].iov_len = source->trace_len;
    if (source->content) {
        pieces[count].iov_base = (char *)source->content;
        pieces[count++].iov_len = (size_t)source->content_len;
        pieces[count++] = notes_octets(source->notes, source->note_count, p);
    }
    rv = store_io_pwritev(fd, pieces, count, 0);
    if (rv == APR_SUCCESS && !source->content) {
        rv = copy(source, fd, store_queued_content_at(&header), p);
        if (rv == APR_SUCCESS) {
            rv = store_file_append(fd, store_queued_notes_at(&header),
                                   source->notes, source->note_count, p);
        }
    }
    return rv;
}

apr_status_t store_file_write_new(store_file_dirs_t *dirs, const char *id,
                                  const store_file_source_t *source,
                                  apr_pool_t *p, int *fd)
{
    apr_status_t rv;
    int dir;

    *fd = -1;
    rv = dir_of(dirs, id, 1, &dir);
    if (rv == APR_SUCCESS) {
        rv = new_create(dir, id, fd);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = fill(*fd, source, p);
    if (rv != APR_SUCCESS) {
        close(*fd);
        *fd = -1;
        store_file_remove_new(dirs, id);
    }
    return rv;
}

apr_status_t store_file_rename_new(store_file_dirs_t *dirs, const char *id)
{
    char name[STORE_QUEUED_NAME_OCTETS];
    int dir;
    apr_status_t rv = dir_of(dirs, id, 0, &dir);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    new_name(name, id);
    return renameat(dir, name, dir, id) ? errno : APR_SUCCESS;
}

void store_file_remove_new(store_file_dirs_t *dirs, const char *id)
{
    char name[STORE_QUEUED_NAME_OCTETS];
    int dir;

    if (dir_of(dirs, id, 0, &dir) == APR_SUCCESS) {
        new_name(name, id);
        unlinkat(dir, name, 0);
    }
}

apr_status_t store_file_write(store_file_dirs_t *dirs, const char *id,
                              const store_file_source_t *source,
                              apr_pool_t *p)
{
    int fd;
    apr_status_t rv = store_file_write_new(dirs, id, source, p, &fd);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    close(fd);
    rv = store_file_rename_new(dirs, id);
    if (rv != APR_SUCCESS) {
        store_file_remove_new(dirs, id);
    }
    return rv;
}

apr_status_t store_file_append(int fd, apr_uint64_t octets,
                               const store_queued_note_t *notes, int count,
                               apr_pool_t *p)
{
    struct iovec piece = notes_octets(notes, count, p);
    apr_status_t rv = store_io_pwrite(fd, piece.iov_base, piece.iov_len,
                                      (apr_off_t)octets);

    /* Of several notes some may be whole. If they cannot be taken back
     * either, they are true all the same. */
    if (rv != APR_SUCCESS && ftruncate(fd, (off_t)octets)) {
        return rv;
    }
    return rv;
}

/* ---- Reading ---- */

static apr_status_t head_damaged(store_file_head_t *head, const char *why)
{
    head->why = why;
    return STORE_EDAMAGED;
}

static apr_status_t header_read(int fd, apr_uint64_t octets, char *first,
                                store_file_head_t *head)
{
    apr_size_t n = octets < STORE_FILE_FIRST_OCTETS
                 ? (apr_size_t)octets : STORE_FILE_FIRST_OCTETS;
    apr_status_t rv;

    if (n < STORE_QUEUED_HEADER_OCTETS) {
        return head_damaged(head, "shorter than a header");
    }
    rv = store_io_pread(fd, first, n, 0);
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? head_damaged(head, "cut while it was read")
                             : rv;
    }
    switch (store_queued_header_parse((unsigned char *)first,
                                      &head->header)) {
    case STORE_QUEUED_OK:
        return store_queued_notes_at(&head->header) > octets
            || head->header.envelope_len > ENVELOPE_MAX
            ? head_damaged(head, "shorter than its header says")
            : APR_SUCCESS;
    case STORE_QUEUED_VERSION:
        return head_damaged(head, "of another version of mod_smtp");
    default:
        return head_damaged(head, "its header is damaged");
    }
}

/* The octets of the envelope: among the first ones, or read. */
static apr_status_t envelope_read(int fd, const char *first, apr_pool_t *p,
                                  const store_queued_header_t *header,
                                  const char **octets)
{
    char *more;

    *octets = first + STORE_QUEUED_HEADER_OCTETS;
    if (store_queued_trace_at(header) <= STORE_FILE_FIRST_OCTETS) {
        return APR_SUCCESS;
    }
    *octets = more = apr_palloc(p, header->envelope_len);
    return store_io_pread(fd, more, header->envelope_len,
                          STORE_QUEUED_HEADER_OCTETS);
}

apr_status_t store_file_head_read(int fd, apr_uint64_t octets,
                                  const char *id, char *first,
                                  apr_pool_t *p, store_file_head_t *head)
{
    const char *envelope = NULL;
    apr_status_t rv;

    memset(head, 0, sizeof(*head));
    rv = header_read(fd, octets, first, head);
    if (rv == APR_SUCCESS) {
        rv = envelope_read(fd, first, p, &head->header, &envelope);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? head_damaged(head, "cut while it was read")
                             : rv;
    }
    if (store_record_crc(0, envelope, head->header.envelope_len)
        == head->header.envelope_crc) {
        head->envelope = store_envelope_parse(p, envelope,
                                              head->header.envelope_len);
    }
    if (!head->envelope || head->envelope->file_number) {
        return head_damaged(head, "its envelope is damaged");
    }
    if (strcmp(head->envelope->id, id)) {
        return head_damaged(head, "it has the name of another message");
    }
    head->recipients = store_queued_recipients(p, head->envelope);
    return head->recipients->nelts
        ? APR_SUCCESS : head_damaged(head, "nobody is to get it");
}

/* Notes that are more than one read gives. */
static apr_status_t notes_read_long(int fd, apr_uint64_t at,
                                    apr_uint64_t octets, apr_pool_t *p,
                                    store_queued_replay_t *replay)
{
    char *block = apr_palloc(p, BLOCK_OCTETS);
    apr_size_t have = 0;

    while (at < octets) {
        apr_size_t room = BLOCK_OCTETS - have, done;
        apr_size_t n = octets - at < room ? (apr_size_t)(octets - at) : room;
        apr_status_t rv = store_io_pread(fd, block + have, n, (apr_off_t)at);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        at += n;
        have += n;
        done = store_queued_replay(replay, block, have, at == octets);
        memmove(block, block + done, have - done);
        have -= done;
    }
    return APR_SUCCESS;
}

apr_status_t store_file_notes_read(int fd, apr_uint64_t octets,
                                   const store_file_head_t *head,
                                   const char *first, apr_pool_t *p,
                                   store_queued_replay_t *replay)
{
    apr_uint64_t at = store_queued_notes_at(&head->header);
    apr_uint64_t len = octets - at;
    const char *notes = NULL;
    apr_status_t rv = APR_SUCCESS;

    store_queued_replay_begin(replay, p,
                              (apr_uint32_t)head->recipients->nelts);
    if (len > BLOCK_OCTETS) {
        rv = notes_read_long(fd, at, octets, p, replay);
    }
    else if (len) {
        if (octets > STORE_FILE_FIRST_OCTETS) {
            char *more = apr_palloc(p, (apr_size_t)len);

            notes = more;
            rv = store_io_pread(fd, more, (apr_size_t)len, (apr_off_t)at);
        }
        else {
            notes = first + at;
        }
        if (rv == APR_SUCCESS) {
            store_queued_replay(replay, notes, (apr_size_t)len, 1);
        }
    }
    return rv == APR_EOF ? STORE_EDAMAGED : rv;
}

/* CRC-32 of a part of the file. */
static apr_status_t crc_read(int fd, apr_uint64_t at, apr_uint64_t len,
                             char *block, apr_uint32_t *crc)
{
    apr_status_t rv = APR_SUCCESS;

    *crc = 0;
    while (rv == APR_SUCCESS && len) {
        apr_size_t n = len < BLOCK_OCTETS ? (apr_size_t)len : BLOCK_OCTETS;

        rv = store_io_pread(fd, block, n, (apr_off_t)at);
        if (rv == APR_SUCCESS) {
            *crc = store_record_crc(*crc, block, n);
        }
        at += n;
        len -= n;
    }
    return rv == APR_EOF ? STORE_EDAMAGED : rv;
}

apr_status_t store_file_mail_check(int fd, const store_file_head_t *head,
                                   apr_pool_t *p)
{
    const store_queued_header_t *header = &head->header;
    char *block = apr_palloc(p, BLOCK_OCTETS);
    apr_uint32_t trace_crc = 0, content_crc = 0;
    apr_status_t rv = crc_read(fd, store_queued_trace_at(header),
                               header->trace_len, block, &trace_crc);

    if (rv == APR_SUCCESS) {
        rv = crc_read(fd, store_queued_content_at(header),
                      header->content_len, block, &content_crc);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return trace_crc == header->trace_crc
        && content_crc == header->content_crc ? APR_SUCCESS : STORE_EDAMAGED;
}
