/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From recipients to mailboxes, by tables: who lives where, who is asked for,
 * who gets the mail. */
#include "unit.h"

#include "httpd_stub.h"
#include "smtpd_domain.h"
#include "smtpd_lookup.h"
#include "smtpd_lookup_table.h"
#include "smtp_queue.h"

#define OWN_IP "192.0.2.25"

/** A site: example.com in full, example.net with everybody, .example.org. */
typedef struct site_t {
    apr_pool_t *p;
    smtpd_conf_t *conf;
    request_rec *r;
    smtpd_domain_conf_t *com;
    apr_hash_t *recipients;      /**< of example.com */
    apr_hash_t *aliases;
} site_t;

static smtpd_map_t *map_create(apr_pool_t *p, const smtp_lookup_t *lookup,
                               void *table)
{
    smtpd_map_t *map = apr_pcalloc(p, sizeof(*map));

    map->where = "test map";
    map->lookup = lookup;
    map->map = table;
    return map;
}

static apr_array_header_t *maps_create(apr_pool_t *p, smtpd_map_t *map)
{
    apr_array_header_t *maps = apr_array_make(p, 1, sizeof(map));

    APR_ARRAY_PUSH(maps, smtpd_map_t *) = map;
    return maps;
}

static smtpd_domain_conf_t *section_add(apr_pool_t *p, smtpd_conf_t *conf,
                                        const char *name)
{
    smtpd_section_t *section = apr_pcalloc(p, sizeof(*section));
    void **vector = apr_pcalloc(p, sizeof(void *));

    vector[0] = smtpd_conf_create_dir(p, NULL);
    section->names = apr_array_make(p, 1, sizeof(char *));
    APR_ARRAY_PUSH(section->names, const char *) = name;
    section->dir_conf = (ap_conf_vector_t *)vector;
    APR_ARRAY_PUSH(conf->sections, smtpd_section_t *) = section;
    return vector[0];
}

static site_t site_create(apr_pool_t *p)
{
    site_t site = { p, NULL, NULL, NULL, apr_hash_make(p),
                    apr_hash_make(p) };
    server_rec *s = stub_server(p);

    site.conf = smtpd_conf_create_server(p, s);
    ((void **)s->module_config)[0] = site.conf;
    site.r = stub_request(p, s, OWN_IP);
    site.com = section_add(p, site.conf, "example.com");
    site.com->recipients_any = 0;
    site.com->recipients = maps_create(p, map_create(p, &smtpd_lookup_list,
                                                     site.recipients));
    site.com->aliases = maps_create(p, map_create(p, &smtpd_lookup_list,
                                                  site.aliases));
    site.com->delimiter = "+-";
    section_add(p, site.conf, "example.net")->recipients_any = 1;
    section_add(p, site.conf, ".example.org")->recipients_any = 1;
    return site;
}

static void site_build(site_t *site)
{
    assert_null(smtpd_domain_build(site->p, site->p, site->r->server,
                                   site->conf));
}

static void names_add(apr_pool_t *p, apr_hash_t *table,
                      const char *const *names)
{
    for (; names[0] != NULL; names += 2) {
        assert_null(smtpd_lookup_table_add(p, table, names[0], names[1]));
    }
}

static smtp_address_t *address(apr_pool_t *p, const char *text)
{
    smtp_address_t *a = apr_pcalloc(p, sizeof(*a));

    assert_int_equal(smtp_address_parse(p, text, strlen(text),
                                        SMTP_ADDRESS_ALLOW_BARE
                                        | SMTP_ADDRESS_ALLOW_UTF8, a),
                     SMTP_ADDRESS_OK);
    return a;
}

static const char *const outcomes[] = {
    [SMTPD_ROUTE_OK] = "ok", [SMTPD_ROUTE_NOT_LOCAL] = "not local",
    [SMTPD_ROUTE_UNKNOWN] = "unknown", [SMTPD_ROUTE_AMBIGUOUS] = "ambiguous",
    [SMTPD_ROUTE_FAILED] = "failed", [SMTPD_ROUTE_ROUTING] = "routing"
};

/** Mailboxes as "name@domain|extension name@domain", addresses elsewhere as
 *  "to:name@domain", or the outcome. */
