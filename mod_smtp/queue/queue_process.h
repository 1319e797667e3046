/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_process.h
 * The queue process, seen from the parent: forked when httpd has read its
 * configuration, forked again when it dies, told to stop when the
 * configuration goes. Its life is queue_process_main.h.
 *
 * With a graceful restart two of them overlap. The one before may still wait
 * for replies to mail that it has sent; the new one waits for its lock.
 */
#ifndef QUEUE_PROCESS_H
#define QUEUE_PROCESS_H

#include <httpd.h>

#include "queue_conf.h"

/** A process that lived shorter than this died at once. */
#define QUEUE_PROCESS_SHORT_LIFE apr_time_from_sec(10)
/** How long the next one rests before it begins, when that has happened once,
 *  and how long at most. */
#define QUEUE_PROCESS_PAUSE      apr_time_from_sec(1)
#define QUEUE_PROCESS_PAUSE_MAX  apr_time_from_sec(60)

/** How long httpd, when it stops, waits for the queue process beyond
 *  SMTPQueueStopTimeout. */
#define QUEUE_PROCESS_STOP_EXTRA apr_time_from_sec(2)

/**
 * In post_config, behind who makes the spool. The process lives as long as
 * @a pconf; what is left of it then, as long as it needs for its stop.
 * @param s  the main server
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR: httpd shall not start
 */
int queue_process_begin(apr_pool_t *pconf, const queue_conf_t *conf,
                        server_rec *s);

#endif
