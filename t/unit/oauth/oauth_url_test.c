/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "oauth_url.h"

static const struct {
    const char *url;
    int is_good;
} rows[] = {
    { "https://id.example.com/introspect", 1 },
    { "HTTPS://id.example.com:8443/introspect?realm=mail", 1 },
    { "https://[2001:db8::1]/", 1 },
    { "http://127.0.0.1:8080/introspect", 1 },
    { "http://127.1.2.3/", 1 },
    { "http://[::1]:8080/", 1 },
    { "http://id.example.com/", 0 },
    { "http://192.0.2.1/", 0 },
    { "http://[::2]/", 0 },
    /* names, of which somebody else may be in charge */
    { "http://localhost/", 0 },
    { "http://127.0.0.1.example.com/", 0 },
    { "http://127.example.com/", 0 },
    { "http://127.0.0.1@example.com/", 0 },
    { "https://client:secret@id.example.com/", 0 },
    { "https://client@id.example.com/", 0 },
    { "https://id.example.com/#fragment", 0 },
    { "ftp://127.0.0.1/", 0 },
    { "file:///etc/passwd", 0 },
    { "gopher://127.0.0.1/", 0 },
    { "id.example.com/introspect", 0 },
    { "//id.example.com/", 0 },
    { "https://", 0 },
    { "https://id.example.com:99999/", 0 },
    { "https://a b/", 0 },
    { "", 0 }
};

static void tokens_travel_by_https_alone(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < UNIT_ROWS(rows); i++) {
        UNIT_CHECK(rows[i].url, rows[i].is_good
                                == !oauth_url_fault(rows[i].url));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(tokens_travel_by_https_alone)
    };

    return UNIT_RUN(tests);
}
