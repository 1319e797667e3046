/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_queued.h
 * A file of SPOOL/queue: one message that waits to be sent on, and what has
 * happened to each of its recipients. Pure: any thread.
 *
 * SPOOL/queue/HH/ID, where HH are two hex digits of a hash of the queue id;
 * while it is written ID.new. It has a header (STORE_QUEUED_HEADER_OCTETS), the
 * envelope (store_envelope.h), the trace fields, the mail data, and then notes,
 * which are appended and never changed: the last one about a recipient counts.
 * A torn note never happened; what follows it counts all the same.
 *
 *     octets  0  magic "SMTPMSG" and the version of the format (1)
 *             8  length of the envelope   12  of the trace fields
 *            16  of the mail data (8 octets)
 *            24  CRC-32 of the envelope   28  of the trace fields
 *            32  of the mail data
 *            36  zero
 *            60  CRC-32 of octets 0 to 59
 *
 * A note is
 *
 *     octets  0  0xF7 "N", store_queued_e, zero
 *             4  recipient    8  time    16  next    24  attempts
 *            28  status      32  code    36  length of the host (2 octets)
 *            38  length of the text (2 octets)
 *            40  CRC-32 of octets 0 to 39, host and text
 *            44  host, text
 *
 * Text has printable ASCII only, so that no next hop can write a note for us.
 */
#ifndef STORE_QUEUED_H
#define STORE_QUEUED_H

#include "smtp_status.h"
#include "store_envelope.h"

#define STORE_QUEUED_HEADER_OCTETS 64u

/** Octets of a queue id that names a file, at most; and of a name in HH, NUL
 *  included. */
#define STORE_QUEUED_ID_MAX        64
#define STORE_QUEUED_NAME_OCTETS   (STORE_QUEUED_ID_MAX + sizeof(".new"))

/** @name Octets of a note: without host and text, of these, and at most
 * @{ */
#define STORE_QUEUED_NOTE_OCTETS   44u
#define STORE_QUEUED_HOST_MAX      400u
#define STORE_QUEUED_TEXT_MAX      1000u
#define STORE_QUEUED_NOTE_MAX \
    (STORE_QUEUED_NOTE_OCTETS + STORE_QUEUED_HOST_MAX + STORE_QUEUED_TEXT_MAX)
/** @} */

typedef struct store_queued_header_t {
    apr_uint32_t envelope_len;
    apr_uint32_t trace_len;
    apr_uint64_t content_len;
    apr_uint32_t envelope_crc;
    apr_uint32_t trace_crc;
    apr_uint32_t content_crc;
} store_queued_header_t;

typedef enum {
    STORE_QUEUED_OK = 0,
    STORE_QUEUED_DAMAGED,        /**< no header of ours */
    STORE_QUEUED_VERSION         /**< a whole header of another version */
} store_queued_status_e;

/** What a note says of a recipient. */
typedef enum {
    STORE_QUEUED_WAITING = 0,    /**< nothing yet; no note says so */
    STORE_QUEUED_DEFERRED,
    STORE_QUEUED_SENT,           /**< the next hop or mailbox has it */
    STORE_QUEUED_FAILED,         /**< for ever, and whoever had to be told is
                                      told */
    STORE_QUEUED_DELETED,        /**< by the administrator */
    /** Notes about the whole message: recipient is not used. */
    STORE_QUEUED_HOLD, STORE_QUEUED_RELEASE,
    STORE_QUEUED_WARNED,         /**< the recipient's DSN "delayed" was made;
                                      what else is said of him still counts */
    STORE_QUEUED_PRIORITY        /**< whole message. code: queue_priority_e */
} store_queued_e;

typedef struct store_queued_note_t {
    store_queued_e what;
    apr_uint32_t recipient;      /**< index, see store_queued_recipients() */
    apr_int64_t time;            /**< apr_time_t of the attempt */
    apr_int64_t next;            /**< of the next one; 0: none */
    apr_uint32_t attempts;       /**< so far */
    apr_uint32_t code;           /**< reply code, or 0 */
    apr_uint32_t status;         /**< class * 1000000 + subject * 1000 +
                                      detail */
    const char *host;            /**< "name[address]:port"; "" */
    const char *text;            /**< printable ASCII, one line; "" */
} store_queued_note_t;

