/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_lookup.h
 * Maps from a key to a value: recipients, aliases, credentials, whose address
 * is whose. A kind of map ("txt",
 * "dbm", "dbd", "list", or another module's) is a provider:
 * ap_register_provider(p, SMTP_LOOKUP_GROUP, "txt", SMTP_LOOKUP_VERSION,
 * &lookup). Directives name a map as kind:argument.
 */
#ifndef SMTP_LOOKUP_H
#define SMTP_LOOKUP_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <httpd.h>

#define SMTP_LOOKUP_GROUP   "smtp_lookup"
#define SMTP_LOOKUP_VERSION "1"

/** What the keys and values of a map are. */
typedef enum {
    /** Keys are mailboxes (below, key); values list mailboxes. */
    SMTP_LOOKUP_TARGETS = 0,
    /** Both are text, taken as it is: a key is a login, of which case
     *  counts. */
    SMTP_LOOKUP_VALUES
} smtp_lookup_content_e;

typedef struct smtp_lookup_t {
    /**
     * Opens a map while the configuration is read.
     * @param p        pconf
     * @param argument what follows "kind:"
     * @param content  what the map is for; a kind that cannot hold that says
     *                 so
     * @param map      out: the provider's own
     * @return NULL, or a message for the administrator that names the
     *         trouble and the remedy, without the directive
     */
    const char *(*open)(apr_pool_t *p, server_rec *s, const char *argument,
                        smtp_lookup_content_e content, void **map);

    /**
     * Finds @a key. Any thread.
     * @param p      for the value
     * @param r      the request of the transaction, or of an AUTH exchange;
     *               NULL when checking at start
     * @param key    with SMTP_LOOKUP_TARGETS a name, or name@domain, as an
     *               address has it: lower case (ASCII letters), the name
     *               quoted where it must be, the domain in A-label form.
     *               With SMTP_LOOKUP_VALUES a login. It comes from a peer, and
     *               may hold any octet that an address may
     * @param value  out: NULL when the key is absent; "" when it is there
     *               without value: a mailbox; else the targets of an alias,
     *               or the value
     * @return an error when the map could not be asked: 451 4.3.0, never
     *         "unknown"
     */
    apr_status_t (*find)(apr_pool_t *p, request_rec *r, void *map,
                         const char *key, const char **value);

    /** Calls @a visit for each entry, until it returns an error, which is
     *  returned. NULL when the kind cannot list. For the checks at start. */
    apr_status_t (*each)(apr_pool_t *p, void *map,
                         apr_status_t (*visit)(void *ctx, const char *key,
                                               const char *value),
                         void *ctx);
} smtp_lookup_t;

#endif
