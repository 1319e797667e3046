/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* HELP (RFC 5321 4.1.1.8): the table, or one row of it. */
#include <apr_strings.h>

#include "smtpd_command.h"

typedef struct help_t {
    const smtpd_session_t *ss;
    const char *text;
} help_t;

static void add_verb(void *ctx, const smtpd_command_t *row)
{
    help_t *help = ctx;

    if ((row->flags & SMTPD_COMMAND_IN_HELP)
        && smtpd_command_is_offered(help->ss, row)) {
        help->text = apr_pstrcat(help->ss->command_pool, help->text, " ",
                                 smtp_verb_name(row->verb), NULL);
    }
}

void smtpd_cmd_help(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;
    const smtpd_command_t *row;
    help_t help = { ss, "Commands:" };

    if (!command->arg_len) {
        smtpd_command_each(add_verb, &help);
        *reply = (smtp_reply_t){ 214, { 2, 0, 0 }, help.text };
        return;
    }
    row = smtpd_command_find(smtp_verb_find(command->arg,
                                            command->arg_len));
    if (row && (row->flags & SMTPD_COMMAND_IN_HELP)) {
        *reply = (smtp_reply_t){ 214, { 2, 0, 0 }, row->syntax };
    }
    else {
        *reply = (smtp_reply_t){ 504, { 5, 5, 4 }, "No help on that" };
    }
}
