/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_store_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store_io.h"

/* What one call gives at most; mail that is no larger is read at once, and
 * keeps no file open. */
#define BLOCK_OCTETS (32u * 1024)

/* Octets with a checksum: of a file, or of a record. */
typedef struct part_t {
    int fd;                      /* -1: the record */
    apr_uint64_t at;             /* in the file, or in the payload */
    apr_uint64_t len;
    apr_uint32_t crc_begin;      /* of what is before them */
    apr_uint32_t crc_end;        /* what it shall come to */
} part_t;

typedef struct mail_t {
    queue_mail_t pub;
    queue_store_t *store;
    const char *id;
    queue_segment_t *segment;    /* NULL: a file */
    apr_uint64_t place;
    store_segment_t *file;       /* of the segment */
    store_record_t record;
    int fd;                      /* of what part reads; -1: none */
    part_t parts[2];
    int part_count;
    int part;                    /* that is being read */
    apr_uint64_t done;           /* of it */
    apr_uint32_t crc;
    char *block;
    const char *whole;           /* all of it is in memory; else NULL */
    const char *why;             /* it is damaged, for the log */
    unsigned int is_held : 1;    /* the segment stays open for it */
    unsigned int is_damaged : 1;
} mail_t;

static void mail_close(mail_t *mail)
{
    if (mail->fd >= 0) {
        close(mail->fd);
        mail->fd = -1;
    }
    if (mail->is_held) {
        queue_segment_release(mail->segment);
        mail->is_held = 0;
    }
}

static apr_status_t aside(const mail_t *mail)
{
    return mail->segment
        ? queue_store_record_aside(mail->store, mail->segment, mail->place,
                                   mail->why)
        : queue_store_file_aside(mail->store, mail->id, mail->why);
}

/* What was found in a thread is dealt with here, in the loop's. If that fails
 * it is found again when the mail is opened again. */
static apr_status_t cleanup(void *data)
{
    mail_t *mail = data;

    mail_close(mail);
    if (mail->is_damaged) {
        aside(mail);
    }
    return APR_SUCCESS;
}

/* ---- Giving it out ---- */

static void part_begin(mail_t *mail, int part)
{
    mail->part = part;
    mail->done = 0;
    if (part < mail->part_count) {
        mail->crc = mail->parts[part].crc_begin;
    }
}

static apr_status_t part_read(mail_t *mail, const part_t *part,
                              apr_size_t len)
{
    apr_status_t rv;

    if (part->fd < 0) {
        return store_segment_payload_get(mail->file, &mail->record,
                                         part->at + mail->done, mail->block,
                                         len);
    }
    rv = store_io_pread(part->fd, mail->block, len,
                        (apr_off_t)(part->at + mail->done));
    return rv == APR_EOF ? STORE_EDAMAGED : rv;
}

/* The next block of the part. */
static apr_status_t block_get(mail_t *mail, const part_t *part,
                              apr_size_t *len)
{
    apr_uint64_t left = part->len - mail->done;
    apr_size_t n = left < BLOCK_OCTETS ? (apr_size_t)left : BLOCK_OCTETS;
    apr_status_t rv = part_read(mail, part, n);

    if (rv == APR_SUCCESS) {
        mail->crc = store_record_crc(mail->crc, mail->block, n);
        mail->done += n;
        if (mail->done == part->len && mail->crc != part->crc_end) {
            rv = STORE_EDAMAGED;
        }
    }
    if (rv == STORE_EDAMAGED || rv == STORE_ETORN) {
        mail->is_damaged = 1;
        return STORE_EDAMAGED;
    }
    *len = rv == APR_SUCCESS ? n : 0;
    return rv;
}

static apr_status_t whole_get(mail_t *mail, const char **octets,
                              apr_size_t *len)
{
    if (mail->part || !mail->pub.size_octets) {
        return APR_EOF;
    }
    mail->part = 1;
    *octets = mail->whole;
    *len = (apr_size_t)mail->pub.size_octets;
    return APR_SUCCESS;
}

