/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "smtp_address.h"
#include "smtpd_lookup_table.h"

static const struct {
    const char *local;
    const char *domain;
    const char *key;
} keys[] = {
    { "bob", NULL, "bob" },
    { "BoB", "example.com", "bob@example.com" },
    { "b.o.b", NULL, "b.o.b" },
    { "o'brien", NULL, "o'brien" },
    { "a b", "example.com", "\"a b\"@example.com" },
    /* A local-part that looks like an entry of another domain. */
    { "bob@example.org", NULL, "\"bob@example.org\"" },
    { "a\"b", NULL, "\"a\\\"b\"" },
    { "\xC3\x9C", NULL, "\xC3\x9C" },
    { "", NULL, "" },
    { "", "example.com", "" },
    { "a\nb", NULL, "" }
};

static void a_key_is_safe_and_folded(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(keys); i++) {
        const char *key = smtpd_lookup_key(*state, keys[i].local,
                                           keys[i].domain);

        assert_string_equal(key, keys[i].key);
    }
}

static const struct {
    const char *value;
    const char *texts;           /* of the targets, by blank */
} lists[] = {
    { "", "" },
    { " , \t,\n", "" },
    { "bob", "bob" },
    { "bob,carol@example.com", "bob carol@example.com" },
    { " bob ,\tcarol  dave,", "bob carol dave" },
    { "\"a, b\",c", "\"a, b\" c" },
    { "\"a\\\"b\" c", "\"a\\\"b\" c" },
    { "bob\r\n", "bob" },
    /* A quote that opens nothing: what follows is a target of its own. */
    { "bob@[x:\"] carol", "bob@[x:\"] carol" }
};

static void all_targets_of_a_list_get_mail(void **state)
{
    apr_pool_t *p = *state;
    size_t i;
    int j;

    for (i = 0; i < UNIT_ROWS(lists); i++) {
        apr_array_header_t *targets;
        const char *texts = "";

        UNIT_CHECK(lists[i].value,
                   smtpd_lookup_targets(p, lists[i].value, &targets) == NULL);
        for (j = 0; j < targets->nelts; j++) {
            texts = apr_pstrcat(p, texts, j > 0 ? " " : "",
                                APR_ARRAY_IDX(targets, j,
                                              smtp_address_t *)->text, NULL);
        }
        assert_string_equal(texts, lists[i].texts);
    }
}

static const struct {
    const char *value;
    const char *fault;           /* a part of the message */
} wrong_lists[] = {
    { "bob,@example.com", "\"@example.com\"" },
    { "a@b@c", "\"a@b@c\" is no mailbox" },
    { "bob, \"open", "\"open" },
    { "bob@[x:\"] carol \"", "is no mailbox" },
    { "\"\"", "empty name" },
    { "\xFF@example.com", "\\xFF@example.com\" is not UTF-8" },
    { "bob@example..com", "bob@example..com" },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "@example.com", "64 octets" },
    { ":include:/etc/passwd", "is no mailbox" },
    { "|/bin/sh", NULL },        /* a name like others: nothing runs */
    { "/etc/passwd", NULL },
    { "\x01", "\\x01" }
};

static void a_wrong_target_is_quoted(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(wrong_lists); i++) {
        apr_array_header_t *targets;
        const char *fault = smtpd_lookup_targets(*state, wrong_lists[i].value,
                                                 &targets);

        if (wrong_lists[i].fault == NULL) {
            UNIT_CHECK(wrong_lists[i].value, fault == NULL);
        }
        else {
            UNIT_CHECK(wrong_lists[i].value, fault != NULL);
            UNIT_CHECK(fault, strstr(fault, wrong_lists[i].fault) != NULL);
        }
    }
}

