/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_command.h
 * THE command table: for each verb when it is allowed, what its argument may
 * be, and who checks and handles it.
 */
#ifndef SMTPD_COMMAND_H
#define SMTPD_COMMAND_H

#include "smtp_command.h"
#include "smtp_sasl.h"
#include "smtpd_session.h"

/** Facts about a command: an or of these. */
#define SMTPD_COMMAND_NO_ARG      0x01u /**< 501 when there is an argument */
#define SMTPD_COMMAND_NEEDS_ARG   0x02u /**< 501 when there is none */
/** Nothing may follow before its reply was read (RFC 2920 3.1); what does is
 *  an attack or a client out of step. */
#define SMTPD_COMMAND_ENDS_GROUP  0x04u
#define SMTPD_COMMAND_NOT_OFFERED 0x08u /**< known, answered by 502 */
#define SMTPD_COMMAND_IN_HELP     0x10u
/** Answered where TLS is required and not there yet (RFC 3207 4). */
#define SMTPD_COMMAND_BEFORE_TLS  0x20u
/** 502 where no <SMTPAuth> is. */
#define SMTPD_COMMAND_NEEDS_AUTH  0x40u
/** 502 unless SMTPTURN is on: no extension, so no other switch tells. */
#define SMTPD_COMMAND_NEEDS_TURN  0x80u

/** What is handed from check to handler. */
typedef struct smtpd_asked_t {
    const smtp_command_t *command;
    smtp_address_t address;       /**< MAIL, RCPT, VRFY, EXPN */
    smtp_mail_params_t mail;
    smtp_rcpt_params_t rcpt;
    apr_off_t chunk_octets;       /**< BDAT */
    int chunk_is_last;
    /** HELO, EHLO: in the session's pool. ETRN: A-labels; or NULL. */
    const char *name;
    char node_option;             /**< ETRN: '@', '#' or NUL */
    const apr_array_header_t *domains; /**< ATRN: const char *; NULL: none */
    smtp_sasl_command_t sasl;     /**< AUTH */
    const struct smtpd_auth_mechanism_t *mechanism; /**< AUTH */
} smtpd_asked_t;

typedef struct smtpd_command_t {
    smtp_verb_e verb;
    unsigned int phases;          /**< or of smtpd_phase_e */
    unsigned int flags;
    smtp_extension_set_t extension; /**< must be on, else 502; 0: none */
    const char *syntax;           /**< for 501 and HELP */
    /** Checks syntax and limits without side effects. @return 1, or 0 with
     *  *reply filled. NULL: nothing to check. */
    int (*check)(smtpd_session_t *ss, smtpd_asked_t *asked,
                 smtp_reply_t *reply);
    /** Carries it out: policy hooks, then the act. Fills *reply; leaves code
     *  0 when it has queued its reply itself. */
    void (*handler)(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply);
} smtpd_command_t;

/** The row of @a verb, or NULL. */
const smtpd_command_t *smtpd_command_find(smtp_verb_e verb);

/** Whether the command is there in this session; if not, it gets 502. */
int smtpd_command_is_offered(const smtpd_session_t *ss,
                             const smtpd_command_t *row);

/** Calls @a visit for each row in order. */
void smtpd_command_each(void (*visit)(void *ctx, const smtpd_command_t *row),
                        void *ctx);

/** Carries out the command @a line (without CRLF, good). */
void smtpd_command_run(smtpd_session_t *ss, const char *line,
                       apr_size_t len);

/** 530: what a client is told that has to begin TLS first. */
extern const smtp_reply_t smtpd_command_needs_tls;

/** Input came before its time: 554, and the connection is closed. */
void smtpd_command_refuse_out_of_step(smtpd_session_t *ss);

/** What HELO and EHLO do alike: policy, reset, phase. @return 1, or 0 with
 *  *reply filled */
int smtpd_cmd_helo_accept(smtpd_session_t *ss, const smtpd_asked_t *asked,
                          smtp_reply_t *reply);

/** @name Checks and handlers, one file per verb
 * @{ */
int smtpd_cmd_helo_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_helo(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_ehlo(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_mail_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_mail(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_auth_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_auth(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_rcpt_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_rcpt(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_data_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_data(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_bdat_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_bdat(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_rset(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_noop(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_vrfy_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_vrfy(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_expn(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_atrn_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_atrn(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_turn(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_etrn_check(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_etrn(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_help(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
void smtpd_cmd_quit(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
int smtpd_cmd_starttls_check(smtpd_session_t *, smtpd_asked_t *,
                             smtp_reply_t *);
void smtpd_cmd_starttls(smtpd_session_t *, smtpd_asked_t *, smtp_reply_t *);
/** @} */

#endif
