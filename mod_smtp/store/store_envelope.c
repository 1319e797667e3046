/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_envelope.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "store_octets.h"

#define TAG_RECIPIENT 32         /* begins a recipient */
#define TAG_MAILBOX   48         /* begins a mailbox of it */
#define HEAD_OCTETS    5         /* tag and length */
#define NUMBER_OCTETS  8

typedef struct field_t {
    unsigned char tag;
    unsigned char is_number;
    apr_size_t offset;
} field_t;

#define STRING(tag, type, name) { tag, 0, offsetof(type, name) }
#define NUMBER(tag, type, name) { tag, 1, offsetof(type, name) }

static const field_t message_fields[] = {
    STRING( 1, store_envelope_t, id),
    STRING( 2, store_envelope_t, reverse_path),
    NUMBER( 3, store_envelope_t, arrived),
    NUMBER( 4, store_envelope_t, flags),
    NUMBER( 5, store_envelope_t, size_octets),
    NUMBER( 6, store_envelope_t, body),
    NUMBER( 7, store_envelope_t, ret),
    NUMBER( 8, store_envelope_t, priority),
    STRING( 9, store_envelope_t, envid),
    STRING(10, store_envelope_t, auth),
    NUMBER(11, store_envelope_t, file_number),
    NUMBER(12, store_envelope_t, file_octets),
    NUMBER(13, store_envelope_t, file_crc),
    NUMBER(14, store_envelope_t, queued),
    STRING(15, store_envelope_t, vhost),
    STRING(16, store_envelope_t, login),
    STRING(17, store_envelope_t, client),
    { 0, 0, 0 }
};

static const field_t recipient_fields[] = {
    STRING(TAG_RECIPIENT, store_recipient_t, forward_path),
    STRING(33, store_recipient_t, orcpt),
    NUMBER(34, store_recipient_t, notify),
    NUMBER(35, store_recipient_t, is_relayed),
    { 0, 0, 0 }
};

static const field_t mailbox_fields[] = {
    STRING(TAG_MAILBOX, store_mailbox_t, domain),
    STRING(49, store_mailbox_t, name),
    STRING(50, store_mailbox_t, extension),
    STRING(51, store_mailbox_t, delivered_to),
    STRING(52, store_mailbox_t, method),
    STRING(53, store_mailbox_t, argument),
    { 0, 0, 0 }
};

store_envelope_t *store_envelope_create(apr_pool_t *p)
{
    store_envelope_t *envelope = apr_pcalloc(p, sizeof(*envelope));

    envelope->recipients = apr_array_make(p, 1, sizeof(store_recipient_t));
    return envelope;
}

store_recipient_t *store_envelope_recipient_add(apr_pool_t *p,
                                                store_envelope_t *envelope)
{
    store_recipient_t *recipient = apr_array_push(envelope->recipients);

    memset(recipient, 0, sizeof(*recipient));
    recipient->mailboxes = apr_array_make(p, 1, sizeof(store_mailbox_t));
    return recipient;
}

store_mailbox_t *store_envelope_mailbox_add(store_recipient_t *recipient)
{
    store_mailbox_t *mailbox = apr_array_push(recipient->mailboxes);

    memset(mailbox, 0, sizeof(*mailbox));
    return mailbox;
}

int store_envelope_is_mailbox_sent(const store_mailbox_t *mailbox)
{
    return mailbox->method != NULL;
}

/* How many of the recipient's mailboxes are sent to. */
static int count_sent(const store_recipient_t *recipient)
{
    int i, n = 0;

    for (i = 0; i < recipient->mailboxes->nelts; i++) {
        n += store_envelope_is_mailbox_sent(
            &APR_ARRAY_IDX(recipient->mailboxes, i, store_mailbox_t));
    }
    return n;
}

int store_envelope_is_sent(const store_envelope_t *envelope)
{
    int i;

    for (i = 0; i < envelope->recipients->nelts; i++) {
        const store_recipient_t *recipient =
            &APR_ARRAY_IDX(envelope->recipients, i, store_recipient_t);

        if (recipient->is_relayed || count_sent(recipient)) {
            return 1;
        }
    }
    return 0;
}