static const char text[] =
    "# comment\n"
    "\n"
    "bob\n"
    "  Carol  \r\n"
    "info\tbob, carol@example.com # and nobody else\n"
    "a#b\n"
    "#c d\n"
    "\"a b\" bob\n"
    "Dave@EXAMPLE.com bob\n"
    "last@b\xC3\xBC" "cher.example bob"; /* no end of line */

static const struct {
    const char *key;
    const char *value;
} entries[] = {
    { "bob", "" },
    { "carol", "" },
    { "info", "bob, carol@example.com" },
    { "a#b", "" },
    { "\"a b\"", "bob" },
    { "dave@example.com", "bob" },
    { "last@xn--bcher-kva.example", "bob" }
};

static void every_name_of_the_file_exists(void **state)
{
    apr_pool_t *p = *state;
    apr_hash_t *table;
    size_t i;

    assert_null(smtpd_lookup_table_parse(p, unit_octets(p, text,
                                                        sizeof(text) - 1),
                                         sizeof(text) - 1,
                                         SMTP_LOOKUP_TARGETS, &table));
    assert_int_equal(apr_hash_count(table), UNIT_ROWS(entries));
    for (i = 0; i < UNIT_ROWS(entries); i++) {
        const char *value = apr_hash_get(table, entries[i].key,
                                         APR_HASH_KEY_STRING);

        UNIT_CHECK(entries[i].key, value != NULL);
        assert_string_equal(value, entries[i].value);
    }
}

/* The length counts, not a NUL: each beginning of the file is read without a
 * look beyond its end. */
static void a_file_cut_anywhere_is_read_to_its_end(void **state)
{
    apr_pool_t *p = *state;
    size_t len;

    for (len = 0; len < sizeof(text); len++) {
        apr_hash_t *table;
        const char *fault = smtpd_lookup_table_parse(p,
                                unit_octets(p, text, len), len,
                                SMTP_LOOKUP_TARGETS, &table);

        assert_true((fault == NULL) == (table != NULL));
    }
}

static const struct {
    const char *text;
    size_t len;                  /* 0: strlen */
    const char *fault;
} wrong_texts[] = {
    { "bob\nbob\n", 0, "line 2: \"bob\" is named twice" },
    { "bob\n\nBOB alice\n", 0, "line 3: \"BOB\" is named twice" },
    { "bob\nb@\n", 0, "line 2: \"b@\"" },
    { "@example.com bob\n", 0, "line 1: \"@example.com\"" },
    { "bob: alice\n", 0, "line 1: \"bob:\" is no mailbox" },
    { "bob a@@b\n", 0, "line 1: \"a@@b\"" },
    { "bob\nca\0rol\n", 11, "line 2: an octet of zero" },
    { "\xEF\xBB\xBF\xFF\n", 0, "line 1: " },
    { "\"open\n", 0, "line 1: " },
    { "\"\" bob\n", 0, "empty name" }
};

static void a_slip_in_the_file_is_found_with_its_line(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(wrong_texts); i++) {
        size_t len = wrong_texts[i].len ? wrong_texts[i].len
                                        : strlen(wrong_texts[i].text);
        apr_hash_t *table;
        const char *fault = smtpd_lookup_table_parse(*state,
                                wrong_texts[i].text, len,
                                SMTP_LOOKUP_TARGETS, &table);

        UNIT_CHECK(wrong_texts[i].text, fault != NULL && table == NULL);
        UNIT_CHECK(fault, strstr(fault, wrong_texts[i].fault) != NULL);
    }
}

/* What SMTPAuthCredentials and SMTPSenderLogin read. */
static const char values_text[] =
    "# logins\n"
    "alice SCRAM-SHA-256$4096:c2FsdA==$a+/=:b= # hers\n"
    "Alice *\r\n"
    "bob@example.com\t@example.com, \"b b\"@example.org\n"
    "\"two words\" x\n"
    "\"#1\" x y\n"
    "\"a\\\"b\\\\\" x\n"
    "a#b x#y\n"
    "o\"k\n"
    "\xFF x";

