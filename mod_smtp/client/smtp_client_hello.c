/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From the greeting to where mail can be sent (RFC 5321 3.1, 3.2; RFC 3207;
 * RFC 2033 4.1). */
#include "smtp_client_private.h"

#include <string.h>

#include <apr_strings.h>

static void hello_put(smtp_client_t *client, const char *verb)
{
    smtp_client_command_put(client, apr_pstrcat(client->offer_pool, verb, " ",
                                                client->conf->helo, NULL));
}

/** All that the peer had said of itself is forgotten (RFC 3207 4.2). */
static void offer_forget(smtp_client_t *client)
{
    memset(&client->offer, 0, sizeof(client->offer));
    apr_pool_clear(client->offer_pool);
}

void smtp_client_ehlo_begin(smtp_client_t *client)
{
    offer_forget(client);
    hello_put(client, client->conf->lmtp ? "LHLO" : "EHLO");
    smtp_client_phase_set(client, SMTP_PHASE_EHLO);
}

void smtp_client_greeting_reply(smtp_client_t *client,
                                const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_GREETING, reply);

    if (smtp_client_is_over(client, SMTP_STAGE_GREETING, reply, verdict)) {
        return;
    }
    /* RFC 5321 3.1: after 554 only QUIT. */
    if (verdict != SMTP_VERDICT_ACCEPTED) {
        smtp_client_fail_reply(client, SMTP_STAGE_GREETING, reply, verdict);
        return;
    }
    smtp_client_ehlo_begin(client);
}

/** The lines of the reply to EHLO; the first is the peer's name. */
static void offer_read(smtp_client_t *client, const char *text)
{
    smtp_extension_offer_t *offer = &client->offer;
    const char *lf = strchr(text, '\n');

    while (lf != NULL) {
        const char *line = lf + 1;

        lf = strchr(line, '\n');
        smtp_extension_parse(client->offer_pool, line,
                             lf ? (apr_size_t)(lf - line) : strlen(line),
                             offer);
    }
    offer->set &= ~client->conf->ignore;
    if (client->is_tls) {
        offer->set &= ~SMTP_EXTENSION_STARTTLS;
    }
}

static void fail_without_tls(smtp_client_t *client)
{
    smtp_outcome_t outcome;

    smtp_outcome_of_status(SMTP_STAGE_STARTTLS, (smtp_status_t){ 4, 7, 4 },
                           "TLS is required, the peer does not offer it",
                           &outcome);
    smtp_client_fail(client, &outcome, 1);
}

/** What comes next, now that the peer's offer is known. */
static void hello_next(smtp_client_t *client)
{
    const smtp_client_conf_t *conf = client->conf;

    if (!client->is_tls && conf->tls != SMTP_CLIENT_TLS_NONE
        && !client->is_starttls_refused
        && smtp_client_can(client, SMTP_EXTENSION_STARTTLS)) {
        smtp_client_command_put(client, "STARTTLS");
        smtp_client_phase_set(client, SMTP_PHASE_STARTTLS);
    }
    else if (!client->is_tls && conf->tls == SMTP_CLIENT_TLS_MUST) {
        fail_without_tls(client);
    }
    else if (conf->auth.login != NULL && !client->is_authenticated) {
        smtp_client_auth_begin(client);
    }
    else {
        smtp_client_phase_set(client, SMTP_PHASE_READY);
    }
}

void smtp_client_ehlo_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_EHLO, reply);

    if (smtp_client_is_over(client, SMTP_STAGE_EHLO, reply, verdict)) {
        return;
    }
    if (verdict == SMTP_VERDICT_ACCEPTED) {
        offer_read(client, reply->text);
        hello_next(client);
    }
    else if (verdict == SMTP_VERDICT_FAILED && !client->conf->lmtp) {
        /* RFC 5321 3.2: a server of old knows HELO. */
        hello_put(client, "HELO");
        smtp_client_phase_set(client, SMTP_PHASE_HELO);
    }
    else {
        smtp_client_fail_reply(client, SMTP_STAGE_EHLO, reply, verdict);
    }
}

void smtp_client_helo_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_HELO, reply);

    if (smtp_client_is_over(client, SMTP_STAGE_HELO, reply, verdict)) {
        return;
    }
    if (verdict != SMTP_VERDICT_ACCEPTED) {
        smtp_client_fail_reply(client, SMTP_STAGE_HELO, reply, verdict);
        return;
    }
    hello_next(client);
}

void smtp_client_starttls_reply(smtp_client_t *client,
                                const smtp_reply_t *reply)
{
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_STARTTLS, reply);

    if (smtp_client_is_over(client, SMTP_STAGE_STARTTLS, reply, verdict)) {
        return;
    }
    if (verdict == SMTP_VERDICT_ACCEPTED) {
        smtp_client_phase_set(client, SMTP_PHASE_TLS);
        return;
    }
    if (client->conf->tls == SMTP_CLIENT_TLS_MUST) {
        smtp_client_fail_reply(client, SMTP_STAGE_STARTTLS, reply, verdict);
        return;
    }
    client->is_starttls_refused = 1;
    hello_next(client);
}
