/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "queue_sts_policy.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "smtp_tls_policy.h"

/** A piece of text. */
typedef struct piece_t {
    const char *s;
    apr_size_t len;
} piece_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(piece_t *piece)
{
    while (piece->len > 0 && is_blank(*piece->s)) {
        piece->s++;
        piece->len--;
    }
    while (piece->len > 0 && is_blank(piece->s[piece->len - 1])) {
        piece->len--;
    }
}

static int piece_is(const piece_t *piece, const char *s)
{
    return piece->len == strlen(s) && memcmp(piece->s, s, piece->len) == 0;
}

/** What comes before @a c, and what after it. @return whether it is there */
static int split(const piece_t *piece, char c, piece_t *before,
                 piece_t *after)
{
    const char *at = memchr(piece->s, c, piece->len);

    if (at == NULL) {
        return 0;
    }
    before->s = piece->s;
    before->len = at - piece->s;
    after->s = at + 1;
    after->len = piece->len - before->len - 1;
    return 1;
}

/* ---- The record (3.1) ---- */

#define RECORD_VERSION "v=STSv1"

static int id_read(const piece_t *value, char id[QUEUE_STS_ID_OCTETS + 1])
{
    apr_size_t i;

    if (value->len == 0 || value->len > QUEUE_STS_ID_OCTETS) {
        return 0;
    }
    for (i = 0; i < value->len; i++) {
        if (value->s[i] == '-'
            || !smtp_chars_is(value->s[i], SMTP_CHARS_LDH)) {
            return 0;
        }
    }
    memcpy(id, value->s, value->len);
    id[value->len] = '\0';
    return 1;
}

/** One field behind the version. @return whether the record may go on */
static int field_read(piece_t *field, char id[QUEUE_STS_ID_OCTETS + 1])
{
    piece_t name, value;

    trim(field);
    if (field->len == 0) {
        return 1;                /* behind the last semicolon */
    }
    if (!split(field, '=', &name, &value) || name.len == 0) {
        return 0;
    }
    return !piece_is(&name, "id") || *id != '\0' || id_read(&value, id);
}

int queue_sts_record_parse(const char *text, apr_size_t len,
                           char id[QUEUE_STS_ID_OCTETS + 1])
{
    piece_t rest = { text, len }, field;
    int is_first = 1, is_good = 1;

    *id = '\0';
    while (is_good && rest.len > 0) {
        if (!split(&rest, ';', &field, &rest)) {
            field = rest;
            rest.len = 0;
        }
        if (is_first) {
            while (field.len > 0 && is_blank(field.s[field.len - 1])) {
                field.len--;
            }
            is_good = piece_is(&field, RECORD_VERSION);
            is_first = 0;
        }
        else {
            is_good = field_read(&field, id);
        }
    }
    if (!is_good) {
        *id = '\0';
    }
    return *id != '\0';
}

/** Whether a TXT record is one of these at all. */
static int is_ours(const char *text, apr_size_t len)
{
    apr_size_t version = strlen(RECORD_VERSION);

    return len > version && memcmp(text, RECORD_VERSION, version) == 0
           && (text[version] == ';' || is_blank(text[version]));
}

int queue_sts_record_find(const smtp_dns_answer_t *answer,
                          char id[QUEUE_STS_ID_OCTETS + 1])
{
    const smtp_dns_record_t *found = NULL;
    int i, count = 0;

    *id = '\0';
    for (i = 0; i < answer->records->nelts; i++) {
        const smtp_dns_record_t *record =
            &APR_ARRAY_IDX(answer->records, i, smtp_dns_record_t);

        if (record->type == SMTP_DNS_RECORD_TXT
            && is_ours(record->u.txt.text, record->u.txt.len)) {
            found = record;
            count++;
        }
    }
    return count == 1
           && queue_sts_record_parse(found->u.txt.text, found->u.txt.len, id);
}

/* ---- The policy (3.2) ---- */

typedef struct reader_t {
    apr_pool_t *p;
    queue_sts_policy_t *policy;
    apr_array_header_t *mx;      /* const char * */
    unsigned int has_version : 1;
    unsigned int has_mode : 1;
    unsigned int has_max_age : 1;
} reader_t;

static const char *version_read(reader_t *r, const piece_t *value)
{
    if (!r->has_version && !piece_is(value, "STSv1")) {
        return "its version is not STSv1";
    }
    r->has_version = 1;
    return NULL;
}

static const char *const mode_names[] = { "none", "testing", "enforce" };

const char *queue_sts_mode_name(queue_sts_mode_e mode)
{
    return mode_names[mode];
}