static const struct {
    const char *key;
    const char *value;
} values[] = {
    { "alice", "SCRAM-SHA-256$4096:c2FsdA==$a+/=:b=" },
    { "Alice", "*" },
    { "bob@example.com", "@example.com, \"b b\"@example.org" },
    { "two words", "x" },
    { "#1", "x y" },
    { "a\"b\\", "x" },
    { "a#b", "x#y" },
    { "o\"k", "" },
    { "\xFF", "x" }
};

static void a_login_is_found_as_it_is_written(void **state)
{
    apr_pool_t *p = *state;
    apr_size_t len = sizeof(values_text) - 1;
    apr_hash_t *table;
    size_t i;

    assert_null(smtpd_lookup_table_parse(p, unit_octets(p, values_text, len),
                                         len, SMTP_LOOKUP_VALUES, &table));
    assert_int_equal(apr_hash_count(table), UNIT_ROWS(values));
    for (i = 0; i < UNIT_ROWS(values); i++) {
        const char *value = apr_hash_get(table, values[i].key,
                                         APR_HASH_KEY_STRING);

        UNIT_CHECK(values[i].key, value != NULL);
        assert_string_equal(value, values[i].value);
    }
}

static void a_file_of_values_cut_anywhere_is_read_to_its_end(void **state)
{
    apr_pool_t *p = *state;
    size_t len;

    for (len = 0; len < sizeof(values_text); len++) {
        apr_hash_t *table;
        const char *fault = smtpd_lookup_table_parse(p,
                                unit_octets(p, values_text, len), len,
                                SMTP_LOOKUP_VALUES, &table);

        assert_true((fault == NULL) == (table != NULL));
    }
}

static const struct {
    const char *text;
    const char *fault;
} wrong_values[] = {
    { "bob x\nbob y\n", "line 2: \"bob\" is named twice" },
    { "bob x\n\"bob\" y\n", "line 2: \"bob\" is named twice" },
    { "\"open x\n", "line 1: \"\"open x\" is no name" },
    { "\"a\"b x\n", "line 1: \"\"a\"b\" is no name" },
    { "\"\" x\n", "is no name" }
};

static void a_slip_in_a_file_of_values_is_found_with_its_line(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(wrong_values); i++) {
        apr_hash_t *table;
        const char *fault = smtpd_lookup_table_parse(*state,
                                wrong_values[i].text,
                                strlen(wrong_values[i].text),
                                SMTP_LOOKUP_VALUES, &table);

        UNIT_CHECK(wrong_values[i].text, fault != NULL && table == NULL);
        UNIT_CHECK(fault, strstr(fault, wrong_values[i].fault) != NULL);
    }
}

static void lines_of_one_alias_add_up(void **state)
{
    apr_hash_t *table = apr_hash_make(*state);

    assert_null(smtpd_lookup_table_extend(*state, table, "info", "bob"));
    assert_null(smtpd_lookup_table_extend(*state, table, "INFO", "carol"));
    assert_string_equal(apr_hash_get(table, "info", APR_HASH_KEY_STRING),
                        "bob,carol");
    assert_non_null(smtpd_lookup_table_add(*state, table, "info", "dave"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_key_is_safe_and_folded),
        UNIT_TEST(all_targets_of_a_list_get_mail),
        UNIT_TEST(a_wrong_target_is_quoted),
        UNIT_TEST(every_name_of_the_file_exists),
        UNIT_TEST(a_file_cut_anywhere_is_read_to_its_end),
        UNIT_TEST(a_slip_in_the_file_is_found_with_its_line),
        UNIT_TEST(a_login_is_found_as_it_is_written),
        UNIT_TEST(a_file_of_values_cut_anywhere_is_read_to_its_end),
        UNIT_TEST(a_slip_in_a_file_of_values_is_found_with_its_line),
        UNIT_TEST(lines_of_one_alias_add_up)
    };

    return UNIT_RUN(tests);
}
