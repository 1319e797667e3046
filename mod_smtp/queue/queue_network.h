/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_network.h
 * What connections share: the loop, DNS, who we are, TLS. One thread: the
 * loop's.
 */
#ifndef QUEUE_NETWORK_H
#define QUEUE_NETWORK_H

#include "queue_conf.h"
#include "queue_loop.h"
#include "smtp_dns.h"
#include "smtp_random.h"
#include "smtp_tls.h"

/** Made once. */
typedef struct queue_network_t {
    const server_rec *server;    /**< for the error log */
    queue_loop_t *loop;
    smtp_dns_t *dns;             /**< asked by queue_network_ask() only */
    smtp_mx_self_t self;
    smtp_tls_context_t *tls;     /**< NULL: no TLS can be had */
    smtp_random_t random;
    struct queue_sts_t *sts;     /**< queue_sts.h; NULL: no MTA-STS */
    struct queue_tls_report_t *tls_report; /**< queue_tls_report.h; NULL: no
                                                TLS-RPT */
    queue_timer_t dns_timer;     /* private */
} queue_network_t;

/**
 * Makes all of it of the configuration, but sts and tls_report, in the process
 * that runs the loop: libunbound has a thread. Answers of DNS come by the loop
 * from then on.
 * @param p        of the network; destroyed before the loop
 * @param network  out; NULL on failure
 * @param fault    out: NULL, or what is wrong, for the administrator, in @a p
 */
apr_status_t queue_network_create(apr_pool_t *p, const queue_conf_t *conf,
                                  queue_loop_t *loop,
                                  queue_network_t **network,
                                  const char **fault);

/** smtp_dns_ask(), now. */
apr_status_t queue_network_ask(queue_network_t *network, apr_pool_t *p,
                               smtp_dns_question_e question,
                               const char *name, smtp_dns_done_t *done,
                               void *baton);

#endif