int store_envelope_is_local(const store_envelope_t *envelope)
{
    int i;

    for (i = 0; i < envelope->recipients->nelts; i++) {
        const store_recipient_t *recipient =
            &APR_ARRAY_IDX(envelope->recipients, i, store_recipient_t);

        if (count_sent(recipient) < recipient->mailboxes->nelts) {
            return 1;
        }
    }
    return 0;
}

static int is_clean(const char *s, apr_size_t len)
{
    for (; len; s++, len--) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            return 0;
        }
    }
    return 1;
}

int store_envelope_is_clean(const char *s)
{
    return is_clean(s, strlen(s));
}

/* Where fields are written; with `out` NULL they are only counted. */
typedef struct writer_t {
    unsigned char *out;
    apr_size_t len;
} writer_t;

static void put(writer_t *w, unsigned char tag, const void *octets,
                apr_size_t len)
{
    if (w->out) {
        w->out[w->len] = tag;
        store_octets_put(w->out + w->len + 1, len, HEAD_OCTETS - 1);
        memcpy(w->out + w->len + HEAD_OCTETS, octets, len);
    }
    w->len += HEAD_OCTETS + len;
}

static void put_field(writer_t *w, const field_t *field, const char *value)
{
    if (field->is_number) {
        unsigned char octets[NUMBER_OCTETS];
        apr_int64_t number = *(const apr_int64_t *)value;

        if (number) {
            store_octets_put(octets, (apr_uint64_t)number, NUMBER_OCTETS);
            put(w, field->tag, octets, NUMBER_OCTETS);
        }
    }
    else {
        const char *s = *(const char *const *)value;

        if (s) {
            put(w, field->tag, s, strlen(s));
        }
    }
}

static void put_fields(writer_t *w, const field_t *field, const void *object)
{
    for (; field->tag; field++) {
        put_field(w, field, (const char *)object + field->offset);
    }
}

static void put_recipient(writer_t *w, const store_recipient_t *recipient)
{
    int i;

    put_fields(w, recipient_fields, recipient);
    for (i = 0; i < recipient->mailboxes->nelts; i++) {
        put_fields(w, mailbox_fields,
                   &APR_ARRAY_IDX(recipient->mailboxes, i, store_mailbox_t));
    }
}

static void put_envelope(writer_t *w, const store_envelope_t *envelope)
{
    int i;

    put_fields(w, message_fields, envelope);
    for (i = 0; i < envelope->recipients->nelts; i++) {
        put_recipient(w, &APR_ARRAY_IDX(envelope->recipients, i,
                                        store_recipient_t));
    }
}

apr_size_t store_envelope_recipient_size(const store_recipient_t *recipient)
{
    writer_t w = { NULL, 0 };

    put_recipient(&w, recipient);
    return w.len;
}

apr_size_t store_envelope_size(const store_envelope_t *envelope)
{
    writer_t w = { NULL, 0 };

    put_envelope(&w, envelope);
    return w.len;
}

const char *store_envelope_write(apr_pool_t *p,
                                 const store_envelope_t *envelope,
                                 apr_size_t *len)
{
    writer_t w = { NULL, 0 };

    w.out = apr_palloc(p, store_envelope_size(envelope));
    put_envelope(&w, envelope);
    *len = w.len;
    return (const char *)w.out;
}

/* An envelope that is being read. */
typedef struct reader_t {
    apr_pool_t *p;
    store_envelope_t *envelope;
    store_recipient_t *recipient;
    store_mailbox_t *mailbox;
    unsigned char last;          /* tag of the field before */
} reader_t;

