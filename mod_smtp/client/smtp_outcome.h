/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_outcome.h
 * What became of one recipient of one attempt, and the tables that tell it
 * from a reply or from the loss of a connection. Pure: any thread.
 */
#ifndef SMTP_OUTCOME_H
#define SMTP_OUTCOME_H

#include <apr_pools.h>

#include "smtp_reply.h"

/** Where in the dialogue: what was being waited for. */
typedef enum {
    SMTP_STAGE_NONE = 0,
    SMTP_STAGE_CONNECT,          /**< the driver's */
    SMTP_STAGE_GREETING,
    SMTP_STAGE_EHLO,             /**< EHLO or LHLO */
    SMTP_STAGE_HELO,
    SMTP_STAGE_STARTTLS,         /**< the command */
    SMTP_STAGE_TLS,              /**< the handshake */
    SMTP_STAGE_AUTH,
    SMTP_STAGE_NEED,             /**< before any octet: what the message needs
                                      and the peer lacks */
    SMTP_STAGE_RSET,
    SMTP_STAGE_MAIL,
    SMTP_STAGE_RCPT,
    SMTP_STAGE_DATA,             /**< 354 to DATA */
    SMTP_STAGE_BLOCK,            /**< mail data, chunks that are not the last */
    SMTP_STAGE_END,              /**< end-of-data, the last chunk */
    SMTP_STAGE_QUIT,
    SMTP_STAGE_COUNT
} smtp_stage_e;

/** A word for logs: "end-of-data". */
const char *smtp_stage_name(smtp_stage_e stage);

typedef enum {
    SMTP_OUTCOME_PENDING = 0,    /**< the attempt is not over */
    /** LMTP (RFC 2033): it is in the mailbox. A DSN "delivered" is ours. */
    SMTP_OUTCOME_DELIVERED,
    /** The peer took it and knows DSN: it reports (RFC 3461 5.2.2). */
    SMTP_OUTCOME_PASSED_ON,
    /** The peer took it and knows no DSN: a DSN "relayed" is ours. */
    SMTP_OUTCOME_RELAYED,
    SMTP_OUTCOME_DEFERRED,       /**< try again later */
    SMTP_OUTCOME_FAILED          /**< for ever */
} smtp_outcome_e;

/** All zero: pending. */
typedef struct smtp_outcome_t {
    smtp_outcome_e result;
    smtp_stage_e stage;          /**< where it was decided */
    int code;                    /**< reply code; 0: no reply decided it */
    /** The peer's enhanced code, or the one that goes with its reply code, or
     *  ours. klass is 2, 4 or 5 unless pending; it agrees with result. */
    smtp_status_t status;
    /** One line of %d32-126: the peer's text, escaped and cut; ours when
     *  code is 0. NULL while pending. */
    const char *text;
    /** The peer had all of the mail: it may have delivered it. */
    unsigned int may_be_duplicate : 1;
    /** Deferred for a reason that is over with this transaction (too many
     *  recipients for one; a kept connection that had gone): try again at
     *  once, without counting an attempt. */
    unsigned int retry_now : 1;
} smtp_outcome_t;

/** Whether the next hop took responsibility. */
int smtp_outcome_is_success(const smtp_outcome_t *outcome);

/** A word for logs and DSNs: "deferred". */
const char *smtp_outcome_name(smtp_outcome_e result);

/** What a reply means where it came. */
typedef enum {
    SMTP_VERDICT_ACCEPTED,       /**< what was asked for was done */
    SMTP_VERDICT_CONTINUE,       /**< 354 to DATA, 334 to AUTH */
    SMTP_VERDICT_DEFERRED,
    SMTP_VERDICT_FAILED,
    /** Refused because there are too many recipients (RFC 5321
     *  4.5.3.1.10): deferred, and to be tried again at once. */
    SMTP_VERDICT_TOO_MANY,
    /** 421: deferred, and the peer closes (RFC 5321 3.8). */
    SMTP_VERDICT_CLOSING,
    /** No reply of SMTP at this place: the peer is out of step. Close;
     *  deferred. */
    SMTP_VERDICT_BROKEN
} smtp_verdict_e;

/** RFC 5321 4.2.1, 4.3.2: the first digit decides, with the exceptions that
 *  the table in smtp_outcome.c lists. */
smtp_verdict_e smtp_outcome_verdict(smtp_stage_e stage,
                                    const smtp_reply_t *reply);

/**
 * The outcome that @a reply is for a recipient.
 * @param verdict  of smtp_outcome_verdict(); not CONTINUE
 * @param result   for ACCEPTED: which of the successes
 * @param outcome  out; its text is in @a p
 */
void smtp_outcome_of_reply(apr_pool_t *p, smtp_stage_e stage,
                           const smtp_reply_t *reply, smtp_verdict_e verdict,
                           smtp_outcome_e result, smtp_outcome_t *outcome);

/** How a connection was lost, or why it was given up. */
typedef enum {
    SMTP_LOSS_REFUSED = 0,       /**< connect: nobody listens */
    SMTP_LOSS_UNREACHABLE,       /**< connect: no route, no address */
    SMTP_LOSS_TIMEOUT,           /**< connect, or a deadline of ours */
    SMTP_LOSS_CLOSED,            /**< end of file, reset */
    SMTP_LOSS_TLS,               /**< handshake or record failed */
    SMTP_LOSS_MALFORMED,         /**< what came is no reply, or too long */
    SMTP_LOSS_OUT_OF_STEP,       /**< a reply where none can be */
    SMTP_LOSS_INJECTED,          /**< octets between 220 to STARTTLS and TLS */
    SMTP_LOSS_CONTENT,           /**< our own mail data could not be read */
    SMTP_LOSS_STOPPED,           /**< our own end */
    SMTP_LOSS_COUNT
} smtp_loss_e;

/** The outcome of a loss while @a stage was waited for: always deferred. Its
 *  text is @a detail, escaped into @a p, or a constant if that is NULL. */
void smtp_outcome_of_loss(apr_pool_t *p, smtp_stage_e stage,
                          smtp_loss_e loss, const char *detail,
                          smtp_outcome_t *outcome);

/** An outcome of our own judgement. @a status.klass 4 or 5 decides.
 *  @param text  kept, not copied */
void smtp_outcome_of_status(smtp_stage_e stage, smtp_status_t status,
                            const char *text, smtp_outcome_t *outcome);

/** @a text on one line: LF becomes a space, what is not %d32-126 \\xHH; what
 *  is over SMTP_OUTCOME_TEXT_MAX_OCTETS is cut. In @a p. */
#define SMTP_OUTCOME_TEXT_MAX_OCTETS 500
char *smtp_outcome_text(apr_pool_t *p, const char *text);

#endif
