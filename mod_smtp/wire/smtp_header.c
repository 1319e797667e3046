/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_header.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "smtp_chars.h"

typedef enum {
    STATE_LINE = 0,     /* at the start of a line; a field may be open, since
                         * the line may continue it */
    STATE_NAME,
    STATE_NAME_BLANK,   /* white space between name and colon */
    STATE_BODY,
    STATE_BODY_CR,
    STATE_EMPTY_CR      /* CR at the start of a line */
} header_state_e;

/** Values of field that are no row of the table. */
#define FIELD_NONE  (-2)
#define FIELD_OTHER (-1)

typedef enum {
    KEEP_NOTHING = 0, KEEP_MESSAGE_ID, KEEP_FROM, KEEP_SENDER, KEEP_SUBJECT,
    KEEP_DELIVERED_TO, KEEP_PRECEDENCE, KEEP_TLS_REQUIRED
} keep_e;

/** The fields that matter to a server. */
typedef struct field_row_t {
    const char *name;            /* lower case, shorter than a name buffer */
    unsigned int flags;
    keep_e keep;
    unsigned int received;       /* how much it adds to that count */
} field_row_t;

static const field_row_t field_rows[] = {
    { "received", 0, KEEP_NOTHING, 1 },
    { "date", SMTP_HEADER_DATE, KEEP_NOTHING, 0 },
    { "from", SMTP_HEADER_FROM, KEEP_FROM, 0 },
    { "sender", SMTP_HEADER_SENDER, KEEP_SENDER, 0 },
    { "message-id", SMTP_HEADER_MESSAGE_ID, KEEP_MESSAGE_ID, 0 },
    { "return-path", SMTP_HEADER_RETURN_PATH, KEEP_NOTHING, 0 },
    { "to", SMTP_HEADER_TO_CC_BCC, KEEP_NOTHING, 0 },
    { "cc", SMTP_HEADER_TO_CC_BCC, KEEP_NOTHING, 0 },
    { "bcc", SMTP_HEADER_TO_CC_BCC | SMTP_HEADER_BCC, KEEP_NOTHING, 0 },
    { "mime-version", SMTP_HEADER_MIME_VERSION, KEEP_NOTHING, 0 },
    { "auto-submitted", SMTP_HEADER_AUTO_SUBMITTED, KEEP_NOTHING, 0 },
    { "tls-required", SMTP_HEADER_TLS_REQUIRED, KEEP_TLS_REQUIRED, 0 },
    { "subject", 0, KEEP_SUBJECT, 0 },
    { "delivered-to", 0, KEEP_DELIVERED_TO, 0 },
    { "precedence", 0, KEEP_PRECEDENCE, 0 }
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/** The row of the name that was read; names know no case (RFC 5322 1.2.2). */
static int field_find(const smtp_header_t *header)
{
    apr_size_t i;

    for (i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
        if (strlen(field_rows[i].name) == header->name_len
            && strncasecmp(header->name, field_rows[i].name,
                           header->name_len) == 0) {
            return (int)i;
        }
    }
    return FIELD_OTHER;
}

/** A copy of the body that was read, without white space at its end. */
static const char *value_copy(const smtp_header_t *header)
{
    apr_size_t len = header->value_len;

    while (len > 0 && is_blank(header->value[len - 1])) {
        len--;
    }
    return apr_pstrmemdup(header->pool, header->value, len);
}

/** More than are kept take no memory: a peer may send them without end. */
static void delivered_to_add(smtp_header_t *header)
{
    apr_array_header_t *kept = header->delivered_to;

    if (kept->nelts < SMTP_HEADER_DELIVERED_TO_MAX) {
        APR_ARRAY_PUSH(kept, const char *) = value_copy(header);
    }
}

/** Whether the mail says that it is one of many. */
static int is_bulk(const char *precedence)
{
    return strcasecmp(precedence, "bulk") == 0
        || strcasecmp(precedence, "list") == 0
        || strcasecmp(precedence, "junk") == 0;
}

static void value_store(smtp_header_t *header, keep_e keep)
{
    const char *value;

    switch (keep) {
    case KEEP_MESSAGE_ID:
        if (header->message_id == NULL) {
            value = value_copy(header);
            header->message_id = smtp_chars_escape(header->pool, value,
                                                   strlen(value),
                                                   header->value_len);
        }
        break;
    case KEEP_FROM:
        header->from = header->from ? header->from : value_copy(header);
        break;
    case KEEP_SENDER:
        header->sender = header->sender ? header->sender
                                        : value_copy(header);
        break;
    case KEEP_SUBJECT:
        header->subject = header->subject ? header->subject
                                          : value_copy(header);
        break;
    case KEEP_DELIVERED_TO:
        delivered_to_add(header);
        break;
    case KEEP_PRECEDENCE:
        header->fields |= is_bulk(value_copy(header)) ? SMTP_HEADER_BULK : 0;
        break;
    case KEEP_TLS_REQUIRED:
        header->fields |= strcasecmp(value_copy(header), "no") == 0
                          ? SMTP_HEADER_TLS_OPTIONAL : 0;
        break;
    case KEEP_NOTHING:
        break;
    }
}

/** The open field, if there is one, is whole. */
static void field_end(smtp_header_t *header)
{
    if (header->field >= 0) {
        const field_row_t *row = &field_rows[header->field];

        header->received += row->received;
        header->repeated |= header->fields & row->flags;
        header->fields |= row->flags;
        header->is_cut |= header->is_value_cut ? row->flags : 0;
        value_store(header, row->keep);
    }
    header->field = FIELD_NONE;
}

static void field_begin(smtp_header_t *header)
{
    header->field = field_find(header);
    header->state = STATE_BODY;
    header->header_octets += header->pending_octets + 1;
    header->pending_octets = 0;
    header->value_len = 0;
    header->is_value_cut = 0;
    if (header->value == NULL && header->field >= 0
        && field_rows[header->field].keep != KEEP_NOTHING) {
        header->value_size = SMTP_HEADER_VALUE_MAX_OCTETS;
        header->value = apr_palloc(header->pool, header->value_size);
    }
}

/** How much of the open field is kept. */
static apr_size_t value_max(const smtp_header_t *header)
{
    keep_e keep = field_rows[header->field].keep;

    return keep == KEEP_FROM || keep == KEEP_SENDER
           ? SMTP_HEADER_ADDRESS_MAX_OCTETS : SMTP_HEADER_VALUE_MAX_OCTETS;
}

/** Adds to the body that is kept what there may be. Most lists of mailboxes
 *  are short: the room for a long one is made once it comes. */
static void value_add(smtp_header_t *header, const char *octets,
                      apr_size_t len)
{
    apr_size_t max = value_max(header);
    char *value;

    if (header->value_len + len > header->value_size
        && header->value_size < max) {
        value = apr_palloc(header->pool, max);
        memcpy(value, header->value, header->value_len);
        header->value = value;
        header->value_size = max;
    }
    if (len > max - header->value_len) {
        len = max - header->value_len;
        header->is_value_cut = 1;
    }
    /* A binary mail may hold NUL, at which a string ends. */
    if (memchr(octets, '\0', len)) {
        header->is_value_cut = 1;
    }
    memcpy(header->value + header->value_len, octets, len);
    header->value_len += len;
}

/** This line is no field: it and the rest are body. */
static void malformed_end(smtp_header_t *header)
{
    header->is_malformed = 1;
    header->is_done = 1;
}

/** Adds octets to the body of the open field. The CRLFs of folding are not
 *  among them: so it is unfolded (RFC 5322 2.2.3). */
static void body_keep(smtp_header_t *header, const char *octets,
                      apr_size_t len)
{
    if (!header->has_8bit) {
        header->has_8bit = smtp_chars_has_8bit(octets, len);
    }
    if (memchr(octets, '\n', len) || memchr(octets, '\0', len)) {
        header->has_bare = 1;
    }
    if (header->field < 0
        || field_rows[header->field].keep == KEEP_NOTHING) {
        return;
    }
    while (header->value_len == 0 && len > 0 && is_blank(*octets)) {
        octets++;
        len--;
    }
    value_add(header, octets, len);
}

/* Each of these takes octets in one state and returns how many: 0 if the
 * octet is for another state. */

static apr_size_t line_take(smtp_header_t *header, char c)
{
    if (is_blank(c) && header->field != FIELD_NONE) {
        header->state = STATE_BODY;
        return 0;
    }
    field_end(header);
    if (c == '\r') {
        header->state = STATE_EMPTY_CR;
        return 1;
    }
    header->state = STATE_NAME;
    header->name_len = 0;
    return 0;
}

static apr_size_t name_take(smtp_header_t *header, char c)
{
    if (header->state == STATE_NAME && smtp_chars_is(c, SMTP_CHARS_FTEXT)) {
        if (header->name_len < sizeof(header->name)) {
            header->name[header->name_len++] = c;
        }
    }
    else if (c == ':' && header->name_len > 0) {
        field_begin(header);
        return 1;
    }
    else if (is_blank(c) && header->name_len > 0) {
        header->state = STATE_NAME_BLANK;
    }
    else {
        malformed_end(header);
        return 0;
    }
    header->pending_octets++;
    return 1;
}

static apr_size_t body_take(smtp_header_t *header, const char *data,
                            apr_size_t len)
{
    const char *cr = memchr(data, '\r', len);
    apr_size_t body_len = cr ? (apr_size_t)(cr - data) : len;

    if (body_len > 0) {
        body_keep(header, data, body_len);
    }
    if (cr) {
        header->state = STATE_BODY_CR;
        body_len++;
    }
    header->header_octets += body_len;
    return body_len;
}

static apr_size_t body_cr_take(smtp_header_t *header, char c)
{
    if (c == '\n') {
        header->state = STATE_LINE;
        header->header_octets++;
        return 1;
    }
    header->has_bare = 1;
    body_keep(header, "\r", 1);
    header->state = STATE_BODY;
    return 0;
}

static apr_size_t empty_cr_take(smtp_header_t *header, char c)
{
    if (c != '\n') {
        malformed_end(header);
        return 0;
    }
    header->is_done = 1;
    return 1;
}

static apr_size_t octets_take(smtp_header_t *header, const char *data,
                              apr_size_t len)
{
    switch (header->state) {
    case STATE_LINE:
        return line_take(header, *data);
    case STATE_BODY:
        return body_take(header, data, len);
    case STATE_BODY_CR:
        return body_cr_take(header, *data);
    case STATE_EMPTY_CR:
        return empty_cr_take(header, *data);
    default:
        return name_take(header, *data);
    }
}

void smtp_header_init(smtp_header_t *header, apr_pool_t *p)
{
    memset(header, 0, sizeof(*header));
    header->pool = p;
    header->field = FIELD_NONE;
    header->delivered_to = apr_array_make(p, 2, sizeof(const char *));
}

void smtp_header_push(smtp_header_t *header, const char *data, apr_size_t len)
{
    while (len > 0 && !header->is_done) {
        apr_size_t taken = octets_take(header, data, len);

        data += taken;
        len -= taken;
    }
}

void smtp_header_finish(smtp_header_t *header)
{
    if (header->is_done) {
        return;
    }
    field_end(header);
    if (header->state == STATE_NAME || header->state == STATE_NAME_BLANK
        || header->state == STATE_EMPTY_CR) {
        malformed_end(header);
    }
    header->is_done = 1;
}
