/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_command.h"

#include <apr_strings.h>

#include "smtpd_auth.h"
#include "smtpd_log.h"
#include "smtpd_tls.h"

APLOG_USE_MODULE(smtp);

#define ANY     (SMTPD_PHASE_CONNECTED | SMTPD_PHASE_READY \
                 | SMTPD_PHASE_MAIL | SMTPD_PHASE_RCPT | SMTPD_PHASE_CHUNKS)
#define ALWAYS  (ANY | SMTPD_PHASE_REFUSED)
#define NO_ARG      SMTPD_COMMAND_NO_ARG
#define NEEDS_ARG   SMTPD_COMMAND_NEEDS_ARG
#define ENDS_GROUP  SMTPD_COMMAND_ENDS_GROUP
#define NOT_OFFERED SMTPD_COMMAND_NOT_OFFERED
#define IN_HELP     SMTPD_COMMAND_IN_HELP
#define BEFORE_TLS  SMTPD_COMMAND_BEFORE_TLS
#define NEEDS_AUTH  SMTPD_COMMAND_NEEDS_AUTH
#define NEEDS_TURN  SMTPD_COMMAND_NEEDS_TURN

/*
 * RFC 5321 4.1.1, 4.1.4. BDAT is in every phase: its octets are consumed even
 * when it is refused (RFC 3030 2). NOOP, VRFY, EXPN and QUIT end a group too
 * by RFC 2920 3.1, which binds the client; nothing is gained by refusing
 * clients that go on behind them.
 */
static const smtpd_command_t commands[] = {
    { SMTP_VERB_EHLO, ANY, NEEDS_ARG | ENDS_GROUP | IN_HELP | BEFORE_TLS, 0,
      "EHLO domain", smtpd_cmd_helo_check, smtpd_cmd_ehlo },
    { SMTP_VERB_HELO, ANY, NEEDS_ARG | ENDS_GROUP | IN_HELP, 0,
      "HELO domain", smtpd_cmd_helo_check, smtpd_cmd_helo },
    { SMTP_VERB_MAIL, SMTPD_PHASE_READY, NEEDS_ARG | IN_HELP, 0,
      "MAIL FROM:<reverse-path> [parameters]",
      smtpd_cmd_mail_check, smtpd_cmd_mail },
    { SMTP_VERB_RCPT, SMTPD_PHASE_MAIL | SMTPD_PHASE_RCPT,
      NEEDS_ARG | IN_HELP, 0, "RCPT TO:<forward-path> [parameters]",
      smtpd_cmd_rcpt_check, smtpd_cmd_rcpt },
    { SMTP_VERB_DATA, SMTPD_PHASE_MAIL | SMTPD_PHASE_RCPT,
      NO_ARG | ENDS_GROUP | IN_HELP, 0, "DATA",
      smtpd_cmd_data_check, smtpd_cmd_data },
    { SMTP_VERB_BDAT, ANY, NEEDS_ARG | IN_HELP | BEFORE_TLS,
      SMTP_EXTENSION_CHUNKING,
      "BDAT size [LAST]", smtpd_cmd_bdat_check, smtpd_cmd_bdat },
    { SMTP_VERB_RSET, ANY, NO_ARG | IN_HELP, 0, "RSET",
      NULL, smtpd_cmd_rset },
    { SMTP_VERB_NOOP, ANY, IN_HELP | BEFORE_TLS, 0, "NOOP [string]",
      NULL, smtpd_cmd_noop },
    { SMTP_VERB_VRFY, ANY, NEEDS_ARG | IN_HELP, 0, "VRFY mailbox",
      smtpd_cmd_vrfy_check, smtpd_cmd_vrfy },
    { SMTP_VERB_EXPN, ANY, NEEDS_ARG | IN_HELP, 0, "EXPN alias",
      smtpd_cmd_vrfy_check, smtpd_cmd_expn },
    { SMTP_VERB_HELP, ANY, IN_HELP, SMTP_EXTENSION_HELP,
      "HELP [command]", NULL, smtpd_cmd_help },
    { SMTP_VERB_QUIT, ALWAYS, NO_ARG | IN_HELP | BEFORE_TLS, 0, "QUIT",
      NULL, smtpd_cmd_quit },
    { SMTP_VERB_AUTH, SMTPD_PHASE_READY,
      NEEDS_ARG | ENDS_GROUP | IN_HELP | NEEDS_AUTH | BEFORE_TLS, 0,
      "AUTH mechanism [initial-response]",
      smtpd_cmd_auth_check, smtpd_cmd_auth },
    { SMTP_VERB_STARTTLS, ANY & ~SMTPD_PHASE_CONNECTED,
      NO_ARG | ENDS_GROUP | IN_HELP | BEFORE_TLS, 0, "STARTTLS",
      smtpd_cmd_starttls_check, smtpd_cmd_starttls },
    { SMTP_VERB_ETRN, SMTPD_PHASE_READY, NEEDS_ARG | IN_HELP,
      SMTP_EXTENSION_ETRN, "ETRN [@]domain",
      smtpd_cmd_etrn_check, smtpd_cmd_etrn },
    { SMTP_VERB_ATRN, SMTPD_PHASE_READY, ENDS_GROUP | IN_HELP | NEEDS_AUTH,
      SMTP_EXTENSION_ATRN, "ATRN [domain[,domain...]]",
      smtpd_cmd_atrn_check, smtpd_cmd_atrn },
    { SMTP_VERB_TURN, SMTPD_PHASE_READY,
      NO_ARG | ENDS_GROUP | IN_HELP | NEEDS_AUTH | NEEDS_TURN, 0, "TURN",
      NULL, smtpd_cmd_turn },
    { SMTP_VERB_SEND,     ANY, NOT_OFFERED, 0, "SEND", NULL, NULL },
    { SMTP_VERB_SOML,     ANY, NOT_OFFERED, 0, "SOML", NULL, NULL },
    { SMTP_VERB_SAML,     ANY, NOT_OFFERED, 0, "SAML", NULL, NULL }
};

