/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "httpd_stub.h"
#include "smtpd_domain.h"

/** A virtual host while its configuration is made. */
typedef struct host_t {
    apr_pool_t *p;
    server_rec *s;
    smtpd_conf_t *conf;
} host_t;

static host_t host_create(apr_pool_t *p)
{
    host_t host = { p, stub_server(p), NULL };

    host.conf = smtpd_conf_create_server(p, host.s);
    ((void **)host.s->module_config)[0] = host.conf;
    smtpd_conf_complete_server(host.conf);
    return host;
}

/** Adds a section for @a name (or two) whose catch-all is @a mark. */
static smtpd_domain_conf_t *section_add(host_t *host, const char *name,
                                        const char *other, const char *mark)
{
    smtpd_section_t *section = apr_pcalloc(host->p, sizeof(*section));
    smtpd_domain_conf_t *conf = smtpd_conf_create_dir(host->p, NULL);
    void **vector = apr_pcalloc(host->p, sizeof(void *));

    conf->catch_all = mark;
    vector[0] = conf;
    section->names = apr_array_make(host->p, 1, sizeof(char *));
    APR_ARRAY_PUSH(section->names, const char *) = name;
    if (other != NULL) {
        APR_ARRAY_PUSH(section->names, const char *) = other;
    }
    section->dir_conf = (ap_conf_vector_t *)vector;
    section->file = "httpd.conf";
    APR_ARRAY_PUSH(host->conf->sections, smtpd_section_t *) = section;
    assert_null(smtpd_domain_names_fault(host->p, section));
    return conf;
}

static void build(host_t *host)
{
    assert_null(smtpd_domain_build(host->p, host->p, host->s, host->conf));
}

/** The mark of the section that decides for @a name; NULL: not local. */
static const char *mark_of(const host_t *host, const char *name)
{
    const smtpd_domain_t *domain = smtpd_domain_find(host->conf, name);

    return domain == NULL ? NULL : domain->conf->catch_all;
}

static void assert_mark(const host_t *host, const char *name,
                        const char *mark)
{
    const char *found = mark_of(host, name);

    if (mark == NULL) {
        UNIT_CHECK(name, found == NULL);
        return;
    }
    UNIT_CHECK(name, found != NULL);
    UNIT_CHECK(name, strcmp(found, mark) == 0);
}

static const struct {
    const char *name;
    const char *mark;
} found[] = {
    { "example.com", "exact" },
    { "a.example.com", "sub" },
    { "b.a.example.com", "sub" },
    { "x.deep.example.com", "deep" },
    { "y.x.deep.example.com", "deep" },
    { "deep.example.com", "sub" },
    { "www.example.com", "exact-www" },
    { "mx.example.com", "sub" },       /* ServerName, but .example.com beats * */
    { "alias.test", "star" },
    { "any.wild.test", "star" },
    { "wild.test", NULL },
    { "example.org", NULL },
    { "notexample.com", NULL },
    { "com", NULL },
    { "xn--bcher-kva.example", "u-label" },
    { "[192.0.2.1]", "literal" },
    { "[192.0.2.2]", NULL }
};

static void the_most_specific_section_decides(void **state)
{
    host_t host = host_create(*state);
    size_t i;

    APR_ARRAY_PUSH(host.s->names, const char *) = "Alias.TEST";
    APR_ARRAY_PUSH(host.s->wild_names, const char *) = "*.Wild.test";
    /* Written in the order in which they would decide wrongly. */
    section_add(&host, "www.example.com", NULL, "exact-www");
    section_add(&host, "EXAMPLE.com", NULL, "exact");
    section_add(&host, ".deep.example.com", NULL, "deep");
    section_add(&host, ".Example.Com", NULL, "sub");
    section_add(&host, "*", NULL, "star");
    section_add(&host, "b\xC3\xBC" "cher.example", "[192.000.002.001]",
                "u-label");
    section_add(&host, "[192.0.2.1]", NULL, "literal");
    build(&host);
    for (i = 0; i < UNIT_ROWS(found); i++) {
        assert_mark(&host, found[i].name, found[i].mark);
    }
}

static void the_same_name_twice_merges_in_order(void **state)
{
    host_t host = host_create(*state);
    smtpd_domain_conf_t *first = section_add(&host, "example.com", NULL,
                                             "first");

    first->delimiter = "+";
    section_add(&host, "example.com", NULL, "second");
    build(&host);
    assert_mark(&host, "example.com", "second");
    assert_string_equal(smtpd_domain_find(host.conf, "example.com")
                        ->conf->delimiter, "+");
}