static apr_status_t content(void *ctx, const char **octets, apr_size_t *len)
{
    mail_t *mail = ctx;

    *octets = NULL;
    *len = 0;
    if (mail->is_damaged) {
        return STORE_EDAMAGED;
    }
    if (mail->whole) {
        return whole_get(mail, octets, len);
    }
    while (mail->part < mail->part_count
           && mail->done == mail->parts[mail->part].len) {
        if (mail->crc != mail->parts[mail->part].crc_end) {
            mail->is_damaged = 1; /* though it is empty */
            return STORE_EDAMAGED;
        }
        part_begin(mail, mail->part + 1);
    }
    if (mail->part == mail->part_count) {
        return APR_EOF;
    }
    *octets = mail->block;
    return block_get(mail, &mail->parts[mail->part], len);
}

apr_status_t queue_mail_rewind(queue_mail_t *pub)
{
    mail_t *mail = pub->content_ctx;

    part_begin(mail, 0);
    return mail->is_damaged ? STORE_EDAMAGED : APR_SUCCESS;
}

/* ---- Opening ---- */

static part_t *part_add(mail_t *mail, int fd, apr_uint64_t at,
                        apr_uint64_t len)
{
    part_t *part = &mail->parts[mail->part_count++];

    part->fd = fd;
    part->at = at;
    part->len = len;
    mail->pub.size_octets += (apr_off_t)len;
    return part;
}

/* ---- Of a record ---- */

/* All of a small record, which is right or is not. */
static apr_status_t record_whole(mail_t *mail, char *payload)
{
    apr_size_t len =
        (apr_size_t)store_record_payload_octets(&mail->record);
    apr_status_t rv = store_segment_payload_get(mail->file, &mail->record, 0,
                                                payload, len);

    if (rv == APR_SUCCESS
        && store_record_crc(0, payload, len) != mail->record.crc) {
        rv = STORE_ETORN;
    }
    return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
}

/* A large one is read when it is sent. */
static apr_status_t record_parts(mail_t *mail, const char *envelope,
                                 apr_pool_t *p)
{
    const store_record_t *record = &mail->record;
    const store_envelope_t *e = mail->pub.envelope;
    part_t *part;
    apr_status_t rv = APR_SUCCESS;

    mail->block = apr_palloc(p, BLOCK_OCTETS);
    part = part_add(mail, -1, record->envelope_len,
                    (apr_uint64_t)record->trace_len + record->content_len);
    part->crc_begin = store_record_crc(0, envelope, record->envelope_len);
    part->crc_end = record->crc;
    queue_segment_hold(mail->segment);
    mail->is_held = 1;
    if (e->file_number) {
        rv = queue_store_content_open(mail->store, mail->segment, e,
                                      &mail->fd);
        part = part_add(mail, mail->fd, 0, (apr_uint64_t)e->file_octets);
        part->crc_end = (apr_uint32_t)e->file_crc;
    }
    return rv;
}

/* Reads the envelope, and with it all of the record if it is small. */
static apr_status_t record_read(mail_t *mail, apr_pool_t *p)
{
    const store_record_t *record = &mail->record;
    int is_small = store_record_payload_octets(record) <= BLOCK_OCTETS;
    apr_size_t len = is_small
        ? (apr_size_t)store_record_payload_octets(record)
        : record->envelope_len;
    char *payload = apr_palloc(p, len + 1);
    apr_status_t rv = is_small
        ? record_whole(mail, payload)
        : store_segment_payload_get(mail->file, record, 0, payload, len);

    if (rv != APR_SUCCESS) {
        return rv == STORE_ETORN ? STORE_EDAMAGED : rv;
    }
    mail->pub.envelope = store_envelope_parse(p, payload,
                                              record->envelope_len);
    if (!mail->pub.envelope) {
        return STORE_EDAMAGED;
    }
    if (!is_small || mail->pub.envelope->file_number) {
        return record_parts(mail, payload, p);
    }
    mail->whole = payload + record->envelope_len;
    mail->pub.size_octets = (apr_off_t)record->trace_len
                          + (apr_off_t)record->content_len;
    return APR_SUCCESS;
}

static apr_status_t record_open(mail_t *mail, apr_pool_t *p)
{
    unsigned char mark;
    apr_status_t rv = queue_segment_open(mail->store->segments,
                                         mail->segment, &mail->file);

    if (rv == APR_SUCCESS) {
        rv = store_segment_queue_mark_get(mail->file, mail->place, &mark);
    }
    if (rv == APR_SUCCESS && mark == STORE_QUEUE_MARK_OVER) {
        return STORE_EDAMAGED;   /* it was set aside */
    }
    if (rv == APR_SUCCESS) {
        rv = store_segment_record_get(mail->file, mail->place,
                                      &mail->record);
    }
    if (rv == APR_SUCCESS) {
        rv = record_read(mail, p);
    }
    mail->is_damaged = rv == STORE_EDAMAGED;
    return rv;
}

