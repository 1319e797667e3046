/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_record.h
 * A record of the journal: one message. Pure: any thread.
 *
 * A record begins at a multiple of STORE_RECORD_UNIT octets in its segment: a
 * header of STORE_RECORD_HEADER_OCTETS, then the payload: envelope, trace,
 * content; padding up to the next multiple.
 *
 *     octets  0  magic "SMTPREC" and the version of the format (1)
 *             8  generation of the segment
 *            16  place: where the record begins in the segment
 *            24  group: where the first record begins that was made durable
 *                together with this one
 *            32  length of the envelope   36  of the trace   40  of the content
 *            44  CRC-32 of the payload
 *            48  flags, 1 octet   49  zero
 *            60  CRC-32 of octets 0 to 59
 *
 * Place and generation in it tell a record from what an older generation left
 * in the file, and from octets of a mail that look like a record.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <apr.h>

#define STORE_RECORD_UNIT          512u
#define STORE_RECORD_HEADER_OCTETS 64u

/** @name What is to be done with a record: an or of these
 * 0: copies for Maildirs, and nothing else.
 * @{ */
#define STORE_RECORD_SENT       0x01u  /**< somebody is sent to: it waits for
                                            the queue (store_segment.h) */
#define STORE_RECORD_NO_MAILDIR 0x02u  /**< and nobody has a Maildir */
/** @} */

typedef struct store_record_t {
    apr_uint64_t generation;
    apr_uint64_t place;
    apr_uint64_t group;
    apr_uint32_t envelope_len;
    apr_uint32_t trace_len;
    apr_uint32_t content_len;
    apr_uint32_t crc;            /**< of the payload */
    unsigned int flags;          /**< STORE_RECORD_* */
} store_record_t;

typedef enum {
    STORE_RECORD_OK = 0,
    STORE_RECORD_NONE,           /**< no header of a record of ours */
    STORE_RECORD_VERSION         /**< a whole header of another version */
} store_record_status_e;

/** Rounds up to a multiple of STORE_RECORD_UNIT. */
#define STORE_RECORD_ROUND(octets) \
    (((apr_uint64_t)(octets) + STORE_RECORD_UNIT - 1) \
     / STORE_RECORD_UNIT * STORE_RECORD_UNIT)

/** Octets of envelope, trace and content. */
apr_uint64_t store_record_payload_octets(const store_record_t *record);

/** Octets in the segment, header and padding included. */
apr_uint64_t store_record_octets(const store_record_t *record);

/** Carries CRC-32 @a crc (0 at first) on over more octets. */
apr_uint32_t store_record_crc(apr_uint32_t crc, const void *octets,
                              apr_size_t len);

/** Writes the header. */
void store_record_write(const store_record_t *record,
                        unsigned char header[STORE_RECORD_HEADER_OCTETS]);

/** Reads a header. *record is all zero unless the status is OK. */
store_record_status_e
store_record_parse(const unsigned char header[STORE_RECORD_HEADER_OCTETS],
                   store_record_t *record);

#endif
