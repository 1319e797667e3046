/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_json.h
 * Replies as programs read them: one JSON value for each call (RFC 8259).
 * Times are strings of RFC 3339; what is not known is left out.
 */
#ifndef SMTPQ_JSON_H
#define SMTPQ_JSON_H

#include <stdio.h>

#include "smtpq_reply.h"

/**
 * list, show: an array of messages, each with its recipients; destinations: an
 * array; counts: an object; else an object with how many messages it was done
 * with and which were refused.
 */
smtpq_printer_t *smtpq_json_create(apr_pool_t *p, store_control_verb_e verb,
                                   FILE *out);

#endif
