/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_dsn.h
 * Who has to be told what became of a message (RFC 3461, 3464, 6533; RFC 5321
 * 4.5.5), and telling them.
 */
#ifndef QUEUE_DSN_H
#define QUEUE_DSN_H

#include "queue_conf.h"
#include "queue_store.h"
#include "smtp_report.h"

/** One recipient of whom something is to be told. */
typedef struct queue_dsn_recipient_t {
    apr_uint32_t recipient;      /**< index in the message */
    smtp_report_action_e action;
    int code;                    /**< reply code, or 0 */
    smtp_status_t status;
    const char *host;            /**< who said it, or "" */
    const char *text;
    apr_time_t attempt;
    apr_time_t until;            /**< delayed: given up then */
    unsigned int is_told : 1;    /**< nothing of it is left to be told */
} queue_dsn_recipient_t;

/** What a recipient still asks for: NOTIFY, but without SUCCESS behind an alias
 *  with several members, since whoever took the mail has said "expanded" (RFC
 *  3461 5.2.7.3). This is passed on to the next hop. */
apr_int64_t queue_dsn_notify_get(const store_recipient_t *recipient);

/** What is asked for of a recipient of whom two ask: all that one of them
 *  does. None of it is FAILURE and DELAY, which is what no NOTIFY means. */
apr_int64_t queue_dsn_notify_join(apr_int64_t a, apr_int64_t b);

/** ORCPT for the next hop, or NULL: what came with the recipient; for an
 *  address that an alias leads to, if nothing came, the alias (RFC 3461 5.2.1,
 *  RFC 6533 3). In @a p, or as long as the envelope. */
const char *queue_dsn_orcpt_get(apr_pool_t *p,
                                const store_envelope_t *envelope,
                                const store_queued_recipient_t *recipient);

/** Whether an alias leads to the recipient, who is elsewhere
 *  (SMTP_MAILBOX_FORWARD). */
int queue_dsn_is_forwarded(const store_envelope_t *envelope,
                           const store_queued_recipient_t *recipient);

/** What has to be told, by NOTIFY (RFC 3461 4.1, 5.2): nothing of a null
 *  reverse-path; failures unless NOTIFY forbids; delays where it asks or says
 *  nothing; success and relaying only where it asks. */
int queue_dsn_is_wanted(const store_envelope_t *envelope,
                        const store_queued_recipient_t *recipient,
                        smtp_report_action_e action);

/**
 * Composes the next report, about those of @a recipients that are not told yet,
 * have the same news, and want to have them told (queue_dsn_is_wanted), up to
 * as many as one DSN has; and sends it by smtp_own_mail_send; a copy to the
 * postmaster where the configuration says so. With SMTPVERP a report is about
 * one. Waits for the disk: in a thread.
 * @param p     the thread's own
 * @param mail  opened for this call; read from its begin, maybe several times
 * @param recipients  in the order of the message. Out: is_told of at least one
 * @param first  all before it are told
 * @param end    out: of those from it on none is told now
 * @return APR_SUCCESS: it is durable, or nobody can be told (logged), or wants
 *         to be: those that are told now may be over, and the next call is for
 *         the rest; else nobody was told: try again
 */
apr_status_t queue_dsn_send(apr_pool_t *p, const queue_vhost_t *vhost,
                            queue_mail_t *mail,
                            queue_dsn_recipient_t *recipients, int count,
                            int first, int *end);

#endif
