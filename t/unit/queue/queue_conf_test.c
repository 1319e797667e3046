/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_conf_stub.h"

static queue_server_conf_t *conf_create(apr_pool_t *p)
{
    return queue_conf_create_server(p, NULL);
}

/** What a virtual host has whose main server says @a base. */
static queue_vhost_t *vhost_merge(apr_pool_t *p, queue_server_conf_t *base,
                                  queue_server_conf_t *add)
{
    queue_server_conf_t *conf = queue_conf_merge_server(p, base, add);

    queue_conf_complete_vhost(p, &conf->vhost);
    return &conf->vhost;
}

static queue_destination_conf_t *
destination_merge(apr_pool_t *p, queue_destination_conf_t *base,
                  queue_destination_conf_t *add)
{
    queue_destination_conf_t *conf = queue_conf_merge_dir(p, base, add);

    queue_conf_complete_destination(conf);
    return conf;
}

/** The struct of @a part, complete and with nothing said. */
static void *part_create(apr_pool_t *p, queue_conf_part_e part)
{
    queue_server_conf_t *conf = conf_create(p);

    switch (part) {
    case QUEUE_CONF_WHOLE:
        queue_conf_complete_whole(p, &conf->whole);
        return &conf->whole;
    case QUEUE_CONF_VHOST:
        queue_conf_complete_vhost(p, &conf->vhost);
        return &conf->vhost;
    default:
        return destination_merge(p, queue_conf_create_dir(p, NULL),
                                 queue_conf_create_dir(p, NULL));
    }
}

static void every_number_has_its_default(void **state)
{
    const queue_conf_number_t *number;

    for (number = queue_conf_numbers; number->directive; number++) {
        void *base = part_create(*state, number->part);

        UNIT_CHECK(number->directive,
                   *queue_conf_number_at(base, number) == number->fallback);
        UNIT_CHECK(number->directive, number->fallback >= 0);
    }
}

static void every_time_has_its_default(void **state)
{
    const queue_conf_time_t *time;

    for (time = queue_conf_times; time->directive; time++) {
        void *base = part_create(*state, time->part);

        UNIT_CHECK(time->directive,
                   *queue_conf_time_at(base, time) == time->fallback);
        UNIT_CHECK(time->directive, time->fallback >= 0
                                    && time->max > time->min);
    }
}

static void what_nothing_is_said_of_is_safe(void **state)
{
    queue_destination_conf_t *conf = part_create(*state,
                                                 QUEUE_CONF_DESTINATION);
    queue_vhost_t *vhost = part_create(*state, QUEUE_CONF_VHOST);

    assert_int_equal(conf->tls, SMTP_TLS_MAY);
    assert_int_equal(conf->tls_auth, SMTP_TLS_VERIFY);
    assert_null(conf->routes);
    assert_null(conf->sources);
    assert_string_equal(conf->tag, "");
    assert_int_equal(vhost->retry.intervals->nelts, 6);
    assert_int_equal(vhost->priority, QUEUE_PRIORITY_NORMAL);
    assert_int_equal(vhost->dsn_max_octets, 50 * 1024);
    assert_null(vhost->verp);
    assert_null(vhost->dsn_copy);
}

/* As two levels of everything say it. */
static void the_more_specific_counts_for_each_number(void **state)
{
    const queue_conf_number_t *number;

    for (number = queue_conf_numbers; number->directive; number++) {
        queue_destination_conf_t *base = queue_conf_create_dir(*state, NULL);
        queue_destination_conf_t *add = queue_conf_create_dir(*state, NULL);

        if (number->part != QUEUE_CONF_DESTINATION) {
            continue;
        }
        *queue_conf_number_at(base, number) = 7;
        UNIT_CHECK(number->directive,
                   *queue_conf_number_at(destination_merge(*state, base, add),
                                         number) == 7);
        *queue_conf_number_at(add, number) = 0;
        UNIT_CHECK(number->directive,
                   *queue_conf_number_at(destination_merge(*state, base, add),
                                         number) == 0);
    }
}

