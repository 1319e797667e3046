/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_tlsa.h
 * DANE for SMTP (RFC 7672): for which names TLSA records are asked, which
 * records count, and what follows for a connection. Pure: any thread.
 *
 * The choice of the strongest digest among usable records (RFC 7671 9) is
 * OpenSSL's, who is given all of them.
 */
#ifndef SMTP_TLSA_H
#define SMTP_TLSA_H

#include <apr_tables.h>

#include "smtp_dns_answer.h"

typedef enum {
    SMTP_TLSA_NONE = 0,  /**< no DANE: whatever policy there is else */
    SMTP_TLSA_DANE,      /**< TLS, and the certificate has to match */
    SMTP_TLSA_ENCRYPT,   /**< TLS, whoever has the key: none of the records is
                              usable (RFC 7672 2.2) */
    SMTP_TLSA_DEFER      /**< no answer: this host is not to be used now, as an
                              attacker may have seen to that (2.1.1) */
} smtp_tlsa_e;

/**
 * The names (const char *, at most two, in @a p) of which TLSA records are
 * asked for @a host, in this order, until one answer is not SMTP_TLSA_NONE
 * (RFC 7672 2.2.1, 2.2.2, 2.2.3). None: DANE cannot be had, TLSA is not even
 * asked for.
 * @param is_mx_secure  the MX records were validated; 1 where there is no MX
 *                      step, as for a next hop that the administrator names
 * @param address       the addresses of @a host
 * @param alias         the answer to SMTP_DNS_ALIAS of @a host, which counts
 *                      when smtp_tlsa_needs_alias(); else NULL
 */
apr_array_header_t *smtp_tlsa_hosts(apr_pool_t *p, const char *host,
                                    int is_mx_secure,
                                    const smtp_dns_answer_t *address,
                                    const smtp_dns_answer_t *alias);

/** Whether SMTP_DNS_ALIAS is to be asked for the host of @a address: it is an
 *  alias, and something on the way is not validated; the alias itself may be
 *  (RFC 7672 2.2.2). */
int smtp_tlsa_needs_alias(const smtp_dns_answer_t *address);

/** Where TLSA records stand: _25._tcp.HOST (RFC 6698 3), in @a p; NULL when
 *  that is too long for a name. */
const char *smtp_tlsa_owner(apr_pool_t *p, const char *host, int port);

/**
 * Whether a record can authenticate a mail server: usage DANE-TA(2) or
 * DANE-EE(3) (RFC 7672 3.1.3: not the PKIX usages), a known selector and
 * matching type, and data of the digest's length.
 */
int smtp_tlsa_is_usable(const smtp_dns_tlsa_t *tlsa);

/** What @a answer to SMTP_DNS_TLSA means (RFC 7672 2.1.1, 2.2). */
smtp_tlsa_e smtp_tlsa_policy(const smtp_dns_answer_t *answer);

#endif
