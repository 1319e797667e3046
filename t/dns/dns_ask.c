/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Asks DNS through mod_smtp/dns and prints each answer as one line of fields,
 * with a tab between them: question, name, status, flags, TTL, canonical
 * name, reason, records. For t/server/dns.t.
 *
 *     dns_ask [OPTION VALUE]... -- [QUESTION NAME]...
 *
 * The question "route" is for the whole way of a domain's mail (dns_route.h),
 * in mode wait; its line has one field.
 *
 *     -f SERVER       a resolver
 *     -s ZONE=SERVER  a zone's own server
 *     -r FILE         a resolv.conf
 *     -h FILE         root hints
 *     -a FILE         trust anchors
 *     -t MSEC         time limit
 *     -m MODE         wait (one after the other), threads (all at once, each
 *                     waits), loop (all at once), cancel (in the loop, each
 *                     second query cancelled), end (queries open at the end)
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "dns_route.h"
#include "smtp_chars.h"
#include "smtp_dns.h"

typedef struct question_t {
    smtp_dns_t *dns;
    apr_pool_t *p;
    smtp_dns_question_e question;
    const char *word;
    const char *name;
    const smtp_dns_answer_t *answer;
    smtp_dns_query_t *query;
    int *open;
} question_t;

typedef struct args_t {
    apr_pool_t *p;
    smtp_dns_options_t options;
    apr_array_header_t *forwarders;
    apr_array_header_t *stubs;
    const char *mode;
    apr_array_header_t *questions;     /* question_t */
} args_t;

static void die(const char *what, const char *value)
{
    fprintf(stderr, "dns_ask: %s: %s\n", what, value);
    exit(2);
}

static smtp_dns_question_e question_find(const char *word)
{
    static const char *const words[] = {
        "mx", "address", "ptr", "txt", "tlsa", "alias"
    };
    int i;

    for (i = 0; i < 6; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (smtp_dns_question_e)i;
        }
    }
    die("unknown question", word);
    return SMTP_DNS_MX;
}

static int is_route(const question_t *question)
{
    return strcmp(question->word, "route") == 0;
}

static void stub_add(args_t *args, const char *value)
{
    smtp_dns_stub_t *stub = apr_array_push(args->stubs);
    char *equals = strchr(apr_pstrdup(args->p, value), '=');

    if (equals == NULL) {
        die("not ZONE=SERVER", value);
    }
    stub->zone = apr_pstrndup(args->p, value, strcspn(value, "="));
    stub->server = equals + 1;
}

static void option_read(args_t *args, char option, const char *value)
{
    switch (option) {
    case 'f':
        APR_ARRAY_PUSH(args->forwarders, const char *) = value;
        break;
    case 's':
        stub_add(args, value);
        args->options.is_recursive = 1;
        break;
    case 'r':
        args->options.resolv_conf = value;
        break;
    case 'h':
        args->options.root_hints = value;
        break;
    case 'a':
        args->options.trust_anchors = value;
        break;
    case 't':
        args->options.timeout = apr_time_from_msec(atoi(value));
        break;
    case 'm':
        args->mode = value;
        break;
    default:
        die("unknown option before", value);
    }
}

static void args_read(args_t *args, int argc, const char *const argv[])
{
    int i;

    for (i = 1; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        option_read(args, argv[i][1], argv[i + 1]);
    }
    for (i++; i + 1 < argc; i += 2) {
        question_t *question = apr_array_push(args->questions);

        memset(question, 0, sizeof(*question));
        question->word = argv[i];
        question->question = is_route(question) ? SMTP_DNS_MX
                                                : question_find(argv[i]);
        question->name = argv[i + 1];
        apr_pool_create(&question->p, args->p);
    }
    args->options.forwarders = args->forwarders;
    args->options.stubs = args->stubs;
}

static const char *record_write(apr_pool_t *p,
                                const smtp_dns_record_t *record)
{
    switch (record->type) {
    case SMTP_DNS_RECORD_A:
    case SMTP_DNS_RECORD_AAAA:
        return smtp_dns_address_write(p, &record->u.address);
    case SMTP_DNS_RECORD_CNAME:
    case SMTP_DNS_RECORD_PTR:
        return record->u.name;
    case SMTP_DNS_RECORD_MX:
        return apr_psprintf(p, "%d %s.", record->u.mx.preference,
                            record->u.mx.host);
    case SMTP_DNS_RECORD_TXT:
        return smtp_chars_escape(p, record->u.txt.text, record->u.txt.len,
                                 65535);
    case SMTP_DNS_RECORD_TLSA:
        break;
    }
    return apr_psprintf(p, "%d %d %d (%d octets)", record->u.tlsa.usage,
                        record->u.tlsa.selector, record->u.tlsa.matching,
                        (int)record->u.tlsa.data_len);
}

