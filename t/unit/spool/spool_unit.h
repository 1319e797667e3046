/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_unit.h
 * A spool in a directory of the test's own, gone when its pool goes.
 */
#ifndef SPOOL_UNIT_H
#define SPOOL_UNIT_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "unit.h"

#include "spool_checkpoint.h"
#include "spool_journal.h"
#include "spool_maildir.h"
#include "spool_recovery.h"

typedef struct spool_unit_t {
    apr_pool_t *p;
    const char *path;
    int journal_fd;
    int mail_fd;
    store_log_t log;
    char logged[8192];           /**< lines at warn and above */
    store_damaged_t damaged;
    spool_journal_t *journal;
    spool_maildir_t *maildir;
    spool_recovery_t recovery;
    apr_time_t now;              /**< of the last spool_unit_retry() */
} spool_unit_t;

static inline void spool_unit_log(void *ctx, store_log_level_e level,
                                  apr_status_t rv, const char *line)
{
    spool_unit_t *u = ctx;
    size_t used = strlen(u->logged);

    (void)rv;
    if (level <= STORE_LOG_WARNING) {
        snprintf(u->logged + used, sizeof(u->logged) - used, "%s\n", line);
    }
}

static inline int spool_unit_remove_one(const char *path,
                                        const struct stat *st, int type,
                                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline apr_status_t spool_unit_remove(void *path)
{
    nftw(path, spool_unit_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return APR_SUCCESS;
}

static inline int spool_unit_dir(spool_unit_t *u, const char *name)
{
    const char *path = apr_pstrcat(u->p, u->path, "/", name, NULL);
    int fd;

    assert_int_equal(mkdir(path, 0700), 0);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/** A process's parts: journal, Maildirs, recovery. */
static inline void spool_unit_process(spool_unit_t *u,
                                      apr_uint64_t segment_octets)
{
    assert_int_equal(spool_journal_create(u->p, u->journal_fd,
                                          segment_octets, &u->log,
                                          &u->journal), 0);
    assert_int_equal(spool_maildir_create(u->p, u->mail_fd, &u->maildir), 0);
    memset(&u->recovery, 0, sizeof(u->recovery));
    u->recovery.journal = u->journal_fd;
    u->recovery.maildir = u->maildir;
    u->recovery.damaged = &u->damaged;
    u->recovery.log = &u->log;
    store_segment_boot_get(u->recovery.boot);
}

static inline spool_unit_t *spool_unit_create(apr_pool_t *p)
{
    spool_unit_t *u = apr_pcalloc(p, sizeof(*u));
    const char *temp;
    char *path;

    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    path = apr_pstrcat(p, temp, "/spool-test-XXXXXX", NULL);
    assert_non_null(mkdtemp(path));
    apr_pool_cleanup_register(p, path, spool_unit_remove,
                              apr_pool_cleanup_null);
    u->p = p;
    u->path = path;
    u->log.write = spool_unit_log;
    u->log.ctx = u;
    u->journal_fd = spool_unit_dir(u, "journal");
    u->mail_fd = spool_unit_dir(u, "mail");
    u->damaged.dir = spool_unit_dir(u, "damaged");
    u->damaged.log = &u->log;
    spool_unit_process(u, 1024 * 1024);
    return u;
}

/** The process is gone without a word, as by SIGKILL: its lock goes, its files
 *  stay. Another one begins. */
static inline void spool_unit_crash(spool_unit_t *u)
{
    if (u->journal->dir >= 0) {
        close(u->journal->dir);
    }
    spool_unit_process(u, 1024 * 1024);
}

/** An envelope to one mailbox NAME@example.com. */
static inline store_envelope_t *spool_unit_envelope(apr_pool_t *p,
                                                    const char *name)
{
    store_envelope_t *envelope = store_envelope_create(p);
    store_recipient_t *recipient = store_envelope_recipient_add(p, envelope);
    store_mailbox_t *mailbox = store_envelope_mailbox_add(recipient);

    envelope->id = "id1";
    envelope->reverse_path = "sender@example.org";
    envelope->arrived = apr_time_from_sec(1700000000);
    recipient->forward_path = apr_pstrcat(p, name, "@example.com", NULL);
    mailbox->domain = "example.com";
    mailbox->name = name;
    mailbox->delivered_to = recipient->forward_path;
    return envelope;
}

/** The same, sent on: to NAME@example.net alone, or if @a name is not NULL to a
 *  mailbox NAME@example.com too. */
static inline store_envelope_t *spool_unit_envelope_sent(apr_pool_t *p,
                                                         const char *name)
{
    store_envelope_t *envelope = spool_unit_envelope(p, name ? name : "");
    store_recipient_t *recipient;

    if (!name) {
        apr_array_clear(envelope->recipients);
    }
    recipient = store_envelope_recipient_add(p, envelope);
    recipient->forward_path = "dave@example.net";
    recipient->is_relayed = 1;
    return envelope;
}

#define SPOOL_UNIT_TRACE "Received: by mx\r\n\tid 1\r\n"

/** Makes a record of an envelope, the trace above and a text. */
static inline spool_entry_t *spool_unit_entry(apr_pool_t *p,
                                              store_envelope_t *envelope,
                                              const char *text)
{
    spool_entry_t *entry = apr_pcalloc(p, sizeof(*entry));
    struct iovec *pieces = apr_pcalloc(p, 3 * sizeof(*pieces));
    store_record_t *record = &entry->record;
    apr_size_t len;
    int i;

    pieces[0].iov_base = (char *)store_envelope_write(p, envelope, &len);
    pieces[0].iov_len = len;
    pieces[1].iov_base = (char *)SPOOL_UNIT_TRACE;
    pieces[1].iov_len = strlen(SPOOL_UNIT_TRACE);
    pieces[2].iov_base = (char *)text;
    pieces[2].iov_len = strlen(text);
    record->envelope_len = (apr_uint32_t)len;
    record->trace_len = (apr_uint32_t)pieces[1].iov_len;
    record->content_len = (apr_uint32_t)pieces[2].iov_len;
    for (i = 0; i < 3; i++) {
        record->crc = store_record_crc(record->crc, pieces[i].iov_base,
                                       pieces[i].iov_len);
    }
    entry->pieces = pieces;
    entry->count = 3;
    entry->file_number = envelope->file_number;
    if (store_envelope_is_sent(envelope)) {
        record->flags = STORE_RECORD_SENT;
        record->flags |= store_envelope_is_local(envelope)
                       ? 0 : STORE_RECORD_NO_MAILDIR;
    }
    return entry;
}

/** Commits a message to NAME@example.com. */
static inline spool_entry_t *spool_unit_commit(spool_unit_t *u,
                                               const char *name,
                                               const char *text)
{
    spool_entry_t *entry =
        spool_unit_entry(u->p, spool_unit_envelope(u->p, name), text);

    assert_int_equal(spool_journal_append(u->journal, entry), APR_SUCCESS);
    return entry;
}

static inline void spool_unit_settle(spool_unit_t *u, spool_entry_t *entry,
                                     int is_delivered)
{
    spool_journal_settle(u->journal, entry->segment, &entry->record,
                         is_delivered);
}

/** Commits and delivers, as a session does. */
static inline spool_entry_t *spool_unit_deliver(spool_unit_t *u,
                                                const char *name,
                                                const char *text)
{
    spool_entry_t *entry = spool_unit_commit(u, name, text);
    spool_message_t message = { 0 };

    message.envelope = spool_unit_envelope(u->p, name);
    message.trace = SPOOL_UNIT_TRACE;
    message.trace_len = strlen(SPOOL_UNIT_TRACE);
    message.content = store_content_of_memory(u->p, text, strlen(text));
    message.generation = entry->record.generation;
    message.place = entry->record.place;
    assert_int_equal(spool_maildir_deliver(u->maildir, u->p, &message,
                                           SPOOL_MAILDIR_FIRST, NULL), 0);
    spool_unit_settle(u, entry, 1);
    return entry;
}

/** Names in a directory below the spool. */
static inline apr_array_header_t *spool_unit_names(spool_unit_t *u,
                                                   const char *dir)
{
    apr_array_header_t *names = apr_array_make(u->p, 4, sizeof(char *));
    DIR *handle = opendir(apr_pstrcat(u->p, u->path, "/", dir, NULL));
    struct dirent *entry;

    while (handle && (entry = readdir(handle)) != NULL) {
        if (*entry->d_name != '.') {
            APR_ARRAY_PUSH(names, char *) = apr_pstrdup(u->p, entry->d_name);
        }
    }
    if (handle) {
        closedir(handle);
    }
    return names;
}

static inline int spool_unit_count(spool_unit_t *u, const char *dir)
{
    return spool_unit_names(u, dir)->nelts;
}

/** Messages in new/ of NAME@example.com. */
static inline int spool_unit_mails(spool_unit_t *u, const char *name)
{
    return spool_unit_count(u, apr_pstrcat(u->p, "mail/example.com/", name,
                                           "/new", NULL));
}

/** The octets of a file below the spool, NUL behind them. */
static inline char *spool_unit_read(spool_unit_t *u, const char *name,
                                    apr_size_t *len)
{
    int fd = open(apr_pstrcat(u->p, u->path, "/", name, NULL), O_RDONLY);
    struct stat st;
    char *octets;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    octets = apr_pcalloc(u->p, (apr_size_t)st.st_size + 1);
    assert_int_equal(read(fd, octets, (size_t)st.st_size), st.st_size);
    close(fd);
    if (len) {
        *len = (apr_size_t)st.st_size;
    }
    return octets;
}

/** The only message in new/ of NAME@example.com. */
static inline char *spool_unit_mail(spool_unit_t *u, const char *name)
{
    const char *dir = apr_pstrcat(u->p, "mail/example.com/", name, "/new",
                                  NULL);
    apr_array_header_t *names = spool_unit_names(u, dir);

    assert_int_equal(names->nelts, 1);
    return spool_unit_read(u, apr_pstrcat(u->p, dir, "/",
                                          APR_ARRAY_IDX(names, 0, char *),
                                          NULL), NULL);
}

/** What stands above a message to NAME@example.com in its Maildir. */
static inline const char *spool_unit_top(apr_pool_t *p, const char *name)
{
    return apr_pstrcat(p, "Return-Path: <sender@example.org>\n"
                       "Delivered-To: ", name, "@example.com\n"
                       "Received: by mx\n\tid 1\n", NULL);
}

static inline void spool_unit_recover(spool_unit_t *u)
{
    apr_pool_t *p;

    assert_int_equal(apr_pool_create(&p, u->p), APR_SUCCESS);
    assert_int_equal(spool_recovery_run(&u->recovery, p), APR_SUCCESS);
    apr_pool_destroy(p);
}

static inline apr_status_t spool_unit_checkpoint(spool_unit_t *u)
{
    apr_pool_t *p;
    apr_status_t rv;

    assert_int_equal(apr_pool_create(&p, u->p), APR_SUCCESS);
    rv = spool_checkpoint(u->journal, u->maildir, p);
    apr_pool_destroy(p);
    return rv;
}

/** When nothing has to wait any longer. */
static inline apr_status_t spool_unit_retry(spool_unit_t *u)
{
    apr_pool_t *p;
    apr_status_t rv;

    assert_int_equal(apr_pool_create(&p, u->p), APR_SUCCESS);
    u->now += SPOOL_CHECKPOINT_RETRY_LAST;
    rv = spool_checkpoint_retry(u->journal, u->maildir, &u->damaged, u->now,
                                p);
    apr_pool_destroy(p);
    return rv;
}

#endif
