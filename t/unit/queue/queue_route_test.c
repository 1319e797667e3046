/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_conf_stub.h"
#include "queue_route.h"

/** What the next conditions come to. */
static int condition_result;

int queue_route_condition(apr_pool_t *p, const queue_route_facts_t *facts,
                          const ap_expr_info_t *condition)
{
    (void)p, (void)facts;
    assert_non_null(condition);
    return condition_result;
}

static const ap_expr_info_t some_condition;

/** A virtual host, and the sections it will be built of. */
typedef struct world_t {
    apr_pool_t *p;
    queue_vhost_t *vhost;
    queue_destination_conf_t *all;
    apr_array_header_t *sections;
} world_t;

static world_t world_begin(apr_pool_t *p)
{
    world_t world = { p, stub_vhost(p, "mx.example.com"),
                      queue_conf_create_dir(p, NULL),
                      apr_array_make(p, 1, sizeof(queue_section_t *)) };

    return world;
}

static queue_route_t *route_add(world_t *world,
                                queue_destination_conf_t *conf,
                                const char *target)
{
    queue_route_t route;

    assert_null(queue_route_parse(world->p, target, &route));
    return stub_route(world->p, conf, &route);
}

static int is_used(const queue_vhost_t *vhost)
{
    (void)vhost;
    return 1;
}

static void world_end(world_t *world)
{
    apr_array_header_t *vhosts = apr_array_make(world->p, 1,
                                                sizeof(queue_vhost_t *));

    queue_conf_build(world->p, world->vhost, world->all, world->sections);
    APR_ARRAY_PUSH(vhosts, queue_vhost_t *) = world->vhost;
    queue_conf_tags_set(world->p, vhosts, is_used);
}

static queue_found_route_t find(const world_t *world, const char *from,
                                const char *to)
{
    queue_route_facts_t facts = { world->vhost, from, to, NULL, NULL, NULL,
                                  NULL };
    queue_found_route_t found;

    queue_route_find(world->p, &facts, &found);
    return found;
}

static void without_a_route_mail_goes_by_mx(void **state)
{
    world_t world = world_begin(*state);
    queue_found_route_t found;

    world_end(&world);
    found = find(&world, "a@b.example", "bob@Example.COM");
    assert_int_equal(found.route->kind, QUEUE_ROUTE_MX);
    assert_null(found.route->host);
    assert_string_equal(found.domain, "example.com");
    assert_string_equal(found.key, "mx:example.com");
    assert_ptr_equal(found.conf, world.vhost->all);
    found = find(&world, "", "bob@[192.0.2.1]");
    assert_string_equal(found.key, "mx:[192.0.2.1]");
    found = find(&world, "", "\"a@b\"@example.com");
    assert_string_equal(found.key, "mx:example.com");
}

/* Else a slip of ours would be a loop, or a crash. */
static void an_address_without_a_domain_is_an_error(void **state)
{
    static const char *const addresses[] =
        { "", "postmaster", "bob@", "bob@-", "bob@a..b", "@" };
    world_t world = world_begin(*state);
    size_t i;

    world_end(&world);
    for (i = 0; i < UNIT_ROWS(addresses); i++) {
        queue_found_route_t found = find(&world, "", addresses[i]);

        UNIT_CHECK(addresses[i], found.route->kind == QUEUE_ROUTE_ERROR);
        UNIT_CHECK(addresses[i], found.route->status.klass == 5);
        UNIT_CHECK(addresses[i], found.conf != NULL && found.domain != NULL
                                 && found.key != NULL);
    }
}

