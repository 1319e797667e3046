/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_resolve.h
 * How a name becomes mailboxes: look-up, aliases, extension, catch-all. Used
 * for each recipient, and at start for each alias that can be listed. An alias
 * may also lead to addresses elsewhere, where somebody sends mail on
 * (smtp_queue_takes); they are in the list of mailboxes, with the method
 * SMTP_MAILBOX_FORWARD.
 * A resolution is used once, by one thread.
 */
#ifndef SMTPD_RESOLVE_H
#define SMTPD_RESOLVE_H

#include "smtpd_domain.h"

/** The name that always exists (RFC 5321 4.5.1), in any case. */
#define SMTPD_RESOLVE_POSTMASTER "postmaster"

/** The work on one name. */
typedef struct smtpd_resolve_t {
    apr_pool_t *p;
    request_rec *r;              /**< NULL when checking at start */
    const smtpd_conf_t *conf;
    apr_array_header_t *mailboxes; /**< found: smtp_mailbox_t * */
    apr_hash_t *added;           /**< key -> mailbox */
    apr_hash_t *met;             /**< key -> state of a name with an alias */
    int targets;                 /**< followed so far */
    int depth;                   /**< aliases on the way to here */
    const char *parent;          /**< key of the alias that is followed */
    const char *fault;           /**< why it is SMTPD_ROUTE_AMBIGUOUS; what
                                      came from a peer is escaped */
} smtpd_resolve_t;

/** A name at a local domain. */
typedef struct smtpd_name_t {
    const smtpd_domain_t *domain;
    const char *domain_name;     /**< the very domain, where the above is a
                                      pattern */
    const char *local;
    const char *extension;       /**< NULL if none */
    const char *key;             /**< of local at domain_name, for maps */
    int no_catch_all;            /**< reached through it: it must not hide
                                      that its own target is wrong */
} smtpd_name_t;

/** What stands for a name. */
typedef struct smtpd_entry_t {
    const char *value;           /**< targets; "": a mailbox; NULL: nothing */
    const char *where;           /**< who says so, for messages */
} smtpd_entry_t;

/** Begins with everything in @a p. */
void smtpd_resolve_begin(smtpd_resolve_t *resolve, apr_pool_t *p,
                         request_rec *r, const smtpd_conf_t *conf);

/** Sets @a name to @a local at @a domain, whose name is @a domain_name. */
void smtpd_resolve_name_set(const smtpd_resolve_t *resolve,
                            smtpd_name_t *name, const smtpd_domain_t *domain,
                            const char *domain_name, const char *local);

/** Finds what stands for @a name, whose extension it may split off. */
smtpd_route_e smtpd_resolve_find(const smtpd_resolve_t *resolve,
                                 smtpd_name_t *name, smtpd_entry_t *entry);

/** Adds the mailboxes that @a name leads to, and the addresses. */
smtpd_route_e smtpd_resolve_name(smtpd_resolve_t *resolve,
                                 smtpd_name_t *name);

/** Adds the mailboxes that the targets of @a entry lead to, which stands for
 *  @a name. */
smtpd_route_e smtpd_resolve_targets(smtpd_resolve_t *resolve,
                                    const smtpd_name_t *name,
                                    const smtpd_entry_t *entry);

#endif
