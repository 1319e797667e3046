/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "queue_route.h"

#define TEN "aaaaaaaaaa"
#define PATH_107 "/aaaaaa" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *text;
    queue_route_e kind;
    const char *host;
    unsigned int port;
    const char *path;
    int is_implicit_tls;
    const char *spec;
} valid[] = {
    { "mx", QUEUE_ROUTE_MX, NULL, 25, NULL, 0, "mx" },
    { "MX", QUEUE_ROUTE_MX, NULL, 25, NULL, 0, "mx" },
    { "mx:Example.ORG", QUEUE_ROUTE_MX, "example.org", 25, NULL, 0,
      "mx:example.org:25" },
    { "mx:example.org:2525", QUEUE_ROUTE_MX, "example.org", 2525, NULL, 0,
      "mx:example.org:2525" },
    { "smtp:relay.example.com", QUEUE_ROUTE_SMTP, "relay.example.com", 25,
      NULL, 0, "smtp:relay.example.com:25" },
    { "smtp:relay.example.com:587", QUEUE_ROUTE_SMTP, "relay.example.com",
      587, NULL, 0, "smtp:relay.example.com:587" },
    { "smtp:b\xc3\xbc" "cher.example", QUEUE_ROUTE_SMTP,
      "xn--bcher-kva.example", 25, NULL, 0, "smtp:xn--bcher-kva.example:25" },
    { "smtps:relay.example.com", QUEUE_ROUTE_SMTP, "relay.example.com", 465,
      NULL, 1, "smtps:relay.example.com:465" },
    { "smtp:192.0.2.1:26", QUEUE_ROUTE_SMTP, "[192.0.2.1]", 26, NULL, 0,
      "smtp:[192.0.2.1]:26" },
    { "smtp:[192.0.2.1]", QUEUE_ROUTE_SMTP, "[192.0.2.1]", 25, NULL, 0,
      "smtp:[192.0.2.1]:25" },
    { "smtp:[2001:DB8::1]:26", QUEUE_ROUTE_SMTP, "[ipv6:2001:db8::1]", 26,
      NULL, 0, "smtp:[ipv6:2001:db8::1]:26" },
    { "smtp:[IPv6:2001:db8::1]", QUEUE_ROUTE_SMTP, "[ipv6:2001:db8::1]", 25,
      NULL, 0, "smtp:[ipv6:2001:db8::1]:25" },
    { "lmtp:backend:2003", QUEUE_ROUTE_LMTP, "backend", 2003, NULL, 0,
      "lmtp:backend:2003" },
    { "lmtp:127.0.0.1", QUEUE_ROUTE_LMTP, "[127.0.0.1]", 24, NULL, 0,
      "lmtp:[127.0.0.1]:24" },
    { "lmtp:unix:/run/dovecot/lmtp", QUEUE_ROUTE_LMTP_UNIX, NULL, 0,
      "/run/dovecot/lmtp", 0, "lmtp:unix:/run/dovecot/lmtp" },
    { "lmtp:unix:" PATH_107, QUEUE_ROUTE_LMTP_UNIX, NULL, 0, PATH_107, 0,
      "lmtp:unix:" PATH_107 },
    { "discard", QUEUE_ROUTE_DISCARD, NULL, 0, NULL, 0, "discard" },
    { "local", QUEUE_ROUTE_LOCAL, NULL, 0, NULL, 0, "local" },
    { "On-Demand", QUEUE_ROUTE_ON_DEMAND, NULL, 0, NULL, 0, "on-demand" }
};

static int is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void a_target_means_what_it_says(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        queue_route_t route;
        const char *fault = queue_route_parse(*state, valid[i].text, &route);

        UNIT_CHECK(valid[i].text, fault == NULL);
        UNIT_CHECK(valid[i].text, route.kind == valid[i].kind);
        UNIT_CHECK(valid[i].text, is_same(route.host, valid[i].host));
        UNIT_CHECK(valid[i].text, route.port == valid[i].port);
        UNIT_CHECK(valid[i].text, is_same(route.path, valid[i].path));
        UNIT_CHECK(valid[i].text,
                   route.is_implicit_tls
                   == (unsigned int)valid[i].is_implicit_tls);
        UNIT_CHECK(valid[i].text, is_same(route.spec, valid[i].spec));
        UNIT_CHECK(valid[i].text, route.auth == NULL
                                  && route.sender_domain == NULL
                                  && route.condition == NULL
                                  && route.tls == QUEUE_CONF_UNSET);
    }
}