/* "*" before ".com" before ".example.com" before the name itself. */
static void the_most_specific_section_counts(void **state)
{
    static const struct {
        const char *to;
        const char *key;
    } rows[] = {
        { "x@elsewhere.org", "smtp:every.test:25" },
        { "x@elsewhere.com", "smtp:com.test:25#.com" },
        { "x@sub.example.com", "smtp:below.test:25#.example.com" },
        { "x@a.sub.example.com", "smtp:below.test:25#.example.com" },
        { "x@example.com", "smtp:exact.test:25#example.com" },
        { "x@notexample.com", "smtp:com.test:25#.com" },
        { "x@com", "smtp:every.test:25" },
        { "x@[192.0.2.1]", "smtp:literal.test:25#[192.0.2.1]" }
    };
    world_t world = world_begin(*state);
    size_t i;

    route_add(&world, stub_section(*state, world.sections, "example.com"),
              "smtp:exact.test");
    route_add(&world, stub_section(*state, world.sections, ".example.com"),
              "smtp:below.test");
    route_add(&world, stub_section(*state, world.sections, ".com"),
              "smtp:com.test");
    route_add(&world, stub_section(*state, world.sections, "*"),
              "smtp:every.test");
    route_add(&world, stub_section(*state, world.sections, "[192.0.2.1]"),
              "smtp:literal.test");
    route_add(&world, world.all, "smtp:vhost.test");
    world_end(&world);
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].to, strcmp(find(&world, "", rows[i].to).key,
                                      rows[i].key) == 0);
    }
}

static void sections_merge_field_by_field(void **state)
{
    world_t world = world_begin(*state);
    const queue_destination_conf_t *conf;

    world.all->limits.connections = 7;
    world.all->dane = 0;
    world.all->messages_per_connection = 0;
    stub_section(*state, world.sections, ".com")->limits.rate_messages = 9;
    stub_section(*state, world.sections, ".com")->limits.rate_interval = 5;
    stub_section(*state, world.sections, "example.com")->tls =
        SMTP_TLS_ENCRYPT;
    world_end(&world);
    conf = find(&world, "", "x@example.com").conf;
    assert_int_equal(conf->limits.connections, 7);
    assert_int_equal(conf->dane, 0);
    assert_int_equal(conf->messages_per_connection, 0);
    assert_int_equal(conf->limits.rate_interval, 5);
    assert_int_equal(conf->tls, SMTP_TLS_ENCRYPT);
    assert_int_equal(conf->mta_sts, 1);
    assert_int_equal(world.vhost->all->tls, SMTP_TLS_MAY);
}

static void a_section_can_take_a_limit_away(void **state)
{
    world_t world = world_begin(*state);

    world.all->limits.rate_messages = 100;
    world.all->limits.rate_interval = apr_time_from_sec(60);
    stub_section(*state, world.sections, "example.com")
        ->limits.rate_interval = QUEUE_CONF_RATE_OFF;
    world_end(&world);
    assert_int_equal(find(&world, "", "x@example.com")
                         .conf->limits.rate_interval, 0);
    assert_int_equal(find(&world, "", "x@example.com")
                         .conf->limits.rate_messages, 0);
    assert_int_equal(world.vhost->all->limits.rate_messages, 100);
}

static void the_first_route_that_is_meant_counts(void **state)
{
    static const struct {
        const char *from;
        int result;
        const char *spec;
    } rows[] = {
        { "bob@a.example", 0, "smtp:a.test:25" },
        { "bob@A.Example", 0, "smtp:a.test:25" },
        { "bob@x.a.example", 0, "smtp:below.test:25" },
        { "bob@xa.example", 0, "discard" },
        { "", 0, "error:5.7.1" },
        { "bob@b.example", 1, "smtp:condition.test:25" },
        { "bob@b.example", 0, "discard" },
        { "bob@b.example", -1, "error:4.3.5" }
    };
    world_t world = world_begin(*state);
    size_t i;

    route_add(&world, world.all, "smtp:a.test")->sender_domain = "a.example";
    route_add(&world, world.all, "smtp:below.test")->sender_domain =
        ".a.example";
    route_add(&world, world.all, "error:5.7.1")->sender_domain = "";
    route_add(&world, world.all, "smtp:condition.test")->condition =
        &some_condition;
    route_add(&world, world.all, "discard");
    world_end(&world);
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        condition_result = rows[i].result;
        UNIT_CHECK(rows[i].spec,
                   strcmp(find(&world, rows[i].from, "x@example.com")
                              .route->spec, rows[i].spec) == 0);
    }
}

