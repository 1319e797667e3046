/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "smtp_address.h"
#include "smtp_params.h"
#include "spool_lines.h"
#include "spool_mailbox.h"
#include "spool_name.h"

#define BUFFER_MAX_OCTETS (64 * 1024)
#define NAME_OCTETS 160

struct spool_maildir_t {
    spool_mailbox_cache_t *mailboxes;
};

/* One delivery of one message to one mailbox. */
typedef struct copy_t {
    const spool_message_t *message;
    const store_mailbox_t *mailbox;
    const char *base;            /* the file's name, sizes left out */
    char *buffer;
    apr_size_t size;
    apr_size_t used;
    int fd;
    apr_off_t written;
    spool_lines_t lines;
} copy_t;

apr_status_t spool_maildir_create(apr_pool_t *p, int mail,
                                  spool_maildir_t **maildir)
{
    *maildir = apr_pcalloc(p, sizeof(**maildir));
    return spool_mailbox_cache_create(p, mail, &(*maildir)->mailboxes);
}

apr_status_t spool_maildir_sync(spool_maildir_t *maildir, unsigned int *seen)
{
    return spool_mailbox_sync(maildir->mailboxes, seen);
}

/* ---- The octets of a copy ---- */

static apr_status_t flush(copy_t *copy)
{
    apr_status_t rv = store_io_pwrite(copy->fd, copy->buffer, copy->used,
                                      copy->written);

    copy->written += (apr_off_t)copy->used;
    copy->used = 0;
    return rv;
}

static apr_status_t take(void *ctx, const char *octets, apr_size_t len)
{
    copy_t *copy = ctx;

    while (len) {
        apr_size_t room = copy->size - copy->used;
        apr_size_t n;

        if (room <= SPOOL_LINES_HELD_MAX) {
            apr_status_t rv = flush(copy);

            if (rv != APR_SUCCESS) {
                return rv;
            }
            continue;
        }
        n = room - SPOOL_LINES_HELD_MAX;
        n = len < n ? len : n;
        copy->used += spool_lines_push(&copy->lines, octets, n,
                                       copy->buffer + copy->used);
        octets += n;
        len -= n;
    }
    return APR_SUCCESS;
}

static apr_status_t take_string(copy_t *copy, const char *s)
{
    return take(copy, s, strlen(s));
}

/* What final delivery puts on top (RFC 5321 4.4), and our trace. */
static apr_status_t take_top(copy_t *copy)
{
    const spool_message_t *message = copy->message;
    const char *const strings[] = {
        "Return-Path: <", message->envelope->reverse_path,
        ">\r\nDelivered-To: ", copy->mailbox->delivered_to, "\r\n"
    };
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    for (i = 0; rv == APR_SUCCESS && i < sizeof(strings) / sizeof(char *);
         i++) {
        rv = take_string(copy, strings[i]);
    }
    return rv == APR_SUCCESS ? take(copy, message->trace, message->trace_len)
                             : rv;
}

static apr_status_t write_copy(copy_t *copy)
{
    const store_envelope_t *envelope = copy->message->envelope;
    unsigned int flags = envelope->body == SMTP_BODY_BINARYMIME
                       ? SPOOL_LINES_BINARY : 0;
    apr_off_t bare_lf;
    apr_status_t rv;

    copy->used = 0;
    copy->written = 0;
    spool_lines_init(&copy->lines, flags);
    rv = take_top(copy);
    bare_lf = copy->lines.bare_lf;
    if (envelope->flags & STORE_ENVELOPE_HAS_RETURN_PATH) {
        flags |= SPOOL_LINES_DROP_RETURN_PATH;
    }
    spool_lines_init(&copy->lines, flags);
    if (rv == APR_SUCCESS) {
        rv = store_content_each(copy->message->content, take, copy);
    }
    if (rv == APR_SUCCESS) {
        /* take() leaves room for it. */
        copy->used += spool_lines_finish(&copy->lines,
                                         copy->buffer + copy->used);
        rv = flush(copy);
    }
    copy->lines.bare_lf += bare_lf;
    return rv;
}

/* ---- Names ---- */

static const char *base_name(apr_pool_t *p, const spool_message_t *message)
{
    return apr_psprintf(p, "%" APR_TIME_T_FMT ".g%016" APR_UINT64_T_HEX_FMT
                        "p%" APR_UINT64_T_HEX_FMT ".spool",
                        apr_time_sec(message->envelope->arrived),
                        message->generation, message->place);
}

static void full_name(const copy_t *copy, char name[NAME_OCTETS])
{
    apr_snprintf(name, NAME_OCTETS,
                 "%s,S=%" APR_OFF_T_FMT ",W=%" APR_OFF_T_FMT, copy->base,
                 copy->written, copy->written + copy->lines.bare_lf);
}

