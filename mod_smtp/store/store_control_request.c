/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store_control_request.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "smtp_chars.h"
#include "smtp_domain.h"
#include "store_queued.h"

/** What a verb wants to know of the messages. */
typedef enum {
    WANTS_NOTHING = 0,           /**< and takes nothing */
    WANTS_ANY,                   /**< takes criteria */
    WANTS_IDS,                   /**< takes nothing else */
    WANTS_CHOICE,                /**< criteria, ids or all */
    WANTS_DOMAIN,                /**< takes nothing else */
    WANTS_NAMES                  /**< and a client, and nothing else */
} wants_e;

static const struct {
    const char *name;
    wants_e wants;
} verbs[STORE_CONTROL_VERB_COUNT] = {
    { "list", WANTS_ANY },
    { "show", WANTS_IDS },
    { "cat", WANTS_IDS },
    { "retry", WANTS_CHOICE },
    { "hold", WANTS_CHOICE },
    { "release", WANTS_CHOICE },
    { "delete", WANTS_CHOICE },
    { "flush", WANTS_DOMAIN },
    { "counts", WANTS_NOTHING },
    { "destinations", WANTS_NOTHING },
    { "turn", WANTS_NAMES }
};

static const char *const statuses[STORE_CONTROL_STATUS_COUNT] = {
    "ready", "deferred", "active", "held"
};

const char *store_control_verb_name(store_control_verb_e verb)
{
    return verbs[verb].name;
}

const char *store_control_status_name(store_control_status_e status)
{
    return statuses[status];
}

store_control_verb_e store_control_verb_find(const char *name)
{
    int verb = 0;

    while (verb < STORE_CONTROL_VERB_COUNT
           && strcmp(verbs[verb].name, name) != 0) {
        verb++;
    }
    return (store_control_verb_e)verb;
}

store_control_status_e store_control_status_find(const char *name)
{
    int status = 0;

    while (status < STORE_CONTROL_STATUS_COUNT
           && strcmp(statuses[status], name) != 0) {
        status++;
    }
    return (store_control_status_e)status;
}

/* Checking. */

/** Criteria but the domain. */
static int has_criteria(const store_control_select_t *select)
{
    return select->sender || select->recipient || select->older_sec
           || select->younger_sec || select->status;
}

/** More than one of: criteria, ids, all. */
static int is_contradictory(const store_control_select_t *select)
{
    return (select->domain || has_criteria(select)) + (select->id_count > 0)
           + select->is_all > 1;
}

const char *store_control_request_check(const store_control_request_t *r)
{
    const store_control_select_t *select = &r->select;
    int is_chosen = select->domain || has_criteria(select)
                    || select->is_all;

    if (is_contradictory(select)) {
        return "ids, criteria and \"all\" exclude each other";
    }
    if (verbs[r->verb].wants == WANTS_NAMES
        ? !r->name_count || !r->client : r->name_count || r->client) {
        return "names and a client are for \"turn\", which wants both";
    }
    switch (verbs[r->verb].wants) {
    case WANTS_NAMES:
    case WANTS_NOTHING:
        return is_chosen || select->id_count ? "takes nothing" : NULL;
    case WANTS_IDS:
        return is_chosen || !select->id_count ? "wants ids" : NULL;
    case WANTS_CHOICE:
        return is_chosen || select->id_count ? NULL
               : "wants ids, criteria or \"all\"";
    case WANTS_DOMAIN:
        return select->domain && !has_criteria(select) ? NULL
               : "wants a domain";
    case WANTS_ANY:
        break;
    }
    return NULL;
}

/* Reading. */

typedef struct reader_t {
    apr_pool_t *p;
    store_control_request_t *request;
} reader_t;

static const char *id_read(reader_t *r, const char *value)
{
    store_control_select_t *select = &r->request->select;

    if (!store_queued_is_id(value)) {
        return "what is no id";
    }
    if (select->id_count == STORE_CONTROL_IDS_MAX) {
        return "too many ids";
    }
    select->ids[select->id_count++] = value;
    return NULL;
}

