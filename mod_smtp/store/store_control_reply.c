/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_control_reply.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

/** What a field is. */
typedef enum {
    IS_STRING = 1,
    IS_NUMBER,
    IS_STATUS,                   /**< its name in the line */
    IS_FATE
} field_e;

/** A field of a struct, at its place in the line; ends with one of 0. */
typedef struct field_t {
    field_e type;
    size_t offset;
} field_t;

#define STRING(type, name) { IS_STRING, offsetof(type, name) }
#define NUMBER(type, name) { IS_NUMBER, offsetof(type, name) }

static const field_t recipient_fields[] = {
    STRING(store_control_recipient_t, address),
    { IS_FATE, offsetof(store_control_recipient_t, fate) },
    { IS_STATUS, offsetof(store_control_recipient_t, status) },
    NUMBER(store_control_recipient_t, attempts),
    NUMBER(store_control_recipient_t, next),
    STRING(store_control_recipient_t, destination),
    NUMBER(store_control_recipient_t, code),
    STRING(store_control_recipient_t, enhanced),
    STRING(store_control_recipient_t, host),
    STRING(store_control_recipient_t, text),
    { 0, 0 }
};

static const field_t message_fields[] = {
    STRING(store_control_message_t, id),
    STRING(store_control_message_t, reverse_path),
    { IS_STATUS, offsetof(store_control_message_t, status) },
    NUMBER(store_control_message_t, priority),
    NUMBER(store_control_message_t, size_octets),
    NUMBER(store_control_message_t, arrived),
    NUMBER(store_control_message_t, expires),
    NUMBER(store_control_message_t, next),
    NUMBER(store_control_message_t, recipients),
    NUMBER(store_control_message_t, open),
    STRING(store_control_message_t, vhost),
    STRING(store_control_message_t, where),
    { 0, 0 }
};

static const field_t destination_fields[] = {
    STRING(store_control_destination_t, key),
    NUMBER(store_control_destination_t, ready),
    NUMBER(store_control_destination_t, deferred),
    NUMBER(store_control_destination_t, active),
    NUMBER(store_control_destination_t, held),
    NUMBER(store_control_destination_t, connections),
    NUMBER(store_control_destination_t, window),
    NUMBER(store_control_destination_t, failures),
    NUMBER(store_control_destination_t, dead_until),
    NUMBER(store_control_destination_t, code),
    STRING(store_control_destination_t, enhanced),
    STRING(store_control_destination_t, host),
    STRING(store_control_destination_t, text),
    { 0, 0 }
};

static const field_t pair_fields[] = {
    STRING(store_control_pair_t, name),
    STRING(store_control_pair_t, value),
    { 0, 0 }
};

static const field_t refusal_fields[] = {
    STRING(store_control_refusal_t, why),
    STRING(store_control_refusal_t, id),
    STRING(store_control_refusal_t, text),
    { 0, 0 }
};

static const field_t end_fields[] = {
    NUMBER(store_control_end_t, count),
    NUMBER(store_control_end_t, seen),
    NUMBER(store_control_end_t, all),
    { 0, 0 }
};

static const field_t no_fields[] = { { 0, 0 } };

#define IN(name) offsetof(store_control_reply_t, name)

/** What a line of each kind holds, from where in the reply; of a message its
 *  first recipient comes behind it. */
static const struct {
    const char *name;
    const field_t *fields;
    size_t offset;
} kinds[STORE_CONTROL_REPLY_COUNT] = {
    { "", no_fields, 0 },
    { "message", message_fields, IN(message) },
    { "recipient", recipient_fields, IN(recipient) },
    { "envelope", pair_fields, IN(pair) },
    { "content", no_fields, 0 },
    { "destination", destination_fields, IN(destination) },
    { "count", pair_fields, IN(pair) },
    { "refused", refusal_fields, IN(refusal) },
    { "progress", end_fields, IN(end) },
    { "end", end_fields, IN(end) },
    { "error", refusal_fields, IN(refusal) }
};

static const char *const fates[STORE_CONTROL_FATE_COUNT] = {
    "waiting", "sent", "failed", "deleted"
};

const char *store_control_fate_name(store_control_fate_e fate)
{
    return fates[fate];
}

/* Writing. */

static void field_write(store_control_out_t *out, const field_t *field,
                        const void *object)
{
    const void *value = (const char *)object + field->offset;

    switch (field->type) {
    case IS_STRING:
        store_control_write_string(out, *(const char *const *)value);
        break;
    case IS_NUMBER:
        store_control_write_number(out, *(const apr_int64_t *)value);
        break;
    case IS_STATUS:
        store_control_write_string(out, store_control_status_name(
            (store_control_status_e)*(const apr_int64_t *)value));
        break;
    case IS_FATE:
        store_control_write_string(out, fates[*(const apr_int64_t *)value]);
        break;
    }
}

static void fields_write(store_control_out_t *out, const field_t *field,
                         const void *object)
{
    for (; field->type != 0; field++) {
        field_write(out, field, object);
    }
}

