/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "smtp_domain.h"

static const struct {
    const char *name;
    const char *normalised;
} valid[] = {
    { "example.com",             "example.com" },
    { "EXAMPLE.Com",             "example.com" },
    { "localhost",               "localhost" },
    { "xn--BCHER-KVA.example",   "xn--bcher-kva.example" },
    /* RFC 5891 4: U-label and A-label are one domain. */
    { "b\xC3\xBC" "cher.example", "xn--bcher-kva.example" },
    { "B\xC3\x9C" "CHER.EXAMPLE", "xn--bcher-kva.example" },
    /* The same letter, not composed. */
    { "bu\xCC\x88" "cher.example", "xn--bcher-kva.example" },
    { "\xE4\xBE\x8B\xE5\xAD\x90.\xE6\xB5\x8B\xE8\xAF\x95",
      "xn--fsqu00a.xn--0zwm56d" },
    /* RFC 5321 4.1.3: literals. */
    { "[192.0.2.1]",             "[192.0.2.1]" },
    { "[192.000.002.010]",       "[192.0.2.10]" },
    { "[IPv6:2001:DB8::1]",      "[ipv6:2001:db8::1]" },
    { "[IPv6:2001:db8:0:0:0:0:0:1]", "[ipv6:2001:db8::1]" },
    { "[ipv6:2001:0db8::0001]",  "[ipv6:2001:db8::1]" },
    { "[IPv6:::ffff:192.0.2.1]", "[ipv6:::ffff:192.0.2.1]" },
    { "[X-Tag:Content]",         "[x-tag:content]" }
};

static const char *const invalid[] = {
    "", ".", "example.com.", ".example.com", "a..b", "-a.example", "a_b",
    "*.example.com", "a b", "a/b", "../..", "[192.0.2.256]", "[192.0.2]",
    "[IPv6:1::2::3]", "[", "[]", "a@b", "\xFF.example",
    /* UTS #46 maps these to nothing, to a dot, to a slash. */
    "\xC2\xAD.example", ("a\xEF\xBC\x8F" "b.example")
};

static void one_domain_in_many_spellings_is_one_domain(void **state)
{
    apr_pool_t *p = *state;
    size_t i;

    for (i = 0; i < UNIT_ROWS(valid); i++) {
        const char *name = smtp_domain_normalise(p, unit_octets(p,
                               valid[i].name, strlen(valid[i].name) + 1));

        UNIT_CHECK(valid[i].name, name != NULL);
        assert_string_equal(name, valid[i].normalised);
        assert_string_equal(smtp_domain_normalise(p, name), name);
    }
}

static void what_is_no_domain_reaches_no_path_and_no_map(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(invalid); i++) {
        UNIT_CHECK(invalid[i],
                   smtp_domain_normalise(*state, invalid[i]) == NULL);
    }
}

/* The octets of an A-label come to more than those of its U-label. */
static void a_label_that_grows_too_long_is_none(void **state)
{
    char name[64 * 4] = "";
    int i;

    for (i = 0; i < 59; i++) {
        strcat(name, i % 2 ? "\xE4\xBE\x8B" : "\xD0\xB9");
    }
    strcat(name, ".example");
    assert_null(smtp_domain_normalise(*state, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(one_domain_in_many_spellings_is_one_domain),
        UNIT_TEST(what_is_no_domain_reaches_no_path_and_no_map),
        UNIT_TEST(a_label_that_grows_too_long_is_none)
    };

    return UNIT_RUN(tests);
}