/** "example.com" or ".example.com" in its one form; NULL: it is none. */
static const char *domain_normalise(apr_pool_t *p, const char *value)
{
    int is_parent = *value == '.';
    const char *domain = smtp_domain_normalise(p, value + is_parent);

    return domain != NULL && is_parent ? apr_pstrcat(p, ".", domain, NULL)
                                       : domain;
}

static const char *domain_read(reader_t *r, const char *value)
{
    r->request->select.domain = domain_normalise(r->p, value);
    return r->request->select.domain ? NULL : "no domain";
}

static const char *name_read(reader_t *r, const char *value)
{
    store_control_request_t *request = r->request;
    const char *name = domain_normalise(r->p, value);

    if (name == NULL) {
        return "no domain";
    }
    if (request->name_count == STORE_CONTROL_NAMES_MAX) {
        return "too many names";
    }
    request->names[request->name_count++] = name;
    return NULL;
}

static const char *client_read(reader_t *r, const char *value)
{
    r->request->client = value;
    return NULL;
}

static const char *sender_read(reader_t *r, const char *value)
{
    r->request->select.sender = value;
    return NULL;
}

static const char *recipient_read(reader_t *r, const char *value)
{
    r->request->select.recipient = value;
    return NULL;
}

static const char *age_read(const char *value, apr_int64_t *age)
{
    apr_off_t sec;

    if (smtp_chars_number_parse(value, strlen(value), &sec) != 1
        || sec < 1 || sec > STORE_CONTROL_AGE_MAX_SEC) {
        return "an age is a number of seconds, 1 at least";
    }
    *age = sec;
    return NULL;
}

static const char *older_read(reader_t *r, const char *value)
{
    return age_read(value, &r->request->select.older_sec);
}

static const char *younger_read(reader_t *r, const char *value)
{
    return age_read(value, &r->request->select.younger_sec);
}

static const char *status_read(reader_t *r, const char *value)
{
    store_control_status_e status = store_control_status_find(value);

    if (status == STORE_CONTROL_STATUS_COUNT) {
        return "no such status";
    }
    r->request->select.status |= 1u << status;
    return NULL;
}

static const char *all_read(reader_t *r, const char *value)
{
    r->request->select.is_all = 1;
    return strcmp(value, "1") == 0 ? NULL : "there is all=1 only";
}

static const char *recipients_read(reader_t *r, const char *value)
{
    r->request->with_recipients = 1;
    return strcmp(value, "1") == 0 ? NULL : "there is recipients=1 only";
}

static const struct {
    const char *name;
    const char *(*read)(reader_t *r, const char *value);
} keys[] = {
    { "id", id_read }, { "domain", domain_read }, { "sender", sender_read },
    { "recipient", recipient_read }, { "older", older_read },
    { "younger", younger_read }, { "status", status_read },
    { "all", all_read }, { "recipients", recipients_read },
    { "name", name_read }, { "client", client_read }
};

static const char *pair_read(reader_t *r, const store_control_field_t *field)
{
    const char *pair = store_control_string(field);
    const char *value = pair ? strchr(pair, '=') : NULL;
    size_t i, len;

    if (value == NULL) {
        return "a field is none of the form KEY=VALUE";
    }
    len = value - pair;
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strlen(keys[i].name) == len
            && memcmp(keys[i].name, pair, len) == 0) {
            return keys[i].read(r, value + 1);
        }
    }
    return "no such key";
}

static const char *line_read(reader_t *r, char *line, apr_size_t len)
{
    store_control_field_t fields[STORE_CONTROL_FIELDS_MAX];
    int count = store_control_parse(line, len, fields);
    const char *verb = count > 0 ? store_control_string(&fields[0]) : NULL;
    const char *fault = NULL;
    int i;

    if (verb == NULL) {
        return "a line that is none of ours";
    }
    r->request->verb = store_control_verb_find(verb);
    if (r->request->verb == STORE_CONTROL_VERB_COUNT) {
        return "no such verb";
    }
    /* A criterion that is not looked at would delete what must stay. */
    if (count == STORE_CONTROL_FIELDS_MAX) {
        return "too many fields";
    }
    for (i = 1; i < count && fault == NULL; i++) {
        fault = pair_read(r, &fields[i]);
    }
    return fault ? fault : store_control_request_check(r->request);
}