static const char *route(const site_t *site, const char *recipient)
{
    apr_array_header_t *mailboxes;
    const char *text = "";
    smtpd_route_e rv = smtpd_domain_route(site->r, site->conf,
                                          address(site->p, recipient),
                                          &mailboxes);
    int i;

    if (rv != SMTPD_ROUTE_OK) {
        assert_null(mailboxes);
        return outcomes[rv];
    }
    assert_true(mailboxes->nelts > 0);
    for (i = 0; i < mailboxes->nelts; i++) {
        const smtp_mailbox_t *box = APR_ARRAY_IDX(mailboxes, i,
                                                  smtp_mailbox_t *);

        if (strcmp(box->method, SMTP_MAILBOX_FORWARD) == 0) {
            text = apr_pstrcat(site->p, text, i > 0 ? " " : "", "to:",
                               box->delivered_to, NULL);
            continue;
        }
        assert_string_equal(box->method, "maildir");
        text = apr_pstrcat(site->p, text, i > 0 ? " " : "", box->name, "@",
                           box->domain, box->extension ? "|" : "",
                           box->extension, NULL);
    }
    return text;
}

typedef struct row_t {
    const char *recipient;
    const char *outcome;
} row_t;

static void rows_check(const site_t *site, const row_t *rows, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const char *outcome = route(site, rows[i].recipient);

        if (strcmp(outcome, rows[i].outcome) != 0) {
            fail_msg("%s: \"%s\", not \"%s\" (%s)", rows[i].recipient,
                     outcome, rows[i].outcome, stub_log);
        }
    }
}

static const char *const residents[] = {
    "bob", "", "carol", "", "a-b", "", "dave@example.com", "",
    "eve@example.net", "", "\"x y\"", "", "fred", "carol",
    "50%", "", "\"own@name\"", "", NULL
};

static const char *const aliases[] = {
    "info", "bob, carol",
    "sales@example.com", "carol@example.net bob",
    "support@example.org", "bob",
    "team", "info, sales, carol@EXAMPLE.com",
    "carol", "carol, bob",
    "tagged", "bob+tag",
    "self", "self+inbox, bob",
    "chain", "info",
    "patterned", "x@a.example.org",
    NULL
};

static const row_t resident_rows[] = {
    { "bob@example.com", "bob@example.com" },
    { "BOB@Example.COM", "bob@example.com" },
    { "\"bob\"@example.com", "bob@example.com" },
    { "\"x y\"@example.com", "x y@example.com" },
    { "dave@example.com", "dave@example.com" },
    { "eve@example.com", "unknown" },
    { "nobody@example.com", "unknown" },
    { "\"\"@example.com", "unknown" },
    { "bob@example.or", "not local" },
    { "bob@com", "not local" },
    { "bob@[192.0.2.25]", "not local" },
    /* An entry of another domain, as a local-part. */
    { "\"eve@example.net\"@example.com", "routing" },
    { "\"dave@example.com\"@example.com", "routing" },
    /* What would be sent on (RFC 1123 5.2.16), unless a map names it. */
    { "bob%example.edu@example.com", "routing" },
    { "example.edu!bob@example.com", "routing" },
    { "bob%@example.com", "routing" },
    { "x%example.edu@example.net", "routing" },
    { "example.edu!x@example.net", "routing" },
    { "\"x@example.edu\"@example.net", "routing" },
    { "x+y%example.edu@example.net", "routing" },
    { "50%@example.com", "50%@example.com" },
    { "\"own@name\"@example.com", "own@name@example.com" },
    { "50%+x@example.com", "routing" },
    { "fred@example.com", "carol@example.com bob@example.com" },
    /* any */
    { "x@example.net", "x@example.net" },
    { "x+y@example.net", "x+y@example.net" },
    { "\"\"@example.net", "unknown" },
    /* subdomains have mailboxes of their own */
    { "x@a.example.org", "x@a.example.org" },
    { "x@B.a.example.org", "x@b.a.example.org" },
    { "x@example.org", "not local" }
};

