/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_conf_file.h
 * Files that directives name. While the configuration is read.
 */
#ifndef QUEUE_CONF_FILE_H
#define QUEUE_CONF_FILE_H

#include <apr_pools.h>

/** Octets of a password. */
#define QUEUE_CONF_SECRET_MAX_OCTETS 1024

/** Octets of the text of a DSN. */
#define QUEUE_CONF_TEXT_MAX_OCTETS 65536

/**
 * Reads the password in the first and only line of the file @a path (relative
 * to ServerRoot), which must not be readable or writable by all.
 * @param secret  out: in @a p, wiped when that is destroyed; NULL on failure
 * @return NULL, or a static text with trouble and remedy, without the secret
 */
const char *queue_conf_secret_read(apr_pool_t *p, const char *path,
                                   const char **secret);

/**
 * Reads a text in UTF-8.
 * @param text  out: in lines that end in LF; NULL on failure
 * @return NULL, or a static text with trouble and remedy
 */
const char *queue_conf_text_read(apr_pool_t *p, const char *path,
                                 const char **text);

/** Whether there is such a file or directory that can be read. @return NULL,
 *  or a static text with trouble and remedy */
const char *queue_conf_file_fault(apr_pool_t *p, const char *path);

#endif