static void a_local_mailbox_goes_where_smtpdeliver_says(void **state)
{
    world_t world = world_begin(*state);
    queue_route_facts_t facts = { world.vhost, "", "bob@example.com", NULL,
                                  NULL, "lmtp", "unix:/run/lmtp" };
    queue_found_route_t found;

    route_add(&world, world.all, "smtp:relay.test");
    world_end(&world);
    queue_route_find(*state, &facts, &found);
    assert_string_equal(found.key, "lmtp:unix:/run/lmtp");
    facts.method = "smtp";
    facts.argument = "backend.example:26";
    queue_route_find(*state, &facts, &found);
    assert_string_equal(found.key, "smtp:backend.example:26");
    facts.argument = NULL;
    queue_route_find(*state, &facts, &found);
    assert_int_equal(found.route->kind, QUEUE_ROUTE_ERROR);
    facts.method = "on-demand";
    queue_route_find(*state, &facts, &found);
    assert_string_equal(found.key, "on-demand:example.com");
    facts.method = "carrier-pigeon";
    queue_route_find(*state, &facts, &found);
    assert_int_equal(found.route->kind, QUEUE_ROUTE_ERROR);
}

/* A login must not be used for the mail of another. */
static void who_logs_in_is_part_of_the_key(void **state)
{
    static const queue_auth_t auth = { "bob", "secret", 0 };
    world_t world = world_begin(*state);
    queue_route_t *route = route_add(&world, world.all, "smtp:relay.test");

    route->auth = &auth;
    world_end(&world);
    assert_string_equal(find(&world, "", "x@example.com").key,
                        "smtp:relay.test:25 as bob tls=verify");
}

/* A password that whoever answers could read would be no secret. */
static void what_tls_must_be_is_said_by_the_route_first(void **state)
{
    static const queue_auth_t auth = { "bob", "secret", 0 };
    static const queue_auth_t plain = { "bob", "secret", 1 };
    static const struct {
        const char *name;
        int of_route;
        int of_destination;
        const queue_auth_t *auth;
        int result;
    } rows[] = {
        { "nothing", -1, -1, NULL, SMTP_TLS_MAY },
        { "destination", -1, SMTP_TLS_ENCRYPT, NULL, SMTP_TLS_ENCRYPT },
        { "route", SMTP_TLS_NONE, SMTP_TLS_ENCRYPT, NULL, SMTP_TLS_NONE },
        { "login", -1, -1, &auth, SMTP_TLS_VERIFY },
        { "login, said", -1, SMTP_TLS_MAY, &auth, SMTP_TLS_MAY },
        { "login, route", SMTP_TLS_DANE, -1, &auth, SMTP_TLS_DANE },
        { "login without TLS", -1, -1, &plain, SMTP_TLS_MAY }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        world_t world = world_begin(*state);
        queue_route_t *route = route_add(&world, world.all,
                                         "smtp:relay.test");

        route->auth = rows[i].auth;
        route->tls = rows[i].of_route;
        world.all->tls = rows[i].of_destination;
        world_end(&world);
        UNIT_CHECK(rows[i].name, find(&world, "", "x@example.com").conf->tls
                                 == rows[i].result);
    }
}

static void routes_with_other_tls_share_no_connections(void **state)
{
    world_t world = world_begin(*state);

    route_add(&world, world.all, "mx")->sender_domain = "a.example";
    route_add(&world, world.all, "mx")->tls = SMTP_TLS_ENCRYPT;
    world_end(&world);
    assert_string_equal(find(&world, "x@a.example", "x@example.com").key,
                        "mx:example.com");
    assert_string_equal(find(&world, "", "x@example.com").key,
                        "mx:example.com tls=encrypt");
}

static void sections_that_say_the_same_share_connections(void **state)
{
    world_t world = world_begin(*state);

    route_add(&world, world.all, "smtp:relay.test");
    stub_section(*state, world.sections, "b.example c.example")->dane = 0;
    stub_section(*state, world.sections, "d.example");
    world_end(&world);
    assert_string_equal(find(&world, "", "x@a.example").key,
                        "smtp:relay.test:25");
    assert_string_equal(find(&world, "", "x@d.example").key,
                        "smtp:relay.test:25");
    assert_string_equal(find(&world, "", "x@b.example").key,
                        "smtp:relay.test:25#b.example");
    assert_string_equal(find(&world, "", "x@c.example").key,
                        "smtp:relay.test:25#b.example");
}