static void print(const question_t *question)
{
    static const char *const statuses[] = {
        "OK", "UNREADABLE", "NONE", "NXDOMAIN", "BOGUS", "TEMPORARY"
    };
    const smtp_dns_answer_t *answer = question->answer;
    const char *name = smtp_chars_escape(question->p, question->name,
                                         strlen(question->name), 255);
    int i;

    if (answer == NULL) {
        printf("%s\t%s\tnothing\n", question->word, name);
        return;
    }
    printf("%s\t%s\t%s\t%s%s%s%s\t%d\t%s\t%s", question->word,
           name, statuses[answer->status],
           answer->is_secure ? "s" : "", answer->is_partial ? "p" : "",
           answer->is_alias ? "a" : "", answer->refused ? "r" : "",
           answer->ttl_sec, answer->canonical ? answer->canonical : "",
           answer->reason ? answer->reason : "");
    for (i = 0; i < answer->records->nelts; i++) {
        printf("\t%s", record_write(question->p,
               &APR_ARRAY_IDX(answer->records, i, smtp_dns_record_t)));
    }
    printf("\n");
}

static void *APR_THREAD_FUNC thread_main(apr_thread_t *thread, void *data)
{
    question_t *question = data;

    (void)thread;
    question->answer = smtp_dns_resolve(question->dns, question->p,
                                        question->question, question->name);
    return NULL;
}

static void route_all(question_t *questions, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        printf("%s\n", dns_route(questions[i].dns, questions[i].p,
                                 questions[i].name));
    }
}

static void wait_for_all(args_t *args, question_t *questions, int count)
{
    apr_thread_t **threads = apr_pcalloc(args->p,
                                         (count + 1) * sizeof(*threads));
    apr_status_t rv;
    int i;

    for (i = 0; i < count; i++) {
        if (strcmp(args->mode, "wait") == 0) {
            thread_main(NULL, &questions[i]);
        }
        else if (apr_thread_create(&threads[i], NULL, thread_main,
                                   &questions[i], args->p) != APR_SUCCESS) {
            die("no thread", questions[i].name);
        }
    }
    for (i = 0; i < count && threads[i] != NULL; i++) {
        apr_thread_join(&rv, threads[i]);
    }
}

static void take(void *baton, const smtp_dns_answer_t *answer)
{
    question_t *question = baton;

    if (question->answer != NULL) {
        die("a second answer", question->name);
    }
    question->answer = answer;
    --*question->open;
}

static void ask_all(args_t *args, question_t *questions, int count,
                    int *open)
{
    int i;

    for (i = 0; i < count; i++) {
        question_t *question = &questions[i];

        question->open = open;
        if (smtp_dns_ask(question->dns, question->p, question->question,
                         question->name, apr_time_now(), take, question,
                         &question->query) == APR_SUCCESS) {
            ++*open;
        }
    }
    for (i = 0; strcmp(args->mode, "cancel") == 0 && i < count; i += 2) {
        smtp_dns_cancel(questions[i].query);
        --*open;
    }
}

static void loop(args_t *args, smtp_dns_t *dns, question_t *questions,
                 int count)
{
    struct pollfd fd = { smtp_dns_fd(dns), POLLIN, 0 };
    int open = 0;

    ask_all(args, questions, count, &open);
    while (open > 0 && strcmp(args->mode, "end") != 0) {
        apr_interval_time_t left = smtp_dns_deadline(dns) - apr_time_now();

        poll(&fd, 1, left < 0 ? 0 : (int)(left / 1000) + 1);
        smtp_dns_process(dns, apr_time_now());
    }
    if (strcmp(args->mode, "end") != 0 && smtp_dns_deadline(dns) != 0) {
        die("a deadline", "without a query");
    }
}

int main(int argc, const char *const argv[])
{
    args_t args;
    apr_pool_t *p, *dns_pool;
    question_t *questions;
    smtp_dns_t *dns;
    const char *fault;
    int i;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    memset(&args, 0, sizeof(args));
    args.p = p;
    args.mode = "loop";
    args.forwarders = apr_array_make(p, 1, sizeof(const char *));
    args.stubs = apr_array_make(p, 1, sizeof(smtp_dns_stub_t));
    args.questions = apr_array_make(p, 8, sizeof(question_t));
    args_read(&args, argc, argv);
    apr_pool_create(&dns_pool, p);
    if (smtp_dns_create(dns_pool, &args.options, &dns, &fault)
        != APR_SUCCESS) {
        die("smtp_dns_create", fault);
    }
    questions = (question_t *)args.questions->elts;
    for (i = 0; i < args.questions->nelts; i++) {
        questions[i].dns = dns;
    }
    if (args.questions->nelts > 0 && is_route(questions)) {
        route_all(questions, args.questions->nelts);
        return 0;
    }
    if (strcmp(args.mode, "wait") == 0 || strcmp(args.mode, "threads") == 0) {
        wait_for_all(&args, questions, args.questions->nelts);
    }
    else {
        loop(&args, dns, questions, args.questions->nelts);
    }
    apr_pool_destroy(dns_pool);
    for (i = 0; i < args.questions->nelts; i++) {
        print(&questions[i]);
    }
    apr_pool_destroy(p);
    return 0;
}
