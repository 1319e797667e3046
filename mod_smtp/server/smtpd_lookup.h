/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_lookup.h
 * The kinds of maps that mod_smtp brings along, and how a directive's
 * kind:argument becomes a map.
 */
#ifndef SMTPD_LOOKUP_H
#define SMTPD_LOOKUP_H

#include <apr_pools.h>

#include <httpd.h>

#include "smtp_lookup.h"
#include "smtpd_conf.h"

/** list:name,name: names in the directive itself. The map is a table as
 *  smtpd_lookup_table.h makes it. */
extern const smtp_lookup_t smtpd_lookup_list;
/** txt:path: a text file, read again when it changes. */
extern const smtp_lookup_t smtpd_lookup_txt;
/** dbm:path and dbm:type:path: a DBM file, opened for each look-up. */
extern const smtp_lookup_t smtpd_lookup_dbm;
/** dbd:query: an SQL query by mod_dbd. */
extern const smtp_lookup_t smtpd_lookup_dbd;

/** Registers the four as providers. For register_hooks. */
void smtpd_lookup_register(apr_pool_t *p);

/**
 * Opens the map that @a spec names as kind:argument, while the configuration
 * is read.
 * @param p    pconf
 * @param content  what the directive makes of keys and values
 * @param map  out: its field where is left to the caller
 * @return NULL, or a message for the administrator without the directive
 */
const char *smtpd_lookup_open(apr_pool_t *p, server_rec *s, const char *spec,
                              smtp_lookup_content_e content,
                              smtpd_map_t **map);

#endif