static int is_mail(const queue_vhost_t *vhost)
{
    return strncmp(vhost->name, "www.", 4) != 0;
}

/** Builds virtual hosts of these names; only "other" says something. */
static const apr_array_header_t *hosts_build(apr_pool_t *p,
                                             const char *const *names)
{
    apr_array_header_t *vhosts = apr_array_make(p, 1,
                                                sizeof(queue_vhost_t *));
    apr_array_header_t *none = apr_array_make(p, 0,
                                              sizeof(queue_section_t *));

    for (; *names != NULL; names++) {
        queue_destination_conf_t *all = queue_conf_create_dir(p, NULL);
        queue_vhost_t *vhost = stub_vhost(p, *names);

        all->dane = strncmp(*names, "other", 5) == 0 ? 0 : all->dane;
        queue_conf_build(p, vhost, all, none);
        APR_ARRAY_PUSH(vhosts, queue_vhost_t *) = vhost;
    }
    queue_conf_tags_set(p, vhosts, is_mail);
    return vhosts;
}

static void virtual_hosts_that_are_alike_share_connections(void **state)
{
    static const char *const alike[] =
        { "www.example.com", "mx.example.com", "mx.example.com", NULL };
    static const char *const different[] =
        { "www.example.com", "mx.example.com", "other.example.com",
          "mx.example.com", NULL };
    const apr_array_header_t *vhosts = hosts_build(*state, alike);

#define TAG(i) APR_ARRAY_IDX(vhosts, i, queue_vhost_t *)->tag
    assert_string_equal(TAG(0), "#www.example.com:25");
    assert_string_equal(TAG(1), "");
    assert_string_equal(TAG(2), "");
    vhosts = hosts_build(*state, different);
    assert_string_equal(TAG(1), "#mx.example.com:25");
    assert_string_equal(TAG(2), "#other.example.com:25");
    assert_string_equal(TAG(3), "#mx.example.com:25");
    assert_string_equal(APR_ARRAY_IDX(vhosts, 3, queue_vhost_t *)->all->tag,
                        "#mx.example.com:25");
#undef TAG
}

static void priority_is_the_first_rule_that_holds(void **state)
{
    world_t world = world_begin(*state);
    queue_route_facts_t facts = { .vhost = world.vhost,
                                  .reverse_path = "a@b.example" };
    apr_array_header_t *rules =
        apr_array_make(*state, 1, sizeof(queue_priority_rule_t));

    world_end(&world);
    assert_int_equal(queue_route_priority(*state, &facts),
                     QUEUE_PRIORITY_NORMAL);
    APR_ARRAY_PUSH(rules, queue_priority_rule_t) =
        (queue_priority_rule_t){ QUEUE_PRIORITY_URGENT, &some_condition };
    world.vhost->priorities = rules;
    world.vhost->priority = QUEUE_PRIORITY_BULK;
    condition_result = 0;
    assert_int_equal(queue_route_priority(*state, &facts),
                     QUEUE_PRIORITY_BULK);
    condition_result = -1;
    assert_int_equal(queue_route_priority(*state, &facts),
                     QUEUE_PRIORITY_BULK);
    condition_result = 1;
    assert_int_equal(queue_route_priority(*state, &facts),
                     QUEUE_PRIORITY_URGENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(without_a_route_mail_goes_by_mx),
        UNIT_TEST(an_address_without_a_domain_is_an_error),
        UNIT_TEST(the_most_specific_section_counts),
        UNIT_TEST(sections_merge_field_by_field),
        UNIT_TEST(a_section_can_take_a_limit_away),
        UNIT_TEST(the_first_route_that_is_meant_counts),
        UNIT_TEST(a_local_mailbox_goes_where_smtpdeliver_says),
        UNIT_TEST(who_logs_in_is_part_of_the_key),
        UNIT_TEST(what_tls_must_be_is_said_by_the_route_first),
        UNIT_TEST(routes_with_other_tls_share_no_connections),
        UNIT_TEST(sections_that_say_the_same_share_connections),
        UNIT_TEST(virtual_hosts_that_are_alike_share_connections),
        UNIT_TEST(priority_is_the_first_rule_that_holds)
    };

    return UNIT_RUN(tests);
}