static const row_t alias_rows[] = {
    { "info@example.com", "bob@example.com carol@example.com" },
    { "INFO@example.com", "bob@example.com carol@example.com" },
    { "sales@example.com", "carol@example.net bob@example.com" },
    { "support@example.com", "unknown" },
    /* nobody twice, however many ways lead to him */
    { "team@example.com",
      "bob@example.com carol@example.com carol@example.net" },
    /* an alias of one's own name keeps the mailbox */
    { "carol@example.com", "carol@example.com bob@example.com" },
    { "self@example.com", "self@example.com|inbox bob@example.com" },
    { "chain@example.com", "bob@example.com carol@example.com" },
    { "patterned@example.com", "x@a.example.org" }
};

static const row_t extension_rows[] = {
    { "bob+news@example.com", "bob@example.com|news" },
    { "bob-news@example.com", "bob@example.com|news" },
    { "bob+@example.com", "bob@example.com|" },
    { "Bob+News@example.com", "bob@example.com|News" },
    { "bob+a+b@example.com", "bob@example.com|a+b" },
    { "a-b@example.com", "a-b@example.com" },
    { "a-b+c@example.com", "unknown" },
    { "+bob@example.com", "unknown" },
    { "+@example.com", "unknown" },
    { "info+x@example.com", "bob@example.com|x carol@example.com|x" },
    { "tagged@example.com", "bob@example.com|tag" },
    { "tagged+y@example.com", "bob@example.com|tag" },
    { "postmaster+x@example.com", "postmaster@example.com|x" }
};

static void who_lives_here_gets_mail_and_nobody_else(void **state)
{
    site_t site = site_create(*state);

    names_add(site.p, site.recipients, residents);
    names_add(site.p, site.aliases, aliases);
    site_build(&site);
    assert_null(smtpd_domain_check(site.p, site.conf));
    rows_check(&site, resident_rows, UNIT_ROWS(resident_rows));
    rows_check(&site, alias_rows, UNIT_ROWS(alias_rows));
    rows_check(&site, extension_rows, UNIT_ROWS(extension_rows));
    assert_int_equal(stub_log_errors, 0);
}

static const row_t postmaster_rows[] = {
    { "Postmaster", "postmaster@example.com" },
    { "POSTMASTER", "postmaster@example.com" },
    { "postmaster@example.com", "postmaster@example.com" },
    { "PostMaster@example.net", "postmaster@example.net" },
    { "postmaster@a.example.org", "postmaster@a.example.org" },
    { "postmaster@[" OWN_IP "]", "postmaster@example.com" },
    { "postmaster@[192.0.2.26]", "not local" },
    { "postmaster@[IPv6:2001:db8::1]", "not local" },
    { "postmaster@example.edu", "not local" },
    { "bob@[" OWN_IP "]", "not local" }
};

/* RFC 5321 4.5.1, 4.1.3 */
static void mail_to_the_postmaster_is_never_lost(void **state)
{
    site_t site = site_create(*state);

    site_build(&site);
    rows_check(&site, postmaster_rows, UNIT_ROWS(postmaster_rows));
}

static void postmaster_at_an_ipv6_literal_of_ours_is_taken(void **state)
{
    site_t site = site_create(*state);

    site_build(&site);
    site.r->connection->local_ip = (char *)"2001:db8::25%eth0";
    assert_string_equal(route(&site, "postmaster@[IPv6:2001:DB8:0::25]"),
                        "postmaster@example.com");
    assert_string_equal(route(&site, "postmaster@[" OWN_IP "]"),
                        "not local");
}

static void postmaster_goes_where_the_administrator_says(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    site_t site = site_create(*state);

    names_add(site.p, site.recipients, names);
    site.com->postmaster = "bob";
    site_build(&site);
    assert_string_equal(route(&site, "Postmaster"), "bob@example.com");
    assert_string_equal(route(&site, "postmaster+x@example.com"),
                        "bob@example.com|x");
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "postmaster",
                                       "root@example.net"));
    assert_string_equal(route(&site, "Postmaster"), "root@example.net");
}

static void catch_all_takes_what_nobody_else_does(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    site_t site = site_create(*state);

    names_add(site.p, site.recipients, names);
    site.com->catch_all = "box@example.net";
    site_build(&site);
    assert_null(smtpd_domain_check(site.p, site.conf));
    assert_string_equal(route(&site, "bob@example.com"), "bob@example.com");
    assert_string_equal(route(&site, "x@example.com"), "box@example.net");
    assert_string_equal(route(&site, "x+y@example.com"),
                        "box@example.net|y");
    assert_string_equal(route(&site, "postmaster@example.com"),
                        "postmaster@example.com");
    assert_string_equal(route(&site, "\"\"@example.com"), "unknown");
    assert_string_equal(route(&site, "x%example.edu@example.com"), "routing");
}