/* RFC 3207 4. */
const smtp_reply_t smtpd_command_needs_tls =
    { 530, { 5, 7, 0 }, "Must issue a STARTTLS command first" };

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const smtpd_command_t *smtpd_command_find(smtp_verb_e verb)
{
    size_t i;

    for (i = 0; i < COMMANDS; i++) {
        if (commands[i].verb == verb) {
            return &commands[i];
        }
    }
    return NULL;
}

void smtpd_command_each(void (*visit)(void *ctx, const smtpd_command_t *row),
                        void *ctx)
{
    size_t i;

    for (i = 0; i < COMMANDS; i++) {
        visit(ctx, &commands[i]);
    }
}

/* Why a command is out of sequence, for people. */
static const char *sequence_text(const smtpd_session_t *ss)
{
    switch (ss->phase) {
    case SMTPD_PHASE_REFUSED:   return "No SMTP service here, only QUIT";
    case SMTPD_PHASE_CONNECTED: return "EHLO or HELO first";
    case SMTPD_PHASE_READY:     return "MAIL first";
    case SMTPD_PHASE_MAIL:      return "A mail transaction is open: RCPT "
                                       "or RSET";
    case SMTPD_PHASE_RCPT:      return "A mail transaction is open: RCPT, "
                                       "DATA or RSET";
    case SMTPD_PHASE_CHUNKS:    return "Mail data is coming by BDAT: BDAT "
                                       "or RSET";
    }
    return "Bad sequence of commands";
}

int smtpd_command_is_offered(const smtpd_session_t *ss,
                             const smtpd_command_t *row)
{
    return !(row->flags & NOT_OFFERED)
           && (!(row->flags & NEEDS_AUTH) || smtpd_auth_is_configured(ss))
           && (!(row->flags & NEEDS_TURN) || ss->conf->on_demand.turn)
           && (!row->extension || (ss->pub.extensions & row->extension));
}