/* Whether a field with this tag may follow the one before it. */
static int is_in_order(const reader_t *r, unsigned char tag)
{
    if (tag == TAG_RECIPIENT) {
        return 1;
    }
    if (tag == TAG_MAILBOX) {
        return r->recipient != NULL;
    }
    if (tag > TAG_MAILBOX) {
        return r->mailbox && tag > r->last;
    }
    if (tag > TAG_RECIPIENT) {
        return r->recipient && !r->mailbox && tag > r->last;
    }
    return !r->recipient && tag > r->last;
}

/* Begins the recipient or mailbox that the tag stands for. */
static void begin(reader_t *r, unsigned char tag)
{
    if (tag == TAG_RECIPIENT) {
        r->recipient = store_envelope_recipient_add(r->p, r->envelope);
        r->mailbox = NULL;
    }
    else if (tag == TAG_MAILBOX) {
        r->mailbox = store_envelope_mailbox_add(r->recipient);
    }
}

static const field_t *find_field(const field_t *field, unsigned char tag)
{
    while (field->tag && field->tag != tag) {
        field++;
    }
    return field->tag ? field : NULL;
}

/* The field of the table that a tag means, and the object that has it. */
static const field_t *locate(reader_t *r, unsigned char tag, char **object)
{
    if (tag >= TAG_MAILBOX) {
        *object = (char *)r->mailbox;
        return find_field(mailbox_fields, tag);
    }
    if (tag >= TAG_RECIPIENT) {
        *object = (char *)r->recipient;
        return find_field(recipient_fields, tag);
    }
    *object = (char *)r->envelope;
    return find_field(message_fields, tag);
}

static int take_field(reader_t *r, unsigned char tag, const char *octets,
                      apr_size_t len)
{
    const field_t *field;
    char *object;

    if (!is_in_order(r, tag)) {
        return 0;
    }
    begin(r, tag);
    r->last = tag;
    field = locate(r, tag, &object);
    if (!field) {
        return 0;
    }
    if (!field->is_number) {
        *(const char **)(object + field->offset) =
            apr_pstrmemdup(r->p, octets, len);
        return is_clean(octets, len);
    }
    if (len != NUMBER_OCTETS) {
        return 0;
    }
    *(apr_int64_t *)(object + field->offset) = (apr_int64_t)
        store_octets_get((const unsigned char *)octets, NUMBER_OCTETS);
    /* Zero is written by leaving it out. */
    return *(apr_int64_t *)(object + field->offset) != 0;
}

static int is_mailbox_whole(const store_mailbox_t *mailbox)
{
    return mailbox->name && mailbox->delivered_to
        && (mailbox->method || !mailbox->argument);
}

static int is_recipient_whole(const store_recipient_t *recipient)
{
    int i;

    for (i = 0; i < recipient->mailboxes->nelts; i++) {
        if (!is_mailbox_whole(&APR_ARRAY_IDX(recipient->mailboxes, i,
                                             store_mailbox_t))) {
            return 0;
        }
    }
    return !recipient->is_relayed
        || (recipient->is_relayed == 1 && !recipient->mailboxes->nelts);
}

static int has_all(const store_envelope_t *envelope)
{
    int i;

    for (i = 0; i < envelope->recipients->nelts; i++) {
        if (!is_recipient_whole(&APR_ARRAY_IDX(envelope->recipients, i,
                                               store_recipient_t))) {
            return 0;
        }
    }
    return envelope->id && envelope->reverse_path;
}

store_envelope_t *store_envelope_parse(apr_pool_t *p, const char *octets,
                                       apr_size_t len)
{
    reader_t r = { 0 };

    r.p = p;
    r.envelope = store_envelope_create(p);
    while (len >= HEAD_OCTETS) {
        const unsigned char *head = (const unsigned char *)octets;
        apr_size_t n = store_octets_get(head + 1, HEAD_OCTETS - 1);

        if (n > len - HEAD_OCTETS
            || !take_field(&r, head[0], octets + HEAD_OCTETS, n)) {
            return NULL;
        }
        octets += HEAD_OCTETS + n;
        len -= HEAD_OCTETS + n;
    }
    return len == 0 && has_all(r.envelope) ? r.envelope : NULL;
}