static const char *mode_read(reader_t *r, const piece_t *value)
{
    int mode = 0;

    if (r->has_mode) {
        return NULL;
    }
    while (mode <= QUEUE_STS_ENFORCE && !piece_is(value, mode_names[mode])) {
        mode++;
    }
    if (mode > QUEUE_STS_ENFORCE) {
        return "its mode is none of enforce, testing and none";
    }
    r->policy->mode = (queue_sts_mode_e)mode;
    r->has_mode = 1;
    return NULL;
}

static const char *max_age_read(reader_t *r, const piece_t *value)
{
    apr_off_t sec;

    if (r->has_max_age) {
        return NULL;
    }
    if (value->len > 10
        || smtp_chars_number_parse(value->s, value->len, &sec) != 1) {
        return "its max_age is no number";
    }
    r->policy->max_age_sec = sec > QUEUE_STS_MAX_AGE_SEC
                             ? QUEUE_STS_MAX_AGE_SEC : (int)sec;
    r->has_max_age = 1;
    return NULL;
}

static const char *mx_read(reader_t *r, const piece_t *value)
{
    piece_t name = *value;
    const char *pattern;

    if (name.len > 2 && name.s[0] == '*' && name.s[1] == '.') {
        name.s += 2;
        name.len -= 2;
    }
    if (smtp_domain_parse(name.s, name.len, 0) != SMTP_DOMAIN_NAME) {
        return "an mx of it is no host name";
    }
    if (r->mx->nelts == QUEUE_STS_MX_MAX) {
        return "it has too many mx";
    }
    pattern = apr_pstrmemdup(r->p, value->s, value->len);
    APR_ARRAY_PUSH(r->mx, const char *) = pattern;
    return NULL;
}

static const struct {
    const char *name;
    const char *(*read)(reader_t *r, const piece_t *value);
} keys[] = {
    { "version", version_read }, { "mode", mode_read },
    { "max_age", max_age_read }, { "mx", mx_read }
};

static const char *line_read(reader_t *r, piece_t *line)
{
    piece_t name, value;
    size_t i;

    trim(line);
    if (line->len == 0) {
        return NULL;
    }
    if (!split(line, ':', &name, &value)) {
        return "a line of it has no colon";
    }
    trim(&value);
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (piece_is(&name, keys[i].name)) {
            return keys[i].read(r, &value);
        }
    }
    return NULL;
}

static const char *lines_read(reader_t *r, const char *octets,
                              apr_size_t len)
{
    piece_t rest = { octets, len }, line;
    const char *fault = NULL;

    while (fault == NULL && rest.len > 0) {
        if (!split(&rest, '\n', &line, &rest)) {
            line = rest;
            rest.len = 0;
        }
        if (line.len > 0 && line.s[line.len - 1] == '\r') {
            line.len--;
        }
        fault = line_read(r, &line);
    }
    return fault;
}

static const char *complete_check(const reader_t *r)
{
    return !r->has_version ? "it has no version"
           : !r->has_mode ? "it has no mode"
           : !r->has_max_age ? "it has no max_age"
           : r->policy->mode != QUEUE_STS_NONE && r->mx->nelts == 0
             ? "it has no mx" : NULL;
}

const char *queue_sts_policy_parse(apr_pool_t *p, const char *octets,
                                   apr_size_t len,
                                   queue_sts_policy_t *policy)
{
    reader_t r = { p, policy, NULL, 0, 0, 0 };
    const char *fault;

    memset(policy, 0, sizeof(*policy));
    r.mx = apr_array_make(p, 4, sizeof(const char *));
    fault = len > QUEUE_STS_POLICY_OCTETS ? "it is too long"
            : lines_read(&r, octets, len);
    if (fault == NULL) {
        fault = complete_check(&r);
    }
    if (fault != NULL) {
        memset(policy, 0, sizeof(*policy));
        return fault;
    }
    policy->mx_count = r.mx->nelts;
    APR_ARRAY_PUSH(r.mx, const char *) = NULL;
    policy->mx = (const char **)r.mx->elts;
    return NULL;
}

int queue_sts_policy_has(const queue_sts_policy_t *policy, const char *host)
{
    int i;

    for (i = 0; i < policy->mx_count; i++) {
        if (smtp_tls_pattern_is(policy->mx[i], host)) {
            return 1;
        }
    }
    return 0;
}

int queue_sts_is_text_plain(const char *type)
{
    const char *const plain = "text/plain";
    apr_size_t len = strlen(plain);

    return type != NULL && apr_cstr_casecmpn(type, plain, len) == 0
           && (type[len] == '\0' || type[len] == ';' || is_blank(type[len]));
}
