/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_mx.h
 * From a domain to the hosts that take its mail, in the order in which they
 * are tried (RFC 5321 5.1, RFC 7505), and from a host to its addresses.
 * Pure: answers of DNS and random numbers are passed in. Any thread.
 *
 *     mx = smtp_mx_create(p, "example.com", self);
 *     if (mx->status == SMTP_MX_ASK) {
 *         ... ask DNS for SMTP_DNS_MX of mx->domain ...
 *         smtp_mx_answer(mx, answer, self, seed);
 *     }
 *     for each host of mx->hosts that is no literal:
 *         ... ask DNS for SMTP_DNS_ADDRESS of host->name ...
 *         if (smtp_mx_is_self(self, answer->records)) {
 *             smtp_mx_discard(mx, its index);
 *         }
 *         smtp_mx_address_order(...)
 *
 * A host that is an alias has no right to be one (RFC 2181 10.3), but mail is
 * not lost for that: its address is asked for as for any, DNS follows it.
 */
#ifndef SMTP_MX_H
#define SMTP_MX_H

#include <apr_tables.h>

#include "smtp_dns_answer.h"

/** Hosts of a domain at most; the worse preferences are left out. */
#define SMTP_MX_HOSTS_MAX 20

typedef enum {
    SMTP_MX_OK = 0,      /**< hosts has at least one */
    SMTP_MX_ASK,         /**< DNS is to be asked for the MX of domain */
    SMTP_MX_INVALID,     /**< no domain, or a literal of an unknown kind: the
                              recipient fails, 5.1.2 */
    SMTP_MX_NXDOMAIN,    /**< no such domain: 5.1.2 (RFC 5321 5.1) */
    SMTP_MX_NULL,        /**< it takes no mail: 556, 5.1.10 (RFC 7505) */
    SMTP_MX_UNUSABLE,    /**< it has MX records, none of them with a host, and
                              then no address of its own counts (RFC 5321 5.1):
                              5.4.4 */
    SMTP_MX_SELF,        /**< we are its best host, and yet not to deliver:
                              5.4.6, routing loop (RFC 5321 5.1) */
    SMTP_MX_TEMPORARY    /**< DNS had no answer, or a bogus one: 4.4.3 */
} smtp_mx_e;

typedef struct smtp_mx_host_t {
    /** A host name, or the literal as smtp_domain_normalise() writes it. */
    const char *name;
    /** Of an address literal the address, which needs no DNS; else NULL. */
    const smtp_dns_address_t *literal;
    int preference;
    /** There is no MX record: it is the domain itself. */
    unsigned int is_implicit : 1;
} smtp_mx_host_t;

typedef struct smtp_mx_t {
    apr_pool_t *p;
    smtp_mx_e status;
    const char *domain;           /**< in A-labels; NULL of SMTP_MX_INVALID */
    apr_array_header_t *hosts;    /**< smtp_mx_host_t, best first; empty unless
                                       SMTP_MX_OK */
    /** The answer was validated: DANE can be (RFC 7672 2.2.1). 0 of a
     *  literal. */
    unsigned int is_secure : 1;
    /** There were more than SMTP_MX_HOSTS_MAX. */
    unsigned int is_cut : 1;
} smtp_mx_t;

/** Who we are. */
typedef struct smtp_mx_self_t {
    /** const char *: as smtp_domain_normalise() writes them; may be NULL. */
    const apr_array_header_t *names;
    /** smtp_dns_address_t; may be NULL. Those of loopback are ours without
     *  being named: a stranger's zone must not lead us to what listens there
     *  and trusts whoever can reach it. */
    const apr_array_header_t *addresses;
    /** Loopback is not us (a test's next hops live there). */
    unsigned int is_loopback_foreign : 1;
} smtp_mx_self_t;

/**
 * Where mail for @a domain (a recipient's, or a next hop of a route) goes, as
 * far as that can be told without DNS: an address literal is a host, a name
 * is asked for. U-labels become A-labels (RFC 6531 3.2).
 * @return in @a p; status SMTP_MX_OK, SMTP_MX_ASK, SMTP_MX_INVALID, or
 *         SMTP_MX_SELF of a literal with an address of ours
 */
smtp_mx_t *smtp_mx_create(apr_pool_t *p, const char *domain,
                          const smtp_mx_self_t *self);

/**
 * What follows from @a answer to the question for the MX of mx->domain. Hosts
 * of equal preference come in an order that @a seed chooses, each equally
 * likely; our own host and those of the same or a worse preference are left
 * out (RFC 5321 5.1), a host named twice is tried once.
 */
void smtp_mx_answer(smtp_mx_t *mx, const smtp_dns_answer_t *answer,
                    const smtp_mx_self_t *self, apr_uint64_t seed);

/** Whether one of @a records, A and AAAA of a host, is an address of ours. */
int smtp_mx_is_self(const smtp_mx_self_t *self,
                    const apr_array_header_t *records);

/** Host @a i has an address of ours: takes it and all of the same or a worse
 *  preference away. With none left mx->status is SMTP_MX_SELF. */
void smtp_mx_discard(smtp_mx_t *mx, int i);

typedef enum {
    SMTP_MX_FAMILY_ANY = 0,       /**< chance says which comes first */
    SMTP_MX_FAMILY_IPV6_FIRST,    /**< RFC 8305 4 */
    SMTP_MX_FAMILY_IPV4_FIRST,
    SMTP_MX_FAMILY_IPV6_ONLY,
    SMTP_MX_FAMILY_IPV4_ONLY
} smtp_mx_family_e;

/**
 * The addresses of a host in the order in which they are tried: each family
 * in an order of chance (RFC 5321 5.1), both by turns (RFC 8305 4), so that a
 * family that does not work costs one attempt and not all.
 * @param records  A and AAAA records; others are passed over
 * @param max      addresses at most, more than 0
 * @return smtp_dns_address_t, each once, in @a p
 */
apr_array_header_t *smtp_mx_address_order(apr_pool_t *p,
                                          const apr_array_header_t *records,
                                          smtp_mx_family_e family, int max,
                                          apr_uint64_t seed);

#endif
