/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Lines (fields of store_control.h):
 *
 *     policy   DOMAIN INDEX KIND POLICY-DOMAIN STRINGS string ... mx ...
 *     success  DOMAIN INDEX COUNT OTHERS
 *     failure  DOMAIN INDEX COUNT RESULT HOST SOURCE ADDRESS DETAIL
 *     done     DOMAIN WHO
 *
 * Counts are those of the whole day so far.
 */
#include "queue_tls_count.h"

#include <string.h>

#include <apr_strings.h>

#include "smtp_domain.h"

#define DAY apr_time_from_sec(86400)

/** Octets of a string that are kept: of a reply, of a host's name. */
#define STRING_OCTETS 255
/** Those who are told of a domain, at most. */
#define DONE_MAX 16

static const char *const kind_names[QUEUE_TLS_KIND_COUNT] = {
    "no-policy-found", "tlsa", "sts"
};

const char *queue_tls_kind_name(queue_tls_kind_e kind)
{
    return kind_names[kind];
}

apr_int64_t queue_tls_day_of(apr_time_t time)
{
    return time / DAY;
}

apr_time_t queue_tls_day_begin(apr_int64_t number)
{
    return number * DAY;
}

queue_tls_day_t *queue_tls_day_create(apr_pool_t *p, apr_int64_t number)
{
    queue_tls_day_t *day = apr_pcalloc(p, sizeof(*day));

    day->p = p;
    day->number = number;
    day->domains = apr_hash_make(p);
    return day;
}

/* ---- Places for counts ---- */

static int has_room(const queue_tls_day_t *day)
{
    return day->octets < QUEUE_TLS_COUNT_OCTETS;
}

static void *take(queue_tls_day_t *day, apr_size_t octets)
{
    day->octets += octets;
    return apr_pcalloc(day->p, octets);
}

static const char *copy(queue_tls_day_t *day, const char *s)
{
    const char *c = apr_pstrndup(day->p, s, STRING_OCTETS);

    day->octets += strlen(c) + 1;
    return c;
}

/** NULL: it is none, or there are too many. */
static queue_tls_domain_t *domain_get(queue_tls_day_t *day, const char *name)
{
    queue_tls_domain_t *domain = apr_hash_get(day->domains, name,
                                              APR_HASH_KEY_STRING);

    if (domain != NULL
        || apr_hash_count(day->domains) >= QUEUE_TLS_COUNT_DOMAINS
        || !has_room(day)
        || smtp_domain_parse(name, strlen(name), 0) != SMTP_DOMAIN_NAME) {
        return domain;
    }
    domain = take(day, sizeof(*domain));
    domain->domain = copy(day, name);
    domain->done = apr_array_make(day->p, 1, sizeof(const char *));
    apr_hash_set(day->domains, domain->domain, APR_HASH_KEY_STRING, domain);
    return domain;
}

static void domain_dirty(queue_tls_day_t *day, queue_tls_domain_t *domain)
{
    if (!domain->is_dirty) {
        domain->is_dirty = 1;
        domain->next_dirty = day->dirty;
        day->dirty = domain;
    }
}

static const char *const no_strings[] = { NULL };

static int strings_are_same(const char *const *a, const char *const *b)
{
    int i;

    a = a ? a : no_strings;
    for (i = 0; i < QUEUE_TLS_COUNT_STRINGS && a[i] && b[i]; i++) {
        if (strncmp(a[i], b[i], STRING_OCTETS) != 0) {
            return 0;
        }
    }
    return i == QUEUE_TLS_COUNT_STRINGS || (!a[i] && !b[i]);
}

static const char *const *strings_copy(queue_tls_day_t *day,
                                       const char *const *from)
{
    const char **to;
    int i, count = 0;

    from = from ? from : no_strings;
    while (count < QUEUE_TLS_COUNT_STRINGS && from[count]) {
        count++;
    }
    to = take(day, (count + 1) * sizeof(*to));
    for (i = 0; i < count; i++) {
        to[i] = copy(day, from[i]);
    }
    return to;
}

static const char *policy_domain_of(const queue_tls_session_t *session)
{
    return session->policy_domain ? session->policy_domain : session->domain;
}

/** Another policy of the domain: the session's. */
static queue_tls_policy_t *policy_add(queue_tls_day_t *day,
                                      queue_tls_domain_t *domain,
                                      const queue_tls_session_t *session)
{
    queue_tls_policy_t **at = &domain->policies, *policy;
    int index = 0;

    while (*at != NULL) {
        at = &(*at)->next;
        index++;
    }
    policy = take(day, sizeof(*policy));
    policy->index = index;
    policy->kind = session->kind;
    policy->domain = copy(day, policy_domain_of(session));
    policy->strings = strings_copy(day, session->strings);
    policy->mx = strings_copy(day, session->mx);
    policy->is_new = 1;
    *at = policy;
    return policy;
}

