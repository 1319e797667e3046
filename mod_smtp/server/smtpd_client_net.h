/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_client_net.h
 * What makes a client for limits: an IPv4 address, or the /64 of an IPv6 one,
 * since a host has its /64 to choose from.
 */
#ifndef SMTPD_CLIENT_NET_H
#define SMTPD_CLIENT_NET_H

#include <apr_network_io.h>

/** Its octets, in network order, as long as @a addr; *len is 4 or 8. An IPv4
 *  address within IPv6 (::ffff:192.0.2.1) is the IPv4 one. */
const unsigned char *smtpd_client_net(const apr_sockaddr_t *addr,
                                      apr_size_t *len);

#endif
