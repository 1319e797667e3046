/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../unit.h"

#include "queue_verp.h"

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10

typedef struct row_t {
    const char *delimiters, *reverse_path, *recipient, *written;
} row_t;

static const row_t rows[] = {
    { "+=", "news@example.com", "bob@example.org",
      "news+bob=example.org@example.com" },
    { "-=", "news@example.com", "bob-x@ex-ample.org",
      "news-bob-x=ex-ample.org@example.com" },
    { "=+", "a@b.example", "c+d=e@f.example", "a=c+d=e+f.example@b.example" },
    { "+=", "a=b@c.example", "d+e=f@g.example",
      "a=b+d+e=f=g.example@c.example" },
    /* Case is the recipient's own. */
    { "+=", "news@example.com", "Bob@Example.ORG",
      "news+Bob=Example.ORG@example.com" },
    /* What is no dot-string is quoted. */
    { "+=", "news@example.com", "\"a b\"@example.org",
      "\"news+a b=example.org\"@example.com" },
    { "+=", "news@example.com", "bob@[192.0.2.1]",
      "\"news+bob=[192.0.2.1]\"@example.com" },
    { "+=", "\"\\\"\"@example.com", "bob@e.example",
      "\"\\\"+bob=e.example\"@example.com" },
    { "+=", "n\xC3\xBC@example.com", "b\xC3\xB6@\xC3\xA4.example",
      "n\xC3\xBC+b\xC3\xB6=\xC3\xA4.example@example.com" },
    /* 64 octets are a local-part, 65 are none. */
    { "+=", "a@b.example", X50 "xx@" "c.example",
      "a+" X50 "xx=c.example@b.example" }
};

static void whom_it_is_about_is_read_again(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const row_t *row = &rows[i];
        const char *reverse_path, *recipient;
        const char *written = queue_verp_write(*state, row->delimiters,
                                               row->reverse_path,
                                               row->recipient);

        assert_string_equal(written, row->written);
        UNIT_CHECK(written, queue_verp_parse(*state, row->delimiters,
                                             written, &reverse_path,
                                             &recipient));
        assert_string_equal(reverse_path, row->reverse_path);
        assert_string_equal(recipient, row->recipient);
    }
}

static void what_could_not_be_read_again_stays_as_it_was(void **state)
{
    static const row_t none[] = {
        { "+=", "", "bob@example.org", NULL },
        { "+=", "news+42@example.com", "bob@example.org", NULL },
        { "+-", "news@example.com", "bob@ex-ample.org", NULL },
        { "+=", "a@b.example", X50 "xxx@" "c.example", NULL },
        { "+=", "news", "bob@example.org", NULL },
        { "+=", "news@example.com", "bob", NULL },
        { "+=", "news@example.com", "", NULL }
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(none); i++) {
        assert_ptr_equal(queue_verp_write(*state, none[i].delimiters,
                                          none[i].reverse_path,
                                          none[i].recipient),
                         none[i].reverse_path);
    }
}

static void another_address_is_none_of_ours(void **state)
{
    static const char *const addresses[] = {
        "", "news@example.com", "news+bob@example.com",
        "news=example.org@example.com", "news=bob+example.org@example.com",
        "+bob=example.org@example.com", "news+=example.org@example.com",
        "news+bob=@example.com", "news+bob=a..b@example.com", "news+bob=c"
    };
    size_t i;

    for (i = 0; i < UNIT_ROWS(addresses); i++) {
        const char *reverse_path, *recipient;

        UNIT_CHECK(addresses[i], !queue_verp_parse(*state, "+=",
                                                   addresses[i],
                                                   &reverse_path,
                                                   &recipient));
        assert_null(reverse_path);
        assert_null(recipient);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(whom_it_is_about_is_read_again),
        UNIT_TEST(what_could_not_be_read_again_stays_as_it_was),
        UNIT_TEST(another_address_is_none_of_ours)
    };

    return UNIT_RUN(tests);
}
