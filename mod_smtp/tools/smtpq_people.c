/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_people.h"

#include <apr_strings.h>

#include "smtpq_table.h"
#include "smtpq_text.h"

typedef struct people_t {
    apr_pool_t *p;               /**< of one line */
    smtpq_view_t view;
    smtpq_table_t *table;        /**< NULL: none for this verb */
    int shown;                   /**< messages */
    const char *did;             /**< what is done with messages, or NULL */
    apr_int64_t count;           /**< with so many */
} people_t;

static const smtpq_column_t message_columns[] = {
    { "ID", 0, 0 }, { "AGE", 1, 0 }, { "SIZE", 1, 0 }, { "STATUS", 0, 0 },
    { "NEXT", 1, 0 }, { "FROM", 0, 3 }, { "TO", 0, 4 }, { "WHY", 0, 5 }
};

static const smtpq_column_t destination_columns[] = {
    { "DESTINATION", 0, 3 }, { "READY", 1, 0 }, { "DEFERRED", 1, 0 },
    { "ACTIVE", 1, 0 }, { "HELD", 1, 0 }, { "CONNECTIONS", 1, 0 },
    { "DEAD FOR", 1, 0 }, { "WHY", 0, 4 }
};

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *safe(const people_t *people, apr_pool_t *p, const char *s)
{
    return smtpq_text_escape(p, s, people->view.utf8);
}

/** The null reverse-path is seen, too. */
static const char *sender_of(const people_t *people, apr_pool_t *p,
                             const char *reverse_path)
{
    return *reverse_path ? safe(people, p, reverse_path) : "<>";
}

/** "450 4.2.0 try again". */
static const char *reason_of(const people_t *people, apr_pool_t *p,
                             apr_int64_t code, const char *enhanced,
                             const char *text)
{
    return apr_pstrcat(p, code ? apr_psprintf(p, "%d ", (int)code) : "",
                       safe(people, p, enhanced), *enhanced ? " " : "",
                       safe(people, p, text), NULL);
}

static const char *until(const people_t *people, apr_pool_t *p,
                         apr_time_t time)
{
    apr_interval_time_t left = time - people->view.now;

    return time == 0 ? "-" : smtpq_text_interval(p, left > 0 ? left : 0);
}

/* The list. */

static void list_row(people_t *people, const store_control_message_t *m)
{
    apr_pool_t *p = smtpq_table_pool(people->table);
    const store_control_recipient_t *first = &m->first;
    apr_time_t age = people->view.now - m->arrived;
    const char *cells[COUNT_OF(message_columns)];

    cells[0] = safe(people, p, m->id);
    cells[1] = smtpq_text_interval(p, age > 0 ? age : 0);
    cells[2] = smtpq_text_size(p, m->size_octets);
    cells[3] = store_control_status_name((store_control_status_e)m->status);
    cells[4] = until(people, p, m->next);
    cells[5] = sender_of(people, p, m->reverse_path);
    cells[6] = safe(people, p, first->address);
    if (m->open > 1) {
        cells[6] = apr_psprintf(p, "%s +%" APR_INT64_T_FMT, cells[6],
                                m->open - 1);
    }
    cells[7] = reason_of(people, p, first->code, first->enhanced,
                         first->text);
    smtpq_table_row(people->table, cells);
}

static void destination_row(people_t *people,
                            const store_control_destination_t *d)
{
    apr_pool_t *p = smtpq_table_pool(people->table);
    const char *cells[COUNT_OF(destination_columns)];

    cells[0] = safe(people, p, d->key);
    cells[1] = apr_psprintf(p, "%" APR_INT64_T_FMT, d->ready);
    cells[2] = apr_psprintf(p, "%" APR_INT64_T_FMT, d->deferred);
    cells[3] = apr_psprintf(p, "%" APR_INT64_T_FMT, d->active);
    cells[4] = apr_psprintf(p, "%" APR_INT64_T_FMT, d->held);
    cells[5] = apr_psprintf(p, "%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
                            d->connections, d->window);
    cells[6] = until(people, p, d->dead_until);
    cells[7] = reason_of(people, p, d->code, d->enhanced, d->text);
    smtpq_table_row(people->table, cells);
}

/* One message. */

/** What is not known is not told. */
static void fact_print(people_t *people, const char *name, const char *value)
{
    if (*value == '\0') {
        return;
    }
    fprintf(people->view.out, "%-12s %s\n",
            apr_pstrcat(people->p, name, ":", NULL), value);
}

static const char *time_of(people_t *people, apr_time_t time)
{
    return time ? smtpq_text_time(people->p, time) : "";
}

