/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Queries with a libunbound of our own in its place, which fails, is late and
 * answers when the test says so. The real one is in t/server/dns.t.
 */
#include "../unit.h"

#include <unbound.h>

#include <apr_errno.h>
#include <apr_strings.h>

#include "smtp_dns.h"

#define LOOKUPS_MAX 16
#define SECOND      apr_time_from_sec(1)

/* A look-up as libunbound has it: by its number. */
static struct {
    char name[64];
    int type;
    void *data;
    ub_callback_type done;
    int is_cancelled;
} lookups[LOOKUPS_MAX];
static int lookup_count;
/* Numbers of look-ups that ub_process() answers next. */
static int ready[LOOKUPS_MAX], ready_count;
static int fail_from;              /* ub_resolve_async() fails from this on */
static int cancel_error;           /* what ub_cancel() says */
static int results_open;           /* made and not freed */
static const char *options_set;    /* "name value\n"... */
static apr_pool_t *options_pool;

struct ub_ctx *ub_ctx_create(void)
{
    static int nothing;

    return (struct ub_ctx *)&nothing;
}

void ub_ctx_delete(struct ub_ctx *ctx)
{
    (void)ctx;
}

static int option_add(const char *name, const char *value)
{
    options_set = apr_pstrcat(options_pool, options_set, name, " ",
                              value ? value : "-", "\n", NULL);
    return value != NULL && strstr(value, "bad") != NULL ? UB_SYNTAX : 0;
}

int ub_ctx_set_option(struct ub_ctx *ctx, const char *name, const char *value)
{
    (void)ctx;
    return option_add(name, value);
}

int ub_ctx_set_fwd(struct ub_ctx *ctx, const char *server)
{
    (void)ctx;
    return option_add("fwd", server);
}

int ub_ctx_set_stub(struct ub_ctx *ctx, const char *zone, const char *server,
                    int is_prime)
{
    (void)ctx;
    assert_int_equal(is_prime, 0);
    return option_add(zone, server);
}

int ub_ctx_resolvconf(struct ub_ctx *ctx, const char *file)
{
    (void)ctx;
    return option_add("resolvconf", file);
}

int ub_ctx_add_ta_file(struct ub_ctx *ctx, const char *file)
{
    (void)ctx;
    return option_add("anchors", file);
}

int ub_ctx_zone_remove(struct ub_ctx *ctx, const char *zone)
{
    (void)ctx;
    (void)zone;
    return 0;
}

int ub_ctx_debugout(struct ub_ctx *ctx, void *out)
{
    (void)ctx;
    assert_null(out);
    return 0;
}

int ub_ctx_async(struct ub_ctx *ctx, int has_thread)
{
    (void)ctx;
    assert_int_equal(has_thread, 1);
    return 0;
}

const char *ub_strerror(int error)
{
    return error == UB_SYNTAX ? "syntax error" : "error";
}

int ub_fd(struct ub_ctx *ctx)
{
    (void)ctx;
    return 42;
}

int ub_resolve_async(struct ub_ctx *ctx, const char *name, int type,
                     int class, void *data, ub_callback_type done, int *id)
{
    (void)ctx;
    assert_int_equal(class, 1);
    assert_true(lookup_count < LOOKUPS_MAX);
    if (lookup_count >= fail_from) {
        return UB_PIPE;
    }
    apr_cpystrn(lookups[lookup_count].name, name, 64);
    lookups[lookup_count].type = type;
    lookups[lookup_count].data = data;
    lookups[lookup_count].done = done;
    *id = lookup_count++;
    return 0;
}

int ub_cancel(struct ub_ctx *ctx, int id)
{
    (void)ctx;
    if (cancel_error == 0) {
        assert_int_equal(lookups[id].is_cancelled, 0);
        lookups[id].is_cancelled = 1;
    }
    return cancel_error;
}

void ub_resolve_free(struct ub_result *result)
{
    results_open -= result != NULL;
    free(result);
}

