/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_extension.h
 * EHLO extension keywords (RFC 5321 4.1.1.1): one table for server and
 * client. Pure: any thread.
 */
#ifndef SMTP_EXTENSION_H
#define SMTP_EXTENSION_H

#include <apr_pools.h>

/** A set of extensions is an or of these. */
typedef unsigned int smtp_extension_set_t;

#define SMTP_EXTENSION_PIPELINING     0x00000001u  /**< RFC 2920 */
#define SMTP_EXTENSION_SIZE           0x00000002u  /**< RFC 1870 */
#define SMTP_EXTENSION_8BITMIME       0x00000004u  /**< RFC 6152 */
#define SMTP_EXTENSION_SMTPUTF8       0x00000008u  /**< RFC 6531 */
#define SMTP_EXTENSION_CHUNKING       0x00000010u  /**< RFC 3030 */
#define SMTP_EXTENSION_BINARYMIME     0x00000020u  /**< RFC 3030 */
#define SMTP_EXTENSION_STATUSCODES    0x00000040u  /**< RFC 2034:
                                                        ENHANCEDSTATUSCODES */
#define SMTP_EXTENSION_DSN            0x00000080u  /**< RFC 3461 */
#define SMTP_EXTENSION_LIMITS         0x00000100u  /**< RFC 9422 */
#define SMTP_EXTENSION_HELP           0x00000200u  /**< RFC 5321 */
#define SMTP_EXTENSION_VRFY           0x00000400u  /**< RFC 5321 */
#define SMTP_EXTENSION_EXPN           0x00000800u  /**< RFC 5321 */
#define SMTP_EXTENSION_STARTTLS       0x00001000u  /**< RFC 3207 */
#define SMTP_EXTENSION_AUTH           0x00002000u  /**< RFC 4954 */
#define SMTP_EXTENSION_REQUIRETLS     0x00004000u  /**< RFC 8689 */
#define SMTP_EXTENSION_ETRN           0x00008000u  /**< RFC 1985 */
#define SMTP_EXTENSION_ATRN           0x00010000u  /**< RFC 2645 */
#define SMTP_EXTENSION_MT_PRIORITY    0x00020000u  /**< RFC 6710 */

/** One row of the table. */
typedef struct smtp_extension_t {
    const char *keyword;         /**< as in EHLO, upper case */
    smtp_extension_set_t bit;
    const char *source;          /**< such as "RFC 1870" */
} smtp_extension_t;

/** The table, in the order in which keywords are announced; ends with a row
 *  whose keyword is NULL. */
extern const smtp_extension_t smtp_extension_table[];

/** The row of keyword @a s in any case, or NULL. */
const smtp_extension_t *smtp_extension_find(const char *s, apr_size_t len);

/** @a set without those extensions that must not be announced because one
 *  that they rest on is missing: BINARYMIME wants CHUNKING (RFC 3030),
 *  SMTPUTF8 wants 8BITMIME (RFC 6531). */
smtp_extension_set_t smtp_extension_complete(smtp_extension_set_t set);

/** What a client may get to see of LIMITS (RFC 9422): each 1 to 999999.
 *  0: not announced. */
typedef struct smtp_limits_t {
    unsigned int rcptmax;        /**< RCPTMAX */
    unsigned int mailmax;        /**< MAILMAX */
    unsigned int rcptdomainmax;  /**< RCPTDOMAINMAX */
} smtp_limits_t;

/**
 * The EHLO keyword lines of smtp_extension_complete(@a set) in table order,
 * as a NULL-terminated array of strings in @a p without code or CRLF
 * ("SIZE 1000", "LIMITS RCPTMAX=100").
 * @param max_size_octets  for SIZE; 0 means no fixed limit (RFC 1870 3)
 * @param limits           NULL or all zero: LIMITS is left out; what is over
 *                         six digits is announced as 999999
 * @param auth             mechanisms for AUTH, by space; NULL or "": AUTH is
 *                         left out
 */
const char *const *smtp_extension_write(apr_pool_t *p,
                                        smtp_extension_set_t set,
                                        apr_off_t max_size_octets,
                                        const smtp_limits_t *limits,
                                        const char *auth);

/** What a remote server announced. All zero: nothing. */
typedef struct smtp_extension_offer_t {
    smtp_extension_set_t set;
    apr_off_t max_size_octets;   /**< of SIZE; 0 if none was named */
    smtp_limits_t limits;
    const char *auth;            /**< mechanisms by space, or NULL */
} smtp_extension_offer_t;

/** Adds one keyword line of an EHLO reply (without code and CRLF) to
 *  @a offer; its strings are in @a p. Unknown keywords, and lines whose
 *  parameters are malformed, change nothing. */
void smtp_extension_parse(apr_pool_t *p, const char *line, apr_size_t len,
                          smtp_extension_offer_t *offer);

#endif
