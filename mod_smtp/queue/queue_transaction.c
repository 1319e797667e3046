/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * One transaction of a job: its envelope as the client has it, and what came of
 * it. Recipients that are the same address are one RCPT: the outcome is that of
 * each of them, and each has his DSN.
 */
#include <string.h>

#include <apr_hash.h>

#include "queue_engine_private.h"
#include "queue_twin.h"
#include "queue_verp.h"

/* ---- Who is in it ---- */

static apr_uint32_t recipients_max(const queue_link_t *link)
{
    const queue_message_t *message = link->job->message;
    const queue_vhost_t *vhost = message->vhost;
    apr_uint32_t max = (apr_uint32_t)link->hop->conf->recipients_per_message;

    if (vhost->verp && *message->reverse_path) {
        return 1;
    }
    return max < message->recipient_count ? max : message->recipient_count;
}

/* The place in link->indices of the recipient's address, or NULL: it is in
 * another transaction. */
static apr_uint32_t *place_find(const queue_link_t *link, apr_uint32_t i)
{
    const char *address = link->job->message->recipients[i].address;

    return apr_hash_get(link->places, queue_twin_key(link->mail_pool, address),
                        APR_HASH_KEY_STRING);
}

static void place_set(const queue_link_t *link, apr_uint32_t i,
                      apr_uint32_t *place)
{
    const char *address = link->job->message->recipients[i].address;

    *place = i;
    apr_hash_set(link->places, queue_twin_key(link->mail_pool, address),
                 APR_HASH_KEY_STRING, place);
}

/* Those of the round whose turn it is; of twins the first. */
static apr_uint32_t recipients_choose(queue_link_t *link, apr_uint32_t max)
{
    const queue_message_t *message = link->job->message;
    apr_uint32_t i, count = 0;

    link->indices = apr_palloc(link->mail_pool, max * sizeof(apr_uint32_t));
    link->places = message->has_twins ? apr_hash_make(link->mail_pool) : NULL;
    for (i = 0; i < message->recipient_count && count < max; i++) {
        if (!queue_delivery_is_in_round(link->job, i)) {
            continue;
        }
        if (!link->places) {
            link->indices[count++] = i;
        }
        else if (!place_find(link, i)) {
            place_set(link, i, &link->indices[count++]);
        }
    }
    return count;
}

/* ---- What is said of them ---- */

static void params_fill(const store_envelope_t *envelope,
                        smtp_mail_params_t *params)
{
    memset(params, 0, sizeof(*params));
    params->has_body = (envelope->flags & STORE_ENVELOPE_HAS_BODY) != 0;
    params->smtputf8 = (envelope->flags & STORE_ENVELOPE_SMTPUTF8) != 0;
    params->requiretls = (envelope->flags & STORE_ENVELOPE_REQUIRETLS) != 0;
    params->has_priority =
        (envelope->flags & STORE_ENVELOPE_HAS_PRIORITY) != 0;
    params->body = (smtp_body_e)envelope->body;
    params->ret = (smtp_ret_e)envelope->ret;
    params->envid = envelope->envid;
    params->auth = envelope->auth;
    params->priority = (int)envelope->priority;
}

/* A recipient of the message as the envelope has it. */
static const store_queued_recipient_t *
queued_get(const apr_array_header_t *queued, apr_uint32_t i)
{
    return &APR_ARRAY_IDX(queued, i, store_queued_recipient_t);
}

static apr_int64_t notify_of(const queue_link_t *link,
                             const apr_array_header_t *queued, apr_uint32_t i)
{
    return queue_dsn_notify_get(
        &APR_ARRAY_IDX(link->mail->envelope->recipients,
                       queued_get(queued, i)->recipient, store_recipient_t));
}

/* What one twin asks for is asked for, though it be forbidden for another. */
static void notifies_join(const queue_link_t *link,
                          const apr_array_header_t *queued,
                          smtp_client_rcpt_t *rcpts)
{
    apr_uint32_t i;

    for (i = 0; i < link->job->message->recipient_count; i++) {
        const apr_uint32_t *place = queue_delivery_is_in_round(link->job, i)
                                    ? place_find(link, i) : NULL;

        if (place) {
            unsigned int *notify =
                &rcpts[place - link->indices].params.notify;

            *notify = (unsigned int)
                queue_dsn_notify_join(*notify, notify_of(link, queued, i));
        }
    }
}