/** One A record, or what that of another type has of it. */
static struct ub_result *result_create(int type)
{
    static char *data[2] = { "\300\0\2\1", NULL };
    static int len[1] = { 4 };
    struct ub_result *result = calloc(1, sizeof(*result));

    assert_non_null(result);
    results_open++;
    result->qname = "mx.example.com";
    result->qtype = type;
    result->data = data;
    result->len = len;
    result->ttl = 60;
    result->havedata = type == SMTP_DNS_RECORD_A;
    return result;
}

/* A number below 0 is that of a look-up that fails. */
int ub_process(struct ub_ctx *ctx)
{
    int i;

    (void)ctx;
    for (i = 0; i < ready_count; i++) {
        int id = ready[i] < 0 ? -ready[i] - 1 : ready[i];

        if (!lookups[id].is_cancelled) {
            lookups[id].done(lookups[id].data, ready[i] < 0 ? UB_SERVFAIL : 0,
                             ready[i] < 0 ? NULL
                                          : result_create(lookups[id].type));
        }
    }
    ready_count = 0;
    return 0;
}

static smtp_dns_t *dns_create(apr_pool_t *p, const smtp_dns_options_t *options)
{
    smtp_dns_options_t few = { NULL, NULL, 0, NULL, NULL, NULL, 10 * SECOND,
                               0, 0 };
    const char *fault;
    smtp_dns_t *dns;

    memset(lookups, 0, sizeof(lookups));
    lookup_count = ready_count = cancel_error = results_open = 0;
    fail_from = LOOKUPS_MAX;
    options_set = "";
    options_pool = p;
    assert_int_equal(smtp_dns_create(p, options ? options : &few, &dns,
                                     &fault), APR_SUCCESS);
    assert_null(fault);
    return dns;
}

/* What a call back was given, and what it does then. */
typedef struct taker_t {
    smtp_dns_t *dns;
    int count;
    const smtp_dns_answer_t *answer;
    smtp_dns_query_t *cancel;
    apr_pool_t *destroy;
    struct taker_t *ask;
} taker_t;

static void take(void *baton, const smtp_dns_answer_t *answer)
{
    taker_t *taker = baton;

    taker->count++;
    taker->answer = answer;
    if (taker->cancel != NULL) {
        smtp_dns_cancel(taker->cancel);
    }
    if (taker->destroy != NULL) {
        apr_pool_destroy(taker->destroy);
        taker->answer = NULL;
    }
    if (taker->ask != NULL) {
        assert_int_equal(smtp_dns_ask(taker->dns, options_pool,
                                      SMTP_DNS_ADDRESS, "mx.example.com", 0,
                                      take, taker->ask, NULL), APR_SUCCESS);
    }
}

static smtp_dns_query_t *ask(smtp_dns_t *dns, apr_pool_t *p, apr_time_t now,
                             taker_t *taker)
{
    smtp_dns_query_t *query;

    assert_int_equal(smtp_dns_ask(dns, p, SMTP_DNS_ADDRESS, "mx.example.com",
                                  now, take, taker, &query), APR_SUCCESS);
    return query;
}

static void answer_next(int a, int b)
{
    ready[ready_count++] = a;
    ready[ready_count++] = b;
}

static void an_answer_waits_for_both_families(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t taker = { dns, 0, NULL, NULL, NULL, NULL };

    assert_int_equal(smtp_dns_deadline(dns), 0);
    assert_int_equal(smtp_dns_fd(dns), 42);
    ask(dns, *state, SECOND, &taker);
    assert_int_equal(smtp_dns_deadline(dns), 11 * SECOND);
    assert_int_equal(lookups[0].type, SMTP_DNS_RECORD_A);
    assert_int_equal(lookups[1].type, SMTP_DNS_RECORD_AAAA);
    ready[ready_count++] = 1;
    smtp_dns_process(dns, 2 * SECOND);
    assert_int_equal(taker.count, 0);
    ready[ready_count++] = 0;
    smtp_dns_process(dns, 2 * SECOND);
    assert_int_equal(taker.count, 1);
    assert_int_equal(taker.answer->status, SMTP_DNS_OK);
    assert_int_equal(smtp_dns_deadline(dns), 0);
    assert_int_equal(results_open, 0);
}

