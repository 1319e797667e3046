/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpq_json.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <jansson.h>

#include "smtpq_text.h"

typedef struct printer_t {
    apr_pool_t *p;               /**< of one line */
    FILE *out;
    int is_array;
    int printed;                 /**< elements of the array */
    json_t *value;               /**< the element at hand, or the object */
    json_t *recipients;          /**< of it; borrowed */
    json_t *refused;             /**< of the object; borrowed */
    apr_int64_t count;
} printer_t;

/* Values. What the queue process says is no reason to die of. */

static void set(json_t *object, const char *name, json_t *value)
{
    if (object == NULL || json_object_set_new(object, name, value) != 0) {
        abort();                 /* no memory */
    }
}

static void set_string(printer_t *printer, json_t *object, const char *name,
                       const char *s)
{
    set(object, name, json_string(smtpq_text_utf8(printer->p, s)));
}

/** Left out when it is empty. */
static void set_known(printer_t *printer, json_t *object, const char *name,
                      const char *s)
{
    if (*s != '\0') {
        set_string(printer, object, name, s);
    }
}

static void set_number(json_t *object, const char *name, apr_int64_t number)
{
    set(object, name, json_integer(number));
}

/** Left out when there is none. */
static void set_time(printer_t *printer, json_t *object, const char *name,
                     apr_time_t time)
{
    if (time != 0) {
        set_string(printer, object, name,
                   smtpq_text_time_utc(printer->p, time));
    }
}

/** What was said last; nothing when nobody said anything. */
static void set_reason(printer_t *printer, json_t *object, apr_int64_t code,
                       const char *enhanced, const char *host,
                       const char *text)
{
    json_t *reason;

    if (code == 0 && *text == '\0') {
        return;
    }
    reason = json_object();
    if (code) {
        set_number(reason, "code", code);
    }
    set_known(printer, reason, "status", enhanced);
    set_known(printer, reason, "host", host);
    set_string(printer, reason, "text", text);
    set(object, "reason", reason);
}

/* Lines. */

static json_t *recipient_make(printer_t *printer,
                              const store_control_recipient_t *r)
{
    json_t *object = json_object();
    int is_waiting = r->fate == STORE_CONTROL_WAITING;

    set_string(printer, object, "address", r->address);
    set_string(printer, object, "status",
               is_waiting
               ? store_control_status_name((store_control_status_e)r->status)
               : store_control_fate_name((store_control_fate_e)r->fate));
    set_number(object, "attempts", r->attempts);
    set_time(printer, object, "next", r->next);
    set_known(printer, object, "destination", r->destination);
    set_reason(printer, object, r->code, r->enhanced, r->host, r->text);
    return object;
}

static json_t *message_make(printer_t *printer,
                            const store_control_message_t *m)
{
    static const char *const priorities[] = { "urgent", "normal", "bulk" };
    json_t *object = json_object();

    set_string(printer, object, "id", m->id);
    set_string(printer, object, "sender", m->reverse_path);
    set_string(printer, object, "status", store_control_status_name(
        (store_control_status_e)m->status));
    if (m->priority >= 0 && m->priority < 3) {
        set_string(printer, object, "priority", priorities[m->priority]);
    }
    set_number(object, "size", m->size_octets);
    set_time(printer, object, "arrived", m->arrived);
    set_time(printer, object, "expires", m->expires);
    set_time(printer, object, "next", m->next);
    set_known(printer, object, "host", m->vhost);
    set_known(printer, object, "kept_in", m->where);
    set_number(object, "recipient_count", m->recipients);
    set_number(object, "waiting_count", m->open);
    return object;
}

static json_t *destination_make(printer_t *printer,
                                const store_control_destination_t *d)
{
    json_t *object = json_object();

    set_string(printer, object, "destination", d->key);
    set_number(object, "ready", d->ready);
    set_number(object, "deferred", d->deferred);
    set_number(object, "active", d->active);
    set_number(object, "held", d->held);
    set_number(object, "connections", d->connections);
    set_number(object, "window", d->window);
    set_number(object, "failures", d->failures);
    set_time(printer, object, "dead_until", d->dead_until);
    set_reason(printer, object, d->code, d->enhanced, d->host, d->text);
    return object;
}

