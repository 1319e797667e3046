/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "smtpq_call.h"

/** Reads a command line, words with a blank between them ("''": empty). */
static const char *parse(apr_pool_t *p, const char *line, smtpq_call_t *call)
{
    const char *argv[32] = { "smtpq" };
    char *copy = apr_pstrdup(p, line), *last, *word;
    apr_getopt_t *opt;
    int argc = 1;

    for (word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        argv[argc++] = strcmp(word, "''") ? word : "";
    }
    apr_getopt_init(&opt, p, argc, argv);
    opt->errfn = NULL;
    return smtpq_call_parse(p, opt, call);
}

/** Command line and the request it makes, ids left out. */
static const struct {
    const char *line;
    const char *request;
    int ids;
} valid[] = {
    { "list", "list\n", 0 },
    { "list --domain Example.COM", "list\tdomain=example.com\n", 0 },
    { "--domain .b\xC3\xBC" "cher.example list",
      "list\tdomain=.xn--bcher-kva.example\n", 0 },
    { "list --sender <>", "list\tsender=\n", 0 },
    { "list --sender ''", "list\tsender=\n", 0 },
    { "list --sender=<a@b> --recipient c@*",
      "list\tsender=a@b\trecipient=c@*\n", 0 },
    { "list --older 1h --younger 2d", "list\tolder=3600\tyounger=172800\n",
      0 },
    { "list --status held --status active",
      "list\tstatus=active\tstatus=held\n", 0 },
    { "list --json", "list\n", 0 },
    { "list --all", "list\tall=1\n", 0 },
    { "show 0ab", "show\n", 1 },
    { "cat 0ab 0ac", "cat\n", 2 },
    { "retry --all", "retry\tall=1\n", 0 },
    { "hold 0ab", "hold\n", 1 },
    { "delete --sender x@y", "delete\tsender=x@y\n", 0 },
    { "delete --all --yes", "delete\tall=1\n", 0 },
    { "flush example.com", "flush\tdomain=example.com\n", 0 },
    { "flush --domain example.com", "flush\tdomain=example.com\n", 0 },
    { "flush .example.com", "flush\tdomain=.example.com\n", 0 },
    { "counts --json", "counts\n", 0 },
    { "destinations", "destinations\n", 0 }
};

static void the_command_line_is_understood(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        store_control_out_t out = { 0 };
        smtpq_call_t call;
        const char *fault = parse(*state, valid[i].line, &call);

        if (fault) {
            fail_msg("%s: %s", valid[i].line, fault);
        }
        store_control_request_write(&out, &call.request);
        UNIT_CHECK(valid[i].line, out.len == strlen(valid[i].request)
                   && !memcmp(out.octets, valid[i].request, out.len));
        UNIT_CHECK(valid[i].line, call.ids->nelts == valid[i].ids);
        store_control_out_destroy(&out);
    }
}

static const char *const invalid[] = {
    "", "lists", "list 0ab --all", "list --domain a..b", "list --domain ''",
    "list --older 0", "list --older 1x", "list --older h", "list --older ''",
    "list --older 1hh", "list --older -1h",
    "list --older 99999999999999999999w", "list --status new",
    "list --stat held", "list --unknown", "show", "show --all",
    "show ../../etc/passwd", "show ''", "cat", "cat 0ab --json", "retry",
    "hold --json", "release", "delete", "delete --yes",
    "delete 0ab --sender x", "flush", "flush a b", "flush a --domain b",
    "flush --all", "flush a --sender b", "counts 0ab", "counts --all",
    "destinations --domain a", "list --spool"
};

static void what_is_not_clear_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        smtpq_call_t call;

        UNIT_CHECK(invalid[i], parse(*state, invalid[i], &call) != NULL);
    }
}

static void help_and_version_need_nothing_else(void **state)
{
    smtpq_call_t call;

    assert_null(parse(*state, "--help", &call));
    assert_true(call.wants_help);
    assert_null(parse(*state, "list --version", &call));
    assert_true(call.wants_version);
    assert_null(parse(*state, "list --spool /a/b --yes --json", &call));
    assert_string_equal(call.spool, "/a/b");
    assert_true(call.is_sure && call.is_json);
}

static const struct {
    const char *text;
    apr_int64_t sec;
} ages[] = {
    { "1", 1 }, { "90s", 90 }, { "15m", 900 }, { "1h", 3600 },
    { "2d", 172800 }, { "1w", 604800 }, { "36525d", 3155760000 },
    { "36526d", 0 }, { "0", 0 }, { "0s", 0 }, { "", 0 }, { "s", 0 },
    { "1 h", 0 }, { "1H", 0 }, { "1.5h", 0 }, { "+1h", 0 }
};

static void ages_have_units(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(ages); i++) {
        apr_int64_t sec;

        UNIT_CHECK(ages[i].text, smtpq_call_age_parse(ages[i].text, &sec)
                                 == (ages[i].sec != 0));
        UNIT_CHECK(ages[i].text, sec == ages[i].sec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_command_line_is_understood),
        UNIT_TEST(what_is_not_clear_is_refused),
        UNIT_TEST(help_and_version_need_nothing_else),
        UNIT_TEST(ages_have_units)
    };

    return UNIT_RUN(tests);
}
