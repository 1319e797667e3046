/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_session.h
 * A session of an SMTP client as the server keeps it: the states, and the way
 * from octets to replies. One thread at a time works on a session.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <apr_ring.h>

#include "mod_smtp.h"
#include "smtp_delivery.h"
#include "smtp_domain.h"
#include "smtp_dot.h"
#include "smtp_line.h"
#include "smtpd_conf.h"

/** Where the session stands (RFC 5321 4.1.4): bits, so that a command names
 *  the phases that allow it. */
typedef enum {
    SMTPD_PHASE_REFUSED   = 0x01, /**< greeted by 554: only QUIT is left */
    SMTPD_PHASE_CONNECTED = 0x02, /**< before HELO or EHLO */
    SMTPD_PHASE_READY     = 0x04, /**< no transaction */
    SMTPD_PHASE_MAIL      = 0x08, /**< MAIL was accepted, no recipient yet */
    SMTPD_PHASE_RCPT      = 0x10, /**< at least one recipient */
    SMTPD_PHASE_CHUNKS    = 0x20  /**< between BDAT chunks */
} smtpd_phase_e;

/** The argument of EHLO: a domain, or a literal with its brackets. */
#define SMTPD_HELO_MAX_OCTETS (SMTP_DOMAIN_MAX_OCTETS + 2)

/** What the next octets are. */
typedef enum {
    SMTPD_INPUT_COMMAND = 0,      /**< a command line */
    SMTPD_INPUT_AUTH,             /**< a line of a SASL exchange */
    SMTPD_INPUT_DATA,             /**< mail data up to CRLF.CRLF */
    SMTPD_INPUT_CHUNK             /**< the octets of a BDAT chunk */
} smtpd_input_e;

typedef struct smtpd_transaction_t smtpd_transaction_t;
typedef struct smtpd_auth_t smtpd_auth_t;
typedef struct smtpd_turn_t smtpd_turn_t;

typedef struct smtpd_session_t smtpd_session_t;
struct smtpd_session_t {
    smtp_session_t pub;           /**< what other modules see; first */
    const smtpd_conf_t *conf;
    smtpd_phase_e phase;
    smtpd_input_e input;
    smtp_line_t line;
    apr_bucket_brigade *in;       /**< read, not yet consumed */
    apr_size_t rest_of_bucket;    /**< behind the line at hand, in its bucket */
    apr_bucket_brigade *out;      /**< replies not yet pushed */
    apr_pool_t *command_pool;     /**< cleared after each command */
    char *helo;                   /**< what pub.helo points to */
    smtpd_transaction_t *transaction; /**< NULL when there is none */
    smtpd_auth_t *auth;           /**< the SASL exchange at hand, or NULL */
    int auth_failures;            /**< so far */
    smtpd_turn_t *turn;           /**< the roles are swapped; NULL: not */
    void *ssl;                    /**< OpenSSL's SSL, once mod_ssl has it */
    apr_off_t tls_unsent_octets;  /**< that mod_ssl wrote since core had sent
                                       all */
    unsigned int key_updates;     /**< of TLS 1.3, since the last octets */

    apr_off_t chunk_left;         /**< octets of the chunk still to come */
    unsigned int chunk_is_last : 1;
    smtp_reply_t chunk_refusal;   /**< code 0: the chunk is wanted */

    unsigned int is_closing : 1;  /**< no more is read; flush, then close */
    unsigned int is_aborted : 1;  /**< close without flushing */
    unsigned int is_async : 1;    /**< the MPM waits for us without a thread */
    unsigned int is_blocked : 1;  /**< replies wait for a slow reader */
    unsigned int may_have_input : 1; /**< worth reading before waiting */
    unsigned int has_quit : 1;    /**< QUIT: the client closes first */
    unsigned int is_handshaking : 1; /**< TLS is being agreed on */
    unsigned int is_greeted : 1;
    unsigned int is_fat : 1;      /**< its allocator keeps what a mail took */
    unsigned int is_one_too_many : 1; /**< over SMTPMaxConnections */

    int slot;                     /**< of the child, in the scoreboard */
    apr_time_t deadline;          /**< of what is awaited now */
    apr_time_t data_deadline;     /**< of the whole mail data */

    /** The list of waiting sessions; its mutex guards these. */
    APR_RING_ENTRY(smtpd_session_t) waiting;
    int is_waiting;
    int is_expired;               /**< the sweeper ended the wait */
};

/** Begins a session on @a c, whose virtual host has SMTPEngine On. */
smtpd_session_t *smtpd_session_create(conn_rec *c);

/** A session without a client, in which this server sends mail of its own. No
 *  limit counts it, no hook hears of its begin and end. */
smtpd_session_t *smtpd_session_create_own(conn_rec *c);

/** The session of @a c or NULL. */
smtpd_session_t *smtpd_session_get(const conn_rec *c);

/** Takes the configuration of virtual host @a s from here on. */
void smtpd_session_host_set(smtpd_session_t *ss, server_rec *s);

/** Sets ss->pub.extensions to what EHLO offers as the session stands: some
 *  extensions wait for TLS, one ends with it. */
void smtpd_session_extensions_set(smtpd_session_t *ss);

/** Greets the client (RFC 5321 3.1): 220, 554 or 421. */
void smtpd_session_greet(smtpd_session_t *ss);

/** Consumes what is in ss->in until it is empty, the session closes or
 *  replies cannot be sent. */
void smtpd_session_consume(smtpd_session_t *ss);

/** Whether octets of the client are here behind the command at hand. */
int smtpd_session_has_input(const smtpd_session_t *ss);

/** Queues a reply. Counts errors. With code 421 the session closes. */
void smtpd_session_reply(smtpd_session_t *ss, const smtp_reply_t *reply);

/** Queues @a reply and closes: 421 and the like (RFC 5321 3.8). */
void smtpd_session_close(smtpd_session_t *ss, const smtp_reply_t *reply);

/** Sets ss->deadline for what is awaited now. */
void smtpd_session_deadline_set(smtpd_session_t *ss);

/** Whether mail data is on its way, so that a graceful stop waits for it. */
int smtpd_session_is_in_data(const smtpd_session_t *ss);

/** The phase in a word, for logs and status: "MAIL". */
const char *smtpd_session_phase_name(const smtpd_session_t *ss);

/** Changes the phase; logs the change at trace level. */
void smtpd_session_phase_set(smtpd_session_t *ss, smtpd_phase_e phase);

#endif
