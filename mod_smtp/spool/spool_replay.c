/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "spool_replay.h"

#include <errno.h>
#include <sys/stat.h>

#include "spool_journal.h"

/* The file that has the mail data. */
static apr_status_t open_content(int dir, apr_pool_t *p,
                                 const store_envelope_t *envelope,
                                 store_content_t **content)
{
    char name[SPOOL_JOURNAL_NAME_OCTETS];
    apr_uint32_t crc;
    struct stat st;
    apr_status_t rv;
    int fd;

    spool_journal_name_write(name, (apr_uint64_t)envelope->file_number,
                             "mail");
    rv = store_io_file_open(dir, name, &fd);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ELOOP ? STORE_EDAMAGED : rv;
    }
    *content = store_content_of_file(p, fd, envelope->file_octets);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)
        || st.st_size != envelope->file_octets) {
        return STORE_EDAMAGED;
    }
    rv = store_content_crc(*content, &crc);
    return rv == APR_SUCCESS && crc != envelope->file_crc ? STORE_EDAMAGED : rv;
}

/* The message of the record, held against its checksums. */
static apr_status_t message_read(const spool_replay_t *replay,
                                 const store_record_t *record, apr_pool_t *p,
                                 spool_message_t *message)
{
    const char *payload;
    apr_status_t rv = store_segment_read(replay->segment, p, record,
                                         &payload);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    message->envelope = store_envelope_parse(p, payload,
                                             record->envelope_len);
    if (!message->envelope) {
        return STORE_EDAMAGED;
    }
    message->trace = payload + record->envelope_len;
    message->trace_len = record->trace_len;
    message->content =
        store_content_of_memory(p, message->trace + record->trace_len,
                                record->content_len);
    message->generation = record->generation;
    message->place = record->place;
    return message->envelope->file_number
        ? open_content(replay->dir, p, message->envelope, &message->content)
        : APR_SUCCESS;
}

apr_status_t spool_replay_hand_over(spool_replay_t *replay,
                                    const store_record_t *record)
{
    int is_new;
    apr_status_t rv;

    if (!(record->flags & STORE_RECORD_SENT)) {
        return APR_SUCCESS;
    }
    rv = spool_queue_offer(replay->queue, replay->name, replay->segment,
                           record->place, &is_new);
    replay->handed_over += (unsigned int)is_new;
    return rv;
}

apr_status_t spool_replay(spool_replay_t *replay,
                          const store_record_t *record, apr_pool_t *p,
                          spool_maildir_how_e how)
{
    spool_message_t message = { 0 };
    apr_status_t rv = message_read(replay, record, p, &message), first;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    first = spool_replay_hand_over(replay, record);
    if (!(record->flags & STORE_RECORD_NO_MAILDIR)) {
        rv = spool_maildir_deliver(replay->maildir, p, &message, how,
                                   replay->found);
    }
    return first == APR_SUCCESS ? rv : first;
}
