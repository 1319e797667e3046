/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_queued.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "store_octets.h"
#include "store_record.h"

#define VERSION       1
#define VERSION_AT    7
#define ZERO_AT      36
#define CRC_AT       60

#define NOTE_MAGIC_0 0xf7
#define NOTE_MAGIC_1 'N'
#define NOTE_CRC_AT  40

/* No mail is larger; sums of lengths stay far from overflow. */
#define CONTENT_MAX  (APR_UINT64_C(1) << 48)

/* So many octets of notes are nothing to read. */
#define WORN_OCTETS  (64u * 1024)

static const char magic[VERSION_AT] = { 'S', 'M', 'T', 'P', 'M', 'S', 'G' };

/* ---- Recipients and names ---- */

static void recipient_add(apr_array_header_t *all, int recipient, int mailbox)
{
    store_queued_recipient_t *one = apr_array_push(all);

    one->recipient = recipient;
    one->mailbox = mailbox;
}

apr_array_header_t *store_queued_recipients(apr_pool_t *p,
                                            const store_envelope_t *envelope)
{
    apr_array_header_t *all =
        apr_array_make(p, envelope->recipients->nelts + 1,
                       sizeof(store_queued_recipient_t));
    int i, j;

    for (i = 0; i < envelope->recipients->nelts; i++) {
        const store_recipient_t *recipient =
            &APR_ARRAY_IDX(envelope->recipients, i, store_recipient_t);

        if (recipient->is_relayed) {
            recipient_add(all, i, -1);
        }
        for (j = 0; j < recipient->mailboxes->nelts; j++) {
            if (store_envelope_is_mailbox_sent(
                    &APR_ARRAY_IDX(recipient->mailboxes, j,
                                   store_mailbox_t))) {
                recipient_add(all, i, j);
            }
        }
    }
    return all;
}

int store_queued_is_id(const char *id)
{
    apr_size_t len = 0;

    while (apr_isalnum(id[len]) || id[len] == '-' || id[len] == '_') {
        if (++len > STORE_QUEUED_ID_MAX) {
            return 0;
        }
    }
    return len && !id[len];
}

unsigned int store_queued_dir(const char *id)
{
    return store_record_crc(0, id, strlen(id)) & 0xff;
}

void store_queued_dir_write(char name[3], unsigned int dir)
{
    static const char digits[] = "0123456789abcdef";

    name[0] = digits[dir >> 4 & 15];
    name[1] = digits[dir & 15];
    name[2] = '\0';
}

/* ---- Header ---- */

void
store_queued_header_write(const store_queued_header_t *header,
                          unsigned char octets[STORE_QUEUED_HEADER_OCTETS])
{
    memset(octets, 0, STORE_QUEUED_HEADER_OCTETS);
    memcpy(octets, magic, VERSION_AT);
    octets[VERSION_AT] = VERSION;
    store_octets_put(octets + 8, header->envelope_len, 4);
    store_octets_put(octets + 12, header->trace_len, 4);
    store_octets_put(octets + 16, header->content_len, 8);
    store_octets_put(octets + 24, header->envelope_crc, 4);
    store_octets_put(octets + 28, header->trace_crc, 4);
    store_octets_put(octets + 32, header->content_crc, 4);
    store_octets_put(octets + CRC_AT, store_record_crc(0, octets, CRC_AT), 4);
}

static int is_zero(const unsigned char *octets, apr_size_t len)
{
    while (len && !*octets) {
        octets++;
        len--;
    }
    return !len;
}

store_queued_status_e store_queued_header_parse(
    const unsigned char octets[STORE_QUEUED_HEADER_OCTETS],
    store_queued_header_t *header)
{
    memset(header, 0, sizeof(*header));
    if (memcmp(octets, magic, VERSION_AT)
        || store_octets_get(octets + CRC_AT, 4)
           != store_record_crc(0, octets, CRC_AT)) {
        return STORE_QUEUED_DAMAGED;
    }
    if (octets[VERSION_AT] != VERSION) {
        return STORE_QUEUED_VERSION;
    }
    if (!is_zero(octets + ZERO_AT, CRC_AT - ZERO_AT)
        || store_octets_get(octets + 16, 8) > CONTENT_MAX) {
        return STORE_QUEUED_DAMAGED;
    }
    header->envelope_len = (apr_uint32_t)store_octets_get(octets + 8, 4);
    header->trace_len = (apr_uint32_t)store_octets_get(octets + 12, 4);
    header->content_len = store_octets_get(octets + 16, 8);
    header->envelope_crc = (apr_uint32_t)store_octets_get(octets + 24, 4);
    header->trace_crc = (apr_uint32_t)store_octets_get(octets + 28, 4);
    header->content_crc = (apr_uint32_t)store_octets_get(octets + 32, 4);
    return STORE_QUEUED_OK;
}

apr_uint64_t store_queued_trace_at(const store_queued_header_t *header)
{
    return (apr_uint64_t)STORE_QUEUED_HEADER_OCTETS + header->envelope_len;
}

