/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * ATRN (RFC 2645) and TURN (RFC 821): a client that has logged in gets the mail
 * of its domains over this connection. By RFC 5321 appendix F.1 nobody gets it
 * for what he says in EHLO or HELO.
 */
#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtpd_command.h"
#include "smtpd_log.h"
#include "smtpd_on_demand.h"
#include "smtpd_turn.h"

APLOG_USE_MODULE(smtp);

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

static void refuse(const smtpd_session_t *ss, const char *why,
                   const smtp_reply_t *refusal, smtp_reply_t *reply)
{
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, ss->pub.c, SMTPD_LOGNO(1174)
                  "mail is not fetched: %s", why);
    *reply = *refusal;
}

/* RFC 2645 5.2: nothing, if not all. */
static void refuse_domain(const smtpd_session_t *ss, const char *domain,
                          int rv, smtp_reply_t *reply)
{
    static const smtp_reply_t refused = { 450, { 4, 7, 1 },
                                          "Request refused" };
    static const smtp_reply_t unable = { 451, { 4, 3, 0 },
                                         "Unable to process the request "
                                         "now" };
    const char *login = ss->pub.login;

    refuse(ss, apr_psprintf(ss->command_pool, "%s is not allowed %s",
                            smtp_chars_escape(ss->command_pool, login,
                                              strlen(login), 120), domain),
           rv == HTTP_INTERNAL_SERVER_ERROR ? &unable : &refused, reply);
}

static int are_allowed(smtpd_session_t *ss, const apr_array_header_t *domains,
                       smtp_reply_t *reply)
{
    int i;

    for (i = 0; i < domains->nelts; i++) {
        const char *domain = APR_ARRAY_IDX(domains, i, const char *);
        int rv = smtpd_on_demand_judge(ss, domain);

        if (rv != OK) {
            refuse_domain(ss, domain, rv, reply);
            return 0;
        }
    }
    if (domains->nelts == 0) {
        refuse_domain(ss, "any domain", HTTP_FORBIDDEN, reply);
    }
    return domains->nelts > 0;
}

static void turn(smtpd_session_t *ss, const apr_array_header_t *domains,
                 smtp_reply_t *reply)
{
    static const smtp_reply_t unknown = { 530, { 5, 7, 0 },
                                          "Authentication required" };

    if (ss->pub.login == NULL) {
        refuse(ss, "the client has not logged in", &unknown, reply);
        return;
    }
    if (domains == NULL) {
        domains = domains_allowed(ss);
    }
    if (are_allowed(ss, domains, reply)) {
        smtpd_turn_begin(ss, domains, reply);
    }
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