/** Aliases that are wrong: what is told at start, and the client at RCPT. */
static const struct {
    const char *name;
    const char *targets;
    const char *fault;
} wrong_aliases[] = {
    { "out", "bob@example.edu", "\"bob@example.edu\", whose domain is not "
                                "local here, and no module sends mail on; "
                                "add LoadModule smtp_queue_module" },
    { "lit", "bob@[192.0.2.25]", "not local" },
    { "typo", "bbo", "\"bbo\", who does not exist" },
    { "half", "bob, bbo", "who does not exist" },
    { "loop1", "loop2", "back to itself" },
    { "deep0", "deep1", "more than 10 aliases" }
};

static const char *const helpers[] = {
    "loop2", "loop3", "loop3", "loop1",
    "deep1", "deep2", "deep2", "deep3", "deep3", "deep4", "deep4", "deep5",
    "deep5", "deep6", "deep6", "deep7", "deep7", "deep8", "deep8", "deep9",
    "deep9", "deep10", "deep10", "bob", NULL
};

static void an_alias_that_leads_nowhere_refuses_the_start(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    size_t i;

    for (i = 0; i < UNIT_ROWS(wrong_aliases); i++) {
        site_t site = site_create(*state);
        const char *fault;

        names_add(site.p, site.recipients, names);
        if (wrong_aliases[i].name[0] == 'l'
            || wrong_aliases[i].name[0] == 'd') {
            names_add(site.p, site.aliases, helpers);
        }
        assert_null(smtpd_lookup_table_add(site.p, site.aliases,
                                           wrong_aliases[i].name,
                                           wrong_aliases[i].targets));
        site_build(&site);
        fault = smtpd_domain_check(site.p, site.conf);
        UNIT_CHECK(wrong_aliases[i].name, fault != NULL);
        UNIT_CHECK(fault, strstr(fault, "test map") != NULL);
        UNIT_CHECK(fault, strstr(fault, "example.com") != NULL);
        /* At run time (a file that changed, a database): deferred, logged. */
        assert_string_equal(route(&site, apr_pstrcat(site.p,
                                             wrong_aliases[i].name,
                                             "@example.com", NULL)),
                            "ambiguous");
        assert_int_equal(stub_log_errors, 1);
        UNIT_CHECK(stub_log, strstr(stub_log, "SM1131") != NULL);
        UNIT_CHECK(stub_log, strstr(stub_log, wrong_aliases[i].fault)
                             != NULL);
    }
}

static void ten_aliases_in_a_chain_are_not_too_many(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    site_t site = site_create(*state);

    names_add(site.p, site.recipients, names);
    names_add(site.p, site.aliases, helpers + 4);
    site_build(&site);
    assert_string_equal(route(&site, "deep1@example.com"), "bob@example.com");
}

static void a_list_may_have_a_thousand_members_and_no_more(void **state)
{
    site_t site = site_create(*state);
    const char *members = "";
    int i;

    for (i = 0; i < 1000; i++) {
        members = apr_psprintf(site.p, "%s u%d@example.net", members, i);
    }
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "all",
                                       members));
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "more",
                                       apr_pstrcat(site.p, members,
                                                   " v@example.net", NULL)));
    site_build(&site);
    assert_non_null(strstr(route(&site, "all@example.com"), " u999@"));
    assert_string_equal(route(&site, "more@example.com"), "ambiguous");
    assert_non_null(strstr(stub_log, "more than 1000"));
}

/* Each level doubles: without memory of what was met it would be 2^10. */
static void aliases_that_fan_out_are_followed_once(void **state)
{
    static const char *const names[] = {
        "f0", "f1 f1+a f1-b", "f1", "f2 f2+a f2-b", "f2", "f3 f3+a f3-b",
        "f3", "f4 f4+a f4-b", "f4", "f5 f5+a f5-b", "f5", "f6 f6+a f6-b",
        "f6", "f7 f7+a f7-b", "f7", "x@example.net", NULL
    };
    site_t site = site_create(*state);

    names_add(site.p, site.aliases, names);
    site_build(&site);
    assert_string_equal(route(&site, "f0@example.com"), "x@example.net");
}

