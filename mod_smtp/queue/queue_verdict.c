/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_verdict.h"

#include <string.h>

/* What is told of a success (RFC 3461 5.2.2, 5.2.3): nothing when the next hop
 * reports itself. */
static const struct {
    unsigned int has_action;
    smtp_report_action_e action;
} told[] = {
    { 0, SMTP_REPORT_FAILED },      /* PENDING: no outcome */
    { 1, SMTP_REPORT_DELIVERED },   /* DELIVERED */
    { 0, SMTP_REPORT_FAILED },      /* PASSED_ON */
    { 1, SMTP_REPORT_RELAYED }      /* RELAYED */
};

static void fail(queue_verdict_t *verdict)
{
    verdict->what = QUEUE_VERDICT_FAILED;
    verdict->action = SMTP_REPORT_FAILED;
    verdict->has_action = 1;
}

static void defer(const queue_verdict_facts_t *facts,
                  queue_verdict_t *verdict)
{
    const queue_retry_t *retry = facts->retry;

    verdict->what = QUEUE_VERDICT_DEFERRED;
    if (facts->is_on_demand) {
        verdict->next = facts->expires;
        return;
    }
    verdict->next = queue_retry_next(retry, facts->attempts, facts->now,
                                     facts->expires, facts->chance);
    if (retry->warn && !facts->is_warned
        && facts->now - facts->arrived >= retry->warn) {
        verdict->action = SMTP_REPORT_DELAYED;
        verdict->has_action = 1;
    }
}

void queue_verdict_make(const queue_verdict_facts_t *facts,
                        const smtp_outcome_t *outcome,
                        queue_verdict_t *verdict)
{
    memset(verdict, 0, sizeof(*verdict));
    if (smtp_outcome_is_success(outcome)) {
        verdict->what = QUEUE_VERDICT_SENT;
        verdict->has_action = told[outcome->result].has_action;
        verdict->action = told[outcome->result].action;
    }
    else if (outcome->result == SMTP_OUTCOME_FAILED) {
        fail(verdict);
    }
    else if (outcome->retry_now && facts->may_repeat) {
        verdict->what = QUEUE_VERDICT_AGAIN;
    }
    else if (facts->now >= facts->expires) {
        fail(verdict);
        verdict->is_expired = 1;
    }
    else {
        defer(facts, verdict);
    }
}

/* RFC 7504: of a host, of a domain (also our own word for a null MX). */
#define HOST_TAKES_NO_MAIL   521
#define DOMAIN_TAKES_NO_MAIL 556

void queue_verdict_connection(smtp_outcome_t *failure)
{
    if (failure->result == SMTP_OUTCOME_FAILED && failure->code
        && failure->code != HOST_TAKES_NO_MAIL
        && failure->code != DOMAIN_TAKES_NO_MAIL) {
        failure->result = SMTP_OUTCOME_DEFERRED;
        failure->status.klass = 4;
    }
}
