/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file queue_twin.h
 * Recipients of one message that are the same address: aliases lead to it, or
 * an alias does and the client named it, too. Each has outcomes and DSNs of his
 * own, and all get one copy. Pure: any thread.
 */
#ifndef QUEUE_TWIN_H
#define QUEUE_TWIN_H

#include <apr_pools.h>

/** An address (without brackets) as twins are compared: its local-part is kept,
 *  its domain brought into one form. In @a p, or @a address itself. */
const char *queue_twin_key(apr_pool_t *p, const char *address);

/** Whether one of @a count addresses is there twice. */
int queue_twin_is_any(apr_pool_t *p, const char *const *addresses,
                      apr_uint32_t count);

#endif