/** A status as a note has it, and back; 0 is none. */
apr_uint32_t store_queued_status_pack(smtp_status_t status);
smtp_status_t store_queued_status_unpack(apr_uint32_t packed);

/** The last note about a recipient; what WAITING when there is none. */
typedef store_queued_note_t store_queued_state_t;

/** One who is sent to: a recipient that is relayed, or a mailbox that is no
 *  Maildir. Both by index in the envelope. */
typedef struct store_queued_recipient_t {
    int recipient;
    int mailbox;                 /**< -1: relayed */
} store_queued_recipient_t;

/** All of them in the order of the envelope (store_queued_recipient_t). Notes
 *  and messages count recipients by this. */
apr_array_header_t *store_queued_recipients(apr_pool_t *p,
                                            const store_envelope_t *envelope);

/** @name Names
 * @{ */
/** Whether a queue id can name a file: letters, digits, "-" and "_", of which
 *  there are 1 to STORE_QUEUED_ID_MAX. */
int store_queued_is_id(const char *id);

/** The directory of the file of this id, 0 to 255, and its name. */
unsigned int store_queued_dir(const char *id);
void store_queued_dir_write(char name[3], unsigned int dir);
/** @} */

/** @name The header
 * @{ */
void
store_queued_header_write(const store_queued_header_t *header,
                          unsigned char octets[STORE_QUEUED_HEADER_OCTETS]);

/** *header is all zero unless the status is OK. Lengths are such that sums of
 *  them do not overflow, but may be beyond the end of the file. */
store_queued_status_e store_queued_header_parse(
    const unsigned char octets[STORE_QUEUED_HEADER_OCTETS],
    store_queued_header_t *header);

/** Where the trace fields, the mail data and the notes begin. */
apr_uint64_t store_queued_trace_at(const store_queued_header_t *header);
apr_uint64_t store_queued_content_at(const store_queued_header_t *header);
apr_uint64_t store_queued_notes_at(const store_queued_header_t *header);

/** Whether a file of so many octets has so many notes that to write it anew
 *  halves them: then they are more than the rest of it, too. */
int store_queued_is_worn(const store_queued_header_t *header,
                         apr_uint64_t file_octets,
                         apr_uint32_t recipient_count);
/** @} */

/** @name Notes
 * @{ */
/** Octets of a note as it is written. */
apr_size_t store_queued_note_size(const store_queued_note_t *note);

/** Writes a note that is not WAITING. Host and text are cut to what a note may
 *  have; "?" stands for what is not printable. NULL is "".
 *  @return octets written, store_queued_note_size() */
apr_size_t store_queued_note_write(unsigned char *octets,
                                   const store_queued_note_t *note);

/** What the notes of a file come to. */
typedef struct store_queued_replay_t {
    apr_pool_t *p;
    store_queued_state_t *states; /**< by recipient */
    unsigned char *warned;       /**< 1: WARNED; by recipient */
    apr_uint32_t count;
    unsigned int is_held : 1;
    int priority;                /**< -1: no note about it */
    apr_uint32_t notes;          /**< read so far */
    apr_uint64_t torn;           /**< octets that are in no note */
} store_queued_replay_t;

/** No notes yet, for @a count recipients. Strings of notes go to @a p. */
void store_queued_replay_begin(store_queued_replay_t *replay, apr_pool_t *p,
                               apr_uint32_t count);

/** Reads notes, a piece of the file at a time.
 *  @param is_end  nothing follows
 *  @return octets that are done with. The rest, less than
 *          STORE_QUEUED_NOTE_MAX, shall come again with what follows it; at
 *          the end there is none. */
apr_size_t store_queued_replay(store_queued_replay_t *replay,
                               const char *octets, apr_size_t len,
                               int is_end);

/** Notes (store_queued_note_t), in @a p, that come to the same. */
apr_array_header_t *
store_queued_replay_notes(apr_pool_t *p, const store_queued_replay_t *replay);
/** @} */

#endif
