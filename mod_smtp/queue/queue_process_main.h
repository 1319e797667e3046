/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_process_main.h
 * The queue process, seen from inside.
 */
#ifndef QUEUE_PROCESS_MAIN_H
#define QUEUE_PROCESS_MAIN_H

#include <sys/types.h>

#include <httpd.h>

#include "queue_conf.h"
#include "queue_hint.h"
#include "queue_log.h"

/** What the parent gives it on its way. */
typedef struct queue_process_t {
    const queue_conf_t *conf;
    server_rec *s;               /**< the main server */
    queue_log_t *log;            /**< of attempts; opened by the parent */
    pid_t parent;
    apr_interval_time_t pause;   /**< before it begins */
} queue_process_t;

/** Name of the process, for ps and top. */
#define QUEUE_PROCESS_NAME "smtp-queue"

/** What this process tells others of mail that waits, whichever process it
 *  is: see smtp_queue_wake. */
extern queue_hint_sender_t queue_process_hints;

/**
 * After fork(), with all signals blocked: becomes the user of httpd's
 * children, works until it is told to stop.
 * @param p  destroyed here
 * @return the exit status: 0 when it was told to stop
 */
int queue_process_run(apr_pool_t *p, const queue_process_t *process);

#endif