static void a_wrong_catch_all_or_postmaster_refuses_the_start(void **state)
{
    site_t site = site_create(*state);
    const char *fault;

    site.com->catch_all = "nobody";
    site_build(&site);
    fault = smtpd_domain_check(site.p, site.conf);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "SMTPCatchAll"));
    assert_non_null(strstr(fault, "\"nobody\", who does not exist"));
    assert_string_equal(route(&site, "x@example.com"), "ambiguous");

    site.com->catch_all = NULL;
    site.com->postmaster = "root@example.edu";
    site_build(&site);
    fault = smtpd_domain_check(site.p, site.conf);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "SMTPPostmaster"));
}

static apr_status_t broken_find(apr_pool_t *p, request_rec *r, void *map,
                                const char *key, const char **value)
{
    (void)p, (void)r, (void)map, (void)key;
    *value = NULL;
    return APR_EGENERAL;
}

static const smtp_lookup_t broken = { NULL, broken_find, NULL };

/* A database that is down must not turn mail away for good. */
static void a_map_that_fails_defers_and_never_refuses(void **state)
{
    site_t site = site_create(*state);

    site.com->recipients = maps_create(site.p, map_create(site.p, &broken,
                                                          NULL));
    site.com->catch_all = "x@example.net";
    site_build(&site);
    assert_null(smtpd_domain_check(site.p, site.conf));
    assert_int_equal(stub_log_errors, 0);
    assert_string_equal(route(&site, "bob@example.com"), "failed");
    assert_string_equal(route(&site, "bob+x@example.com"), "failed");
    assert_int_equal(stub_log_errors, 2);
    assert_non_null(strstr(stub_log, "SM1130"));
    /* An alias that another map knows is not kept waiting. */
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "bob",
                                       "y@example.net"));
    assert_string_equal(route(&site, "bob@example.com"), "y@example.net");
}

static apr_status_t echo_find(apr_pool_t *p, request_rec *r, void *map,
                              const char *key, const char **value)
{
    (void)p, (void)r;
    *value = strcmp(key, "evil") == 0 ? map : NULL;
    return APR_SUCCESS;
}

static const smtp_lookup_t echo = { NULL, echo_find, NULL };

/* What a database says may be wrong, and must not reach the log raw. */
static void a_value_from_a_database_is_checked_and_escaped(void **state)
{
    site_t site = site_create(*state);
    char value[] = "bob@exam\nple.com [forged] line";

    site.com->aliases = maps_create(site.p, map_create(site.p, &echo,
                                                       value));
    site_build(&site);
    assert_string_equal(route(&site, "evil@example.com"), "ambiguous");
    assert_null(strchr(stub_log, '\n'));
    assert_non_null(strstr(stub_log, "leads to"));
}

static void a_recipient_reaches_the_log_escaped(void **state)
{
    site_t site = site_create(*state);

    site.com->recipients = maps_create(site.p, map_create(site.p, &broken,
                                                          NULL));
    site_build(&site);
    assert_string_equal(route(&site, "\xC3\xBC@example.com"), "failed");
    assert_non_null(strstr(stub_log, "\\xC3\\xBC"));
}

static void expn_shows_members_and_only_of_aliases(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    site_t site = site_create(*state);
    apr_array_header_t *members;

    names_add(site.p, site.recipients, names);
    names_add(site.p, site.aliases, aliases);
    site_build(&site);
    members = smtpd_domain_expand(site.r, site.conf,
                                  address(site.p, "sales+x@example.com"));
    assert_non_null(members);
    assert_int_equal(members->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(members, 0, const char *),
                        "carol@example.net");
    assert_string_equal(APR_ARRAY_IDX(members, 1, const char *),
                        "bob@example.com");
    assert_null(smtpd_domain_expand(site.r, site.conf,
                                    address(site.p, "bob@example.com")));
    assert_null(smtpd_domain_expand(site.r, site.conf,
                                    address(site.p, "x@example.edu")));
    assert_null(smtpd_domain_expand(site.r, site.conf,
                                    address(site.p, "x@example.com")));
}

