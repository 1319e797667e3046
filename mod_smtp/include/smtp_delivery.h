/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_delivery.h
 * How a message is handed over: a delivery takes recipients, then octets,
 * then responsibility. Whoever keeps mail (mod_smtp_spool, another module)
 * implements one and hands it out by the deliver hook.
 *
 * One transaction has one delivery, so that commit is one atomic act: a
 * recipient whom another delivery would take is told 452 4.5.3 and comes in a
 * transaction of its own (RFC 5321 4.5.3.1.10 makes the client do that).
 */
#ifndef SMTP_DELIVERY_H
#define SMTP_DELIVERY_H

#include "mod_smtp.h"

typedef struct smtp_delivery_t smtp_delivery_t;

/** What a kind of delivery does. The order of calls is recipient* write*
 *  [content] (commit finish | abort). All in the session's thread. */
typedef struct smtp_delivery_class_t {
    const char *name;            /**< for logs: "mod_smtp_spool" */

    /** Takes one more recipient; before the first write. @return OK, or a
     *  verdict with *reply filled: then the recipient is refused and the
     *  delivery goes on without it. */
    int (*recipient)(smtp_delivery_t *delivery, smtp_recipient_t *recipient,
                     smtp_reply_t *reply);

    /** Takes octets of the mail (CRLF line ends, dots unstuffed). Not yet
     *  durable. After an error no more is written: the server consumes the
     *  rest of the data and aborts. ENOSPC and EDQUOT become 452 4.3.1, all
     *  else 451 4.3.0. */
    apr_status_t (*write)(smtp_delivery_t *delivery, const char *octets,
                          apr_size_t len);

    /** Appends what was written so far to @a content. The buckets are valid
     *  until commit or abort. */
    apr_status_t (*content)(smtp_delivery_t *delivery,
                            apr_bucket_brigade *content);

    /**
     * Makes the message durable for all its recipients, or not at all.
     * @param trace  header fields (CRLF included) that go on top of what was
     *               written: our Received, then fields added by hooks
     * @return APR_SUCCESS only when a crash or a power loss can no longer
     *         lose it; else as write. After an error the delivery is over, as
     *         by abort.
     */
    apr_status_t (*commit)(smtp_delivery_t *delivery, const char *trace,
                           apr_size_t trace_len);

    /** After a commit whose 250 has been sent: work that the client need not
     *  wait for. If the process dies before, it is made up for by recovery.
     *  May be NULL. */
    void (*finish)(smtp_delivery_t *delivery);

    /** Forgets the message. Nothing of it is ever seen. */
    void (*abort)(smtp_delivery_t *delivery);
} smtp_delivery_class_t;

/** A delivery in hand. Whoever hands it out allocates it in the
 *  transaction's pool, where a clean-up must not be needed for more than
 *  abort does. */
struct smtp_delivery_t {
    const smtp_delivery_class_t *klass;
    smtp_transaction_t *transaction;
    void *ctx;                   /**< the implementer's own */
};

/**
 * Who delivers to this recipient? The first that does not decline sets
 * *delivery and returns OK, or refuses with a reply. When the transaction has
 * a delivery already, the hook is run again for each further recipient and
 * *delivery holds the one in hand: whoever made it returns OK and leaves it;
 * another who wants the recipient returns SMTP_REFUSE with 452 4.5.3.
 */
APR_DECLARE_EXTERNAL_HOOK(smtp, SMTP, int, deliver,
                          (smtp_transaction_t *transaction,
                           smtp_recipient_t *recipient,
                           smtp_delivery_t **delivery, smtp_reply_t *reply))

#endif
