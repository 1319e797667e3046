/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The way of a domain's mail from host to host, and what DNS is asked for on
 * it; next hops are at 127.0.0.1, .2 and .3, on one port. */
#include "next_hop.h"
#include "queue_user.h"

#define TAKES   "S 220 hi\nC EHLO\nS 250-mx\nS 250 PIPELINING\nC MAIL\nC RCPT\n" \
                "C DATA\nS 250 ok\nS 250 ok\nS 354 go on\nMAIL\nS 250 ok\n" \
                "C QUIT\nS 221 bye\nCLOSED\n"
#define RELAYED "ready\ndone a@example.org relayed 250 2.0.0 end-of-data\n" \
                "ready\nclosed\n"

static const user_mail_t one_mail[] = {
    { "a@example.org", NULL, 0 }, { NULL, NULL, 0 }
};

#define MX(name, records) \
    { SMTP_DNS_MX, name, SMTP_DNS_OK, "", records, NULL, NULL }
#define HOST(name, records) \
    { SMTP_DNS_ADDRESS, name, SMTP_DNS_OK, "", records, NULL, NULL }
#define NO_HOST(name, status) \
    { SMTP_DNS_ADDRESS, name, status, "", NULL, NULL, NULL }
#define NO_MX(name, status) \
    { SMTP_DNS_MX, name, status, "", NULL, NULL, NULL }
#define END { SMTP_DNS_MX, NULL, SMTP_DNS_OK, "", NULL, NULL, NULL }

typedef struct row_t {
    const char *name;
    const char *domain;
    user_answer_t dns[8];
    const char *script;
    const char *events;
    const char *questions;       /**< NULL: not looked at */
} row_t;

static void mx_set(user_t *user, const row_t *row)
{
    user->route.kind = QUEUE_ROUTE_MX;
    user->route.host = NULL;
    user->connection_conf.domain = row->domain;
    user_dns = row->dns;
}

static void row_play(apr_pool_t *parent, const row_t *row,
                     void (*change)(user_t *user))
{
    next_hop_t *hop = calloc(1, sizeof(*hop));
    apr_pool_t *p;
    user_t *user;

    apr_pool_create(&p, parent);
    hop->script = row->script;
    next_hop_begin(hop);
    user = user_create(p, hop->port);
    user->mails = one_mail;
    mx_set(user, row);
    if (change != NULL) {
        change(user);
    }
    user_run(user);
    next_hop_end(hop);
    if (*hop->fault != '\0' || strcmp(user->events, row->events) != 0
        || (row->questions != NULL
            && strcmp(user_questions, row->questions) != 0)) {
        fail_msg("row \"%s\": next hop: %s; questions: %s; events:\n%s"
                 "wanted:\n%slog:\n%s", row->name, hop->fault,
                 user_questions, user->events, row->events, user_log);
    }
    apr_pool_destroy(p);
    free(hop);
}

static void rows_play(apr_pool_t *p, const row_t *rows, size_t count,
                      void (*change)(user_t *user))
{
    size_t i;

    for (i = 0; i < count; i++) {
        row_play(p, &rows[i], change);
    }
}

