/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_people.h
 * Replies as people read them.
 */
#ifndef SMTPQ_PEOPLE_H
#define SMTPQ_PEOPLE_H

#include <stdio.h>

#include "smtpq_reply.h"

/** Where and how it is shown. */
typedef struct smtpq_view_t {
    FILE *out;
    int width;                   /**< of the terminal; 0: it is none */
    int utf8;                    /**< it shows such characters */
    apr_time_t now;
} smtpq_view_t;

/** @param verb  what was asked for */
smtpq_printer_t *smtpq_people_create(apr_pool_t *p,
                                     store_control_verb_e verb,
                                     const smtpq_view_t *view);

#endif