enum { ALIKE_NOT, ALIKE_KIND, ALIKE_DOMAIN, ALIKE_ALL };

/** How much of a policy is that of the session. */
static int policy_compare(const queue_tls_policy_t *policy,
                          const queue_tls_session_t *session)
{
    if (policy->kind != session->kind) {
        return ALIKE_NOT;
    }
    if (strncmp(policy->domain, policy_domain_of(session), STRING_OCTETS)
        != 0) {
        return ALIKE_KIND;
    }
    return strings_are_same(session->strings, policy->strings)
           && strings_are_same(session->mx, policy->mx)
           ? ALIKE_ALL : ALIKE_DOMAIN;
}

/** The policy of the session; of too many, the one that is most like it, of
 *  equals the last; NULL: there is no room for the first. */
static queue_tls_policy_t *policy_get(queue_tls_day_t *day,
                                      queue_tls_domain_t *domain,
                                      const queue_tls_session_t *session)
{
    queue_tls_policy_t *policy, *best = NULL;
    int best_alike = ALIKE_NOT;
    int count = 0;

    for (policy = domain->policies; policy != NULL; policy = policy->next) {
        int alike = policy_compare(policy, session);

        if (alike >= best_alike) {
            best = policy;
            best_alike = alike;
        }
        count++;
    }
    return best_alike < ALIKE_ALL && count < QUEUE_TLS_COUNT_POLICIES
           && has_room(day) ? policy_add(day, domain, session) : best;
}

static int failure_is(const queue_tls_failure_t *failure,
                      const queue_tls_session_t *session)
{
    return failure->result == session->result
           && strncmp(failure->host, session->host, STRING_OCTETS) == 0
           && strncmp(failure->source, session->source, STRING_OCTETS) == 0
           && strncmp(failure->address, session->address, STRING_OCTETS) == 0
           && strncmp(failure->detail, session->detail, STRING_OCTETS) == 0;
}

/** NULL: there are too many kinds. */
static queue_tls_failure_t *failure_get(queue_tls_day_t *day,
                                        queue_tls_policy_t *policy,
                                        const queue_tls_session_t *session)
{
    queue_tls_failure_t **at = &policy->failures, *failure;

    while (*at != NULL) {
        if (failure_is(*at, session)) {
            return *at;
        }
        at = &(*at)->next;
    }
    if (policy->failure_count == QUEUE_TLS_COUNT_FAILURES || !has_room(day)) {
        return NULL;
    }
    policy->failure_count++;
    failure = take(day, sizeof(*failure));
    failure->result = session->result;
    failure->host = copy(day, session->host);
    failure->source = copy(day, session->source);
    failure->address = copy(day, session->address);
    failure->detail = copy(day, session->detail);
    *at = failure;
    return failure;
}

/* ---- Counting ---- */

static void failure_add(queue_tls_day_t *day, queue_tls_policy_t *policy,
                        const queue_tls_session_t *session)
{
    queue_tls_failure_t *failure = failure_get(day, policy, session);

    if (failure != NULL) {
        failure->count++;
        failure->is_dirty = 1;
    }
    else {
        policy->others++;
        policy->is_dirty = 1;
    }
}

void queue_tls_count(queue_tls_day_t *day, const queue_tls_session_t *session)
{
    queue_tls_domain_t *domain = domain_get(day, session->domain);
    queue_tls_policy_t *policy = domain ? policy_get(day, domain, session)
                                        : NULL;

    if (policy == NULL) {
        return;
    }
    if (session->result == SMTP_TLS_RESULT_OK) {
        policy->successes++;
        policy->is_dirty = 1;
    }
    else {
        failure_add(day, policy, session);
    }
    domain_dirty(day, domain);
}

int queue_tls_is_done(const queue_tls_domain_t *domain, const char *who)
{
    int i;

    for (i = 0; i < domain->done->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(domain->done, i, const char *), who) == 0) {
            return 1;
        }
    }
    return 0;
}

static int done_add(queue_tls_day_t *day, queue_tls_domain_t *domain,
                    const char *who)
{
    if (queue_tls_is_done(domain, who) || domain->done->nelts >= DONE_MAX) {
        return 0;
    }
    APR_ARRAY_PUSH(domain->done, const char *) = apr_pstrdup(day->p, who);
    return 1;
}

void queue_tls_done_note(queue_tls_day_t *day, queue_tls_domain_t *domain,
                         const char *who)
{
    if (done_add(day, domain, who)) {
        domain_dirty(day, domain);
    }
}

apr_int64_t queue_tls_policy_failures(const queue_tls_policy_t *policy)
{
    const queue_tls_failure_t *failure;
    apr_int64_t count = policy->others;

    for (failure = policy->failures; failure; failure = failure->next) {
        count += failure->count;
    }
    return count;
}

