/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtp_client.h
 * An SMTP or LMTP client without I/O: the peer's octets in, octets for the
 * peer out, an outcome for each recipient (RFC 5321, 2033, 2920, 3030, 3207,
 * 4954). It asks for neither time nor chance. One thread at a time for each
 * object; different objects are independent.
 *
 * A driver owns the socket. Its loop, blocking or not, is:
 *
 *     smtp_client_create(pool, &conf, now, &client);
 *     for (;;) {
 *         switch (smtp_client_state(client)) {
 *         case SMTP_CLIENT_TLS:    shake hands, smtp_client_tls_done(); break;
 *         case SMTP_CLIENT_READY:  smtp_client_begin() with the next message,
 *                                  or smtp_client_quit(); break;
 *         case SMTP_CLIENT_CLOSED: close the socket; leave
 *         case SMTP_CLIENT_BUSY:   break;
 *         }
 *         len = smtp_client_output(client, now, &octets);
 *         wait for input, for room if len > 0, until smtp_client_deadline()
 *             input:    smtp_client_input()
 *             room:     smtp_client_written() with what the socket took;
 *                       then there may be more output
 *             too late: smtp_client_lost(.., SMTP_LOSS_TIMEOUT, ..)
 *             EOF, error: smtp_client_lost(.., SMTP_LOSS_CLOSED, ..)
 *     }
 *
 * Input is always waited for, also while there is output: a peer may answer
 * before it has read everything, and who does not read then may never be read
 * (RFC 2920 3.1). A message is over when the state is READY or CLOSED: then
 * no recipient is pending any more.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "smtp_extension.h"
#include "smtp_outcome.h"
#include "smtp_params.h"

/** Octets of one reply at most, all its lines: memory that a peer chooses. */
#define SMTP_CLIENT_REPLY_MAX_OCTETS 16384

/** Octets of output that a client holds. */
#define SMTP_CLIENT_BUFFER_OCTETS 32768

/** How STARTTLS is used. What the certificate must be is for whoever does the
 *  handshake to judge (smtp_tls_policy.h). */
typedef enum {
    SMTP_CLIENT_TLS_NONE = 0,    /**< never asked for */
    /** If offered; if refused go on without. When the handshake fails the
     *  connection is lost: a new one with NONE may be tried. */
    SMTP_CLIENT_TLS_MAY,
    SMTP_CLIENT_TLS_MUST         /**< no TLS: no mail, deferred */
} smtp_client_tls_e;

/** A login (RFC 4954). The strongest mechanism that the peer offers is used,
 *  SCRAM-SHA-256-PLUS first, LOGIN last. Strings are kept, not copied. */
typedef struct smtp_client_auth_t {
    const char *login;           /**< UTF-8; NULL: no AUTH at all */
    const char *password;        /**< UTF-8 */
    const char *authzid;         /**< NULL: that of the login */
    /** For SCRAM: 16 octets or more of randomness as %d33-126 without comma,
     *  new for each connection (RFC 5802 5.1). NULL: no SCRAM. */
    const char *nonce;
    /** Mechanisms that may be used: bits 1u << smtp_sasl_mechanism_e; 0: all
     *  that are known here. */
    unsigned int mechanisms;
    unsigned int without_tls : 1; /**< even over a connection in the clear */
} smtp_client_auth_t;

/** Of one connection. All zero but for helo: SMTP, no TLS, no login, the
 *  deadlines of RFC 5321. Kept, not copied, as what it points to: it outlives
 *  the client. */
typedef struct smtp_client_conf_t {
    const char *helo;            /**< our name or address literal */
    unsigned int lmtp : 1;       /**< LHLO; a reply for each recipient */
    unsigned int chunking : 1;   /**< BDAT also where DATA would do */
    /** 8-bit mail goes out to a peer without 8BITMIME; else it fails, 5.6.3 */
    unsigned int send_8bit : 1;
    smtp_client_tls_e tls;
    smtp_client_auth_t auth;
    /** How long to wait at each stage, whatever octets trickle in; 0: as RFC
     *  5321 4.5.3.2 has it. For SMTP_STAGE_BLOCK: for the socket to take
     *  what smtp_client_output() gave. */
    apr_interval_time_t timeout[SMTP_STAGE_COUNT];
    /** Extensions of the peer that are not to be used, as it lies. */
    smtp_extension_set_t ignore;
} smtp_client_conf_t;

/** What TLS has come to; strings are copied. All zero: TLS, nothing more. */
typedef struct smtp_client_tls_t {
    unsigned int is_verified : 1; /**< the peer is who it should be: DANE,
                                       certificate (RFC 8689 4.2.1) */
    const char *binding_type;    /**< channel binding for SCRAM, such as
                                      "tls-exporter" (RFC 9266); NULL: none */
    const char *binding;         /**< its octets */
    apr_size_t binding_len;
} smtp_client_tls_t;

/** Gives mail data: the next octets, with line ends CRLF, not dot-stuffed.
 *  What else than CRLF ends a line becomes CRLF on the way, but for BINARYMIME.
 *  @param octets  out: valid until the next call or the end of the message
 *  @return APR_SUCCESS with *len > 0; APR_EOF at the end; APR_EAGAIN: nothing
 *          yet, ask again by smtp_client_output(); else the mail cannot be
 *          read: the connection is given up, the mail deferred */
