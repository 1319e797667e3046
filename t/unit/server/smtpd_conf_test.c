/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "httpd_stub.h"
#include "smtpd_conf.h"
#include "smtpd_conf_directive.h"

static smtpd_conf_t *conf_create(apr_pool_t *p)
{
    return smtpd_conf_create_server(p, NULL);
}

static smtpd_conf_t *conf_merge(apr_pool_t *p, smtpd_conf_t *base,
                                smtpd_conf_t *add)
{
    smtpd_conf_t *conf = smtpd_conf_merge_server(p, base, add);

    smtpd_conf_complete_server(conf);
    return conf;
}

static int *number_at(smtpd_conf_t *conf, const smtpd_conf_number_t *number)
{
    return (int *)((char *)conf + number->offset);
}

static void every_number_has_its_default(void **state)
{
    smtpd_conf_t *conf = conf_merge(*state, conf_create(*state),
                                    conf_create(*state));
    const smtpd_conf_number_t *number;

    assert_int_equal(conf->engine, 0);
    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        UNIT_CHECK(number->directive,
                   *number_at(conf, number) == number->fallback);
        UNIT_CHECK(number->directive, number->fallback >= 0);
    }
    assert_int_equal(conf->bare_lf, SMTPD_BARE_LF_REJECT);
    assert_int_equal(conf->max_message_octets, 50 * 1024 * 1024);
    assert_int_equal(conf->timeout_command, apr_time_from_sec(300));
}

static void a_virtual_host_inherits_and_overrides_each_number(void **state)
{
    const smtpd_conf_number_t *number;

    for (number = smtpd_conf_numbers; number->directive != NULL; number++) {
        smtpd_conf_t *base = conf_create(*state), *add = conf_create(*state);

        *number_at(base, number) = 7;
        UNIT_CHECK(number->directive,
                   *number_at(conf_merge(*state, base, add), number) == 7);
        *number_at(add, number) = 0;
        UNIT_CHECK(number->directive,
                   *number_at(conf_merge(*state, base, add), number) == 0);
    }
}

static void no_limit_of_a_virtual_host_is_not_taken_for_unset(void **state)
{
    smtpd_conf_t *base = conf_create(*state), *add = conf_create(*state);

    base->max_message_octets = 1000;
    add->max_message_octets = 0;
    assert_int_equal(conf_merge(*state, base, add)->max_message_octets, 0);
}

static void the_engine_is_not_inherited(void **state)
{
    smtpd_conf_t *base = conf_create(*state);

    base->engine = 1;
    assert_int_equal(conf_merge(*state, base, conf_create(*state))->engine,
                     0);
}

static void extensions_are_inherited_one_by_one(void **state)
{
    smtpd_conf_t *base = conf_create(*state), *add = conf_create(*state);
    smtp_extension_set_t on;

    base->extensions_set = base->extensions_off = SMTP_EXTENSION_DSN
                                                  | SMTP_EXTENSION_SIZE;
    add->extensions_set = SMTP_EXTENSION_SIZE | SMTP_EXTENSION_LIMITS;
    add->extensions_off = SMTP_EXTENSION_LIMITS;
    on = smtpd_conf_extensions(conf_merge(*state, base, add));
    assert_int_equal(on, SMTPD_CONF_EXTENSIONS & ~(SMTP_EXTENSION_DSN
                                                   | SMTP_EXTENSION_LIMITS));
}

/* RFC 5321 3.5.2: who expands lists must say so. */
static void what_is_disclosed_is_announced(void **state)
{
    smtpd_conf_t *conf = conf_merge(*state, conf_create(*state),
                                    conf_create(*state));

    assert_false(smtpd_conf_extensions(conf) & SMTP_EXTENSION_EXPN);
    assert_false(smtpd_conf_extensions(conf) & SMTP_EXTENSION_VRFY);
    conf->disclose = SMTPD_DISCLOSE_EXPN;
    assert_true(smtpd_conf_extensions(conf) & SMTP_EXTENSION_EXPN);
    assert_false(smtpd_conf_extensions(conf) & SMTP_EXTENSION_VRFY);
}