/* ---- Writing ---- */

static void head_write(store_control_out_t *out, const char *word,
                       const queue_tls_domain_t *domain,
                       const queue_tls_policy_t *policy)
{
    store_control_write_string(out, word);
    store_control_write_string(out, domain->domain);
    store_control_write_number(out, policy->index);
}

static int strings_count(const char *const *strings)
{
    int count = 0;

    while (strings[count] != NULL) {
        count++;
    }
    return count;
}

static void strings_write(store_control_out_t *out,
                          const char *const *strings)
{
    for (; *strings != NULL; strings++) {
        store_control_write_string(out, *strings);
    }
}

static void failures_write(store_control_out_t *out,
                           const queue_tls_domain_t *domain,
                           const queue_tls_policy_t *policy)
{
    queue_tls_failure_t *failure;

    for (failure = policy->failures; failure; failure = failure->next) {
        if (failure->is_dirty) {
            head_write(out, "failure", domain, policy);
            store_control_write_number(out, failure->count);
            store_control_write_string(out,
                                       smtp_tls_result_name(failure->result));
            store_control_write_string(out, failure->host);
            store_control_write_string(out, failure->source);
            store_control_write_string(out, failure->address);
            store_control_write_string(out, failure->detail);
            store_control_write_end(out);
            failure->is_dirty = 0;
        }
    }
}

static void policy_write(store_control_out_t *out,
                         const queue_tls_domain_t *domain,
                         queue_tls_policy_t *policy)
{
    if (policy->is_new) {
        head_write(out, "policy", domain, policy);
        store_control_write_string(out, kind_names[policy->kind]);
        store_control_write_string(out, policy->domain);
        store_control_write_number(out, strings_count(policy->strings));
        strings_write(out, policy->strings);
        strings_write(out, policy->mx);
        store_control_write_end(out);
    }
    if (policy->is_dirty) {
        head_write(out, "success", domain, policy);
        store_control_write_number(out, policy->successes);
        store_control_write_number(out, policy->others);
        store_control_write_end(out);
    }
    policy->is_new = policy->is_dirty = 0;
    failures_write(out, domain, policy);
}

static void domain_write(store_control_out_t *out, queue_tls_domain_t *domain)
{
    queue_tls_policy_t *policy;
    int i;

    for (policy = domain->policies; policy; policy = policy->next) {
        policy_write(out, domain, policy);
    }
    for (i = 0; i < domain->done->nelts; i++) {
        store_control_write_string(out, "done");
        store_control_write_string(out, domain->domain);
        store_control_write_string(out, APR_ARRAY_IDX(domain->done, i,
                                                      const char *));
        store_control_write_end(out);
    }
}

void queue_tls_day_write(queue_tls_day_t *day, store_control_out_t *out)
{
    while (day->dirty != NULL) {
        queue_tls_domain_t *domain = day->dirty;

        day->dirty = domain->next_dirty;
        domain->next_dirty = NULL;
        domain->is_dirty = 0;
        domain_write(out, domain);
    }
}

static void policy_dirty(queue_tls_policy_t *policy)
{
    queue_tls_failure_t *failure;

    policy->is_new = policy->is_dirty = 1;
    for (failure = policy->failures; failure; failure = failure->next) {
        failure->is_dirty = 1;
    }
}

void queue_tls_day_dirty(queue_tls_day_t *day)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, day->domains); i; i = apr_hash_next(i)) {
        queue_tls_domain_t *domain = apr_hash_this_val(i);
        queue_tls_policy_t *policy;

        for (policy = domain->policies; policy; policy = policy->next) {
            policy_dirty(policy);
        }
        domain_dirty(day, domain);
    }
}

/* ---- Reading ---- */

/** Fields of a line behind the domain. */
typedef struct fields_t {
    queue_tls_day_t *day;
    queue_tls_domain_t *domain;
    const store_control_field_t *field;
    int count;
} fields_t;

static const char *string_at(const fields_t *fields, int i)
{
    return i < fields->count ? store_control_string(&fields->field[i]) : NULL;
}

static int number_at(const fields_t *fields, int i, apr_int64_t *number)
{
    return i < fields->count
           && store_control_number(&fields->field[i], number);
}

/** The policy that field 0 is the index of; NULL: there is none. */
static queue_tls_policy_t *policy_at(const fields_t *fields)
{
    queue_tls_policy_t *policy = fields->domain->policies;
    apr_int64_t index;

    if (!number_at(fields, 0, &index)) {
        return NULL;
    }
    while (policy != NULL && policy->index != index) {
        policy = policy->next;
    }
    return policy;
}