static void the_more_specific_counts_for_each_time(void **state)
{
    const queue_conf_time_t *time;

    for (time = queue_conf_times; time->directive; time++) {
        queue_destination_conf_t *base = queue_conf_create_dir(*state, NULL);
        queue_destination_conf_t *add = queue_conf_create_dir(*state, NULL);
        apr_interval_time_t *field;

        if (time->part != QUEUE_CONF_DESTINATION) {
            continue;
        }
        *queue_conf_time_at(base, time) = 7;
        field = queue_conf_time_at(destination_merge(*state, base, add),
                                   time);
        UNIT_CHECK(time->directive, *field == 7);
        *queue_conf_time_at(add, time) = 8;
        field = queue_conf_time_at(destination_merge(*state, base, add),
                                   time);
        UNIT_CHECK(time->directive, *field == 8);
    }
}

static void stages_without_a_word_follow_another(void **state)
{
    queue_destination_conf_t *conf = queue_conf_create_dir(*state, NULL);

    conf->timeout_connect = 1;
    conf->timeout[SMTP_STAGE_EHLO] = 2;
    conf->timeout[SMTP_STAGE_TLS] = 3;
    conf->timeout[SMTP_STAGE_MAIL] = 4;
    queue_conf_complete_destination(conf);
    assert_int_equal(conf->timeout[SMTP_STAGE_CONNECT], 1);
    assert_int_equal(conf->timeout[SMTP_STAGE_HELO], 2);
    assert_int_equal(conf->timeout[SMTP_STAGE_STARTTLS], 3);
    assert_int_equal(conf->timeout[SMTP_STAGE_RSET], 4);
    /* RFC 5321 4.5.3.2 says. */
    assert_int_equal(conf->timeout[SMTP_STAGE_END], 0);
}

static void a_list_is_taken_whole_from_one_place(void **state)
{
    queue_destination_conf_t *base = queue_conf_create_dir(*state, NULL);
    queue_destination_conf_t *add = queue_conf_create_dir(*state, NULL);
    queue_destination_conf_t *conf;

    base->routes = apr_array_make(*state, 1, sizeof(queue_route_t));
    base->sources = apr_array_make(*state, 1, sizeof(queue_source_t));
    apr_array_push((apr_array_header_t *)base->sources);
    base->tls = SMTP_TLS_VERIFY;
    base->tls_names = apr_array_make(*state, 1, sizeof(const char *));
    conf = destination_merge(*state, base, add);
    assert_ptr_equal(conf->routes, base->routes);
    assert_ptr_equal(conf->sources, base->sources);
    assert_ptr_equal(conf->tls_names, base->tls_names);
    add->routes = apr_array_make(*state, 1, sizeof(queue_route_t));
    /* SMTPSource any. */
    add->sources = apr_array_make(*state, 1, sizeof(queue_source_t));
    add->tls = SMTP_TLS_ENCRYPT;
    conf = destination_merge(*state, base, add);
    assert_ptr_equal(conf->routes, add->routes);
    assert_null(conf->sources);
    assert_null(conf->tls_names);
}

static void a_virtual_host_inherits_and_overrides(void **state)
{
    queue_server_conf_t *base = conf_create(*state);
    queue_server_conf_t *add = conf_create(*state);
    queue_vhost_t *vhost;

    base->vhost.retry.expire = 7;
    base->vhost.priority = QUEUE_PRIORITY_BULK;
    base->vhost.verp = "+=";
    base->vhost.dsn_copy = "copy@example.com";
    base->vhost.dsn_max_octets = 9;
    base->vhost.tls_report = 1;
    vhost = vhost_merge(*state, base, add);
    assert_int_equal(vhost->retry.expire, 7);
    assert_int_equal(vhost->priority, QUEUE_PRIORITY_BULK);
    assert_string_equal(vhost->verp, "+=");
    assert_string_equal(vhost->dsn_copy, "copy@example.com");
    assert_int_equal(vhost->dsn_max_octets, 9);
    assert_int_equal(vhost->tls_report, 1);
    /* SMTPVERP off, SMTPDSNCopy none, and so on. */
    add->vhost.verp = add->vhost.dsn_copy = "";
    add->vhost.dsn_max_octets = 0;
    add->vhost.tls_report = 0;
    add->vhost.retry.warn = 0;
    vhost = vhost_merge(*state, base, add);
    assert_null(vhost->verp);
    assert_null(vhost->dsn_copy);
    assert_int_equal(vhost->dsn_max_octets, 0);
    assert_int_equal(vhost->tls_report, 0);
    assert_int_equal(vhost->retry.warn, 0);
}

