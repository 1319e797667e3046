/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_header.h
 * One pass over the header section of a message (RFC 5322 2.2, RFC 6532) as
 * it streams by: what a server must know of it, in bounded memory.
 * A push parser. Pure: any thread, one at a time for each object.
 */
#ifndef SMTP_HEADER_H
#define SMTP_HEADER_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Which of the fields that SMTP cares for were seen: an or of these. */
#define SMTP_HEADER_DATE           0x001u
#define SMTP_HEADER_FROM           0x002u
#define SMTP_HEADER_SENDER         0x004u
#define SMTP_HEADER_MESSAGE_ID     0x008u
#define SMTP_HEADER_RETURN_PATH    0x010u
#define SMTP_HEADER_TO_CC_BCC      0x020u
#define SMTP_HEADER_MIME_VERSION   0x040u
#define SMTP_HEADER_AUTO_SUBMITTED 0x080u
#define SMTP_HEADER_TLS_REQUIRED   0x100u
#define SMTP_HEADER_BCC            0x200u
/** Precedence (RFC 2076 3.9) with the value bulk, list or junk. */
#define SMTP_HEADER_BULK           0x400u
/** TLS-Required (RFC 8689 5) with the value No; two of these fields count as
 *  none: then TLS_REQUIRED is in `repeated`. */
#define SMTP_HEADER_TLS_OPTIONAL   0x800u

/** Octets kept of a field body at most: of From and Sender, which may list
 *  mailboxes, and of others. */
#define SMTP_HEADER_ADDRESS_MAX_OCTETS 8192
#define SMTP_HEADER_VALUE_MAX_OCTETS 998
/** Delivered-To fields kept at most; a mail with more is in a loop. */
#define SMTP_HEADER_DELIVERED_TO_MAX 128

typedef struct smtp_header_t {
    apr_pool_t *pool;
    unsigned int received;       /**< number of Received fields */
    unsigned int fields;         /**< or of SMTP_HEADER_* */
    unsigned int repeated;       /**< those of them that stood twice; of To, Cc
                                      and Bcc any two */
    unsigned int is_cut;         /**< those whose kept body is not whole: it
                                      is longer, or has a NUL */
    unsigned int is_done : 1;    /**< the empty line, or a line that is no
                                      field, was seen: the rest is body */
    unsigned int has_8bit : 1;   /**< octets above 127 in the header */
    unsigned int has_bare : 1;   /**< in a field, CR or LF that is no CRLF, or
                                      NUL: others may read fields there */
    unsigned int is_malformed : 1;/**< a line that is no field ended it */
    /** Octets of the fields so far, their CRLFs included; neither the empty
     *  line nor the line that is no field. */
    apr_off_t header_octets;
    /** Bodies of Delivered-To, unfolded and trimmed (const char *); for the
     *  loop check. */
    apr_array_header_t *delivered_to;
    const char *message_id;      /**< unfolded, escaped; for the log; or NULL */
    const char *from;            /**< body of From, unfolded, raw; or NULL */
    const char *sender;          /**< of Sender, as From */
    const char *subject;         /**< unfolded, raw; or NULL */
    /* private to smtp_header.c */
    int state;
    int field;                   /**< what field is open */
    char name[32];               /**< its name, or the name's beginning */
    apr_size_t name_len;
    apr_off_t pending_octets;    /**< of a line not yet known as a field */
    char *value;                 /**< its body, if that is kept */
    apr_size_t value_len;
    apr_size_t value_size;       /**< room for it */
    int is_value_cut;
} smtp_header_t;

/** Begins. Allocates little, from @a p, and only for fields that are kept;
 *  of fields that should stand once, the first is kept. */
void smtp_header_init(smtp_header_t *header, apr_pool_t *p);

/** Takes octets of the mail (lines end in CRLF). Costs nothing once is_done
 *  is set. White space before the colon is taken (RFC 5322 4.5). */
void smtp_header_push(smtp_header_t *header, const char *data,
                      apr_size_t len);

/** The mail has ended: the last field, if it lacked its CRLF, counts. A mail
 *  without an empty line, all header, is well-formed (RFC 5322 3.5). */
void smtp_header_finish(smtp_header_t *header);

#endif
