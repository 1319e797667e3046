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

apr_status_t spool_replay(spool_maildir_t *maildir, int dir,
                          store_segment_t *segment,
                          const store_record_t *record, apr_pool_t *p,
                          spool_maildir_how_e how,
                          spool_maildir_found_t *found)
{
    spool_message_t message = { 0 };
    const char *payload;
    apr_status_t rv = store_segment_read(segment, p, record, &payload);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    message.envelope = store_envelope_parse(p, payload,
                                            record->envelope_len);
    if (!message.envelope) {
        return STORE_EDAMAGED;
    }
    message.trace = payload + record->envelope_len;
    message.trace_len = record->trace_len;
    message.content =
        store_content_of_memory(p, message.trace + record->trace_len,
                                record->content_len);
    message.generation = record->generation;
    message.place = record->place;
    if (message.envelope->file_number) {
        rv = open_content(dir, p, message.envelope, &message.content);
    }
    if (rv == APR_SUCCESS) {
        rv = spool_maildir_deliver(maildir, p, &message, how, found);
    }
    return rv;
}
