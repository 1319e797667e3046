/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_on_demand.h
 * Who may ask for the mail of a domain: <SMTPOnDemand>. Nobody, unless it says
 * so.
 */
#ifndef SMTPD_ON_DEMAND_H
#define SMTPD_ON_DEMAND_H

#include "smtpd_session.h"

/**
 * Whether the client may have the mail of @a domain sent.
 * @param domain  A-labels, lower case; ".example.com": all below it, which one
 *                section has to grant
 * @return OK; HTTP_UNAUTHORIZED: a login is needed; HTTP_FORBIDDEN;
 *         HTTP_INTERNAL_SERVER_ERROR: it could not be judged, which was logged
 */
int smtpd_on_demand_judge(smtpd_session_t *ss, const char *domain);

/** check_config: NULL, or what is wrong with the commands that are on. */
const char *smtpd_conf_on_demand_check(apr_pool_t *p,
                                       const smtpd_conf_t *conf);

#endif
