/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_address_reply.h"

#include <apr_strings.h>

/* RFC 5321 4.5.3.1.10 wants 500 or 501 for what is too long; RFC 6531 3.5: 553
 * 5.6.7 for an address that needs SMTPUTF8. */
static const struct {
    smtp_address_status_e status;
    smtp_reply_t reply;
} address_replies[] = {
    { SMTP_ADDRESS_LOCAL_TOO_LONG,
      { 501, { 5, 1, 3 }, "Local-part is longer than 64 octets" } },
    { SMTP_ADDRESS_DOMAIN_TOO_LONG,
      { 501, { 5, 1, 3 }, "Domain is longer than 255 octets" } },
    { SMTP_ADDRESS_PATH_TOO_LONG,
      { 501, { 5, 1, 3 }, "Path is longer than 256 octets" } },
    { SMTP_ADDRESS_NOT_ASCII,
      { 553, { 5, 6, 7 }, "Address is not ASCII, SMTPUTF8 is needed" } },
    { SMTP_ADDRESS_BAD_UTF8,
      { 501, { 5, 1, 3 }, "Address is not UTF-8" } }
};

void smtpd_address_reply(smtp_address_status_e status, int is_reverse,
                         smtp_reply_t *reply)
{
    size_t i;

    *reply = (smtp_reply_t){ 501, { 5, 1, 3 }, "Bad address syntax" };
    for (i = 0; i < sizeof(address_replies) / sizeof(address_replies[0]);
         i++) {
        if (address_replies[i].status == status) {
            *reply = address_replies[i].reply;
        }
    }
    if (is_reverse && reply->status.subject == 1) {
        reply->status.detail = 7;
    }
}

void smtpd_params_reply(apr_pool_t *p, smtp_params_status_e status,
                        const char *bad, smtp_reply_t *reply)
{
    if (status == SMTP_PARAMS_UNKNOWN) {
        *reply = (smtp_reply_t){ 555, { 5, 5, 4 },
                                 apr_pstrcat(p, "Unknown parameter: ", bad,
                                             NULL) };
        return;
    }
    *reply = (smtp_reply_t){ 501, { 5, 5, 4 },
                             apr_pstrcat(p, status == SMTP_PARAMS_DUPLICATE
                                         ? "Parameter given twice: "
                                         : "Bad parameter: ", bad, NULL) };
}
