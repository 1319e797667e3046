/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_domain.h
 * Domain and address literal (RFC 5321 2.3.5, 4.1.2, 4.1.3; RFC 6531 3.3).
 * Pure: any thread.
 */
#ifndef SMTP_DOMAIN_H
#define SMTP_DOMAIN_H

#include <apr_pools.h>

/** RFC 5321 4.5.3.1.2: octets of a domain at most. */
#define SMTP_DOMAIN_MAX_OCTETS 255

typedef enum {
    SMTP_DOMAIN_INVALID = 0,
    SMTP_DOMAIN_NAME,      /**< LDH labels, maybe a single label */
    SMTP_DOMAIN_UNAME,     /**< a name with at least one U-label (UTF-8) */
    SMTP_DOMAIN_IPV4,      /**< [192.0.2.1] */
    SMTP_DOMAIN_IPV6,      /**< [IPv6:2001:db8::1] */
    SMTP_DOMAIN_GENERAL    /**< [tag:content] with another tag */
} smtp_domain_e;

/** May a U-label stand in the domain (RFC 6531)? */
#define SMTP_DOMAIN_ALLOW_UTF8     0x01u
/** May it be an address literal? */
#define SMTP_DOMAIN_ALLOW_LITERAL  0x02u

/**
 * What @a s is. Labels 1 to 63 octets, no hyphen at either end, 255 octets
 * in all; IPv6 forms of RFC 5321 4.1.3 (no zone, at most one "::", which
 * stands for two groups or more). A trailing dot is invalid.
 * Of a U-label it is checked that it is UTF-8 without controls and without
 * the full stops of other scripts, and of at most 59 characters: its octets
 * may be more than 63, only its A-label may not (RFC 5890 4.2).
 * @return SMTP_DOMAIN_INVALID when it is none, or is of a kind that @a allow
 *         does not name
 */
smtp_domain_e smtp_domain_parse(const char *s, apr_size_t len,
                                unsigned int allow);

/**
 * The kind of an EHLO or HELO argument. As smtp_domain_parse() with literals
 * allowed, but '_' too is taken in a label: real clients send it and RFC 5321
 * 4.1.4 forbids refusing mail only for an argument that does not verify.
 */
smtp_domain_e smtp_domain_parse_helo(const char *s, apr_size_t len,
                                     unsigned int allow);

/** A lower-case copy (ASCII letters only) in @a p. */
char *smtp_domain_fold(apr_pool_t *p, const char *s, apr_size_t len);

/**
 * The one form in which domains are compared and looked up: A-labels (RFC
 * 5891 4, by libidn2) in lower case, in @a p. Address literals are folded,
 * and the address in them gets the one form that inet_ntop() writes.
 * @return NULL when @a name is no domain or has no such form
 */
const char *smtp_domain_normalise(apr_pool_t *p, const char *name);

#endif
