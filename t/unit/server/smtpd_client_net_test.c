/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include "smtpd_client_net.h"

static const struct {
    const char *address;
    const char *octets;
    size_t len;
} nets[] = {
    { "192.0.2.1", "\xC0\x00\x02\x01", 4 },
    { "192.0.2.2", "\xC0\x00\x02\x02", 4 },
    { "::ffff:192.0.2.1", "\xC0\x00\x02\x01", 4 },
    { "2001:db8:1:2::1", "\x20\x01\x0D\xB8\x00\x01\x00\x02", 8 },
    { "2001:db8:1:2:ffff:ffff:ffff:ffff",
      "\x20\x01\x0D\xB8\x00\x01\x00\x02", 8 },
    { "2001:db8:1:3::1", "\x20\x01\x0D\xB8\x00\x01\x00\x03", 8 },
    { "::1", "\0\0\0\0\0\0\0\0", 8 }
};

static void a_host_does_not_get_a_new_limit_for_each_of_its_addresses(
    void **state)
{
    size_t i;

    for (i = 0; i < UNIT_ROWS(nets); i++) {
        apr_sockaddr_t *addr;
        apr_size_t len = 0;
        const unsigned char *octets;

        UNIT_CHECK(nets[i].address,
                   apr_sockaddr_info_get(&addr, nets[i].address, APR_UNSPEC,
                                         25, 0, *state) == APR_SUCCESS);
        octets = smtpd_client_net(addr, &len);
        UNIT_CHECK(nets[i].address, len == nets[i].len
                                    && !memcmp(octets, nets[i].octets, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_host_does_not_get_a_new_limit_for_each_of_its_addresses)
    };

    return UNIT_RUN(tests);
}