static void message_print(people_t *people, const store_control_message_t *m)
{
    static const char *const priorities[] = { "urgent", "normal", "bulk" };

    if (people->shown++) {
        putc('\n', people->view.out);
    }
    fact_print(people, "id", safe(people, people->p, m->id));
    fact_print(people, "from", sender_of(people, people->p,
                                         m->reverse_path));
    fact_print(people, "status", store_control_status_name(
        (store_control_status_e)m->status));
    fact_print(people, "arrived", time_of(people, m->arrived));
    fact_print(people, "expires", time_of(people, m->expires));
    fact_print(people, "size", apr_psprintf(people->p, "%" APR_INT64_T_FMT
                                            " octets", m->size_octets));
    if (m->priority >= 0 && m->priority < COUNT_OF(priorities)) {
        fact_print(people, "priority", priorities[m->priority]);
    }
    fact_print(people, "host", safe(people, people->p, m->vhost));
    fact_print(people, "kept in", safe(people, people->p, m->where));
    fact_print(people, "recipients",
               apr_psprintf(people->p, "%" APR_INT64_T_FMT ", waiting %"
                            APR_INT64_T_FMT, m->recipients, m->open));
}

/** "deferred until TIME", "sent", ... */
static const char *doing_of(people_t *people,
                            const store_control_recipient_t *r)
{
    const char *status = store_control_status_name(
        (store_control_status_e)r->status);

    if (r->fate != STORE_CONTROL_WAITING) {
        return store_control_fate_name((store_control_fate_e)r->fate);
    }
    return r->next ? apr_pstrcat(people->p, status, " until ",
                                 time_of(people, r->next), NULL)
                   : status;
}

static void recipient_print(people_t *people,
                            const store_control_recipient_t *r)
{
    FILE *out = people->view.out;

    fprintf(out, "to:          %s\n", safe(people, people->p, r->address));
    fprintf(out, "             %s", doing_of(people, r));
    if (r->attempts) {
        fprintf(out, ", attempts: %" APR_INT64_T_FMT, r->attempts);
    }
    if (*r->destination) {
        fprintf(out, ", by %s", safe(people, people->p, r->destination));
    }
    putc('\n', out);
    if (*r->text || r->code) {
        fprintf(out, "             %s%s%s\n",
                safe(people, people->p, r->host), *r->host ? " said: " : "",
                reason_of(people, people->p, r->code, r->enhanced, r->text));
    }
}

/* What was done. */

/** In the words of each verb; NULL: nothing is said. */
static const char *const did[STORE_CONTROL_VERB_COUNT] = {
    NULL, NULL, NULL, "tried now", "held", "released", "deleted",
    "tried now", NULL, NULL
};

static void take_show(void *baton, const store_control_reply_t *reply)
{
    people_t *people = baton;

    switch (reply->kind) {
    case STORE_CONTROL_MESSAGE:
        message_print(people, &reply->message);
        break;
    case STORE_CONTROL_RECIPIENT:
        recipient_print(people, &reply->recipient);
        break;
    case STORE_CONTROL_ENVELOPE:
    case STORE_CONTROL_COUNT:
        fact_print(people, safe(people, people->p, reply->pair.name),
                   safe(people, people->p, reply->pair.value));
        break;
    case STORE_CONTROL_CONTENT:
        fwrite(reply->content.s, 1, reply->content.len, people->view.out);
        break;
    default:
        break;
    }
    apr_pool_clear(people->p);
}

static void take_row(void *baton, const store_control_reply_t *reply)
{
    people_t *people = baton;

    if (reply->kind == STORE_CONTROL_MESSAGE) {
        list_row(people, &reply->message);
    }
    else if (reply->kind == STORE_CONTROL_DESTINATION) {
        destination_row(people, &reply->destination);
    }
}

static void take_change(void *baton, const store_control_reply_t *reply)
{
    people_t *people = baton;

    if (reply->kind == STORE_CONTROL_END) {
        people->count += reply->end.count;
    }
}

static void end(void *baton)
{
    people_t *people = baton;

    if (people->table != NULL) {
        smtpq_table_end(people->table);
    }
    if (people->did != NULL) {
        fprintf(people->view.out, "%" APR_INT64_T_FMT " message%s %s\n",
                people->count, people->count == 1 ? "" : "s", people->did);
    }
}

static smtpq_table_t *table_create(apr_pool_t *p, store_control_verb_e verb,
                                   const smtpq_view_t *view)
{
    if (verb == STORE_CONTROL_LIST) {
        return smtpq_table_create(p, view->out, message_columns,
                                  COUNT_OF(message_columns), view->width,
                                  view->utf8);
    }
    if (verb == STORE_CONTROL_DESTINATIONS) {
        return smtpq_table_create(p, view->out, destination_columns,
                                  COUNT_OF(destination_columns),
                                  view->width, view->utf8);
    }
    return NULL;
}

smtpq_printer_t *smtpq_people_create(apr_pool_t *p,
                                     store_control_verb_e verb,
                                     const smtpq_view_t *view)
{
    smtpq_printer_t *printer = apr_palloc(p, sizeof(*printer));
    people_t *people = apr_pcalloc(p, sizeof(*people));

    apr_pool_create(&people->p, p);
    people->view = *view;
    people->table = table_create(p, verb, view);
    people->did = did[verb];
    printer->take = people->table ? take_row
                    : people->did ? take_change : take_show;
    printer->end = end;
    printer->baton = people;
    return printer;
}
