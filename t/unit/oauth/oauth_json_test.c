/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "oauth_json.h"

static const struct {
    const char *text;
    int is_good;
} rows[] = {
    { "{}", 1 },
    { " {\"a\":1}\r\n", 1 },
    { "{\"a\":{\"b\":1},\"b\":{\"b\":2}}", 1 },
    { "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[\"}", 1 },
    { "{\"a\":1,\"a\":1}", 0 },
    { "{\"a\":1,\"\\u0061\":1}", 0 },
    { "{\"a\":{\"b\":1,\"b\":1}}", 0 },
    { "[]", 0 },
    { "null", 0 },
    { "\"a\"", 0 },
    { "", 0 },
    { "{", 0 },
    { "{}{}", 0 },
    { "{}x", 0 },
    { "{\"a\":}", 0 },
    { "{'a':1}", 0 },
    { "{\"a\":1,}", 0 },
    { "{\"a\":NaN}", 0 },
    { "{\"a\":1e999}", 0 },
    { "{\"a\":99999999999999999999}", 0 },
    { "{\"a\":\"\\u0000\"}", 0 },
    { "{\"\\u0000\":1}", 0 },
    { "{\"a\":\"\xC0\x80\"}", 0 },
    { "{\"a\":\"\xED\xA0\x80\"}", 0 },
    { "{\"a\":\"\\ud800\"}", 0 },
    { "{\"a\":\"\n\"}", 0 },
    { "\xEF\xBB\xBF{}", 0 }
};

static void json_with_two_meanings_is_refused(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].text, rows[i].is_good
                   == (oauth_json_parse(*state,
                                        unit_string(*state, rows[i].text),
                                        strlen(rows[i].text)) != NULL));
    }
}

static void a_nul_in_the_text_hides_nothing(void **state)
{
    assert_null(oauth_json_parse(*state, unit_octets(*state, "{}\0", 3), 3));
    assert_null(oauth_json_parse(*state,
                                 unit_octets(*state, "{\"a\0\":1}", 8), 8));
}

/** {"a":[[...]]} of that depth. */
static const char *deep(apr_pool_t *p, int depth)
{
    char *open = apr_pcalloc(p, depth), *close = apr_pcalloc(p, depth);

    memset(open, '[', depth - 1);
    memset(close, ']', depth - 1);
    return apr_pstrcat(p, "{\"a\":", open, "1", close, "}", NULL);
}

static void depth_does_not_eat_the_stack(void **state)
{
    const char *text = deep(*state, OAUTH_JSON_DEPTH_MAX);

    assert_non_null(oauth_json_parse(*state, text, strlen(text)));
    text = deep(*state, OAUTH_JSON_DEPTH_MAX + 1);
    assert_null(oauth_json_parse(*state, text, strlen(text)));
    text = deep(*state, 1000000);
    assert_null(oauth_json_parse(*state, text, strlen(text)));
}

static void a_name_that_is_no_string_has_no_text(void **state)
{
    const char *text = "{\"s\":\"x\",\"n\":1,\"a\":[\"x\"],\"z\":null}";
    const json_t *object = oauth_json_parse(*state, text, strlen(text));

    assert_string_equal(oauth_json_string(object, "s"), "x");
    assert_null(oauth_json_string(object, "n"));
    assert_null(oauth_json_string(object, "a"));
    assert_null(oauth_json_string(object, "z"));
    assert_null(oauth_json_string(object, "absent"));
    assert_true(oauth_json_has_string(json_object_get(object, "s"), "x"));
    assert_true(oauth_json_has_string(json_object_get(object, "a"), "x"));
    assert_false(oauth_json_has_string(json_object_get(object, "n"), "1"));
    assert_false(oauth_json_has_string(NULL, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(json_with_two_meanings_is_refused),
        UNIT_TEST(a_nul_in_the_text_hides_nothing),
        UNIT_TEST(depth_does_not_eat_the_stack),
        UNIT_TEST(a_name_that_is_no_string_has_no_text)
    };

    return UNIT_RUN(tests);
}
