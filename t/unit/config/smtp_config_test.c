/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "smtp_chars.h"
#include "smtp_config.h"

/* httpd's part of a section: what it was asked, and what it finds. */
static struct {
    int override;
    const char *path;
    const module *module;
    const char *fault;
    ap_directive_t wrong;
} walk;

ap_conf_vector_t *ap_create_per_dir_config(apr_pool_t *p)
{
    return apr_pcalloc(p, 1);
}

void *ap_set_config_vectors(server_rec *server,
                            ap_conf_vector_t *section_vector,
                            const char *section, module *mod, apr_pool_t *p)
{
    (void)server, (void)section_vector, (void)section, (void)p;
    walk.module = mod;
    return NULL;
}

const char *ap_walk_config(ap_directive_t *directive, cmd_parms *parms,
                           ap_conf_vector_t *section_vector)
{
    (void)directive, (void)section_vector;
    walk.override = parms->override;
    walk.path = parms->path;
    parms->err_directive = &walk.wrong;
    return walk.fault;
}

static cmd_parms *command(apr_pool_t *p, const char *name)
{
    cmd_parms *cmd = apr_pcalloc(p, sizeof(*cmd));
    command_rec *record = apr_pcalloc(p, sizeof(*record));

    record->name = name;
    cmd->cmd = record;
    cmd->pool = p;
    return cmd;
}

static void a_number_is_in_its_range_or_told_of(void **state)
{
    static const struct {
        const char *arg;
        int number;              /* -1: wrong */
    } rows[] = {
        { "2", 2 }, { "9", 9 }, { "0", 0 }, { "1", -1 }, { "10", -1 },
        { "", -1 }, { "-3", -1 }, { "+3", -1 }, { " 3", -1 }, { "3 ", -1 },
        { "0x3", -1 }, { "99999999999999999999", -1 }, { "4294967299", -1 }
    };
    cmd_parms *cmd = command(*state, "SMTPMaxErrors");
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        int number = -1;
        const char *fault = smtp_config_number_read(cmd, rows[i].arg, 2, 9,
                                                    "no limit", &number);

        UNIT_CHECK(rows[i].arg, number == rows[i].number);
        UNIT_CHECK(rows[i].arg, (fault == NULL) == (number >= 0));
    }
}

static void what_is_wrong_with_a_number_names_the_remedy(void **state)
{
    cmd_parms *cmd = command(*state, "SMTPMaxErrors");
    int number;

    assert_string_equal(smtp_config_number_read(cmd, "x", 2, 9, NULL,
                                                &number),
                        "SMTPMaxErrors \"x\": give a whole number from 2 to "
                        "9");
    assert_string_equal(smtp_config_number_read(cmd, "x", 2, 9, "no limit",
                                                &number),
                        "SMTPMaxErrors \"x\": give a whole number from 2 to "
                        "9, or 0 for no limit");
    assert_non_null(smtp_config_number_read(cmd, "0", 2, 9, NULL, &number));
}

static void a_word_is_one_of_its_directive(void **state)
{
    static const smtp_config_word_t words[] = {
        { "SMTPBareLF", "reject", 1 },
        { "SMTPDANE", "On", 2 },
        { "SMTPDANE", "Off", 3 },
        { NULL, NULL, 0 }
    };
    cmd_parms *cmd = command(*state, "smtpdane");
    int value = 0;

    assert_null(smtp_config_word_read(cmd, words, "OFF", &value));
    assert_int_equal(value, 3);
    assert_string_equal(smtp_config_word_read(cmd, words, "reject", &value),
                        "smtpdane \"reject\": give one of On, Off");
    assert_int_equal(value, 3);
}

static void a_size_has_a_unit_or_none(void **state)
{
    static const struct {
        const char *arg;
        apr_off_t octets;        /* -1: wrong */
    } rows[] = {
        { "5", 5 }, { "4k", 4096 }, { "4K", 4096 }, { "2m", 2 << 20 },
        { "1G", 1 << 30 }, { "4", -1 }, { "2G", -1 }, { "1025M", -1 },
        { "", -1 }, { "K", -1 }, { "5T", -1 }, { "5KB", -1 }, { "-5", -1 },
        { "5 K", -1 }, { "9223372036854775807G", -1 }
    };
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_off_t octets = -1;
        int is_size = smtp_config_size_parse(rows[i].arg, 5,
                                             (apr_off_t)1 << 30, &octets);

        UNIT_CHECK(rows[i].arg, octets == rows[i].octets);
        UNIT_CHECK(rows[i].arg, is_size == (octets >= 0));
    }
}

static void no_size_overflows(void **state)
{
    apr_off_t octets;

    (void)state;
    assert_true(smtp_config_size_parse("8589934591G", 0,
                                       SMTP_CHARS_NUMBER_MAX, &octets));
    assert_false(smtp_config_size_parse("8589934592G", 0,
                                        SMTP_CHARS_NUMBER_MAX, &octets));
}

static void the_arguments_of_a_section_end_before_its_bracket(void **state)
{
    cmd_parms *cmd = command(*state, "<SMTPDestination");
    const char *args;

    assert_null(smtp_config_section_args(cmd, "a.example b>c>", &args));
    assert_string_equal(args, "a.example b>c");
    assert_string_equal(smtp_config_section_args(cmd, "a.example", &args),
                        "<SMTPDestination> directive missing closing '>'");
    assert_null(args);
}

/* The command goes on as it was, but for where the fault stands. */
static void a_section_is_read_in_a_context_of_its_own(void **state)
{
    cmd_parms *cmd = command(*state, "<SMTPDestination");
    static module section_module;
    ap_directive_t first;
    ap_conf_vector_t *dir_conf = NULL;

    cmd->override = 5;
    walk.fault = "wrong";
    assert_string_equal(smtp_config_section_walk(cmd, &first, 7,
                                                 &section_module, &dir_conf),
                        "wrong");
    assert_non_null(dir_conf);
    assert_ptr_equal(walk.module, &section_module);
    assert_int_equal(walk.override, 7);
    assert_string_equal(walk.path, "SMTPDestination");
    assert_int_equal(cmd->override, 5);
    assert_null(cmd->path);
    assert_ptr_equal(cmd->err_directive, &walk.wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_number_is_in_its_range_or_told_of),
        UNIT_TEST(what_is_wrong_with_a_number_names_the_remedy),
        UNIT_TEST(a_word_is_one_of_its_directive),
        UNIT_TEST(a_size_has_a_unit_or_none),
        UNIT_TEST(no_size_overflows),
        UNIT_TEST(the_arguments_of_a_section_end_before_its_bracket),
        UNIT_TEST(a_section_is_read_in_a_context_of_its_own)
    };

    return UNIT_RUN(tests);
}