/* ---- Of a file ---- */

static void file_parts(mail_t *mail, const store_queued_header_t *header,
                       apr_pool_t *p)
{
    part_t *part;

    mail->block = apr_palloc(p, BLOCK_OCTETS);
    part = part_add(mail, mail->fd, store_queued_trace_at(header),
                    header->trace_len);
    part->crc_end = header->trace_crc;
    part = part_add(mail, mail->fd, store_queued_content_at(header),
                    header->content_len);
    part->crc_end = header->content_crc;
}

/* All of a small file, which is right or is not. What the first read gave of
 * it is not read again. */
static apr_status_t file_whole(mail_t *mail,
                               const store_queued_header_t *header,
                               const char *first, apr_pool_t *p)
{
    apr_uint64_t at = store_queued_trace_at(header);
    apr_uint64_t end = store_queued_notes_at(header);
    apr_size_t len = (apr_size_t)(end - at);
    char *octets = apr_palloc(p, len + 1);
    apr_status_t rv = APR_SUCCESS;

    if (end <= STORE_FILE_FIRST_OCTETS) {
        memcpy(octets, first + at, len);
    }
    else {
        rv = store_io_pread(mail->fd, octets, len, (apr_off_t)at);
    }
    if (rv == APR_SUCCESS
        && (store_record_crc(0, octets, header->trace_len)
            != header->trace_crc
            || store_record_crc(0, octets + header->trace_len,
                                (apr_size_t)header->content_len)
               != header->content_crc)) {
        rv = STORE_EDAMAGED;
    }
    mail->whole = octets;
    mail->pub.size_octets = (apr_off_t)len;
    close(mail->fd);
    mail->fd = -1;
    return rv == APR_EOF ? STORE_EDAMAGED : rv;
}

static apr_status_t file_read(mail_t *mail, apr_uint64_t octets,
                              apr_pool_t *p)
{
    char first[STORE_FILE_FIRST_OCTETS];
    store_file_head_t head;
    apr_status_t rv = store_file_head_read(mail->fd, octets, mail->id, first,
                                           p, &head);

    if (rv != APR_SUCCESS) {
        mail->why = head.why;
        return rv;
    }
    mail->pub.envelope = head.envelope;
    if (store_queued_notes_at(&head.header)
        - store_queued_trace_at(&head.header) > BLOCK_OCTETS) {
        file_parts(mail, &head.header, p);
        return APR_SUCCESS;
    }
    return file_whole(mail, &head.header, first, p);
}

static apr_status_t file_open(mail_t *mail, apr_pool_t *p)
{
    apr_uint64_t octets;
    apr_status_t rv = store_file_open(&mail->store->dirs, mail->id,
                                      &mail->fd, &octets);

    if (rv == ENOENT) {
        return STORE_EDAMAGED;
    }
    if (rv == APR_SUCCESS) {
        rv = file_read(mail, octets, p);
    }
    mail->is_damaged = rv == STORE_EDAMAGED;
    return rv;
}

apr_status_t queue_store_mail_open(queue_store_t *store,
                                   const queue_message_t *message,
                                   apr_pool_t *p, queue_mail_t **out)
{
    mail_t *mail = apr_pcalloc(p, sizeof(*mail));
    apr_status_t rv;

    *out = NULL;
    mail->store = store;
    mail->id = apr_pstrdup(p, message->id);
    mail->segment = message->segment;
    mail->place = message->place;
    mail->fd = -1;
    mail->why = "its mail data is damaged";
    mail->pub.content = content;
    mail->pub.content_ctx = mail;
    rv = mail->segment ? record_open(mail, p) : file_open(mail, p);
    if (rv != APR_SUCCESS) {
        apr_status_t kept = mail->is_damaged ? aside(mail) : APR_SUCCESS;

        mail_close(mail);
        return kept == APR_SUCCESS ? rv : kept;
    }
    apr_pool_cleanup_register(p, mail, cleanup, apr_pool_cleanup_null);
    part_begin(mail, 0);
    *out = &mail->pub;
    return APR_SUCCESS;
}