apr_uint64_t store_queued_content_at(const store_queued_header_t *header)
{
    return store_queued_trace_at(header) + header->trace_len;
}

apr_uint64_t store_queued_notes_at(const store_queued_header_t *header)
{
    return store_queued_content_at(header) + header->content_len;
}

/* Written anew there are one note for each recipient at most, one that he was
 * warned of, and a few about the message: half of the limit. */
int store_queued_is_worn(const store_queued_header_t *header,
                         apr_uint64_t file_octets,
                         apr_uint32_t recipient_count)
{
    apr_uint64_t rest = store_queued_notes_at(header);

    return file_octets > rest
        && file_octets - rest > rest + WORN_OCTETS
           + 2 * (apr_uint64_t)(STORE_QUEUED_NOTE_MAX
                                + STORE_QUEUED_NOTE_OCTETS) * recipient_count;
}

/* ---- Notes ---- */

static apr_size_t cut(const char *s, apr_size_t max)
{
    apr_size_t len = s ? strlen(s) : 0;

    return len < max ? len : max;
}

apr_size_t store_queued_note_size(const store_queued_note_t *note)
{
    return STORE_QUEUED_NOTE_OCTETS + cut(note->host, STORE_QUEUED_HOST_MAX)
        + cut(note->text, STORE_QUEUED_TEXT_MAX);
}

static void put_text(unsigned char *out, const char *s, apr_size_t len)
{
    for (; len; s++, len--) {
        *out++ = *s >= ' ' && *s < 0x7f ? (unsigned char)*s : '?';
    }
}

static apr_uint32_t note_crc(const unsigned char *octets, apr_size_t strings)
{
    return store_record_crc(store_record_crc(0, octets, NOTE_CRC_AT),
                            octets + STORE_QUEUED_NOTE_OCTETS, strings);
}

apr_size_t store_queued_note_write(unsigned char *octets,
                                   const store_queued_note_t *note)
{
    apr_size_t host_len = cut(note->host, STORE_QUEUED_HOST_MAX);
    apr_size_t text_len = cut(note->text, STORE_QUEUED_TEXT_MAX);

    octets[0] = NOTE_MAGIC_0;
    octets[1] = NOTE_MAGIC_1;
    octets[2] = (unsigned char)note->what;
    octets[3] = 0;
    store_octets_put(octets + 4, note->recipient, 4);
    store_octets_put(octets + 8, (apr_uint64_t)note->time, 8);
    store_octets_put(octets + 16, (apr_uint64_t)note->next, 8);
    store_octets_put(octets + 24, note->attempts, 4);
    store_octets_put(octets + 28, note->status, 4);
    store_octets_put(octets + 32, note->code, 4);
    store_octets_put(octets + 36, host_len, 2);
    store_octets_put(octets + 38, text_len, 2);
    put_text(octets + STORE_QUEUED_NOTE_OCTETS, note->host, host_len);
    put_text(octets + STORE_QUEUED_NOTE_OCTETS + host_len, note->text,
             text_len);
    store_octets_put(octets + NOTE_CRC_AT,
                     note_crc(octets, host_len + text_len), 4);
    return STORE_QUEUED_NOTE_OCTETS + host_len + text_len;
}

static int is_printable(const unsigned char *octets, apr_size_t len)
{
    while (len && *octets >= ' ' && *octets < 0x7f) {
        octets++;
        len--;
    }
    return !len;
}

typedef enum { NOTE_OK, NOTE_NONE, NOTE_SHORT } note_e;

/* Whether a whole note stands at the start of the octets; of those that are
 * not there yet it is assumed that they will be right. */
static note_e note_check(const unsigned char *octets, apr_size_t len,
                         apr_size_t *note_len)
{
    apr_size_t host_len, text_len;

    if (octets[0] != NOTE_MAGIC_0 || (len > 1 && octets[1] != NOTE_MAGIC_1)) {
        return NOTE_NONE;
    }
    if (len < STORE_QUEUED_NOTE_OCTETS) {
        return NOTE_SHORT;
    }
    host_len = store_octets_get(octets + 36, 2);
    text_len = store_octets_get(octets + 38, 2);
    if (octets[2] == STORE_QUEUED_WAITING || octets[2] > STORE_QUEUED_PRIORITY
        || octets[3] || host_len > STORE_QUEUED_HOST_MAX
        || text_len > STORE_QUEUED_TEXT_MAX) {
        return NOTE_NONE;
    }
    *note_len = STORE_QUEUED_NOTE_OCTETS + host_len + text_len;
    if (len < *note_len) {
        return NOTE_SHORT;
    }
    return store_octets_get(octets + NOTE_CRC_AT, 4)
           == note_crc(octets, host_len + text_len)
        && is_printable(octets + STORE_QUEUED_NOTE_OCTETS,
                        host_len + text_len) ? NOTE_OK : NOTE_NONE;
}

