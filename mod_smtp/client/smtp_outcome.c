/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_outcome.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_chars.h"

/** What the digits 2, 3, 4 and 5 mean at each stage. */
typedef struct stage_t {
    const char *name;
    smtp_verdict_e of_class[4];
} stage_t;

#define OK   SMTP_VERDICT_ACCEPTED
#define CONT SMTP_VERDICT_CONTINUE
#define TEMP SMTP_VERDICT_DEFERRED
#define PERM SMTP_VERDICT_FAILED
#define BAD  SMTP_VERDICT_BROKEN

/* AUTH and STARTTLS: what is wrong is wrong with this session, not with the
 * mail, and an administrator can mend it: never for ever. 250 to DATA, 354 to
 * anything else: peer and client do not mean the same command any more. */
static const stage_t stages[SMTP_STAGE_COUNT] = {
    { "none",        { BAD, BAD, BAD, BAD } },
    { "connect",     { BAD, BAD, BAD, BAD } },
    { "greeting",    { OK, BAD, TEMP, PERM } },
    { "EHLO",        { OK, BAD, TEMP, PERM } },
    { "HELO",        { OK, BAD, TEMP, PERM } },
    { "STARTTLS",    { OK, BAD, TEMP, TEMP } },
    { "TLS",         { BAD, BAD, BAD, BAD } },
    { "AUTH",        { OK, CONT, TEMP, TEMP } },
    { "need",        { BAD, BAD, BAD, BAD } },
    { "RSET",        { OK, BAD, TEMP, TEMP } },
    { "MAIL",        { OK, BAD, TEMP, PERM } },
    { "RCPT",        { OK, BAD, TEMP, PERM } },
    { "DATA",        { BAD, CONT, TEMP, PERM } },
    { "mail data",   { OK, BAD, TEMP, PERM } },
    { "end-of-data", { OK, BAD, TEMP, PERM } },
    { "QUIT",        { OK, OK, OK, OK } }
};

/** Where the first digit alone would mislead. */
typedef struct exception_t {
    smtp_stage_e stage;
    int code;
    smtp_status_t status;        /**< klass 0: only when none was given */
    smtp_verdict_e verdict;
} exception_t;

/* RFC 5321 4.5.3.1.10: too many recipients is 452, and 552 from old servers;
 * with an enhanced code 552 is a full mailbox or the like. */
static const exception_t exceptions[] = {
    { SMTP_STAGE_RCPT, 452, { 4, 5, 3 }, SMTP_VERDICT_TOO_MANY },
    { SMTP_STAGE_RCPT, 452, { 0, 0, 0 }, SMTP_VERDICT_TOO_MANY },
    { SMTP_STAGE_RCPT, 552, { 5, 5, 3 }, SMTP_VERDICT_TOO_MANY },
    { SMTP_STAGE_RCPT, 552, { 0, 0, 0 }, SMTP_VERDICT_TOO_MANY }
};

#define EXCEPTIONS (sizeof(exceptions) / sizeof(exceptions[0]))

const char *smtp_stage_name(smtp_stage_e stage)
{
    return stages[stage].name;
}

int smtp_outcome_is_success(const smtp_outcome_t *outcome)
{
    return outcome->result == SMTP_OUTCOME_DELIVERED
           || outcome->result == SMTP_OUTCOME_PASSED_ON
           || outcome->result == SMTP_OUTCOME_RELAYED;
}

const char *smtp_outcome_name(smtp_outcome_e result)
{
    static const char *const names[] = { "pending", "delivered", "passed on",
                                         "relayed", "deferred", "failed" };

    return names[result];
}

static int status_is(smtp_status_t a, smtp_status_t b)
{
    return a.klass == b.klass
           && (a.klass == 0
               || (a.subject == b.subject && a.detail == b.detail));
}

smtp_verdict_e smtp_outcome_verdict(smtp_stage_e stage,
                                    const smtp_reply_t *reply)
{
    apr_size_t i;

    if (reply->code < 200 || reply->code > 599) {
        return SMTP_VERDICT_BROKEN;
    }
    if (reply->code == 421 && stage != SMTP_STAGE_QUIT) {
        return SMTP_VERDICT_CLOSING;
    }
    for (i = 0; i < EXCEPTIONS; i++) {
        if (exceptions[i].stage == stage && exceptions[i].code == reply->code
            && status_is(exceptions[i].status, reply->status)) {
            return exceptions[i].verdict;
        }
    }
    return stages[stage].of_class[reply->code / 100 - 2];
}