/* Notes the files of a directory: base name -> path below the Maildir. */
static apr_status_t scan(apr_pool_t *p, int fd, const char *subdir,
                         const char *tag, apr_hash_t *names)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;

    if (!dir) {
        int error = errno;

        close(fd);
        return error;
    }
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        apr_size_t len = strcspn(entry->d_name, ",:");

        if (strstr(entry->d_name, tag)) {
            apr_hash_set(names, apr_pstrmemdup(p, entry->d_name, len),
                         (apr_ssize_t)len,
                         apr_pstrcat(p, subdir, "/", entry->d_name, NULL));
        }
    }
    fd = errno;
    closedir(dir);
    return fd;
}

/* All copies of the segment's messages that the mailbox has; read once. A
 * file that moves from new to cur meanwhile is seen once at least. */
static apr_status_t found_in(spool_maildir_t *maildir, const char *path,
                             const spool_message_t *message,
                             spool_maildir_found_t *found,
                             apr_hash_t **names)
{
    static const char *const subdirs[] = { "new", "cur" };
    apr_pool_t *p = apr_hash_pool_get(found);
    const char *tag = apr_psprintf(p, ".g%016" APR_UINT64_T_HEX_FMT "p",
                                   message->generation);
    int i;

    *names = apr_hash_get(found, path, APR_HASH_KEY_STRING);
    if (*names) {
        return APR_SUCCESS;
    }
    *names = apr_hash_make(p);
    for (i = 0; i < 2; i++) {
        int fd;
        apr_status_t rv = spool_mailbox_subdir_open(maildir->mailboxes, path,
                                                    subdirs[i], &fd);

        if (rv == APR_SUCCESS) {
            rv = scan(p, fd, subdirs[i], tag, *names);
        }
        if (rv != APR_SUCCESS && rv != ENOENT) {
            return rv;
        }
    }
    apr_hash_set(found, apr_pstrdup(p, path), APR_HASH_KEY_STRING, *names);
    return APR_SUCCESS;
}

/* ---- Delivery ---- */

static apr_status_t create_copy(copy_t *copy, spool_mailbox_dirs_t *dirs)
{
    char name[NAME_OCTETS];
    store_io_temp_t temp;
    apr_status_t rv = store_io_temp_open(&temp, dirs->temp, copy->base);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    copy->fd = temp.fd;
    rv = write_copy(copy);
    if (rv == APR_SUCCESS) {
        full_name(copy, name);
        rv = store_io_temp_link(&temp, dirs->fresh, name);
    }
    store_io_temp_close(&temp);
    /* The name is of this copy only: who came before did our work. */
    return rv == EEXIST ? APR_SUCCESS : rv;
}

/* Whether the Maildir was removed while we had it open. EPERM is ext4's word
 * for O_TMPFILE in such a directory. */
static int is_gone(apr_status_t rv)
{
    return rv == ENOENT || rv == EPERM;
}

static apr_status_t deliver_copy(spool_maildir_t *maildir, copy_t *copy,
                                 const char *path)
{
    apr_status_t rv = ENOENT;
    int i;

    for (i = 0; i < 2 && is_gone(rv); i++) {
        spool_mailbox_dirs_t *dirs;

        rv = spool_mailbox_open(maildir->mailboxes, path, &dirs);
        if (rv == APR_SUCCESS) {
            rv = create_copy(copy, dirs);
            spool_mailbox_close(maildir->mailboxes, dirs, is_gone(rv));
        }
    }
    return rv;
}

/* Writes the same octets into the file again: whoever reads it meanwhile
 * sees no difference. */
static apr_status_t repair_copy(spool_maildir_t *maildir, copy_t *copy,
                                const char *path, const char *old)
{
    const char subdir[] = { old[0], old[1], old[2], '\0' };
    int dir;
    apr_status_t rv = spool_mailbox_subdir_open(maildir->mailboxes, path,
                                                subdir, &dir);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_io_file_open(dir, old + sizeof(subdir), &copy->fd);
    if (rv == APR_SUCCESS) {
        rv = write_copy(copy);
        if (rv == APR_SUCCESS) {
            rv = store_io_fsync(copy->fd);
        }
        close(copy->fd);
    }
    if (rv == APR_SUCCESS) {
        rv = store_io_fsync(dir);
    }
    close(dir);
    return rv;
}

/* The cache remembers the file system of what it opens: the sync answers for
 * copies that are found, or were moved elsewhere by their reader, too. */