/* Reads a note that was checked. */
static void note_get(apr_pool_t *p, const unsigned char *octets,
                     store_queued_note_t *note)
{
    const char *host = (const char *)octets + STORE_QUEUED_NOTE_OCTETS;
    apr_size_t host_len = store_octets_get(octets + 36, 2);

    note->what = (store_queued_e)octets[2];
    note->recipient = (apr_uint32_t)store_octets_get(octets + 4, 4);
    note->time = (apr_int64_t)store_octets_get(octets + 8, 8);
    note->next = (apr_int64_t)store_octets_get(octets + 16, 8);
    note->attempts = (apr_uint32_t)store_octets_get(octets + 24, 4);
    note->status = (apr_uint32_t)store_octets_get(octets + 28, 4);
    note->code = (apr_uint32_t)store_octets_get(octets + 32, 4);
    note->host = apr_pstrmemdup(p, host, host_len);
    note->text = apr_pstrmemdup(p, host + host_len,
                                store_octets_get(octets + 38, 2));
}

void store_queued_replay_begin(store_queued_replay_t *replay, apr_pool_t *p,
                               apr_uint32_t count)
{
    apr_uint32_t i;

    memset(replay, 0, sizeof(*replay));
    replay->p = p;
    replay->count = count;
    replay->priority = -1;
    replay->states = apr_pcalloc(p, (count + (apr_size_t)1)
                                    * sizeof(*replay->states));
    replay->warned = apr_pcalloc(p, count + (apr_size_t)1);
    for (i = 0; i < count; i++) {
        replay->states[i].recipient = i;
        replay->states[i].host = replay->states[i].text = "";
    }
}

static void note_apply(store_queued_replay_t *replay,
                       const unsigned char *octets)
{
    apr_uint32_t recipient = (apr_uint32_t)store_octets_get(octets + 4, 4);

    replay->notes++;
    switch (octets[2]) {
    case STORE_QUEUED_HOLD:
        replay->is_held = 1;
        break;
    case STORE_QUEUED_RELEASE:
        replay->is_held = 0;
        break;
    case STORE_QUEUED_WARNED:
        if (recipient < replay->count) {
            replay->warned[recipient] = 1;
        }
        break;
    case STORE_QUEUED_PRIORITY:
        replay->priority = (int)(store_octets_get(octets + 32, 4)
                                 & 0x7fffffff);
        break;
    default:
        if (recipient < replay->count) {
            note_get(replay->p, octets, &replay->states[recipient]);
        }
    }
}

apr_size_t store_queued_replay(store_queued_replay_t *replay,
                               const char *octets, apr_size_t len,
                               int is_end)
{
    const unsigned char *at = (const unsigned char *)octets;
    apr_size_t done = 0, note_len = 0;

    while (done < len) {
        note_e note = note_check(at + done, len - done, &note_len);

        if (note == NOTE_OK) {
            note_apply(replay, at + done);
            done += note_len;
        }
        else if (note == NOTE_NONE || is_end) {
            /* A whole one may begin at the next octet. */
            replay->torn++;
            done++;
        }
        else {
            break;
        }
    }
    return done;
}

static void bare_note_add(apr_array_header_t *notes, store_queued_e what,
                          apr_uint32_t recipient, apr_uint32_t code)
{
    store_queued_note_t *note = apr_array_push(notes);

    memset(note, 0, sizeof(*note));
    note->what = what;
    note->recipient = recipient;
    note->code = code;
    note->host = note->text = "";
}

apr_array_header_t *
store_queued_replay_notes(apr_pool_t *p, const store_queued_replay_t *replay)
{
    apr_array_header_t *notes =
        apr_array_make(p, (int)replay->count + 3,
                       sizeof(store_queued_note_t));
    apr_uint32_t i;

    for (i = 0; i < replay->count; i++) {
        if (replay->states[i].what != STORE_QUEUED_WAITING) {
            APR_ARRAY_PUSH(notes, store_queued_note_t) = replay->states[i];
        }
        if (replay->warned[i]) {
            bare_note_add(notes, STORE_QUEUED_WARNED, i, 0);
        }
    }
    if (replay->is_held) {
        bare_note_add(notes, STORE_QUEUED_HOLD, 0, 0);
    }
    if (replay->priority >= 0) {
        bare_note_add(notes, STORE_QUEUED_PRIORITY, 0,
                      (apr_uint32_t)replay->priority);
    }
    return notes;
}

#define STATUS_CLASS   1000000u
#define STATUS_SUBJECT 1000u

apr_uint32_t store_queued_status_pack(smtp_status_t status)
{
    return status.klass * STATUS_CLASS + status.subject * STATUS_SUBJECT
         + status.detail;
}

smtp_status_t store_queued_status_unpack(apr_uint32_t packed)
{
    smtp_status_t status = { 0, 0, 0 };

    if (packed / STATUS_CLASS <= 5) {
        status.klass = (unsigned short)(packed / STATUS_CLASS);
        status.subject =
            (unsigned short)(packed % STATUS_CLASS / STATUS_SUBJECT);
        status.detail = (unsigned short)(packed % STATUS_SUBJECT);
    }
    return status;
}
