/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool_config.h
 * The directives of mod_smtp_spool: SMTPSpool, SMTPSpoolMinFree,
 * SMTPSpoolSegmentSize. Server-wide. Read-only after start: any thread.
 */
#ifndef SPOOL_CONFIG_H
#define SPOOL_CONFIG_H

#include <httpd.h>
#include <http_config.h>

typedef struct spool_config_t {
    const char *path;            /**< SMTPSpool, absolute; NULL: no spool */
    apr_off_t min_free;          /**< SMTPSpoolMinFree, octets */
    apr_off_t segment_octets;    /**< SMTPSpoolSegmentSize */
} spool_config_t;

extern const command_rec spool_config_directives[];

/** Create function for the module's record: defaults. */
void *spool_config_create(apr_pool_t *p, server_rec *s);

/** The configuration, of the main server. */
spool_config_t *spool_config_get(server_rec *s);

#endif