static void a_host_name_is_local_only_where_a_section_says_so(void **state)
{
    host_t host = host_create(*state);

    section_add(&host, "example.org", NULL, "exact");
    build(&host);
    assert_mark(&host, "mx.example.com", NULL);
}

static void a_section_without_directives_accepts_nobody_but_postmaster(
    void **state)
{
    host_t host = host_create(*state);
    const smtpd_domain_t *domain;

    section_add(&host, "example.com", NULL, NULL);
    build(&host);
    domain = smtpd_domain_find(host.conf, "example.com");
    assert_non_null(domain);
    assert_int_equal(domain->conf->recipients_any, 0);
    assert_null(domain->conf->recipients);
    assert_string_equal(domain->conf->method, "maildir");
    assert_string_equal(domain->conf->delimiter, "");
    assert_ptr_equal(domain->s, host.s);
}

static const struct {
    const char *section;
    const char *primary;
} primaries[] = {
    { "*", "mx.example.com" },
    { ".example.com", "mx.example.com" },
    { "mx.example.com", "mx.example.com" },
    { "example.org", "example.org" },
    { ".example.org", NULL }
};

/* RFC 5321 4.5.1: <Postmaster> has a mailbox. */
static void postmaster_without_domain_has_a_domain(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(primaries); i++) {
        host_t host = host_create(*state);

        section_add(&host, primaries[i].section, NULL, NULL);
        build(&host);
        if (primaries[i].primary == NULL) {
            UNIT_CHECK(primaries[i].section, host.conf->primary == NULL);
            continue;
        }
        UNIT_CHECK(primaries[i].section, host.conf->primary != NULL);
        assert_string_equal(host.conf->primary->name, primaries[i].primary);
        assert_false(host.conf->primary->is_pattern);
    }
}

static void the_first_of_several_domains_is_primary(void **state)
{
    host_t host = host_create(*state);

    section_add(&host, ".example.net", "example.org", NULL);
    section_add(&host, "example.net", NULL, NULL);
    build(&host);
    assert_string_equal(host.conf->primary->name, "example.org");
}

static void a_wildcard_of_all_takes_no_address_literal(void **state)
{
    host_t host = host_create(*state);

    APR_ARRAY_PUSH(host.s->wild_names, const char *) = "*";
    section_add(&host, "*", NULL, "star");
    build(&host);
    assert_mark(&host, "example.org", "star");
    assert_mark(&host, "[192.0.2.1]", NULL);
}

static void a_host_without_a_name_cannot_be_named_by_a_star(void **state)
{
    host_t host = host_create(*state);
    const char *fault;

    host.s->server_hostname = (char *)"no_domain";
    section_add(&host, "*", NULL, NULL);
    fault = smtpd_domain_build(host.p, host.p, host.s, host.conf);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "ServerName"));
    assert_non_null(strstr(fault, "no_domain"));
}

static const char *const wrong_names[] = {
    "", ".", "..", "*.example.com", "a_b.example", "example.com.",
    "user@example.com", ".[192.0.2.1]", "[300.0.2.1]", "**"
};

static void a_section_name_that_matches_nothing_is_refused(void **state)
{
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(wrong_names); i++) {
        smtpd_section_t section = { 0 };
        const char *fault;

        section.names = apr_array_make(p, 1, sizeof(char *));
        APR_ARRAY_PUSH(section.names, const char *) = wrong_names[i];
        fault = smtpd_domain_names_fault(p, &section);
        UNIT_CHECK(wrong_names[i], fault != NULL);
        UNIT_CHECK(fault, strstr(fault, "<SMTPDomain") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_most_specific_section_decides),
        UNIT_TEST(the_same_name_twice_merges_in_order),
        UNIT_TEST(a_host_name_is_local_only_where_a_section_says_so),
        UNIT_TEST(
            a_section_without_directives_accepts_nobody_but_postmaster),
        UNIT_TEST(postmaster_without_domain_has_a_domain),
        UNIT_TEST(the_first_of_several_domains_is_primary),
        UNIT_TEST(a_wildcard_of_all_takes_no_address_literal),
        UNIT_TEST(a_host_without_a_name_cannot_be_named_by_a_star),
        UNIT_TEST(a_section_name_that_matches_nothing_is_refused)
    };

    return UNIT_RUN(tests);
}
