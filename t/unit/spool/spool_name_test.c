/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "unit.h"

#include "spool_name.h"

typedef struct name_row_t {
    const char *domain;
    const char *name;
    const char *path;
} name_row_t;

static const name_row_t rows[] = {
    { "example.com", "bob", "example.com/bob" },
    { "example.com", "bob.smith", "example.com/bob.smith" },
    { "example.com", "..", "example.com/%2E." },
    { "example.com", ".", "example.com/%2E" },
    { "example.com", ".hidden", "example.com/%2Ehidden" },
    { "example.com", "../../etc", "example.com/%2E.%2F..%2Fetc" },
    { "example.com", "a/b", "example.com/a%2Fb" },
    { "example.com", "/", "example.com/%2F" },
    { "example.com", "a%2Fb", "example.com/a%252Fb" },
    { "example.com", "", "example.com/%-" },
    { "example.com", "%-", "example.com/%25-" },
    { "example.com", "a b", "example.com/a%20b" },
    { "example.com", "a\nb", "example.com/a%0Ab" },
    { "example.com", "\001\177", "example.com/%01%7F" },
    { "example.com", "d\303\266ner", "example.com/d\303\266ner" },
    { "[192.0.2.1]", "bob", "[192.0.2.1]/bob" },
    { "[IPv6:2001:db8::1]", "bob", "[IPv6:2001:db8::1]/bob" },
    { "..", "tmp", "%2E./tmp" },
    { "example.com", "-rf", "example.com/-rf" }
};

static void no_name_leaves_the_spool_or_meets_anothers(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *path = spool_name_path(*state, rows[i].domain,
                                           rows[i].name);

        UNIT_CHECK(rows[i].path, path && !strcmp(path, rows[i].path));
    }
}

/* Undoes the encoding as spool_name.h describes it. */
static char *decode(apr_pool_t *p, const char *in)
{
    char *name = apr_pcalloc(p, strlen(in) + 1), *out = name;

    if (!strcmp(in, "%-")) {
        return name;
    }
    while (*in) {
        if (!strncmp(in, "%+/", 3)) {
            in += 3;
        }
        else if (*in == '%') {
            char hex[] = { in[1], in[2], '\0' };

            *out++ = (char)strtol(hex, NULL, 16);
            in += 3;
        }
        else {
            *out++ = *in++;
        }
    }
    return name;
}

/* A name of `len` octets, pseudo-random, that begins with `octet`. */
static char *make_name(apr_pool_t *p, int octet, unsigned int len)
{
    char *name = apr_pcalloc(p, len + 1);
    unsigned int i, seed = len * 2654435761u + (unsigned int)octet;

    for (i = 0; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        name[i] = "aaaa./%~ \n\377"[seed >> 16 & 7];
    }
    if (len) {
        name[0] = (char)octet;
    }
    return name;
}

static void check_long(apr_pool_t *p, const char *name)
{
    const char *path = spool_name_path(p, "d", name);
    const char *part;

    assert_non_null(path);
    assert_string_equal(decode(p, path + 2), name);
    for (part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        assert_true(strcspn(part, "/") <= 255);
        assert_true(strcspn(part, "/") > 0);
        assert_true(*part != '.');
    }
}

static void a_long_name_is_split_and_stays_itself(void **state)
{
    unsigned int len;
    int octet;

    for (len = 1; len < 640; len++) {
        check_long(*state, make_name(*state, 'a', len));
        check_long(*state, make_name(*state, '.', len));
    }
    for (octet = 1; octet < 256; octet++) {
        check_long(*state, make_name(*state, octet, 300));
    }
}

/* The part that follows a split must not be "..". */
static void a_dot_behind_a_split_leads_nowhere(void **state)
{
    unsigned int fill;

    for (fill = 240; fill < 260; fill++) {
        char *name = apr_pcalloc(*state, fill + 8);

        memset(name, 'a', fill);
        memcpy(name + fill, "../../x", 7);
        check_long(*state, name);
        assert_null(strstr(spool_name_path(*state, "d", name), "/.."));
    }
}

static void a_name_that_no_path_can_hold_is_refused(void **state)
{
    char *name = apr_pcalloc(*state, SPOOL_NAME_PATH_MAX + 2);

    memset(name, 'a', SPOOL_NAME_PATH_MAX + 1);
    assert_null(spool_name_path(*state, "example.com", name));
    memset(name, '/', 700);
    name[700] = '\0';
    assert_null(spool_name_path(*state, "example.com", name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(no_name_leaves_the_spool_or_meets_anothers),
        UNIT_TEST(a_long_name_is_split_and_stays_itself),
        UNIT_TEST(a_dot_behind_a_split_leads_nowhere),
        UNIT_TEST(a_name_that_no_path_can_hold_is_refused)
    };
    return UNIT_RUN(tests);
}