/* RFC 3030 2: BINARYMIME goes by BDAT. */
static void binarymime_is_not_announced_without_chunking(void **state)
{
    smtpd_conf_t *conf = conf_merge(*state, conf_create(*state),
                                    conf_create(*state));

    conf->extensions_off = SMTP_EXTENSION_CHUNKING;
    assert_false(smtpd_conf_extensions(conf) & SMTP_EXTENSION_BINARYMIME);
}

static void sections_of_the_main_server_come_first(void **state)
{
    smtpd_conf_t *base = conf_create(*state), *add = conf_create(*state);
    smtpd_section_t section[2];
    smtpd_conf_t *conf;

    APR_ARRAY_PUSH(base->sections, smtpd_section_t *) = &section[0];
    APR_ARRAY_PUSH(add->sections, smtpd_section_t *) = &section[1];
    conf = conf_merge(*state, base, add);
    assert_int_equal(conf->sections->nelts, 2);
    assert_ptr_equal(APR_ARRAY_IDX(conf->sections, 0, smtpd_section_t *),
                     &section[0]);
    assert_int_equal(base->sections->nelts, 1);
}

static void who_may_connect_is_inherited(void **state)
{
    smtpd_conf_t *base = conf_create(*state), *add = conf_create(*state);
    ap_conf_vector_t *mine = apr_pcalloc(*state, 8);
    ap_conf_vector_t *theirs = apr_pcalloc(*state, 8);
    ap_conf_vector_t *merged;

    base->connect_section = mine;
    assert_ptr_equal(conf_merge(*state, base, add)->connect_section, mine);
    add->connect_section = theirs;
    merged = conf_merge(*state, base, add)->connect_section;
    assert_ptr_not_equal(merged, mine);
    assert_ptr_not_equal(merged, theirs);
    base->connect_section = NULL;
    assert_ptr_equal(conf_merge(*state, base, add)->connect_section, theirs);
}

static apr_array_header_t *maps(apr_pool_t *p, smtpd_map_t *a,
                                smtpd_map_t *b)
{
    apr_array_header_t *array = apr_array_make(p, 2, sizeof(a));

    APR_ARRAY_PUSH(array, smtpd_map_t *) = a;
    if (b != NULL) {
        APR_ARRAY_PUSH(array, smtpd_map_t *) = b;
    }
    return array;
}

static void who_exists_is_replaced_and_aliases_add_up(void **state)
{
    smtpd_map_t map[3];
    smtpd_domain_conf_t *base = smtpd_conf_create_dir(*state, NULL);
    smtpd_domain_conf_t *add = smtpd_conf_create_dir(*state, NULL);
    smtpd_domain_conf_t *conf;

    base->recipients_any = 1;
    base->recipients = maps(*state, &map[0], NULL);
    base->aliases = maps(*state, &map[0], &map[1]);
    base->catch_all = "bob";
    base->method = "maildir";
    add->aliases = maps(*state, &map[2], &map[1]);
    conf = smtpd_conf_merge_dir(*state, base, add);
    assert_int_equal(conf->recipients_any, 1);
    assert_ptr_equal(conf->recipients, base->recipients);
    assert_string_equal(conf->catch_all, "bob");
    assert_int_equal(conf->aliases->nelts, 3);
    assert_ptr_equal(APR_ARRAY_IDX(conf->aliases, 0, smtpd_map_t *),
                     &map[2]);
    assert_ptr_equal(APR_ARRAY_IDX(conf->aliases, 2, smtpd_map_t *),
                     &map[0]);

    add->recipients_any = 0;
    conf = smtpd_conf_merge_dir(*state, base, add);
    assert_int_equal(conf->recipients_any, 0);
    assert_null(conf->recipients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_number_has_its_default),
        UNIT_TEST(a_virtual_host_inherits_and_overrides_each_number),
        UNIT_TEST(no_limit_of_a_virtual_host_is_not_taken_for_unset),
        UNIT_TEST(the_engine_is_not_inherited),
        UNIT_TEST(extensions_are_inherited_one_by_one),
        UNIT_TEST(what_is_disclosed_is_announced),
        UNIT_TEST(binarymime_is_not_announced_without_chunking),
        UNIT_TEST(sections_of_the_main_server_come_first),
        UNIT_TEST(who_may_connect_is_inherited),
        UNIT_TEST(who_exists_is_replaced_and_aliases_add_up)
    };

    return UNIT_RUN(tests);
}
