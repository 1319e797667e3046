/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_verp.h
 * Reverse-paths that name the recipient (variable envelope return paths), so
 * that whatever comes back says by its own recipient whom it is about:
 * "news@example.com" towards "bob@example.org" with the delimiters "+=" is
 * "news+bob=example.org@example.com". Pure: any thread.
 */
#ifndef QUEUE_VERP_H
#define QUEUE_VERP_H

#include <apr_pools.h>

/**
 * @param delimiters   two different characters: in front of the recipient, and
 *                     in the place of its @
 * @param reverse_path without brackets, as @a recipient and the result
 * @return in @a p; @a reverse_path itself where the other could not be read
 *         again, or is no address: the null one; a local-part that has the
 *         first delimiter already; a recipient whose domain has the second; a
 *         local-part of more than 64 octets (RFC 5321 4.5.3.1.1)
 */
const char *queue_verp_write(apr_pool_t *p, const char *delimiters,
                             const char *reverse_path,
                             const char *recipient);

/**
 * Takes apart what queue_verp_write() made.
 * @param reverse_path out: as it was before, in @a p; NULL on failure
 * @param recipient    out: the same
 * @return 1; 0: @a address is none of those
 */
int queue_verp_parse(apr_pool_t *p, const char *delimiters,
                     const char *address, const char **reverse_path,
                     const char **recipient);

#endif
