/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_row.h"

#include <string.h>

/** Of queue_priority_e, which is not for us to include: normal, if nobody said
 *  anything else. */
#define PRIORITY_NORMAL 1
#define PRIORITY_BULK   2

const char *smtpq_row_address(const smtpq_found_t *found, int i)
{
    const store_queued_recipient_t *sent =
        &APR_ARRAY_IDX(found->recipients, i, store_queued_recipient_t);
    const store_recipient_t *recipient =
        &APR_ARRAY_IDX(found->envelope->recipients, sent->recipient,
                       store_recipient_t);

    return sent->mailbox < 0 ? recipient->forward_path
           : APR_ARRAY_IDX(recipient->mailboxes, sent->mailbox,
                           store_mailbox_t).delivered_to;
}

int smtpq_row_is_open(const smtpq_found_t *found, int i)
{
    return found->states == NULL
           || found->states[i].what == STORE_QUEUED_WAITING
           || found->states[i].what == STORE_QUEUED_DEFERRED;
}

int smtpq_row_open(const smtpq_found_t *found)
{
    int i, count = 0;

    for (i = 0; i < found->recipients->nelts; i++) {
        count += smtpq_row_is_open(found, i);
    }
    return count;
}

/** When recipient @a i is tried again; 0: at once. */
static apr_time_t next_of(const smtpq_found_t *found, int i, apr_time_t now)
{
    apr_time_t next = found->states ? found->states[i].next : 0;

    return next > now ? next : 0;
}

/** The earliest of those who wait; 0: one is tried at once. */
static apr_time_t next_of_all(const smtpq_found_t *found, apr_time_t now)
{
    apr_time_t first = 0;
    int i;

    for (i = 0; i < found->recipients->nelts; i++) {
        apr_time_t next = next_of(found, i, now);

        if (smtpq_row_is_open(found, i)) {
            if (next == 0) {
                return 0;
            }
            if (first == 0 || next < first) {
                first = next;
            }
        }
    }
    return first;
}

store_control_status_e smtpq_row_status(const smtpq_found_t *found,
                                        apr_time_t now)
{
    return found->is_held ? STORE_CONTROL_HELD
           : next_of_all(found, now) ? STORE_CONTROL_DEFERRED
           : STORE_CONTROL_READY;
}

static store_control_fate_e fate_of(const smtpq_found_t *found, int i)
{
    switch (found->states ? found->states[i].what : STORE_QUEUED_WAITING) {
    case STORE_QUEUED_SENT:
        return STORE_CONTROL_SENT;
    case STORE_QUEUED_FAILED:
        return STORE_CONTROL_FAILED;
    case STORE_QUEUED_DELETED:
        return STORE_CONTROL_DELETED;
    default:
        return STORE_CONTROL_WAITING;
    }
}

static void row_state(apr_pool_t *p, const store_queued_state_t *state,
                      store_control_recipient_t *row)
{
    char *enhanced = apr_palloc(p, SMTP_STATUS_BUFFER_OCTETS);

    smtp_status_write(enhanced, store_queued_status_unpack(state->status));
    row->attempts = state->attempts;
    row->code = state->code;
    row->enhanced = enhanced;
    row->host = state->host ? state->host : "";
    row->text = state->text ? state->text : "";
}

void smtpq_row_recipient(apr_pool_t *p, const smtpq_found_t *found, int i,
                         apr_time_t now, store_control_recipient_t *row)
{
    memset(row, 0, sizeof(*row));
    row->address = smtpq_row_address(found, i);
    row->fate = fate_of(found, i);
    row->next = next_of(found, i, now);
    row->status = found->is_held ? STORE_CONTROL_HELD
                  : row->next ? STORE_CONTROL_DEFERRED : STORE_CONTROL_READY;
    row->destination = row->enhanced = row->host = row->text = "";
    if (found->states) {
        row_state(p, &found->states[i], row);
    }
}

/** As queue_intake.c sees it, but for SMTPPriority, which is in httpd.conf. */
static int priority_of(const smtpq_found_t *found)
{
    const store_envelope_t *envelope = found->envelope;

    if (found->priority >= 0) {
        return found->priority;
    }
    if (envelope->flags & STORE_ENVELOPE_HAS_PRIORITY
        && envelope->priority) {
        return envelope->priority > 0 ? 0 : PRIORITY_BULK;
    }
    return envelope->flags & STORE_ENVELOPE_BULK ? PRIORITY_BULK
                                                 : PRIORITY_NORMAL;
}

/** Of whom is told where there is room for one. */
static int first_of(apr_pool_t *p, const smtpq_found_t *found,
                    const store_control_select_t *select)
{
    int i;

    for (i = 0; i < found->recipients->nelts; i++) {
        if (smtpq_row_is_open(found, i)
            && store_control_select_recipient(select, p,
                                              smtpq_row_address(found, i))) {
            return i;
        }
    }
    return 0;
}

void smtpq_row_message(apr_pool_t *p, const smtpq_found_t *found,
                       const store_control_select_t *select, apr_time_t now,
                       store_control_message_t *row)
{
    const store_envelope_t *envelope = found->envelope;

    memset(row, 0, sizeof(*row));
    row->id = envelope->id;
    row->reverse_path = envelope->reverse_path;
    row->status = smtpq_row_status(found, now);
    row->priority = priority_of(found);
    row->size_octets = (apr_int64_t)found->size_octets;
    row->arrived = envelope->arrived;
    row->next = found->is_held ? 0 : next_of_all(found, now);
    row->recipients = found->recipients->nelts;
    row->open = smtpq_row_open(found);
    row->vhost = envelope->vhost ? envelope->vhost : "";
    row->where = found->is_file ? "file" : "journal";
    smtpq_row_recipient(p, found, first_of(p, found, select), now,
                        &row->first);
}