static json_t *refusal_make(printer_t *printer,
                            const store_control_refusal_t *refusal)
{
    json_t *object = json_object();

    set_string(printer, object, "id", refusal->id);
    set_string(printer, object, "why", refusal->why);
    set_string(printer, object, "text", refusal->text);
    return object;
}

/* The whole. */

static void value_print(printer_t *printer)
{
    if (printer->value == NULL) {
        return;
    }
    json_dumpf(printer->value, printer->out, JSON_COMPACT);
    json_decref(printer->value);
    printer->value = printer->recipients = NULL;
}

/** The element before is complete: that one is printed, so that a long array is
 *  never in memory. */
static void element_begin(printer_t *printer, json_t *value)
{
    value_print(printer);
    fputs(printer->printed++ ? ",\n" : "[", printer->out);
    printer->value = value;
}

static void take_element(void *baton, const store_control_reply_t *reply)
{
    printer_t *printer = baton;

    switch (reply->kind) {
    case STORE_CONTROL_MESSAGE:
        element_begin(printer, message_make(printer, &reply->message));
        printer->recipients = json_array();
        set(printer->value, "recipients", printer->recipients);
        break;
    case STORE_CONTROL_RECIPIENT:
        json_array_append_new(printer->recipients,
                              recipient_make(printer, &reply->recipient));
        break;
    case STORE_CONTROL_ENVELOPE:
        if (printer->value != NULL) {
            set_string(printer, printer->value, reply->pair.name,
                       reply->pair.value);
        }
        break;
    case STORE_CONTROL_DESTINATION:
        element_begin(printer,
                      destination_make(printer, &reply->destination));
        break;
    default:
        break;
    }
    apr_pool_clear(printer->p);
}

static void take_object(void *baton, const store_control_reply_t *reply)
{
    printer_t *printer = baton;

    switch (reply->kind) {
    case STORE_CONTROL_COUNT:
        set_number(printer->value, smtpq_text_utf8(printer->p,
                                                   reply->pair.name),
                   apr_atoi64(reply->pair.value));
        break;
    case STORE_CONTROL_REFUSED:
        json_array_append_new(printer->refused,
                              refusal_make(printer, &reply->refusal));
        break;
    case STORE_CONTROL_END:
        printer->count += reply->end.count;
        break;
    default:
        break;
    }
    apr_pool_clear(printer->p);
}

static void end(void *baton)
{
    printer_t *printer = baton;

    if (printer->refused != NULL) {
        set_number(printer->value, "count", printer->count);
    }
    if (printer->is_array && !printer->printed) {
        putc('[', printer->out);
    }
    value_print(printer);
    fputs(printer->is_array ? "]\n" : "\n", printer->out);
}

static int is_array(store_control_verb_e verb)
{
    return verb == STORE_CONTROL_LIST || verb == STORE_CONTROL_SHOW
           || verb == STORE_CONTROL_DESTINATIONS;
}

smtpq_printer_t *smtpq_json_create(apr_pool_t *p, store_control_verb_e verb,
                                   FILE *out)
{
    smtpq_printer_t *printer = apr_palloc(p, sizeof(*printer));
    printer_t *json = apr_pcalloc(p, sizeof(*json));

    apr_pool_create(&json->p, p);
    json->out = out;
    json->is_array = is_array(verb);
    if (!json->is_array) {
        json->value = json_object();
    }
    if (!json->is_array && verb != STORE_CONTROL_COUNTS) {
        json->refused = json_array();
        set(json->value, "refused", json->refused);
    }
    printer->take = json->is_array ? take_element : take_object;
    printer->end = end;
    printer->baton = json;
    return printer;
}
