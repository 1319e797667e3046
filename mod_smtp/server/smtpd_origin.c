/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_origin.h"

#include <string.h>

#include <apr_strings.h>

#include "smtpd_resolve.h"

static int is_submission(const smtpd_session_t *ss)
{
    return ss->conf->service == SMTPD_SERVICE_SUBMISSION;
}

unsigned int smtpd_origin_allow(const smtpd_session_t *ss)
{
    return is_submission(ss) ? SMTP_ADDRESS_ALLOW_BARE : 0;
}

/** The whole domain of @a address, or NULL when it needs no completion. Only
 *  a single label is completed: of bob@host.sub nobody knows what it means
 *  (RFC 6409 4.2). */
static const char *domain_of(const smtpd_session_t *ss,
                             const smtp_address_t *address)
{
    const char *origin = ss->conf->submission.origin_domain;

    if (address->domain == NULL) {
        return origin;
    }
    return address->is_literal || strchr(address->domain, '.') != NULL
           ? NULL : apr_pstrcat(ss->command_pool, address->domain, ".",
                                origin, NULL);
}

smtp_address_status_e smtpd_origin_complete(const smtpd_session_t *ss,
                                            smtp_address_t *address,
                                            int is_reverse)
{
    const smtp_address_t *whole;
    const char *domain;

    if (!is_submission(ss) || address->is_null
        || (!is_reverse && address->domain == NULL
            && strcasecmp(address->local, SMTPD_RESOLVE_POSTMASTER) == 0)) {
        return SMTP_ADDRESS_OK;
    }
    domain = domain_of(ss, address);
    if (domain == NULL) {
        return SMTP_ADDRESS_OK;
    }
    if (strlen(domain) > SMTP_DOMAIN_MAX_OCTETS) {
        return SMTP_ADDRESS_DOMAIN_TOO_LONG;
    }
    whole = smtp_address_create(ss->command_pool, address->local, domain);
    if (whole == NULL) {
        return SMTP_ADDRESS_SYNTAX;
    }
    if (strlen(whole->text) + 2 > SMTP_ADDRESS_PATH_MAX_OCTETS) {
        return SMTP_ADDRESS_PATH_TOO_LONG;
    }
    *address = *whole;
    return SMTP_ADDRESS_OK;
}
