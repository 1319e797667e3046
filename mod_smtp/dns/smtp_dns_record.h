/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dns_record.h
 * RDATA of the types that mail needs, as values. Whoever owns a zone chooses
 * these octets: what is malformed is refused as a whole, never mended.
 * Pure: any thread.
 */
#ifndef SMTP_DNS_RECORD_H
#define SMTP_DNS_RECORD_H

#include <netinet/in.h>

#include <apr_pools.h>

/** The numbers are IANA's. */
typedef enum {
    SMTP_DNS_RECORD_A = 1,
    SMTP_DNS_RECORD_CNAME = 5,
    SMTP_DNS_RECORD_PTR = 12,
    SMTP_DNS_RECORD_MX = 15,
    SMTP_DNS_RECORD_TXT = 16,
    SMTP_DNS_RECORD_AAAA = 28,
    SMTP_DNS_RECORD_TLSA = 52
} smtp_dns_record_e;

/** An IP address. */
typedef struct smtp_dns_address_t {
    int family;                   /**< AF_INET; AF_INET6, and then not of
                                       ::ffff:0:0/96 */
    union {
        struct in_addr ipv4;
        struct in6_addr ipv6;
    } ip;
} smtp_dns_address_t;

/** A TLSA record (RFC 6698 2.1): any numbers, also those of the future. */
typedef struct smtp_dns_tlsa_t {
    unsigned char usage;
    unsigned char selector;
    unsigned char matching;
    const unsigned char *data;    /**< at least one octet */
    apr_size_t data_len;
} smtp_dns_tlsa_t;

typedef struct smtp_dns_record_t {
    smtp_dns_record_e type;       /**< which of the following is meant */
    union {
        smtp_dns_address_t address;     /**< A, AAAA */
        const char *name;               /**< PTR, CNAME: a host name */
        struct {
            int preference;             /**< 0 to 65535 */
            const char *host;           /**< a host name, or "": the root */
        } mx;
        struct {
            const char *text;           /**< the strings of TXT, joined; any
                                             octets but NUL, which ends it */
            apr_size_t len;
        } txt;
        smtp_dns_tlsa_t tlsa;
    } u;
} smtp_dns_record_t;

/**
 * Reads @a rdata (RFC 1035 3.3, RFC 3596 2.2, RFC 6698 2.1) of @a type.
 * Names in it are host names in lower case without a dot at their end. The
 * strings of a TXT record become one, as SPF (RFC 7208 3.3) and DKIM want it;
 * with a NUL in it, which C would take for its end, it is malformed.
 * @param record  set on success, with nothing in it that points into
 *                @a rdata; else zero
 * @return APR_SUCCESS; APR_EINVAL when malformed; APR_ENOTIMPL for a type
 *         that is none of the above
 */
apr_status_t smtp_dns_record_parse(apr_pool_t *p, int type,
                                   const unsigned char *rdata, apr_size_t len,
                                   smtp_dns_record_t *record);

/** The address as inet_ntop() writes it, in @a p. */
const char *smtp_dns_address_write(apr_pool_t *p,
                                   const smtp_dns_address_t *address);

/** Reads what inet_pton() reads; an IPv4 address in ::ffff:0:0/96 becomes
 *  the IPv4 address that it is. @return APR_SUCCESS or APR_EINVAL */
apr_status_t smtp_dns_address_parse(const char *text,
                                    smtp_dns_address_t *address);

/** Whether @a address leads to this machine wherever it is used: 127.0.0.0/8,
 *  0.0.0.0/8 (RFC 1122 3.2.1.3), ::1 and ::. */
int smtp_dns_address_is_loopback(const smtp_dns_address_t *address);

/** Whether both are one address. */
int smtp_dns_address_is_equal(const smtp_dns_address_t *a,
                              const smtp_dns_address_t *b);

#endif
