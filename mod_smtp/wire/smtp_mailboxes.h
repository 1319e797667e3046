/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_mailboxes.h
 * Lists of addresses in header fields (RFC 5322 3.4, 3.6.2; the obsolete
 * syntax of 4.4; UTF-8 of RFC 6532; groups of RFC 6854). Pure: any thread.
 */
#ifndef SMTP_MAILBOXES_H
#define SMTP_MAILBOXES_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "smtp_address.h"

/** Mailboxes of a list at most, those in groups included. */
#define SMTP_MAILBOXES_MAX 256

/** May groups stand in the list (an address-list)? Else it is a
 *  mailbox-list. */
#define SMTP_MAILBOXES_ALLOW_GROUP 0x1u

typedef enum {
    SMTP_MAILBOXES_OK = 0,
    SMTP_MAILBOXES_SYNTAX,       /**< no list; none of its mailboxes counts */
    SMTP_MAILBOXES_TOO_MANY
} smtp_mailboxes_status_e;

/**
 * Reads the body of a field, folded or not. Display names and comments are
 * skipped; local-parts are unquoted; comments and white space within a
 * mailbox are dropped, and so are source routes.
 * @param mailboxes  out: const smtp_address_t *, in @a p, in order; the
 *                   mailboxes of groups among them. Empty unless OK. A list
 *                   of nothing but commas is no list; a group may be empty
 * @return SMTP_MAILBOXES_SYNTAX too for a mailbox that SMTP could not carry:
 *         a local-part over 64 octets or with controls, a domain over 255
 */
smtp_mailboxes_status_e smtp_mailboxes_parse(apr_pool_t *p, const char *s,
                                             apr_size_t len,
                                             unsigned int allow,
                                             apr_array_header_t **mailboxes);

#endif