static void a_look_up_that_fails_is_a_failure(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t taker = { dns, 0, NULL, NULL, NULL, NULL };

    ask(dns, *state, 0, &taker);
    answer_next(-1, -2);
    smtp_dns_process(dns, 0);
    assert_int_equal(taker.count, 1);
    assert_int_equal(taker.answer->status, SMTP_DNS_TEMPORARY);
    assert_string_equal(taker.answer->reason, "the look-up failed");
}

/* The time limit, to the microsecond; what has come until then counts. */
static void nobody_waits_longer_than_the_limit(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t first = { dns, 0, NULL, NULL, NULL, NULL };
    taker_t second = first;

    ask(dns, *state, 0, &first);
    ask(dns, *state, SECOND, &second);
    ready[ready_count++] = 0;
    smtp_dns_process(dns, 10 * SECOND - 1);
    assert_int_equal(first.count, 0);
    assert_int_equal(smtp_dns_deadline(dns), 10 * SECOND);
    smtp_dns_process(dns, 10 * SECOND);
    assert_int_equal(first.count, 1);
    assert_int_equal(first.answer->status, SMTP_DNS_OK);
    assert_int_equal(first.answer->is_partial, 1);
    assert_int_equal(second.count, 0);
    assert_int_equal(smtp_dns_deadline(dns), 11 * SECOND);
    smtp_dns_process(dns, 60 * SECOND);
    assert_int_equal(second.answer->status, SMTP_DNS_TEMPORARY);
    assert_string_equal(second.answer->reason,
                        "no answer within the time limit");
    assert_int_equal(lookups[1].is_cancelled + lookups[2].is_cancelled
                     + lookups[3].is_cancelled, 3);
    assert_int_equal(results_open, 0);
}

static void half_a_question_is_none(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t taker = { dns, 0, NULL, NULL, NULL, NULL };
    smtp_dns_query_t *query;

    fail_from = 1;
    assert_int_equal(smtp_dns_ask(dns, *state, SMTP_DNS_ADDRESS, "mx", 0,
                                  take, &taker, &query), APR_EGENERAL);
    assert_null(query);
    assert_int_equal(lookups[0].is_cancelled, 1);
    assert_int_equal(smtp_dns_deadline(dns), 0);
}

static void a_name_that_is_none_is_not_asked(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    smtp_dns_query_t *query;

    assert_int_equal(smtp_dns_ask(dns, *state, SMTP_DNS_MX, "a b", 0, take,
                                  NULL, &query), APR_EINVAL);
    assert_int_equal(smtp_dns_ask(dns, *state, SMTP_DNS_PTR, "mx", 0, take,
                                  NULL, NULL), APR_EINVAL);
    assert_int_equal(lookup_count, 0);
    smtp_dns_ask(dns, *state, SMTP_DNS_PTR, "192.0.2.1", 0, take, NULL, NULL);
    assert_string_equal(lookups[0].name, "1.2.0.192.in-addr.arpa");
}

/* libunbound cannot always cancel: its answer comes to nobody, and is freed
 * (the sanitizers look). */
static void an_answer_that_comes_too_late_harms_nobody(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t taker = { dns, 0, NULL, NULL, NULL, NULL };
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    ask(dns, p, 0, &taker);
    cancel_error = UB_NOMEM;
    apr_pool_destroy(p);
    answer_next(0, -2);
    smtp_dns_process(dns, 60 * SECOND);
    assert_int_equal(taker.count, 0);
    assert_int_equal(results_open, 0);
}

static void who_takes_an_answer_may_do_what_it_likes(void **state)
{
    smtp_dns_t *dns = dns_create(*state, NULL);
    taker_t third = { dns, 0, NULL, NULL, NULL, NULL };
    taker_t second = third;
    taker_t first = third;
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    first.cancel = ask(dns, *state, 0, &second);
    first.destroy = p;
    first.ask = &third;
    ask(dns, p, 0, &first);
    /* Both have their answers; the later one is handed out first. */
    answer_next(2, 3);
    answer_next(0, 1);
    smtp_dns_process(dns, 0);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 0);
    assert_int_equal(third.count, 0);
    answer_next(4, 5);
    smtp_dns_process(dns, 0);
    assert_int_equal(third.count, 1);
    assert_int_equal(results_open, 0);
}

