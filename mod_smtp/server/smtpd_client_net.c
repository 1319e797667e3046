/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_client_net.h"

#include <netinet/in.h>

#define IPV4_OCTETS 4
#define IPV6_OCTETS 16
#define NET_OCTETS 8

const unsigned char *smtpd_client_net(const apr_sockaddr_t *addr,
                                      apr_size_t *len)
{
    const unsigned char *octets = addr->ipaddr_ptr;

    *len = (apr_size_t)addr->ipaddr_len;
    if (*len == IPV6_OCTETS) {
        *len = NET_OCTETS;
        if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)addr->ipaddr_ptr)) {
            octets += IPV6_OCTETS - IPV4_OCTETS;
            *len = IPV4_OCTETS;
        }
    }
    return octets;
}