static void mail_goes_to_the_first_host_that_takes_it(void **state)
{
    static const row_t rows[] = {
        { "the best", "example.org",
          { MX("example.org", "20 b.example 10 a.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\n" TAKES, RELAYED,
          /* Of the second nothing is asked. */
          "MX example.org; ADDRESS a.example" },
        { "the second, as nobody listens at the first", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 2\n" TAKES, RELAYED,
          "MX example.org; ADDRESS a.example; ADDRESS b.example" },
        { "the second, as the first greets with 4xx", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\nS 421 busy\nCLOSED\nACCEPT 2\n" TAKES, RELAYED, NULL },
        { "the second, as the first greets with 554", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\nS 554 no\nC QUIT\nS 221 bye\nCLOSED\nACCEPT 2\n" TAKES,
          RELAYED, NULL },
        { "the second, as the first drops us at EHLO", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\nS 220 hi\nC EHLO\nDROP\nACCEPT 2\n" TAKES, RELAYED,
          NULL },
        { "another address of the host", "example.org",
          { MX("example.org", "10 a.example"),
            HOST("a.example", "127.0.0.1 127.0.0.2"), END },
          "ACCEPT 2\n" TAKES, RELAYED, NULL },
        { "a host without an address is passed over", "example.org",
          { MX("example.org", "10 gone.example 20 b.example"),
            HOST("b.example", "127.0.0.2"), END },
          "ACCEPT 2\n" TAKES, RELAYED, NULL },
        { "a host of whom DNS says nothing is passed over", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            NO_HOST("a.example", SMTP_DNS_TEMPORARY),
            HOST("b.example", "127.0.0.2"), END },
          "ACCEPT 2\n" TAKES, RELAYED, NULL },
        { "no MX: the domain itself", "example.org",
          { NO_MX("example.org", SMTP_DNS_NONE),
            HOST("example.org", "127.0.0.1"), END },
          "ACCEPT 1\n" TAKES, RELAYED,
          "MX example.org; ADDRESS example.org" },
        { "a literal", "[127.0.0.3]", { END }, "ACCEPT 3\n" TAKES, RELAYED,
          "" },
        { "U-labels", "b\xC3\xBC" "cher.example",
          { MX("xn--bcher-kva.example", "10 a.example"),
            HOST("a.example", "127.0.0.1"), END },
          "ACCEPT 1\n" TAKES, RELAYED,
          "MX xn--bcher-kva.example; ADDRESS a.example" },
        { "equals are asked for together", "example.org",
          { MX("example.org", "10 a.example 10 b.example 20 c.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.1"),
            END },
          "ACCEPT 1\n" TAKES, RELAYED, NULL }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void what_no_host_takes_fails_or_waits(void **state)
{
    static const row_t rows[] = {
        { "null MX (RFC 7505)", "example.org", { MX("example.org", "0 ."),
          END }, "DEAF", "closed failed 556 5.1.10 connect\n", NULL },
        { "no such domain", "example.org", { END }, "DEAF",
          "closed failed 0 5.1.2 connect\n", "MX example.org" },
        { "no domain", "exa mple", { END }, "DEAF",
          "closed failed 0 5.1.2 connect\n", "" },
        { "neither MX nor address", "example.org",
          { NO_MX("example.org", SMTP_DNS_NONE),
            NO_HOST("example.org", SMTP_DNS_NONE), END }, "DEAF",
          "closed failed 0 5.1.2 connect\n", NULL },
        { "MX that nobody can read", "example.org",
          { NO_MX("example.org", SMTP_DNS_UNREADABLE), END }, "DEAF",
          "closed failed 0 5.4.4 connect\n", NULL },
        { "no answer", "example.org",
          { NO_MX("example.org", SMTP_DNS_TEMPORARY), END }, "DEAF",
          "closed deferred 0 4.4.3 connect\n", NULL },
        { "a bogus answer", "example.org",
          { NO_MX("example.org", SMTP_DNS_BOGUS), END }, "DEAF",
          "closed deferred 0 4.4.3 connect\n", NULL },
        { "a question that cannot be asked", "broken.example", { END },
          "DEAF", "closed deferred 0 4.4.3 connect\n", NULL },
        { "no host has an address", "example.org",
          { MX("example.org", "10 a.example 20 b.example"), END }, "DEAF",
          "closed failed 0 5.4.4 connect\n", NULL },
        { "one host does not exist, of the other nothing is known",
          "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            NO_HOST("a.example", SMTP_DNS_BOGUS), END }, "DEAF",
          "closed deferred 0 4.4.3 connect\n", NULL },
        { "all greet with 554", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\nS 554 5.7.1 no\nC QUIT\nDROP\n"
          "ACCEPT 2\nS 554 5.7.2 no\nC QUIT\nDROP",
          "closed failed 554 5.7.2 greeting\n", NULL },
        { "what is temporary counts more", "example.org",
          { MX("example.org", "10 a.example 20 b.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "ACCEPT 1\nS 450 4.7.1 later\nC QUIT\nDROP\n"
          "ACCEPT 2\nS 554 5.7.2 no\nC QUIT\nDROP",
          "closed deferred 450 4.7.1 greeting\n", NULL }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), NULL);
}

static void self_set(user_t *user)
{
    static const smtp_dns_address_t own = { AF_INET, { { 0 } } };
    apr_array_header_t *names = apr_array_make(user->pool, 1,
                                               sizeof(const char *));
    apr_array_header_t *addresses =
        apr_array_make(user->pool, 1, sizeof(smtp_dns_address_t));

    APR_ARRAY_PUSH(names, const char *) = "mx.example.com";
    APR_ARRAY_PUSH(addresses, smtp_dns_address_t) = own;
    smtp_dns_address_parse("127.0.0.2", &APR_ARRAY_IDX(addresses, 0,
                                                       smtp_dns_address_t));
    user->network.self.names = names;
    user->network.self.addresses = addresses;
}

/** RFC 5321 5.1: else mail goes round in circles. */
static void mail_does_not_come_back_to_us(void **state)
{
    static const row_t rows[] = {
        { "we are the best, by name", "example.org",
          { MX("example.org", "10 mx.example.com 20 a.example"), END },
          "DEAF", "closed failed 0 5.4.6 connect\n", "MX example.org" },
        { "we are the best, by address", "example.org",
          { MX("example.org", "10 b.example 20 a.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            END },
          "DEAF", "closed failed 0 5.4.6 connect\n", NULL },
        { "one of our equals is not used", "example.org",
          { MX("example.org", "10 a.example 10 b.example 20 c.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            HOST("c.example", "127.0.0.3"), END },
          "DEAF", "closed failed 0 5.4.6 connect\n", NULL },
        { "a better one is, and mail waits for it", "example.org",
          { MX("example.org", "10 a.example 20 b.example 30 c.example"),
            HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
            HOST("c.example", "127.0.0.3"), END },
          "DEAF", "closed deferred 0 4.4.1 connect\n", NULL },
        { "a literal", "[127.0.0.2]", { END }, "DEAF",
          "closed failed 0 5.4.6 connect\n", NULL }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), self_set);
}

static void named_set(user_t *user)
{
    self_set(user);
    user->route.kind = QUEUE_ROUTE_SMTP;
    user->route.host = user->connection_conf.domain;
}

static void named_mx_set(user_t *user)
{
    named_set(user);
    user->route.kind = QUEUE_ROUTE_MX;
}

/** It is the administrator's: what is wrong there he mends, and no mail is
 *  lost meanwhile. */
static void a_next_hop_of_the_administrators(void **state)
{
    static const row_t rows[] = {
        { "a host", "a.example", { HOST("a.example", "127.0.0.1"), END },
          "ACCEPT 1\n" TAKES, RELAYED, "ADDRESS a.example" },
        { "a literal with an address of ours", "[127.0.0.2]", { END },
          "ACCEPT 2\n" TAKES, RELAYED, "" },
        { "without brackets", "127.0.0.2", { END }, "ACCEPT 2\n" TAKES,
          RELAYED, "" },
        { "an alias of ours", "b.example",
          { HOST("b.example", "127.0.0.2"), END }, "ACCEPT 2\n" TAKES,
          RELAYED, NULL },
        { "no such host", "a.example", { END }, "DEAF",
          "closed deferred 0 4.1.2 connect\n", NULL },
        { "no host's name", "a b", { END }, "DEAF",
          "closed deferred 0 4.1.2 connect\n", NULL }
    };
    static const row_t mx_rows[] = {
        { "the MX of a name", "example.net",
          { MX("example.net", "10 a.example"),
            HOST("a.example", "127.0.0.1"), END },
          "ACCEPT 1\n" TAKES, RELAYED,
          "MX example.net; ADDRESS a.example" },
        { "null MX", "example.net", { MX("example.net", "0 ."), END },
          "DEAF", "closed deferred 0 4.1.10 connect\n", NULL }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), named_set);
    rows_play(*state, mx_rows, UNIT_ROWS(mx_rows), named_mx_set);
}

static void ipv6_only_set(user_t *user)
{
    user->conf.family = SMTP_MX_FAMILY_IPV6_ONLY;
}

static void ipv6_source_set(user_t *user)
{
    apr_array_header_t *sources = apr_array_make(user->pool, 1,
                                                 sizeof(queue_source_t));
    queue_source_t *source = apr_array_push(sources);

    memset(source, 0, sizeof(*source));
    smtp_dns_address_parse("::1", &source->address);
    source->weight = 1;
    user->conf.sources = sources;
}

static void ipv4_source_set(user_t *user)
{
    queue_source_t *source;

    ipv6_source_set(user);
    source = apr_array_push((apr_array_header_t *)user->conf.sources);
    smtp_dns_address_parse("127.0.0.9", &source->address);
    source->weight = 1;
    source->helo = "out.example.com";
}

static void no_ipv6_set(user_t *user)
{
    queue_source_t *source;

    ipv4_source_set(user);
    user->conf.family = SMTP_MX_FAMILY_IPV6_FIRST;
    source = (queue_source_t *)user->conf.sources->elts;
    /* RFC 3849: nobody has it, so no octet leaves. */
    smtp_dns_address_parse("2001:db8::77", &source->address);
}

/** The address that this machine cannot reach keeps no mail waiting that the
 *  other one refuses for ever. */
static void a_family_that_is_not_here_says_nothing(void **state)
{
    static const row_t rows[] = {
        { "refused by IPv4", "example.org",
          { MX("example.org", "10 a.example"),
            HOST("a.example", "::1 127.0.0.1"), END },
          "ACCEPT 1\nS 554 5.7.1 no\nC QUIT\nDROP",
          "closed failed 554 5.7.1 greeting\n", NULL },
        { "nothing else", "example.org",
          { MX("example.org", "10 a.example"), HOST("a.example", "::1"),
            END }, "DEAF", "closed deferred 0 4.4.1 connect\n", NULL }
    };

    rows_play(*state, rows, UNIT_ROWS(rows), no_ipv6_set);
}

static void addresses_are_of_a_family_that_is_used(void **state)
{
    static const row_t refused = {
        "none", "example.org",
        { MX("example.org", "10 a.example"), HOST("a.example", "127.0.0.1"),
          END }, "DEAF", "closed deferred 0 4.4.4 connect\n", NULL
    };
    static const row_t unsent = {
        "nothing to send from", "example.org",
        { MX("example.org", "10 a.example"), HOST("a.example", "127.0.0.1"),
          END }, "DEAF", "closed deferred 0 4.4.1 connect\n", NULL
    };
    static const row_t sent = {
        "the source has a name of its own", "example.org",
        { MX("example.org", "10 a.example"), HOST("a.example", "127.0.0.1"),
          END },
        "ACCEPT 1\nS 220 hi\nC EHLO out.example.com\nS 250 hi\n"
        "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go on\nMAIL\n"
        "S 250 ok\nC QUIT\nS 221 bye\nCLOSED\n",
        RELAYED, NULL
    };

    row_play(*state, &refused, ipv6_only_set);
    row_play(*state, &unsent, ipv6_source_set);
    row_play(*state, &sent, ipv4_source_set);
}

/** A domain with many dead addresses does not keep a message for hours. */
static void so_many_addresses_are_tried(void **state)
{
    static const row_t row = {
        "many", "example.org",
        { MX("example.org", "10 a.example 20 b.example 30 c.example"),
          HOST("a.example", "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14"
                            " 127.0.0.15 127.0.0.16 127.0.0.17"),
          HOST("b.example", "127.0.0.21 127.0.0.22 127.0.0.23 127.0.0.24"
                            " 127.0.0.25 127.0.0.26"),
          HOST("c.example", "127.0.0.31"), END },
        "DEAF", "closed deferred 0 4.4.1 connect\n",
        /* Five of the first, five of the second. */
        "MX example.org; ADDRESS a.example; ADDRESS b.example"
    };

    row_play(*state, &row, NULL);
}

/** The peer that is told is the one whose failure it is. */
static void the_failure_has_its_peer(void **state)
{
    static const row_t row = {
        NULL, "example.org",
        { MX("example.org", "10 a.example 20 b.example"),
          HOST("a.example", "127.0.0.1"), HOST("b.example", "127.0.0.2"),
          END }, NULL, NULL, NULL
    };
    next_hop_t *hop = calloc(1, sizeof(*hop));
    user_t *user;

    hop->script = "ACCEPT 1\nS 450 4.7.1 later\nC QUIT\nDROP\n"
                  "ACCEPT 2\nS 554 5.7.2 no\nC QUIT\nDROP";
    next_hop_begin(hop);
    user = user_create(*state, hop->port);
    mx_set(user, &row);
    user_run(user);
    next_hop_end(hop);
    assert_string_equal(hop->fault, "");
    assert_string_equal(user->peer.host, "a.example");
    assert_string_equal(user->peer.address, "127.0.0.1");
    assert_int_equal(user->peer.ready, 0);
    free(hop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(mail_goes_to_the_first_host_that_takes_it),
        UNIT_TEST(what_no_host_takes_fails_or_waits),
        UNIT_TEST(mail_does_not_come_back_to_us),
        UNIT_TEST(a_next_hop_of_the_administrators),
        UNIT_TEST(addresses_are_of_a_family_that_is_used),
        UNIT_TEST(a_family_that_is_not_here_says_nothing),
        UNIT_TEST(so_many_addresses_are_tried),
        UNIT_TEST(the_failure_has_its_peer)
    };

    return UNIT_RUN(tests);
}
