/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The login (RFC 4954): which mechanism, and its answers to challenges. */
#include "smtp_client_private.h"

#include <string.h>

#include <apr_strings.h>

/** RFC 5321 4.5.3.1.4: AUTH with its initial response must fit a command
 *  line, 512 octets with CRLF (RFC 4954 4). */
#define COMMAND_MAX_OCTETS 510

/** Octets of one answer; NULL data: give up. */
typedef struct answer_t {
    const char *data;
    apr_size_t len;
} answer_t;

static const answer_t give_up = { NULL, 0 };

/** Of auth_step: "*" was said. Nothing that follows can be a success. */
#define CANCELLED (-1)

static answer_t answer_of(const char *s)
{
    answer_t answer = { s, strlen(s) };

    return answer;
}

/* Mechanisms: each is a function that answers challenge number auth_step, 0
 * being the initial response. */

/** RFC 4616: [authzid] NUL authcid NUL passwd. */
static answer_t plain_answer(smtp_client_t *client, const answer_t *challenge)
{
    const smtp_client_auth_t *auth = &client->conf->auth;
    const char *authzid = auth->authzid ? auth->authzid : "";
    answer_t answer = { NULL, strlen(authzid) + strlen(auth->login)
                              + strlen(auth->password) + 2 };
    char *data = apr_palloc(client->reply_pool, answer.len + 1);

    (void)challenge;
    if (client->auth_step > 0) {
        return give_up;
    }
    answer.data = data;
    data = strcpy(data, authzid) + strlen(authzid) + 1;
    data = strcpy(data, auth->login) + strlen(auth->login) + 1;
    strcpy(data, auth->password);
    return answer;
}

/** Two questions, whatever they say: login and password. */
static answer_t login_answer(smtp_client_t *client, const answer_t *challenge)
{
    const smtp_client_auth_t *auth = &client->conf->auth;

    (void)challenge;
    switch (client->auth_step) {
    case 1: return answer_of(auth->login);
    case 2: return answer_of(auth->password);
    default: return give_up;
    }
}

static answer_t scram_first(smtp_client_t *client)
{
    const int is_bound = client->mechanism == SMTP_SASL_SCRAM_SHA_256_PLUS;
    const smtp_client_auth_t *auth = &client->conf->auth;
    smtp_client_scram_conf_t conf = {
        .login = auth->login, .password = auth->password,
        .authzid = auth->authzid, .nonce = auth->nonce,
        .binding = is_bound ? SMTP_CLIENT_SCRAM_BOUND
                 : client->tls.binding_type ? SMTP_CLIENT_SCRAM_UNOFFERED
                                            : SMTP_CLIENT_SCRAM_UNBOUND,
        .binding_type = client->tls.binding_type,
        .binding_octets = client->tls.binding,
        .binding_len = client->tls.binding_len
    };
    const char *first;

    return smtp_client_scram_create(client->offer_pool, &conf,
                                    &client->scram, &first) == APR_SUCCESS
           ? answer_of(first) : give_up;
}

/** The server's signature may come as a challenge, with an empty answer, or
 *  with 235 (RFC 4954 4 knows only the challenge). */
static answer_t scram_answer(smtp_client_t *client, const answer_t *challenge)
{
    const char *last;

    switch (client->auth_step) {
    case 0:
        return scram_first(client);
    case 1:
        return smtp_client_scram_answer(client->scram, challenge->data,
                                        challenge->len, &last)
               == APR_SUCCESS ? answer_of(last) : give_up;
    case 2:
        return smtp_client_scram_is_server(client->scram, challenge->data,
                                           challenge->len)
               ? answer_of("") : give_up;
    default:
        return give_up;
    }
}

