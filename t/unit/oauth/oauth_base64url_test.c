/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "oauth_base64url.h"

typedef struct row_t {
    const char *text;
    const char *octets;          /* NULL: refused */
    apr_size_t len;
} row_t;

static const row_t rows[] = {
    { "", "", 0 },
    { "Zg", "f", 1 },
    { "Zm8", "fo", 2 },
    { "Zm9v", "foo", 3 },
    { "Zm9vYg", "foob", 4 },
    { "AAAA", "\0\0\0", 3 },
    { "-_-_", "\xFB\xFF\xBF", 3 },
    /* RFC 7515 C */
    { "A-z_4ME", "\x03\xEC\xFF\xE0\xC1", 5 },
    { "Zg==", NULL, 0 },
    { "Zm8=", NULL, 0 },
    { "=", NULL, 0 },
    { "Z", NULL, 0 },
    { "Zm9vY", NULL, 0 },
    /* stray bits: the same octets by another text */
    { "Zh", NULL, 0 },
    { "Zm9", NULL, 0 },
    /* the other alphabet */
    { "+/+/", NULL, 0 },
    { "Zm 9v", NULL, 0 },
    { "Zm9v\n", NULL, 0 },
    { "Zm9v.", NULL, 0 },
    { "Zm9\xC3\xA4", NULL, 0 }
};

static void no_token_has_two_texts(void **state)
{
    const unsigned char *octets;
    apr_size_t len;
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        apr_status_t rv =
            oauth_base64url_parse(*state, unit_string(*state, rows[i].text),
                                  strlen(rows[i].text), &octets, &len);

        UNIT_CHECK(rows[i].text, (rv == APR_SUCCESS)
                                 == (rows[i].octets != NULL));
        UNIT_CHECK(rows[i].text, len == rows[i].len);
        UNIT_CHECK(rows[i].text, rv == APR_SUCCESS || !octets);
        UNIT_CHECK(rows[i].text, rv != APR_SUCCESS
                   || (!memcmp(octets, rows[i].octets, len)
                       && octets[len] == '\0'));
    }
}

static void a_nul_is_no_letter(void **state)
{
    const unsigned char *octets;
    apr_size_t len;

    assert_int_equal(oauth_base64url_parse(*state,
                                           unit_octets(*state, "Zm9v\0AAA", 8),
                                           8, &octets, &len), APR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_token_has_two_texts),
        UNIT_TEST(a_nul_is_no_letter)
    };

    return UNIT_RUN(tests);
}