static apr_status_t visit(spool_maildir_t *maildir, const char *path)
{
    spool_mailbox_dirs_t *dirs;
    apr_status_t rv = spool_mailbox_open(maildir->mailboxes, path, &dirs);

    if (rv == APR_SUCCESS) {
        spool_mailbox_close(maildir->mailboxes, dirs, 0);
    }
    return rv;
}

static apr_status_t deliver_once_more(spool_maildir_t *maildir,
                                      copy_t *copy, const char *path,
                                      spool_maildir_how_e how,
                                      spool_maildir_found_t *found)
{
    apr_hash_t *names;
    const char *old;
    apr_status_t rv = visit(maildir, path);

    if (rv == APR_SUCCESS) {
        rv = found_in(maildir, path, copy->message, found, &names);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    old = apr_hash_get(names, copy->base, APR_HASH_KEY_STRING);
    if (!old) {
        return how == SPOOL_MAILDIR_DONE ? APR_SUCCESS
                                         : deliver_copy(maildir, copy, path);
    }
    return how == SPOOL_MAILDIR_AGAIN
        ? APR_SUCCESS : repair_copy(maildir, copy, path, old);
}

static apr_status_t deliver_to(spool_maildir_t *maildir, copy_t *copy,
                               const char *path, spool_maildir_how_e how,
                               spool_maildir_found_t *found)
{
    apr_status_t rv = ENOENT;
    int i;

    if (how == SPOOL_MAILDIR_FIRST) {
        return deliver_copy(maildir, copy, path);
    }
    /* Its reader may move a copy between our look and our hand. */
    for (i = 0; i < 2 && rv == ENOENT; i++) {
        rv = deliver_once_more(maildir, copy, path, how, found);
        if (rv == ENOENT) {
            apr_hash_set(found, path, APR_HASH_KEY_STRING, NULL);
        }
    }
    return rv;
}

/* A buffer that takes a small message whole: one write. */
static void buffer_make(copy_t *copy, apr_pool_t *p)
{
    const spool_message_t *message = copy->message;
    apr_off_t octets = message->content->octets
        + (apr_off_t)message->trace_len + 2 * SMTP_ADDRESS_PATH_MAX_OCTETS
        + 64 + 2 * SPOOL_LINES_HELD_MAX;

    copy->size = octets < BUFFER_MAX_OCTETS ? (apr_size_t)octets
                                            : BUFFER_MAX_OCTETS;
    copy->buffer = apr_palloc(p, copy->size);
}

/* Whether the mailbox had its copy; from now on it had. */
static int is_repeated(apr_hash_t *done, const char *path)
{
    if (apr_hash_get(done, path, APR_HASH_KEY_STRING)) {
        return 1;
    }
    apr_hash_set(done, path, APR_HASH_KEY_STRING, path);
    return 0;
}

/* A delivery of one message to all its Maildirs. */
typedef struct round_t {
    spool_maildir_t *maildir;
    apr_pool_t *p;
    copy_t copy;
    apr_hash_t *done;            /* paths */
    spool_maildir_how_e how;
    spool_maildir_found_t *found;
} round_t;

static apr_status_t deliver_mailbox(round_t *round,
                                    const store_mailbox_t *mailbox)
{
    const char *path;

    if (store_envelope_is_mailbox_sent(mailbox)) {
        return APR_SUCCESS;
    }
    path = spool_name_path(round->p, mailbox->domain, mailbox->name);
    if (!path) {
        return ENAMETOOLONG;
    }
    if (is_repeated(round->done, path)) {
        return APR_SUCCESS;
    }
    round->copy.mailbox = mailbox;
    return deliver_to(round->maildir, &round->copy, path, round->how,
                      round->found);
}

apr_status_t spool_maildir_deliver(spool_maildir_t *maildir, apr_pool_t *p,
                                   const spool_message_t *message,
                                   spool_maildir_how_e how,
                                   spool_maildir_found_t *found)
{
    const apr_array_header_t *recipients = message->envelope->recipients;
    round_t round = { maildir, p, { 0 }, apr_hash_make(p), how, found };
    apr_status_t first = APR_SUCCESS;
    int i, j;

    round.copy.message = message;
    round.copy.base = base_name(p, message);
    buffer_make(&round.copy, p);
    for (i = 0; i < recipients->nelts; i++) {
        const apr_array_header_t *mailboxes =
            APR_ARRAY_IDX(recipients, i, store_recipient_t).mailboxes;

        for (j = 0; j < mailboxes->nelts; j++) {
            apr_status_t rv =
                deliver_mailbox(&round, &APR_ARRAY_IDX(mailboxes, j,
                                                       store_mailbox_t));

            if (first == APR_SUCCESS) {
                first = rv;
            }
        }
    }
    return first;
}