static void line_write(store_control_out_t *out, store_control_reply_e kind,
                       const void *object)
{
    store_control_write_string(out, kinds[kind].name);
    fields_write(out, kinds[kind].fields, object);
    store_control_write_end(out);
}

void store_control_message_write(store_control_out_t *out,
                                 const store_control_message_t *message)
{
    store_control_write_string(out, kinds[STORE_CONTROL_MESSAGE].name);
    fields_write(out, message_fields, message);
    fields_write(out, recipient_fields, &message->first);
    store_control_write_end(out);
}

void store_control_recipient_write(store_control_out_t *out,
                                   const store_control_recipient_t *recipient)
{
    line_write(out, STORE_CONTROL_RECIPIENT, recipient);
}

void store_control_destination_write(store_control_out_t *out,
                                     const store_control_destination_t *d)
{
    line_write(out, STORE_CONTROL_DESTINATION, d);
}

void store_control_pair_write(store_control_out_t *out,
                              store_control_reply_e kind, const char *name,
                              const char *value)
{
    store_control_pair_t pair = { name, value };

    line_write(out, kind, &pair);
}

void store_control_count_write(store_control_out_t *out, const char *name,
                               apr_int64_t number)
{
    char value[32];

    apr_snprintf(value, sizeof(value), "%" APR_INT64_T_FMT, number);
    store_control_pair_write(out, STORE_CONTROL_COUNT, name, value);
}

void store_control_content_write(store_control_out_t *out,
                                 const char *octets, apr_size_t len)
{
    store_control_write_string(out, kinds[STORE_CONTROL_CONTENT].name);
    store_control_write(out, octets, len);
    store_control_write_end(out);
}

void store_control_refusal_write(store_control_out_t *out,
                                 store_control_reply_e kind, const char *why,
                                 const char *id, const char *text)
{
    store_control_refusal_t refusal = { why, id, text };

    line_write(out, kind, &refusal);
}

void store_control_end_write(store_control_out_t *out,
                             store_control_reply_e kind,
                             const store_control_end_t *end)
{
    line_write(out, kind, end);
}

/* Reading. */

/** Fields of a line that are not read yet. */
typedef struct reader_t {
    const store_control_field_t *next;
    const store_control_field_t *end;
} reader_t;

static int word_read(const store_control_field_t *field,
                     const char *const *words, int count, apr_int64_t *value)
{
    int i;

    for (i = 0; i < count; i++) {
        if (strlen(words[i]) == field->len
            && memcmp(words[i], field->s, field->len) == 0) {
            *value = i;
            return 1;
        }
    }
    return 0;
}

static int status_read(const store_control_field_t *field,
                       apr_int64_t *value)
{
    const char *name = store_control_string(field);
    store_control_status_e status = STORE_CONTROL_STATUS_COUNT;

    if (name != NULL) {
        status = store_control_status_find(name);
    }
    *value = status;
    return status != STORE_CONTROL_STATUS_COUNT;
}

static int field_read(const store_control_field_t *from,
                      const field_t *field, void *object)
{
    void *value = (char *)object + field->offset;

    switch (field->type) {
    case IS_STRING:
        *(const char **)value = store_control_string(from);
        return *(const char **)value != NULL;
    case IS_NUMBER:
        return store_control_number(from, value);
    case IS_STATUS:
        return status_read(from, value);
    case IS_FATE:
        return word_read(from, fates, STORE_CONTROL_FATE_COUNT, value);
    }
    return 0;
}

static int fields_read(reader_t *r, const field_t *field, void *object)
{
    for (; field->type != 0; field++, r->next++) {
        if (r->next == r->end || !field_read(r->next, field, object)) {
            return 0;
        }
    }
    return 1;
}

static int content_read(reader_t *r, store_control_field_t *content)
{
    if (r->next == r->end) {
        return 0;
    }
    *content = *r->next;
    return 1;
}

static store_control_reply_e kind_find(const store_control_field_t *field)
{
    int kind = STORE_CONTROL_REPLY_COUNT;

    while (--kind > STORE_CONTROL_UNKNOWN
           && strcmp(kinds[kind].name, field->s) != 0) {
        continue;
    }
    return (store_control_reply_e)kind;
}

static int line_read(reader_t *r, store_control_reply_t *reply)
{
    if (!fields_read(r, kinds[reply->kind].fields,
                     (char *)reply + kinds[reply->kind].offset)) {
        return 0;
    }
    if (reply->kind == STORE_CONTROL_MESSAGE) {
        return fields_read(r, recipient_fields, &reply->message.first);
    }
    if (reply->kind == STORE_CONTROL_CONTENT) {
        return content_read(r, &reply->content);
    }
    return 1;
}

int store_control_reply_parse(char *line, apr_size_t len,
                              store_control_reply_t *reply)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    int count = store_control_parse(line, len, fields);
    reader_t r = { fields + 1, fields + count };

    reply->kind = STORE_CONTROL_UNKNOWN;
    if (count == 0) {
        return 0;
    }
    reply->kind = kind_find(&fields[0]);
    if (!line_read(&r, reply)) {
        reply->kind = STORE_CONTROL_UNKNOWN;
        return 0;
    }
    return 1;
}
