/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The file with our password at an end point. */
#include "unit.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include "oauth_secret.h"

static char *file_make(apr_pool_t *p, const char *octets, apr_size_t len,
                       apr_fileperms_t permissions)
{
    apr_file_t *file;
    const char *temp;
    char *path;

    assert_int_equal(apr_temp_dir_get(&temp, p), APR_SUCCESS);
    path = apr_pstrcat(p, temp, "/smtp-test-XXXXXX", NULL);
    /* Goes with the pool. */
    assert_int_equal(apr_file_mktemp(&file, path, 0, p), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, octets, len, NULL),
                     APR_SUCCESS);
    assert_int_equal(apr_file_perms_set(path, permissions), APR_SUCCESS);
    return path;
}

static void a_secret_is_one_line(void **state)
{
    static const struct {
        const char *text;
        const char *secret;      /* NULL: refused */
    } rows[] = {
        { "s3cret", "s3cret" },
        { "s3cret\n", "s3cret" },
        { "s3cret\r\n", "s3cret" },
        { " with blanks ", " with blanks " },
        { "", NULL },
        { "\n", NULL },
        { "\r\n", NULL },
        { "one\ntwo\n", NULL },
        { "one\n\n", NULL },
        { "one\rtwo", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *secret, *fault =
            oauth_secret_read(*state, file_make(*state, rows[i].text,
                                                strlen(rows[i].text),
                                                APR_FPROT_UREAD), &secret);

        UNIT_CHECK(rows[i].text, !fault == (rows[i].secret != NULL));
        UNIT_CHECK(rows[i].text, fault ? !secret
                                 : !strcmp(secret, rows[i].secret));
    }
}

static void a_nul_does_not_cut_a_secret(void **state)
{
    const char *secret;

    assert_non_null(oauth_secret_read(*state,
                                      file_make(*state, "a\0b", 3,
                                                APR_FPROT_UREAD), &secret));
}

static void a_secret_has_an_end(void **state)
{
    char *text = apr_pcalloc(*state, OAUTH_SECRET_MAX + 2);
    const char *secret;

    memset(text, 's', OAUTH_SECRET_MAX);
    assert_null(oauth_secret_read(*state,
                                  file_make(*state, text, OAUTH_SECRET_MAX,
                                            APR_FPROT_UREAD), &secret));
    assert_int_equal(strlen(secret), OAUTH_SECRET_MAX);
    text[OAUTH_SECRET_MAX] = 's';
    assert_non_null(oauth_secret_read(*state,
                                      file_make(*state, text,
                                                OAUTH_SECRET_MAX + 1,
                                                APR_FPROT_UREAD), &secret));
    assert_null(secret);
}

static void a_secret_that_all_can_read_is_refused(void **state)
{
    const char *secret;

    assert_non_null(strstr(
        oauth_secret_read(*state, file_make(*state, "s", 1, APR_FPROT_UREAD
                                            | APR_FPROT_WREAD), &secret),
        "chmod o-rw"));
    assert_non_null(oauth_secret_read(*state,
                                      file_make(*state, "s", 1,
                                                APR_FPROT_UREAD
                                                | APR_FPROT_WWRITE),
                                      &secret));
    assert_null(oauth_secret_read(*state, file_make(*state, "s", 1,
                                                    APR_FPROT_UREAD
                                                    | APR_FPROT_GREAD),
                                  &secret));
    assert_non_null(oauth_secret_read(*state, "/nowhere/secret", &secret));
    assert_non_null(oauth_secret_read(*state, "/dev/null", &secret));
    assert_null(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_secret_is_one_line),
        UNIT_TEST(a_nul_does_not_cut_a_secret),
        UNIT_TEST(a_secret_has_an_end),
        UNIT_TEST(a_secret_that_all_can_read_is_refused)
    };

    return UNIT_RUN(tests);
}
