/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_domain.h
 * Local domains and who lives there: from a forward-path to mailboxes.
 * Read-only after start: any thread.
 */
#ifndef SMTPD_DOMAIN_H
#define SMTPD_DOMAIN_H

#include "mod_smtp.h"
#include "smtpd_conf.h"

/** Whether the names of a section are domains, patterns or "*".
 *  @return NULL or a message for the administrator */
const char *smtpd_domain_names_fault(apr_pool_t *p,
                                     const smtpd_section_t *section);

/**
 * Builds conf->domains, wild_domains and primary from conf->sections. Of the
 * sections that name a domain the least specific counts first: "*", then
 * ".parent" from the shortest, then the name itself; equals in order of
 * appearance.
 * @return NULL or a message for the administrator
 */
const char *smtpd_domain_build(apr_pool_t *p, apr_pool_t *ptemp,
                               server_rec *s, smtpd_conf_t *conf);

/** The local domain that @a name (normalised) belongs to, or NULL: the exact
 *  name, then .parent from the longest, then ServerAlias wildcards. */
const smtpd_domain_t *smtpd_domain_find(const smtpd_conf_t *conf,
                                        const char *name);

/**
 * Whether all that can be listed at start leads to mailboxes here, or to
 * addresses that mail can be sent on to: the aliases of maps that can list
 * themselves, SMTPPostmaster, SMTPCatchAll.
 * @return NULL or a message for the administrator
 */
const char *smtpd_domain_check(apr_pool_t *p, const smtpd_conf_t *conf);

/** What became of a recipient. */
typedef enum {
    SMTPD_ROUTE_OK = 0,
    SMTPD_ROUTE_NOT_LOCAL,       /**< the domain is not ours */
    SMTPD_ROUTE_UNKNOWN,         /**< 550 5.1.1 */
    SMTPD_ROUTE_ROUTING,         /**< the local-part would route on, as
                                      user%elsewhere: 550 5.7.1 */
    SMTPD_ROUTE_AMBIGUOUS,       /**< an alias in a loop, too wide or leading
                                      nowhere: 451 4.3.5, logged */
    SMTPD_ROUTE_FAILED           /**< a map could not be asked: 451 4.3.0,
                                      logged */
} smtpd_route_e;

/**
 * Resolves @a address to mailboxes: an alias or a recipient of this very name,
 * then of the name without its extension, then postmaster (RFC 5321 4.5.1),
 * any, catch-all. Aliases count before recipients; an alias that leads to
 * itself means the mailbox of its name. <Postmaster> without domain, and
 * postmaster at the literal of the address that the client reached (4.1.3),
 * are postmaster at conf->primary.
 * @param mailboxes  out, in r->pool: smtp_mailbox_t *, no mailbox twice, and
 *                   addresses elsewhere to which aliases lead
 */
smtpd_route_e smtpd_domain_route(request_rec *r, const smtpd_conf_t *conf,
                                 const smtp_address_t *address,
                                 apr_array_header_t **mailboxes);

/** The members of alias @a address as text, for EXPN, or NULL if it is no
 *  alias (const char *, in r->pool). */
apr_array_header_t *smtpd_domain_expand(request_rec *r,
                                        const smtpd_conf_t *conf,
                                        const smtp_address_t *address);

#endif
