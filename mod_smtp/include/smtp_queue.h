/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_queue.h
 * Mail that is sent on: what whoever stores a message and whoever sends it
 * on (mod_smtp_queue) say to each other, and how any module gives the server
 * a message of its own.
 */
#ifndef SMTP_QUEUE_H
#define SMTP_QUEUE_H

#include "mod_smtp.h"

/** Where a message is that is to be sent on: a record of a journal. */
typedef struct smtp_queue_hint_t {
    char dir[48];                /**< below SPOOL/journal; ends with NUL */
    apr_uint64_t segment;        /**< its number */
    apr_uint64_t generation;
    apr_uint64_t place;          /**< of the record in it */
} smtp_queue_hint_t;

/**
 * Whether the queue takes responsibility for sending mail to this recipient:
 * one that is_relayed, or one with a mailbox whose method is the queue's
 * ("lmtp", "smtp", "on-demand", SMTP_MAILBOX_FORWARD). Whoever stores mail asks
 * in its deliver hook. mod_smtp takes aliases that lead elsewhere only if the
 * function is there.
 * @return OK, DECLINED, or SMTP_REFUSE with *reply filled: a route says that
 *         nothing goes there
 */
APR_DECLARE_OPTIONAL_FN(int, smtp_queue_takes,
                        (smtp_transaction_t *transaction,
                         smtp_recipient_t *recipient, smtp_reply_t *reply));

/** What is wrong with @a target as an argument of SMTPDeliver
 *  ("lmtp:unix:/path", "smtp:host:port"); NULL: mail can be sent there.
 *  In @a p. While the configuration is read. */
APR_DECLARE_OPTIONAL_FN(const char *, smtp_queue_target_fault,
                        (apr_pool_t *p, const char *target));

/** A message is durable and waits to be sent. Never waits and cannot fail:
 *  who does not hear it finds the message by itself, later. Any thread of any
 *  child. */
APR_DECLARE_OPTIONAL_FN(void, smtp_queue_wake,
                        (const smtp_queue_hint_t *hint));

/**
 * Has all mail for recipients in a domain tried now (RFC 1985). Waits for the
 * queue process, some seconds at most. Any thread of any child.
 * @param p       for its own use
 * @param domain  A-labels, lower case; ".example.com": below it
 * @param count   out: messages that wait for it; 0 on failure
 * @return APR_SUCCESS; APR_TIMEUP: it was asked, and is being done; any other:
 *         it cannot be done now
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, smtp_queue_flush,
                        (apr_pool_t *p, const char *domain,
                         apr_int64_t *count));

/**
 * Has the mail of some domains sent to whoever is at the other end of a socket
 * (RFC 2645): mail that is kept for them (SMTPRoute on-demand, SMTPDeliver
 * on-demand). Waits for the queue process, some seconds at most. Any thread of
 * any child.
 * @param p        for its own use
 * @param domains  const char *: A-labels, lower case; ".example.com": below it
 * @param client   the address of who gets it, for logs
 * @param fd       out: a socket that does not wait, for the caller to close; on
 *                 it the queue process is an SMTP client that waits for the
 *                 greeting. -1 on failure
 * @param count    out: messages there are; 0 on failure
 * @return APR_SUCCESS; APR_NOTFOUND: there is no mail; APR_ENOSPC: there are
 *         too many domains for one call; any other: it cannot be done now,
 *         APR_EBUSY because somebody fetches the mail
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, smtp_queue_turn,
                        (apr_pool_t *p, const apr_array_header_t *domains,
                         const char *client, int *fd, apr_int64_t *count));

/** A message of this server's own: a delivery status notification, a report.
 *  Strings are used during the call only. */
typedef struct smtp_own_mail_t {
    const char *reverse_path;    /**< without brackets; "": the null one */
    /** const char *, without brackets. */
    const apr_array_header_t *recipients;
    smtp_mail_params_t params;
    smtp_rcpt_params_t rcpt_params; /**< the same for each recipient */
    /** Writes the mail, header section and all, in lines that end in CRLF, by
     *  as many calls of @a write as it likes. */
    apr_status_t (*compose)(void *ctx,
                            apr_status_t (*write)(void *to,
                                                  const char *octets,
                                                  apr_size_t len),
                            void *to);
    void *ctx;
} smtp_own_mail_t;

/**
 * Gives the server a message of its own: goes through the hooks route and
 * deliver as any does, and is durable when this returns APR_SUCCESS. May send
 * anywhere, whatever <SMTPRelay> says; no policy for clients is asked.
 * Recipients whom one transaction cannot take come in several, for each of
 * which the mail is composed again. Waits for the disk. Any thread of a
 * process of httpd's, the queue's included.
 * @param p     for its own use; of the calling thread
 * @param s     the virtual host in whose name it is sent; if SMTPEngine is off
 *              there, the first that has it on
 * @param id    out, in @a p: its queue id, of several the first; NULL on
 *              failure
 * @param reply out, in @a p: on failure the reply that a recipient or the
 *              message met
 * @return APR_SUCCESS; APR_EGENERAL when a recipient is refused (*reply says
 *         how): nobody gets it; else the error of the store or of compose:
 *         nobody does, but for those of transactions that were over
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, smtp_own_mail_send,
                        (apr_pool_t *p, server_rec *s,
                         const smtp_own_mail_t *mail, const char **id,
                         smtp_reply_t *reply));

#endif