typedef apr_status_t (*smtp_client_content_fn)(void *ctx,
                                               const char **octets,
                                               apr_size_t *len);

typedef struct smtp_client_rcpt_t {
    const char *address;         /**< what stands between < and > */
    smtp_rcpt_params_t params;
    smtp_outcome_t outcome;      /**< out; whatever it was before */
} smtp_client_rcpt_t;

/** A message and those of its recipients that this attempt is for. */
typedef struct smtp_client_message_t {
    apr_pool_t *pool;            /**< the texts of outcomes; memory by the
                                      number of recipients, not by size */
    const char *reverse_path;    /**< "": the null one */
    smtp_mail_params_t params;   /**< as they came; what the peer does not
                                      offer is left out or is a need */
    unsigned int has_8bit : 1;   /**< octets above 127 in it */
    unsigned int has_utf8_header : 1; /**< its header needs RFC 6532 */
    apr_off_t size_octets;       /**< 0: not known */
    smtp_client_rcpt_t *rcpts;
    apr_size_t rcpt_count;       /**< at least 1 */
    smtp_client_content_fn content;
    void *content_ctx;
} smtp_client_message_t;

typedef struct smtp_client_t smtp_client_t;

typedef enum {
    SMTP_CLIENT_BUSY = 0,        /**< in dialogue */
    /** All output is written and the peer said 220 to STARTTLS. Shake hands;
     *  read nothing before that does not go to TLS. */
    SMTP_CLIENT_TLS,
    SMTP_CLIENT_READY,           /**< a message may begin. Output there may be:
                                      none */
    SMTP_CLIENT_CLOSED           /**< close the connection */
} smtp_client_state_e;

/**
 * A client for a connection that has just been made; waits for the greeting.
 * @param p       lives as long as the client; memory is bounded
 * @param client  out; NULL on failure
 * @return APR_SUCCESS, or APR_EINVAL: conf->helo is no domain or literal in
 *         ASCII, or there is a login without a password
 */
apr_status_t smtp_client_create(apr_pool_t *p, const smtp_client_conf_t *conf,
                                apr_time_t now, smtp_client_t **client);

smtp_client_state_e smtp_client_state(const smtp_client_t *client);

/** When the wait ends; 0 in the states TLS, READY and CLOSED, where it is the
 *  driver's. Moves at each whole reply and each buffer written. */
apr_time_t smtp_client_deadline(const smtp_client_t *client);

/** What is being waited for. */
smtp_stage_e smtp_client_stage(const smtp_client_t *client);

/**
 * Octets for the peer; reads the mail for it.
 * @param octets  out: valid until the next call of any function
 * @return how many; 0: none now
 */
apr_size_t smtp_client_output(smtp_client_t *client, apr_time_t now,
                              const char **octets);

/** The first @a len octets of smtp_client_output() are on their way. */
void smtp_client_written(smtp_client_t *client, apr_size_t len,
                         apr_time_t now);

/** Octets of the peer; all of them are taken. */
void smtp_client_input(smtp_client_t *client, const char *octets,
                       apr_size_t len, apr_time_t now);

/** The connection is lost or given up; nothing more can be written. Pending
 *  recipients are deferred; the state is CLOSED.
 *  @param detail  words for the outcome, of the system or the peer (escaped,
 *                 copied); NULL: general ones */
void smtp_client_lost(smtp_client_t *client, smtp_loss_e loss,
                      const char *detail);

/**
 * TLS stands: in the state TLS, or, for implicit TLS (RFC 8314 3), before the
 * first octet of input. All that the peer had said is forgotten (RFC 3207
 * 4.2). If it fails: smtp_client_lost() with SMTP_LOSS_TLS.
 */
void smtp_client_tls_done(smtp_client_t *client, const smtp_client_tls_t *tls,
                          apr_time_t now);

/**
 * Begins a message, in the state READY. What the peer cannot take
 * (smtp_client_need.h) and what is over its LIMITS (RFC 9422; retry_now) has
 * an outcome at once; with nobody left the state stays READY.
 * @param message  in use until the state is READY or CLOSED
 */
void smtp_client_begin(smtp_client_t *client, smtp_client_message_t *message,
                       apr_time_t now);

/** Whether the peer's MAILMAX (RFC 9422) lets a further message begin. */
int smtp_client_has_room(const smtp_client_t *client);

/** Ends the session, in the state READY; CLOSED follows when the peer has
 *  answered. In another state it does nothing. */
void smtp_client_quit(smtp_client_t *client, apr_time_t now);

/** Why the session ended but by smtp_client_quit(): an outcome for whatever
 *  the driver still has for this peer; another host may be tried. NULL if it
 *  did not. May be there before the state is CLOSED (QUIT is being said). */
const smtp_outcome_t *smtp_client_failure(const smtp_client_t *client);

/** What the peer offers; changes with TLS. */
const smtp_extension_offer_t *smtp_client_offer(const smtp_client_t *client);

/** Transactions that were begun: MAIL commands. */
apr_size_t smtp_client_message_count(const smtp_client_t *client);

/** Whether the dialogue is under TLS; whether a login succeeded. */
int smtp_client_is_tls(const smtp_client_t *client);
int smtp_client_is_authenticated(const smtp_client_t *client);

#endif
