/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_strings.h>

#include "smtp_saslprep.h"

#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A255 A50 A50 A50 A50 A50 "12345"

static const struct {
    const char *in;
    const char *out;
} valid[] = {
    /* RFC 4013 3, the examples. */
    { "I\xC2\xADX", "IX" },
    { "user", "user" },
    { "USER", "USER" },
    { "\xC2\xAA", "a" },
    { "\xE2\x85\xA8", "IX" },
    /* RFC 4013 2.1: other spaces are spaces; 2.2: NFKC. */
    { "my\xC2\xA0pass", "my pass" },
    { "a\xE3\x80\x80" "b", "a b" },
    { "\xC3\xBC", "\xC3\xBC" },
    { "u\xCC\x88", "\xC3\xBC" },
    { "\xEF\xBD\x81", "a" },
    /* 2.4: right to left from end to end. */
    { "\xD7\xA9\xD7\x9C", "\xD7\xA9\xD7\x9C" },
    { "", "" },
    { "\xC2\xAD", "" },
    { " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
      " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
    { A255, A255 }
};

static void a_password_is_the_same_on_every_keyboard(void **state)
{
    static const smtp_saslprep_use_e uses[] = { SMTP_SASLPREP_QUERY,
                                                SMTP_SASLPREP_STORED };
    const char *out, *fault;
    size_t i, use;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        for (use = 0; use < UNIT_ROWS(uses); use++) {
            UNIT_CHECK(valid[i].in,
                       smtp_saslprep_create(*state, valid[i].in, uses[use],
                                            &out, &fault) == APR_SUCCESS);
            UNIT_CHECK(valid[i].in, fault == NULL);
            assert_string_equal(out, valid[i].out);
        }
    }
}

static const struct {
    const char *in;
    const char *word;            /* of the fault */
} invalid[] = {
    /* RFC 4013 3, the examples. */
    { "\x07", "prohibits" },
    { "\xD8\xA7" "1", "right to left" },
    /* 2.3: controls, private use, non-characters, surrogates, tags. */
    { "a\nb", "prohibits" },
    { "a\tb", "prohibits" },
    { "a\x7F", "prohibits" },
    { "\xC2\x85", "prohibits" },
    { "\xEE\x80\x80", "prohibits" },
    { "\xEF\xBF\xBE", "prohibits" },
    { "\xEF\xBF\xBD", "prohibits" },
    { "\xE2\x80\xAE", "prohibits" },
    { "\xF3\xA0\x80\x81", "prohibits" },
    /* 2.4 */
    { "\xD7\xA9" "a\xD7\xA9", "mixes" },
    { "a\xD7\xA9", "mixes" },
    /* Octets that are no UTF-8. */
    { "\xFC", "UTF-8" },
    { "a\xC3", "UTF-8" },
    { "\xC0\xAF", "UTF-8" },
    { "\xED\xA0\x80", "UTF-8" },
    { A255 "x", "255" },
    /* Short before, but not after: NFKC makes 33 octets of each three. */
    { "\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA"
      "\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA"
      "\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA"
      "\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA\xEF\xB7\xBA", "255" }
};

static void what_saslprep_prohibits_is_told(void **state)
{
    const char *out, *fault;
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        const char *in = unit_octets(*state, invalid[i].in,
                                     strlen(invalid[i].in) + 1);

        out = "";
        UNIT_CHECK(in, smtp_saslprep_create(*state, in, SMTP_SASLPREP_QUERY,
                                            &out, &fault)
                       == (strcmp(invalid[i].word, "255") == 0
                           ? APR_ENAMETOOLONG : APR_EINVAL));
        UNIT_CHECK(in, out == NULL);
        UNIT_CHECK(in, fault != NULL && strstr(fault, invalid[i].word));
    }
}

/* RFC 3454 7: a code point that a later Unicode may define. */
static void a_character_of_tomorrow_is_asked_for_but_not_stored(void **state)
{
    static const char emoji[] = "\xF0\x9F\x98\x80";      /* Unicode 6.1 */
    const char *out, *fault;

    assert_int_equal(smtp_saslprep_create(*state, emoji, SMTP_SASLPREP_QUERY,
                                          &out, &fault), APR_SUCCESS);
    assert_string_equal(out, emoji);
    assert_int_equal(smtp_saslprep_create(*state, emoji, SMTP_SASLPREP_STORED,
                                          &out, &fault), APR_EINVAL);
    assert_non_null(strstr(fault, "Unicode 3.2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_password_is_the_same_on_every_keyboard),
        UNIT_TEST(what_saslprep_prohibits_is_told),
        UNIT_TEST(a_character_of_tomorrow_is_asked_for_but_not_stored)
    };
    return UNIT_RUN(tests);
}
