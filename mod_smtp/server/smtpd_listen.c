/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_listen.h"

#include <string.h>

#include <ap_listen.h>

#include "smtpd_conf.h"
#include "smtpd_log.h"

APLOG_USE_MODULE(smtp);

static int serves(const server_rec *s, const apr_sockaddr_t *addr)
{
    const server_addr_rec *sar;

    for (sar = s->addrs; sar; sar = sar->next) {
        if (sar->host_port == 0 || sar->host_port == addr->port) {
            return 1;
        }
    }
    return 0;
}

static server_rec *smtp_host_of(server_rec *s, const apr_sockaddr_t *addr)
{
    for (; s; s = s->next) {
        if (s->is_virtual && smtpd_conf_get(s)->engine == 1
            && serves(s, addr)) {
            return s;
        }
    }
    return NULL;
}

/* "smtps": TLS begins at once, and there the client speaks first. */
static int is_known(const char *protocol)
{
    return protocol
           && (!strcmp(protocol, "smtp") || !strcmp(protocol, "smtps"));
}

void smtpd_listen_mend(server_rec *s)
{
    ap_listen_rec *lr;

    for (lr = ap_listeners; lr; lr = lr->next) {
        server_rec *host = smtp_host_of(s, lr->bind_addr);

        if (!host || is_known(lr->protocol)) {
            continue;
        }
        apr_socket_opt_set(lr->sd, APR_TCP_DEFER_ACCEPT, 0);
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, host, SMTPD_LOGNO(1003)
                     "Listen %u: the listener is for %s, which waits for the "
                     "client to speak first; mended, but write \"Listen %u "
                     "smtp\"", lr->bind_addr->port,
                     lr->protocol ? lr->protocol : "http",
                     lr->bind_addr->port);
    }
}
