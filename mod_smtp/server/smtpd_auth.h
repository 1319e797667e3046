/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_auth.h
 * AUTH (RFC 4954): which mechanisms a session may use, and the exchange with
 * one of them, from AUTH's line to 235, 535 or whatever ends it.
 */
#ifndef SMTPD_AUTH_H
#define SMTPD_AUTH_H

#include "smtp_sasl.h"
#include "smtpd_session.h"

/** Octets of a login, as RFC 4616 2 has it for PLAIN; of all mechanisms. */
#define SMTPD_AUTH_LOGIN_MAX_OCTETS 255

/** What a message of the client came to. */
typedef enum {
    /** auth->challenge goes to the client, whose next message is awaited. */
    SMTPD_AUTH_CHALLENGE = 0,
    /** It is auth->login, who may log in: 235. */
    SMTPD_AUTH_PASSED,
    /** Not so, and auth->reason says why to the log: 535 5.7.8. */
    SMTPD_AUTH_REFUSED,
    /** Could not be judged now, which was logged: 454 4.7.0. */
    SMTPD_AUTH_UNAVAILABLE,
    /** It is no message of the mechanism: 501 5.5.2. */
    SMTPD_AUTH_MALFORMED,
    /** auth->reply ends the exchange. */
    SMTPD_AUTH_STOPPED
} smtpd_auth_outcome_e;

typedef struct smtpd_auth_mechanism_t smtpd_auth_mechanism_t;

/** An exchange: from the AUTH command to its last reply. */
struct smtpd_auth_t {
    smtpd_session_t *ss;
    apr_pool_t *pool;             /**< goes with the exchange */
    const smtpd_auth_mechanism_t *mechanism;
    int step;                     /**< messages of the client before this */
    /** Who the client says it is; NULL as long as it did not say, or did not
     *  say it well. */
    const char *login;
    const char *reason;           /**< of a refusal, for the log: a constant */
    smtp_reply_t reply;           /**< with SMTPD_AUTH_STOPPED */
    const char *challenge;        /**< octets, before base64 */
    apr_size_t challenge_len;
    void *ctx;                    /**< the mechanism's own */
};

/** One mechanism: a row of the table in smtpd_auth.c. */
struct smtpd_auth_mechanism_t {
    smtp_sasl_mechanism_e mechanism;
    /** Among mechanisms, for 534: what a listener or a false server learns,
     *  the less the stronger. */
    int strength;
    int needs_tls;                /**< whatever SMTPAuthWithoutTLS says */
    /** What is asked of a client that sent no initial response; NULL: nothing,
     *  for the client speaks first. */
    const char *prompt;
    /** Whether this session has what it takes; NULL: always. */
    int (*is_possible)(const smtpd_session_t *ss, apr_pool_t *p);
    /** Takes the client's next message: @a len octets and a NUL, which are
     *  wiped afterwards. */
    smtpd_auth_outcome_e (*step)(smtpd_auth_t *auth, const char *message,
                                 apr_size_t len);
};

/** Whether the virtual host takes AUTH at all, if need be after STARTTLS. */
int smtpd_auth_is_configured(const smtpd_session_t *ss);

/** The mechanisms that this session may use as it stands, strongest first,
 *  separated by blanks; NULL: none. */
const char *smtpd_auth_mechanisms(const smtpd_session_t *ss, apr_pool_t *p);

/**
 * Whether @a command names a mechanism that this session may use now.
 * @param mechanism  out: its row
 * @return 1, or 0 with *reply filled: 504, 534 or 538
 */
int smtpd_auth_mechanism_check(const smtpd_session_t *ss,
                               const smtp_sasl_command_t *command,
                               const smtpd_auth_mechanism_t **mechanism,
                               smtp_reply_t *reply);

/** Begins an exchange; ends it at once if the initial response decides. Fills
 *  *reply: 334, 235 or a refusal. */
void smtpd_auth_begin(smtpd_session_t *ss,
                      const smtpd_auth_mechanism_t *mechanism,
                      const smtp_sasl_command_t *command,
                      smtp_reply_t *reply);

/**
 * Takes a line of the exchange, and replies. The caller wipes the line.
 * @param faults  or of SMTP_LINE_*
 */
void smtpd_auth_push_line(smtpd_session_t *ss, const char *line,
                          apr_size_t len, unsigned int faults);

/** Gives up the exchange at hand, if there is one, without a reply. */
void smtpd_auth_abort(smtpd_session_t *ss);

/** Octets that a line may have now, CRLF included. */
apr_size_t smtpd_auth_line_max(const smtpd_session_t *ss);

/** @name What mechanisms are made of
 * @{ */

/** Sends @a octets as the next challenge; @return SMTPD_AUTH_CHALLENGE */
smtpd_auth_outcome_e smtpd_auth_ask(smtpd_auth_t *auth, const char *octets,
                                    apr_size_t len);

/** Refuses for @a reason, a constant; @return SMTPD_AUTH_REFUSED */
smtpd_auth_outcome_e smtpd_auth_refuse(smtpd_auth_t *auth,
                                       const char *reason);

/**
 * Takes who the client says it is: UTF-8 of 1 to 255 octets without controls,
 * since a login goes to logs, maps and back ends. NULL: its message names
 * nobody. Each mechanism calls it once, before it looks at what is to prove the
 * login: SMTPAuthLimit is asked here.
 * @return 1, or 0: then *outcome is what the step returns
 */
int smtpd_auth_claim(smtpd_auth_t *auth, const char *login,
                     smtpd_auth_outcome_e *outcome);

/** Sets auth->login. @return 1, or 0: that is no login, as above */
int smtpd_auth_login_set(smtpd_auth_t *auth, const char *login);

/** @} */

/** @name Steps, one file per family
 * @{ */
int smtpd_auth_external_is_possible(const smtpd_session_t *, apr_pool_t *);
smtpd_auth_outcome_e smtpd_auth_external_step(smtpd_auth_t *, const char *,
                                              apr_size_t);
int smtpd_auth_scram_plus_is_possible(const smtpd_session_t *, apr_pool_t *);
smtpd_auth_outcome_e smtpd_auth_scram_step(smtpd_auth_t *, const char *,
                                           apr_size_t);
smtpd_auth_outcome_e smtpd_auth_token_step(smtpd_auth_t *, const char *,
                                           apr_size_t);
smtpd_auth_outcome_e smtpd_auth_plain_step(smtpd_auth_t *, const char *,
                                           apr_size_t);
smtpd_auth_outcome_e smtpd_auth_login_step(smtpd_auth_t *, const char *,
                                           apr_size_t);
/** @} */

#endif
