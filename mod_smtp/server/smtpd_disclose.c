/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_disclose.h"

#include <apr_strings.h>
#include <httpd.h>
#include <http_protocol.h>

static const smtp_address_t *complete(smtpd_session_t *ss,
                                      const smtp_address_t *address)
{
    const smtp_address_t *whole = NULL;

    if (!address->domain) {
        whole = smtp_address_create(ss->command_pool, address->local,
                                    ss->pub.s->server_hostname);
    }
    return whole ? whole : address;
}

smtpd_route_e smtpd_disclose_mailbox(smtpd_session_t *ss,
                                     const smtp_address_t *address,
                                     const char **mailbox)
{
    request_rec *r = ap_create_request(ss->pub.c);
    apr_array_header_t *boxes = NULL;
    smtpd_route_e route = smtpd_domain_route(r, ss->conf,
                                             complete(ss, address), &boxes);

    *mailbox = "";
    if (route == SMTPD_ROUTE_OK && boxes->nelts == 1) {
        const smtp_mailbox_t *box = APR_ARRAY_IDX(boxes, 0, smtp_mailbox_t *);

        /* Whether an address elsewhere exists is not known here. */
        if (strcmp(box->method, SMTP_MAILBOX_FORWARD)) {
            *mailbox = apr_pstrdup(ss->command_pool, box->delivered_to);
        }
    }
    apr_pool_destroy(r->pool);
    return route;
}

const char *smtpd_disclose_members(smtpd_session_t *ss,
                                   const smtp_address_t *address)
{
    request_rec *r = ap_create_request(ss->pub.c);
    apr_array_header_t *members = smtpd_domain_expand(r, ss->conf,
                                                      complete(ss, address));
    const char *text = NULL;
    int i;

    for (i = 0; members && i < members->nelts; i++) {
        text = apr_pstrcat(ss->command_pool, text ? text : "",
                           text ? "\n<" : "<",
                           APR_ARRAY_IDX(members, i, const char *), ">",
                           NULL);
    }
    apr_pool_destroy(r->pool);
    return text;
}
