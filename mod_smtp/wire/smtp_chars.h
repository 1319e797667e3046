/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_chars.h
 * Classes of octets (RFC 5321 4.1.2, RFC 5322 3.2.3), UTF-8 (RFC 3629) and
 * the escape by which octets of a peer reach logs and replies.
 * Pure: any thread.
 */
#ifndef SMTP_CHARS_H
#define SMTP_CHARS_H

#include <apr_pools.h>

#define SMTP_CHARS_ATEXT    0x01u  /**< RFC 5322 3.2.3 atext, ASCII only */
#define SMTP_CHARS_QTEXT    0x02u  /**< RFC 5321 4.1.2 qtextSMTP */
#define SMTP_CHARS_DCONTENT 0x04u  /**< RFC 5321 4.1.3 dcontent */
#define SMTP_CHARS_LDH      0x08u  /**< letter, digit, hyphen */
#define SMTP_CHARS_ESMTP    0x10u  /**< esmtp-value: %d33-60 / %d62-126 */
#define SMTP_CHARS_XCHAR    0x20u  /**< RFC 3461 4 xchar: no '+', no '=' */
#define SMTP_CHARS_FTEXT    0x40u  /**< RFC 5322 3.6.8: name of a field */
#define SMTP_CHARS_PRINT    0x80u  /**< %d32-126 */

/** For each octet the classes it is in. */
extern const unsigned char smtp_chars_class[256];

/** Whether octet @a c is in one of the classes @a classes. */
#define smtp_chars_is(c, classes) \
    ((smtp_chars_class[(unsigned char)(c)] & (classes)) != 0)

/**
 * Length in octets of the well-formed UTF-8 sequence at @a s (RFC 3629: no
 * overlong form, no surrogate, nothing above U+10FFFF).
 * @return 1 to 4, or 0 when malformed or cut short by @a len
 */
apr_size_t smtp_chars_utf8_len(const char *s, apr_size_t len);

/** Whether all of @a s is well-formed UTF-8 without NUL. */
int smtp_chars_is_utf8(const char *s, apr_size_t len);

/** Whether an octet above 127 stands in @a s. Fast: each octet of each mail
 *  goes through here. */
int smtp_chars_has_8bit(const char *s, apr_size_t len);

/** The largest number that an apr_off_t holds. */
#define SMTP_CHARS_NUMBER_MAX \
    ((apr_off_t)(~(apr_uint64_t)0 >> (65 - 8 * sizeof(apr_off_t))))

/**
 * Reads 1*DIGIT: no sign, no blank.
 * @return 1; 0 if @a s is something else (*number is 0 then); -1 if it is a
 *         number above SMTP_CHARS_NUMBER_MAX (which *number then is)
 */
int smtp_chars_number_parse(const char *s, apr_size_t len,
                            apr_off_t *number);

/**
 * A copy of @a s in @a p that is safe in a log line, a header field or a
 * reply: %d32-126 stand for themselves, a backslash and all other octets
 * become \\xHH. At most @a max octets of input are taken; when there are more
 * the result ends in "...".
 */
char *smtp_chars_escape(apr_pool_t *p, const char *s, apr_size_t len,
                        apr_size_t max);

#endif
