/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_lookup_table.h
 * What maps hold: keys that stand for mailboxes, values that list targets;
 * and tables of them in memory, with their text form. Pure: any thread.
 *
 * A table is an apr_hash_t from key to value. A value is "" for a plain
 * mailbox, else the targets of an alias.
 */
#ifndef SMTPD_LOOKUP_TABLE_H
#define SMTPD_LOOKUP_TABLE_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "smtp_lookup.h"

/**
 * The key under which maps are asked for a mailbox: the local-part in lower
 * case (ASCII letters only), quoted where an address must quote it, then "@"
 * and the domain if there is one. Quoting keeps a local-part that holds "@"
 * from meeting the entry of another domain.
 * @param domain  normalised, or NULL
 */
const char *smtpd_lookup_key(apr_pool_t *p, const char *local,
                             const char *domain);

/**
 * Reads the targets in @a value: mailboxes, with or without domain,
 * separated by commas or blanks.
 * @param targets  out: const smtp_address_t *, in @a p; none for ""
 * @return NULL, or a message that quotes the wrong target (escaped)
 */
const char *smtpd_lookup_targets(apr_pool_t *p, const char *value,
                                 apr_array_header_t **targets);

/**
 * Adds @a name (name or name@domain) with @a targets ("" for none).
 * @return NULL, or a message: syntax, or the name is there already
 */
const char *smtpd_lookup_table_add(apr_pool_t *p, apr_hash_t *table,
                                   const char *name, const char *targets);

/** As smtpd_lookup_table_add(), but adds to the targets when the name is
 *  there already. */
const char *smtpd_lookup_table_extend(apr_pool_t *p, apr_hash_t *table,
                                      const char *name, const char *targets);

/**
 * Reads the text form: a line is empty, or "#" and a comment, or a name, and
 * after blanks its targets, and after blanks "#" and a comment.
 * @param content  with SMTP_LOOKUP_VALUES a name and what stands behind it are
 *                 any text. A name that holds blanks, begins with "#" or with
 *                 a double quote stands in double quotes, within which "\"
 *                 goes before a double quote and before itself
 * @param table  out: in @a p, as is all that it holds
 * @return NULL, or a message that begins with "line N: "; then *table is NULL
 */
const char *smtpd_lookup_table_parse(apr_pool_t *p, const char *octets,
                                     apr_size_t len,
                                     smtp_lookup_content_e content,
                                     apr_hash_t **table);

#endif