/* What the table alone decides. */
static int check_row(smtpd_session_t *ss, const smtpd_command_t *row,
                     const smtp_command_t *command, smtp_reply_t *reply)
{
    if (ss->phase == SMTPD_PHASE_REFUSED
        && !(row->phases & SMTPD_PHASE_REFUSED)) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, sequence_text(ss) };
        return 0;
    }
    if (!smtpd_command_is_offered(ss, row)) {
        *reply = (smtp_reply_t){ 502, { 5, 5, 1 },
                                 "Command not implemented" };
        return 0;
    }
    if (!(row->flags & BEFORE_TLS) && smtpd_tls_is_missing(ss)) {
        *reply = smtpd_command_needs_tls;
        return 0;
    }
    if (!(row->phases & ss->phase)) {
        *reply = (smtp_reply_t){ 503, { 5, 5, 1 }, sequence_text(ss) };
        return 0;
    }
    if (((row->flags & NO_ARG) && command->arg_len)
        || ((row->flags & NEEDS_ARG) && !command->arg_len)
        || command->is_malformed) {
        *reply = (smtp_reply_t){ 501, { 5, 5, 4 },
                                 apr_pstrcat(ss->command_pool, "Syntax: ",
                                             row->syntax, NULL) };
        return 0;
    }
    return 1;
}

/* RFC 2920 3.1: input behind a command whose reply the client must wait for, or
 * behind any where PIPELINING was not offered. It was written before the
 * client could know our reply: smuggled, or injected from another protocol. */
static int is_out_of_step(const smtpd_session_t *ss,
                          const smtpd_command_t *row)
{
    if (!smtpd_session_has_input(ss)) {
        return 0;
    }
    /* A chunk's octets follow its command at once (RFC 3030). */
    if (row->verb == SMTP_VERB_BDAT || row->verb == SMTP_VERB_QUIT) {
        return 0;
    }
    return (row->flags & ENDS_GROUP)
           || !(ss->pub.extensions & SMTP_EXTENSION_PIPELINING)
           || (ss->phase != SMTPD_PHASE_CONNECTED && !ss->pub.is_esmtp);
}

void smtpd_command_refuse_out_of_step(smtpd_session_t *ss)
{
    static const smtp_reply_t reply =
        { 554, { 5, 5, 0 }, "Input sent before its time, closing" };

    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1030)
                  "pipelining where it is not allowed, closing");
    smtpd_session_close(ss, &reply);
}

/* A verb of HTTP or the like: someone's browser was made to talk to us
 * (ALPACA, 2021). Nothing of it is echoed, nothing more is read. */
static void refuse_foreign(smtpd_session_t *ss)
{
    static const smtp_reply_t reply =
        { 421, { 4, 7, 0 }, "This is SMTP, closing" };

    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1031)
                  "a command of another protocol, closing");
    smtpd_session_close(ss, &reply);
}

static void refuse_unknown(smtpd_session_t *ss)
{
    smtp_reply_t reply = { 500, { 5, 5, 2 }, "Command not recognized" };

    if (ss->phase == SMTPD_PHASE_REFUSED) {
        reply = (smtp_reply_t){ 503, { 5, 5, 1 }, sequence_text(ss) };
    }
    smtpd_session_reply(ss, &reply);
}

static void run_row(smtpd_session_t *ss, const smtpd_command_t *row,
                    const smtp_command_t *command)
{
    smtp_reply_t reply = { 0 };
    smtpd_asked_t asked = { 0 };

    asked.command = command;
    if (check_row(ss, row, command, &reply)
        && (!row->check || row->check(ss, &asked, &reply))) {
        row->handler(ss, &asked, &reply);
    }
    /* RFC 2034 4: no enhanced status code in any reply to HELO or EHLO. */
    if (row->verb == SMTP_VERB_EHLO || row->verb == SMTP_VERB_HELO) {
        reply.status = (smtp_status_t){ 0, 0, 0 };
    }
    if (reply.code) {
        smtpd_session_reply(ss, &reply);
    }
}

void smtpd_command_run(smtpd_session_t *ss, const char *line, apr_size_t len)
{
    smtp_command_t command;
    const smtpd_command_t *row;

    smtp_command_parse(line, len, &command);
    row = smtpd_command_find(command.verb);
    /* What is no command may be a credential: of a client that goes on after
     * AUTH was refused. */
    smtpd_log_command(ss, line, len, !row && smtpd_auth_is_configured(ss));
    if (command.verb == SMTP_VERB_FOREIGN) {
        refuse_foreign(ss);
    }
    else if (!row) {
        refuse_unknown(ss);
    }
    else if (is_out_of_step(ss, row)) {
        smtpd_command_refuse_out_of_step(ss);
    }
    else {
        run_row(ss, row, &command);
    }
}
