/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <httpd.h>

#include "queue_conf_file.h"

char *ap_server_root_relative(apr_pool_t *p, const char *file)
{
    return apr_pstrdup(p, file);
}

/** A file of these octets that goes with @a p. */
static const char *file_create(apr_pool_t *p, const char *octets,
                               apr_size_t len, apr_fileperms_t permissions)
{
    const char *folder;
    char *name;
    apr_file_t *file;

    assert_int_equal(apr_temp_dir_get(&folder, p), APR_SUCCESS);
    name = apr_pstrcat(p, folder, "/queue_conf_file_XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, name,
                                     APR_FOPEN_CREATE | APR_FOPEN_WRITE
                                     | APR_FOPEN_EXCL, p), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, octets, len, NULL),
                     APR_SUCCESS);
    assert_int_equal(apr_file_perms_set(name, permissions), APR_SUCCESS);
    assert_int_equal(apr_file_close(file), APR_SUCCESS);
    return name;
}

#define OWNER (APR_FPROT_UREAD | APR_FPROT_UWRITE)
#define GROUP (OWNER | APR_FPROT_GREAD)

static const struct {
    const char *octets;
    apr_fileperms_t permissions;
    const char *secret;          /* NULL: refused */
} secrets[] = {
    { "secret", OWNER, "secret" },
    { "secret\n", OWNER, "secret" },
    { "secret\r\n", GROUP, "secret" },
    { " with blanks \n", OWNER, " with blanks " },
    { "Gr\xc3\xbc\xc3\x9f" "e\n", OWNER, "Gr\xc3\xbc\xc3\x9f" "e" },
    { "Gr\xfc\xdf" "e\n", OWNER, NULL },
    { "", OWNER, NULL },
    { "\n", OWNER, NULL },
    { "two\nlines\n", OWNER, NULL },
    { "secret\n\n", OWNER, NULL },
    { "secret\n", OWNER | APR_FPROT_WREAD, NULL },
    { "secret\n", OWNER | APR_FPROT_WWRITE, NULL }
};

static void a_password_is_one_line_that_not_all_can_read(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(secrets); i++) {
        const char *path = file_create(*state, secrets[i].octets,
                                       strlen(secrets[i].octets),
                                       secrets[i].permissions);
        const char *secret = "";
        const char *fault = queue_conf_secret_read(*state, path, &secret);

        UNIT_CHECK(secrets[i].octets,
                   (fault == NULL) == (secrets[i].secret != NULL));
        UNIT_CHECK(secrets[i].octets,
                   fault == NULL ? strcmp(secret, secrets[i].secret) == 0
                                 : secret == NULL);
        UNIT_CHECK(secrets[i].octets,
                   fault == NULL || strstr(fault, "secret") == NULL);
        apr_file_remove(path, *state);
    }
}

static void a_password_has_a_longest_length(void **state)
{
    char octets[QUEUE_CONF_SECRET_MAX_OCTETS + 2];
    const char *secret, *path;

    memset(octets, 'x', sizeof(octets));
    octets[QUEUE_CONF_SECRET_MAX_OCTETS] = '\n';
    path = file_create(*state, octets, QUEUE_CONF_SECRET_MAX_OCTETS + 1,
                       OWNER);
    assert_null(queue_conf_secret_read(*state, path, &secret));
    assert_int_equal(strlen(secret), QUEUE_CONF_SECRET_MAX_OCTETS);
    apr_file_remove(path, *state);
    octets[QUEUE_CONF_SECRET_MAX_OCTETS] = 'x';
    path = file_create(*state, octets, QUEUE_CONF_SECRET_MAX_OCTETS + 1,
                       OWNER);
    assert_non_null(queue_conf_secret_read(*state, path, &secret));
    apr_file_remove(path, *state);
}

/* An embedded NUL would cut it short without a word. */
static void a_nul_is_no_password_and_no_text(void **state)
{
    const char *path = file_create(*state, "sec\0ret", 7, OWNER), *read;

    assert_non_null(queue_conf_secret_read(*state, path, &read));
    assert_non_null(queue_conf_text_read(*state, path, &read));
    apr_file_remove(path, *state);
}

static const struct {
    const char *octets;
    const char *text;            /* NULL: refused */
} texts[] = {
    { "Sorry.\n", "Sorry.\n" },
    { "Sorry.", "Sorry." },
    { "Sorry.\r\n\r\nBye.\r\n", "Sorry.\n\nBye.\n" },
    { "Gr\xc3\xbc\xc3\x9f" "e\n", "Gr\xc3\xbc\xc3\x9f" "e\n" },
    { "", NULL },
    { "Gr\xfc\xdf" "e\n", NULL },
    { "a\rb\n", NULL },
    { "a\r", NULL }
};

static void a_text_is_utf8_in_lines(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(texts); i++) {
        const char *path = file_create(*state, texts[i].octets,
                                       strlen(texts[i].octets), OWNER);
        const char *text = "";
        const char *fault = queue_conf_text_read(*state, path, &text);

        UNIT_CHECK(texts[i].octets,
                   (fault == NULL) == (texts[i].text != NULL));
        UNIT_CHECK(texts[i].octets,
                   fault == NULL ? strcmp(text, texts[i].text) == 0
                                 : text == NULL);
        apr_file_remove(path, *state);
    }
}

static void what_is_not_there_is_told(void **state)
{
    const char *read = "";

    assert_non_null(queue_conf_secret_read(*state, "/nonexistent", &read));
    assert_null(read);
    assert_non_null(queue_conf_text_read(*state, "/", &read));
    assert_null(read);
    assert_non_null(queue_conf_file_fault(*state, "/nonexistent"));
    assert_null(queue_conf_file_fault(*state, "/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_password_is_one_line_that_not_all_can_read),
        UNIT_TEST(a_password_has_a_longest_length),
        UNIT_TEST(a_nul_is_no_password_and_no_text),
        UNIT_TEST(a_text_is_utf8_in_lines),
        UNIT_TEST(what_is_not_there_is_told)
    };

    return UNIT_RUN(tests);
}
