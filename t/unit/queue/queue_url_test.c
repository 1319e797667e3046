/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "queue_url.h"

static const struct {
    const char *url;
    const char *host;            /**< NULL: it cannot be used */
    int port;
} rows[] = {
    { "https://a.example/", "a.example", 443 },
    { "https://A.Example:8443/r?x=1#y", "a.example", 8443 },
    { "HTTPS://a.example", "a.example", 443 },
    { "http://a.example/", NULL, 0 }, { "https://", NULL, 0 },
    { "a.example", NULL, 0 }, { "", NULL, 0 },
    { "file:///etc/passwd", NULL, 0 }, { "https:///etc/passwd", NULL, 0 },
    { "https:/a.example/", NULL, 0 }, { "https:a.example", NULL, 0 },
    { "https://user@a.example/", NULL, 0 },
    { "https://user:secret@a.example/", NULL, 0 },
    { "https://192.0.2.1/", NULL, 0 }, { "https://[2001:db8::1]/", NULL, 0 },
    { "https://127.1/", NULL, 0 }, { "https://0x7f000001/", NULL, 0 },
    { "https://a_b.example/", NULL, 0 }, { "https://a..b/", NULL, 0 },
    { "https://a.example:0x1/", NULL, 0 },
    { "https://a.example:65536/", NULL, 0 }
};

static void only_https_to_a_host_is_used(void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(rows); i++) {
        const char *host;
        apr_port_t port;
        const char *fault = queue_url_host_get(*state, rows[i].url, &host,
                                               &port);

        UNIT_CHECK(rows[i].url, !fault == (rows[i].host != NULL));
        UNIT_CHECK(rows[i].url, !host == !rows[i].host);
        if (host) {
            assert_string_equal(host, rows[i].host);
        }
        UNIT_CHECK(rows[i].url, port == rows[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(only_https_to_a_host_is_used)
    };

    return UNIT_RUN(tests);
}