/** Each verdict's result; ACCEPTED's is the caller's. */
static smtp_outcome_e result_of(smtp_verdict_e verdict, smtp_outcome_e result)
{
    return verdict == SMTP_VERDICT_ACCEPTED ? result
         : verdict == SMTP_VERDICT_FAILED ? SMTP_OUTCOME_FAILED
                                          : SMTP_OUTCOME_DEFERRED;
}

/** The enhanced code whose class agrees with what was decided: a DSN's Status
 *  field must not say "failed" of what is tried again (RFC 3464 2.3.4). */
static smtp_status_t status_of(const smtp_reply_t *reply,
                               smtp_verdict_e verdict, smtp_outcome_e result)
{
    const smtp_status_t too_many = { 4, 5, 3 };
    smtp_status_t status = reply->status;

    if (status.klass == 0) {
        status = verdict == SMTP_VERDICT_TOO_MANY
                 ? too_many : smtp_status_of_reply(reply->code);
    }
    status.klass = result == SMTP_OUTCOME_DEFERRED ? 4
                 : result == SMTP_OUTCOME_FAILED ? 5 : 2;
    return status;
}

void smtp_outcome_of_reply(apr_pool_t *p, smtp_stage_e stage,
                           const smtp_reply_t *reply, smtp_verdict_e verdict,
                           smtp_outcome_e result, smtp_outcome_t *outcome)
{
    memset(outcome, 0, sizeof(*outcome));
    outcome->result = result_of(verdict, result);
    outcome->stage = stage;
    outcome->code = reply->code;
    outcome->status = status_of(reply, verdict, outcome->result);
    outcome->text = smtp_outcome_text(p, reply->text);
    outcome->retry_now = verdict == SMTP_VERDICT_TOO_MANY;
}

static const struct loss_t {
    smtp_status_t status;
    const char *text;
} losses[SMTP_LOSS_COUNT] = {
    { { 4, 4, 1 }, "connection refused" },
    { { 4, 4, 1 }, "host or network unreachable" },
    { { 4, 4, 2 }, "timed out" },
    { { 4, 4, 2 }, "connection closed by the peer" },
    { { 4, 7, 5 }, "TLS failed" },
    { { 4, 5, 0 }, "malformed reply" },
    { { 4, 5, 0 }, "unexpected reply" },
    { { 4, 7, 5 }, "octets before TLS in answer to STARTTLS" },
    { { 4, 3, 0 }, "mail data could not be read" },
    { { 4, 3, 2 }, "attempt broken off on this side" }
};

void smtp_outcome_of_loss(apr_pool_t *p, smtp_stage_e stage,
                          smtp_loss_e loss, const char *detail,
                          smtp_outcome_t *outcome)
{
    smtp_status_t status = losses[loss].status;

    if (loss == SMTP_LOSS_TIMEOUT && stage == SMTP_STAGE_CONNECT) {
        status.detail = 1;
    }
    smtp_outcome_of_status(stage, status,
                           detail ? smtp_outcome_text(p, detail)
                                  : losses[loss].text, outcome);
    /* RFC 5321 4.5.3.2.6: the peer may have taken it. */
    outcome->may_be_duplicate = stage == SMTP_STAGE_END;
}

void smtp_outcome_of_status(smtp_stage_e stage, smtp_status_t status,
                            const char *text, smtp_outcome_t *outcome)
{
    memset(outcome, 0, sizeof(*outcome));
    outcome->result = status.klass == 5 ? SMTP_OUTCOME_FAILED
                                        : SMTP_OUTCOME_DEFERRED;
    outcome->stage = stage;
    outcome->status = status;
    outcome->text = text;
}

char *smtp_outcome_text(apr_pool_t *p, const char *text)
{
    char *line = apr_pstrndup(p, text ? text : "",
                              SMTP_OUTCOME_TEXT_MAX_OCTETS + 1);
    char *lf;

    while ((lf = strchr(line, '\n')) != NULL) {
        *lf = ' ';
    }
    return smtp_chars_escape(p, line, strlen(line),
                             SMTP_OUTCOME_TEXT_MAX_OCTETS);
}