static void delivered_to_is_an_address(void **state)
{
    static const char *const names[] = { "\"x y\"", "", NULL };
    site_t site = site_create(*state);
    apr_array_header_t *boxes;

    names_add(site.p, site.recipients, names);
    site_build(&site);
    assert_int_equal(smtpd_domain_route(site.r, site.conf,
                                        address(site.p,
                                                "\"X Y+z\"@Example.com"),
                                        &boxes), SMTPD_ROUTE_OK);
    assert_string_equal(APR_ARRAY_IDX(boxes, 0, smtp_mailbox_t *)
                        ->delivered_to, "\"x y\"@example.com");
    assert_string_equal(APR_ARRAY_IDX(boxes, 0, smtp_mailbox_t *)->name,
                        "x y");
}

static int smtp_queue_takes(smtp_transaction_t *transaction,
                            smtp_recipient_t *recipient, smtp_reply_t *reply)
{
    (void)transaction, (void)recipient, (void)reply;
    return OK;
}

/** From now on there is who sends mail on. */
static void queue_load(void)
{
    if (apr_hook_global_pool == NULL) {
        assert_int_equal(apr_pool_create(&apr_hook_global_pool, NULL),
                         APR_SUCCESS);
        APR_REGISTER_OPTIONAL_FN(smtp_queue_takes);
    }
}

static const char *const forwards[] = {
    "out", "Bob@Example.EDU",
    "both", "bob, x@example.edu carol@example.net",
    "nested", "both out x@EXAMPLE.edu",
    "case", "bob@example.edu",
    "cases", "out case",
    "quoted", "\"x y\"@example.edu",
    "literal", "x@[192.0.2.26]",
    "idn", "x@b\xC3\xBC" "cher.example",
    "same", "x@xn--bcher-kva.example idn",
    "utf8", "\xC3\xBC@example.edu",
    "routed", "x%third.example@example.edu",
    "self", "self self@example.edu",
    NULL
};

static const row_t forward_rows[] = {
    { "out@example.com", "to:Bob@example.edu" },
    { "OUT@example.com", "to:Bob@example.edu" },
    { "both@example.com",
      "bob@example.com to:x@example.edu carol@example.net" },
    { "nested@example.com", "bob@example.com to:x@example.edu "
                            "carol@example.net to:Bob@example.edu" },
    /* RFC 5321 2.4: only its own server knows who is the same. */
    { "cases@example.com", "to:Bob@example.edu to:bob@example.edu" },
    { "quoted@example.com", "to:\"x y\"@example.edu" },
    { "literal@example.com", "to:x@[192.0.2.26]" },
    { "idn@example.com", "to:x@xn--bcher-kva.example" },
    { "same@example.com", "to:x@xn--bcher-kva.example" },
    { "utf8@example.com", "to:\xC3\xBC@example.edu" },
    { "routed@example.com", "to:x%third.example@example.edu" },
    { "self@example.com", "self@example.com to:self@example.edu" },
    /* An extension is the name's here, not that of the address there. */
    { "out+news@example.com", "to:Bob@example.edu" },
    { "both+n@example.com",
      "bob@example.com|n to:x@example.edu carol@example.net|n" },
    /* What the client says leads nowhere, whatever aliases there are. */
    { "bob@example.edu", "not local" },
    { "x%example.edu@example.com", "routing" }
};

static void an_alias_may_lead_elsewhere(void **state)
{
    static const char *const names[] = { "bob", "", NULL };
    site_t site = site_create(*state);

    queue_load();
    names_add(site.p, site.recipients, names);
    names_add(site.p, site.aliases, forwards);
    site_build(&site);
    assert_null(smtpd_domain_check(site.p, site.conf));
    rows_check(&site, forward_rows, UNIT_ROWS(forward_rows));
    assert_int_equal(stub_log_errors, 0);
}

static void an_address_elsewhere_is_whole(void **state)
{
    site_t site = site_create(*state);
    apr_array_header_t *boxes;
    const smtp_mailbox_t *box;

    queue_load();
    names_add(site.p, site.aliases, forwards);
    site_build(&site);
    assert_int_equal(smtpd_domain_route(site.r, site.conf,
                                        address(site.p,
                                                "quoted+x@example.com"),
                                        &boxes), SMTPD_ROUTE_OK);
    assert_int_equal(boxes->nelts, 1);
    box = APR_ARRAY_IDX(boxes, 0, smtp_mailbox_t *);
    assert_string_equal(box->domain, "example.edu");
    assert_string_equal(box->name, "x y");
    assert_null(box->extension);
    assert_null(box->argument);
}

