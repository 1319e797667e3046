/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpd_status.h
 * mod_smtp's section of server-status.
 */
#ifndef SMTPD_STATUS_H
#define SMTPD_STATUS_H

#include <apr_pools.h>

/** Registers mod_status' hook; does nothing when mod_status is absent. */
void smtpd_status_register(apr_pool_t *p);

#endif
