/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_name.h
 * Names of mailboxes as names of directories. Pure: any thread.
 *
 * Octets stand for themselves but for: control octets, space, DEL, "/", "%"
 * and a "." in front of a part, which become %HH (two hex digits, upper case).
 * So no name leaves its directory, hides, or meets another's. The empty name
 * is "%-". A name over SPOOL_NAME_MAX octets goes on in a directory within:
 * each part but the last ends in "%+". All of this can be undone.
 */
#ifndef SPOOL_NAME_H
#define SPOOL_NAME_H

#include <apr_pools.h>

/** Octets of one part, "%+" not counted: with it no more than NAME_MAX. */
#define SPOOL_NAME_MAX 250
/** Octets of a whole path. */
#define SPOOL_NAME_PATH_MAX 2000

/** The path of a Maildir below SPOOL/mail, in @a p: domain, "/", name.
 *  @return NULL when it would have more than SPOOL_NAME_PATH_MAX octets */
const char *spool_name_path(apr_pool_t *p, const char *domain,
                            const char *name);

#endif
