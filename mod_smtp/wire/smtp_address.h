/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_address.h
 * Mailboxes and paths (RFC 5321 4.1.2, RFC 6531 3.3).
 * Pure: any thread.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <apr_pools.h>

/** RFC 5321 4.5.3.1.1 and 4.5.3.1.3, in octets. */
#define SMTP_ADDRESS_LOCAL_MAX_OCTETS  64
#define SMTP_ADDRESS_PATH_MAX_OCTETS  256

typedef enum {
    SMTP_ADDRESS_OK = 0,
    SMTP_ADDRESS_SYNTAX,           /**< 501 5.1.3 (or 5.1.7 in MAIL) */
    SMTP_ADDRESS_LOCAL_TOO_LONG,   /**< local-part over 64 octets */
    SMTP_ADDRESS_DOMAIN_TOO_LONG,  /**< domain over 255 octets */
    SMTP_ADDRESS_PATH_TOO_LONG,    /**< path over 256 octets */
    SMTP_ADDRESS_NOT_ASCII,        /**< 8-bit without SMTPUTF8: 553 5.6.7 */
    SMTP_ADDRESS_BAD_UTF8          /**< 8-bit that is not UTF-8 */
} smtp_address_status_e;

/** A mailbox, or the null reverse-path. All strings end in NUL and contain
 *  none. */
typedef struct smtp_address_t {
    /** Local-part with quotes and backslashes taken away, case kept; "" for
     *  the null reverse-path and for the quoted empty string. */
    const char *local;
    /** Domain as it came, or address literal with its brackets; NULL for the
     *  null reverse-path and for <Postmaster> (RFC 5321 4.5.1). */
    const char *domain;
    /** What stands between < and > when written, quoted where needed; ""
     *  for the null reverse-path. No source route. */
    const char *text;
    unsigned int is_null : 1;      /**< <> */
    unsigned int is_literal : 1;   /**< the domain is an address literal */
    unsigned int is_utf8 : 1;      /**< has an octet above 127 */
} smtp_address_t;

#define SMTP_ADDRESS_ALLOW_UTF8        0x01u  /**< RFC 6531 */
#define SMTP_ADDRESS_ALLOW_NULL        0x02u  /**< <>: MAIL only */
#define SMTP_ADDRESS_ALLOW_POSTMASTER  0x04u  /**< <Postmaster>: RCPT only */
/** A local-part without a domain (submission completes it; configuration
 *  names mailboxes so). */
#define SMTP_ADDRESS_ALLOW_BARE        0x08u

/**
 * Reads the path at the start of @a s: "<" [source-route ":"] mailbox ">".
 * A source route is checked and dropped (RFC 5321 3.3, appendix C).
 * @param a         set on success, its strings allocated in @a p; else zero
 * @param consumed  on success the octets of the path, brackets included;
 *                  else 0
 */
smtp_address_status_e smtp_address_parse_path(apr_pool_t *p, const char *s,
                                              apr_size_t len,
                                              unsigned int allow,
                                              smtp_address_t *a,
                                              apr_size_t *consumed);

/** Reads a whole mailbox without brackets, such as a map or a configuration
 *  holds; with SMTP_ADDRESS_ALLOW_NULL nothing is the null reverse-path. */
smtp_address_status_e smtp_address_parse(apr_pool_t *p, const char *s,
                                         apr_size_t len, unsigned int allow,
                                         smtp_address_t *a);

/**
 * Makes an address from parts: @a text is written anew, quoted where the
 * local-part is no dot-string. @a domain may be NULL; with an empty @a local
 * it is the null reverse-path then. Copies into @a p. Lengths are not looked
 * at.
 * @return NULL if no path can hold it: a control or broken UTF-8 in the
 *         local-part (else CR LF from a map would reach the wire), or a
 *         domain that smtp_domain_parse_helo() does not know
 */
smtp_address_t *smtp_address_create(apr_pool_t *p, const char *local,
                                    const char *domain);

/** A deep copy in @a p. */
smtp_address_t *smtp_address_copy(apr_pool_t *p, const smtp_address_t *a);

#endif
