/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "scram_text.h"
#include "smtpd_lookup_table.h"

/** What the server finds in a text. NULL if it is not there. */
static const char *server_find(apr_pool_t *p, const char *text,
                               const char *login)
{
    apr_hash_t *table;
    const char *fault = smtpd_lookup_table_parse(p, text, strlen(text),
                                                 SMTP_LOOKUP_VALUES, &table);

    if (fault != NULL) {
        fail_msg("the server refuses \"%s\": %s", text, fault);
    }
    return apr_hash_get(table, login, APR_HASH_KEY_STRING);
}

static const char *const logins[] = {
    "bob", "Bob", "bob@example.com", "john doe", " bob", "bob ", "#bob",
    "b#ob", "bob #", "\"bob\"", "b\"ob", "\"", "\\", "a\\b", "\\\"", "a \\",
    "\xC3\xBC", "\xC3\xBC x", "a:b", "a,b", "=", "'", "$1", "SCRAM-SHA-256$"
};

/* The server must read what the program wrote, and nothing else. */
static void who_was_added_can_log_in(void **state)
{
    apr_pool_t *p = *state;
    const char *text = "";
    size_t i;
    int was_there;

    for (i = 0; i < UNIT_ROWS(logins); i++) {
        UNIT_CHECK(logins[i], scram_text_find(p, text, logins[i]) == NULL);
        text = scram_text_set(p, text, logins[i], apr_psprintf(p, "v%zu", i),
                              &was_there);
        UNIT_CHECK(logins[i], !was_there);
    }
    for (i = 0; i < UNIT_ROWS(logins); i++) {
        const char *value = apr_psprintf(p, "v%zu", i);

        assert_string_equal(scram_text_find(p, text, logins[i]), value);
        assert_string_equal(server_find(p, text, logins[i]), value);
    }
}

static void who_was_deleted_cannot_and_all_others_can(void **state)
{
    apr_pool_t *p = *state;
    const char *text = "";
    size_t i, j;
    int was_there;

    for (i = 0; i < UNIT_ROWS(logins); i++) {
        text = scram_text_set(p, text, logins[i], "v", &was_there);
    }
    for (i = 0; i < UNIT_ROWS(logins); i++) {
        text = scram_text_remove(p, text, logins[i], &was_there);
        UNIT_CHECK(logins[i], was_there);
        for (j = 0; j < UNIT_ROWS(logins); j++) {
            UNIT_CHECK(logins[j], (server_find(p, text, logins[j]) != NULL)
                                  == (j > i));
        }
        scram_text_remove(p, text, logins[i], &was_there);
        UNIT_CHECK(logins[i], !was_there);
    }
    assert_string_equal(text, "");
}

/* What people wrote stays. Login "bob", verifier "NEW". */
static const struct {
    const char *before;
    const char *set;
    const char *removed;
    const char *found;           /* or NULL */
} texts[] = {
    { "", "bob NEW\n", "", NULL },
    { "bob OLD\n", "bob NEW\n", "", "OLD" },
    { "bob OLD", "bob NEW", "", "OLD" },
    { "\tbob\t OLD \t # his, #2\r\n", "\tbob\t NEW \t # his, #2\r\n", "",
      "OLD" },
    { "\"bob\" OLD\n", "\"bob\" NEW\n", "", "OLD" },
    { "\"b\\ob\" OLD\n", "\"b\\ob\" NEW\n", "", "OLD" },
    { "bob\n", "bob NEW\n", "", "" },
    { "bob # none\n", "bob NEW # none\n", "", "" },
    { "bob OLD more\n", "bob NEW\n", "", "OLD more" },
    { "# bob OLD\n", "# bob OLD\nbob NEW\n", "# bob OLD\n", NULL },
    { "#bob OLD\n", "#bob OLD\nbob NEW\n", "#bob OLD\n", NULL },
    { "\n\n # x\nal v", "\n\n # x\nal v\nbob NEW\n", "\n\n # x\nal v", NULL },
    { "bo v\nbobb v\nBOB v\n", "bo v\nbobb v\nBOB v\nbob NEW\n",
      "bo v\nbobb v\nBOB v\n", NULL },
    { "a v\r\nbob OLD\r\nc v\r\n", "a v\r\nbob NEW\r\nc v\r\n",
      "a v\r\nc v\r\n", "OLD" },
    /* For a login that is named twice the server refuses the file. */
    { "bob OLD\na v\n\"bob\" x\n", "bob NEW\na v\n", "a v\n", "OLD" },
    /* No login: the quotes don't enclose it. */
    { "\"bob OLD\n", "\"bob OLD\nbob NEW\n", "\"bob OLD\n", NULL },
    { "\"bob\"x OLD\n", "\"bob\"x OLD\nbob NEW\n", "\"bob\"x OLD\n", NULL },
    { "\"\" OLD\n", "\"\" OLD\nbob NEW\n", "\"\" OLD\n", NULL },
    { "\"", "\"\nbob NEW\n", "\"", NULL },
    { "\"\\", "\"\\\nbob NEW\n", "\"\\", NULL }
};

static void what_people_wrote_stays(void **state)
{
    apr_pool_t *p = *state;
    size_t i;
    int was_there;

    for (i = 0; i < UNIT_ROWS(texts); i++) {
        const char *before = unit_octets(p, texts[i].before,
                                         strlen(texts[i].before) + 1);
        const char *found = scram_text_find(p, before, "bob");
        int is_there = texts[i].found != NULL;

        assert_string_equal(scram_text_set(p, before, "bob", "NEW",
                                           &was_there), texts[i].set);
        UNIT_CHECK(before, was_there == is_there);
        assert_string_equal(scram_text_remove(p, before, "bob", &was_there),
                            texts[i].removed);
        UNIT_CHECK(before, was_there == is_there);
        UNIT_CHECK(before, is_there ? strcmp(found, texts[i].found) == 0
                                    : found == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(who_was_added_can_log_in),
        UNIT_TEST(who_was_deleted_cannot_and_all_others_can),
        UNIT_TEST(what_people_wrote_stays)
    };
    return UNIT_RUN(tests);
}