const char *store_control_request_parse(apr_pool_t *p, char *line,
                                        apr_size_t len,
                                        store_control_request_t *request)
{
    reader_t r = { p, request };
    const char *fault;

    memset(request, 0, sizeof(*request));
    fault = line_read(&r, line, len);
    if (fault != NULL) {
        memset(request, 0, sizeof(*request));
    }
    return fault;
}

/* Writing. */

static void pair_write(store_control_out_t *out, const char *name,
                       const char *value)
{
    if (value != NULL) {
        store_control_write_pair(out, name, value);
    }
}

static void age_write(store_control_out_t *out, const char *name,
                      apr_int64_t sec)
{
    char number[32];

    if (sec > 0) {
        apr_snprintf(number, sizeof(number), "%" APR_INT64_T_FMT, sec);
        store_control_write_pair(out, name, number);
    }
}

void store_control_request_write(store_control_out_t *out,
                                 const store_control_request_t *request)
{
    const store_control_select_t *select = &request->select;
    int i;

    store_control_write_string(out, verbs[request->verb].name);
    for (i = 0; i < select->id_count; i++) {
        store_control_write_pair(out, "id", select->ids[i]);
    }
    pair_write(out, "domain", select->domain);
    pair_write(out, "sender", select->sender);
    pair_write(out, "recipient", select->recipient);
    age_write(out, "older", select->older_sec);
    age_write(out, "younger", select->younger_sec);
    for (i = 0; i < STORE_CONTROL_STATUS_COUNT; i++) {
        if (select->status & 1u << i) {
            store_control_write_pair(out, "status", statuses[i]);
        }
    }
    pair_write(out, "all", select->is_all ? "1" : NULL);
    pair_write(out, "recipients", request->with_recipients ? "1" : NULL);
    for (i = 0; i < request->name_count; i++) {
        store_control_write_pair(out, "name", request->names[i]);
    }
    pair_write(out, "client", request->client);
    store_control_write_end(out);
}

/* Choosing. */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/** Whether @a s fits a pattern; case counts not. Goes back to the last star
 *  only, so that no pattern takes long. */
static int fits(const char *pattern, const char *s)
{
    const char *star = NULL, *star_s = NULL;

    while (*s != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            star_s = s;
        }
        else if (*pattern == '?' || fold(*pattern) == fold(*s)) {
            pattern++;
            s++;
        }
        else if (star != NULL) {
            pattern = star;
            s = ++star_s;
        }
        else {
            return 0;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

int store_control_select_message(const store_control_select_t *select,
                                 const char *reverse_path,
                                 apr_time_t arrived,
                                 store_control_status_e status,
                                 apr_time_t now)
{
    apr_time_t age = now - arrived;

    return (!select->status || select->status & 1u << status)
           && (!select->older_sec
               || age >= apr_time_from_sec(select->older_sec))
           && (!select->younger_sec
               || age <= apr_time_from_sec(select->younger_sec))
           && (!select->sender || fits(select->sender, reverse_path));
}

int store_control_select_has_recipient(const store_control_select_t *select)
{
    return select->domain != NULL || select->recipient != NULL;
}

/** Whether a name is @a domain, or below it where that begins with a dot. */
static int domain_is(const char *domain, const char *name)
{
    size_t len = strlen(domain), name_len = strlen(name);

    if (*domain == '.' && name_len > len) {
        name += name_len - len;
    }
    return apr_cstr_casecmp(domain, name) == 0;
}

static int domain_fits(const char *domain, apr_pool_t *p, const char *address)
{
    const char *name = strrchr(address, '@');

    if (name == NULL) {
        return 0;
    }
    name++;
    if (smtp_chars_has_8bit(name, strlen(name))) {
        name = smtp_domain_normalise(p, name);
    }
    return name != NULL && domain_is(domain, name);
}

int store_control_select_recipient(const store_control_select_t *select,
                                   apr_pool_t *p, const char *address)
{
    return (!select->recipient || fits(select->recipient, address))
           && (!select->domain || domain_fits(select->domain, p, address));
}