/** Strings @a from up to @a to, as an array that ends with NULL. */
static int strings_at(const fields_t *fields, apr_int64_t from,
                      apr_int64_t to,
                      const char *strings[QUEUE_TLS_COUNT_STRINGS + 1])
{
    apr_int64_t i;

    if (to > fields->count || from > to
        || to - from > QUEUE_TLS_COUNT_STRINGS) {
        return 0;
    }
    for (i = from; i < to; i++) {
        strings[i - from] = string_at(fields, (int)i);
        if (strings[i - from] == NULL) {
            return 0;
        }
    }
    strings[to - from] = NULL;
    return 1;
}

static int kind_find(const char *name)
{
    int kind = 0;

    while (kind < QUEUE_TLS_KIND_COUNT
           && (name == NULL || strcmp(kind_names[kind], name) != 0)) {
        kind++;
    }
    return kind;
}

static int policy_read(fields_t *fields)
{
    const char *strings[QUEUE_TLS_COUNT_STRINGS + 1];
    const char *mx[QUEUE_TLS_COUNT_STRINGS + 1];
    int kind = kind_find(string_at(fields, 1));
    queue_tls_session_t session = { 0 };
    queue_tls_policy_t *policy = fields->domain->policies;
    apr_int64_t index, count, next = 0;

    while (policy != NULL) {
        policy = policy->next;
        next++;
    }
    session.policy_domain = string_at(fields, 2);
    if (kind == QUEUE_TLS_KIND_COUNT || session.policy_domain == NULL
        || next >= QUEUE_TLS_COUNT_POLICIES
        || !has_room(fields->day)
        || !number_at(fields, 0, &index) || index != next
        || !number_at(fields, 3, &count)
        || count > QUEUE_TLS_COUNT_STRINGS
        || !strings_at(fields, 4, 4 + count, strings)
        || !strings_at(fields, 4 + count, fields->count, mx)) {
        return 0;
    }
    session.kind = (queue_tls_kind_e)kind;
    session.strings = strings;
    session.mx = mx;
    policy = policy_add(fields->day, fields->domain, &session);
    policy->is_new = 0;
    return 1;
}

static int success_read(fields_t *fields)
{
    queue_tls_policy_t *policy = policy_at(fields);
    apr_int64_t successes, others;

    if (policy == NULL || !number_at(fields, 1, &successes)
        || !number_at(fields, 2, &others)) {
        return 0;
    }
    policy->successes = successes;
    policy->others = others;
    return 1;
}

static smtp_tls_result_e result_find(const char *name)
{
    int result = SMTP_TLS_RESULT_COUNT;

    while (--result > SMTP_TLS_RESULT_OK) {
        if (strcmp(smtp_tls_result_name((smtp_tls_result_e)result), name)
            == 0) {
            return (smtp_tls_result_e)result;
        }
    }
    return SMTP_TLS_RESULT_NONE;
}

static int failure_read(fields_t *fields)
{
    queue_tls_policy_t *policy = policy_at(fields);
    const char *result = string_at(fields, 2);
    queue_tls_session_t session = { 0 };
    queue_tls_failure_t *failure;
    apr_int64_t count;

    session.host = string_at(fields, 3);
    session.source = string_at(fields, 4);
    session.address = string_at(fields, 5);
    session.detail = string_at(fields, 6);
    if (policy == NULL || result == NULL || !number_at(fields, 1, &count)
        || !session.host || !session.source || !session.address
        || !session.detail) {
        return 0;
    }
    session.result = result_find(result);
    if (session.result == SMTP_TLS_RESULT_NONE) {
        return 0;
    }
    failure = failure_get(fields->day, policy, &session);
    if (failure != NULL) {
        failure->count = count;
    }
    return failure != NULL;
}

static int done_read(fields_t *fields)
{
    const char *who = string_at(fields, 0);

    if (who != NULL) {
        done_add(fields->day, fields->domain, who);
    }
    return who != NULL;
}

static const struct {
    const char *word;
    int (*read)(fields_t *fields);
} lines[] = {
    { "policy", policy_read }, { "success", success_read },
    { "failure", failure_read }, { "done", done_read }
};

int queue_tls_day_parse(queue_tls_day_t *day, char *line, apr_size_t len)
{
    store_control_field_t field[STORE_CONTROL_FIELDS_MAX];
    int count = store_control_parse(line, len, field);
    fields_t fields = { day, NULL, field + 2, count - 2 };
    const char *word = count > 2 ? store_control_string(&field[0]) : NULL;
    const char *name = count > 2 ? store_control_string(&field[1]) : NULL;
    size_t i;

    if (word == NULL || name == NULL) {
        return 0;
    }
    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strcmp(lines[i].word, word) == 0) {
            fields.domain = domain_get(day, name);
            return fields.domain != NULL && lines[i].read(&fields);
        }
    }
    return 0;
}
