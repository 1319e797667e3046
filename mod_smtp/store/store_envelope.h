/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_envelope.h
 * The envelope as the journal keeps it: all that later hops, retries and DSNs
 * need to know beside the mail data. Pure: any thread.
 *
 * Octets: fields one after another, each a tag (1 octet), a length (4 octets,
 * little-endian) and so many octets; a number has 8. Fields of the message
 * come first, then each recipient (forward-path, then its other fields),
 * each followed by its mailboxes. Tags ascend within each of them and what is
 * absent or zero is not written, so that an envelope has one form only.
 */
#ifndef STORE_ENVELOPE_H
#define STORE_ENVELOPE_H

#include <apr_pools.h>
#include <apr_tables.h>

/** @name Flags of an envelope
 * @{ */
#define STORE_ENVELOPE_SMTPUTF8          0x01  /**< RFC 6531 */
#define STORE_ENVELOPE_REQUIRETLS        0x02  /**< RFC 8689 */
#define STORE_ENVELOPE_HAS_SIZE          0x04
#define STORE_ENVELOPE_HAS_BODY          0x08
#define STORE_ENVELOPE_HAS_PRIORITY      0x10
/** The mail came with Return-Path fields, which final delivery takes away
 *  (RFC 5321 4.4). */
#define STORE_ENVELOPE_HAS_RETURN_PATH   0x20
/** Octets above 127 in the mail (RFC 6152), in its header section (RFC 6532).
 *  Set where somebody is sent to; else nobody looked. */
#define STORE_ENVELOPE_HAS_8BIT          0x40
#define STORE_ENVELOPE_UTF8_HEADER       0x80
/** Precedence (RFC 2076 3.9) says bulk, list or junk. */
#define STORE_ENVELOPE_BULK              0x100
/** TLS-Required: No (RFC 8689 5): it goes on even where TLS is not as the next
 *  hop's domain wants it. */
#define STORE_ENVELOPE_TLS_OPTIONAL      0x200
/** @} */

/** A mailbox that gets a copy: a Maildir, or one that mail is sent to. */
typedef struct store_mailbox_t {
    const char *domain;          /**< A-label, lower case */
    const char *name;
    const char *extension;       /**< NULL if none */
    const char *delivered_to;    /**< for the Delivered-To field */
    const char *method;          /**< "lmtp", "smtp"; NULL: a Maildir */
    const char *argument;        /**< of the method; NULL if none */
} store_mailbox_t;

typedef struct store_recipient_t {
    const char *forward_path;    /**< without brackets */
    const char *orcpt;           /**< RFC 3461 4.2, xtext; NULL if none */
    apr_int64_t notify;          /**< SMTP_NOTIFY_*, 0 if none */
    apr_int64_t is_relayed;      /**< 1: sent on, without mailboxes; else 0 */
    apr_array_header_t *mailboxes; /**< store_mailbox_t */
} store_recipient_t;

typedef struct store_envelope_t {
    const char *id;              /**< queue id */
    const char *reverse_path;    /**< without brackets; "" is the null one */
    apr_int64_t arrived;         /**< apr_time_t */
    apr_int64_t flags;           /**< STORE_ENVELOPE_* */
    apr_int64_t size_octets;     /**< SIZE= */
    apr_int64_t body;            /**< smtp_body_e */
    apr_int64_t ret;             /**< smtp_ret_e */
    apr_int64_t priority;        /**< MT-PRIORITY= */
    const char *envid;           /**< xtext; NULL if none */
    const char *auth;            /**< AUTH=; NULL if none */
    /** Where the mail data is: 0: in the record; else the number of a file
     *  beside the segment (spool_journal.h). */
    apr_int64_t file_number;
    apr_int64_t file_octets;
    apr_int64_t file_crc;
    /** For who sends it; absent where nobody is sent to. */
    apr_int64_t queued;          /**< apr_time_t of the commit */
    /** "ServerName:port" of the virtual host that took it, port that of its
     *  first address, 0 for the main server; or NULL. */
    const char *vhost;
    const char *login;           /**< who authenticated (RFC 4954), escaped;
                                      NULL if nobody */
    const char *client;          /**< its IP address; NULL if none */
    apr_array_header_t *recipients; /**< store_recipient_t */
} store_envelope_t;

/** An envelope without recipients, all else zero. */
store_envelope_t *store_envelope_create(apr_pool_t *p);

/** Appends a recipient without mailboxes. Valid until the next one. */
store_recipient_t *store_envelope_recipient_add(apr_pool_t *p,
                                                store_envelope_t *envelope);

/** Appends a mailbox to it, all zero. Valid until the next one. */
store_mailbox_t *store_envelope_mailbox_add(store_recipient_t *recipient);

/** Whether mail is sent to this mailbox, which is no Maildir. */
int store_envelope_is_mailbox_sent(const store_mailbox_t *mailbox);

/** Whether somebody of the envelope is sent to: a recipient that is relayed,
 *  or a mailbox as above. */
int store_envelope_is_sent(const store_envelope_t *envelope);

/** Whether there is a Maildir in it. */
int store_envelope_is_local(const store_envelope_t *envelope);

/** Whether a string may stand in an envelope: no control octet, since it ends
 *  up in header fields. */
int store_envelope_is_clean(const char *s);

/** Octets that @a envelope takes when written. */
apr_size_t store_envelope_size(const store_envelope_t *envelope);

/** Octets that a recipient adds to that. */
apr_size_t store_envelope_recipient_size(const store_recipient_t *recipient);

/** The envelope as octets in @a p; @a len is set. */
const char *store_envelope_write(apr_pool_t *p,
                                 const store_envelope_t *envelope,
                                 apr_size_t *len);

/**
 * Reads an envelope; nothing in it is trusted.
 * @return the envelope in @a p, which copies all it needs; NULL when the
 *         octets are not exactly what store_envelope_write() makes
 */
store_envelope_t *store_envelope_parse(apr_pool_t *p, const char *octets,
                                       apr_size_t len);

#endif