/* Else "SMTPPriority bulk" of a virtual host would follow rules that stand
 * elsewhere. */
static void priorities_are_taken_whole_from_one_place(void **state)
{
    queue_server_conf_t *base = conf_create(*state);
    queue_server_conf_t *add = conf_create(*state);
    queue_vhost_t *vhost;

    base->vhost.priorities =
        apr_array_make(*state, 1, sizeof(queue_priority_rule_t));
    base->vhost.priority = QUEUE_PRIORITY_URGENT;
    vhost = vhost_merge(*state, base, add);
    assert_ptr_equal(vhost->priorities, base->vhost.priorities);
    add->vhost.priority = QUEUE_PRIORITY_BULK;
    vhost = vhost_merge(*state, base, add);
    assert_null(vhost->priorities);
    assert_int_equal(vhost->priority, QUEUE_PRIORITY_BULK);
}

static void texts_of_dsns_are_inherited_one_by_one(void **state)
{
    queue_server_conf_t *base = conf_create(*state);
    queue_server_conf_t *add = conf_create(*state);
    apr_hash_t *texts;

    base->vhost.dsn_templates = apr_hash_make(*state);
    apr_hash_set(base->vhost.dsn_templates, "failed", APR_HASH_KEY_STRING,
                 "theirs");
    apr_hash_set(base->vhost.dsn_templates, "delayed", APR_HASH_KEY_STRING,
                 "theirs");
    add->vhost.dsn_templates = apr_hash_make(*state);
    apr_hash_set(add->vhost.dsn_templates, "failed", APR_HASH_KEY_STRING,
                 "mine");
    texts = vhost_merge(*state, base, add)->dsn_templates;
    assert_string_equal(apr_hash_get(texts, "failed", APR_HASH_KEY_STRING),
                        "mine");
    assert_string_equal(apr_hash_get(texts, "delayed", APR_HASH_KEY_STRING),
                        "theirs");
}

static void sections_of_the_main_server_come_first(void **state)
{
    queue_server_conf_t *base = conf_create(*state);
    queue_server_conf_t *add = conf_create(*state), *conf;

    stub_section(*state, base->sections, "a.example");
    stub_section(*state, add->sections, "b.example");
    conf = queue_conf_merge_server(*state, base, add);
    assert_int_equal(conf->sections->nelts, 2);
    assert_ptr_equal(APR_ARRAY_IDX(conf->sections, 0, queue_section_t *),
                     APR_ARRAY_IDX(base->sections, 0, queue_section_t *));
}

static void names_of_sections_have_one_form(void **state)
{
    static const struct {
        const char *name;
        const char *key;
    } rows[] = {
        { "*", "*" }, { "Example.COM", "example.com" },
        { ".Example.COM", ".example.com" },
        { "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
        { "[192.0.2.1]", "[192.0.2.1]" },
        { "[IPv6:2001:DB8:0::1]", "[ipv6:2001:db8::1]" },
        { "*.example.com", NULL }, { ".", NULL }, { "", NULL },
        { "..a", NULL }, { ".[192.0.2.1]", NULL }, { "a b", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *key = queue_conf_section_key(*state, rows[i].name);

        UNIT_CHECK(rows[i].name, rows[i].key == NULL
                                 ? key == NULL
                                 : key && strcmp(key, rows[i].key) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_number_has_its_default),
        UNIT_TEST(every_time_has_its_default),
        UNIT_TEST(what_nothing_is_said_of_is_safe),
        UNIT_TEST(the_more_specific_counts_for_each_number),
        UNIT_TEST(the_more_specific_counts_for_each_time),
        UNIT_TEST(stages_without_a_word_follow_another),
        UNIT_TEST(a_list_is_taken_whole_from_one_place),
        UNIT_TEST(a_virtual_host_inherits_and_overrides),
        UNIT_TEST(priorities_are_taken_whole_from_one_place),
        UNIT_TEST(texts_of_dsns_are_inherited_one_by_one),
        UNIT_TEST(sections_of_the_main_server_come_first),
        UNIT_TEST(names_of_sections_have_one_form)
    };

    return UNIT_RUN(tests);
}