static void rcpts_fill(queue_link_t *link, const apr_array_header_t *queued,
                       apr_uint32_t count)
{
    const queue_message_t *message = link->job->message;
    smtp_client_rcpt_t *rcpts =
        apr_pcalloc(link->mail_pool, count * sizeof(*rcpts));
    apr_uint32_t i;

    for (i = 0; i < count; i++) {
        apr_uint32_t index = link->indices[i];

        rcpts[i].address = message->recipients[index].address;
        rcpts[i].params.notify = (unsigned int)notify_of(link, queued, index);
        rcpts[i].params.orcpt =
            queue_dsn_orcpt_get(link->mail_pool, link->mail->envelope,
                                queued_get(queued, index));
    }
    if (link->places) {
        notifies_join(link, queued, rcpts);
    }
    link->message.rcpts = rcpts;
    link->message.rcpt_count = count;
}

/* A mailing tells by the reverse-path of what comes back which recipient it
 * is about: one transaction each. What an alias sends on keeps the one that it
 * came with (RFC 5321 3.9.1). */
static const char *reverse_path_of(const queue_link_t *link,
                                   const apr_array_header_t *queued)
{
    const queue_message_t *message = link->job->message;
    const queue_vhost_t *vhost = message->vhost;

    return vhost->verp && *message->reverse_path
           && !queue_dsn_is_forwarded(link->mail->envelope,
                                      queued_get(queued, link->indices[0]))
         ? queue_verp_write(link->mail_pool, vhost->verp,
                            message->reverse_path,
                            link->message.rcpts[0].address)
         : message->reverse_path;
}

static void message_fill(queue_link_t *link, apr_uint32_t count)
{
    smtp_client_message_t *message = &link->message;
    const store_envelope_t *envelope = link->mail->envelope;
    const apr_array_header_t *queued =
        store_queued_recipients(link->mail_pool, envelope);

    memset(message, 0, sizeof(*message));
    message->pool = link->mail_pool;
    params_fill(envelope, &message->params);
    message->has_8bit = (envelope->flags & STORE_ENVELOPE_HAS_8BIT) != 0;
    message->has_utf8_header =
        (envelope->flags & STORE_ENVELOPE_UTF8_HEADER) != 0;
    message->size_octets = link->mail->size_octets;
    message->content = link->mail->content;
    message->content_ctx = link->mail->content_ctx;
    rcpts_fill(link, queued, count);
    message->reverse_path = reverse_path_of(link, queued);
}

int queue_transaction_next(queue_link_t *link)
{
    apr_uint32_t count = recipients_choose(link, recipients_max(link));

    if (count) {
        message_fill(link, count);
    }
    return count > 0;
}

/* ---- What came of it ---- */

/* Our own end is no attempt: who was not answered then is as before, and goes
 * back with the job. */
static int is_over(const queue_link_t *link, const smtp_outcome_t *outcome)
{
    return !link->is_stopping || outcome->result != SMTP_OUTCOME_DEFERRED;
}

static void outcome_add(queue_settle_t *settle, apr_uint32_t *indices,
                        const smtp_outcome_t **outcomes, apr_uint32_t i,
                        const smtp_outcome_t *outcome)
{
    indices[settle->count] = i;
    outcomes[settle->count] = outcome;
    settle->count++;
}

/* In the order of the message, as DSNs want it. */
static void outcomes_of_twins(const queue_link_t *link,
                              queue_settle_t *settle)
{
    apr_uint32_t max = link->job->message->recipient_count, i;
    apr_uint32_t *indices = apr_palloc(settle->p, max * sizeof(*indices));
    const smtp_outcome_t **outcomes =
        apr_palloc(settle->p, max * sizeof(*outcomes));

    for (i = 0; i < max; i++) {
        const apr_uint32_t *place = queue_delivery_is_in_round(link->job, i)
                                    ? place_find(link, i) : NULL;
        const smtp_outcome_t *outcome =
            place ? &link->message.rcpts[place - link->indices].outcome
                  : NULL;

        if (outcome && is_over(link, outcome)) {
            outcome_add(settle, indices, outcomes, i, outcome);
        }
    }
    settle->indices = indices;
    settle->outcomes = outcomes;
}

void queue_transaction_outcomes(const queue_link_t *link,
                                queue_settle_t *settle)
{
    const smtp_client_message_t *message = &link->message;
    const smtp_outcome_t **outcomes;
    apr_size_t i;

    settle->count = 0;
    if (link->places) {
        outcomes_of_twins(link, settle);
        return;
    }
    outcomes = apr_palloc(settle->p, message->rcpt_count * sizeof(*outcomes));
    for (i = 0; i < message->rcpt_count; i++) {
        const smtp_outcome_t *outcome = &message->rcpts[i].outcome;

        if (is_over(link, outcome)) {
            outcome_add(settle, link->indices, outcomes, link->indices[i],
                        outcome);
        }
    }
    settle->indices = link->indices;
    settle->outcomes = outcomes;
}
