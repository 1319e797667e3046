/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * ATRN (RFC 2645) and TURN (RFC 821): a client that has logged in gets the mail
 * of its domains over this connection. By RFC 5321 appendix F.1 nobody gets it
 * for what he says in EHLO or HELO.
 */
#include <apr_strings.h>

#include "smtp_domain.h"
#include "smtpd_command.h"
#include "smtpd_on_demand.h"
#include "smtpd_turn.h"

/* RFC 2645 5.2.1: a domain list has commas, and nothing else, between domains.
 * NULL: it is none. */
static apr_array_header_t *domains_parse(apr_pool_t *p, const char *list)
{
    apr_array_header_t *domains = apr_array_make(p, 4, sizeof(const char *));
    const char *comma;

    do {
        const char *domain;

        comma = strchr(list, ',');
        domain = smtp_domain_normalise(p, comma == NULL ? list
                                          : apr_pstrmemdup(p, list,
                                                           comma - list));
        if (domain == NULL) {
            return NULL;
        }
        APR_ARRAY_PUSH(domains, const char *) = domain;
        list = comma + 1;
    } while (comma != NULL);
    return domains;
}

int smtpd_cmd_atrn_check(smtpd_session_t *ss, smtpd_asked_t *asked,
                         smtp_reply_t *reply)
{
    const smtp_command_t *command = asked->command;

    if (command->arg_len == 0) {
        return 1;
    }
    asked->domains = domains_parse(ss->command_pool,
                                   apr_pstrmemdup(ss->command_pool,
                                                  command->arg,
                                                  command->arg_len));
    if (asked->domains == NULL) {
        *reply = (smtp_reply_t){ 501, { 5, 5, 4 },
                                 "Syntax: ATRN [domain[,domain...]]" };
        return 0;
    }
    return 1;
}

/* Those that sections name and the client may have. What a section names by
 * .parent has to be asked for: below it there may be others' domains. */
static apr_array_header_t *domains_allowed(smtpd_session_t *ss)
{
    const apr_array_header_t *sections = ss->conf->on_demand.sections;
    apr_array_header_t *domains = apr_array_make(ss->command_pool, 4,
                                                 sizeof(const char *));
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const char *name = APR_ARRAY_IDX(sections, i, smtpd_on_demand_t).name;

        if (*name != '.' && smtpd_on_demand_judge(ss, name) == OK) {
            APR_ARRAY_PUSH(domains, const char *) = name;
        }
    }
    return domains;
}

static int are_allowed(smtpd_session_t *ss, const apr_array_header_t *domains)
{
    int i;

    for (i = 0; i < domains->nelts; i++) {
        if (smtpd_on_demand_judge(ss, APR_ARRAY_IDX(domains, i,
                                                    const char *)) != OK) {
            return 0;
        }
    }
    return domains->nelts > 0;
}

static void turn(smtpd_session_t *ss, const apr_array_header_t *domains,
                 smtp_reply_t *reply)
{
    if (ss->pub.login == NULL) {
        *reply = (smtp_reply_t){ 530, { 5, 7, 0 },
                                 "Authentication required" };
        return;
    }
    if (domains == NULL) {
        domains = domains_allowed(ss);
    }
    if (!are_allowed(ss, domains)) {
        *reply = (smtp_reply_t){ 450, { 4, 7, 1 }, "Request refused" };
        return;
    }
    smtpd_turn_begin(ss, domains, reply);
}

void smtpd_cmd_atrn(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    turn(ss, asked->domains, reply);
}

void smtpd_cmd_turn(smtpd_session_t *ss, smtpd_asked_t *asked,
                    smtp_reply_t *reply)
{
    turn(ss, NULL, reply);
}