/* RFC 5321 4.5.1: somebody reads it, be it elsewhere. */
static void postmaster_and_catch_all_may_be_elsewhere(void **state)
{
    site_t site = site_create(*state);

    queue_load();
    site.com->postmaster = "admin@example.edu";
    site.com->catch_all = "rest@example.edu";
    site_build(&site);
    assert_null(smtpd_domain_check(site.p, site.conf));
    assert_string_equal(route(&site, "Postmaster"), "to:admin@example.edu");
    assert_string_equal(route(&site, "postmaster@example.com"),
                        "to:admin@example.edu");
    assert_string_equal(route(&site, "postmaster@[" OWN_IP "]"),
                        "to:admin@example.edu");
    assert_string_equal(route(&site, "x+y@example.com"),
                        "to:rest@example.edu");
    assert_string_equal(route(&site, "\"\"@example.com"), "unknown");
    assert_string_equal(route(&site, "x%example.edu@example.com"), "routing");
}

static void limits_count_addresses_elsewhere(void **state)
{
    site_t site = site_create(*state);
    const char *members = "";
    int i;

    queue_load();
    for (i = 0; i < 1000; i++) {
        members = apr_psprintf(site.p, "%s u%d@example.edu", members, i);
    }
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "all",
                                       members));
    assert_null(smtpd_lookup_table_add(site.p, site.aliases, "more",
                                       apr_pstrcat(site.p, members,
                                                   " v@example.edu", NULL)));
    site_build(&site);
    assert_non_null(strstr(route(&site, "all@example.com"), " to:u999@"));
    assert_string_equal(route(&site, "more@example.com"), "ambiguous");
}

static void expn_shows_members_elsewhere_as_they_are_written(void **state)
{
    site_t site = site_create(*state);
    apr_array_header_t *members;

    names_add(site.p, site.aliases, forwards);
    site_build(&site);
    members = smtpd_domain_expand(site.r, site.conf,
                                  address(site.p, "nested@example.com"));
    assert_non_null(members);
    assert_int_equal(members->nelts, 3);
    assert_string_equal(APR_ARRAY_IDX(members, 1, const char *),
                        "out@example.com");
    assert_string_equal(APR_ARRAY_IDX(members, 2, const char *),
                        "x@EXAMPLE.edu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_lives_here_gets_mail_and_nobody_else),
        UNIT_TEST(mail_to_the_postmaster_is_never_lost),
        UNIT_TEST(postmaster_at_an_ipv6_literal_of_ours_is_taken),
        UNIT_TEST(postmaster_goes_where_the_administrator_says),
        UNIT_TEST(catch_all_takes_what_nobody_else_does),
        UNIT_TEST(an_alias_that_leads_nowhere_refuses_the_start),
        UNIT_TEST(ten_aliases_in_a_chain_are_not_too_many),
        UNIT_TEST(a_list_may_have_a_thousand_members_and_no_more),
        UNIT_TEST(aliases_that_fan_out_are_followed_once),
        UNIT_TEST(a_wrong_catch_all_or_postmaster_refuses_the_start),
        UNIT_TEST(a_map_that_fails_defers_and_never_refuses),
        UNIT_TEST(a_value_from_a_database_is_checked_and_escaped),
        UNIT_TEST(a_recipient_reaches_the_log_escaped),
        UNIT_TEST(expn_shows_members_and_only_of_aliases),
        UNIT_TEST(delivered_to_is_an_address),
        /* From here on there is a queue. */
        UNIT_TEST(an_alias_may_lead_elsewhere),
        UNIT_TEST(an_address_elsewhere_is_whole),
        UNIT_TEST(postmaster_and_catch_all_may_be_elsewhere),
        UNIT_TEST(limits_count_addresses_elsewhere),
        UNIT_TEST(expn_shows_members_elsewhere_as_they_are_written)
    };

    return UNIT_RUN(tests);
}