/* Mail may be in the queue before the rule is. */
static void what_stays_here_has_its_reply(void **state)
{
    queue_route_t route;

    assert_null(queue_route_parse(*state, "local", &route));
    assert_int_equal(route.status.klass, 5);
    assert_string_equal(route.text, "Mail to this domain is not sent on");
}

/* The key of a destination, and what is parsed again of the envelope. */
static void what_is_written_of_a_target_means_the_same(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        queue_route_t route, again;

        assert_null(queue_route_parse(*state, valid[i].text, &route));
        UNIT_CHECK(valid[i].text,
                   queue_route_parse(*state, route.spec, &again) == NULL
                   && again.kind == route.kind && again.port == route.port
                   && is_same(again.host, route.host)
                   && is_same(again.spec, route.spec));
    }
}

static const struct {
    const char *text;
    smtp_status_t status;
    const char *reply;
} errors[] = {
    { "error:5.1.2", { 5, 1, 2 }, "Bad destination system address" },
    { "error:5.7.1:No mail goes there", { 5, 7, 1 },
      "No mail goes there" },
    { "error:4.2.1:a:b", { 4, 2, 1 }, "a:b" }
};

static void an_error_has_status_and_text(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(errors); i++) {
        queue_route_t route;

        UNIT_CHECK(errors[i].text,
                   queue_route_parse(*state, errors[i].text, &route) == NULL);
        UNIT_CHECK(errors[i].text, route.kind == QUEUE_ROUTE_ERROR);
        UNIT_CHECK(errors[i].text,
                   memcmp(&route.status, &errors[i].status,
                          sizeof(route.status)) == 0);
        UNIT_CHECK(errors[i].text, is_same(route.text, errors[i].reply));
    }
}

static const char *const invalid[] = {
    "", "mxx", ":", "mx:", "mx:[192.0.2.1]", "mx:192.0.2.1", "mx:a..b",
    "smtp", "smtp:", "smtp::25", "smtp:relay.example.com:",
    "smtp:relay.example.com:0", "smtp:relay.example.com:65536",
    "smtp:relay.example.com:smtp", "smtp:relay.example.com:25:26",
    "smtp:2001:db8::1", "smtp:[2001:db8::1", "smtp:[2001:db8::1]26",
    "smtp:[tag:content]", "smtp:relay_1.example.com:25",
    "smtp:a b", "smtp:-a.example", "lmtp:unix:", "lmtp:unix:run/lmtp",
    "lmtp:unix:" PATH_107 "a", "lmtp:", "lmtp", "lmtp:backend:25",
    "discard:", "discard:x",
    "local:x", "on-demand:x", "error", "error:", "error:2.0.0", "error:550:no",
    "error:5.1", "error:5.1.1:", "error:5.1.1:two\nlines",
    "error:5.1.1:t\xc3\xbcr"
};

static void what_is_no_target_is_refused_with_a_remedy(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        static const queue_route_t none;
        queue_route_t route;
        const char *fault = queue_route_parse(*state, invalid[i], &route);

        UNIT_CHECK(invalid[i], fault != NULL && strlen(fault) > 10);
        UNIT_CHECK(invalid[i], memcmp(&route, &none, sizeof(none)) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_target_means_what_it_says),
        UNIT_TEST(what_stays_here_has_its_reply),
        UNIT_TEST(what_is_written_of_a_target_means_the_same),
        UNIT_TEST(an_error_has_status_and_text),
        UNIT_TEST(what_is_no_target_is_refused_with_a_remedy)
    };

    return UNIT_RUN(tests);
}