static void a_context_that_ends_leaves_nothing(void **state)
{
    taker_t taker = { NULL, 0, NULL, NULL, NULL, NULL };
    smtp_dns_t *dns;
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    dns = dns_create(p, NULL);
    ask(dns, *state, 0, &taker);
    ask(dns, *state, 0, &taker);
    ready[ready_count++] = 0;
    smtp_dns_process(dns, 0);
    apr_pool_destroy(p);
    assert_int_equal(taker.count, 0);
    assert_int_equal(results_open, 0);
}

static int was_set(const char *option)
{
    return strstr(options_set, option) != NULL;
}

/* Whom we ask is told, or found in resolv.conf, or the root; and only whom an
 * administrator has told may be on loopback. */
static void those_are_asked_whom_the_options_name(void **state)
{
    smtp_dns_options_t options = { NULL, NULL, 0, NULL, NULL, NULL, 0, 0, 0 };
    apr_array_header_t *forwarders = apr_array_make(*state, 1,
                                                    sizeof(char *));
    apr_array_header_t *stubs = apr_array_make(*state, 1,
                                               sizeof(smtp_dns_stub_t));
    smtp_dns_stub_t stub = { "corp.example", "192.0.2.7@53" };

    APR_ARRAY_PUSH(forwarders, const char *) = "192.0.2.8@5353";
    APR_ARRAY_PUSH(stubs, smtp_dns_stub_t) = stub;
    dns_create(*state, &options);
    assert_true(was_set("resolvconf /etc/resolv.conf\n"));
    assert_true(was_set("do-not-query-localhost: no\n"));
    assert_false(was_set("anchors"));

    options.forwarders = forwarders;
    dns_create(*state, &options);
    assert_true(was_set("fwd 192.0.2.8@5353\n"));
    assert_false(was_set("resolvconf"));

    options.forwarders = NULL;
    options.is_recursive = 1;
    options.root_hints = options.trust_anchors = "/dev/null";
    dns_create(*state, &options);
    assert_true(was_set("root-hints: /dev/null\n"));
    assert_true(was_set("anchors /dev/null\n"));
    assert_false(was_set("resolvconf"));
    assert_false(was_set("do-not-query-localhost"));
    assert_false(was_set("lan-zones"));

    options.stubs = stubs;
    dns_create(*state, &options);
    assert_true(was_set("corp.example 192.0.2.7@53\n"));
    assert_true(was_set("do-not-query-localhost: no\n"));
}

static void a_bad_option_is_named_at_start(void **state)
{
    smtp_dns_options_t options = { NULL, "bad.conf", 0, NULL, NULL, NULL, 0,
                                   0, 0 };
    const char *fault;
    smtp_dns_t *dns;

    assert_int_equal(smtp_dns_create(*state, &options, &dns, &fault),
                     APR_EINVAL);
    assert_null(dns);
    assert_string_equal(fault, "the file \"bad.conf\": syntax error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_answer_waits_for_both_families),
        UNIT_TEST(a_look_up_that_fails_is_a_failure),
        UNIT_TEST(nobody_waits_longer_than_the_limit),
        UNIT_TEST(half_a_question_is_none),
        UNIT_TEST(a_name_that_is_none_is_not_asked),
        UNIT_TEST(an_answer_that_comes_too_late_harms_nobody),
        UNIT_TEST(who_takes_an_answer_may_do_what_it_likes),
        UNIT_TEST(a_context_that_ends_leaves_nothing),
        UNIT_TEST(those_are_asked_whom_the_options_name),
        UNIT_TEST(a_bad_option_is_named_at_start)
    };
    return UNIT_RUN(tests);
}