/** Strongest first. */
static const struct mechanism_t {
    smtp_sasl_mechanism_e mechanism;
    unsigned int needs_nonce : 1;
    unsigned int needs_binding : 1;
    unsigned int has_initial : 1;
    int final_step;              /**< 235 may come when so many were answered */
    answer_t (*answer)(smtp_client_t *client, const answer_t *challenge);
} mechanisms[] = {
    { SMTP_SASL_SCRAM_SHA_256_PLUS, 1, 1, 1, 3, scram_answer },
    { SMTP_SASL_SCRAM_SHA_256, 1, 0, 1, 3, scram_answer },
    { SMTP_SASL_PLAIN, 0, 0, 1, 1, plain_answer },
    { SMTP_SASL_LOGIN, 0, 0, 0, 3, login_answer }
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

/** Whether the list @a offered, parted by spaces, has @a mechanism. */
static int is_offered(const char *offered, smtp_sasl_mechanism_e mechanism)
{
    while (offered != NULL && *offered != '\0') {
        apr_size_t len = strcspn(offered, " ");

        if (smtp_sasl_mechanism_find(offered, len) == mechanism) {
            return 1;
        }
        offered += len + strspn(offered + len, " ");
    }
    return 0;
}

static int is_usable(const smtp_client_t *client, const struct mechanism_t *m)
{
    const smtp_client_auth_t *auth = &client->conf->auth;

    return (auth->mechanisms == 0
            || (auth->mechanisms & (1u << m->mechanism)))
           && (!m->needs_nonce || auth->nonce != NULL)
           && (!m->needs_binding || client->tls.binding_type != NULL)
           && is_offered(client->offer.auth, m->mechanism);
}

static const struct mechanism_t *mechanism_choose(const smtp_client_t *client)
{
    apr_size_t i;

    for (i = 0; i < MECHANISMS; i++) {
        if (smtp_client_can(client, SMTP_EXTENSION_AUTH)
            && is_usable(client, &mechanisms[i])) {
            return &mechanisms[i];
        }
    }
    return NULL;
}

static const struct mechanism_t *mechanism_get(const smtp_client_t *client)
{
    apr_size_t i = 0;

    while (mechanisms[i].mechanism != client->mechanism) {
        i++;
    }
    return &mechanisms[i];
}

/** Nothing of the mail is at fault: an administrator has to look. */
static void auth_fail(smtp_client_t *client, const char *text)
{
    smtp_outcome_t outcome;

    smtp_outcome_of_status(SMTP_STAGE_AUTH, (smtp_status_t){ 4, 7, 8 }, text,
                           &outcome);
    smtp_client_fail(client, &outcome, 1);
}

/** Writes a line of base64; what is too long for a peer is not sent. */
static void answer_put(smtp_client_t *client, const answer_t *answer)
{
    const char *line = answer->data == NULL ? "*"
        : smtp_sasl_base64_write(client->reply_pool, answer->data,
                                 answer->len);

    if (strlen(line) + 2 > SMTP_SASL_LINE_MAX_OCTETS) {
        line = "*";
    }
    client->auth_step = strcmp(line, "*") == 0 ? CANCELLED
                                               : client->auth_step + 1;
    smtp_client_command_put(client, line);
}

/** AUTH, with the initial response where it fits. */
static void command_put(smtp_client_t *client, const struct mechanism_t *m,
                        const answer_t *initial)
{
    const char *name = smtp_sasl_mechanism_name(m->mechanism);
    const char *line = apr_pstrcat(client->reply_pool, "AUTH ", name, NULL);
    const char *whole;

    client->auth_step = 0;
    if (m->has_initial) {
        whole = apr_pstrcat(client->reply_pool, line, " ",
                            smtp_sasl_base64_write(client->reply_pool,
                                                   initial->data,
                                                   initial->len), NULL);
        if (strlen(whole) <= COMMAND_MAX_OCTETS) {
            client->auth_step = 1;
            line = whole;
        }
    }
    smtp_client_command_put(client, line);
}

void smtp_client_auth_begin(smtp_client_t *client)
{
    const struct mechanism_t *m;
    answer_t initial = give_up;

    if (!client->is_tls && !client->conf->auth.without_tls) {
        auth_fail(client, "login is configured, but there is no TLS");
        return;
    }
    m = mechanism_choose(client);
    if (m == NULL) {
        auth_fail(client, "the peer offers no mechanism for the login");
        return;
    }
    client->mechanism = m->mechanism;
    client->auth_step = 0;
    if (m->has_initial) {
        initial = m->answer(client, NULL);
        if (initial.data == NULL) {
            auth_fail(client, "the login is none for this mechanism");
            return;
        }
    }
    command_put(client, m, &initial);
    smtp_client_phase_set(client, SMTP_PHASE_AUTH);
}

/** 334: its text is the challenge. When the initial response did not fit, the
 *  first one is empty and asks for it. LOGIN has none: its steps count from
 *  1. */
static void challenge_take(smtp_client_t *client, const struct mechanism_t *m,
                           const smtp_reply_t *reply)
{
    answer_t challenge = give_up;
    answer_t answer = give_up;

    if (!m->has_initial && client->auth_step == 0) {
        client->auth_step = 1;
    }
    if (smtp_sasl_base64_parse(client->reply_pool, reply->text,
                               strlen(reply->text), &challenge.data,
                               &challenge.len) == APR_SUCCESS
        || !m->needs_nonce) {
        answer = m->answer(client, &challenge);
    }
    answer_put(client, &answer);
}

/** SCRAM with the server's signature beside 235. */
static int is_proved(smtp_client_t *client, const struct mechanism_t *m,
                     const smtp_reply_t *reply)
{
    const char *data;
    apr_size_t len;

    if (!m->needs_nonce || client->auth_step >= m->final_step) {
        return client->auth_step >= m->final_step;
    }
    return client->auth_step == 2
           && smtp_sasl_base64_parse(client->reply_pool, reply->text,
                                     strlen(reply->text), &data, &len)
              == APR_SUCCESS
           && smtp_client_scram_is_server(client->scram, data, len);
}

void smtp_client_auth_reply(smtp_client_t *client, const smtp_reply_t *reply)
{
    const struct mechanism_t *m = mechanism_get(client);
    smtp_verdict_e verdict = smtp_outcome_verdict(SMTP_STAGE_AUTH, reply);

    if (smtp_client_is_over(client, SMTP_STAGE_AUTH, reply, verdict)) {
        return;
    }
    if (verdict == SMTP_VERDICT_CONTINUE
        && client->auth_step == CANCELLED) {
        smtp_client_lost(client, SMTP_LOSS_OUT_OF_STEP, NULL);
    }
    else if (verdict == SMTP_VERDICT_CONTINUE) {
        challenge_take(client, m, reply);
        smtp_client_phase_set(client, SMTP_PHASE_AUTH);
    }
    else if (verdict != SMTP_VERDICT_ACCEPTED) {
        smtp_client_fail_reply(client, SMTP_STAGE_AUTH, reply, verdict);
    }
    else if (!is_proved(client, m, reply)) {
        /* RFC 5802 3: whoever answers does not know the password. */
        auth_fail(client, "the peer did not prove that it knows the login");
    }
    else {
        client->is_authenticated = 1;
        smtp_client_phase_set(client, SMTP_PHASE_READY);
    }
}
