/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file smtpq_reply.h
 * Who answers a request (the queue process, or the files of the spool) and who
 * shows what was said (for people, for programs) meet here: lines of
 * store_control_reply.h, one after another.
 */
#ifndef SMTPQ_REPLY_H
#define SMTPQ_REPLY_H

#include "store_control_reply.h"

/** Takes a line of a reply; strings live as long as the call. */
typedef void smtpq_take_fn(void *baton, const store_control_reply_t *reply);

/** Somebody who shows lines. */
typedef struct smtpq_printer_t {
    smtpq_take_fn *take;
    void (*end)(void *baton);    /**< after the last line of all requests */
    void *baton;
} smtpq_printer_t;

#endif
