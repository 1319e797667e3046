/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_dns_name.h
 * Names as DNS carries them (RFC 1035 3.1) and as we ask for them. What comes
 * from DNS comes from anybody: a name leaves here as a host name (RFC 1123
 * 2.1) or not at all. Pure: any thread.
 */
#ifndef SMTP_DNS_NAME_H
#define SMTP_DNS_NAME_H

#include <apr_pools.h>

/** RFC 1035 2.3.4: octets of a name on the wire, and as text at most. */
#define SMTP_DNS_NAME_WIRE_OCTETS  255
#define SMTP_DNS_NAME_TEXT_OCTETS  253

/**
 * Whether @a name is a host's: labels of letters, digits and inner hyphens,
 * no dot at its end, and no address: its last label is not all digits (RFC
 * 1123 2.1, RFC 3696 2).
 */
int smtp_dns_name_is_host(const char *name);

/** Whether @a name can be asked for: 1 to 253 octets of %d33-126 without a
 *  backslash in labels of 1 to 63, such as _25._tcp.mx.example.com. */
int smtp_dns_name_is_askable(const char *name);

/**
 * Reads the name that fills all of @a octets. Compression is refused: there
 * is none in what libunbound hands out.
 * @return a host name in lower case, without a dot at its end, in @a p; ""
 *         for the root; NULL when it is malformed or no host name
 */
const char *smtp_dns_name_parse(apr_pool_t *p, const unsigned char *octets,
                                apr_size_t len);

/**
 * Where the PTR records of an address stand (RFC 1035 3.5, RFC 3596 2.5).
 * @param address  as inet_pton() reads it; one of ::ffff:0:0/96 is IPv4
 * @return a name in @a p; NULL when @a address is none
 */
const char *smtp_dns_name_reverse(apr_pool_t *p, const char *address);

#endif
